"""``--where``, ``--factor`` and ``--without``: which strategies a command is about."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from studies.analysis import Filter
    from studies.session import Session

__all__ = ["column_list", "filter_options", "filter_text", "session_filter"]

_F = TypeVar("_F", bound=Callable[..., Any])


def filter_options(function: _F) -> _F:
    """Add the three options; their values are for :func:`session_filter`."""
    for option in reversed(
        [
            click.option(
                "--where",
                metavar="TEXT",
                help="Only strategies of which this holds: figures and parameters, numbers, texts "
                "in quotes, < <= > >= = != in (..), and or not, parentheses.",
            ),
            click.option(
                "--factor",
                "factors",
                multiple=True,
                metavar="CODE",
                help="Only strategies that use this factor; may be repeated.",
            ),
            click.option(
                "--without",
                multiple=True,
                metavar="VALUE",
                help="No strategy with this factor, or this value of any parameter; may be "
                "repeated.",
            ),
        ]
    ):
        function = option(function)
    return function


def session_filter(
    session: Session, where: str | None, factors: tuple[str, ...], without: tuple[str, ...]
) -> Filter | None:
    """Read the three options for a session."""
    from studies.analysis import read_filter

    return read_filter(session, where, factors=factors, without=without)


def filter_text(chosen: Filter | None) -> str:
    """Return what a title says of a filter: nothing without one."""
    return "" if chosen is None else f" ({chosen.text})"


def column_list(text: str | None) -> list[str] | None:
    """Read the names of ``--columns``, each once."""
    if text is None:
        return None
    names = [name.strip() for name in text.split(",")]
    if "" in names:
        raise click.ClickException(
            f"--columns is a list of names with a comma between two, got {text!r}"
        )
    return list(dict.fromkeys(names))
