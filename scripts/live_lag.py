"""How far the page of a running session is behind what its database says."""

import shutil
import subprocess
import sys
import time
from typing import Any

__all__ = ["live_lag"]

_CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
_SIZE = 200_000
_POLL_SECONDS = 0.05


def live_lag(url: str) -> float:
    """Run a session and watch its page in Chromium; the longest time the page was behind.

    Parameters
    ----------
    url : str
        Of a database with a market.

    Returns
    -------
    float
        Seconds. When the database had a number of strategies done, until the page showed at
        least as many; the largest over the run, found by looking at both again and again.
    """
    from playwright.sync_api import sync_playwright

    from studies import Session, TuningConfig

    config = TuningConfig.from_mapping({"database": url, "execution": {"reuse": False}})
    session = Session.create(config, size=_SIZE)
    path = next(filter(None, map(shutil.which, _CHROMIUM)), None)
    command = [sys.executable, "-m", "studies", "--database", url]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        served = subprocess.Popen(
            [*command, "dashboard", "--port", "0"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        run = None
        try:
            assert served.stdout is not None
            address = served.stdout.readline().strip()
            page = browser.new_page()
            page.goto(f"{address}session/{session.row.session_id}")
            run = subprocess.Popen(
                [*command, "execute", "--session", session.row.session_id],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            return _longest(session, page)
        finally:
            for process in filter(None, (run, served)):
                process.terminate()
                process.wait()
            browser.close()


def _longest(session: Any, page: Any) -> float:
    """Look at both until the session is over and the page says so."""
    waiting: list[tuple[int, float]] = []
    longest, over = 0.0, False
    while not (over and not waiting):
        row = session.refresh()
        done, now = row.completed + row.failed, time.perf_counter()
        over = row.status == "completed"
        if not waiting or done > waiting[-1][0]:
            waiting.append((done, now))
        shown, now = _shown(page), time.perf_counter()
        reached = [began for number, began in waiting if number <= shown]
        longest = max([longest, *(now - began for began in reached)])
        waiting = [each for each in waiting if each[0] > shown]
        time.sleep(_POLL_SECONDS)
    return longest


def _shown(page: Any) -> int:
    """Return the number of strategies that the page shows as done."""
    text = page.locator("[data-part=progress]").inner_text()
    line = next(each for each in text.splitlines() if " of " in each)
    return int(line.split(" of ")[0].replace(",", "").split()[-1])
