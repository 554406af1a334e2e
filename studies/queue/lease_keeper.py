"""Keeping the lease of what a worker holds, while it works."""

import contextlib
import logging
import threading
from collections.abc import Iterator

from sqlalchemy.engine import Engine

from studies import queue
from studies.database import logged_suppress, write_transaction
from studies.queue.claims import Claim

__all__ = ["LeaseKeeper"]

_logger = logging.getLogger(__name__)


class LeaseKeeper:
    """Renews the lease of one claim from a thread, which starts at the first hold.

    The thread wakes every ``seconds / 6`` and renews the claim that is held, if it was already
    held at the previous wake-up. So the first renewal comes before a third of the lease is over,
    and a chunk that takes less than ``seconds / 6`` costs no UPDATE. It ends when the keeper is
    closed; one thread for all chunks, because starting one takes longer than a small chunk.

    Parameters
    ----------
    engine : Engine
    seconds : float
        Length of a lease.
    """

    def __init__(self, engine: Engine, seconds: float) -> None:
        self._engine = engine
        self._seconds = seconds
        self._held: Claim | None = None
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None

    @contextlib.contextmanager
    def hold(self, claim: Claim) -> Iterator[None]:
        """Renew the lease of a claim as long as the block takes."""
        self._held = claim
        if self._thread is None:
            self._thread = threading.Thread(target=self._keep, name="lease-keeper", daemon=True)
            self._thread.start()
        try:
            yield
        finally:
            self._held = None

    def close(self) -> None:
        """End the thread."""
        self._closed.set()
        if self._thread is not None:
            self._thread.join()

    def _keep(self) -> None:
        seen = None
        while not self._closed.wait(self._seconds / 6):
            claim, before = self._held, seen
            seen = claim
            if claim is None or claim is not before:
                continue
            # a lost lease or connection shows when the chunk is recorded
            with (
                logged_suppress(_logger, f"renew the lease of chunk {claim.chunk_no}"),
                write_transaction(self._engine) as connection,
            ):
                if not queue.renew(connection, claim, self._seconds):
                    _logger.info("the claim on chunk %d is lost", claim.chunk_no)
