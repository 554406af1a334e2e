"""The best distinct results with all that a report says of each."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from objectives.validation.verdict import CANNOT_TELL, STRONG, WEAK
from studies.analysis import read_verdicts
from studies.outcomes import sign_of
from studies.reports.session_data import N_BEST, SessionData

__all__ = ["Leader", "beating_cash", "leaders_of"]


@dataclass(frozen=True)
class Leader:
    """A distinct result.

    Attributes
    ----------
    rank : int
        1 and the number of different values of the first objective that are better.
    strategy_id : str
        The simplest strategy with these figures.
    row : int
        Its row in the table.
    twins : ndarray of int64, shape (n_twins,)
        Rows of the table of all strategies with these figures.
    figures : mapping of str to float or None
        Recorded; None where there is none.
    neighbours : float or None
        Median of the first objective of the strategies one step away that were measured.
    gap : float or None
        By how much the neighbours are worse than this result, in the first objective.
    is_lonely : bool
        Whether that is more than the standard deviation of all strategies of the session.
    oos_gap : float or None
        By how much the first objective is worse out of sample than in sample.
    beats_luck : bool or None
        Whether a stored verdict finds more than luck; None where none was given, or it cannot tell.
    """

    rank: int
    strategy_id: str
    row: int
    twins: npt.NDArray[np.int64]
    figures: Mapping[str, float | None]
    neighbours: float | None
    gap: float | None
    is_lonely: bool
    oos_gap: float | None
    beats_luck: bool | None


def leaders_of(data: SessionData, limit: int = N_BEST) -> list[Leader]:
    """Return the best distinct results, best first by the first objective."""
    best = data.best(limit)
    if not best.rows.size:
        return []
    table, objective = data.table, data.table.objective
    sign, spread = sign_of(table.direction()), data.spread
    values = table.figure()[best.rows]
    every = np.unique(table.figure()[~np.isnan(table.figure())] * sign)
    ranks = len(every) - np.searchsorted(every, values * sign)
    twins = _twins(data, best.rows)
    luck = _luck(data)
    found = []
    for place, (row, name) in enumerate(
        zip(best.rows.tolist(), data.strategy_ids(best.rows), strict=True)
    ):
        figures = {figure: _known(listed[row]) for figure, listed in table.figures.items()}
        value = figures[objective]
        neighbours = _known(data.neighbour_median[row])
        gap = _difference(value, neighbours, sign)
        found.append(
            Leader(
                int(ranks[place]),
                name,
                row,
                twins[place],
                figures,
                neighbours,
                gap,
                gap is not None and spread > 0 and gap > spread,
                _difference(value, figures.get(f"oos_{objective}"), sign),
                luck.get(name),
            )
        )
    return found


def beating_cash(data: SessionData) -> tuple[int, int] | None:
    """Return how many strategies earn more than cash by more than luck, and of how many.

    None where the latest verdict does not say.
    """
    population = data.verdict and data.verdict.verdict.figures.get("population")
    return None if not population else (population["n_beat_cash"], population["n_succeeded"])


def _twins(data: SessionData, rows: npt.NDArray[np.int64]) -> list[npt.NDArray[np.int64]]:
    """Return all rows with the figures of some rows."""
    group = data.groups.group
    leading = group[rows]
    members = np.flatnonzero(np.isin(group, leading))
    order = np.argsort(group[members], kind="stable")
    members = members[order]
    starts = np.searchsorted(group[members], leading, side="left")
    ends = np.searchsorted(group[members], leading, side="right")
    return [members[a:b] for a, b in zip(starts.tolist(), ends.tolist(), strict=True)]


def _luck(data: SessionData) -> dict[str, bool]:
    """Return by strategy whether a stored verdict finds more than luck in it.

    One that cannot tell says neither.
    """
    session = data.session
    found: dict[str, bool] = {}
    for stored in reversed(read_verdicts(session.engine, session.row.session_id)):
        if stored.verdict.word == CANNOT_TELL:
            found.pop(stored.strategy_id, None)
        else:
            found[stored.strategy_id] = stored.verdict.word in (STRONG, WEAK)
    return found


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def _difference(value: float | None, other: float | None, sign: float) -> float | None:
    """Return by how much the other value is worse; None where that is no number."""
    if value is None or other is None or not (np.isfinite(value) and np.isfinite(other)):
        return None
    return sign * (value - other)
