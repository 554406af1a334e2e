"""``clean`` and ``config``: removing what a session recorded, and the settings in force."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from studies.cli.context import Command, Context, command_options
from studies.cli.generate import housekeeping
from studies.cli.output import pairs, print_json, say, style
from studies.cli.progress import waiting

if TYPE_CHECKING:
    from studies.config import TuningConfig

__all__ = ["clean", "config_command"]


@click.command(
    cls=Command,
    short_help="Delete a session, or its failed strategies.",
    examples="""
    mass-tuning clean --session session_20250131_120000_1234
    mass-tuning clean --session session_20250131_120000_1234 --failed-only
    mass-tuning clean --session session_20250131_120000_1234 --yes
    """,
)
@click.option("--session", "session_id", metavar="ID", required=True, help="Session to remove.")
@click.option(
    "--failed-only",
    "--failed_only",
    "failed_only",
    is_flag=True,
    help="Only the rows of failed strategies; the Optuna study keeps its trials.",
)
@click.option("--yes", is_flag=True, help="Do not ask.")
@command_options
@click.pass_obj
def clean(context: Context, session_id: str, failed_only: bool, yes: bool) -> None:
    """Delete a session with its results, queue, log and Optuna study."""
    from studies.sessions import read_row
    from studies.upkeep import delete_failed, delete_session

    engine = context.engine()
    if session_id in housekeeping(engine):  # its deletion had begun
        _report_deletion(context, session_id, failed_only, None)
        return
    row = read_row(engine, session_id)
    context.hint = "; nothing was deleted"
    if not yes:
        _confirm(session_id, row.failed if failed_only else row.completed + row.failed, failed_only)
    context.hint = "; the next clean, generate or execute finishes the deletion"
    with waiting(f"deleting {session_id}"):
        deleted = (delete_failed if failed_only else delete_session)(engine, session_id)
    _report_deletion(context, session_id, failed_only, deleted)


@click.command(
    "config",
    cls=Command,
    short_help="Print, check or write the configuration.",
    examples="""
    mass-tuning config
    mass-tuning config --check --config my_config.yaml
    mass-tuning config --write mass_tuning_config.yaml
    """,
)
@click.option("--check", is_flag=True, help="Validate it, and count its strategies.")
@click.option(
    "--write", "target", metavar="FILE", help="Write the defaults with comments to a new file."
)
@command_options
@click.pass_obj
def config_command(context: Context, check: bool, target: str | None) -> None:
    """Print the configuration in force, defaults included, as YAML."""
    if check and target is not None:
        raise click.UsageError("--check and --write are two things; give one of them")
    if target is not None:
        _write(context, target)
        return
    config = context.config
    if check:
        _check(context, config)
        return
    shown = _without_passwords(config)
    if context.as_json:
        values = shown.model_dump(mode="json")
        values.update(config.space().to_config())
        print_json(values)
        return
    say(shown.to_yaml().rstrip())


def _report_deletion(
    context: Context, session_id: str, failed_only: bool, deleted: int | None
) -> None:
    if context.as_json:
        print_json({"session_id": session_id, "failed_only": failed_only, "deleted": deleted})
    elif deleted is None:
        say(f"deleted {session_id}")
    elif failed_only:
        say(f"deleted the rows of {deleted:,} failed strategies of {session_id}")
    else:
        say(f"deleted {session_id} and its {deleted:,} results")


def _confirm(session_id: str, n_results: int, failed_only: bool) -> None:
    what = "the failed strategies of " if failed_only else ""
    if not sys.stdin.isatty():
        raise click.ClickException(
            f"clean asks before it deletes {what}{session_id}, and there is no terminal; add --yes"
        )
    question = f"delete {what}{session_id}, {n_results:,} results?"
    click.confirm(question, abort=True, err=True)


def _write(context: Context, target: str) -> None:
    from search_spaces.errors import ConfigError
    from studies.cli.config_file import DEFAULT_CONFIG

    try:
        with Path(target).open("x", encoding="utf-8") as file:
            file.write(DEFAULT_CONFIG)
    except FileExistsError:
        raise ConfigError(f"{target} is there already and is not overwritten; name another") from (
            None
        )
    except OSError as failure:
        raise ConfigError(f"{target} cannot be written ({failure.strerror})") from None
    if context.as_json:
        print_json({"file": target})
    else:
        say(f"wrote {target}; it is read from the current folder, or with --config {target}")


def _check(context: Context, config: TuningConfig) -> None:
    from objectives import METRIC_NAMES, BacktestSettings
    from search_spaces.errors import ConfigError
    from studies.database import create_engine

    space = config.space()
    settings = BacktestSettings.from_dict(config.backtest)
    if not config.objective.metrics:
        raise ConfigError("objective.metrics is empty; name a metric, like net_sharpe_ratio")
    for name in config.objective.metrics:
        if name not in METRIC_NAMES:
            raise ConfigError(
                f"objective.metrics: unknown metric {name!r}; known are {', '.join(METRIC_NAMES)}"
            )
    for url in (config.database, config.market.database):
        if url is not None:
            create_engine(url).dispose()
    told: dict[str, Any] = {
        "valid": True,
        "strategies": len(space),
        "parameters": {p.name: len(p.finite_values()) for p in space.parameters},
        "constraints": [str(rule.to_config()) for rule in space.constraints],
        "objective": dict(config.objective.metrics),
        "backtest": settings.to_dict(),
    }
    if context.as_json:
        print_json(told)
        return
    say(f"{style('valid', fg='green')}: {len(space):,} strategies")
    pairs([(name, f"{count:,} values") for name, count in told["parameters"].items()])


def _without_passwords(config: TuningConfig) -> TuningConfig:
    from studies.database import display_url

    market = config.market
    if market.database is not None:
        market = market.model_copy(update={"database": display_url(market.database)})
    return config.model_copy(update={"database": display_url(config.database), "market": market})
