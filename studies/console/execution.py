"""Menu 2: run a session in the background, with a chosen number of workers."""

from studies.console.live_view import watch_live
from studies.console.project import Project
from studies.console.prompts import Item, ask_number, choose, confirm
from studies.console.results import print_outcome
from studies.console.screen import Screen, Text
from studies.console.session_choice import choose_session, has_work_left
from studies.language import message
from studies.session import Session
from studies.upkeep import usable_cpus

__all__ = ["Executor"]

_START_SECONDS = 3.0
_LARGE = 100_000


class Executor:
    """Runs sessions in processes of their own, which go on when the console is left."""

    def __init__(self, screen: Screen, project: Project) -> None:
        self.screen = screen
        self.project = project

    def run_open_session(self) -> None:
        """Ask for a session with work left, for the number of workers, and run it."""
        session = choose_session(
            self.screen,
            self.project,
            has_work_left,
        )
        self.run(session)

    def run(self, session: Session, *, retry_failed: bool = False) -> None:
        """Ask for the number of workers, run a session and watch it."""
        screen, row = self.screen, session.row
        at_work = self.project.runs.of(row.session_id)
        if at_work is None or not at_work.is_alive:
            n_left = row.failed if retry_failed else row.pending
            parallel = self._ask_parallel(n_left)
            if n_left > _LARGE:
                screen.warn(message("{n:,} strategies are a large run", n=n_left))
            question = message(
                "Start {session}, {n:,} strategies?", session=row.session_id, n=n_left
            )
            if not confirm(screen, question):
                return
            self.project.start_run(row, parallel, retry_failed=retry_failed)
        self.watch(session)

    def watch(self, session: Session) -> None:
        """Watch a session until it is over or the user leaves; then show what came out."""
        run = self.project.runs.of(session.row.session_id)
        watch_live(self.screen, session, run)
        print_outcome(self.screen, self.project, session, run)

    def _ask_parallel(self, n_left: int) -> int | str:
        """Ask for the number of worker processes."""
        cpus = max(1, round(usable_cpus()))
        numbers = sorted({1, 2, 4, 8, cpus})
        items: list[Item[int | str]] = [
            Item(self._worker_text(number, n_left, cpus), number) for number in numbers
        ]
        items.append(Item(message("as many as the load of this machine allows (auto)"), "auto"))
        items.append(Item(message("another number"), 0))
        chosen = choose(
            self.screen,
            message("How many worker processes? This machine has {n} processors.", n=cpus),
            items,
        )
        if chosen != 0:
            return chosen
        return ask_number(self.screen, message("Worker processes"), cpus, most=1_000)

    def _worker_text(self, number: int, n_left: int, cpus: int) -> Text:
        rate = self.project.rate()
        if not rate:
            return message("{n} workers", n=number)
        seconds = _START_SECONDS + n_left / (rate * min(number, cpus))
        return message("{n} workers, about {time}", n=number, time=self.screen.duration(seconds))
