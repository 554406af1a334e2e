"""The report of a session: complete, without a reference to anything else, whatever it is about."""

import base64
import dataclasses
import hashlib
import html
import json
import math
import re

import numpy as np
import pytest

from objectives.validation.verdict import (
    Evidence,
    Verdict,
    decide,
    too_few_positions,
    too_short,
)
from search_spaces.errors import ConfigError
from studies.analysis import StoredVerdict, read_filter
from studies.analysis.verdict_rows import store_verdict
from studies.language import TRADITIONAL_CHINESE
from studies.reports import SessionData, report_page, report_policy, write_report
from studies.reports.leaders import leaders_of
from studies.reports.verdict_texts import reason_text, word_text
from studies.sessions.session_row import change_notes

HOSTILE = "</script><img src=x onerror=alert(1)> \"quoted\" 'it' " + "長" * 500


def command(text):
    return f"mass-tuning {text}"


def script(page, name):
    start = page.index(f'<script id="{name}"')
    return page[page.index(">", start) + 1 : page.index("</script>", start)]


@pytest.fixture
def page(completed):
    return report_page(SessionData(completed), command)


def test_it_refers_to_nothing_outside(page):
    assert not re.search(r"""(?:src|href)\s*=\s*["'](?!#)""", page)
    assert not re.search(r"@import|url\(|https?://(?!www\.w3\.org/2000/svg)", page)
    assert " style=" not in page
    without_scripts = re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL)
    assert not re.search(r"<[^>]+\son[a-z]+\s*=", without_scripts)


def test_its_policy_names_its_own_script_and_style(page):
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)
    assert html.unescape(policy) == report_policy()
    for tag, name in (("script", "script-src"), ("style", "style-src")):
        (text,) = re.findall(rf"<{tag}>(.*?)</{tag}>", page, flags=re.S)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{name} 'sha256-{digest}'" in report_policy()
    assert report_policy().startswith("default-src 'none';")


def test_numbers_of_the_page(completed, page):
    table = SessionData(completed).table
    found = {
        name: html.unescape(value)
        for name, value in re.findall(r'<dd id="([a-z-]+)">([^<]*)</dd>', page)
    }
    assert found["n-measured"] == f"{(~table.failed).sum():,}"
    assert found["n-failed"] == f"{table.failed.sum():,}"
    assert found["selected-median"] == f"{np.nanmedian(table.figure()):.3f}"
    assert found["best"] == f"{np.nanmax(table.figure()):.3f}"


def test_leaders_are_the_distinct_results_of_top(completed):
    data = SessionData(completed)
    leaders = leaders_of(data, 20)
    frame = completed.top(20)
    assert [each.strategy_id for each in leaders] == frame["strategy_id"].tolist()
    assert [each.rank for each in leaders] == frame.index.tolist()
    assert [len(each.twins) for each in leaders] == frame["n_strategies"].tolist()
    spread = np.nanstd(data.table.figure())
    for each in leaders:
        assert each.gap == each.figures["net_sharpe_ratio"] - each.neighbours
        assert each.is_lonely == (each.gap > spread)
        values = data.table.figure()[each.twins]
        assert set(values.tolist()) == {each.figures["net_sharpe_ratio"]}
        assert each.oos_gap is each.beats_luck is None


def test_a_filter_is_named_and_chooses(completed, page):
    chosen = read_filter(completed, "window_size = 10", factors=["SR"])
    about = report_page(SessionData(completed, chosen), command)
    assert "Only the strategies of the filter" in about
    assert "Only the strategies of the filter" not in page
    assert "window_size = 10, with SR" in about
    document = json.loads(script(about, "report-document"))
    assert document["table"]["n"] == int(chosen.mask(SessionData(completed).whole).sum())
    assert document["table"]["grid"] is False


def test_hostile_texts_are_texts(completed):
    with completed.engine.begin() as connection:
        change_notes(connection, completed.row.session_id, HOSTILE)
    completed.refresh()
    page = report_page(SessionData(completed), command)
    assert html.escape(HOSTILE) in page
    assert "<img" not in page
    assert page.count("</script>") == 3


def test_a_verdict_is_said_in_both_languages(completed, page):
    assert "No verdict has been given on this session" in page
    best = completed.top(1)["strategy_id"].iloc[0]
    figures = {"p_cash": 0.6, "p_basket": 0.7, "population": {"n_beat_cash": 0, "n_succeeded": 400}}
    verdict = Verdict("no evidence", ("it took 7 positions; at least 10 are needed",), figures)
    settings = {"is_best": True, "population": "space", "n_population": 432}
    stored = store_verdict(
        completed.engine, completed.row.session_id, best, verdict,
        settings=settings, data_fingerprint="d", seconds=1.0,
    )  # fmt: skip
    assert isinstance(stored, StoredVerdict)
    data = SessionData(completed)
    judged = report_page(data, command)
    assert "No verdict has been given on this session" not in judged
    assert "沒有證據" in judged
    assert "只建立 7 個部位；至少需要 10 個" in judged
    assert "Of 400 strategies that the verdict compared, 0 earn more than cash" in judged
    assert [each.beats_luck for each in leaders_of(data, 5)] == [False, None, None, None, None]
    cannot_tell = Verdict("cannot tell", ("it closed 2 positions",), figures)
    store_verdict(
        completed.engine, completed.row.session_id, best, cannot_tell,
        settings=settings, data_fingerprint="d", seconds=1.0, again=True,
    )  # fmt: skip
    assert {each.beats_luck for each in leaders_of(SessionData(completed), 5)} == {None}


