"""What every command shares: its options, the configuration and the database they name."""

from __future__ import annotations

import functools
import logging
import math
import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click

from studies.cli.help_text import SpokenCommand, in_words
from studies.cli.language import spoken
from studies.language import LANGUAGES

if TYPE_CHECKING:
    from studies.config import TuningConfig
    from studies.session import Session
    from studies.sessions import Database, SessionChoice

__all__ = [
    "Command",
    "Context",
    "command_options",
    "database_url",
    "session_argument",
    "session_option",
]

_F = TypeVar("_F", bound=Callable[..., Any])
_LARGEST = 2**63 - 1
"""`search_spaces.checks.LARGEST_SEED`, which the help must not wait for."""


@dataclass
class Context:
    """The common options of one invocation, and what they lead to.

    Attributes
    ----------
    config_file, database : str or None
        ``--config`` and ``--database``.
    debug, as_json : bool
        ``--debug`` and ``--json``.
    hint : str
        Added to the message when the command is interrupted.
    logs : bool
        Whether this process has a log file.
    """

    config_file: str | None = None
    database: str | None = None
    debug: bool = False
    as_json: bool = False
    hint: str = field(default="", repr=False)
    logs: bool = field(default=False, repr=False)

    @cached_property
    def config(self) -> TuningConfig:
        """The configuration, ``--database`` in its place."""
        from studies.config import load_config

        config = load_config(self.config_file)
        if config.logging.file is not None:
            from studies.upkeep import start_log

            start_log(config.logging)
            self.logs = True
            command = click.get_current_context().info_name
            logging.getLogger(__name__).info("%s, process %d", command, os.getpid())
        if self.database is None:
            return config
        return config.model_copy(update={"database": self.database_url})

    @property
    def database_url(self) -> str | None:
        """URL of ``--database``."""
        return None if self.database is None else database_url(self.database)

    @property
    def language(self) -> str:
        """Language of what people read."""
        return spoken()

    def command(self, rest: str) -> str:
        """Write a command line for the same database and configuration, to be copied."""
        from studies.config import command_line

        database = None if self.database is None else self.config.database_name
        return command_line(rest, self.config_file, database)

    @property
    def configuration_files(self) -> dict[Path, str]:
        """The configuration file in use, which is not to be written over, and what it is."""
        from studies.config import DEFAULT_CONFIG_FILE

        return {Path(self.config_file or DEFAULT_CONFIG_FILE): "the configuration"}

    def engine(self, *, create: bool = False) -> Database:
        """Open and prepare the project's database.

        Parameters
        ----------
        create : bool
            Whether a SQLite file that does not exist may be created. Questions to a database must
            not leave an empty one behind.
        """
        from studies.sessions import open_database, open_existing

        return (open_database if create else open_existing)(self.config.database)

    def session(self, session_id: str | None, choice: SessionChoice) -> Session:
        """Open the session of ``--session``, or the one that a command means without it.

        Parameters
        ----------
        session_id : str or None
        choice : {"unfinished", "newest", "results"}
            Without an id: the newest with work left; that or else the newest of all; the newest
            with results.
        """
        from studies.session import Session
        from studies.sessions import choose_session, find_session

        engine = self.engine()
        if session_id is not None:
            return Session(engine, find_session(engine, session_id))
        return Session(engine, choose_session(engine, choice))


class Command(SpokenCommand):
    """A command whose help ends with examples, printed as they are written.

    Parameters
    ----------
    examples : str
        One command line per line; a text after ``#`` is a remark.
    """

    def __init__(self, *args: Any, examples: str = "", **options: Any) -> None:
        super().__init__(*args, **options)
        self.examples = [line.strip() for line in examples.strip().splitlines()]

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the command line; refuse options and arguments that are there but empty."""
        if args and re.fullmatch("-[1-9][0-9]*", args[0]) and self._takes_session:
            args = ["--session", *args]  # status -1: the newest session, not an option
        rest = super().parse_args(ctx, args)
        for param in self.params:
            if param.name != "notes":  # the one text for which nothing is a value
                refuse_odd(param, ctx.params.get(str(param.name)))
        return rest

    @property
    def _takes_session(self) -> bool:
        return any(param.name == "named" for param in self.params)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples."""
        if self.examples:
            with formatter.section("Examples"):
                for line in self.examples:
                    formatter.write(f"  {in_words(line)}\n")


