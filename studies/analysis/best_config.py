"""The best strategy of a session as a configuration file, with all that its figures depend on."""

from collections.abc import Mapping
from pathlib import Path

from sqlalchemy.engine import URL

from studies.analysis.export import database_files
from studies.analysis.leaderboard import result_row
from studies.analysis.one_strategy import best_strategy_id
from studies.analysis.output_file import Target, refuse_overwriting, replaced_output
from studies.config import StrategyConfig, TuningConfig
from studies.sessions import StoredSession, refuse_earlier

__all__ = ["config_of_strategy", "export_best_config"]

_HEAD = """\
# {strategy_id} of {session_id}, which was recorded with the settings and on the dates below.
# Run it again: mass-tuning backtest --config FILE
# Every other command reads this file as the configuration of that session; only backtest reads
# the section "strategy" at its end.
"""


def config_of_strategy(session: StoredSession, strategy_id: str | None = None) -> TuningConfig:
    """Return the configuration of a session, dates resolved, with one of its strategies.

    Parameters
    ----------
    session : StoredSession
    strategy_id : str, optional
        By default the best one.

    Returns
    -------
    TuningConfig
        Its `database` is that of the session, without a password; its `strategy` has the recorded
        figures and the fingerprint of the market and the settings they were computed on.

    Raises
    ------
    SessionError
        If the session has no result of the strategy, or none at all, or an earlier system
        recorded it: its settings are not known.
    """
    refuse_earlier(session)
    recorded = result_row(session, strategy_id or best_strategy_id(session))
    strategy = StrategyConfig(
        id=recorded["strategy_id"],
        session=session.row.session_id,
        data_fingerprint=session.row.data_fingerprint,
        figures={name: recorded[name] for name in session.figures},
    )
    return session.config.model_copy(
        update={"database": url_without_password(session.engine.url), "strategy": strategy}
    )


def url_without_password(url: URL) -> str:
    """Write the URL of a database with no password in it."""
    bare = URL.create(
        url.drivername,
        username=url.username,
        host=url.host,
        port=url.port,
        database=url.database,
        query=url.query,
    )
    return bare.difference_update_query(["password"]).render_as_string(hide_password=False)


def export_best_config(
    session: StoredSession,
    target: Target,
    strategy_id: str | None = None,
    *,
    keep: Mapping[Path, str] | None = None,
) -> StrategyConfig:
    """Write the best strategy of a session as YAML that `mass-tuning backtest --config` runs.

    Parameters
    ----------
    session : StoredSession
    target : str, Path or binary file
        As of `studies.analysis.export_results`.
    strategy_id : str, optional
        Another strategy.
    keep : mapping of Path to str, optional
        As of `studies.analysis.export_results`.

    Returns
    -------
    StrategyConfig
        What was written of the strategy.

    Raises
    ------
    ConfigError
        If the folder does not exist, or the file is a database or one of `keep`.
    SessionError
        If the session has no result of the strategy, or none at all.
    OSError
        If the file cannot be written.
    """
    if isinstance(target, (str, Path)):
        refuse_overwriting(target, {**database_files(session), **(keep or {})})
    config = config_of_strategy(session, strategy_id)
    assert config.strategy is not None
    head = _HEAD.format(strategy_id=config.strategy.id, session_id=session.row.session_id)
    with replaced_output(target) as file:
        file.write((head + config.to_yaml()).encode())
    return config.strategy
