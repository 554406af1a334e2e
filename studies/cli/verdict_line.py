"""The verdict in one line, as everything that shows a winner says it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from studies.cli.context import Context
from studies.cli.language import worded
from studies.cli.output import figure, say, style
from studies.language import message

if TYPE_CHECKING:
    from studies.analysis import StoredVerdict
    from studies.session import Session

__all__ = [
    "basket_rows",
    "own_verdict",
    "print_verdict_line",
    "verdict_document",
    "verdict_text",
    "verdict_word",
]

_COLORS = {"strong": "green", "weak": "yellow", "no evidence": "red", "cannot tell": None}


def verdict_word(word: str) -> str:
    """Colour the word of a verdict."""
    return style(worded(word), fg=_COLORS[word], bold=True)


def verdict_text(
    context: Context, session: Session, stored: StoredVerdict | None, strategy_id: str | None
) -> str:
    """Write the word, the day, what it is about, and why nothing can be said if so.

    Parameters
    ----------
    context : Context
    session : Session
    stored : StoredVerdict or None
        None: the text says how to get one.
    strategy_id : str or None
        The strategy beside which it stands: a verdict of another one says so.

    Returns
    -------
    str
    """
    from objectives.constants import SEMANTICS_VERSION

    if stored is None:
        snapshot = session.row.snapshot
        if session.row.is_of_earlier_system:
            return str(message("none: nobody knows how the earlier system measured"))
        if snapshot.semantics != SEMANTICS_VERSION:
            return f"none: the session is of version {snapshot.semantics} of the definition"
        what = session.row.session_id
        if strategy_id is not None:
            what += f" {strategy_id}"
        return f"not given yet: {context.command(f'verify {what}')}"
    about = "" if stored.strategy_id == strategy_id else f", of {stored.strategy_id}"
    why_not = stored.verdict.figures.get("why_not")
    if why_not:
        about += f": {why_not[0]}"
    return f"{verdict_word(stored.verdict.word)} ({stored.created_at:%Y-%m-%d}){about}"


def own_verdict(session: Session, strategy_id: str) -> StoredVerdict | None:
    """Return the newest verdict of one strategy, None if it has none."""
    from studies.analysis import read_verdicts

    return next(iter(read_verdicts(session.engine, session.row.session_id, strategy_id)), None)


def print_verdict_line(
    context: Context, session: Session, stored: StoredVerdict | None, strategy_id: str | None
) -> None:
    """Print :func:`verdict_text` as a line of its own."""
    say(f"verdict: {verdict_text(context, session, stored, strategy_id)}")


def verdict_document(stored: StoredVerdict | None) -> dict[str, Any] | None:
    """Return what lists say of a verdict, as JSON holds it."""
    if stored is None:
        return None
    return {
        "verdict": stored.verdict.word,
        "strategy_id": stored.strategy_id,
        "reasons": list(stored.verdict.reasons),
        "created_at": stored.created_at,
    }


def basket_rows(benchmark: Mapping[str, float]) -> list[tuple[str, str]]:
    """Write what holding every pair alike would have earned, out of sample on a line of its own.

    Parameters
    ----------
    benchmark : mapping of str to float
        As of `objectives.Objective.benchmark`; empty where nobody knows.
    """
    if not benchmark:
        return []
    rows = [("basket", f"every pair alike, no fees: {_of_side(benchmark, '')}")]
    if "oos_total_return" in benchmark:
        rows.append(("", f"out of sample: {_of_side(benchmark, 'oos_')}"))
    return rows


def _of_side(benchmark: Mapping[str, float], side: str) -> str:
    total = figure(benchmark[f"{side}total_return"], "fraction")
    return f"{total}, Sharpe {figure(benchmark[f'{side}net_sharpe_ratio'], 'ratio')}"
