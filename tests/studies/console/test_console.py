"""The menus on a terminal of their own: every item once, in both languages, on 80 and 120 columns.

What the screens looked like is in build/console afterwards.
"""

import re
import sys
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

from studies.language import LANGUAGES, translate
from tests.helpers.terminal import CTRL_C, DOWN, ESCAPE, Terminal

ROOT = Path(__file__).resolve().parents[3]
PO = ROOT / "studies" / "language" / "locale" / "zh_Hant" / "LC_MESSAGES" / "mass_tuning.po"
with PO.open("rb") as file:
    TEXTS = [str(entry.id) for entry in read_po(file) if entry.id]
DUMPS = ROOT / "build" / "console"
SETTINGS = """\
# a small space, of which every strategy is measured within seconds
parameters:
  factors: {subsets: [SR, DD], max_size: 2}
  window_size: {choice: [5, 10]}
  rebalance_frequency: {choice: [1, 2]}
  data_period: {choice: [10, 20]} # days
  selection_count: {choice: [3, 5]}
  weight_method: {choice: [EQ, FS]}
verify: {resamples: 100}
execution:
  parallel: 1 # worker processes
"""
N = 3 * 2 * 2 * 2 * 2 * 2


class Console(Terminal):
    """The menus in one language."""

    def __init__(self, folder, language, columns, *options):
        super().__init__(
            [sys.executable, "-m", "studies", "--lang", language, *options],
            folder,
            columns=columns,
            lines=50,
            environment={"PYTHONPATH": str(ROOT), "BROWSER": "true"},
        )
        self.language = language

    def pieces(self, beginning):
        """What stands between the values of the one text that begins so, as it is shown."""
        (text,) = [each for each in TEXTS if each == beginning] or [
            each for each in TEXTS if each.startswith(beginning)
        ]
        shown = translate(text, self.language)
        return [piece for piece in re.split(r"\{[^}]*\}", shown) if piece.strip()]

    def sees(self, beginning, *more):
        """Wait for a text of the catalogue by its beginning, and others as they are."""
        self.until(*self.pieces(beginning), *more)

    def goes_on(self):
        """Read what was printed, and come back to the menu."""
        self.sees("Enter goes on")
        self.press("\r")
        self.sees("(digit")

    def chooses(self, question, *keys):
        self.sees(question)
        self.press(*keys)

    def types(self, question, text):
        """Put another text in the place of the one that stands there."""
        self.sees(question)
        self.press("\x15", text, "\r")  # Ctrl-U empties the line


@pytest.fixture(params=[80, 120])
def columns(request):
    return request.param


@pytest.fixture(params=LANGUAGES)
def console(request, columns, tmp_path):
    language = request.param
    (tmp_path / "mass_tuning_config.yaml").write_text(SETTINGS)
    opened = Console(tmp_path, language, columns)
    opened.folder = tmp_path
    yield opened
    opened.close()
    DUMPS.mkdir(parents=True, exist_ok=True)
    text = f"\n{'=' * columns}\n".join(opened.dumps)
    (DUMPS / f"{language}-{columns}.txt").write_text(text, encoding="utf-8")


def test_every_item_of_every_menu(console):
    console.sees("no market yet: bring one with 4")
    console.sees("Choose a module:")
    plans_nothing_without_a_market(console)
    brings_a_market(console)
    plans_three_sessions(console)
    runs_them(console)
    looks_at_them(console)
    exports_and_deletes(console)
    changes_settings(console)
    console.chooses("Choose a module:", "0")
    assert console.ended() == 0


def plans_nothing_without_a_market(console):
    console.press("1")
    console.chooses("Strategy generator", "3")
    console.sees("there is no market yet; bring one with 4 (data management), then 1 or 3")
    console.goes_on()
    console.press(ESCAPE)


def brings_a_market(console):
    console.chooses("Choose a module:", "4")
    console.chooses("Data management", "3")
    console.types("Pairs", "12")
    console.types("Days", "260")
    console.sees("imported {source}", "2024-01-01")
    console.goes_on()
    console.press("4")
    console.sees("with a market cap", "12")
    console.goes_on()
    rows = "trading_pair,date,return_1d\nAUSDT_binance_bybit,2024-01-01,0.001\n"
    (console.folder / "returns.csv").write_text(rows)
    console.press("1")
    console.types("Files, folders or a database, a comma between two", "returns.csv")
    console.types("File with market caps (may be left empty)", "")
    console.types("Only these exchanges (empty: all)", "")
    console.sees("There is a market already. Write beside it even if it is another one?")
    console.press("0")
    console.sees("error: {said}")
    console.goes_on()
    console.press("2")
    console.types("Exchanges, a comma between two", "nowhere")
    console.types("Coins, or topN: those traded most", "BTC")
    console.types("First day, like 2024-01-31", "2024-01-01")
    console.sees("There is a market already. Write beside it even if it is another one?")
    console.press("0")
    console.sees("error: {said}", "nowhere")
    console.goes_on()
    console.press("9")
    console.sees("Give the room of deleted rows back to the disk now?")
    console.press("2")
    console.sees("the database takes {after}")
    console.goes_on()
    console.press("0")


