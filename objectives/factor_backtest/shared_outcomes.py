"""Figures that one simulation found, kept for the strategies that would repeat it."""

import threading
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["Outcomes", "SharedOutcomes"]

MAX_BYTES = 32 * 2**20
"""Rules and figures kept at most. One class of data periods of the default space has 54,600
outcomes of 16 figures: 10 MB."""


@dataclass(frozen=True)
class Outcomes:
    """What strategies that share a ranking were worth.

    Attributes
    ----------
    rules : tuple of bytes, length n_rules
        Their rules, as `PointTable.rule_keys` writes them.
    metrics : ndarray of float64, shape (n_rules, n_segments, n_metrics)
        In the same order; not to be written into.
    """

    rules: tuple[bytes, ...]
    metrics: npt.NDArray[np.float64]

    def of(self, rules: Sequence[bytes]) -> npt.NDArray[np.float64] | None:
        """Return the figures of some rules in their order; None unless all are here."""
        if tuple(rules) == self.rules:
            return self.metrics
        place = {rule: k for k, rule in enumerate(self.rules)}
        found = [place.get(rule, -1) for rule in rules]
        return None if -1 in found else self.metrics[found]

    def joined(self, other: "Outcomes") -> "Outcomes":
        """Return these outcomes, and those of the other whose rules are not among them."""
        known = set(self.rules)
        fresh = [k for k, rule in enumerate(other.rules) if rule not in known]
        return Outcomes(
            self.rules + tuple(other.rules[k] for k in fresh),
            np.concatenate([self.metrics, other.metrics[fresh]]),
        )

    @property
    def n_bytes(self) -> int:
        """Size of rules and figures."""
        return self.metrics.nbytes + sum(map(len, self.rules))


class SharedOutcomes:
    """Outcomes by what a ranking is made of, and by the rules that trade it.

    Safe to use from several threads. When it is full, it keeps what it has: a walk through a
    space that is too large for it still finds a part, where dropping the oldest would find none.

    Parameters
    ----------
    max_bytes : int
        Room for rules and figures.
    """

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._blocks: dict[Hashable, Outcomes] = {}
        self.n_bytes = 0

    def __getstate__(self) -> dict[str, Any]:
        return {"max_bytes": self._max_bytes}  # a copy in another process begins empty

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(**state)  # type: ignore[misc]

    def find(self, block: Hashable) -> Outcomes | None:
        """Return the outcomes on the ranking that is made of ``block``."""
        with self._lock:
            return self._blocks.get(block)

    def add(self, block: Hashable, outcomes: Outcomes) -> None:
        """Keep outcomes, if there is room."""
        with self._lock:
            held = self._blocks.get(block)
            together = outcomes if held is None else held.joined(outcomes)
            n_bytes = self.n_bytes + together.n_bytes - (held.n_bytes if held else 0)
            if n_bytes <= self._max_bytes:
                self._blocks[block] = together
                self.n_bytes = n_bytes
