"""Sessions side by side into a file, for ``compare -o`` and ``report`` of several sessions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeAlias

from studies.cli.output import print_json, say, size, warn
from studies.cli.progress import waiting

if TYPE_CHECKING:
    from studies.cli.context import Context
    from studies.session import Session

__all__ = [
    "sessions_of",
    "write_comparison_file",
]

Choice: TypeAlias = tuple[str | None, tuple[str, ...], tuple[str, ...]]
"""``--where``, ``--factor`` and ``--without``."""


def write_comparison_file(
    context: Context, session_ids: Sequence[str], target: str, choice: Choice, language: str
) -> None:
    """Write sessions side by side as a page or as figures, and say so."""
    from studies.reports import write_comparison

    where, factors, without = choice
    sessions = sessions_of(context, session_ids)
    with waiting(f"writing {target}"):
        written = write_comparison(
            sessions,
            target,
            where,
            factors=factors,
            without=without,
            command=context.command,
            language=language,
            keep=context.configuration_files,
        )
    comparison = written.comparison
    if context.as_json:
        print_json(
            {
                "session_ids": list(session_ids),
                "file": target,
                "filter": comparison.filter_text,
                "warnings": [str(text) for text in comparison.warnings],
                "bytes": written.n_bytes,
            }
        )
        return
    for text in comparison.warnings:
        warn(str(text))
    of = "" if comparison.filter_text is None else f" ({comparison.filter_text})"
    say(f"{len(sessions)} sessions side by side{of} in {target} ({size(written.n_bytes)})")


def sessions_of(context: Context, session_ids: Sequence[str]) -> list[Session]:
    """Open the sessions that are named."""
    from studies.session import Session
    from studies.sessions import find_session

    engine = context.engine()
    return [Session(engine, find_session(engine, session_id)) for session_id in session_ids]
