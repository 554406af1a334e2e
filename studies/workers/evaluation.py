"""Evaluating strategies under time limits; one that raises or takes too long fails alone."""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from objectives.base import Batch, Objective

__all__ = ["joined"]


def joined(objective: "Objective", batches: "list[Batch | str]") -> "Batch":
    """Join batches of one strategy each; a text is the reason of a failed one."""
    from objectives import Batch

    names = next((batch.names for batch in batches if isinstance(batch, Batch)), ())
    values = np.full((len(batches), len(names)), np.nan)
    values_objective = np.full((len(batches), len(objective.directions)), np.nan)
    failure: list[str | None] = []
    for position, batch in enumerate(batches):
        if isinstance(batch, Batch):
            values[position], values_objective[position] = batch.values[0], batch.objective[0]
            failure.append(batch.failure[0])
        else:
            failure.append(batch)
    return Batch(names, values, values_objective, tuple(failure))
