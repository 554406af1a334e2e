"""Keeping the lease of what a worker holds, while it works."""

import contextlib
import threading
from collections.abc import Iterator

from sqlalchemy.engine import Engine

from studies import queue
from studies.database import write_transaction
from studies.queue.claims import Claim

__all__ = ["LeaseKeeper"]


class LeaseKeeper:
    """Renews leases from one thread, which lives until it is closed.

    A thread for every chunk would cost more than a small chunk does. This one looks up every
    sixth of a lease and renews what is held at two looks in a row, so a lease is renewed before
    a third of it is over.

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
            with contextlib.suppress(Exception), write_transaction(self._engine) as connection:
                queue.renew(connection, claim, self._seconds)
