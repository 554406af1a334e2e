"""What a person waits for in a browser: a report, a click in it, a study, a page that follows."""

import io
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

__all__ = ["browser_times"]

_CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
_COLOURED = 70
_N_POINTS = 100
_REDRAWN = """
() => new Promise((resolve) => {
  const root = document.documentElement;
  const button = document.querySelector("[data-place]");
  const began = performance.now();
  delete root.dataset.redraw;
  button.click();
  const look = () => root.dataset.redraw === undefined
    ? requestAnimationFrame(look)
    : requestAnimationFrame(() => resolve(performance.now() - began));
  look();
})
"""


def browser_times(database: str, session_id: str) -> dict[str, Any]:
    """Measure in Chromium what a session of a database costs a person who looks at it.

    Parameters
    ----------
    database : str
        URL.
    session_id : str
        Completed.

    Returns
    -------
    dict
        In seconds: `report_open_s` from the start of the navigation to a report file (`file://`)
        until its figures are drawn, `report_click_s` from a click on a value until all figures show
        the selection, `study_first_point_s` from the click on a study in the list of
        optuna-dashboard until points are on the screen, `session_page_s` for our page.
    """
    from playwright.sync_api import sync_playwright

    path = next(filter(None, map(shutil.which, _CHROMIUM)), None)
    if path is None:
        raise SystemExit("Chromium is missing (Debian: apt-get install chromium)")
    command = [sys.executable, "-m", "studies", "--database", database]
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        file = Path(folder) / "report.html"
        subprocess.run(
            [*command, "report", session_id, "-o", file], check=True, stdout=subprocess.DEVNULL
        )
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        server = subprocess.Popen(
            [*command, "dashboard", "--port", "0"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        try:
            assert server.stdout is not None
            address = server.stdout.readline().strip()
            page = browser.new_page(viewport={"width": 1280, "height": 900})
            page.set_default_timeout(120_000)
            return {
                "report_bytes": file.stat().st_size,
                **_report_times(page, file),
                **_dashboard_times(page, address, session_id),
            }
        finally:
            server.terminate()
            server.wait()
            browser.close()


def _report_times(page: Any, file: Path) -> dict[str, float]:
    began = time.perf_counter()
    page.goto(file.as_uri())
    page.locator("html[data-ready]").wait_for(state="attached")
    opened = time.perf_counter() - began
    return {"report_open_s": opened, "report_click_s": page.evaluate(_REDRAWN) / 1000}


def _dashboard_times(page: Any, address: str, session_id: str) -> dict[str, float]:
    began = time.perf_counter()
    page.goto(f"{address}session/{session_id}")
    page.get_by_role("heading", name="Best results").wait_for()
    shown = time.perf_counter() - began
    page.goto(f"{address.removesuffix('/mass-tuning/')}/dashboard")
    # a large session has two studies; the newer one, of the best, is the first of the list
    entry = page.get_by_text(session_id).first
    entry.wait_for()
    began = time.perf_counter()
    entry.click()
    history = page.locator("#plot-history")
    history.wait_for()
    while _coloured_pixels(history.screenshot()) < _N_POINTS:
        page.wait_for_timeout(20)
    return {"session_page_s": shown, "study_first_point_s": time.perf_counter() - began}


def _coloured_pixels(png: bytes) -> int:
    """Count the pixels that are no shade of grey: axes and texts of a plot are nearly grey."""
    from matplotlib.image import imread

    image = imread(io.BytesIO(png), format="png")[:, :, :3]
    return int(((image.max(axis=2) - image.min(axis=2)) * 255 > _COLOURED).sum())
