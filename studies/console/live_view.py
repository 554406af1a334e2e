"""A session that runs, seen live; leaving the view does not stop the run."""

import threading
import time
from collections.abc import Callable

from search_spaces.errors import MassTuningError
from studies.analysis import figure, metric_units
from studies.console.background_runs import BackgroundRun
from studies.console.screen import Screen
from studies.console.session_choice import state_text
from studies.language import message
from studies.session import Session
from studies.sessions import SessionState
from studies.upkeep import SessionStatus, status_with_warnings

__all__ = ["LiveSession", "watch_live"]

_SECONDS = 1.0
_SHARE_FOR_THE_BEST = 0.1
"""Of the time at most goes into looking for the best result so far."""
_BAR_WIDTH = 40
_OVER = (SessionState.COMPLETED, SessionState.PAUSED, SessionState.FAILED)


class LiveSession:
    """Reads where a session stands, and writes it as lines.

    Parameters
    ----------
    session : Session
    run : BackgroundRun or None
        The run that this console has started.
    clock : callable
        Seconds; replaced in tests.
    """

    def __init__(
        self,
        session: Session,
        run: BackgroundRun | None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._session = session
        self._run = run
        self._clock = clock
        self._best: tuple[str, str, float] | None = None
        self._best_again = 0.0
        self.status: SessionStatus | None = None
        self.trouble: str | None = None

    def look(self) -> None:
        """Read it anew; what cannot be read is said, and tried again the next time."""
        try:
            self._session.refresh()
            self.status = status_with_warnings(self._session)
            if self._clock() >= self._best_again and self.status.completed:
                self._read_best()
            self.trouble = None
        except MassTuningError as error:
            self.trouble = str(error)

    def _read_best(self) -> None:
        start = self._clock()
        frame = self._session.top(1)
        name = next(iter(self._session.directions))
        if not frame.empty:
            self._best = (str(frame["strategy_id"].iloc[0]), name, float(frame[name].iloc[0]))
        taken = self._clock() - start
        self._best_again = self._clock() + taken / _SHARE_FOR_THE_BEST

    @property
    def is_over(self) -> bool:
        """Whether nothing more will happen: the session is over and its run has ended."""
        if self._run is not None:
            return not self._run.is_alive
        return self.status is not None and self.status.state in _OVER

    @property
    def can_be_paused(self) -> bool:
        """Whether this console has started the run that is at work."""
        return self._run is not None and self._run.is_alive

    def pause(self) -> None:
        """Ask the run to finish the chunks in hand and pause."""
        if self._run is not None:
            self._run.pause()

    def lines(self, screen: Screen) -> list[str]:
        """Write where it stands."""
        now = self.status
        if now is None:
            return [screen.text(message("reading …")), *self._trouble(screen)]
        done = now.completed + now.failed
        share = done / now.total if now.total else 1.0
        filled = int(share * _BAR_WIDTH)
        counts = message(
            "{done:,} of {total:,} strategies ({share:.1f} %), {failed:,} failed",
            done=done,
            total=now.total,
            share=100 * share,
            failed=now.failed,
        )
        lines = [
            f"{now.session_id}  {screen.text(state_text(self._session.row))}",
            "",
            f"{'━' * filled}{'─' * (_BAR_WIDTH - filled)}",
            screen.text(counts),
            screen.text(self._speed(screen, now)),
        ]
        if self._best is not None:
            strategy, name, value = self._best
            written = figure(value, metric_units()[name])
            lines.append(
                screen.text(
                    message(
                        "best so far: {strategy}, {name} {value}",
                        strategy=strategy,
                        name=name,
                        value=written,
                    )
                )
            )
        lines += [
            screen.text(message("note: {said}", said=screen.sentence(text)))
            for text in now.warnings
        ]
        if now.state == SessionState.COMPLETED and self.can_be_paused:
            lines.append(
                screen.text(message("all strategies are done; the best are judged and kept …"))
            )
        return [*lines, *self._trouble(screen), "", self._keys(screen)]

    def _speed(self, screen: Screen, now: SessionStatus) -> str:
        if now.state != SessionState.RUNNING or not now.rate:
            if self.can_be_paused and now.state != SessionState.COMPLETED:
                return screen.text(message("the workers are starting …"))
            return ""
        left = "–" if now.eta_seconds is None else screen.duration(now.eta_seconds)
        return screen.text(
            message(
                "{rate:,.0f} strategies a second, {left} left, {n} workers",
                rate=now.rate,
                left=left,
                n=len(now.workers),
            )
        )

    def _trouble(self, screen: Screen) -> list[str]:
        if self.trouble is None:
            return []
        return [
            screen.text(
                message("the database does not answer: {said}", said=screen.sentence(self.trouble))
            )
        ]

    def _keys(self, screen: Screen) -> str:
        if self.is_over:
            return screen.text(message("Enter: go on"))
        if self.can_be_paused:
            return screen.text(message("p: pause the run   Esc: leave, the run goes on"))
        return screen.text(message("Esc: leave, the run goes on"))


def watch_live(screen: Screen, session: Session, run: BackgroundRun | None) -> None:
    """Show a session until it is over or the user leaves."""
    from prompt_toolkit.application import Application
    from prompt_toolkit.filters import Condition
    from prompt_toolkit.key_binding import KeyBindings
    from prompt_toolkit.layout import FormattedTextControl, Layout, Window

    live = LiveSession(session, run)
    live.look()
    keys = KeyBindings()
    for name in ("escape", "q", "c-c", "0"):
        keys.add(name, eager=True)(lambda event: event.app.exit())
    over = Condition(lambda: live.is_over)
    keys.add("enter", filter=over, eager=True)(lambda event: event.app.exit())
    keys.add("p", eager=True)(lambda event: live.pause())
    text = FormattedTextControl(lambda: "\n".join(live.lines(screen)))
    app: Application[None] = Application(
        Layout(Window(text, wrap_lines=True, dont_extend_height=True)),
        key_bindings=keys,
        erase_when_done=True,
    )
    app.ttimeoutlen = 0.05
    left = threading.Event()

    def follow() -> None:
        while not left.wait(_SECONDS):
            live.look()
            app.invalidate()
            if live.is_over:
                live.look()
                app.invalidate()
                return

    reader = threading.Thread(target=follow, daemon=True)
    reader.start()
    try:
        app.run()
    finally:
        left.set()
        reader.join()
