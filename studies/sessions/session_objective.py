"""The objective of a session, built again on the market of its database."""

from typing import TYPE_CHECKING

from sqlalchemy.engine import Engine

from objectives.constants import SEMANTICS_VERSION
from search_spaces.errors import ConfigError, NoMarketError, SessionError
from studies.config import TuningConfig
from studies.sessions.stored_session import StoredSession

if TYPE_CHECKING:
    from objectives import Objective, ReturnPanel
    from search_spaces import SearchSpace

__all__ = [
    "build_objective",
    "check_can_run",
    "check_definition",
    "load_panel",
    "objective_of",
    "objective_to_run",
    "refuse_earlier",
]


def load_panel(config: TuningConfig, engine: Engine) -> "ReturnPanel":
    """Read the market of a configuration.

    For a program of the user's own, which brings its data itself, there may be none: then the
    settings say the dates.

    Raises
    ------
    NoMarketError
        If there is none, and the objective needs one.
    ConfigError
        If there is none, and no dates for the program.
    """
    from objectives import BacktestSettings, ReturnPanel

    source = config.market.database or engine
    pairs = list(config.market.pairs) if config.market.pairs is not None else None
    try:
        return ReturnPanel.from_database(source, pairs=pairs)
    except NoMarketError:
        if not config.brings_its_data:
            raise
    settings = BacktestSettings.from_dict(config.backtest)
    if settings.start_date is None or settings.end_date is None:
        raise ConfigError(
            "the database has no market, so the program's first and last day are not known; set "
            "backtest.start_date and backtest.end_date"
        )
    return ReturnPanel.without_pairs(settings.start_date, settings.end_date)


def objective_of(config: TuningConfig, panel: "ReturnPanel", space: "SearchSpace") -> "Objective":
    """Build the objective that a configuration describes.

    Raises
    ------
    ConfigError
        If its settings are impossible on this market.
    """
    from objectives import BacktestSettings, make_objective

    return make_objective(
        config.objective.type,
        panel,
        BacktestSettings.from_dict(config.backtest),
        space=space,
        metrics=config.objective.metrics,
        options=config.objective.options,
    )


def check_definition(session: StoredSession) -> None:
    """Refuse to compute anything for a session of another version of the strategy definition.

    Raises
    ------
    SessionError
        Its recorded figures stay readable, and new ones would not compare with them.
    """
    refuse_earlier(session)
    _refuse_other_version(session)


def refuse_earlier(session: StoredSession) -> None:
    """Refuse what needs the settings that results were measured with, where nobody knows them.

    Raises
    ------
    SessionError
        If an earlier system recorded the session.
    """
    row = session.row
    if row.is_of_earlier_system:
        raise SessionError(
            f"{row.session_id} was recorded by an earlier system, so its strategies are not "
            "computed again; it can be read (top, show, stats, export, report), to compute create "
            "a new session with: mass-tuning generate"
        )


def check_can_run(session: StoredSession) -> None:
    """Refuse to go on with a session as :func:`check_definition` does.

    One of an earlier system can be gone on with once its queue is planned.

    Raises
    ------
    SessionError
        With the way out.
    """
    row = session.row
    if not row.is_of_earlier_system:
        check_definition(session)
    elif row.snapshot.resumed_with is None:
        raise SessionError(
            f"{row.session_id} was recorded by an earlier system and nothing says how to measure "
            "what is left of it; measure that with the settings of today: mass-tuning execute "
            f"--session {row.session_id}"
        )
    else:
        _refuse_other_version(session)


def _refuse_other_version(session: StoredSession) -> None:
    row = session.row
    if row.snapshot.semantics != SEMANTICS_VERSION:
        raise SessionError(
            f"{row.session_id} was created under version {row.snapshot.semantics} of the "
            f"strategy definition and this release has {SEMANTICS_VERSION}, whose figures do not "
            "compare with its own; it can be read (top, show, export, status), to compute "
            "create a new session with: mass-tuning generate"
        )


def build_objective(session: StoredSession, panel: "ReturnPanel | None" = None) -> "Objective":
    """Build the objective of a session.

    Parameters
    ----------
    session : StoredSession
    panel : ReturnPanel, optional
        Read from the database if left out.

    Raises
    ------
    SessionError
        If the data, the space or the definition of a strategy changed since the session was
        created, naming which.
    """
    check_definition(session)
    return _built(session, session.space, panel)


def objective_to_run(session: StoredSession, panel: "ReturnPanel | None" = None) -> "Objective":
    """Build the objective that works through what is left of a session.

    It is that of :func:`build_objective`, but also of a planned session of an earlier system.
    Parameters and errors are the same.
    """
    check_can_run(session)
    # what an earlier system recorded is no space to measure in; what it queued is one
    space = session.config.space() if session.row.is_of_earlier_system else session.space
    return _built(session, space, panel)


def _built(
    session: StoredSession, space: "SearchSpace", panel: "ReturnPanel | None"
) -> "Objective":
    config, row = session.config, session.row
    if panel is None:
        panel = load_panel(config, session.engine)
    if space.fingerprint != row.space_fingerprint:
        raise SessionError(
            f"the search space of {row.session_id} is not the one it was created with; "
            "create a new session"
        )
    try:
        objective = objective_of(config, panel, space)
    except ConfigError as error:  # the settings are those of the session: the market shrank
        raise SessionError(
            f"the market changed since {row.session_id} was created: {error}; restore "
            "the data, or create a new session"
        ) from None
    if objective.fingerprint != row.data_fingerprint:
        raise SessionError(
            f"{_changeable(config, objective)} changed since {row.session_id} was created, so new "
            "results would not compare with the recorded ones; restore the data, or create a new "
            "session"
        )
    return objective


def _changeable(config: TuningConfig, objective: "Objective") -> str:
    """Name what the fingerprint of an objective covers."""
    data = f"the returns or market caps up to {objective.settings.end_date}"
    own = config.objective.type
    if own != "factor_backtest":
        return f"{data}, or the code of {own},"
    modules = ", ".join(config.factor_modules)
    return f"{data}, or the factors of {modules}," if modules else data
