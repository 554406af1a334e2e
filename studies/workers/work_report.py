"""What came of one step of a worker."""

from dataclasses import dataclass

__all__ = ["WorkReport"]


@dataclass(frozen=True)
class WorkReport:
    """What came of one step of a worker: small, so that it travels cheaply.

    Attributes
    ----------
    n_completed, n_failed : int
        Strategies recorded.
    best_id : str or None
    best_value : float
        Best of them by the first metric; NaN while there is none.
    last_failure : str or None
        Reason of the last failed one.
    idle : bool
        There was nothing to claim.
    """

    n_completed: int = 0
    n_failed: int = 0
    best_id: str | None = None
    best_value: float = float("nan")
    last_failure: str | None = None
    idle: bool = False
