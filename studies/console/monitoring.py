"""Menu 3: what sessions are doing and what they have found."""

import webbrowser
from collections.abc import Callable
from pathlib import Path

from studies.console.execution import Executor
from studies.console.menu import Action, run_menu
from studies.console.project import Project
from studies.console.prompts import ask_file, confirm
from studies.console.results import (
    judge,
    print_best,
    print_details,
    print_sessions,
    print_statistics,
)
from studies.console.screen import Screen
from studies.console.session_choice import choose_session
from studies.language import message
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
        self.executor.watch(choose_session(self.screen, self.project))

    def details(self) -> None:
        """Print everything about a session."""
        print_details(self.screen, self.project, choose_session(self.screen, self.project))

    def best(self) -> None:
        """Print the best results of a session."""
        print_best(self.screen, choose_session(self.screen, self.project, _has_results), 20)

    def verdict(self) -> None:
        """Judge the best strategy of a session."""
        judge(self.screen, choose_session(self.screen, self.project, _has_results))

    def statistics(self) -> None:
        """Print how the results of a session are spread."""
        print_statistics(self.screen, choose_session(self.screen, self.project, _has_results))

    def report(self) -> None:
        """Write the report of a session."""
        from studies.reports import write_report

        session = choose_session(self.screen, self.project, _has_results)
        name = ask_file(self.screen, f"{session.row.session_id}.html")
        with self.screen.working(message("writing {file}", file=name)):
            written = write_report(
                session,
                name,
                command=self.project.command,
                language=self.screen.language,
                keep=self.project.kept_files,
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
        session = choose_session(self.screen, self.project, lambda row: row.session_id in alive)
        run = self.project.runs.of(session.row.session_id)
        if run is not None:
            run.pause()
        self.screen.say(message("it finishes the chunks in hand, then the session is paused"))


def _has_results(row: SessionRow) -> bool:
    return row.completed > 0


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