def every_reason():
    evidence = Evidence(
        n_strategies=1234, n_resamples=1000, p_cash=0.6, p_basket=0.3, walk_net=-1.0,
        walk_excess=0.5,
    )  # fmt: skip
    for changes in (
        {},
        {"p_cash": 0.0, "p_basket": 0.01, "walk_net": 1.0},
        {"p_basket": None, "walk_excess": None},
        {"walk_net": 1.0, "walk_excess": -0.1},
    ):
        yield from decide(dataclasses.replace(evidence, **changes)).reasons
    yield from too_short(n_days=100, n_windows=1, block=20.0)
    yield from too_few_positions(n_active_days=10, n_closed=2, n_open=0)
    yield from too_few_positions(n_active_days=90, n_closed=6, n_open=1)


@pytest.mark.parametrize("reason", sorted(set(every_reason())))
def test_every_reason_of_a_verdict_is_translated(reason):
    text = reason_text(reason)
    assert str(text) == reason
    assert re.search("[一-鿿]", text.in_language(TRADITIONAL_CHINESE))


def test_a_reason_of_another_release_stays():
    assert reason_text("because") == "because"
    assert str(word_text("perhaps")) == "perhaps"


def test_several_and_minimised_objectives(make_session):
    metrics = {"max_drawdown": "minimize", "total_return": "maximize"}
    session = make_session(objective={"metrics": metrics}, method="latin_hypercube", size=40)
    session.run()
    session.refresh()
    page = report_page(SessionData(session), command)
    document = json.loads(script(page, "report-document"))
    assert [each["name"] for each in document["table"]["figures"]] == [*metrics]
    assert document["table"]["figures"][0]["less"] is True
    assert document["table"]["figures"][0]["negative"] is True
    assert "The session has 2 objectives" in page
    assert document["leaders"]["columns"][0]["values"][0] == 1


def test_a_session_of_which_nothing_was_run(make_session):
    page = report_page(SessionData(make_session()), command)
    assert "No strategy was measured, so there is nothing to judge." in page
    assert "not yet run" in page


def test_all_failed_and_a_single_strategy(make_session):
    one = make_session(method="random", size=1, restrictions={"data_period": ["10"]})
    one.run()
    one.refresh()
    data = SessionData(one)
    assert json.loads(script(report_page(data, command), "report-document"))["table"]["n"] == 1
    values = np.full(1, math.nan)
    data.__dict__.clear()
    data.session, data.chosen = one, None
    figures = dict.fromkeys(data.whole.figures, values)
    data.__dict__["whole"] = dataclasses.replace(
        data.whole, figures=figures, failures=np.zeros(1, np.int64), reasons=("timeout",)
    )
    page = report_page(data, command)
    document = json.loads(script(page, "report-document"))
    assert document["leaders"]["ids"] == []
    assert document["threshold"] is None


def test_it_is_written_whole_and_never_over_a_database(completed, tmp_path):
    target = tmp_path / "r.html"
    said = []
    written = write_report(completed, target, command=command, on_progress=said.append)
    assert target.stat().st_size == written.n_bytes
    assert written.n_strategies == 432
    assert len(said) == 3
    if completed.engine.dialect.name != "sqlite":
        return  # no file to write over
    database = completed.engine.url.database
    with pytest.raises(ConfigError, match="is not written over"):
        write_report(completed, database, command=command)


def test_an_unknown_language_is_refused(completed):
    with pytest.raises(ValueError, match="got 'fr'"):
        report_page(SessionData(completed), command, "fr")
    assert '<html lang="zh-Hant"' in report_page(SessionData(completed), command, "zh-Hant")


def test_infinite_figures_are_no_json_numbers(completed):
    data = SessionData(completed)
    values = data.whole.figure().copy()
    values[np.flatnonzero(~np.isnan(values))[:2]] = math.inf, -math.inf
    data.__dict__["whole"] = dataclasses.replace(
        data.whole, figures={**data.whole.figures, "net_sharpe_ratio": values}
    )
    document = json.loads(script(report_page(data, command), "report-document"))
    assert document["leaders"]["objective"][0] == "inf"


OWN = {
    "type": "tests.studies.analysis.own_objective:OnlyFigures",
    "metrics": {"net_sharpe_ratio": "maximize"},
}


@pytest.mark.parametrize(
    "options",
    [
        {"method": "tpe", "size": 12},
        {"method": "genetic", "size": 40},
        {"objective": OWN, "parameters": {"n_held": {"range": [1, 4]}}},
        {"objective": OWN, "parameters": {"n_held": {"range": [1, 3]}, "x": {"choice": [1, 2]}}},
    ],
    ids=["tpe", "genetic", "own objective, one parameter", "own objective"],
)
def test_other_sessions(make_session, options):
    session = make_session(**options)
    session.run()
    session.refresh()
    data = SessionData(session)
    page = report_page(data, command)
    document = json.loads(script(page, "report-document"))
    assert document["table"]["n"] == len(data.table) > 0
    assert document["table"]["grid"] is ("objective" in options)
    assert document["heat"] == [] or len(options.get("parameters", "ab")) == 2
    names = [each["name"] for each in document["table"]["figures"]]
    assert names == (["net_sharpe_ratio"] if "objective" in options else names)
    assert (document["id_parts"] is None) is ("objective" in options)
