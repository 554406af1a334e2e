"""Pieces of the menus that need no terminal."""

import io
import signal
import sys
from types import SimpleNamespace

import pytest
from rich.console import Console

from objectives import ReturnPanel
from studies.console import plan_page
from studies.console.background_runs import BackgroundRuns
from studies.console.menu import shown_errors
from studies.console.project import Project
from studies.console.prompts import BackError
from studies.console.screen import Screen
from studies.language import ENGLISH, TRADITIONAL_CHINESE, message
from studies.market import MarketExtent, market_extent
from studies.runs import SessionRequest


@pytest.fixture
def screen():
    console = Console(file=io.StringIO(), width=80, highlight=False, markup=False, emoji=False)
    return Screen(ENGLISH, console)


def printed(screen):
    return screen.console.file.getvalue()


@pytest.mark.parametrize(
    ("seconds", "english", "chinese"),
    [
        (0.4, "0.4 s", "0.4 秒"),
        (125, "2 min 05 s", "2 分 05 秒"),
        (7800, "2 h 10 min", "2 小時 10 分"),
    ],
)
def test_lengths_of_time(seconds, english, chinese):
    assert Screen(ENGLISH).duration(seconds) == english
    assert Screen(TRADITIONAL_CHINESE).duration(seconds) == chinese


def test_columns_of_wide_characters_are_aligned(screen):
    screen.table(["名稱", "n"], [["甲", "1"], ["ab", "22"]])
    lines = printed(screen).splitlines()
    assert [line.rstrip() for line in lines] == ["名稱   n", "甲     1", "ab    22"]


def test_names_from_outside_are_shown_as_they_are(screen):
    screen.say("[bold]x[/bold] :smile:")
    screen.table(["a"], [["[red]y"]])
    assert "[bold]x[/bold] :smile:" in printed(screen)
    assert "[red]y" in printed(screen)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (FileNotFoundError(2, "No such file", "a.csv"), "error: a.csv: No such file"),
        (KeyboardInterrupt(), "stopped"),
        (ZeroDivisionError("by 0"), "error: unexpected ZeroDivisionError: by 0"),
    ],
)
def test_an_error_is_a_line_and_the_menu_goes_on(screen, error, said):
    with shown_errors(screen, then_wait=False):
        raise error
    assert printed(screen).strip() == said


def test_going_back_is_no_error(screen):
    with pytest.raises(BackError), shown_errors(screen):
        raise BackError
    assert printed(screen) == ""


def test_how_large_a_market_is(tmp_path, monkeypatch):
    from studies.market import import_returns

    monkeypatch.chdir(tmp_path)
    url = "sqlite:///market.db"
    assert market_extent(url) is None
    assert list(tmp_path.iterdir()) == []
    panel = ReturnPanel.synthetic(n_pairs=3, n_days=40)
    import_returns(panel, url)
    first, last = (f"{day:%Y-%m-%d}" for day in (panel.dates[0], panel.dates[-1]))
    assert market_extent(url) == MarketExtent(3, first, last)


def test_a_run_that_fails_says_why(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    runs = BackgroundRuns()
    run = runs.start("session_x", ["execute", "--session", "session_x"])
    run._process.wait(timeout=60)
    assert run.exit_code == 2
    assert not run.is_alive
    assert run.last_lines()[-1].startswith("error: there is no database")
    assert runs.of("session_x") is run
    assert runs.of("session_y") is None
    assert runs.alive() == []
    run.pause()  # too late, and no error


def test_pausing_interrupts_the_run_alone(tmp_path, monkeypatch):
    import subprocess

    monkeypatch.chdir(tmp_path)
    sent = []
    monkeypatch.setattr(
        subprocess,
        "Popen",
        lambda *args, **options: SimpleNamespace(
            poll=lambda: None, send_signal=sent.append, options=options, args=args
        ),
    )
    runs = BackgroundRuns()
    run = runs.start("session_x", ["execute"])
    assert run._process.options["start_new_session"]
    assert run._process.args[0][:3] == [sys.executable, "-m", "studies"]
    assert runs.alive() == ["session_x"]
    run.pause()
    assert sent == [signal.SIGINT]


def test_a_large_plan_is_measured_and_warned_of(screen, monkeypatch, tmp_path):
    measured = SimpleNamespace(
        mode="exhaustive",
        strategies_per_second=10.0,
        seconds=SimpleNamespace(total=43_680.0),
        database_bytes=9e9,
        memory_bytes=8e9,
        warnings=("the market is short",),
    )
    asked = []
    monkeypatch.setattr(plan_page, "measure_session", lambda request: measured)
    monkeypatch.setattr(plan_page, "free_disk", lambda engine: 10_000_000_000)
    monkeypatch.setattr(plan_page, "available_memory", lambda: 1_000_000_000)
    monkeypatch.setattr(
        plan_page, "confirm", lambda screen, question, default: asked.append(default) or True
    )
    project = Project()
    monkeypatch.setattr(Project, "engine", lambda project: None)
    request = SessionRequest(config=project.config, mode="planned", method="exhaustive")
    assert plan_page.confirm_plan(screen, project, request)
    text = " ".join(printed(screen).split())
    assert "436,800 of 436,800 possible ones" in text
    assert "12 h 08 min, at 10 strategies a second, measured just now" in text
    for warning in (
        "note: the market is short",
        "note: it takes long, 12 h 08 min",
        "the database would grow by 9.0 GB, and 10.0 GB are free",
        "each worker process needs 8.0 GB of memory, and 1.0 GB are free",
    ):
        assert warning in text
    assert asked == [False]  # Enter does not start it
    assert project.rate() == 10.0


def test_commands_name_what_the_console_was_opened_with(tmp_path):
    project = Project(str(tmp_path / "my config.yaml"), "postgresql://me:secret@host/db")
    command = project.command("top")
    assert command.startswith("mass-tuning --config '")
    assert "secret" not in command
    assert project.arguments(["top"])[-1] == "top"
    assert Project().command("top") == "mass-tuning top"


def test_a_message_is_shown_in_the_language_of_the_screen(screen):
    text = message("Back")
    assert screen.text(text) == "Back"
    screen.language = TRADITIONAL_CHINESE
    assert screen.text(text) == "返回"
    assert screen.text("Back") == "Back"
