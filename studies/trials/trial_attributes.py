"""User attributes of the trials of sessions: the strategy's id, and a few figures that sort.

Each attribute is a column of optuna-dashboard's table and a row of the database, so there are
few; all figures of a strategy are in its row of the results.
"""

import json
import math
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from studies.outcomes import Outcome
from studies.trials.append import JsonText

__all__ = ["SHOWN_FIGURES", "attributes_of_outcome", "attributes_of_row"]

SHOWN_FIGURES = (
    "excess_sharpe_ratio",
    "oos_net_sharpe_ratio",
    "total_return",
    "max_drawdown",
    "trade_count",
)
"""Figures that become attributes, where the session has them and does not optimise them."""

_COUNTS = frozenset({"trade_count"})


def attributes_of_outcome(
    outcome: Outcome,
    chosen: npt.NDArray[np.int64],
    strategy_ids: Collection[str],
    optimised: Collection[str],
) -> list[dict[str, Any]]:
    """Return the attributes of some strategies that were evaluated together.

    Parameters
    ----------
    outcome : Outcome
    chosen : ndarray of int64, shape (n_trials,)
        Rows of the outcome.
    strategy_ids : collection of str
        Of these rows.
    optimised : collection of str
        Objectives of the session: they are the values of its trials.
    """
    places = {name: place for place, name in enumerate(outcome.batch.names)}
    shown = [name for name in SHOWN_FIGURES if name in places and name not in optimised]
    columns = np.array([places[name] for name in shown], dtype=np.int64)
    values = outcome.batch.values[np.ix_(chosen, columns)].tolist()
    attributes: list[dict[str, Any]] = []
    for row, name, figures in zip(chosen.tolist(), strategy_ids, values, strict=True):
        written: dict[str, Any] = {"strategy_id": JsonText(f'"{name}"')}
        written |= _texts(zip(shown, figures, strict=True))
        reason = outcome.batch.failure[row]
        if reason is not None:
            written["failure"] = JsonText(json.dumps(reason))
        if outcome.cached is not None and outcome.cached[row]:
            written["cached"] = JsonText("true")
        attributes.append(written)
    return attributes


def attributes_of_row(row: Mapping[Any, Any], optimised: Collection[str]) -> dict[str, Any]:
    """Return the attributes of a measured strategy from its row of the results."""
    figures = [(name, row[name]) for name in SHOWN_FIGURES if name not in optimised]
    return {"strategy_id": row["strategy_id"], **_texts(figures)}


def _texts(figures: Any) -> dict[str, JsonText]:
    """Figures as JSON text; ``repr`` of a float is its JSON. What is not finite is left out."""
    return {
        name: JsonText(repr(int(value) if name in _COUNTS else float(value)))
        for name, value in figures
        if value is not None and math.isfinite(value)
    }
