"""Menu 4: the market, and sessions that are exported, retried, deleted, backed up."""

from collections.abc import Callable

from studies.analysis import byte_size, export_results
from studies.console.execution import Executor
from studies.console.market_menu import MarketMenu
from studies.console.menu import Action, run_menu
from studies.console.project import Project
from studies.console.prompts import Item, ask_file, choose, confirm
from studies.console.screen import Screen
from studies.console.session_choice import choose_session
from studies.language import message
from studies.upkeep import (
    backup_database,
    delete_failed,
    delete_session,
    finish_deletions,
    vacuum,
    what_goes,
)

__all__ = ["DataManagement"]

_FORMATS = ("csv", "parquet", "xlsx", "json")


class DataManagement:
    """Looks after the market and the sessions of the database."""

    def __init__(
        self, screen: Screen, project: Project, header: Callable[[], None], executor: Executor
    ) -> None:
        self.screen = screen
        self.project = project
        self.header = header
        self.executor = executor

    def menu(self) -> None:
        """Show the menu until the user goes back."""
        market = MarketMenu(self.screen, self.project)
        run_menu(
            self.screen,
            message("Data management"),
            [
                Action(message("📥 Import a market from files"), market.import_files),
                Action(message("🌐 Fetch a market from exchanges"), market.fetch),
                Action(message("🧪 Import an invented market"), market.import_synthetic),
                Action(message("🗺 What the market holds"), market.summary),
                Action(message("📤 Export results of a session"), self.export),
                Action(message("🔁 Try failed strategies again"), self.retry),
                Action(message("🗑 Delete a session"), self.delete),
                Action(message("🧹 Delete the failed strategies of a session"), self.delete_failed),
                Action(message("💾 Back the database up"), self.backup),
            ],
            header=self.header,
        )

    def export(self) -> None:
        """Write the results of a session to a file."""
        session = choose_session(
            self.screen, self.project, lambda row: row.completed + row.failed > 0
        )
        ending = choose(
            self.screen, message("Which format?"), [Item(name, name) for name in _FORMATS]
        )
        name = ask_file(self.screen, f"{session.row.session_id}.{ending}")
        with self.screen.working(message("writing {file}", file=name)):
            n = export_results(session, name, ending, keep=self.project.kept_files)
        self.screen.say(message("{n:,} rows in {file}", n=n, file=name), "green")

    def retry(self) -> None:
        """Run the failed strategies of a session again."""
        session = choose_session(
            self.screen, self.project, lambda row: row.failed > 0 and not row.is_adaptive
        )
        self.executor.run(session, retry_failed=True)

    def delete(self) -> None:
        """Delete a session with everything that belongs to it, after asking."""
        session_id = choose_session(self.screen, self.project).row.session_id
        going = what_goes(self.project.engine(), session_id)
        question = message(
            "Delete {session}, {results:,} results and {rows:,} rows in all, for good?",
            session=session_id,
            results=going.results,
            rows=going.rows,
        )
        if not confirm(self.screen, question, default=False):
            self.screen.say(message("nothing was deleted"))
            return
        with self.screen.working(message("deleting {session}", session=session_id)):
            finish_deletions(self.project.engine())
            delete_session(self.project.engine(), session_id)
        self.screen.say(message("deleted {session}", session=session_id), "green")

    def delete_failed(self) -> None:
        """Delete the rows of failed strategies of a session, after asking."""
        session_id = choose_session(
            self.screen, self.project, lambda row: row.failed > 0
        ).row.session_id
        going = what_goes(self.project.engine(), session_id, failed_only=True)
        question = message(
            "Delete the rows of {n:,} failed strategies of {session}, for good?",
            n=going.results,
            session=session_id,
        )
        if not confirm(self.screen, question, default=False):
            self.screen.say(message("nothing was deleted"))
            return
        with self.screen.working(message("deleting {session}", session=session_id)):
            n = delete_failed(self.project.engine(), session_id)
        self.screen.say(message("deleted the rows of {n:,} failed strategies", n=n), "green")

    def backup(self) -> None:
        """Copy the database, verify the copy; give unused room back if that is wanted."""
        with self.screen.counting(message("copying")) as advance:
            done = backup_database(self.project.config.database, on_progress=advance)
        self.screen.say(message("copied to {file}, and verified", file=str(done.file)), "green")
        question = message("Give the room of deleted rows back to the disk now?")
        if confirm(self.screen, question, default=False):
            with self.screen.working(message("tidying up")):
                now = vacuum(self.project.engine())
            self.screen.say(
                message(
                    "the database takes {after}, before {before}",
                    after=byte_size(now.after),
                    before=byte_size(now.before),
                )
            )
