"""Names that try to be more than text, in a real browser: they stay text."""

import re
from urllib.parse import quote

import optuna
import pytest
import sqlalchemy as sa
from optuna_dashboard import save_note

from objectives import ReturnPanel
from studies import Session
from studies.analysis import best_strategy_id, verify_session
from studies.sessions import open_existing
from studies.trials import open_optuna_storage
from tests.helpers.databases import closing_connections
from tests.helpers.sessions import make_config
from tests.studies.conftest import write_market

pytestmark = pytest.mark.browser

HOSTILE = (
    "<script>window.__pwned = 1</script>",
    "\"><img src=x onerror='window.__pwned = 1'>",
    "</title></textarea></main><svg onload=window.__pwned=1>",
    "[a](javascript:window.__pwned=1) <iframe srcdoc='<script>parent.__pwned=1</script>'>",
    "javascript:window.__pwned=1",
    '=cmd()|"/c calc"!A1',
    "\x1b[31mred\x1b[0m {{7*7}} ${7*7}",
    "資金費率 因子 <b>粗體</b> \u202e from right to left",
    "x" * 3_000,
)

TABLES = ("hyperparameter_tuning_results", "strategy_queue", "verdicts", "tuning_sessions")


@pytest.fixture(scope="module")
def hostile(databases, panel):
    """URL of a database of hostile names: of pairs, sessions, strategies, reasons and notes."""
    names = tuple(sorted(f"{name[:200]}_{k}_a_b" for k, name in enumerate(HOSTILE)))
    pairs = tuple(sorted((*names, *panel.pairs[len(names) :])))
    url = databases.create()
    with closing_connections():
        write_market(
            url,
            ReturnPanel(
                dates=panel.dates,
                pairs=pairs,
                returns=panel.returns,
                market_caps=panel.market_caps,
                market_cap_dates=panel.market_cap_dates,
            ),
        )
        for name in HOSTILE:
            session = Session.create(make_config(url), size=30, method="random", notes=name)
            session.run()
            verify_session(session, n_resamples=100)
            _rename(session, name)
    return url


def _rename(session, name):
    """Give a session, its best strategy, its verdict and its failures a name."""
    old = {"x": name, "id": session.row.session_id, "best": best_strategy_id(session)}
    with session.engine.begin() as connection:
        for statement in (
            "UPDATE hyperparameter_tuning_results SET strategy_id = :x "
            "WHERE session_id = :id AND strategy_id = :best",
            "UPDATE verdicts SET strategy_id = :x WHERE session_id = :id",
            "UPDATE strategy_queue SET error_message = :x WHERE session_id = :id",
            *(f"UPDATE {table} SET session_id = :x WHERE session_id = :id" for table in TABLES),
        ):
            connection.execute(sa.text(statement), old)


def visible(name):
    """Return what is shown of a text: signs that steer a terminal or a reader can be seen."""
    return " ".join(re.sub("[\x1b\u202e]", "\ufffd", name).split())


def check_harmless(page, name=None):
    """Assert that nothing of a name was run, or became an element."""
    assert page.evaluate("window.__pwned") is None
    assert page.locator("main img, main iframe, main b, main svg[onload]").count() == 0
    assert page.locator("a[href^='javascript:']").count() == 0
    assert page.locator("main").count() == 1
    if name is not None:
        assert visible(name) in " ".join(page.locator("main").inner_text().split())


def test_they_are_text_on_the_list(page, serve, hostile, shot):
    page.goto(serve(hostile).address)
    for name in HOSTILE:
        check_harmless(page, name)
    assert page.locator("tbody tr").count() == len(HOSTILE)
    assert page.evaluate("document.documentElement.scrollWidth") <= 1280
    shot(page, "hostile-list")


def test_they_are_text_on_every_page_of_a_session(page, serve, hostile, shot):
    dashboard = serve(hostile, "--allow-control")
    for k, name in enumerate(HOSTILE):
        page.goto(f"{dashboard.address}session/{quote(name, safe='')}")
        check_harmless(page, name)
        assert page.get_by_role("heading", level=1).inner_text() == visible(name)
        written = page.locator("textarea").input_value()
        assert " ".join(written.split()) == visible(name)
        if k == 7:
            shot(page, "hostile-session")
        page.locator("main tbody a").first.click()
        page.get_by_role("heading", name="Wealth").wait_for()
        check_harmless(page)


def test_they_are_text_in_reports_and_comparisons(page, serve, hostile, shot):
    dashboard = serve(hostile)
    for k, name in enumerate(HOSTILE):
        page.goto(f"{dashboard.address}session/{quote(name, safe='')}/report")
        page.locator("html[data-ready]").wait_for(state="attached")
        check_harmless(page)
        assert visible(name) in " ".join(page.locator("body").inner_text().split())
        if k == 7:
            shot(page, "hostile-report")
    asked = "&".join(f"session={quote(name, safe='')}" for name in HOSTILE)
    page.goto(f"{dashboard.root}/mass-tuning/compare?{asked}")
    page.get_by_role("heading", name="Sessions side by side").wait_for()
    for name in HOSTILE:
        check_harmless(page, name)
    shot(page, "hostile-compare")


def test_notes_written_in_the_browser_are_text(page, serve, digest, databases, shot):
    url = databases.copy(digest[0])
    dashboard = serve(url, "--allow-control")
    for name in (*HOSTILE[:3], HOSTILE[7]):
        page.goto(f"{dashboard.address}session/{digest[1]}")
        page.locator("textarea").fill(name)
        page.get_by_role("button", name="Save the notes").click()
        page.wait_for_url(f"**/session/{digest[1]}")
        page.locator("dd", has_text=visible(name)).wait_for()
        check_harmless(page, name)
    databases.drop(url)


def test_they_are_text_in_the_stock_dashboard(page, serve, digest, databases):
    url = databases.copy(digest[0])
    with closing_connections():
        engine = open_existing(url)
        storage = open_optuna_storage(engine)
        study = optuna.load_study(study_name=f"{digest[1]} sample", storage=storage)
        save_note(study, "\n\n".join(HOSTILE))
        for k, name in enumerate(HOSTILE):
            study.set_user_attr(f"{k} {name[:100]}", name)
        with engine.begin() as connection:
            rename = sa.text("UPDATE studies SET study_name = :name WHERE study_id = 1")
            connection.execute(rename, {"name": "".join(HOSTILE[:3])})
    dashboard = serve(url)
    for path in ("/dashboard", "/dashboard/studies/1", "/dashboard/studies/1/note"):
        page.goto(dashboard.root + path)
        page.get_by_text(HOSTILE[0]).first.wait_for()
        page.wait_for_timeout(500)
        assert page.evaluate("window.__pwned") is None
        assert page.locator("a[href^='javascript:']").count() == 0
