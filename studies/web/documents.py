"""What the pages show, as plain values: read from the database, the costly parts seldom."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy.engine import Engine

from search_spaces.errors import ConfigError, MassTuningError, SessionError, StorageError
from studies.analysis import StoredVerdict as Verdict
from studies.analysis import (
    figures_of_verdict,
    latest_verdict,
    latest_verdicts,
    loses_out_of_sample,
    metric_units,
    plain,
    read_verdicts,
    recompute,
    result_row,
    top,
    verdict_settings,
)
from studies.database import database_errors, display_url
from studies.sessions import SessionRow, SessionState, StoredSession, list_sessions, read_row
from studies.trials import existing_studies
from studies.upkeep import read_status, status_with_warnings

__all__ = ["Documents", "refuse_missing_file"]

_N_BEST = 10
_SHARE_OF_TIME = 0.1
_N_CURVES = 64
_T = TypeVar("_T")
_BARS = "▁▂▃▄▅▆▇█"


def refuse_missing_file(engine: Engine) -> None:
    """Refuse to read a SQLite file that is gone, in whose place an empty one would be made.

    Connections to it are closed, so that a file that is put back is read and not the old one.

    Raises
    ------
    StorageError
    """
    if engine.dialect.name == "sqlite" and not Path(str(engine.url.database)).exists():
        engine.dispose()
        raise StorageError(f"{display_url(engine)}: the file is gone; put it back")


class Documents:
    """Reads what the pages show of a database.

    The best results and the failures of a session that is running are read again when its counts
    have changed and ten times as long has gone by as reading them took: a hundred open pages cost
    as much as one, and a tenth of the time at most. Curves are computed one at a time and the
    newest 64 kept.

    Parameters
    ----------
    engine : Engine
        From `studies.sessions.open_existing`.
    clock : callable
        Seconds; replaced in tests.
    """

    def __init__(self, engine: Engine, clock: Callable[[], float] = time.monotonic) -> None:
        self.engine = engine
        self._clock = clock
        self._lock = threading.Lock()
        self._known: dict[tuple[str, str], _Known] = {}
        self._computing = threading.Lock()
        self._curves: OrderedDict[tuple[str, str], dict[str, Any]] = OrderedDict()

    def sessions(self) -> list[dict[str, Any]]:
        """List all sessions, newest first, each with its best result and its verdict."""
        refuse_missing_file(self.engine)
        rows = list_sessions(self.engine)
        verdicts = latest_verdicts(self.engine, [row.session_id for row in rows])
        with self._lock:
            listed = {row.session_id for row in rows}
            for key in [key for key in self._known if key[1] not in listed]:
                del self._known[key]
        return [self._listed(row, verdicts.get(row.session_id)) for row in rows]

    def session(self, session_id: str) -> dict[str, Any]:
        """Read everything about one session.

        Raises
        ------
        SessionError
            If there is no such session, or an earlier system recorded it.
        """
        refuse_missing_file(self.engine)
        session = StoredSession(self.engine, read_row(self.engine, session_id))
        with database_errors(self.engine):
            status = status_with_warnings(session)
        config = session.config.without_passwords().model_dump(mode="json", exclude={"database"})
        stored = latest_verdict(self.engine, session_id)
        document = {
            name: getattr(status, name)
            for name in (
                *("session_id", "mode", "method", "seed", "total", "completed", "failed"),
                *("pending", "created_at", "started_at", "completed_at", "notes", "directions"),
                *("rate", "eta_seconds", "warnings"),
            )
        }
        document |= {
            "status": str(status.state),
            "workers": len(status.workers),
            "benchmark": dict(session.row.snapshot.benchmark),
            "best": self._best_of(session),
            "failures": self._seldom("failures", session, _failures_of) if status.failed else {},
            "verdict": None if stored is None else _verdict(stored),
            "settings": _flat(config),
            "split_date": session.config.backtest.get("split_date"),
            "studies": _studies_of(session),
        }
        return dict(plain(document))

    def strategy(self, session_id: str, strategy_id: str) -> dict[str, Any]:
        """Read everything recorded of one strategy, and compute its curve.

        Raises
        ------
        SessionError
            If there is no such session, or no result of the strategy in it.
        """
        refuse_missing_file(self.engine)
        session = StoredSession(self.engine, read_row(self.engine, session_id))
        recorded = result_row(session, strategy_id)
        stored = next(iter(read_verdicts(self.engine, session_id, strategy_id)), None)
        names = ("rank", "n_ranked", "n_strategies", "failure", "start_date", "end_date")
        document = {
            "session_id": session_id,
            "strategy_id": strategy_id,
            **{name: recorded[name] for name in names},
            "objective": next(iter(session.directions)),
            "parameters": recorded["parameters"],
            "loses_out_of_sample": loses_out_of_sample(recorded),
            "figures": {name: recorded[name] for name in session.figures},
            "verdict": None if stored is None else _verdict(stored),
            "split_date": session.config.backtest.get("split_date"),
            "curve": self._curve(session, recorded),
        }
        return dict(plain(document))

    def _listed(self, row: SessionRow, stored: Verdict | None) -> dict[str, Any]:
        names = ("session_id", "mode", "method", "total", "completed", "failed")
        best = self._best_of(StoredSession(self.engine, row))
        document = {
            **{name: getattr(row, name) for name in (*names, "created_at", "notes")},
            "status": str(row.status),
            "best": best[0] if best else None,
            "verdict": None if stored is None else stored.short,
            "word": None if stored is None else stored.verdict.word,
        }
        return dict(plain(document))

    def _best_of(self, session: StoredSession) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        if session.row.completed:
            found = self._seldom("best", session, _best_results)
        return found

    def _seldom(self, kind: str, session: StoredSession, read: Callable[[StoredSession], _T]) -> _T:
        """Read something costly, or return what was read of it before."""
        row, key = session.row, (kind, session.row.session_id)
        counts = (row.completed, row.failed)
        with self._lock:  # one reader at a time: the others find what it read
            known = self._known.get(key)
            began = self._clock()
            may_wait = row.status == SessionState.RUNNING
            if known is None or not (
                known.counts == counts or (may_wait and began < known.again_at)
            ):
                value = read(session)
                ended = self._clock()
                again_at = ended + (ended - began) * (1 / _SHARE_OF_TIME - 1)
                known = self._known[key] = _Known(counts, value, again_at)
            return known.value

    def _curve(self, session: StoredSession, recorded: Mapping[str, Any]) -> dict[str, Any]:
        key = session.row.session_id, recorded["strategy_id"]
        with self._computing:  # the compiled code uses all processors by itself
            if key not in self._curves:
                curve = _compute_curve(session, recorded)
                if "equity" not in curve:  # the market may be put right
                    return curve
                self._curves[key] = curve
                if len(self._curves) > _N_CURVES:
                    self._curves.popitem(last=False)
            self._curves.move_to_end(key)
            return self._curves[key]


@dataclass(frozen=True)
class _Known:
    """What was read of a session, at which counts, and from when on it may be read again."""

    counts: tuple[int, int]
    value: Any
    again_at: float


def _failures_of(session: StoredSession) -> dict[str, int]:
    return dict(read_status(session, detailed=True).failures)


def _best_results(session: StoredSession) -> list[dict[str, Any]]:
    try:
        frame = top(session, _N_BEST)
        metric = next(iter(session.directions))
    except (SessionError, ConfigError):  # of an earlier system
        return []
    units = metric_units()
    return [
        {
            "rank": rank,
            "strategy_id": row["strategy_id"],
            "n_strategies": row["n_strategies"],
            "metric": metric,
            "loses_out_of_sample": loses_out_of_sample(row),
            "figures": {str(name): plain(row[name]) for name in row if name in units},
        }
        for rank, row in zip(frame.index.tolist(), frame.to_dict("records"), strict=True)
    ]


def _verdict(stored: Verdict) -> dict[str, Any]:
    figures = stored.verdict.figures
    listed = figures_of_verdict(figures, _bars) if "p_cash" in figures else []
    return {
        "word": stored.verdict.word,
        "short": stored.short,
        "strategy_id": stored.strategy_id,
        "reasons": list(stored.verdict.reasons),
        "figures": [list(row) for row in listed],
        "against": verdict_settings(stored.settings),
        "n_before": stored.n_before,
    }


def _bars(counts: Any) -> str:
    largest = max(counts, default=0) or 1
    last = len(_BARS) - 1
    return "".join(_BARS[round(count / largest * last)] if count else "·" for count in counts)


def _compute_curve(session: StoredSession, recorded: Mapping[str, Any]) -> dict[str, Any]:
    """Backtest a strategy again; where that cannot be done, say why."""
    try:
        recomputed = recompute(session, recorded)
    except StorageError:
        raise
    except MassTuningError as error:
        return {"missing": str(error)}
    result = recomputed.result
    return {
        "dates": [f"{date:%Y-%m-%d}" for date in result.equity.index],
        "equity": result.equity.tolist(),
        "basket": result.basket_equity.tolist(),
        "differences": list(recomputed.differences),
    }


def _studies_of(session: StoredSession) -> list[dict[str, Any]]:
    """Name the session's Optuna studies that exist, and say what each of them holds."""
    existing = existing_studies(session.engine, session.row.session_id)
    names = session.studies
    kinds = {names.best: "all strategies"}
    if not session.stores_all:
        kinds = {names.best: "sample and best"}
    if names.sample is not None:
        kinds = {names.sample: "even sample", names.best: "best"}
    return [
        {"study_id": existing[name], "name": name, "holds": holds}
        for name, holds in kinds.items()
        if name in existing
    ]


def _flat(values: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    """Write nested settings as names with dots."""
    flat: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{before}{name}.")
        elif value is not None:
            flat[f"{before}{name}"] = value
    return flat
