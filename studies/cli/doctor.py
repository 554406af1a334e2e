"""``doctor``: what is well and what is not, with a way out."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import click

from studies.cli.context import Command, Context, command_options
from studies.cli.exit_codes import FAILED
from studies.cli.language import shown
from studies.cli.output import print_json, say, say_as_it_stands, style
from studies.cli.progress import waiting

if TYPE_CHECKING:
    from studies.upkeep import Finding

__all__ = ["doctor"]

_COLORS = {"ok": "green", "warning": "yellow", "problem": "red"}


@click.command(
    cls=Command,
    short_help="Check environment, database, cache and kernels.",
    examples="""
    mass-tuning doctor
    mass-tuning doctor --quick
    mass-tuning doctor --json
    """,
)
@click.option(
    "--quick",
    is_flag=True,
    help="Leave out what takes seconds: a whole check of the file, the kernels, the look-ahead.",
)
@command_options
@click.pass_obj
def doctor(context: Context, quick: bool) -> None:
    """Check one thing after the other, and say of each whether it is well and what to do.

    Nothing is changed. The exit code is 1 if there is a problem, 0 with warnings only.
    """
    from studies.cli.context import database_url
    from studies.upkeep import examine

    url = None if context.database is None else database_url(context.database)
    with waiting("examining"):
        findings = examine(lambda: context.config, database=url, quick=quick)
    ok = all(finding.level != "problem" for finding in findings)
    if context.as_json:
        print_json({"ok": ok, "checks": [dataclasses.asdict(finding) for finding in findings]})
    else:
        _print(findings)
    if not ok:
        raise click.exceptions.Exit(FAILED)


def _print(findings: tuple[Finding, ...]) -> None:
    longest = max(len(finding.check) for finding in findings)
    for finding in findings:
        level = style(f"{finding.level:<7}", fg=_COLORS[finding.level])
        way_out = f"; {finding.way_out}" if finding.way_out else ""
        say_as_it_stands(f"{level}  {finding.check:<{longest}}  {shown(finding.message + way_out)}")
    counts = {
        name: sum(finding.level == level for finding in findings)
        for level, name in (("problem", "problems"), ("warning", "warnings"))
    }
    parts = [f"{n:,} {name if n != 1 else name[:-1]}" for name, n in counts.items()]
    say()
    say(", ".join(parts))
