"""docs/trust.md says what was measured, and what the rule is."""

import importlib
import json
import re
from pathlib import Path

import pytest

from objectives.validation import verdict

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "trust.md").read_text(encoding="utf-8")
FOLDER = ROOT / "docs" / "trust"
RESULTS = json.loads((FOLDER / "results.json").read_text(encoding="utf-8"))


@pytest.fixture(autouse=True)
def scripts(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))


def part(name):
    return importlib.import_module(f"trust.{name}")


def generated(name):
    (text,) = re.findall(rf"<!-- {name}:begin -->\n(.*?)\n<!-- {name}:end -->", PAGE, re.DOTALL)
    return text


def test_the_tables_are_those_of_the_stored_results():
    for name, text in part("page").parts(RESULTS).items():
        assert generated(name) == text, f"run: make docs ({name})"


def test_the_results_are_those_of_every_world_of_the_table():
    kinds = part("worlds").KINDS
    assert list(RESULTS["kinds"]) == list(kinds)
    for name, columns in RESULTS["kinds"].items():
        assert columns["seed"] == list(kinds[name].seeds)
    assert RESULTS["about"]["seeds_fixed_on"] == part("worlds").FIXED_ON


def test_every_figure_is_there_and_shown_once():
    shown = re.findall(r"^!\[.+\]\(trust/(.+)\.svg\)$", PAGE, re.MULTILINE)
    assert sorted(shown) == sorted(part("figures").FIGURES)
    for name in shown:
        assert (FOLDER / f"{name}.svg").stat().st_size < 100_000


def test_the_table_of_words_is_the_rule():
    rows = dict(re.findall(r"^\| \*\*(.+)\*\* \| (.+) \|$", PAGE, re.MULTILINE))
    assert tuple(rows) == verdict.WORDS
    assert f"p, cash < {verdict.SIGNIFICANT:.2f}" in rows[verdict.STRONG]
    assert f"p, basket < {verdict.SIGNIFICANT:.2f}" in rows[verdict.STRONG]
    assert f"p, cash < {verdict.SIGNIFICANT:.2f}" in rows[verdict.WEAK]
    assert f"both p < {verdict.SUGGESTIVE:.2f}" in rows[verdict.WEAK]
    numbers = [int(number) for number in re.findall(r"\d+", rows[verdict.CANNOT_TELL])]
    assert numbers == [
        verdict.MIN_DAYS,
        verdict.MIN_ACTIVE_DAYS,
        verdict.MIN_CLOSED,
        verdict.MIN_POSITIONS,
        verdict.MIN_WINDOWS,
        verdict.MIN_BLOCKS,
    ]


def test_the_output_of_verify_is_explained():
    output = generated("verify")
    assert re.search(r"^\$ mass-tuning verify$", output, re.MULTILINE)
    table = output.split("  figure ", 1)[1]
    shown = set(re.findall(r"^  (\S.*?)  +(?:< )?\S+(?: %)?  \S", table, re.MULTILINE))
    explained = PAGE.split("## How to read the output")[1].split("<!-- verify:end -->")[1]
    explained = explained.split("\n## ")[0]
    names = {
        "p, cash",
        "p, basket",
        "beat cash",
        "beat the basket",
        "independent tries",
        "p, White",
        "walk-forward",
        "hold-out",
        "overfitting",
        "the basket",
    }
    assert names <= shown
    for name in names:
        assert f"**{name}**" in explained, name
    (found, kept) = re.search(
        r"^  in sample (\S+) +(\S+)  to be expected", output, re.MULTILINE
    ).groups()
    assert f'"in sample {found}, expected {kept}"' in " ".join(PAGE.split())
