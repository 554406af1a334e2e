"""Every text of the packages that people read, and where it stands first."""

import ast
import inspect
import string
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import click

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from studies.cli.app import EXAMPLES, app  # noqa: E402
from studies.cli.context import Command  # noqa: E402
from studies.console.settings_file import setting_comments  # noqa: E402

PACKAGES = ("search_spaces", "objectives", "studies")
ERRORS = (
    *("MassTuningError", "SpaceError", "SpaceTooLargeError", "DataError", "NoMarketError"),
    *("ConfigError", "SessionError", "StorageError", "FetchError", "NoPairsError", "FactorError"),
    *("ClickException", "UsageError", "BadParameter"),
)
PRINTED = {
    "say": (0,),
    "note": (0,),
    "warn": (0,),
    "error": (0,),
    "style": (0,),
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
OF_CLICK = (
    *("Usage:", "Options", "Commands", "Examples", "Show this message and exit."),
    *("default: {0}", "required"),
    *("No such option: {0}", "No such option: {0} Did you mean {1}?", "No such command {0}"),
    *("No such option: {0} (Possible options: {1})", "Option {0} requires an argument"),
    *("Missing option {0}", "Missing argument {0}", "Missing parameter: {0}", "Missing command"),
    *("Got unexpected extra argument ({0})", "Got unexpected extra arguments ({0})"),
    *("Invalid value for {0}: {1}", "{0} is not one of {1}", "{0} is not a valid {1}"),
    *("{0} is not in the range {1}", "Option {0} does not take a value", "{0}; see: {1} --help"),
)


def all_texts() -> dict[str, str]:
    """English texts, and where each stands first."""
    found: dict[str, str] = {}
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            for line, text in texts_of_module(ast.parse(path.read_text(encoding="utf-8"))):
                found.setdefault(text, f"{path.relative_to(ROOT)}:{line}")
    for name, text in setting_comments().items():
        found.setdefault(text, f"studies/default_config.yaml: {name}")
    for name, text in texts_of_help(app, "mass-tuning"):
        found.setdefault(text, f"help of {name}")
    for text in OF_CLICK:
        found.setdefault(text, "click")
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
    if text is not None and any(letter.isalpha() for letter in literal_of(text)):
        yield text.strip()


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


def paragraphs(text: str | None) -> list[str]:
    """Return the paragraphs of a help, each in a line."""
    return [" ".join(part.split()) for part in inspect.cleandoc(text or "").split("\n\n") if part]
