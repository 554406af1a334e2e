"""``clean``: removing what sessions recorded, and giving its room back."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from studies.cli.context import Command, Context, command_options
from studies.cli.generate import finish_deletions
from studies.cli.output import note, print_json, say, size
from studies.cli.progress import waiting

if TYPE_CHECKING:
    from studies.sessions import Database
    from studies.upkeep import Removal, Vacuumed

__all__ = ["clean"]

ASKED_ROWS = 1_000
"""More rows than this are not deleted without ``--yes``: what would go is shown."""


@click.command(
    cls=Command,
    short_help="Delete sessions, or their failed strategies.",
    examples="""
    mass-tuning clean --session session_20250131_120000_1234
    mass-tuning clean --session session_20250131_120000_1234 --failed-only
    mass-tuning clean --session session_20250131_120000_1234 --yes
    mass-tuning clean --older-than 90 --dry-run
    mass-tuning clean --retention --yes --vacuum
    mass-tuning clean --vacuum
    """,
)
@click.option("--session", "session_id", metavar="ID", help="Session to remove.")
@click.option(
    "--older-than",
    type=click.FloatRange(0, 100_000),
    metavar="DAYS",
    help="Instead: all sessions completed longer ago; those with work left stay.",
)
@click.option(
    "--retention",
    is_flag=True,
    help="Instead: what the section retention of the configuration does not keep.",
)
@click.option(
    "--failed-only",
    "--failed_only",
    "failed_only",
    is_flag=True,
    help="Only the rows of failed strategies; the Optuna study keeps its trials.",
)
@click.option("--dry-run", is_flag=True, help="Say what would be deleted, and delete nothing.")
@click.option(
    "--vacuum", is_flag=True, help="Afterwards, or alone: give the room of deleted rows back."
)
@click.option("--yes", is_flag=True, help="Do not ask, however much goes.")
@command_options
@click.pass_obj
def clean(
    context: Context,
    session_id: str | None,
    older_than: float | None,
    retention: bool,
    failed_only: bool,
    dry_run: bool,
    vacuum: bool,
    yes: bool,
) -> None:
    """Delete a session with its results, queue, log and Optuna study, or several.

    One whose plan was interrupted is deleted as it is. More than 1,000 rows go only with --yes:
    without it, what would go is shown.
    """
    chosen = [session_id is not None, older_than is not None, retention]
    _refuse_useless(chosen, failed_only=failed_only, dry_run=dry_run, vacuum=vacuum)
    engine = context.engine()
    document: dict[str, Any] = {}
    if any(chosen):
        # Plans that were interrupted are not completed here: their sessions may be what is to go.
        finished = [] if dry_run else finish_deletions(engine)
        if session_id in finished:  # its deletion had begun
            document = {"session_id": session_id, "failed_only": failed_only, "deleted": None}
            _report(context, document)
        else:
            done = _clean(
                context, engine, session_id, older_than, retention, failed_only, dry_run, yes
            )
            if done is None:
                return
            document = done
    if vacuum:
        document["vacuum"] = asdict(_vacuum(context, engine))
    if context.as_json:
        print_json(document)


def _refuse_useless(chosen: list[bool], *, failed_only: bool, dry_run: bool, vacuum: bool) -> None:
    """Refuse no subject, two of them, and options that would change nothing."""
    if sum(chosen) > 1:
        raise click.ClickException(
            "--session, --older-than and --retention each say what goes; give one of them"
        )
    if not any(chosen) and not vacuum:
        raise click.UsageError("Missing option '--session'")
    if not any(chosen) and (failed_only or dry_run):
        raise click.ClickException(
            "--vacuum alone deletes nothing; leave out --failed-only and --dry-run, or name what "
            "goes with --session, --older-than or --retention"
        )
    if failed_only and chosen[2]:
        raise click.ClickException("--retention is about whole sessions; leave out --failed-only")
    if dry_run and vacuum:
        raise click.ClickException("--dry-run changes nothing; leave out --vacuum")


def _clean(
    context: Context,
    engine: Database,
    session_id: str | None,
    older_than: float | None,
    retention: bool,
    failed_only: bool,
    dry_run: bool,
    yes: bool,
) -> dict[str, Any] | None:
    """Show, ask and delete; None if nothing was to be deleted now."""
    from studies.sessions import find_session
    from studies.upkeep import (
        count_old_entries,
        delete_failed,
        delete_old_entries,
        delete_session,
        sessions_older_than,
        sessions_to_go,
        what_goes,
    )

    log_days = None
    if session_id is not None:
        session_id = find_session(engine, session_id).session_id
        ids = [session_id]
    elif older_than is not None:
        ids = sessions_older_than(engine, older_than)
    else:
        rules = context.config.retention
        _refuse_no_rules(rules.model_dump())
        ids, log_days = sessions_to_go(engine, rules), rules.log_days
    going = [what_goes(engine, each, failed_only=failed_only) for each in ids]
    n_entries = 0 if log_days is None else count_old_entries(engine, log_days)
    n_rows = sum(each.rows for each in going) + n_entries
    context.hint = "; nothing was deleted"
    if dry_run or (n_rows > ASKED_ROWS and not yes):
        _show(context, going, n_entries, failed_only, asked=dry_run)
        return None
    if not yes and n_rows:
        _confirm(session_id, going, n_entries, failed_only)
    context.hint = "; the next clean, generate or execute finishes the deletion"
    n_deleted = 0
    for each in ids:
        with waiting(f"deleting {each}"):
            n_deleted += (delete_failed if failed_only else delete_session)(engine, each)
    if session_id is not None:
        document = {"session_id": session_id, "failed_only": failed_only, "deleted": n_deleted}
    else:
        document = {"sessions": ids, "failed_only": failed_only, "deleted": n_deleted}
        if log_days is not None:
            document["log_entries"] = delete_old_entries(engine, log_days)
    _report(context, document)
    return document


def _refuse_no_rules(rules: dict[str, Any]) -> None:
    if all(value is None for value in rules.values()):
        raise click.ClickException(
            f"the configuration keeps everything; set retention.{', retention.'.join(rules)}"
        )


def _show(
    context: Context, going: list[Removal], n_entries: int, failed_only: bool, *, asked: bool
) -> None:
    """Say what would go."""
    n_rows = sum(each.rows for each in going) + n_entries
    if context.as_json:
        print_json(
            {
                "dry_run": True,
                "failed_only": failed_only,
                "sessions": [asdict(each) for each in going],
                "log_entries": n_entries,
                "rows": n_rows,
            }
        )
    else:
        what = "the failed strategies of " if failed_only else ""
        for each in going:
            say(
                f"would delete {what}{each.session_id}: {each.results:,} results, "
                f"{each.rows:,} rows"
            )
        if n_entries:
            say(f"would delete {n_entries:,} old entries of the execution log")
        if not n_rows:
            say("nothing is to be deleted")
    if not asked:
        note(f"nothing was deleted: {n_rows:,} rows are many; to delete them add --yes")


def _report(context: Context, document: dict[str, Any]) -> None:
    if context.as_json:
        return
    deleted, failed_only = document["deleted"], document["failed_only"]
    if "sessions" in document:
        ids = document["sessions"]
        n = f"{len(ids):,} session{'' if len(ids) == 1 else 's'}"
        if failed_only:
            say(f"deleted the rows of {deleted:,} failed strategies of {n}")
        else:
            say(f"deleted {n} and {deleted:,} results")
        if "log_entries" in document:
            say(f"deleted {document['log_entries']:,} old entries of the execution log")
        return
    session_id = document["session_id"]
    if deleted is None:
        say(f"deleted {session_id}")
    elif failed_only:
        say(f"deleted the rows of {deleted:,} failed strategies of {session_id}")
    else:
        say(f"deleted {session_id} and its {deleted:,} results")


def _confirm(
    session_id: str | None, going: list[Removal], n_entries: int, failed_only: bool
) -> None:
    what = "the failed strategies of " if failed_only else ""
    what += session_id or f"{len(going):,} sessions"
    if n_entries:
        what += f" and {n_entries:,} old entries of the log"
    if not sys.stdin.isatty():
        raise click.ClickException(
            f"clean asks before it deletes {what}, and there is no terminal; add --yes"
        )
    n_results = sum(each.results for each in going)
    click.confirm(f"delete {what}, {n_results:,} results?", abort=True, err=True)


def _vacuum(context: Context, engine: Database) -> Vacuumed:
    from studies.upkeep import vacuum

    context.hint = "; what was deleted is, and the database is as it was otherwise"
    with waiting("vacuum"):
        done = vacuum(engine)
    if not context.as_json:
        say(f"the database takes {size(done.after)}, before {size(done.before)}")
    return done
