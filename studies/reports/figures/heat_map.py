"""Two parameters: a statistic of the first objective for every pair of their values."""

import itertools
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from search_spaces.errors import ConfigError
from studies.analysis import ValueGroup, is_drawdown, value_groups_of
from studies.language import Message, message
from studies.reports.drawing import Axis, Cells, Figure, Panel, Unit
from studies.reports.figures.words import (
    empty_figure,
    figure_name,
    parameter_name,
    unit_of,
    value_name,
)
from studies.reports.session_data import SessionData
from studies.reports.ticks import value_text

__all__ = ["STATISTICS", "heat_map"]

STATISTICS = ("median", "best", "share")
"""The last is the share of strategies above 0."""

_MOST_PLACES = 30


@dataclass(frozen=True)
class _Side:
    """An axis: its values, or runs of neighbouring values where there are too many."""

    parameter: str
    column: int
    names: tuple[Message | str, ...]
    members: tuple[npt.NDArray[np.int64], ...]
    n_values: int


def heat_map(
    data: SessionData, x: str | None = None, y: str | None = None, statistic: str = "median"
) -> Figure:
    """Draw two parameters against each other; of subsets each code, with and without others.

    Parameters
    ----------
    data : SessionData
    x, y : str, optional
        Parameters; by default those that decide most.
    statistic : {"median", "best", "share"}
        Of the first objective over the strategies of a cell.

    Raises
    ------
    ConfigError
        If a parameter or statistic is unknown, or both parameters are one.
        If it is the share above 0 of a drawdown, which is recorded as 0 or more.
    """
    if statistic not in STATISTICS:
        raise ConfigError(
            f"a heat map shows {', '.join(STATISTICS[:-1])} or {STATISTICS[-1]}, got {statistic!r}"
        )
    is_negative = is_drawdown(data.table.objective)
    if is_negative and statistic == "share":
        raise ConfigError("a drawdown is never above 0; choose the statistic median or best")
    title = message("Two parameters")
    for name in (x, y):
        if name is not None:
            data.table.column(name)
    if x is not None and x == y:
        raise ConfigError(f"a heat map needs two different parameters, got {x!r} twice")
    names = _most_important(data, x, y)
    if names is None:
        return empty_figure("heat_map", title, message("The session has a single parameter."))
    sides = _side(data, names[0]), _side(data, names[1])
    cells = _cells(data, *sides, statistic)
    if np.isnan(cells).all():
        return empty_figure("heat_map", title, message("No strategy was measured."))
    unit: Unit = "fraction" if statistic == "share" else unit_of(data.table.objective)
    is_high_best = (data.table.direction() == "maximize") != is_negative or statistic == "share"
    # a drawdown is recorded positive and shown negative, here as everywhere
    shown = -cells if is_negative else cells
    return _figure(data, title, sides, shown, statistic, unit, is_high_best=is_high_best)


def _figure(
    data: SessionData,
    title: Message,
    sides: tuple[_Side, _Side],
    cells: npt.NDArray[np.float64],
    statistic: str,
    unit: Unit,
    *,
    is_high_best: bool,
) -> Figure:
    across, down = sides
    objective = figure_name(data.table.objective)
    shown = {
        "median": message("Median of the {figure}", figure=objective),
        "best": message("Best {figure}", figure=objective),
        "share": message("Share of strategies with a {figure} above 0", figure=objective),
    }[statistic]
    note = message(
        "{statistic} over all strategies with the two values. Blue is above 0, orange below; "
        "empty: none was measured.",
        statistic=shown,
    )
    signed = cells if is_high_best else -cells
    row, column = np.unravel_index(int(np.nanargmax(signed)), cells.shape)
    summary = message(
        "{statistic}; the best cell is {y} {y_value}, {x} {x_value}, with {value}.",
        statistic=shown,
        y=parameter_name(down.parameter),
        y_value=down.names[int(row)],
        x=parameter_name(across.parameter),
        x_value=across.names[int(column)],
        value=value_text(float(cells[row, column]), unit),
    )
    panel = Panel(
        Axis(_axis_name(across), kind="category", categories=across.names),
        Axis(_axis_name(down), kind="category", categories=down.names),
        (Cells(cells, unit),),
    )
    return Figure("heat_map", title, note, summary, (panel,))


def _axis_name(side: _Side) -> Message:
    return message("{name}", name=parameter_name(side.parameter))


def _most_important(data: SessionData, x: str | None, y: str | None) -> tuple[str, str] | None:
    """Fill in parameters that were not named: the one that decides most stands across."""
    found = data.importance
    names = list(data.table.space.names if found is None else found.parameters)
    if found is None:  # those that vary first
        n_values = dict(
            zip(
                data.table.space.names,
                [len(each.finite_values()) for each in data.table.space.parameters],
                strict=True,
            )
        )
        names.sort(key=lambda name: n_values[name] < 2)
    left = [name for name in names if name not in (x, y)]
    chosen_x = x or (left.pop(0) if left else None)
    chosen_y = y or (left.pop(0) if left else None)
    return None if chosen_x is None or chosen_y is None else (chosen_x, chosen_y)


def _side(data: SessionData, name: str) -> _Side:
    column = data.table.column(name)
    parameter = data.table.space.parameters[column]
    groups = value_groups_of(parameter)
    codes = [group for group in groups if group.contains]
    recorded = np.bincount(data.table.digits[:, column], minlength=len(parameter.finite_values()))
    groups = [group for group in codes or groups if recorded[group.members].any()] or groups[:1]
    edges = np.unique(
        np.linspace(0, len(groups), min(_MOST_PLACES, len(groups)) + 1).round().astype(int)
    )
    runs = [groups[start:stop] for start, stop in itertools.pairwise(edges.tolist())]
    members = [np.flatnonzero(np.any([g.members for g in run], axis=0)) for run in runs]
    return _Side(
        name,
        column,
        tuple(map(_run_name, runs)),
        tuple(members),
        len(parameter.finite_values()),
    )


def _run_name(run: list[ValueGroup]) -> Message | str:
    if len(run) == 1:
        return value_name(run[0])
    return message("{first} … {last}", first=value_name(run[0]), last=value_name(run[-1]))


def _cells(
    data: SessionData, across: _Side, down: _Side, statistic: str
) -> npt.NDArray[np.float64]:
    """Compute the statistic for every pair of values, shape (n_y, n_x)."""
    values = data.table.figure()
    rows = np.flatnonzero(~np.isnan(values))
    values = values[rows]
    digits = data.table.digits[rows]
    crossed = digits[:, down.column] * across.n_values + digits[:, across.column]
    order = np.argsort(crossed, kind="stable")
    counts = np.bincount(crossed, minlength=across.n_values * down.n_values)
    stops = np.cumsum(counts)
    values = values[order]
    found = np.full((len(down.members), len(across.members)), np.nan)
    is_more = data.table.direction() == "maximize"
    for row, high in enumerate(down.members):
        for column, low in enumerate(across.members):
            pairs = (high[:, None] * across.n_values + low[None, :]).ravel()
            parts = [values[stops[p] - counts[p] : stops[p]] for p in pairs if counts[p]]
            if not parts:
                continue
            cell = np.concatenate(parts) if len(parts) > 1 else parts[0]
            if statistic == "median":
                with np.errstate(invalid="ignore"):  # between -inf and inf there is none
                    found[row, column] = np.median(cell)
            elif statistic == "best":
                found[row, column] = cell.max() if is_more else cell.min()
            else:
                found[row, column] = (cell > 0).mean()
    return found
