"""Every text of the packages that people read, and where it stands first."""

import ast
import re
import string
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import click

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from objectives.market.sources import SOURCES  # noqa: E402
from studies.cli.app import EXAMPLES, app  # noqa: E402
from studies.cli.context import Command  # noqa: E402
from studies.cli.help_text import paragraphs  # noqa: E402
from studies.cli.top import SHORT_NAMES  # noqa: E402
from studies.console.settings_file import setting_comments  # noqa: E402

PACKAGES = ("search_spaces", "objectives", "studies")
ERRORS = (
    *("MassTuningError", "SpaceError", "SpaceTooLargeError", "DataError", "NoMarketError"),
    *("ConfigError", "SessionError", "StorageError", "FetchError", "NoPairsError", "FactorError"),
    *("DatabaseUrlError", "ClickException", "UsageError", "BadParameter"),
)
PRINTED = {
    "say": (0,),
    "note": (0,),
    "warn": (0,),
    "error": (0,),
    "style": (0,),
    "worded": (0,),
    "shown": (0,),
    "_paragraph": (0,),
    "waiting": (0,),
    "counting": (0,),
    "Column": (0,),
    "MarketNote": (1,),
    "ok": (1,),
    "warning": (1, 2),
    "problem": (1, 2),
    **dict.fromkeys(ERRORS, (0,)),
}
"""Functions whose arguments are printed, and which of them."""
SPEAKING = (
    *("studies/cli", "studies/upkeep", "objectives/validation", "objectives/metrics.py"),
    *(
        "objectives/settings.py",
        "objectives/factor_backtest/objective.py",
        "objectives/market/plausibility.py",
        "studies/planning/glance.py",
    ),
    *("studies/analysis/verdict.py", "studies/analysis/verdict_figures.py"),
    *("studies/analysis/out_of_sample.py", "studies/analysis/leaderboard.py"),
    *("studies/analysis/strategy_checks.py", "studies/sessions/session_row.py"),
)
"""Where texts are put together before they are printed: each of several words counts there."""
SEVERAL_WORDS = re.compile(r"[A-Za-z]{2,}[^A-Za-z_]*\s[^A-Za-z_]*[A-Za-z]{2,}")
NOT_FOR_PEOPLE = re.compile(r"[A-Z]{5,} |%s|mass-tuning demo  ")
"""SQL, formats of the log, examples."""
FEWEST_LETTERS = 5
"""A template with fewer would look like too much."""
OF_CLICK = (
    *("Usage:", "Options", "Commands", "Examples", "Show this message and exit."),
    *("default:", "required"),
    *("No such option: {0}", "No such option: {0} Did you mean {1}?", "No such command {0}"),
    *("No such option: {0} (Possible options: {1})", "Option {0} requires an argument"),
    *("Missing option {0}", "Missing argument {0}", "Missing parameter: {0}", "Missing command"),
    *("Got unexpected extra argument ({0})", "Got unexpected extra arguments ({0})"),
    *("Invalid value for {0}: {1}", "{0} is not one of {1}", "{0} is not a valid {1}"),
    *("{0} is not in the range {1}", "Option {0} does not take a value", "{0}; see: {1} --help"),
)


PUT_TOGETHER = (
    *("{0}, {1} resamples, seed {2}", "{0} problems, {1} warnings", "by {0}", "{0}, seed {1}"),
    *("maximize {0}", "minimize {0}", "judging: {0}: {1} of {2}", "judging: {0}", "more: {0}"),
    *("No such command {0}. Did you mean {1}?", "cannot be read (No such file or directory)"),
    *("likewise", "hold-out", "walk-forward", "overfitting", "p, cash", "p, basket", "p, White"),
    *("{0} values", "deepest fall from a peak", "{0} of the cases", "{0} more", "stopped{0}"),
    *("{0} days", "{0} day", "of {0}", "{0} of the variance", "{0} dated values", "next: {0}"),
    *("{0} strategies planned ({1})", "{0} strategies to try ({1})", "splits"),
    *("best", "info", "warning", "run started", "run paused", "run completed", "{0}, in {1}"),
)
"""What is joined of parts that stand apart in the code."""


def all_texts() -> dict[str, str]:
    """English texts, and where each stands first."""
    found: dict[str, str] = {}
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            where = str(path.relative_to(ROOT))
            tree = ast.parse(path.read_text(encoding="utf-8"))
            for line, text in texts_of_module(tree):
                found.setdefault(text, f"{where}:{line}")
            if where.startswith(SPEAKING):
                for line, text in texts_that_are_put_together(tree):
                    found.setdefault(text, f"{where}:{line}")
    for name, text in setting_comments().items():
        found.setdefault(text, f"studies/default_config.yaml: {name}")
    for name, text in texts_of_help(app, "mass-tuning"):
        found.setdefault(text, f"help of {name}")
    for text in (*OF_CLICK, *PUT_TOGETHER, *SHORT_NAMES.values(), SOURCES):
        found.setdefault(text, "scripts/translated_texts.py")
    return found


