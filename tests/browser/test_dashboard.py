"""What people see in a browser: our pages, and the stock dashboard on a study of ours."""

import http.client
import re
from urllib.parse import urlsplit

import pytest

from studies import Session
from studies.analysis import best_strategy_id
from tests.browser.conftest import SPLIT
from tests.helpers.browsers import wait_for_pixels, wait_until
from tests.helpers.databases import closing_connections
from tests.helpers.sessions import make_config, url_of

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def best(digest):
    """The best strategy of the session."""
    with closing_connections():
        return best_strategy_id(Session.open(*digest))


@pytest.fixture
def dashboard(serve, digest):
    return serve(digest[0])


def test_the_list_leads_to_a_session_and_to_a_strategy(page, dashboard, digest, best, shot):
    page.goto(dashboard.address)
    row = page.locator("tbody tr")
    assert row.count() == 1
    for text in (digest[1], "completed", "100.0 %", best, "a first try"):
        assert text in row.inner_text()
    shot(page, "list")
    page.get_by_role("link", name=digest[1]).click()
    page.get_by_role("heading", name="Best results").wait_for()
    assert page.get_by_role("heading", level=1).inner_text() == digest[1]
    assert page.locator("progress").first.get_attribute("value") == "432"
    shot(page, "session")
    page.get_by_role("link", name=best, exact=True).first.click()
    page.get_by_role("heading", name="Wealth").wait_for()
    drawn = page.locator("main svg").first
    wait_for_pixels(page, drawn)
    assert drawn.bounding_box()["width"] > 500
    shot(page, "strategy")


def test_the_best_of_chosen_strategies_and_their_report(page, dashboard, digest, shot):
    page.goto(f"{dashboard.address}session/{digest[1]}")
    page.get_by_label("Only where").fill("window_size = 5")
    page.get_by_label("with the factors").fill("SR")
    page.get_by_role("button", name="Choose").click()
    listed = page.get_by_role("table", name="of those that fulfil: window_size = 5, with SR")
    listed.wait_for()
    names = listed.locator("tbody td:nth-child(2)").all_inner_texts()
    assert names
    assert all(name.startswith("SR_") and "_W5_" in name for name in names)
    assert page.locator("#live").inner_text() == "live"
    shot(page, "session-filtered")
    page.get_by_role("link", name="Report of these strategies").click()
    page.locator("html[data-ready]").wait_for(state="attached")
    wait_for_pixels(page, page.locator("#histogram"))
    assert "window_size = 5" in page.locator("body").inner_text()
    shot(page, "report")
    page.get_by_role("link", name=digest[1]).click()
    page.get_by_role("heading", name="Best results").wait_for()


def test_a_filter_that_cannot_be_read(page, troubles, dashboard, digest):
    page.goto(f"{dashboard.address}session/{digest[1]}")
    page.get_by_label("Only where").fill("window_size <")
    page.get_by_role("button", name="Choose").click()
    page.get_by_text("cannot read the filter 'window_size <'").wait_for()
    troubles.remove("^answer: 400 ", "^console: .* 400 ")


def test_sessions_side_by_side(page, serve, copied, shot):
    other = Session.create(make_config(url_of(copied), backtest=SPLIT), size=40, method="random")
    other.run()
    page.goto(serve(url_of(copied)).address)
    page.get_by_role("link", name="Compare sessions").click()
    for session in (copied, other):
        page.get_by_label(f"compare {session.row.session_id}").check()
    page.get_by_role("button", name="Compare").click()
    page.get_by_role("heading", name="Sessions side by side").wait_for()
    wait_for_pixels(page, page.locator("svg").first)
    for session in (copied, other):
        assert page.get_by_role("link", name=session.row.session_id).count() == 1
    page.locator("#language").click()
    assert page.locator("html").get_attribute("lang") == "zh-Hant"
    shot(page, "compare")


def test_in_the_dark_and_on_a_telephone(page, dashboard, digest, shot):
    page.emulate_media(color_scheme="dark")
    page.set_viewport_size({"width": 390, "height": 800})
    page.goto(f"{dashboard.address}session/{digest[1]}")
    colour = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    shades = [int(x) for x in re.findall(r"\d+", f"{colour} {background}")[:3]]
    assert sum(shades) < 200, (colour, background)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    shot(page, "session-dark-narrow")


def test_a_study_in_the_stock_dashboard(page, dashboard, digest, shot):
    page.goto(f"{dashboard.root}/dashboard")
    shot(page, "studies")
    page.get_by_role("heading", name=f"{digest[1]} sample").click()
    page.wait_for_url(re.compile(r"/dashboard/studies/\d+$"))
    history = page.locator("#plot-history")
    history.locator("path.point").first.wait_for(state="attached")
    assert history.locator("path.point").count() >= 30
    wait_for_pixels(page, history)
    importance = page.locator("#graph-hyperparameter-importances")
    importance.locator(".barlayer path").first.wait_for(state="attached")
    wait_for_pixels(page, importance)
    shot(page, "study")
    page.goto(f"{page.url}/note")
    page.get_by_role("heading", name="Note").wait_for()
    stored = page.evaluate("fetch('/api/studies/1?after=0').then((answer) => answer.json())")
    words = re.search(r"[A-Za-z]+ [a-z]+ [a-z]+", stored["note"]["body"])[0]
    page.get_by_text(words).first.wait_for(timeout=20_000)
    shot(page, "study-note")


def test_the_trials_sorted_by_an_attribute(page, dashboard, shot):
    page.goto(f"{dashboard.root}/dashboard/studies/1/smartSelection")
    table = page.locator("table")
    table.wait_for()
    heads = table.locator("thead th")
    is_figure = [
        head.startswith("UserAttribute") and head.split()[1].endswith("total_return")
        for head in heads.all_inner_texts()
    ]
    column = is_figure.index(True)
    cells = table.locator(f"tbody tr td:nth-child({column + 1})")
    head = heads.nth(column).locator("[role=button]")
    head.click()
    wait_until(page, lambda: order_of(cells.all_inner_texts()))
    first = order_of(cells.all_inner_texts())
    head.click()
    wait_until(page, lambda: order_of(cells.all_inner_texts()) == -first)
    shot(page, "study-table")


def order_of(texts):
    """1: ascending, -1: descending, 0: neither; a failed trial has no figure."""
    values = [float(text) for text in texts if text.strip()]
    if len(set(values)) < 5:
        return 0
    return (values == sorted(values)) - (values == sorted(values, reverse=True))


def test_who_may_ask_and_what(dashboard, digest):
    host = urlsplit(dashboard.root).netloc
    paths = (
        "/mass-tuning/",
        "/mass-tuning/api/sessions",
        "/mass-tuning/notes",
        f"/mass-tuning/session/{digest[1]}",
        "/dashboard",
        "/api/studies",
        "/api/studies/1",
    )
    assert [ask(host, "GET", path) for path in paths if path != "/mass-tuning/notes"] == [200] * 6
    for path in paths:
        assert ask(host, "GET", path, {"Host": "evil.example"}) == 403
        assert ask(host, "GET", path, {"Origin": "http://evil.example"}) == 403
        for method in ("POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "ODD"):
            assert ask(host, method, path, {"Origin": dashboard.root}) == 403, (method, path)


def ask(host, method, path, headers=None):
    """Send a request as no browser would; return the status."""
    connection = http.client.HTTPConnection(host, timeout=60)
    try:
        connection.request(method, path, headers=headers or {})
        return connection.getresponse().status
    finally:
        connection.close()
