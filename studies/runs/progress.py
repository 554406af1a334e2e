"""How far a session is, as one run sees it."""

import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from studies.database import logged_suppress
from studies.outcomes import sign_of
from studies.workers import WorkReport

__all__ = ["Progress", "show_waiting"]

_logger = logging.getLogger(__name__)


@dataclass
class Progress:
    """How far a session is, as one run sees it.

    Attributes
    ----------
    total, completed, failed : int
        Strategies of the session; ``completed`` without ``failed``.
    direction : str
        Of the first metric.
    done_here : int
        Strategies this run has recorded.
    seconds : float
        Since this run began.
    best_id : str or None
    best_value : float
        Best of this run, of the first metric; NaN while there is none.
    last_failure : str or None
        Reason of the latest failed strategy.
    waited_seconds : float
        For which this run has waited for the database, the waiting of now left out.
    """

    total: int
    completed: int
    failed: int
    direction: str = "maximize"
    done_here: int = 0
    seconds: float = 0.0
    best_id: str | None = None
    best_value: float = math.nan
    last_failure: str | None = None
    waited_seconds: float = 0.0
    _began: float = field(default_factory=time.perf_counter, repr=False)
    _first: tuple[int, float] = field(default=(0, 0.0), repr=False)
    _waiting_since: float | None = field(default=None, repr=False)

    @property
    def done(self) -> int:
        """Strategies completed or failed."""
        return self.completed + self.failed

    @property
    def rate(self) -> float:
        """Strategies per second of this run."""
        return self.done_here / self.seconds if self.seconds > 0 else 0.0

    @property
    def eta_seconds(self) -> float | None:
        """Seconds left at the rate after the first chunk, which is slow; None before a second."""
        done, seconds = self._first
        later = self.seconds - seconds
        if self.done_here <= done or not done or later <= 0:
            return None
        return (self.total - self.done) * later / (self.done_here - done)

    @property
    def waiting_seconds(self) -> float:
        """How long the run has been waiting for the database now; 0 while it is not waiting."""
        since = self._waiting_since
        return 0.0 if since is None else time.perf_counter() - since

    def start(self) -> None:
        """Count the seconds of the run from here."""
        self._began = time.perf_counter()

    def wait(self, seconds: float | None) -> None:
        """Note that the run waits for the database, for `seconds` already; None: no longer."""
        if seconds is None:
            self.waited_seconds += self.waiting_seconds
        self._waiting_since = None if seconds is None else time.perf_counter() - seconds

    def add(self, report: WorkReport) -> None:
        """Count what a worker recorded."""
        self.completed += report.n_completed
        self.failed += report.n_failed
        self.done_here += report.n_completed + report.n_failed
        self.last_failure = report.last_failure or self.last_failure
        self.seconds = time.perf_counter() - self._began
        if not self._first[0]:
            self._first = (self.done_here, self.seconds)
        if report.best_id is None:
            return
        sign = sign_of(self.direction)
        if self.best_id is None or sign * report.best_value > sign * self.best_value:
            self.best_id, self.best_value = report.best_id, report.best_value


def show_waiting(
    progress: Progress, on_progress: Callable[[Progress], None] | None
) -> Callable[[float | None], None]:
    """Return what `retry_transient` is to call while the database is waited for.

    It notes the waiting in `progress`, and shows that before every pause. An exception of
    `on_progress` is logged at DEBUG, so that patience does not end with it.
    """

    def on_wait(seconds: float | None) -> None:
        progress.wait(seconds)
        if seconds is not None and on_progress is not None:
            with logged_suppress(_logger, "show that the database is waited for"):
                on_progress(progress)

    return on_wait
