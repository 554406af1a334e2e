"""Markdown, as notes of optuna-dashboard are written: any text in it stays text."""

import re
from collections.abc import Iterable, Sequence

__all__ = ["code_block", "markdown_table", "markdown_text"]

_PLAIN = re.compile(r"[^\w\s,.%/()–-]|_", re.ASCII)


def markdown_text(value: object) -> str:
    """Write a text so that it is neither markup nor HTML, in one line."""
    line = " ".join(str(value).split())
    return _PLAIN.sub(lambda found: f"&#{ord(found[0])};", line)


def markdown_table(
    heads: Sequence[str], rows: Iterable[Sequence[object]], *, n_left: int = 1
) -> str:
    """Write a table; the first columns stand left, the others right."""
    lines = [heads, *rows]
    written = ["| " + " | ".join(markdown_text(cell) for cell in line) + " |" for line in lines]
    sides = ["---" if place < n_left else "---:" for place in range(len(heads))]
    written.insert(1, "| " + " | ".join(sides) + " |")
    return "\n".join(written)


def code_block(lines: Iterable[str]) -> str:
    """Write lines as they are, between marks longer than any in them."""
    text = "\n".join(" ".join(line.splitlines()) for line in lines)
    longest = max((len(found) for found in re.findall("`+", text)), default=0)
    mark = "`" * max(3, longest + 1)
    return f"{mark}\n{text}\n{mark}"
