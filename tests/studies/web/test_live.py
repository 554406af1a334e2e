"""The script of the pages, in a page of plain objects (needs Node.js)."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from studies.web import pages

HARNESS = Path(__file__).with_name("live_page.js")
SCRIPT = Path(pages.__file__).parent / "static" / "live.js"


def run(*steps):
    """Poll once a step; return the interval and what the page showed after each."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("Node.js is not installed")
    done = subprocess.run(
        [node, HARNESS, SCRIPT, json.dumps(steps)], capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


def changed(etag, title, **parts):
    page = {"status": 200, "text": json.dumps({"title": title, "parts": parts})}
    return [{"status": 200, "etag": etag}, page]


SAME = [{"status": 304}]
GONE = [{"status": 503}]


def test_it_asks_every_two_seconds_with_the_version_it_has():
    told = run(
        {"answers": SAME}, {"answers": changed('"1"', "t", a="a1", b="b0")}, {"answers": SAME}
    )
    assert told["interval"] == 2000
    first, second, third = told["shown"]
    assert first["requests"] == [["/api", '"0"']]
    assert first["parts"] == ["a0", "b0"]
    assert second["requests"] == [["/api", '"0"'], ["/page", None]]
    assert (second["parts"], second["title"]) == (["a1", "b0"], "t")
    assert third["requests"] == [["/api", '"1"']]
    assert third["note"] == "live"


def test_it_goes_on_after_the_database_was_gone():
    sentence = "the database does not answer, trying again"
    told = run(
        {"answers": GONE},
        {"answers": [{"status": 200, "etag": '"1"'}, *GONE]},
        {"answers": [None]},
        {"answers": changed('"2"', "t", a="a2", b="b2")},
    )["shown"]
    assert [each["note"] for each in told] == [
        sentence,
        sentence,
        "the dashboard does not answer, trying again",
        "live",
    ]
    assert told[2]["parts"] == ["a0", "b0"]
    assert told[3]["requests"][0] == ["/api", '"0"']
    assert told[3]["parts"] == ["a2", "b2"]


def test_what_has_the_focus_waits():
    told = run(
        {"answers": changed('"1"', "t", a="a1", b="b1"), "focus": "a0"},
        {"answers": changed('"1"', "t", a="a1", b="b1")},
        {"answers": SAME},
    )["shown"]
    assert told[0]["parts"] == ["a0", "b1"]
    assert told[1]["requests"][0] == ["/api", None]
    assert told[1]["parts"] == ["a1", "b1"]
    assert told[2]["requests"] == [["/api", '"1"']]


def test_a_hidden_tab_asks_nothing():
    assert run({"answers": [], "hidden": True})["shown"][0]["requests"] == []


def test_a_session_that_was_deleted_says_so():
    (told,) = run({"answers": [{"status": 404}]})["shown"]
    assert told["note"] == "this page is no longer live; reload it"
