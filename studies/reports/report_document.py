"""What the script of the report must know: the strategies, the parameters, the best results."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from search_spaces import PARAMETER_NAMES
from studies.analysis import is_drawdown, robust_range
from studies.language import Message, message
from studies.reports.bilingual import in_both
from studies.reports.embedded import EmbeddedTable, embed
from studies.reports.embedded_parameters import (
    MOST_PLACES,
    EmbeddedParameter,
    embedded_parameters,
)
from studies.reports.figures.words import figure_name, parameter_name, unit_of
from studies.reports.leaders import Leader, leaders_of
from studies.reports.report_texts import script_texts
from studies.reports.session_data import SessionData

__all__ = ["LeaderColumn", "ReportDocument"]

_MOST_FIGURES = 5
_FEW_ROWS = 4
_ID_PARTS = ("", "_W", "_", "D_D", "_S", "_", "")  # as SEMANTICS spells the id of a strategy


@dataclass(frozen=True)
class LeaderColumn:
    """A column of the table of the best results.

    Attributes
    ----------
    head : Message
    kind : {"rank", "text", "figure", "neighbours", "gap", "twins", "oos", "luck"}
    name : str
        Of the figure; empty where it is none of a strategy.
    values : tuple
        One a result; None where there is none.
    unit : str
    is_negative : bool
        Whether its figure is shown with the opposite sign: a drawdown.
    better : int
        1 or -1: the sign of the larger or the smaller value being the better.
    """

    head: Message
    kind: str
    name: str
    values: tuple[Any, ...]
    unit: str = "count"
    is_negative: bool = False
    better: int = 1


class ReportDocument:
    """Gathers what the script needs of a session.

    Parameters
    ----------
    data : SessionData
    """

    def __init__(self, data: SessionData) -> None:
        self.data = data

    @cached_property
    def figures(self) -> list[str]:
        """Figures of every strategy: the objectives, return and drawdown, as far as there are."""
        table = self.data.table
        wanted = [*table.directions, "total_return", "max_drawdown"][:_MOST_FIGURES]
        return [
            name
            for place, name in enumerate(dict.fromkeys(wanted))
            if not place or (name in table.figures and not np.isnan(table.figure(name)).all())
        ]

    @cached_property
    def parameters(self) -> list[EmbeddedParameter]:
        """The parameters of the space."""
        return embedded_parameters(self.data.table.space)

    @cached_property
    def leaders(self) -> list[Leader]:
        """The best distinct results."""
        return leaders_of(self.data)

    @cached_property
    def heat_axes(self) -> tuple[int, int] | None:
        """The parameters of the heat map at the beginning; None where there are no two."""
        table = self.data.table
        usable = [
            place
            for place, each in enumerate(self.parameters)
            if len(each.labels) <= MOST_PLACES or each.codes
        ]
        if len(usable) < 2:
            return None
        found = self.data.importance
        first = [] if found is None else [table.column(name) for name in found.parameters]
        varied = [place for place in usable if len(self.parameters[place].labels) > 1]
        # subsets have more values than fit beside most parameters, and rows of few are too tall
        ranked = [*first, *varied, *usable]
        plain = [place for place in ranked if not self.parameters[place].codes]
        plain.sort(key=lambda place: len(self.parameters[place].labels) < _FEW_ROWS)
        chosen = [place for place in dict.fromkeys([*plain, *usable]) if place in usable]
        return chosen[0], chosen[1]

    @property
    def heat_names(self) -> dict[str, str]:
        """The same parameters as options of the figure ``heat_map``, which is there at first."""
        names = self.data.table.space.names
        chosen = [self.parameters[place].name for place in self.heat_axes or ()]
        return dict(zip("xy", chosen, strict=False)) if set(chosen) <= set(names) else {}

    @cached_property
    def columns(self) -> list[LeaderColumn]:
        """The table of the best results."""
        leaders, table = self.leaders, self.data.table
        objective = table.objective
        columns = [
            LeaderColumn(
                message("rank"), "rank", "", tuple(each.rank for each in leaders), better=-1
            ),
            LeaderColumn(
                message("strategy"), "text", "", tuple(each.strategy_id for each in leaders)
            ),
        ]
        names = [*table.directions, "total_return", "max_drawdown", "excess_sharpe_ratio"]
        columns += [
            self._figure(name, "figure")
            for name in dict.fromkeys(names)
            if name in table.figures and not np.isnan(table.figure(name)).all()
        ]
        unit, negative = unit_of(objective), is_drawdown(objective)
        columns += [
            LeaderColumn(
                message("neighbours"),
                "neighbours",
                "",
                tuple(each.neighbours for each in leaders),
                unit,
                negative,
                1 if table.direction() == "maximize" else -1,
            ),
            LeaderColumn(
                message("gap"), "gap", "", tuple(each.gap for each in leaders), unit, better=-1
            ),
            LeaderColumn(message("twins"), "twins", "", tuple(len(each.twins) for each in leaders)),
        ]
        outside = f"oos_{objective}"
        if outside in table.figures:
            columns += [
                self._figure(outside, "oos"),
                LeaderColumn(
                    message("gap out of sample"),
                    "figure",
                    "",
                    tuple(each.oos_gap for each in leaders),
                    unit,
                    better=-1,
                ),
            ]
        luck = tuple(None if e.beats_luck is None else int(e.beats_luck) for e in leaders)
        return [*columns, LeaderColumn(message("beats luck"), "luck", "", luck)]

    @cached_property
    def packed(self) -> EmbeddedTable:
        """Every strategy."""
        twins = [leader.twins for leader in self.leaders]
        return embed(self.data.table, self.figures, self.parameters, twins)

    def document(self, where_command: str) -> dict[str, Any]:
        """Return plain values for JSON.

        Parameters
        ----------
        where_command : str
            A command with ``{where}`` in the place of a filter.
        """
        table = self.data.table
        packed = self.packed
        values = table.figure()
        values = values[~np.isnan(values)]
        low, high = robust_range(values) if values.size else (-1.0, 1.0)
        figures = [
            {
                **listed,
                "label": in_both(figure_name(name)),
                "unit": unit_of(name),
                "negative": is_drawdown(name),
                "less": table.direction(name) == "minimize",
            }
            for name, listed in zip(self.figures, packed.document["figures"], strict=True)
        ]
        return {
            "table": {**packed.document, "figures": figures},
            "parameters": [self._parameter(each) for each in self.parameters],
            "most_places": MOST_PLACES,
            "range": [low, high],
            "threshold": _finite(self.data.best_threshold),
            "heat": self.heat_axes or [],
            "leaders": self._leaders(),
            "id_parts": _ID_PARTS if table.space.names == PARAMETER_NAMES else None,
            "where_command": where_command,
            "texts": script_texts(),
        }

    def _leaders(self) -> dict[str, Any]:
        objective = self.data.table.objective
        own = np.array([each.row for each in self.leaders], dtype=np.int64)
        return {
            "ids": [each.strategy_id for each in self.leaders],
            "own": self.packed.position[own].tolist(),
            "objective": _plain(each.figures[objective] for each in self.leaders),
            "neighbours": _plain(each.neighbours for each in self.leaders),
            "lonely": [int(each.is_lonely) for each in self.leaders],
            "columns": [
                {
                    "kind": each.kind,
                    "name": each.name,
                    "unit": each.unit,
                    "negative": each.is_negative,
                    "better": each.better,
                    "values": _plain(each.values),
                }
                for each in self.columns
            ],
        }

    def _figure(self, name: str, kind: str) -> LeaderColumn:
        is_more = self.data.table.direction(name) == "maximize"
        values = tuple(each.figures[name] for each in self.leaders)
        unit, negative = unit_of(name), is_drawdown(name)
        return LeaderColumn(
            figure_name(name), kind, name, values, unit, negative, 1 if is_more else -1
        )

    def _parameter(self, parameter: EmbeddedParameter) -> dict[str, Any]:
        name = parameter_name(parameter.name)
        size = message("number of codes: {parameter}", parameter=name)
        return {
            **parameter.document(),
            "label": in_both(name),
            "size_label": in_both(message("number of factors") if _is_factors(parameter) else size),
            "place_of": parameter.place_of.tolist() if self.packed.document["grid"] else [],
        }


def _is_factors(parameter: EmbeddedParameter) -> bool:
    return parameter.name == "factors"


def _plain(values: Iterable[Any]) -> Sequence[Any]:
    """Return values for JSON, which has no infinities."""
    return [
        ("inf" if value > 0 else "-inf") if isinstance(value, float) and np.isinf(value) else value
        for value in values
    ]


def _finite(value: float | None) -> float | None:
    return value if value is not None and np.isfinite(value) else None
