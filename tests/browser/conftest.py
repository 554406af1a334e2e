"""A Chromium that notes every trouble of a page, and dashboards as processes of their own."""

import contextlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from objectives import ReturnPanel
from studies import Session
from studies.analysis import verify_session
from tests.helpers import forks
from tests.helpers.databases import SqliteDatabases, closing_connections
from tests.helpers.sessions import make_config
from tests.studies.conftest import write_market

ROOT = Path(__file__).parents[2]
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
MISSING = (
    "the browser tests need Chromium: make browser, or apt-get install chromium fonts-wqy-microhei"
)
SCREENSHOTS = Path(os.environ.get("MASS_TUNING_SCREENSHOTS", ROOT / "build" / "screenshots"))
SPLIT = {"start_date": "2024-01-11", "split_date": "2024-04-01", "min_active_days": 30}
DIGEST = {"all_up_to": 50, "sample": 80, "running_best": 5, "final_best": 30}


class Troubles(list[str]):
    """What a page complained of; a test that expects some takes them out."""

    def watch(self, page):
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.append(f"error: {error}"))
        page.on("requestfailed", self._failed)
        page.on("response", self._response)

    def remove(self, *patterns):
        """Take out what one of the patterns matches."""
        self[:] = [each for each in self if not any(re.search(p, each) for p in patterns)]

    def _console(self, message):
        if message.type == "error":
            self.append(f"console: {message.text} ({message.location.get('url')})")

    def _failed(self, request):
        # a page that is left gives up what it was loading, and so does one that needs no body
        if request.failure != "net::ERR_ABORTED":
            self.append(f"failed: {request.failure} {request.url}")

    def _response(self, response):
        if response.status >= 400:
            self.append(f"answer: {response.status} {response.url}")


class Dashboard:
    """`mass-tuning dashboard` as a process, on a free port."""

    def __init__(self, url, *options):
        command = [sys.executable, "-m", "studies", "--database", url]
        self.process = forks.Popen(
            [*command, "dashboard", "--port", "0", *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            cwd=ROOT,
        )
        self.address = self.process.stdout.readline().strip()
        self.root = self.address.removesuffix("/mass-tuning/")

    def close(self):
        self.process.terminate()
        self.process.communicate(timeout=60)


@pytest.fixture(scope="module")
def browser():
    """Run Chromium for the tests of a module; its event loop would disturb those of others."""
    from playwright.sync_api import sync_playwright

    path = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if path is None:
        pytest.fail(MISSING, pytrace=False)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture
def troubles():
    """Fail a test at its end for what a page complained of."""
    found = Troubles()
    yield found
    assert found == []


@pytest.fixture
def context(browser):
    """Cookies and size of the windows of a test."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, locale="en-GB")
    context.set_default_timeout(60_000)
    yield context
    context.close()


@pytest.fixture
def page(troubles, context):
    """An empty page; nothing may go wrong on it."""
    page = context.new_page()
    troubles.watch(page)
    return page


@pytest.fixture
def shot():
    """Keep a picture of a page, for people to look at."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)

    def take(page, name):
        page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=True)

    return take


@pytest.fixture
def serve():
    """Start dashboards; arguments are the URL of a database and options of the command."""
    with contextlib.ExitStack() as stack:

        def start(url, *options):
            dashboard = Dashboard(url, *options)
            stack.callback(dashboard.close)
            return dashboard

        yield start


@pytest.fixture(scope="session")
def databases(tmp_path_factory):
    """Where SQLite files come from."""
    return SqliteDatabases(tmp_path_factory.mktemp("browser"))


@pytest.fixture(scope="session")
def cache_home(tmp_path_factory):
    """Nothing of the tests in the user's cache folder."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("cache")
        patch.setenv("XDG_CACHE_HOME", str(folder))
        yield folder


@pytest.fixture(scope="session")
def panel(cache_home):
    return ReturnPanel.synthetic(n_pairs=12, n_days=160)


@pytest.fixture(scope="session")
def market(databases, panel):
    """URL of a database with a market, to be copied only."""
    url = databases.create()
    with closing_connections():
        write_market(url, panel)
    return url


@pytest.fixture(scope="session")
def digest(databases, market):
    """URL of a database with a judged session of 432 strategies whose study is a digest, its id."""
    url = databases.copy(market)
    with closing_connections():
        session = Session.create(
            make_config(url, backtest=SPLIT, study=DIGEST), notes="a first try"
        )
        session.run()
        verify_session(session, n_resamples=100)
    return url, session.row.session_id


@pytest.fixture
def copied(databases, digest):
    """The session of `digest` in a database of the test's own."""
    url = databases.copy(digest[0])
    with closing_connections():
        yield Session.open(url, digest[1])
    databases.drop(url)