def command_options(function: _F) -> _F:
    """Add the options that every command has."""
    for option in reversed(
        [
            click.option(
                "--json",
                "as_json",
                is_flag=True,
                expose_value=False,
                callback=_store,
                help="Print one JSON document for programs.",
            ),
            *global_options(),
        ]
    ):
        function = option(function)
    return function


def global_options() -> list[Callable[[_F], _F]]:
    """Options that stand before or after the name of a command."""
    return [
        click.option(
            "--config",
            "config_file",
            metavar="FILE",
            expose_value=False,
            callback=_store,
            help="Configuration; default: mass_tuning_config.yaml, if it is here.",
        ),
        click.option(
            "--database",
            metavar="URL",
            expose_value=False,
            callback=_store,
            help="Database URL or SQLite file, instead of the configured one.",
        ),
        click.option(
            "--lang",
            type=click.Choice(LANGUAGES),
            expose_value=False,  # `language_of` has read it before anything else
            help="Language of help, messages, menus and pages; default: that of the locale.",
        ),
        debug_option(),
    ]


def debug_option() -> Callable[[_F], _F]:
    """``--debug``."""
    return click.option(
        "--debug",
        is_flag=True,
        expose_value=False,
        callback=_store,
        help="Show the traceback of an error.",
    )


def session_option(default: str) -> Callable[[_F], _F]:
    """``--session``, with a word on what it is when left out."""
    return click.option(
        "--session",
        "session_id",
        metavar="ID",
        help=f"Session: its id, the beginning or the end of it, its notes, or -1 for the newest; "
        f"default: {default}.",
    )


def session_argument(default: str) -> Callable[[_F], _F]:
    """``[SESSION]`` or ``--session``, one of the two, for a command that is about one session."""

    def decorate(function: _F) -> _F:
        @click.argument("named", metavar="[SESSION]", required=False)
        @session_option(default)
        @functools.wraps(function)
        def merged(*args: Any, named: str | None, session_id: str | None, **options: Any) -> Any:
            if named is not None and session_id is not None and named != session_id:
                raise click.ClickException(
                    f"one session, got {named} and --session {session_id}; leave one out"
                )
            return function(*args, session_id=session_id or named, **options)

        return cast(_F, merged)

    return decorate


def refuse_odd(param: click.Parameter, value: Any) -> None:
    """Refuse an empty text, such as a variable that is not set, and a number without measure.

    An empty text is never the default; what no column of the database holds is a slip.

    Parameters
    ----------
    param : click.Parameter
    value : Any
        Of the parameter; of one that may be repeated all values.

    Raises
    ------
    click.ClickException
        Naming the option.
    """
    values = value if isinstance(value, tuple) else (value,)
    option = isinstance(param, click.Option)
    name = max(param.opts, key=len) if option else param.human_readable_name.strip("[].")
    for number in values:
        if isinstance(number, int) and number > _LARGEST:
            raise click.ClickException(f"{name} is at most {_LARGEST:,}, got {number}")
        if isinstance(number, float) and not math.isfinite(number):
            raise click.ClickException(f"{name} is a finite number, got {number}")
    if any(isinstance(text, str) and not text.strip() for text in values):
        way_out = "give a value" if param.required else "give a value, or leave it out"
        raise click.ClickException(f"{name} is empty; {way_out}")


def database_url(text: str) -> str:
    """Read ``--database``: a URL, or the path of a SQLite file."""
    from objectives.sqlite_url import sqlite_url

    return text if "://" in text else sqlite_url(text)


def _store(ctx: click.Context, param: click.Parameter, value: Any) -> None:
    refuse_odd(param, value)
    # Given before the command and not after it, an option keeps its value.
    if value:
        assert param.name is not None
        setattr(ctx.ensure_object(Context), param.name, value)
