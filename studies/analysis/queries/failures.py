"""How many strategies failed, by reason and by value of a parameter."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from studies.analysis.queries.session_table import SessionTable
from studies.analysis.queries.value_groups import ValueGroup, value_groups_of

__all__ = ["FailedValue", "Failures", "count_failures"]


@dataclass(frozen=True)
class FailedValue:
    """Failures among the strategies with one value of a parameter.

    Attributes
    ----------
    group : ValueGroup
    n : int
        Strategies with the value.
    reasons : mapping of str to int
        Number of failures by reason.
    """

    group: ValueGroup
    n: int
    reasons: Mapping[str, int]


@dataclass(frozen=True)
class Failures:
    """Failures of a session.

    Attributes
    ----------
    n, n_failed : int
        Strategies recorded; those of them that failed.
    reasons : mapping of str to int
        Number of failures by reason, the most frequent first.
    values : tuple of FailedValue
        For every value of every parameter.
    """

    n: int
    n_failed: int
    reasons: Mapping[str, int]
    values: tuple[FailedValue, ...]


def count_failures(table: SessionTable) -> Failures:
    """Count failures by reason and by value of every parameter."""
    counts = np.bincount(table.failures + 1, minlength=len(table.reasons) + 1)[1:].tolist()
    order = sorted(range(len(counts)), key=lambda place: -counts[place])
    reasons = {table.reasons[place]: counts[place] for place in order if counts[place]}
    values = []
    for column, parameter in enumerate(table.space.parameters):
        shape = (len(parameter.finite_values()), len(table.reasons) + 1)
        cells = table.digits[:, column] * shape[1] + table.failures + 1
        crossed = np.bincount(cells, minlength=shape[0] * shape[1]).reshape(shape)
        for group in value_groups_of(parameter):
            n, *failed = crossed[group.members].sum(axis=0).tolist()
            by_reason = {table.reasons[place]: failed[place] for place in order if failed[place]}
            values.append(FailedValue(group, n + sum(failed), by_reason))
    return Failures(len(table), sum(counts), reasons, tuple(values))
