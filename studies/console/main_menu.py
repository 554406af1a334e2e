"""The main menu, and what stands above every menu."""

import contextlib

from studies.console.data import DataManagement
from studies.console.execution import Executor
from studies.console.generator import Generator
from studies.console.menu import Action, run_menu, shown_errors
from studies.console.monitoring import Monitoring
from studies.console.project import Project
from studies.console.screen import Screen
from studies.console.session_choice import has_work_left
from studies.console.settings import Settings
from studies.language import Message, message

__all__ = ["run_console"]


def run_console(language: str, config_file: str | None = None, database: str | None = None) -> None:
    """Show the menus on the terminal until the user leaves.

    Parameters
    ----------
    language : str
        One of `studies.language.LANGUAGES`.
    config_file : str, optional
        Configuration file; default: as of `studies.config.load_config`.
    database : str, optional
        URL of the database in place of the configured one.
    """
    screen, project = Screen(language), Project(config_file, database)

    def header() -> None:
        _print_header(screen, project)

    executor = Executor(screen, project)
    generator = Generator(screen, project, header, executor.run)
    monitoring = Monitoring(screen, project, header, executor)
    data = DataManagement(screen, project, header, executor)
    settings = Settings(screen, project, header)
    try:
        run_menu(
            screen,
            message("Choose a module:"),
            [
                Action(
                    message("🎲 Strategy generator - make combinations of parameters"),
                    generator.menu,
                    waits=False,
                ),
                Action(
                    message("⚡ Execution engine - run backtests in bulk"),
                    executor.run_open_session,
                ),
                Action(message("📊 Monitoring - see how far it is"), monitoring.menu, waits=False),
                Action(message("🗂 Data management - market and sessions"), data.menu, waits=False),
                Action(
                    message("⚙ System settings - configuration and environment"),
                    settings.menu,
                    waits=False,
                ),
            ],
            header=header,
            back=message("🚪 Leave"),
        )
        for session_id in project.runs.alive():
            command = project.command(f"status --watch --session {session_id}")
            screen.say(
                message(
                    "{session} goes on in the background; see it with: {command}",
                    session=session_id,
                    command=command,
                )
            )
    finally:
        project.close()


def _print_header(screen: Screen, project: Project) -> None:
    """Print the title, the size of the space, what it would take, and what is there."""
    screen.say(message("🎯 Mass hyper-parameter tuning"), "bold")
    config = project.config
    n_strategies = len(config.space())
    screen.say(
        message(
            "📊 {n:,} possible strategies, {time}",
            n=n_strategies,
            time=_time(screen, project, n_strategies),
        )
    )
    screen.say(message("database: {name}", name=config.database_name), "dim", indent=3)
    with shown_errors(screen, then_wait=False):
        extent = project.market()
        if extent is None:
            screen.say(message("no market yet: bring one with 4"), "yellow", indent=3)
        else:
            screen.say(
                message(
                    "market: {n:,} pairs, {first} to {last}",
                    n=extent.n_pairs,
                    first=extent.first_date,
                    last=extent.last_date,
                ),
                "dim",
                indent=3,
            )
    with contextlib.suppress(OSError):
        rows = project.sessions()
        n_open = sum(map(has_work_left, rows))
        screen.say(
            message(
                "{n:,} sessions, {open:,} with work left, {alive} running from here",
                n=len(rows),
                open=n_open,
                alive=len(project.runs.alive()),
            ),
            "dim",
            indent=3,
        )
    screen.say()


def _time(screen: Screen, project: Project, n_strategies: int) -> Message:
    rate = project.rate()
    if not rate:
        return message("time: measured with the first run")
    seconds = n_strategies / rate
    return message(
        "all in about {time} at {rate:,.0f} a second", time=screen.duration(seconds), rate=rate
    )
