"""Whether somebody else is working on a session."""

from studies.database import write_transaction
from studies.queue import has_live_claim, release_dead
from studies.sessions import SessionState, StoredSession

__all__ = ["others_work_on"]


def others_work_on(session: StoredSession) -> bool:
    """Whether other processes hold chunks of a session whose row, as last read, says it runs.

    Chunks of dead processes of this host are given back first.
    """
    session_id = session.row.session_id
    if session.row.status != SessionState.RUNNING:
        return False
    with write_transaction(session.engine) as connection:
        release_dead(connection, session_id)
        return has_live_claim(connection, session_id)
