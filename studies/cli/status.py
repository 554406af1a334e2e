"""``status`` and ``sessions``: how far a session is, and which ones there are."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from studies.cli.context import Command, Context, command_options, session_argument
from studies.cli.output import (
    Column,
    duration,
    local_time,
    pairs,
    print_json,
    say,
    style,
    table,
    width,
)
from studies.cli.verdict_line import basket_rows, verdict_document, verdict_text

if TYPE_CHECKING:
    from studies.analysis import StoredVerdict
    from studies.session import Session
    from studies.sessions import LogEntry
    from studies.upkeep import SessionStatus

__all__ = ["sessions", "status"]

_WATCH_SECONDS = 2.0
_COLORS = {"completed": "green", "running": "cyan", "paused": "yellow", "failed": "red"}
_WIDE = 130
"""Columns of a terminal on which the list of sessions stands whole."""

_BAR_WIDTH = 40


@click.command(
    cls=Command,
    examples="""
    mass-tuning status
    mass-tuning status --session session_20250131_120000_1234 --detailed
    mass-tuning status --watch
    mass-tuning status --watch --json      # one document a line
    """,
)
@session_argument("the newest unfinished one, else the newest")
@click.option("--detailed", is_flag=True, help="Also workers, chunks, reasons of failures, log.")
@click.option(
    "--watch", is_flag=True, help="Print it every 2 seconds until the session is over or paused."
)
@command_options
@click.pass_obj
def status(context: Context, session_id: str | None, detailed: bool, watch: bool) -> None:
    """Show how far a session is."""
    from studies.analysis import latest_verdict
    from studies.sessions import SessionState
    from studies.upkeep import log_health, status_with_warnings

    session = context.session(session_id, "newest")
    over = (SessionState.COMPLETED, SessionState.FAILED, SessionState.PAUSED)
    live = watch and not context.as_json and sys.stdout.isatty()
    while True:
        now = status_with_warnings(session, detailed=detailed)
        stored = latest_verdict(session.engine, now.session_id)
        log_health(session, now)
        if context.as_json:
            document = _document(now, detailed) | {"verdict": verdict_document(stored)}
            document["benchmark"] = dict(session.row.snapshot.benchmark)
            print_json(document, lines=watch)
        else:
            if live:
                click.clear()
            _print_status(now, detailed, verdict_text(context, session, stored, None), session)
        if not watch or now.state in over:
            return
        if not context.as_json and not live:
            say()
        sys.stdout.flush()
        time.sleep(_WATCH_SECONDS)


@click.command(
    cls=Command,
    examples="""
    mass-tuning sessions
    mass-tuning sessions --json
    mass-tuning --database sqlite:///other.db sessions
    """,
)
@command_options
@click.pass_obj
def sessions(context: Context) -> None:
    """List the sessions of the database, newest first."""
    from studies.analysis import latest_verdicts
    from studies.sessions import list_sessions

    engine = context.engine()
    rows = list_sessions(engine)
    verdicts = latest_verdicts(engine, [row.session_id for row in rows])
    if context.as_json:
        names = ("mode", "method", "seed", "total", "completed", "failed", "status")
        times = ("created_at", "started_at", "completed_at")
        print_json(
            [
                {
                    "session_id": row.session_id,
                    **{name: getattr(row, name) for name in (*names, *times, "notes")},
                    "verdict": verdict_document(verdicts.get(row.session_id)),
                }
                for row in rows
            ]
        )
        return
    if not rows:
        say("no session yet; create one with: mass-tuning generate")
        return
    room = width()
    narrow = room is not None and room < _WIDE
    words = [_short(verdicts.get(row.session_id)) for row in rows]
    columns = [
        Column("session", [row.session_id for row in rows], right=False),
        Column("status", [row.status for row in rows], right=False, words=True),
        Column("done", [f"{row.completed + row.failed:,}" for row in rows]),
        Column("of", [f"{row.total:,}" for row in rows]),
        Column("failed", [f"{row.failed:,}" for row in rows]),
        Column(
            "verdict",
            [word.partition(" (")[0] if narrow else word for word in words],
            right=False,
            words=True,
        ),
        Column("method", [row.method for row in rows], right=False),
        Column("created", [local_time(row.created_at) for row in rows], right=False),
        Column("notes", [" ".join((row.notes or "").split()) for row in rows], right=False),
    ]
    table(columns)
    noted = [(row.session_id, " ".join(row.notes.split())) for row in rows if row.notes]
    if narrow and noted:  # when a session was created stands in its id, its notes nowhere else
        say()
        pairs(noted, indent=0)


def _short(stored: StoredVerdict | None) -> str:
    return "–" if stored is None else stored.short


def _document(now: SessionStatus, detailed: bool) -> dict[str, Any]:
    values = asdict(now)
    values["status"] = values.pop("state")
    if not detailed:
        for name in ("failures", "errors", "log"):
            del values[name]
    return values


def _print_status(now: SessionStatus, detailed: bool, verdict: str, session: Session) -> None:
    from studies.sessions import SessionState

    done = now.completed + now.failed
    share = done / now.total if now.total else 1.0
    filled = int(share * _BAR_WIDTH)
    state = style(now.state, fg=_COLORS.get(now.state))
    say(f"{style(now.session_id, bold=True)}  {state}")
    say()
    bar = style("━" * filled, fg="green") + style("━" * (_BAR_WIDTH - filled), dim=True)
    say(f"  {bar}  {100 * share:.1f} %")
    say()
    rows = [
        ("completed", f"{now.completed:,} of {now.total:,}"),
        ("failed", f"{now.failed:,}"),
        ("pending", f"{now.pending:,}"),
    ]
    if now.state == SessionState.RUNNING and now.rate:
        left = f", {duration(now.eta_seconds)} left" if now.eta_seconds is not None else ""
        rows.append(("rate", f"{now.rate:,.0f}/s{left}"))
    rows += [
        ("method", f"{now.method}, seed {now.seed}"),
        ("objective", ", ".join(f"{way} {name}" for name, way in now.directions.items())),
        ("created", local_time(now.created_at)),
    ]
    if now.completed_at is not None:
        rows.append(("finished", local_time(now.completed_at)))
    if now.completed:
        rows.append(("verdict", verdict))
    rows += basket_rows(session.row.snapshot.benchmark)
    if now.notes:
        rows.append(("notes", now.notes))
    rows += [("note", text) for text in now.warnings]
    pairs(rows)
    if detailed:
        _print_details(now)


def _print_details(now: SessionStatus) -> None:
    say()
    chunks = ", ".join(f"{n:,} {state}" for state, n in sorted(now.chunks.items()))
    pairs([("started", local_time(now.started_at)), ("chunks", chunks or "none")])
    if now.n_distinct_by_construction is not None:
        distinct = f"{now.n_distinct_by_construction:,} of {now.space_size:,} strategies"
        pairs([("distinct", f"{distinct} of the space, by construction")])
    if now.workers:
        say("\n  workers")
        workers = now.workers
        table(
            [
                Column("host", [str(w.host or w.worker) for w in workers], right=False),
                Column("pid", [str(w.pid or "") for w in workers]),
                Column("chunk", [f"{w.chunk:,}" for w in workers]),
                Column("strategies", [f"{w.strategies:,}" for w in workers]),
                Column("for", [duration(max(0.0, w.seconds)) for w in workers]),
                Column("rate", [f"{w.rate:,.0f}/s" if w.rate else "–" for w in workers]),
                Column("lease", [_lease(w.lease_seconds_left) for w in workers]),
                Column("attempt", [str(w.attempt) for w in workers]),
                Column("crashes", [str(w.crashes) for w in workers]),
            ],
            indent=4,
        )
    if now.failures:
        say("\n  failures")
        pairs([(reason, f"{count:,}") for reason, count in now.failures.items()], indent=4)
    _print_log("errors and warnings, newest first", now.errors)
    _print_log("log, newest first", now.log)


def _print_log(title: str, entries: Sequence[LogEntry]) -> None:
    if not entries:
        return
    say(f"\n  {title}")
    for entry in entries:
        moment = local_time(entry.created_at)
        say(f"    {moment}  {entry.log_level.lower():7}  {entry.message}")


def _lease(seconds: float | None) -> str:
    if seconds is None:
        return "–"
    return "run out" if seconds < 0 else f"{seconds:.0f} s"
