"""What stands on the pages, and how they follow what happens in the database."""

import html
import json
import os
import re
import threading
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlencode

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import make_url

from studies.analysis import best_strategy_id, result_row, verify_session
from studies.database import hyperparameter_tuning_results, tuning_sessions
from studies.sessions import read_row
from studies.web.documents import Documents

HOSTILE = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>'",
    "</textarea></title></main><b>",
    "&lt;b&gt; &amp;amp;",
    "中文 – ümlaut \u202e right to left",
    "\x1b[31mred\x1b[0m \x00 \x07",
    "../../etc/passwd",
    "a/b?c=d#e%2Ff",
    "x" * 5_000,
]
SPLIT = {"start_date": "2024-01-11", "split_date": "2024-04-01", "min_active_days": 30}


class Reader(HTMLParser):
    """Elements of a page: tags with attributes, and the texts."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.texts = [], []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.texts.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.texts).split())

    def all(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


def read(answer):
    assert answer.status == 200, answer.text
    return Reader(answer.text)


@pytest.fixture
def split(make_session):
    """A completed session with out-of-sample days."""
    session = make_session(backtest=SPLIT, size=40, method="random", notes="first")
    session.run()
    session.refresh()
    return session


def change(session, table, **values):
    with session.engine.begin() as connection:
        connection.execute(table.update().values(**values))


def test_the_list_of_sessions(site, completed):
    session_id = completed.row.session_id
    page = read(site.ask("/mass-tuning/"))
    best = best_strategy_id(completed)
    for text in (session_id, "completed", "100.0 %", best, "net sharpe ratio", "exhaustive"):
        assert text in page.text
    assert {"max": "432", "value": "432", "aria-label": "432 of 432 done"} in page.all("progress")
    links = [each["href"] for each in page.all("a")]
    assert f"/mass-tuning/session/{session_id}" in links
    assert f"/mass-tuning/session/{session_id}/strategy/{best}" in links
    assert "/dashboard" in links


def test_an_empty_database_says_what_to_do(serve, engine):
    page = read(serve(engine).ask("/mass-tuning/"))
    assert "create one with mass-tuning generate" in page.text


def test_a_session(serve, split):
    command = "mass-tuning --database sqlite:///a.db {}".format
    site = serve(split.engine, command=command)
    session_id = split.row.session_id
    page = read(site.session(session_id))
    frame = split.top(10)
    for strategy_id in frame["strategy_id"]:
        assert strategy_id in page.text
    for text in (
        f"{split.row.completed + split.row.failed} of 40",
        "excess sharpe",
        "oos excess sharpe",
        f"{frame['oos_excess_sharpe_ratio'].iloc[0]:,.3f}",
        f"{100 * frame['total_return'].iloc[0]:,.2f} %",
        "backtest.split_date",
        "2024-04-01",
        f"mass-tuning --database sqlite:///a.db top --session {session_id}",
        f"Not given yet: mass-tuning --database sqlite:///a.db verify {session_id}",
        "Failed strategies by reason",
        "insufficient_data",
        "first",
    ):
        assert text in page.text, text
    losing = int((frame["oos_total_return"] < 0).sum())
    assert page.text.count("! loses out of sample") == losing
    (study,) = [a["href"] for a in page.all("a") if a["href"].startswith("/dashboard/studies/")]
    detail = site.ask(study.replace("/dashboard/", "/api/")).json
    assert detail["name"] == session_id
    assert [form["method"] for form in page.all("form")] == ["get"]


def test_a_verdict(serve, split):
    stored = verify_session(split, n_resamples=100)
    site = serve(split.engine)
    listed = read(site.ask("/mass-tuning/"))
    assert stored.short in listed.text
    page = read(site.session(split.row.session_id))
    assert stored.short in page.text
    for reason in stored.verdict.reasons:
        assert " ".join(reason.split()) in page.text
    assert ("Figures of the verdict" in page.text) == ("p_cash" in stored.verdict.figures)
    assert stored.strategy_id in page.text


def test_a_strategy(serve, split):
    site = serve(split.engine)
    session_id, strategy_id = split.row.session_id, best_strategy_id(split)
    recorded = result_row(split, strategy_id)
    address = f"{session_id}/strategy/{strategy_id}"
    answer = site.ask(f"/mass-tuning/session/{address}")
    page = read(answer)
    for text in (
        *("Wealth", "drawdown", "unseen from 2024-04-01", "in sample", "out of sample"),
        *("window_size", str(recorded["window_size"])),
        f"{recorded['net_sharpe_ratio']:,.3f}",
        f"{recorded['oos_net_sharpe_ratio']:,.3f}",
        f"mass-tuning verify {session_id} {strategy_id}",
    ):
        assert text in page.text, text
    assert len(page.all("svg")) == 1
    lines = [each for each in page.all("path") if each["class"].startswith("line ")]
    assert [each["class"] for each in lines[:4]] == [
        *("line role-basket", "line role-first"),
        *("line role-basket", "line role-first"),
    ]
    curve = site.ask(f"/mass-tuning/api/session/{address}").json["curve"]
    assert curve["differences"] == []
    assert len(curve["dates"]) == len(curve["equity"]) == len(curve["basket"])
    assert lines[1]["d"].count("L") == len(curve["dates"]) - 1
    document = Documents(split.engine).session(session_id)
    both = [document["benchmark"][f"{side}total_return"] for side in ("", "oos_")]
    end = curve["basket"][-1] / curve["basket"][0]
    # of the shortest data period, as that of the session is
    if recorded["data_period"] == 10:
        assert end == pytest.approx((1 + both[0]) * (1 + both[1]))


def test_a_failed_strategy_says_why(site, completed):
    results = hyperparameter_tuning_results.c
    query = sa.select(results.strategy_id).where(results.net_sharpe_ratio.is_(None)).limit(1)
    with completed.engine.connect() as connection:
        strategy_id = connection.execute(query).scalar_one()
    address = f"/mass-tuning/session/{completed.row.session_id}/strategy/{strategy_id}"
    page = read(site.ask(address))
    assert f"failed {result_row(completed, strategy_id)['failure']}" in page.text


def test_a_market_that_changed_leaves_the_figures(site, completed):
    with completed.engine.begin() as connection:
        connection.execute(sa.text("UPDATE return_metrics SET roi_1d = 0.5"))
    address = f"{completed.row.session_id}/strategy/{best_strategy_id(completed)}"
    page = read(site.ask(f"/mass-tuning/session/{address}"))
    assert "No curve: " in page.text
    assert "changed since" in page.text
    assert not page.all("svg")
    assert "net sharpe ratio" in page.text


def test_pages_can_be_used_without_eyes_and_mouse(site, completed):
    session_id = completed.row.session_id
    strategy = f"/mass-tuning/session/{session_id}/strategy/{best_strategy_id(completed)}"
    for path in ("/mass-tuning/", f"/mass-tuning/session/{session_id}", strategy):
        page = read(site.ask(path))
        assert page.all("html") == [{"lang": "en"}]
        assert len(page.all("main")) == len(page.all("h1")) == 1
        assert len(page.all("svg")) == (path == strategy)
        if path != strategy:  # in figures titles are tooltips
            assert len(page.all("title")) == 1
        assert len(page.all("caption")) == len(page.all("table")) > 0
        assert all(head["scope"] in ("col", "row") for head in page.all("th"))
        assert {"href": "#content", "class": "skip"} in page.all("a")
        assert all(svg["role"] == "img" for svg in page.all("svg"))
        assert len(page.all("desc")) == len(page.all("svg"))
        ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
        assert len(ids) == len(set(ids))
    style = site.ask("/mass-tuning/static/style.css").text
    assert "prefers-color-scheme: dark" in style
    assert "@media print" in style


def test_nothing_is_loaded_from_elsewhere_and_no_script_stands_in_a_page(site, completed):
    for path in ("/mass-tuning/", f"/mass-tuning/session/{completed.row.session_id}"):
        page = read(site.ask(path))
        assert page.all("script") == [{"src": "/mass-tuning/static/live.js", "defer": None}]
        assert page.all("link") == [
            {"rel": "stylesheet", "href": f"/mass-tuning/static/{name}.css"}
            for name in ("figures", "style")
        ]
        assert not [a for _, a in page.tags if any(k.startswith("on") or k == "style" for k in a)]
        loaded = [*page.all("script"), *page.all("link")]
        for address in [each.get("src") or each["href"] for each in loaded]:
            assert site.ask(address).status == 200


@pytest.mark.parametrize("path", ["live.jsx", "../pages.py", "..%2fpages.py", "%2e%2e/pages.py"])
def test_no_other_file_is_served(site, path):
    assert site.ask(f"/mass-tuning/static/{path}").status == 404


def test_what_is_not_there_is_404_with_a_sentence(site, completed):
    session_id = completed.row.session_id
    for path, text in (
        ("session/none", "there is no session 'none'"),
        (f"session/{session_id}/strategy/none", "has no result of 'none'"),
        ("none", "Not found"),
    ):
        answer = site.ask(f"/mass-tuning/{path}")
        assert answer.status == 404
        assert text in Reader(answer.text).text
        answer = site.ask(f"/mass-tuning/api/{path}")
        assert answer.status == 404
        assert text in answer.json["error"]
    assert site.ask("/mass-tuning").headers["Location"].endswith("/mass-tuning/")


def test_a_page_that_fails_says_so_here_and_there(site, monkeypatch, caplog):
    def broken(self):
        raise ValueError("inner words")

    monkeypatch.setattr(Documents, "sessions", broken)
    answer = site.ask("/mass-tuning/")
    assert answer.status == 500
    assert "unexpected ValueError" in answer.text
    assert "inner words" not in answer.text
    assert "inner words" in caplog.text


def test_a_document_that_did_not_change_is_304(site, completed):
    path = "/mass-tuning/api/sessions"
    first = site.ask(path)
    etag = first.headers["ETag"]
    assert first.headers["Cache-Control"] == "no-cache"
    for known in (etag, f"W/{etag}", f'"other", {etag}'):
        again = site.ask(path, If_None_Match=known)
        assert (again.status, again.body, again.headers["ETag"]) == (304, b"", etag)
    assert site.ask(path, If_None_Match='"other"').status == 200
    change(completed, tuning_sessions, notes="changed")
    after = site.ask(path, If_None_Match=etag)
    assert after.status == 200
    assert after.headers["ETag"] != etag
    assert after.json[0]["notes"] == "changed"


@pytest.mark.parametrize("what", ["sessions", "session"])
def test_a_page_names_the_document_it_shows(site, completed, what):
    session_id = completed.row.session_id
    path = "/mass-tuning/" if what == "sessions" else f"/mass-tuning/session/{session_id}"
    (main,) = read(site.ask(path)).all("main")
    assert site.ask(main["data-api"], If_None_Match=main["data-etag"]).status == 304


def test_a_running_session_moves(serve, make_session):
    session = make_session(size=60, execution={"chunk_size": 20})
    site = serve(session.engine)
    path = f"/mass-tuning/api/session/{session.row.session_id}"
    seen = [site.ask(path)]
    session.run(
        on_progress=lambda progress: seen.append(
            site.ask(path, If_None_Match=seen[-1].headers["ETag"])
        )
    )
    seen.append(site.ask(path))
    counts = [each.json["completed"] + each.json["failed"] for each in seen]
    assert counts == [0, 20, 40, 60, 60]
    assert {each.json["status"] for each in seen[1:4]} <= {"running", "completed"}
    assert seen[1].json["rate"] > 0
    assert seen[-1].json["status"] == "completed"
    assert seen[-1].json["best"][0]["strategy_id"] == best_strategy_id(session)


def test_the_best_of_a_running_session_are_read_seldom(completed, monkeypatch):
    from studies.web import documents as module

    now, reads = [0.0], []
    read_best = module.top

    def slow(session, n, **options):
        now[0] += 2.0
        reads.append(n)
        return read_best(session, n, **options)

    monkeypatch.setattr(module, "top", slow)
    documents = Documents(completed.engine, clock=lambda: now[0])
    change(completed, tuning_sessions, status="running")
    documents.sessions()
    for count in range(1, 10):
        change(completed, tuning_sessions, completed_strategies=count)
        assert documents.sessions()[0]["completed"] == count
        now[0] += 1.0
    assert len(reads) == 1
    now[0] += 10.0
    documents.sessions()
    assert len(reads) == 2
    change(completed, tuning_sessions, completed_strategies=20, status="completed")
    documents.sessions()
    documents.sessions()
    assert len(reads) == 3


@pytest.mark.parametrize("name", HOSTILE)
def test_names_are_text_everywhere(serve, completed, name, database):
    if database == "postgresql":
        name = name.replace("\x00", "")  # which it cannot hold
    change(completed, tuning_sessions, notes=name, session_id=name)
    change(completed, hyperparameter_tuning_results, session_id=name)
    site = serve(completed.engine, allow_control=True)
    shown = re.sub("[\x00-\x08\x0b-\x1f\x7f\u202e]", "\ufffd", name)
    listed = site.ask("/mass-tuning/")
    harmless = read(listed)
    assert harmless.text.count(" ".join(shown.split())) >= 2  # session and notes
    links = [each["href"] for each in harmless.all("a")]
    (link,) = [each for each in links if unquote(each) == f"/mass-tuning/session/{name}"]
    answer = site.ask(link)
    page = read(answer)
    tags = {tag for tag, _ in (*page.tags, *harmless.tags)}
    assert not tags & {"b", "img"}
    assert page.all("script") == [{"src": "/mass-tuning/static/live.js", "defer": None}]
    assert len(page.all("main")) == len(page.all("title")) == len(page.all("textarea")) == 1
    assert " ".join(shown.split()) in page.text
    assert html.escape(shown) in answer.text
    assert site.ask(page.all("main")[0]["data-api"]).json["session_id"] == name
    strategies = [e["href"] for e in page.all("a") if "/strategy/" in unquote(e["href"])[-60:]]
    assert site.ask(strategies[0]).status == 200


def test_strategies_and_reasons_are_text(serve, completed):
    name = "<img src=x onerror=alert(1)>/\"'"
    best = best_strategy_id(completed)
    with completed.engine.begin() as connection:
        connection.execute(
            hyperparameter_tuning_results.update()
            .where(hyperparameter_tuning_results.c.strategy_id == best)
            .values(strategy_id=name)
        )
        connection.execute(sa.text("UPDATE strategy_queue SET error_message = :x"), {"x": name})
    site = serve(completed.engine)
    page = read(site.session(completed.row.session_id))
    assert not page.all("img")
    assert page.text.count(name) >= 2
    (link,) = [a["href"] for a in page.all("a") if unquote(a["href"]).endswith(name)]
    page = read(site.ask(link))
    assert not page.all("img")
    assert name in page.text


def post_notes(site, session_id, notes, **headers):
    body = urlencode({"session": session_id, "notes": notes}).encode()
    return site.ask("/mass-tuning/notes", "POST", body=body, **headers)


def test_notes(serve, completed):
    site = serve(completed.engine, allow_control=True)
    session_id = completed.row.session_id
    forms = read(site.session(session_id)).all("form")
    (form,) = [each for each in forms if each["method"] == "post"]
    assert form["action"] == "/mass-tuning/notes"

    def stored():
        return read_row(completed.engine, session_id).notes

    text = "first line\nsecond 中文 <b>"
    for origin in (None, "null", "http://evil.example"):
        assert post_notes(site, session_id, text, Origin=origin).status == 403
    assert stored() is None
    answer = post_notes(site, session_id, text.replace("\n", "\r\n"), Origin=site.origin)
    assert answer.status == 303
    assert answer.headers["Location"].endswith(f"/mass-tuning/session/{session_id}")
    assert stored() == text
    assert post_notes(site, session_id, "x" * 10_001, Origin=site.origin).status == 413
    assert post_notes(site, "none", text, Origin=site.origin).status == 404
    assert stored() == text
    assert post_notes(site, session_id, " ", Origin=site.origin).status == 303
    assert stored() is None


def test_without_control_there_are_no_notes_to_send(site, completed):
    forms = read(site.session(completed.row.session_id)).all("form")
    assert [form["method"] for form in forms] == ["get"]
    assert post_notes(site, completed.row.session_id, "x", Origin=site.origin).status == 403
    assert read_row(completed.engine, completed.row.session_id).notes is None


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_file_that_is_gone_and_back(site, completed):
    path = Path(str(make_url(completed.engine.url).database))
    session_id = completed.row.session_id
    assert site.ask("/mass-tuning/").status == 200
    with completed.engine.connect() as connection:
        connection.execute(sa.text("PRAGMA wal_checkpoint(TRUNCATE)"))
    completed.engine.dispose()
    away = path.with_suffix(".away")
    path.rename(away)
    check_gone(site, session_id)
    assert not path.exists()  # no empty database in its place
    away.rename(path)
    check_back(site, session_id)


@pytest.mark.slow
@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_a_server_that_is_gone_and_back(site, completed, databases, request):
    if "TEST_DATABASE_URL" in os.environ:
        pytest.skip("the server of TEST_DATABASE_URL is not ours to stop")
    server = request.getfixturevalue("postgres_server")
    assert databases is server.databases
    session_id = completed.row.session_id
    assert site.session(session_id).status == 200
    assert site.ask("/api/studies").status == 200
    server.stop()
    try:
        check_gone(site, session_id)
    finally:
        server.start()
    check_back(site, session_id)


def check_gone(site, session_id):
    sentence = "the database does not answer, trying again"
    for path in ("/mass-tuning/api/sessions", f"/mass-tuning/api/session/{session_id}"):
        answer = site.ask(path)
        assert (answer.status, answer.json["error"]) == (503, sentence)
    answer = site.ask("/mass-tuning/")
    assert answer.status == 503
    assert answer.headers["Refresh"] == "2"
    assert sentence in Reader(answer.text).text
    assert site.ask("/mass-tuning/static/live.js").status == 200
    assert site.ask("/api/studies").status in (500, 503)


def check_back(site, session_id):
    assert site.ask("/mass-tuning/").status == 200
    assert site.session(session_id, "api/session").json["session_id"] == session_id
    assert [each["study_name"] for each in site.ask("/api/studies").json["study_summaries"]] == [
        session_id
    ]


def test_curves_are_computed_once(completed, monkeypatch):
    from studies.web import documents as module

    calls = []
    compute = module.recompute
    monkeypatch.setattr(module, "recompute", lambda *given: calls.append(1) or compute(*given))
    documents = Documents(completed.engine)
    given = completed.row.session_id, best_strategy_id(completed)
    found = []
    threads = [
        threading.Thread(target=lambda: found.append(documents.strategy(*given)["curve"]))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(calls) == 1
    assert len(found) == 4
    assert all(curve == found[0] and curve["equity"] for curve in found)


def test_a_session_of_an_earlier_system_is_listed_and_shown(serve, completed):
    change(completed, tuning_sessions, config_data=json.dumps({"anything": 1}))
    best = completed.top(1, metric="sharpe_ratio")["strategy_id"].iloc[0]
    site = serve(completed.engine)
    assert completed.row.session_id in read(site.ask("/mass-tuning/")).text
    answer = site.session(completed.row.session_id)
    assert answer.status == 200
    for text in ("recorded by an earlier system", "maximize sharpe_ratio", best):
        assert text in read(answer).text
    strategy = read(site.ask(f"/mass-tuning/session/{completed.row.session_id}/strategy/{best}"))
    assert "No curve" in strategy.text
