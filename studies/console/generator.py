"""Menu 1: plan a session."""

from collections.abc import Callable
from dataclasses import replace

from studies.console.menu import Action, run_menu
from studies.console.plan_page import confirm_plan
from studies.console.project import Project
from studies.console.prompts import Item, ask_number, ask_text, choose
from studies.console.screen import Screen
from studies.language import Message, message
from studies.runs import SessionRequest
from studies.session import Session

__all__ = ["Generator"]

_QUICK_SIZES = (10, 100, 1_000, 10_000)
_SAMPLES = ("random", "latin_hypercube", "sobol", "halton", "grid")
_SEARCHES = {
    "genetic": message("genetic: bred a generation at a time (DEAP)"),
    "tpe": message("tpe: Optuna's tree-structured Parzen estimator"),
    "nsga2": message("nsga2: Optuna's genetic search, also for several objectives"),
    "nsga3": message("nsga3: the same for many objectives"),
    "gp": message("gp: a Gaussian process; needs torch"),
    "cmaes": message("cmaes: for ranges of numbers; needs cmaes"),
    "qmc": message("qmc: a quasi-random sequence, without learning"),
}


class Generator:
    """Plans sessions.

    Parameters
    ----------
    screen : Screen
    project : Project
    header : callable
        Prints what stands above every menu.
    run : callable
        Called with a session that is to be run at once.
    """

    def __init__(
        self,
        screen: Screen,
        project: Project,
        header: Callable[[], None],
        run: Callable[[Session], None],
    ) -> None:
        self.screen = screen
        self.project = project
        self.header = header
        self.run = run

    def menu(self) -> None:
        """Show the menu until the user goes back."""
        run_menu(
            self.screen,
            message("Strategy generator"),
            [
                Action(message("⚡ Quick: 10, 100, 1,000 or 10,000 strategies"), self.quick),
                Action(message("🎛 Custom: method, size and seed"), self.custom),
                Action(message("🌐 Exhaustive: every possible strategy"), self.exhaustive),
            ],
            header=self.header,
        )

    def quick(self) -> None:
        """Draw some strategies at random."""
        texts = [message("{n:,} strategies", n=size) for size in _QUICK_SIZES]
        size = choose(
            self.screen,
            message("How many strategies?"),
            [Item(text, size) for text, size in zip(texts, _QUICK_SIZES, strict=True)],
        )
        self._plan(self._request("planned", "random", min(size, self._space_size())))

    def exhaustive(self) -> None:
        """Take every strategy of the space."""
        self._plan(self._request("planned", "exhaustive", None))

    def custom(self) -> None:
        """Ask for everything."""
        kinds = {
            "exhaustive": message("Exhaustive, the first N in an evenly spread order"),
            "sampling": message("A sample, drawn beforehand"),
            "search": message("A search that learns from its results"),
        }
        kind = choose(
            self.screen,
            message("How are strategies chosen?"),
            [Item(text, value) for value, text in kinds.items()],
        )
        method = "exhaustive"
        if kind == "sampling":
            method = choose(
                self.screen, message("Which sample?"), [Item(name, name) for name in _SAMPLES]
            )
        elif kind == "search":
            method = choose(
                self.screen,
                message("Which search?"),
                [Item(text, name) for name, text in _SEARCHES.items()],
            )
        most = self._space_size() if kind != "search" else None
        size = ask_number(
            self.screen, message("How many strategies?"), min(1_000, most or 1_000), most=most
        )
        seed = ask_number(self.screen, message("Seed"), 0, least=0)
        notes = ask_text(self.screen, message("Notes (may be left empty)"))
        mode = "adaptive" if kind == "search" else "planned"
        request = self._request(mode, method, size)
        self._plan(replace(request, seed=seed), notes or None)

    def _space_size(self) -> int:
        return len(self.project.config.space())

    def _request(self, mode: str, method: str, size: int | None) -> SessionRequest:
        return SessionRequest(config=self.project.config, mode=mode, method=method, size=size)

    def _plan(self, request: SessionRequest, notes: str | None = None) -> None:
        """Show what it would take, ask, and write the plan."""
        screen, project = self.screen, self.project
        request.check()
        if not request.config.brings_its_data and project.market() is None:
            screen.error(
                message("there is no market yet; bring one with 4 (data management), then 1 or 3")
            )
            return
        if not confirm_plan(screen, project, request):
            return
        with screen.counting(message("planning")) as advance:
            session = Session.create(
                request.config,
                method=request.method,
                mode=request.mode,
                size=request.size,
                seed=request.seed,
                notes=notes,
                on_progress=advance,
            )
        row = session.row
        for text in row.snapshot.warnings:
            screen.warn(text)
        screen.say(_planned(session), "green")
        if row.snapshot.distinct_note is not None:
            screen.say(screen.sentence(row.snapshot.distinct_note))
        project.open(row)
        answer = choose(
            screen,
            message("What now?"),
            [
                Item(message("Run it"), True),
                Item(message("Later, with 2 (execution engine)"), False),
            ],
        )
        if answer:
            self.run(session)


def _planned(session: Session) -> Message:
    row = session.row
    if row.is_adaptive:
        return message("{session}: {n:,} strategies to try", session=row.session_id, n=row.total)
    return message("{session}: {n:,} strategies planned", session=row.session_id, n=row.total)
