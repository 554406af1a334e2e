"""An objective that is a user's own backtest program."""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from objectives.base import Batch, DailyReturns, Objective, Points
from objectives.external.daily import read_days
from objectives.external.options import ExternalOptions, at_path
from objectives.external.runner import Answer, ProgramRunner
from objectives.judge import Fault, judge
from objectives.market import ReturnPanel
from objectives.metrics import directions_of
from objectives.settings import BacktestSettings, ResolvedSettings
from search_spaces import PARAMETER_NAMES, SearchSpace, StrategyParams

__all__ = ["ExternalObjective"]

_LONGEST_TEXT = 300
_DRAWDOWN = "max_drawdown"
_TOGETHER = {"process": 1, "batch": 50, "server": 50}
"""Strategies that a worker takes at a time, by mode."""


class ExternalObjective(Objective):
    """Searches over a program of the user's own, run once a strategy, a batch, or as a server.

    Use it for a backtest that exists already, in any language. What is slow about it is the
    program: mode ``process`` costs a start for each strategy, ``batch`` one for each chunk,
    ``server`` one for each worker. In a configuration it is ``objective.type: external``.

    A strategy fails, alone, with ``timeout: ...`` if the program is too slow; with ``error: ...``
    and its exit code and last line of standard error if it ends with another code than 0, prints
    no JSON object, or one without the figures; with ``undefined_metric`` if an optimised figure
    is NaN or null.

    Parameters
    ----------
    panel : ReturnPanel
        The market of the database, or one without pairs (`ReturnPanel.without_pairs`); only its
        dates are used, and only where the settings name none.
    settings : BacktestSettings, optional
        Given to the program; what they do is its own affair.
    space : SearchSpace
        Any parameters.
    metrics : sequence of str or mapping of str to {"maximize", "minimize"}
        What is optimised, in order, among ``figures``.
    **options
        See `ExternalOptions`.

    Raises
    ------
    ConfigError
        If an option, a metric or a date does not fit.
    """

    def __init__(
        self,
        panel: ReturnPanel,
        settings: BacktestSettings | None = None,
        *,
        space: SearchSpace,
        metrics: Sequence[str] | Mapping[str, str],
        **options: Any,
    ) -> None:
        self.panel = panel
        self.space = space
        first, last = panel.dates[0].date(), panel.dates[-1].date()
        chosen = (settings or BacktestSettings()).without_auto()
        self.settings: ResolvedSettings = chosen.resolve(first, last)
        self.options = ExternalOptions.read(options)
        self.directions = directions_of(metrics, self.names)
        self._plain_options = json.loads(json.dumps(options))
        self._runner = ProgramRunner(self.options)

    @property
    def names(self) -> tuple[str, ...]:
        """The metrics that ``figures`` names."""
        return tuple(self.options.figures)

    @property
    def chunk_size(self) -> int:
        """One strategy of mode ``process``, which is recorded as soon as it is done; else 50."""
        return _TOGETHER[self.options.mode]

    def longest_seconds(self, n_strategies: int) -> float:
        """Return how long strategies may take: every try of each up to its limit, and a second."""
        tries = 2 if self.options.mode == "batch" else self.options.retries + 1
        return n_strategies * (tries * self.options.seconds + 1.0)

    def check(self) -> None:
        """Refuse a program that is missing or not executable."""
        self.options.check_program()

    @cached_property
    def fingerprint(self) -> str:
        """Hex digest of settings, space, metrics, options, and the text of the program's files.

        Its files are those parts of the command that are files; what they import is not seen.
        """
        document = {
            "settings": self.settings.to_dict(),
            "space": self.space.fingerprint,
            "directions": list(self.directions.items()),
            "options": self._plain_options,
            "files": [_digest(self.options.directory / part) for part in self.options.command],
        }
        return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()

    def evaluate(self, points: Points) -> Batch:
        """Measure several strategies; see :meth:`Objective.evaluate`.

        Raises
        ------
        ConfigError
            If the program has gone.
        """
        return self._judged(self._runner.answers(self.configurations(points)))

    def daily_returns(self, points: Points) -> DailyReturns | None:
        """Return what the program says of each day; None without the option ``daily_returns``.

        The days are all from start_date to end_date; on one that a result leaves out nothing was
        earned. The program runs again for it. What was held it does not say, so nothing is
        compared with the basket.
        """
        where = self.options.daily_returns
        if where is None:
            return None
        answers = self._runner.answers(self.configurations(points))
        first, last = self.settings.start_date, self.settings.end_date
        dates = np.datetime64(first, "D") + np.arange((last - first).days + 1)
        net = np.full((len(answers), len(dates)), math.nan, dtype=np.float32)
        for row, answer in enumerate(answers):
            if answer.result is not None:
                net[row] = read_days(at_path(answer.result, where), dates)
        reasons = self._judged(answers).failure
        failed = np.array([reason is not None for reason in reasons], dtype=np.bool_)
        return DailyReturns(dates, net, failed | ~np.isfinite(net).all(axis=1))

    def configurations(self, points: Points) -> list[dict[str, Any]]:
        """Return what the program is given of strategies: id, parameters and settings."""
        settings = self.settings.to_dict()
        return [
            {
                "strategy_id": self.space.strategy_id(params),
                "parameters": _plain(params),
                "settings": settings,
            }
            for params in self.strategies(points)
        ]

    def close(self) -> None:
        """End the program of mode ``server``."""
        self._runner.close()

    def __del__(self) -> None:
        runner = getattr(self, "_runner", None)
        if runner is not None:
            runner.close()

    def _judged(self, answers: Sequence[Answer]) -> Batch:
        values = np.full((len(answers), len(self.names)), math.nan)
        faults: dict[int, Fault] = {}
        for row, answer in enumerate(answers):
            try:
                values[row] = self._figures(answer)
            except ValueError as error:
                faults[row] = Fault(str(error), answer.details)
        measurable = np.ones(len(values), dtype=np.bool_)
        batch = judge(
            self.names,
            values,
            measurable,
            metrics=tuple(self.directions),
            least_active_days=0,
            faults=faults,
        )
        details = {row: answer.details for row, answer in enumerate(answers) if answer.details}
        return Batch(batch.names, batch.values, batch.objective, batch.failure, details)

    def _figures(self, answer: Answer) -> npt.NDArray[np.float64]:
        """Return the figures of a result.

        Raises
        ------
        ValueError
            With the reason of failure.
        """
        result = answer.result
        if result is None:
            raise ValueError(answer.reason)
        success = self.options.success
        if success is not None and at_path(result, success) is not True:
            said = result.get("error") or result.get("message") or "it says no reason"
            raise ValueError(f"error: the program says no {success}: {str(said)[:_LONGEST_TEXT]}")
        figures = self.options.figures.values()
        # a figure that is null does not exist; one without even the object around it is elsewhere
        around = [where.path.rpartition(".")[0] or where.path for where in figures]
        if all(at_path(result, path) is None for path in around):
            known = ", ".join(map(str, result))[:_LONGEST_TEXT]
            raise ValueError(
                f"error: the result has none of the figures; it has {known or 'nothing'}"
            )
        try:
            values = np.array([where.value(result) for where in figures])
        except ValueError as error:
            raise ValueError(f"error: {error}") from None
        if _DRAWDOWN in self.names:  # some programs write it as a negative number
            column = self.names.index(_DRAWDOWN)
            values[column] = abs(values[column])
        return values


def _plain(params: Any) -> dict[str, Any]:
    """Return parameters as JSON holds them."""
    if isinstance(params, StrategyParams):
        named = {name: getattr(params, name) for name in PARAMETER_NAMES}
    else:
        named = dict(params)
    return {
        name: list(value) if isinstance(value, tuple) else value for name, value in named.items()
    }


def _digest(path: Path) -> str:
    """Return the digest of a file; nothing of what is no file."""
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
