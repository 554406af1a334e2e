"""docs/data.md: each form has an example that is read as the page says, each note a meaning."""

import re
import shlex
from pathlib import Path

import numpy as np
import pytest

from objectives.market.forms import FORMS
from objectives.market.reading import ReadingOptions, form_of, read_events
from tests.helpers.funding import rows, write

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "data.md").read_text(encoding="utf-8")
SECTION = re.compile(r"^### ([\w-]+)\n(.*?)(?=^##)", re.DOTALL | re.MULTILINE)
EXAMPLE = re.compile(r"^File `(.+?)`:\n\n```\w+\n(.*?)^```\n\nRead as `(.+?)`\.", re.DOTALL | re.M)
GIVEN = re.compile(r"Read with `(--[^`]+)`")
NOTE = re.compile(r'MarketNote\(\s*"(\w+)"')


def test_every_form_has_a_section():
    assert {name for name, _ in SECTION.findall(PAGE)} == {form.name for form in FORMS}


@pytest.mark.parametrize(("form", "text"), SECTION.findall(PAGE))
def test_example(tmp_path, form, text):
    (name, content, expected) = EXAMPLE.search(text).groups()
    given = GIVEN.search(text)
    words = shlex.split(given[1]) if given else []
    options = ReadingOptions(**dict(zip((w[2:] for w in words[::2]), words[1::2], strict=True)))
    path = write(tmp_path, name, content)
    events = read_events([path], options)
    exchange, symbol, instant, rate = expected.split()
    found = (exchange, symbol, str(np.datetime64(instant, "us")), float(rate))
    assert rows(events) == [found]
    assert form_of(path) == form


def test_every_note_of_a_reader_is_explained():
    market = ROOT / "objectives" / "market"
    sources = "\n".join(path.read_text() for path in sorted(market.rglob("*.py")))
    explained = set(re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE))
    assert set(NOTE.findall(sources)) <= explained
    assert "exchange_from_path" in set(NOTE.findall(sources))
