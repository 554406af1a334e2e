"""Verdicts as they are stored: written once, read by everything that shows a winner."""

import dataclasses
import datetime
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from objectives.validation.verdict import Verdict
from search_spaces.errors import StorageError
from studies.database import database_errors, utc_now, verdicts, write_transaction

__all__ = [
    "StoredVerdict",
    "latest_verdict",
    "latest_verdicts",
    "read_verdicts",
    "store_verdict",
    "stored_answer",
]


@dataclass(frozen=True)
class StoredVerdict:
    """A verdict in the database.

    Attributes
    ----------
    session_id, strategy_id : str
        What was judged.
    verdict : Verdict
        The word, its reasons, every figure.
    settings : mapping
        How it was computed, and against what; equal settings give an equal verdict.
    data_fingerprint : str
        Of the market it was computed on.
    n_before : int
        Other verdicts given on the same market before: each is one more look at the same days.
        Those that could compare nothing do not count.
    seconds : float
        What it took.
    created_at : datetime
        UTC, without a zone.
    not_stored : str or None
        Why it could not be written; None if it was.
    """

    session_id: str
    strategy_id: str
    verdict: Verdict
    settings: Mapping[str, Any]
    data_fingerprint: str
    n_before: int
    seconds: float
    created_at: datetime.datetime
    not_stored: str | None = None

    @property
    def short(self) -> str:
        """The word and the day it was given, as lists show it."""
        return f"{self.verdict.word} ({self.created_at:%Y-%m-%d})"

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, as JSON holds them."""
        return {
            "session_id": self.session_id,
            "strategy_id": self.strategy_id,
            "verdict": self.verdict.word,
            "reasons": list(self.verdict.reasons),
            "figures": dict(self.verdict.figures),
            "settings": dict(self.settings),
            "n_before": self.n_before,
            "seconds": self.seconds,
            "created_at": self.created_at.isoformat(timespec="seconds"),
            "not_stored": self.not_stored,
        }


def store_verdict(
    engine: Engine,
    session_id: str,
    strategy_id: str,
    verdict: Verdict,
    *,
    settings: Mapping[str, Any],
    data_fingerprint: str,
    seconds: float,
    again: bool = False,
) -> StoredVerdict:
    """Write a verdict, and count those given on the same market before.

    Parameters
    ----------
    again : bool
        Write it even if another process has stored the same one meanwhile; else that one is
        returned.

    Returns
    -------
    StoredVerdict
        With the reason in `not_stored` where the database cannot be written.
    """
    stored = StoredVerdict(
        session_id, strategy_id, verdict, settings, data_fingerprint, 0, seconds, utc_now()
    )
    try:
        with database_errors(engine), write_transaction(engine) as connection:
            known = None if again else _answer(connection, session_id, strategy_id, settings)
            if known is not None:
                return known
            n_before = _n_on(connection, data_fingerprint)
            stored = dataclasses.replace(stored, n_before=n_before)
            connection.execute(verdicts.insert(), _row_of(stored))
    except StorageError as error:
        return dataclasses.replace(stored, not_stored=str(error))
    return stored


def stored_answer(
    engine: Engine, session_id: str, strategy_id: str, settings: Mapping[str, Any]
) -> StoredVerdict | None:
    """Read the newest verdict on a strategy that was computed with equal settings, if any."""
    with database_errors(engine), engine.connect() as connection:
        return _answer(connection, session_id, strategy_id, settings)


def read_verdicts(
    engine: Engine, session_id: str, strategy_id: str | None = None
) -> list[StoredVerdict]:
    """Read the verdicts of a session, or of one of its strategies, the newest first."""
    query = sa.select(verdicts).where(verdicts.c.session_id == session_id)
    if strategy_id is not None:
        query = query.where(verdicts.c.strategy_id == strategy_id)
    with database_errors(engine), engine.connect() as connection:
        rows = connection.execute(query.order_by(verdicts.c.id.desc())).all()
    return [_stored(row) for row in rows]


def latest_verdict(
    engine: Engine, session_id: str, strategy_id: str | None = None
) -> StoredVerdict | None:
    """Read the newest verdict of a strategy; where it has none, that of the session's best."""
    of_session = read_verdicts(engine, session_id)
    of_strategy = [stored for stored in of_session if stored.strategy_id == strategy_id]
    of_best = [stored for stored in of_session if stored.settings.get("is_best")]
    return next(iter([*of_strategy, *of_best]), None)


def latest_verdicts(engine: Engine, session_ids: Iterable[str]) -> dict[str, StoredVerdict]:
    """Read the newest verdict on the best strategy of each session that has one, by session id."""
    wanted = set(session_ids)
    with database_errors(engine), engine.connect() as connection:
        rows = connection.execute(sa.select(verdicts).order_by(verdicts.c.id)).all()
    found = [_stored(row) for row in rows if row.session_id in wanted]
    return {stored.session_id: stored for stored in found if stored.settings.get("is_best")}


def _answer(
    connection: Connection, session_id: str, strategy_id: str, settings: Mapping[str, Any]
) -> StoredVerdict | None:
    query = sa.select(verdicts).where(
        verdicts.c.session_id == session_id,
        verdicts.c.strategy_id == strategy_id,
        verdicts.c.settings == _settings_text(settings),
    )
    row = connection.execute(query.order_by(verdicts.c.id.desc()).limit(1)).first()
    return None if row is None else _stored(row)


def _row_of(stored: StoredVerdict) -> dict[str, Any]:
    verdict = stored.verdict
    return {
        "session_id": stored.session_id,
        "strategy_id": stored.strategy_id,
        "verdict": verdict.word,
        "p_cash": verdict.figures.get("p_cash"),
        "p_basket": verdict.figures.get("p_basket"),
        "settings": _settings_text(stored.settings),
        "figures": json.dumps({"reasons": list(verdict.reasons), "figures": dict(verdict.figures)}),
        "data_fingerprint": stored.data_fingerprint,
        "n_before": stored.n_before,
        "seconds": stored.seconds,
        "created_at": stored.created_at,
    }


def _settings_text(settings: Mapping[str, Any]) -> str:
    return json.dumps(dict(settings), sort_keys=True)


def _n_on(connection: Connection, data_fingerprint: str) -> int:
    counted = sa.select(sa.func.count()).where(
        verdicts.c.data_fingerprint == data_fingerprint, verdicts.c.p_cash.is_not(None)
    )
    return int(connection.execute(counted).scalar_one())


def _stored(row: Any) -> StoredVerdict:
    document = json.loads(row.figures)
    return StoredVerdict(
        row.session_id,
        row.strategy_id,
        Verdict(row.verdict, tuple(document["reasons"]), document["figures"]),
        json.loads(row.settings),
        row.data_fingerprint,
        row.n_before,
        row.seconds,
        row.created_at,
    )
