"""The report and the comparison as pages of the dashboard, and filters in their addresses."""

import base64
import hashlib
import html
import re
from urllib.parse import quote, urlencode

import pytest

from studies.database import tuning_sessions
from studies.web import drawn_pages
from studies.web.asked_filter import AskedFilter
from studies.web.drawn_pages import DrawnPages
from tests.studies.web.test_pages import SPLIT, change, read

WHERE = "net_sharpe_ratio > 0 and window_size in (5, 10)"


def path_of(session, rest="", **fields):
    query = f"?{urlencode(fields)}" if fields else ""
    return f"/mass-tuning/session/{quote(session.row.session_id, safe='')}{rest}{query}"


def check_policy(answer):
    """Assert that script and style of a page are those that the header of the answer allows."""
    (policy, _) = answer.headers.get_all("Content-Security-Policy")
    scripts = re.findall(r"<script>(.*?)</script>", answer.text, re.DOTALL)
    styles = re.findall(r"<style>(.*?)</style>", answer.text, re.DOTALL)
    assert len(scripts) == len(styles) == 1
    for text in (*scripts, *styles):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


def test_the_report(site, completed):
    answer = site.ask(path_of(completed, "/report"))
    assert answer.headers["Content-Type"] == "text/html; charset=UTF-8"
    page = read(answer)
    check_policy(answer)
    assert completed.row.session_id in page.text
    links = [each.get("href") for each in page.all("a")]
    assert "/mass-tuning/" in links
    assert path_of(completed) in links
    known = site.ask(path_of(completed, "/report"), If_None_Match=answer.headers["ETag"])
    assert (known.status, known.body) == (304, b"")
    # a browser takes over the headers of a 304
    policies = [each.headers.get_all("Content-Security-Policy") for each in (known, answer)]
    assert policies[0] == policies[1]


def test_it_opens_in_the_language_of_the_browser(site, completed):
    for asked, language in (("zh-TW,zh;q=0.9,en;q=0.8", "zh-Hant"), ("en-GB", "en"), ("", "en")):
        answer = site.ask(path_of(completed, "/report"), Accept_Language=asked)
        assert read(answer).all("html")[0]["lang"] == language


def test_a_report_is_drawn_again_when_something_changed(completed, monkeypatch):
    now, drawn = [0.0], []

    def draw(data, command, language):
        now[0] += 2.0
        drawn.append(data.session.row.notes)
        return f"<!doctype html><header></header><p>{data.session.row.notes}"

    monkeypatch.setattr(drawn_pages, "report_page", draw)
    pages = DrawnPages(completed.engine, str, clock=lambda: now[0])

    def report():
        return pages.report(completed.row.session_id, AskedFilter(), "en").content.decode()

    report()
    report()
    assert drawn == [None]
    change(completed, tuning_sessions, notes="new")
    assert report().endswith("<p>new")
    change(completed, tuning_sessions, status="running", notes="newer")
    assert report().endswith("<p>new")
    now[0] += 18.0
    assert report().endswith("<p>newer")
    assert drawn == [None, "new", "newer"]


def test_only_the_newest_pages_are_kept(completed, monkeypatch):
    drawn = []
    monkeypatch.setattr(
        drawn_pages, "report_page", lambda data, *_: drawn.append(1) or "<header></header>"
    )
    pages = DrawnPages(completed.engine, str)
    asked = [AskedFilter(where=f"window_size > {k}") for k in range(20)]
    for each in asked:
        pages.report(completed.row.session_id, each, "en")
    pages.report(completed.row.session_id, asked[-1], "en")
    assert len(drawn) == 20
    pages.report(completed.row.session_id, asked[0], "en")
    assert len(drawn) == 21


def test_a_filter_of_the_best_results(site, completed):
    fields = {"where": WHERE, "factor": "SR", "without": "IC, FS"}
    page = read(site.ask(path_of(completed, **fields)))
    frame = completed.top(10, where=WHERE)
    kept = [x for x in frame["strategy_id"] if x.startswith("SR") and x.endswith("EQ")]
    assert kept
    assert all(strategy_id in page.text for strategy_id in kept)
    rows = [each["href"] for each in page.all("a") if "/strategy/" in each["href"]]
    assert rows
    assert all(row.split("/")[-1].startswith("SR") and row.endswith("EQ") for row in rows)
    assert "of those that fulfil: net_sharpe_ratio > 0" in page.text
    options = f"--where '{WHERE}' --factor SR --without IC --without FS"
    assert f"top --session {completed.row.session_id} {options}" in page.text
    given = {each["name"]: each["value"] for each in page.all("input")}
    assert given == {"where": WHERE, "factor": "SR", "without": "IC FS"}
    (main,) = page.all("main")
    assert site.ask(main["data-api"], If_None_Match=main["data-etag"]).status == 304
    links = [each["href"] for each in page.all("a")]
    (report,) = [each for each in links if "/report?" in each]
    assert site.ask(report).status == 200
    assert path_of(completed) in links


def test_a_filter_that_nothing_fulfils(site, completed):
    page = read(site.ask(path_of(completed, where="net_sharpe_ratio > 1e9")))
    assert "No strategy fulfils it." in page.text


@pytest.mark.parametrize("rest", ["", "/report"])
@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"where": "x <"}, "cannot read the filter 'x <'"),
        ({"where": "<script>alert(1)</script>"}, "cannot read the filter"),
        ({"where": "nothing > 1"}, "nothing"),
        ({"factor": "XX"}, "XX"),
        ({"without": "XX"}, "XX"),
    ],
)
def test_a_filter_that_cannot_be_is_a_sentence(site, completed, rest, fields, reason):
    answer = site.ask(path_of(completed, rest, **fields))
    assert answer.status == 400
    assert "<script>" not in answer.text
    (sentence,) = re.findall("<p>(.*?)</p>", answer.text)
    assert "\n" not in sentence
    assert html.escape(reason) in sentence


def test_choosing_by_unseen_days_is_said(serve, make_session):
    session = make_session(backtest=SPLIT, size=40, method="random")
    session.run()
    page = read(serve(session.engine).ask(path_of(session, where="oos_total_return > -1")))
    assert "spends the out-of-sample days" in page.text


def test_sessions_are_chosen_and_compared(serve, make_session):
    sessions = [make_session(size=30, method="random", seed=seed) for seed in (1, 2)]
    for session in sessions:
        session.run()
    site = serve(sessions[0].engine)
    ids = [session.row.session_id for session in sessions]
    assert "/mass-tuning/compare" in [a["href"] for a in read(site.ask("/mass-tuning/")).all("a")]
    page = read(site.ask(f"/mass-tuning/compare?session={ids[0]}"))
    boxes = [each for each in page.all("input") if each["type"] == "checkbox"]
    assert {each["value"]: "checked" in each for each in boxes} == {ids[0]: True, ids[1]: False}
    path = "/mass-tuning/compare?" + urlencode([("session", x) for x in ids])
    answer = site.ask(path)
    page = read(answer)
    check_policy(answer)
    assert all(text in page.text for text in ids)
    links = [each.get("href") for each in page.all("a")]
    assert all(f"/mass-tuning/session/{x}" in links for x in ids)
    assert site.ask(path, If_None_Match=answer.headers["ETag"]).status == 304
    chosen = read(site.ask(f"{path}&{urlencode({'where': 'window_size = 5'})}"))
    assert "window_size = 5" in chosen.text
    for wrong, status in (
        (f"{path}&session={ids[0]}", 400),
        (f"{path}&session=none", 404),
        (f"{path}&where=x", 400),
    ):
        assert site.ask(wrong).status == status
