"""``clean``: removing what a session recorded."""

from __future__ import annotations

import sys

import click

from studies.cli.context import Command, Context, command_options
from studies.cli.generate import finish_deletions
from studies.cli.output import print_json, say
from studies.cli.progress import waiting

__all__ = ["clean"]


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
    """Delete a session with its results, queue, log and Optuna study.

    One whose plan was interrupted is deleted as it is.
    """
    from studies.sessions import read_row
    from studies.upkeep import delete_failed, delete_session

    engine = context.engine()
    # Plans that were interrupted are not completed here: their sessions may be what is to go.
    if session_id in finish_deletions(engine):  # its deletion had begun
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