def texts_of_module(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Lines and texts of a module: those of `message`, and sentences that are printed."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = getattr(node.func, "id", None)
        if name is None and getattr(node.func, "attr", None) in ERRORS:  # as click's
            name = node.func.attr  # type: ignore[attr-defined]
        if name == "message":
            (text,) = node.args
            if not (isinstance(text, ast.Constant) and isinstance(text.value, str)):
                raise SystemExit(f"line {node.lineno}: a text that is not written out")
            yield node.lineno, text.value
            continue
        for place in PRINTED.get(str(name), ()):
            if place < len(node.args):
                for each in templates_of(node.args[place]):
                    yield node.lineno, each


def templates_of(node: ast.expr) -> Iterator[str]:
    """Sentences that an expression may be, values as numbered places; texts without words are none.

    Of ``a if c else b`` both are; so are texts inside f-strings that are sentences of their own.
    """
    if isinstance(node, ast.IfExp):
        yield from templates_of(node.body)
        yield from templates_of(node.orelse)
        return
    text = _Template().of(node)
    if text is None:
        return
    n_letters = sum(letter.isalpha() for letter in literal_of(text))
    if n_letters >= (FEWEST_LETTERS if "{0}" in text else 1):
        yield text.strip()


def texts_that_are_put_together(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Lines and texts of several words, and names of values: ``("rate", f"{rate:,.0f}/s")``."""
    passed_over = {id(each) for each in _not_shown(tree)}
    for node in ast.walk(tree):
        if id(node) in passed_over:
            continue
        if isinstance(node, ast.JoinedStr | ast.BinOp | ast.Constant):
            if isinstance(node, ast.JoinedStr | ast.BinOp) and _Template().of(node) is not None:
                passed_over |= {id(each) for each in _pieces(node)}
            for text in templates_of(node):
                if SEVERAL_WORDS.search(literal_of(text)) and not NOT_FOR_PEOPLE.match(text):
                    yield node.lineno, text
        elif isinstance(node, ast.Tuple) and len(node.elts) == 2:
            name, value = node.elts
            named = isinstance(name, ast.Constant) and isinstance(name.value, str)
            if named and name.value.islower() and not isinstance(value, ast.Constant):
                yield node.lineno, name.value


def _pieces(node: ast.expr) -> Iterator[ast.AST]:
    """What an f-string consists of, but for texts inside its values."""
    for each in ast.iter_child_nodes(node):
        if isinstance(each, ast.FormattedValue):
            continue
        yield each
        if isinstance(each, ast.JoinedStr | ast.BinOp):
            yield from _pieces(each)


def _not_shown(tree: ast.Module) -> Iterator[ast.AST]:
    """Docstrings, keywords of click, command lines, SQL, and annotations in quotes."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            yield node.value
        if isinstance(node, ast.Call):
            name = getattr(node.func, "id", None) or getattr(node.func, "attr", None)
            if name in ("command", "text", "exec_driver_sql", "getLogger", "info", "debug"):
                yield from ast.walk(node)
            for keyword in node.keywords:
                if keyword.arg in ("help", "examples", "metavar", "short_help"):
                    yield from ast.walk(keyword.value)
        for quoted in (getattr(node, "annotation", None), getattr(node, "returns", None)):
            if quoted is not None:
                yield from ast.walk(quoted)


class _Template:
    """Writes an expression as a text with places; two places side by side are one."""

    def __init__(self) -> None:
        self.n_places = 0

    def of(self, node: ast.expr) -> str | None:
        parts = list(self._parts(node))
        if not any(isinstance(part, str) for part in parts):
            return None
        text, after_place = "", False
        for part in parts:
            if isinstance(part, str):
                text += part.replace("{", "{{").replace("}", "}}")
                after_place = after_place and not part
            elif not after_place:
                text += f"{{{self.n_places}}}"
                self.n_places += 1
                after_place = True
        return text

    def _parts(self, node: ast.expr) -> Iterator[str | None]:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
        elif isinstance(node, ast.JoinedStr):
            for each in node.values:
                yield from self._parts(each)
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            yield from self._parts(node.left)
            yield from self._parts(node.right)
        else:
            yield None


def literal_of(template: str) -> str:
    """What of a template is not a place."""
    return "".join(literal for literal, *_ in string.Formatter().parse(template))


def texts_of_help(command: click.Command, name: str) -> Iterator[tuple[str, str]]:
    """Names and texts of the help of a command and those below it."""
    for text in (*paragraphs(command.help), command.short_help):
        if text:
            yield name, text
    for param in command.params:
        if getattr(param, "help", None):
            yield name, param.help  # type: ignore[attr-defined]
    remarks: Iterable[Any] = command.examples if isinstance(command, Command) else ()
    for line in [*remarks, *(EXAMPLES.splitlines() if command is app else ())]:
        _, mark, remark = line.partition("# ")
        if mark:
            yield name, remark
    for below in getattr(command, "commands", {}).values():
        yield from texts_of_help(below, f"{name} {below.name}")
