"""``[STRATEGY]``, ``--session`` and ``--strategy``: one strategy and what it is run with."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click

from studies.cli.context import Context

if TYPE_CHECKING:
    from studies.analysis import ChosenStrategy
    from studies.sessions import Database

__all__ = ["StrategyOptions", "settings_text", "strategy_options"]

_F = TypeVar("_F", bound=Callable[..., Any])


@dataclass(frozen=True)
class StrategyOptions:
    """What was given of a strategy.

    Attributes
    ----------
    named : str or None
        The argument STRATEGY.
    session_id : str or None
        ``--session``.
    configured : str or None
        ``--strategy``.
    """

    named: str | None
    session_id: str | None
    configured: str | None

    def choose(self, context: Context, engine: Database) -> ChosenStrategy:
        """Find the strategy and its settings."""
        from studies.analysis import choose_strategy

        as_configured = self.configured is not None
        return choose_strategy(
            context.config,
            engine,
            self.configured if as_configured else self.named,
            self.session_id,
            as_configured=as_configured,
        )


def strategy_options(function: _F) -> _F:
    """Add the argument and the options; the function gets them as ``strategy``."""

    @click.argument("named", metavar="[STRATEGY]", required=False)
    @click.option(
        "--session",
        "session_id",
        metavar="ID",
        help="Take settings and days of this session; default: of the newest with results, if it "
        "has the strategy, else those of the configuration.",
    )
    @click.option(
        "--strategy",
        "configured",
        metavar="ID",
        help="Instead of STRATEGY: with the configuration of today, whatever sessions there are.",
    )
    @functools.wraps(function)
    def merged(
        *args: Any,
        named: str | None,
        session_id: str | None,
        configured: str | None,
        **options: Any,
    ) -> Any:
        if configured is not None and (named is not None or session_id is not None):
            other = named if named is not None else f"--session {session_id}"
            raise click.ClickException(
                f"--strategy is about the configuration of today, got {other} beside it; leave "
                "one out"
            )
        strategy = StrategyOptions(named, session_id, configured)
        return function(*args, strategy=strategy, **options)

    return cast(_F, merged)


def settings_text(chosen: ChosenStrategy) -> str:
    """Say whose settings apply."""
    return "the configuration" if chosen.session_id is None else chosen.session_id
