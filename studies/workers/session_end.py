"""The end of a session: the rest of its trials, its indexes, its status."""

import sqlalchemy as sa

from studies import queue
from studies.database import create_result_indexes
from studies.queue import Claim, LostClaimError
from studies.sessions import StoredSession, mark_completed
from studies.workers.patience import Patience

__all__ = ["close_session"]

_INDEXED_FROM = 100_000
"""Number of strategies from which a session builds the secondary indexes when it is closed."""

_TRIALS_PER_BATCH = 100


def close_session(
    session: StoredSession, claim: Claim, lease_seconds: float, patience: Patience
) -> None:
    """Append the best strategies that are no trials yet, build indexes, mark it completed.

    Parameters
    ----------
    session : StoredSession
    claim : Claim
        On the finishing chunk.
    lease_seconds : float
    patience : Patience

    Raises
    ------
    LostClaimError
        If the claim was lost meanwhile: another worker closes the session.
    """

    def read_missing() -> list[str]:
        with session.engine.connect() as connection:
            return session.study_writer.missing_best(connection)

    def append(strategy_ids: list[str]) -> None:
        with patience.pacer.transaction() as connection:
            _append_best(connection, session, claim, lease_seconds, strategy_ids)

    def close() -> None:
        with patience.pacer.transaction() as connection:
            queue.settle(connection, claim, 0, 0)
            mark_completed(connection, session.row.session_id)
            if session.row.total >= _INDEXED_FROM:
                create_result_indexes(connection)

    missing = patience.retry(read_missing)
    for start in range(0, len(missing), _TRIALS_PER_BATCH):
        batch = missing[start : start + _TRIALS_PER_BATCH]
        patience.retry(lambda batch=batch: append(batch))  # type: ignore[misc]
    patience.retry(close)


def _append_best(
    connection: sa.Connection,
    session: StoredSession,
    claim: Claim,
    lease_seconds: float,
    strategy_ids: list[str],
) -> None:
    if not queue.renew(connection, claim, lease_seconds):
        raise LostClaimError(f"the end of {claim.session_id} was taken over by another worker")
    writer = session.study_writer
    # asked again in the transaction: a repeated one finds nothing left to do
    present = writer.present(connection)
    writer.append_recorded(connection, [i for i in strategy_ids if i not in present])
