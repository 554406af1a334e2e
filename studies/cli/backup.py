"""``backup`` and ``restore``: a verified copy of the database, and putting one in its place."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import click

from studies.cli.context import Command, Context, command_options
from studies.cli.output import print_json, say, size
from studies.cli.progress import counting

__all__ = ["backup", "restore"]


@click.command(
    cls=Command,
    short_help="Copy the database into a file, while it is used.",
    examples="""
    mass-tuning backup
    mass-tuning backup /media/disk/funding_rate.db --force
    mass-tuning --database postgresql://user@host/name backup funding_rate.dump
    """,
)
@click.argument("file", required=False)
@click.option("--force", is_flag=True, help="Replace FILE if it is there.")
@command_options
@click.pass_obj
def backup(context: Context, file: str | None, force: bool) -> None:
    """Copy the whole database, market and Optuna's tables included, and verify the copy.

    Sessions may run meanwhile. FILE is by default the name of the database with the date, beside
    it. It has its name only when it is whole. PostgreSQL is dumped by pg_dump, which must be
    installed.
    """
    from studies.upkeep import backup_database

    context.hint = "; no backup was written"
    target = None if file is None else Path(file)
    with counting("pages copied") as advance:
        done = backup_database(context.config.database, target, force=force, on_progress=advance)
    if context.as_json:
        print_json({"file": str(done.file), "bytes": done.n_bytes, "rows": dict(done.rows)})
        return
    say(f"wrote {done.file}, {size(done.n_bytes)}{_rows(done.rows)}")
    say(f"put it back with: {context.command(f'restore {done.file}')}")


@click.command(
    cls=Command,
    short_help="Put a backup in the place of the database.",
    examples="""
    mass-tuning restore funding_rate-20250131-120000.db
    mass-tuning restore funding_rate-20250131-120000.db --yes
    """,
)
@click.argument("file")
@click.option("--yes", is_flag=True, help="Do not ask.")
@command_options
@click.pass_obj
def restore(context: Context, file: str, yes: bool) -> None:
    """Verify a backup, keep the database that is there aside, and put the backup in its place.

    It is refused while a session is being worked on. Interrupted, it leaves the old database or
    the new one.
    """
    from studies.upkeep import check_backup, restore_database

    context.hint = "; nothing was changed"
    url = context.config.database
    rows = check_backup(url, Path(file))
    if not yes:
        if not sys.stdin.isatty():
            raise click.ClickException(
                "restore asks before it replaces the database, and there is no terminal; add --yes"
            )
        question = f"replace {context.config.database_name} by {file}{_rows(rows)}?"
        click.confirm(question, abort=True, err=True)
    context.hint = "; the database is the old one or the new one, none between"
    with counting("pages restored") as advance:
        done = restore_database(url, Path(file), on_progress=advance)
    aside = None if done.aside is None else str(done.aside)
    if context.as_json:
        print_json({"file": str(done.file), "aside": aside, "rows": dict(done.rows)})
        return
    say(f"restored {context.config.database_name} from {done.file}{_rows(done.rows)}")
    if aside is not None:
        say(f"the database that was there: {aside}")


def _rows(rows: Mapping[str, int]) -> str:
    """Write the rows of two tables in a few words; nothing where they were not counted."""
    if not rows:
        return ""
    n_results = rows.get("hyperparameter_tuning_results", 0)
    n = rows.get("tuning_sessions", 0)
    return f" ({n:,} session{'' if n == 1 else 's'}, {n_results:,} results)"
