"""A worker's patience with its database."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from studies.database import WritePacer, retry_transient

__all__ = ["OnWait", "Patience"]

OnWait = Callable[[float | None], None]
"""Called with the seconds waited for the database so far, with None when the waiting is over."""

Result = TypeVar("Result")


@dataclass(frozen=True)
class Patience:
    """Retries what a worker does with the database while errors are transient.

    Parameters
    ----------
    pacer : WritePacer
        Its connection is given back before every retry; the next transaction opens another.
    on_wait : callable, optional
        See `studies.database.retry_transient`.
    """

    pacer: WritePacer
    on_wait: OnWait | None = None

    def retry(
        self, action: Callable[[], Result], before_retry: Callable[[], None] | None = None
    ) -> Result:
        """Do something with the database until it succeeds, fails for good or patience ends.

        Parameters
        ----------
        action : callable
            Must be safe to repeat (`studies.database.retry_transient`).
        before_retry : callable, optional
            What must be cleaned up besides the connection of the pacer.
        """

        def clean_up(error: BaseException, attempt: int) -> None:
            self.pacer.close()
            if before_retry is not None:
                before_retry()

        return retry_transient(action, on_retry=clean_up, on_wait=self.on_wait)
