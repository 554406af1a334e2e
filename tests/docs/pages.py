"""Files and commands of the pages of docs/, to be run as they stand."""

import re
import sys
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"
_FENCED = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(page: str, kind: str) -> list[str]:
    """Return the fenced blocks of a language on a page."""
    text = (DOCS / page).read_text(encoding="utf-8")
    return [body for language, body in _FENCED.findall(text) if language == kind]


def console_lines(page: str) -> list[str]:
    """Return the commands of the console blocks of a page."""
    return [line for block in blocks(page, "console") for line in block.splitlines()]


def write_files(page: str, folder: Path) -> None:
    """Write the blocks that begin with ``# file: NAME``; python is the one that runs the tests."""
    for kind in ("python", "yaml"):
        for body in blocks(page, kind):
            first, _, rest = body.partition("\n")
            if first.startswith("# file: "):
                target = folder / first.removeprefix("# file: ")
                target.write_text(rest.replace("[python,", f"[{sys.executable},"), encoding="utf-8")
