"""What the pages show, as plain values: read from the database, the costly parts seldom."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from pathlib import Path
from typing import Any

from sqlalchemy.engine import Engine

from search_spaces.errors import ConfigError, MassTuningError, SessionError, StorageError
from studies.analysis import (
    Filter,
    figures_of_verdict,
    flat_settings,
    latest_verdict,
    latest_verdicts,
    loses_out_of_sample,
    metric_units,
    plain,
    read_verdicts,
    recompute,
    result_row,
    spent_warning,
    top,
    verdict_settings,
)
from studies.analysis import StoredVerdict as Verdict
from studies.database import database_errors, display_url
from studies.sessions import SessionRow, SessionState, StoredSession, list_sessions, read_row
from studies.trials import existing_studies
from studies.upkeep import read_status, status_with_warnings
from studies.web.asked_filter import AskedFilter
from studies.web.seldom import Seldom

__all__ = ["Documents", "refuse_missing_file"]

_N_BEST = 10
_N_CURVES = 64
_N_FILTERS = 64
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

    The best results and the failures of a session that is running are read seldom (see
    :class:`studies.web.seldom.Seldom`). Curves are computed one at a time and the newest 64 kept.

    Parameters
    ----------
    engine : Engine
        From `studies.sessions.open_existing`.
    clock : callable
        Seconds; replaced in tests.
    """

    def __init__(self, engine: Engine, clock: Callable[[], float] = time.monotonic) -> None:
        self.engine = engine
        self._seldom = Seldom(clock)
        self._chosen = Seldom(clock, n_kept=_N_FILTERS)
        self._computing = threading.Lock()
        self._curves: OrderedDict[tuple[str, str], dict[str, Any]] = OrderedDict()

    def sessions(self) -> list[dict[str, Any]]:
        """List all sessions, newest first, each with its best result and its verdict."""
        refuse_missing_file(self.engine)
        rows = list_sessions(self.engine)
        verdicts = latest_verdicts(self.engine, [row.session_id for row in rows])
        self._seldom.keep_sessions({row.session_id for row in rows})
        return [self._listed(row, verdicts.get(row.session_id)) for row in rows]

    def session(self, session_id: str, asked: AskedFilter | None = None) -> dict[str, Any]:
        """Read everything about one session.

        Parameters
        ----------
        session_id : str
        asked : AskedFilter, optional
            Of which strategies the best are listed; by default of all.

        Raises
        ------
        SessionError
            If there is no such session.
        ConfigError
            If the filter cannot be read.
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
            **self._chosen_best(session, asked or AskedFilter()),
            "failures": self._read("failures", session, _failures_of) if status.failed else {},
            "verdict": None if stored is None else _verdict(stored),
            "settings": {
                name: value
                for name, value in flat_settings(config).items()
                if value is not None and value != {}
            },
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
        if not session.row.completed:
            return []
        best: list[dict[str, Any]] = self._read("best", session, _best_results)
        return best

    def _chosen_best(self, session: StoredSession, asked: AskedFilter) -> dict[str, Any]:
        """Read the best of the strategies that fulfil a filter, and what must be said of it."""
        chosen = asked.read(session)
        if chosen is None:
            return {"best": self._best_of(session), "filter": None, "filter_warning": None}
        chosen.clause()  # refuses what cannot be selected by, also of a session without results
        objective = next(iter(session.directions))
        return {
            "best": self._read(asked, session, lambda of: _best_results(of, chosen), self._chosen),
            "filter": chosen.text,
            "filter_warning": spent_warning(objective, chosen.names),
        }

    def _read(
        self,
        kind: Hashable,
        session: StoredSession,
        read: Callable[[StoredSession], Any],
        seldom: Seldom | None = None,
    ) -> Any:
        """Read something costly, or return what was read of it before."""
        row = session.row
        return (seldom or self._seldom).get(
            (kind, row.session_id),
            (row.completed, row.failed),
            lambda: read(session),
            may_wait=row.status == SessionState.RUNNING,
        )

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


def _failures_of(session: StoredSession) -> dict[str, int]:
    return dict(read_status(session, detailed=True).failures)


def _best_results(session: StoredSession, chosen: Filter | None = None) -> list[dict[str, Any]]:
    try:
        frame = top(session, _N_BEST, where=chosen)
        metric = next(iter(session.directions))
    except (SessionError, ConfigError):  # of a release that this one cannot read
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
