"""Reports and comparisons as pages of the dashboard: drawn one at a time, the newest kept."""

import hashlib
import time
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

from sqlalchemy.engine import Engine

from studies.analysis import compare_sessions, latest_verdict
from studies.reports import (
    Html,
    SessionData,
    comparison_page,
    comparison_policy,
    element,
    report_page,
    report_policy,
)
from studies.sessions import SessionState, StoredSession, read_row
from studies.web.asked_filter import AskedFilter
from studies.web.documents import refuse_missing_file
from studies.web.layout import COMPARE, ROOT, link_to_session
from studies.web.seldom import Seldom

__all__ = ["DrawnPage", "DrawnPages"]

_N_KEPT = 8
_MOST_WAITING = 16


@dataclass(frozen=True)
class DrawnPage:
    """A whole page.

    Attributes
    ----------
    content : bytes
        HTML in UTF-8.
    policy : str
        The `Content-Security-Policy` that allows its own script and style.
    etag : str
    """

    content: bytes
    policy: str
    etag: str


class DrawnPages:
    """Makes pages that take seconds.

    A page is drawn again when the counts of its sessions, their verdicts or notes have changed,
    that of a session that is running in a tenth of the time at most.

    Parameters
    ----------
    engine : Engine
        From `studies.sessions.open_existing`.
    command : callable
        Writes a command line for the same database, to be shown.
    clock : callable
        Seconds; replaced in tests.
    """

    def __init__(
        self,
        engine: Engine,
        command: Callable[[str], str],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._engine = engine
        self._command = command
        self._seldom = Seldom(clock, n_kept=_N_KEPT, most_waiting=_MOST_WAITING)

    def report(self, session_id: str, asked: AskedFilter, language: str) -> DrawnPage:
        """Draw the report of a session.

        Raises
        ------
        SessionError
            If there is no such session.
        ConfigError
            If the filter cannot be read.
        SpaceError
            If a parameter is continuous.
        """

        def draw(sessions: Sequence[StoredSession]) -> DrawnPage:
            data = SessionData(sessions[0], asked.read(sessions[0]))
            page = report_page(data, self._command, language)
            return _drawn(page, report_policy(), link_to_session(session_id))

        return self._page(("report", language, asked), (session_id,), draw)

    def comparison(
        self, session_ids: Sequence[str], asked: AskedFilter, language: str
    ) -> DrawnPage:
        """Draw sessions side by side.

        Raises
        ------
        SessionError
            If there is no such session.
        ConfigError
            If one is named twice, or the filter cannot be read.
        """

        def draw(sessions: Sequence[StoredSession]) -> DrawnPage:
            comparison = compare_sessions(
                sessions, asked.where or None, factors=asked.factors, without=asked.without
            )
            page = comparison_page(comparison, self._command, language)
            others = element("a", "Other sessions", href=f"{COMPARE}{asked.query}")
            return _drawn(page, comparison_policy(), others, *map(link_to_session, session_ids))

        return self._page(("comparison", language, asked), session_ids, draw)

    def _page(
        self,
        kind: tuple[Hashable, ...],
        session_ids: Sequence[str],
        draw: Callable[[Sequence[StoredSession]], DrawnPage],
    ) -> DrawnPage:
        refuse_missing_file(self._engine)
        sessions = [StoredSession(self._engine, read_row(self._engine, x)) for x in session_ids]
        return self._seldom.get(
            (*kind, tuple(session_ids)),
            tuple(map(_version, sessions)),
            lambda: draw(sessions),
            may_wait=any(each.row.status == SessionState.RUNNING for each in sessions),
        )


def _version(session: StoredSession) -> tuple[object, ...]:
    """Return what of a session is seen on its pages and may change."""
    row, verdict = session.row, latest_verdict(session.engine, session.row.session_id)
    given = None if verdict is None else (verdict.strategy_id, verdict.created_at)
    return row.completed, row.failed, row.status, row.notes, given


def _drawn(page: str, policy: str, *links: Html) -> DrawnPage:
    """Put the links of the dashboard before a page that was made to stand alone."""
    ways = element(
        "nav",
        element("a", "Sessions", href=f"{ROOT}/"),
        *(part for link in links for part in (" · ", link)),
        aria_label="Pages of the dashboard",
    )
    before, header, after = page.partition("<header>")
    content = f"{before}{header}{ways}{after}".encode()
    return DrawnPage(content, policy, f'"{hashlib.sha256(content).hexdigest()[:32]}"')