def plans_three_sessions(console):
    console.chooses("Choose a module:", "1")  # 1, 1, 1 makes ten strategies
    console.chooses("Strategy generator", "1")
    console.chooses("How many strategies?", "1")
    console.chooses("Make this plan?", "\r")
    console.sees("{session}: {n:,} strategies planned", "10")
    console.chooses("What now?", "2")
    console.goes_on()
    console.press("2")
    console.chooses("How are strategies chosen?", "3")
    console.chooses("Which search?", "1")
    console.types("How many strategies?", "none")
    console.sees("a whole number from {least:,}")
    console.types("How many strategies?", "30")
    console.types("Seed", "1")
    console.types("Notes (may be left empty)", "tried by hand")
    console.chooses("Make this plan?", "1")
    console.chooses("What now?", "2")
    console.goes_on()
    console.press("3")
    console.sees("{n:,} of {all:,} possible ones", str(N))
    console.chooses("Make this plan?", "1")
    console.chooses("What now?", "1")  # and runs it at once
    console.chooses("How many worker processes?", "1")
    console.sees("Start {session}", str(N))
    console.press("1")
    console.sees("Enter: go on", f"{N:,}")
    console.press("\r")
    console.sees("Enter goes on", *console.pieces("completed"))
    console.goes_on()
    console.press("0")


def runs_them(console):
    console.chooses("Choose a module:", "2")
    console.chooses("Which session?", DOWN, "\r")  # the second: ten strategies
    console.chooses("How many worker processes?", "6")
    console.types("Worker processes", "1")
    console.sees("Start {session}", "10")
    console.press("\r")
    console.sees("Enter: go on", "10")
    console.press("\r")
    console.goes_on()
    console.press("2")  # the search, which is the only one left, and left while it runs
    console.chooses("How many worker processes?", "1")
    console.chooses("Start {session}", "1")
    console.sees("p: pause the run   Esc: leave, the run goes on")
    console.press(ESCAPE)
    console.goes_on()
    console.sees("Choose a module:")


def looks_at_them(console):
    console.press("3")
    console.chooses("Monitoring", "1")
    console.chooses("Which session?", "2")  # the search
    console.sees("Enter: go on", "30")
    console.press("\r")
    console.goes_on()
    for key, seen in [("2", "tried by hand"), ("3", "SR"), ("4", "- "), ("5", "window_size")]:
        console.press(key)
        console.chooses("Which session?", "2")
        console.sees("Enter goes on", seen)
        console.goes_on()
    console.press("6")
    console.chooses("Which session?", "1")
    console.types("File", "report.html")
    console.chooses("Open it in the browser?", "0")
    console.goes_on()
    page = (console.folder / "report.html").read_text(encoding="utf-8")
    assert translate("Best different results", console.language) in page
    console.press("7")
    console.sees("Dashboard: {address}", "http://127.0.0.1:")
    console.press(CTRL_C)
    console.goes_on()
    console.press("8")
    console.sees("there is no such session yet")
    console.goes_on()
    console.press("0")


def exports_and_deletes(console):
    console.chooses("Choose a module:", "4")
    console.chooses("Data management", "5")
    console.chooses("Which session?", "1")
    console.chooses("Which format?", "1")
    console.types("File", "all.csv")
    console.sees("{n:,} rows in {file}", str(N), "all.csv")
    assert len((console.folder / "all.csv").read_text().splitlines()) == N + 1
    console.goes_on()
    for key in ("6", "8"):
        console.press(key)
        console.sees("there is no such session yet")
        console.goes_on()
    console.press("7")
    console.chooses("Which session?", "3")
    console.chooses("Delete {session}", "\r")  # no is what Enter means
    console.sees("nothing was deleted")
    console.goes_on()
    console.press("7")
    console.chooses("Which session?", "3")
    console.chooses("Delete {session}", "2")
    console.sees("deleted {session}")
    console.goes_on()
    console.press(ESCAPE)
    console.sees("{n:,} sessions")


def changes_settings(console):
    console.chooses("Choose a module:", "5")
    console.chooses("System settings", "1")
    console.sees("file", "execution.parallel")
    console.goes_on()
    console.press("2")
    console.chooses("Which part?", "4")
    console.chooses("Which setting?", "1")
    console.until("execution.parallel")
    console.press("\x15", "0", "\r")
    console.sees("error: {said}", "execution.parallel")
    console.goes_on()
    console.press("2")
    console.chooses("Which part?", "4")
    console.chooses("Which setting?", "1")
    console.until("execution.parallel")
    console.press("\x15", "2", "\r")
    console.sees("{name} is {value} now", "execution.parallel")
    settings = (console.folder / "mass_tuning_config.yaml").read_text()
    assert settings == SETTINGS.replace("parallel: 1", "parallel: 2")
    console.goes_on()
    console.press("4")
    console.until("packages")
    console.goes_on()
    other = next(each for each in LANGUAGES if each != console.language)
    console.press("3")
    console.until(translate("System settings", other))
    console.press("3")
    console.sees("System settings")
    console.press("0")
