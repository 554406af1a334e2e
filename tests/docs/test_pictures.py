"""Pictures of the docs: there, small, and shown on a page."""

import re
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"
LARGEST = 200_000
SHOWN = re.compile(r"!\[[^\]]+\]\((?:docs/)?(pictures/[^)]+)\)")


def test_every_picture_is_there_and_shown():
    pages = [*DOCS.glob("*.md"), DOCS.parent / "README.md"]
    shown = {name for page in pages for name in SHOWN.findall(page.read_text(encoding="utf-8"))}
    there = {f"pictures/{path.name}" for path in (DOCS / "pictures").iterdir()}
    assert shown == there
    assert len(there) >= 4


def test_pictures_are_small_png():
    for path in (DOCS / "pictures").iterdir():
        content = path.read_bytes()
        assert content.startswith(b"\x89PNG"), path
        assert len(content) <= LARGEST, path
