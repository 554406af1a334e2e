"""The alerts of a run: a thread that looks every two seconds, and one that sends."""

import contextlib
import logging
import math
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from typing import Any

from studies.alerts import Action, Alert, AlertRule, Facts, RuleWatch, Sender
from studies.database import WritePacer, logged_suppress, utc_now
from studies.outcomes import sign_of
from studies.runs import Progress
from studies.sessions import StoredSession, write_entry
from studies.upkeep import available_memory, free_disk, read_chunk_history, read_status

__all__ = ["AlertWatch"]

LOOK_SECONDS = 2.0
LEAVE_SECONDS = 5.0
MOST_FAILED_LOOKS = 3
"""In a row, after which people are warned that nobody watches."""

_logger = logging.getLogger(__name__)


class AlertWatch:
    """Tells people of a run what their rules say, without the run ever waiting for it.

    Parameters
    ----------
    session : StoredSession
    rules : sequence of AlertRule
        None: nothing is started.

    Attributes
    ----------
    undelivered : list of str
        A line for each message that did not arrive, and for those dropped at the end.

    Examples
    --------
    ::

        watch = AlertWatch(session, config.alerts)
        with watch.over_run():
            session.run(on_progress=watch.follow)
    """

    def __init__(self, session: StoredSession, rules: Sequence[AlertRule]) -> None:
        # of its own, so that the row the run looks at stays as it is
        self._session = StoredSession(session.engine, session.row)
        self._metric, direction = next(iter(session.directions.items()))
        self._sign = sign_of(direction)
        self._rules = [RuleWatch(rule) for rule in rules]
        self._progress: Progress | None = None
        self._best = -math.inf
        self._done, self._moved_at = -1, time.monotonic()
        self._ended = threading.Event()
        self._failed_looks = 0
        self._sender: Sender | None = None
        self.undelivered: list[str] = []

    def follow(self, progress: Progress) -> None:
        """Take the progress of the run, which knows its best strategy, after every chunk."""
        self._progress = progress

    @contextlib.contextmanager
    def over_run(self) -> Iterator[None]:
        """Watch while the block runs; at its end wait 5 seconds at most for what is to be sent."""
        if not self._rules:
            yield
            return
        self._read_best()
        self._sender = Sender(self._note_failure)
        thread = threading.Thread(target=self._watch, name="alert-watch", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._ended.set()
            deadline = time.monotonic() + LEAVE_SECONDS
            thread.join(LEAVE_SECONDS)
            n_dropped = self._sender.close(max(0.0, deadline - time.monotonic()))
            if n_dropped:
                self._log_lines([f"alerts dropped at the end of the run: {n_dropped}"])

    def _read_best(self) -> None:
        """Begin with the best of earlier runs: what is no better is no news."""
        from studies.analysis import top

        with logged_suppress(_logger, "read the best strategy so far"):
            if self._session.row.completed:
                self._best = self._sign * float(top(self._session, 1)[self._metric].iloc[0])

    def _watch(self) -> None:
        over = False
        while not over:
            over = self._ended.wait(LOOK_SECONDS)
            try:
                self._look(ended=over)
            except Exception as error:  # the run itself meets what is wrong
                _logger.debug("no look for alerts", exc_info=True)
                self._failed_looks += 1
                if self._failed_looks == MOST_FAILED_LOOKS:
                    text = f"no alerts: the session could not be read ({type(error).__name__})"
                    self.undelivered.append(text)
            else:
                self._failed_looks = 0

    def _look(self, *, ended: bool) -> None:
        facts, now = self._facts(ended=ended), time.monotonic()
        found = [alert for rule in self._rules if (alert := rule.look(facts, now)) is not None]
        alerts = [(alert.rule, self._message(alert)) for alert in found]
        assert self._sender is not None
        for rule, message in alerts:  # sent first: the log may wait for the database
            if not rule.action.is_log_only:
                self._sender.put(rule.action, message)
        if alerts:
            self._log(alerts)

    def _facts(self, *, ended: bool) -> Facts:
        status = read_status(self._session)
        with self._session.engine.connect() as connection:
            history = read_chunk_history(connection, status.session_id)
        done, now = status.completed + status.failed, time.monotonic()
        if done != self._done:
            self._done, self._moved_at = done, now
        best_id, best = None, math.nan
        if self._progress is not None:
            best_id, best = self._progress.best_id, self._progress.best_value
        better = best_id is not None and self._sign * best > self._best
        if better:
            self._best = self._sign * best
        return Facts(
            ended=status.state if ended else None,
            done=done,
            total=status.total,
            n_recent=history.n_recent,
            n_recent_failed=history.n_recent_failed,
            idle_seconds=now - self._moved_at,
            eta_seconds=status.eta_seconds,
            disk_bytes=free_disk(self._session.engine),
            memory_bytes=available_memory(),
            metric=self._metric,
            best_id=best_id,
            best_value=best,
            better=better,
        )

    def _message(self, alert: Alert) -> dict[str, Any]:
        """Return what programs and addresses get."""
        return {
            "session": self._session.row.session_id,
            "rule": alert.rule.name,
            "value": alert.value,
            "text": alert.text,
            "time": utc_now().isoformat(timespec="seconds") + "Z",
            "host": socket.gethostname(),
        }

    def _note_failure(self, action: Action, reason: str) -> None:
        self._log_lines([f"alert to {action.name} did not arrive: {reason}"])

    def _log_lines(self, lines: Sequence[str]) -> None:
        self.undelivered += lines
        with logged_suppress(_logger, "note that an alert did not arrive"):
            self._write([("WARNING", line, {}) for line in lines])

    def _log(self, alerts: Sequence[tuple[AlertRule, dict[str, Any]]]) -> None:
        entries = []
        for rule, message in alerts:
            level = "INFO" if rule.when in ("new_best", "finished") else "WARNING"
            entries.append((level, f"alert {rule.name}: {message['text']}", message))
        with logged_suppress(_logger, "write alerts into the log of the session"):
            self._write(entries)

    def _write(self, entries: Sequence[tuple[str, str, dict[str, Any]]]) -> None:
        engine, session_id = self._session.engine, self._session.row.session_id
        with WritePacer(engine, cache_mb=1) as pacer, pacer.transaction() as connection:
            for level, text, details in entries:
                write_entry(connection, session_id, level, text, details)
