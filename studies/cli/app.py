"""The program: its commands, and how an error becomes one line and an exit code.

Exit codes: `studies.cli.exit_codes`.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

import click

from studies.cli.backtest import backtest
from studies.cli.backup import backup, restore
from studies.cli.clean import clean
from studies.cli.compare import compare
from studies.cli.config import config_command
from studies.cli.context import Context, global_options
from studies.cli.dashboard import dashboard
from studies.cli.demo import demo
from studies.cli.doctor import doctor
from studies.cli.estimate import estimate
from studies.cli.execute import execute
from studies.cli.exit_codes import FAILED, INTERRUPTED, READER_GONE, REFUSED
from studies.cli.export import export_command
from studies.cli.fetch import fetch
from studies.cli.generate import generate
from studies.cli.help_text import SpokenGroup, in_words
from studies.cli.import_market import import_command
from studies.cli.language import language_of, speaking
from studies.cli.market import market
from studies.cli.output import error as print_error
from studies.cli.plot import plot
from studies.cli.positions import positions
from studies.cli.rank import rank
from studies.cli.report import report
from studies.cli.show import show
from studies.cli.standard_streams import open_standard_streams, shortened
from studies.cli.stats import stats
from studies.cli.status import sessions, status
from studies.cli.top import top
from studies.cli.verify import verify
from studies.cli.worker import worker

__all__ = ["EXAMPLES", "app", "main", "run"]

PROGRAM = "mass-tuning"

EXAMPLES = """\
  mass-tuning demo                          # a first look; needs nothing
  mass-tuning import funding_events.parquet # bring a market
  mass-tuning generate --mode exhaustive    # plan a session
  mass-tuning execute                       # run it; Ctrl-C pauses
  mass-tuning top                           # what won
"""


def main(args: Sequence[str] | None = None) -> NoReturn:
    """Run the program and leave with its exit code."""
    open_standard_streams()
    code = run(sys.argv[1:] if args is None else args)
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _close_stdout()
        code = READER_GONE
    except OSError as error:
        print_error(f"the output cannot be written: {error.strerror}")
        _close_stdout()
        code = FAILED
    sys.exit(code)


def run(args: Sequence[str]) -> int:
    """Run one command line; print an error as one line on stderr.

    Parameters
    ----------
    args : sequence of str
        Without the name of the program.

    Returns
    -------
    int
        The exit code.
    """
    with speaking(language_of(args)):
        return _run(args)


def _run(args: Sequence[str]) -> int:
    context = Context()
    try:
        return app.main(list(args), PROGRAM, standalone_mode=False, obj=context) or 0
    except click.exceptions.Exit as leaving:
        return leaving.exit_code
    except click.ClickException as refused:
        return _fail(context, _usage(refused), REFUSED)
    except (click.Abort, KeyboardInterrupt):
        return _fail(context, f"stopped{context.hint}", INTERRUPTED)
    except BrokenPipeError:
        _close_stdout()
        return READER_GONE
    except SystemExit:  # so click leaves when the reader of a pipe has gone
        _close_stdout()
        return READER_GONE
    except Exception as error:
        return _fail(context, *_message_and_code(error))


def _message_and_code(error: Exception) -> tuple[str, int]:
    from search_spaces.errors import (
        ConfigError,
        DataError,
        MassTuningError,
        SessionError,
        SpaceError,
    )

    if isinstance(error, (ConfigError, DataError, SessionError, SpaceError)):
        return str(error), REFUSED
    if isinstance(error, MassTuningError):
        return str(error), FAILED
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}", FAILED
    if isinstance(error, OSError) and error.strerror:
        return f"the output cannot be written, or a folder is gone: {error.strerror}", FAILED
    return (
        f"unexpected {type(error).__name__}: {error}; run it again with --debug and report it",
        FAILED,
    )


def _usage(refused: click.ClickException) -> str:
    message = refused.format_message().rstrip(".")
    ctx = refused.ctx if isinstance(refused, click.UsageError) else None
    return f"{message}; see: {ctx.command_path} --help" if ctx is not None else message


def _fail(context: Context, message: str, code: int) -> int:
    message = shortened(message)
    if context.debug:
        traceback.print_exc()
    with contextlib.suppress(OSError):  # a closed or full stream
        print_error(message)
    if context.logs:
        logging.getLogger(__name__).error("%s (exit code %d)", message, code)
    return code


def _close_stdout() -> None:
    """Let nothing be written any more: the reader of a pipe has gone."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class _Group(SpokenGroup):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)  # in the order in which one uses them

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Examples"):
            for line in EXAMPLES.splitlines():
                formatter.write(f"{in_words(line)}\n")


def _print_version(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    if value:
        click.echo(f"{PROGRAM} {_version()}")
        ctx.exit()


def _version() -> str:
    from importlib import metadata

    try:
        return metadata.version(PROGRAM)
    except metadata.PackageNotFoundError:  # a checkout that is not installed
        import tomllib

        project = Path(__file__).resolve().parents[2] / "pyproject.toml"
        return str(tomllib.loads(project.read_text(encoding="utf-8"))["project"]["version"])


@click.group(
    cls=_Group,
    invoke_without_command=True,
    context_settings={"max_content_width": 100},
    help="Search hundreds of thousands of funding-rate factor strategies, and know what won.",
)
@click.option(
    "--version",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_print_version,
    help="Print the version.",
)
@click.pass_context
def app(ctx: click.Context) -> None:
    """Without a command: the menus on a terminal, else the help."""
    if ctx.invoked_subcommand is not None:
        return
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        click.echo(ctx.get_help())
        return
    from studies.console import run_console

    context: Context = ctx.obj
    run_console(context.language, context.config_file, context.database_url)


def _assemble() -> None:
    decorated: Any = app
    for option in global_options():
        decorated = option(decorated)
    for command in (
        demo,
        fetch,
        import_command,
        market,
        estimate,
        generate,
        execute,
        worker,
        status,
        sessions,
        top,
        show,
        stats,
        plot,
        verify,
        compare,
        backtest,
        rank,
        positions,
        dashboard,
        report,
        export_command,
        clean,
        backup,
        restore,
        doctor,
        config_command,
    ):
        app.add_command(command)


_assemble()
