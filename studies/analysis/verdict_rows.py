"""Verdicts as they are stored: written once, read by everything that shows a winner."""

import datetime
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from objectives.validation.verdict import Verdict
from studies.database import database_errors, utc_now, verdicts, write_transaction

__all__ = [
    "StoredVerdict",
    "latest_verdict",
    "latest_verdicts",
    "read_verdicts",
    "store_verdict",
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
        Verdicts given on the same market before: each is one more look at the same days.
    seconds : float
        What it took.
    created_at : datetime
        UTC, without a zone.
    """

    session_id: str
    strategy_id: str
    verdict: Verdict
    settings: Mapping[str, Any]
    data_fingerprint: str
    n_before: int
    seconds: float
    created_at: datetime.datetime

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
) -> StoredVerdict:
    """Write a verdict, and count those given on the same market before."""
    created_at = utc_now()
    document = {"reasons": list(verdict.reasons), "figures": dict(verdict.figures)}
    with database_errors(engine), write_transaction(engine) as connection:
        n_before = _n_on(connection, data_fingerprint)
        connection.execute(
            verdicts.insert(),
            {
                "session_id": session_id,
                "strategy_id": strategy_id,
                "verdict": verdict.word,
                "p_cash": verdict.figures.get("p_cash"),
                "p_basket": verdict.figures.get("p_basket"),
                "settings": json.dumps(dict(settings), sort_keys=True),
                "figures": json.dumps(document),
                "data_fingerprint": data_fingerprint,
                "n_before": n_before,
                "seconds": seconds,
                "created_at": created_at,
            },
        )
    return StoredVerdict(
        session_id, strategy_id, verdict, settings, data_fingerprint, n_before, seconds, created_at
    )


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
    """Read the newest verdict of a strategy; where it has none, the newest of its session."""
    of_session = read_verdicts(engine, session_id)
    of_strategy = [stored for stored in of_session if stored.strategy_id == strategy_id]
    return next(iter([*of_strategy, *of_session]), None)


def latest_verdicts(engine: Engine, session_ids: Iterable[str]) -> dict[str, StoredVerdict]:
    """Read the newest verdict of each session that has one, by session id."""
    wanted = set(session_ids)
    newest = sa.select(sa.func.max(verdicts.c.id)).group_by(verdicts.c.session_id)
    query = sa.select(verdicts).where(verdicts.c.id.in_(newest))
    with database_errors(engine), engine.connect() as connection:
        rows = connection.execute(query).all()
    return {row.session_id: _stored(row) for row in rows if row.session_id in wanted}


def _n_on(connection: Connection, data_fingerprint: str) -> int:
    counted = sa.select(sa.func.count()).where(verdicts.c.data_fingerprint == data_fingerprint)
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
