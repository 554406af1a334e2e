"""Menu 3: what sessions are doing and what they have found."""

import webbrowser
from collections.abc import Callable
from pathlib import Path

from studies.console.execution import Executor
from studies.console.menu import Action, run_menu
from studies.console.project import Project
from studies.console.prompts import ask_text, confirm
from studies.console.results import (
    judge,
    print_best,
    print_details,
    print_sessions,
    print_statistics,
)
from studies.console.screen import Screen, Text
from studies.console.session_choice import choose_session
from studies.language import message
from studies.session import Session
from studies.sessions import SessionRow

__all__ = ["Monitoring"]

_PORT = 8080


class Monitoring:
    """Shows sessions."""

    def __init__(
        self, screen: Screen, project: Project, header: Callable[[], None], executor: Executor
    ) -> None:
        self.screen = screen
        self.project = project
        self.header = header
        self.executor = executor

    def menu(self) -> None:
        """Show the menu until the user goes back."""

        def with_sessions() -> None:
            self.header()
            print_sessions(self.screen, self.project)

        run_menu(
            self.screen,
            message("Monitoring"),
            [
                Action(message("📈 Watch a session live"), self.watch),
                Action(message("🔎 Details of a session"), self.details),
                Action(message("🏆 Best strategies"), self.best),
                Action(message("⚖ Verdict: is it luck?"), self.verdict),
                Action(message("📊 Statistics: how results are spread"), self.statistics),
                Action(message("📄 Report: one page for a browser"), self.report),
                Action(message("🖥 Dashboard in the browser"), self.dashboard),
                Action(message("⏸ Pause a run of this console"), self.pause),
            ],
            header=with_sessions,
        )

    def watch(self) -> None:
        """Watch a session."""
        self.executor.watch(self._choose())

    def details(self) -> None:
        """Print everything about a session."""
        print_details(self.screen, self.project, self._choose())

    def best(self) -> None:
        """Print the best results of a session."""
        print_best(self.screen, self._choose(_has_results), 20)

    def verdict(self) -> None:
        """Judge the best strategy of a session."""
        judge(self.screen, self._choose(_has_results))

    def statistics(self) -> None:
        """Print how the results of a session are spread."""
        print_statistics(self.screen, self._choose(_has_results))

    def report(self) -> None:
        """Write the report of a session."""
        from studies.reports import write_report

        session = self._choose(_has_results)
        name = ask_text(
            self.screen,
            message("File"),
            f"{session.row.session_id}.html",
            lambda text: None if text else message("a file name, please"),
        )
        if not _may_write(self.screen, Path(name)):
            return
        with self.screen.working(message("writing {file}", file=name)):
            written = write_report(
                session,
                name,
                command=self.project.command,
                language=self.screen.language,
                keep={self.project.settings_file: "the configuration"},
            )
        self.screen.say(
            message("report of {n:,} strategies in {file}", n=written.n_strategies, file=name),
            "green",
        )
        if confirm(self.screen, message("Open it in the browser?"), default=False):
            webbrowser.open(Path(name).absolute().as_uri())

    def dashboard(self) -> None:
        """Serve the pages until Ctrl-C."""
        from studies.web import dashboard_server

        server = dashboard_server(
            self.project.engine(), "127.0.0.1", _free_or(_PORT), self.project.command
        )
        with server:
            self.screen.say(message("Dashboard: {address}", address=server.address), "green")
            self.screen.say(message("Ctrl-C ends it and comes back here; runs go on."))
            try:
                server.serve_forever()
            except KeyboardInterrupt:
                self.screen.say()

    def pause(self) -> None:
        """Pause a run that this console has started."""
        alive = self.project.runs.alive()
        session = self._choose(lambda row: row.session_id in alive)
        run = self.project.runs.of(session.row.session_id)
        if run is not None:
            run.pause()
        self.screen.say(message("it finishes the chunks in hand, then the session is paused"))

    def _choose(self, suits: Callable[[SessionRow], bool] = lambda row: True) -> Session:
        return choose_session(self.screen, self.project, message("Which session?"), suits)


def _has_results(row: SessionRow) -> bool:
    return row.completed > 0


def _may_write(screen: Screen, path: Path) -> bool:
    """Ask before a file is replaced."""
    if not path.exists():
        return True
    question: Text = message("{file} is there already. Replace it?", file=str(path))
    return confirm(screen, question, default=False)


def _free_or(port: int) -> int:
    """Return a port if nobody listens on it, else 0, which is any free one."""
    import socket

    with socket.socket() as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind(("127.0.0.1", port))
        except OSError:
            return 0
    return port
