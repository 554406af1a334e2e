"""Strategies whose figures are all equal, as one result."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from studies.analysis.queries.session_table import SessionTable

__all__ = ["DistinctGroups", "distinct_groups"]


@dataclass(frozen=True)
class DistinctGroups:
    """Which strategies share a result.

    Attributes
    ----------
    group : ndarray of int64, shape (n_strategies,)
        Number of the result of each strategy, from 0 in the order of recording; -1 where it
        failed.
    n_strategies : ndarray of int64, shape (n_results,)
    """

    group: npt.NDArray[np.int64]
    n_strategies: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.n_strategies)


def distinct_groups(table: SessionTable) -> DistinctGroups:
    """Group the measured strategies by the figures that were read.

    A missing figure equals a missing one. Figures that were not read are not compared: read those
    that tell results apart, such as ``total_return``, ``max_drawdown``, ``turnover`` and
    ``fees_paid``.
    """
    measured = ~table.failed
    group = np.zeros(int(measured.sum()), dtype=np.int64)
    for values in table.figures.values():
        codes, distinct = pd.factorize(values[measured], use_na_sentinel=False)
        group, _ = pd.factorize(group * max(len(distinct), 1) + codes)
    groups = np.full(len(table), -1, dtype=np.int64)
    groups[measured] = group
    return DistinctGroups(groups, np.bincount(group))
