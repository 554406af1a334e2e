"""Pages that follow what happens: a run, a database that is restarted, tabs that come and go."""

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from sqlalchemy.engine import make_url

from studies import Session
from studies.sessions import open_existing, read_row
from tests.browser.conftest import ROOT
from tests.helpers import forks
from tests.helpers.browsers import wait_until
from tests.helpers.databases import closing_connections
from tests.helpers.sessions import make_config

pytestmark = pytest.mark.browser

GONE = "the database does not answer, trying again"
EXPECTED_WHILE_GONE = (r"^answer: 503 ", r"^console: Failed to load resource.* 503 ")


@pytest.fixture
def planned(databases, market):
    """A session of 432 strategies that has not begun, and a database of its own."""
    url = databases.copy(market)
    with closing_connections():
        session = Session.create(make_config(url, execution={"chunk_size": 2}))
        yield url, session.row.session_id
    databases.drop(url)


def done(url, session_id):
    """How many strategies of a session are done, as the database says."""
    engine = open_existing(url)
    row = read_row(engine, session_id)
    engine.dispose()
    return row.completed + row.failed


def shown(page):
    return page.locator("progress").first.get_attribute("value")


def test_a_run_moves_the_pages(page, context, troubles, serve, planned, shot):
    url, session_id = planned
    dashboard = serve(url)
    page.goto(f"{dashboard.address}session/{session_id}")
    listed = context.new_page()
    troubles.watch(listed)
    listed.goto(dashboard.address)
    assert shown(page) == shown(listed) == "0"
    command = [sys.executable, "-m", "studies", "--database", url, "execute"]
    run = forks.Popen([*command, "--session", session_id], cwd=ROOT, stdout=subprocess.DEVNULL)
    process = psutil.Process(run.pid)
    try:
        while done(url, session_id) < 20:
            assert run.poll() is None
        process.suspend()  # wherever it is: the pages must show what it wrote so far
        halfway = done(url, session_id)
        assert halfway < 432
        for each in (page, listed):
            each.locator(f"progress[value='{halfway}']").first.wait_for()
            assert "running" in each.locator("main").inner_text()
        shot(page, "session-running")
        process.resume()
        assert run.wait() == 0
    finally:
        run.kill()
        run.wait()
    for each in (page, listed):
        each.locator("progress[value='432']").first.wait_for()
        each.get_by_text("completed").first.wait_for()
    page.get_by_role("heading", name="Best results").wait_for()
    assert page.get_by_role("table", name="distinct results").locator("tbody tr").count() == 10
    assert page.locator("#live").inner_text() == "live"


def check_restart(page, troubles, address, session_id, stop, start):
    """Assert that a page says so while the database is away, and goes on by itself afterwards."""
    page.goto(f"{address}session/{session_id}")
    live = page.locator("#live")
    assert live.inner_text() == "live"
    stop()
    page.get_by_text(GONE).wait_for()
    start()
    page.locator("#live", has_text="live").wait_for()
    page.wait_for_function("document.getElementById('live').textContent === 'live'")
    troubles.remove(*EXPECTED_WHILE_GONE)


def test_a_file_that_is_away_for_a_while(page, troubles, serve, copied):
    url = copied.engine.url.render_as_string(hide_password=False)
    path = Path(str(make_url(url).database))
    copied.engine.dispose()
    away = path.with_suffix(".away")
    check_restart(
        page,
        troubles,
        serve(url).address,
        copied.row.session_id,
        lambda: path.rename(away),
        lambda: away.rename(path),
    )


@pytest.mark.skipif("TEST_DATABASE_URL" in os.environ, reason="that server is not ours to stop")
def test_a_server_that_is_restarted(page, troubles, serve, postgres_server, panel):
    from tests.studies.conftest import write_market

    url = postgres_server.databases.create()
    with closing_connections():
        write_market(url, panel)
        session_id = Session.create(make_config(url)).row.session_id
    check_restart(
        page,
        troubles,
        serve(url).address,
        session_id,
        postgres_server.stop,
        postgres_server.start,
    )


def test_twenty_tabs_leave_no_thread(page, context, troubles, serve, digest):
    dashboard = serve(digest[0])
    address = f"{dashboard.address}session/{digest[1]}"
    process = psutil.Process(dashboard.process.pid)
    page.goto(address)  # what is started once is there now
    page.goto("about:blank")
    before = min(_threads(page, process) for _ in range(10))
    tabs = [context.new_page() for _ in range(20)]
    for tab in tabs:
        troubles.watch(tab)
        tab.goto(address)
    for tab in tabs:
        assert tab.locator("#live").inner_text() == "live"
        tab.close()
    wait_until(page, lambda: _threads(page, process) <= before)
    page.goto(address)
    assert page.locator("#live").inner_text() == "live"


def _threads(page, process):
    """Count the threads of a process a moment later."""
    page.wait_for_timeout(100)
    return process.num_threads()
