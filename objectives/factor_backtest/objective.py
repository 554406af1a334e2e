"""Our objective: rank the pairs by factors, trade the ranking, measure what it earned."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from objectives.base import Batch, DailyReturns, Objective, Points
from objectives.constants import DEFAULT_METRIC, NO_MARKET_CAPS_ADVICE, SEMANTICS_VERSION
from objectives.factor_backtest.arguments import check_arguments, check_params
from objectives.factor_backtest.daily_series import simulate_days
from objectives.factor_backtest.factor_cube import FactorCube
from objectives.factor_backtest.point_table import PointTable, domain, space_factors
from objectives.factor_backtest.reach import Reach
from objectives.factor_backtest.result import BacktestResult
from objectives.factor_backtest.simulator import StrategySimulator
from objectives.factors import get_factor
from objectives.judge import judge, reliable_records
from objectives.market import ReturnPanel
from objectives.market.panel import LOOK_AHEAD_WARNING
from objectives.metrics import METRIC_NAMES, METRICS, directions_of
from objectives.settings import BacktestSettings, ResolvedSettings
from search_spaces import FACTOR_CODES, FactorSpace, StrategyParams
from search_spaces.errors import DataError, SpaceTooLargeError

__all__ = ["FactorBacktest"]


class FactorBacktest(Objective):
    """Factor ranking and backtest as an Optuna objective.

    Use it to ask what strategies of the six parameters would have earned: one of them closely
    (`run`), thousands at once (`evaluate`), or as the objective of a plain Optuna study. Build it
    once per market and settings: the factor cube is computed at the first evaluation and shared
    by all others. For a strategy that is not of this kind, see
    :class:`objectives.FrameObjective`.

    Parameters
    ----------
    panel : ReturnPanel
        The market.
    settings : BacktestSettings, optional
        Dates left out are filled in: up to the last date of the panel, from its first date plus
        the largest data period of the space, at most half of the history.
    space : FactorSpace, optional
        Where trials and lattice indices come from; the default space if left out.
    metrics : sequence of str or mapping of str to {"maximize", "minimize"}
        What is optimised, in order; a name alone takes its natural direction.
    cube : FactorCube, optional
        Factor values computed before (:meth:`compute_cube`), perhaps memory-mapped.

    Raises
    ------
    ConfigError
        For an unknown metric or direction, dates outside the panel, arguments of other types.
    SpaceError
        If the space uses a factor that is not registered.
    DataError
        If the cube does not belong to this panel, space and settings.

    Examples
    --------
    >>> from objectives import BacktestSettings, FactorBacktest, ReturnPanel
    >>> from search_spaces import FactorSpace
    >>> panel = ReturnPanel.synthetic(n_pairs=10, n_days=120)
    >>> space = FactorSpace.default().restrict({"window_size": ["5"], "data_period": ["10"]})
    >>> objective = FactorBacktest(panel, BacktestSettings(fee_rate=0.0005), space=space)
    >>> batch = objective.evaluate([0, 1, 2])
    >>> len(batch), batch.failure
    (3, (None, None, None))
    >>> result = objective.run(space.params(2))
    >>> result.failure, sorted(set(result.trades["action"]))
    (None, ['enter', 'exit', 'funding'])
    >>> objective.create_study().optimize(objective, n_trials=3)
    """

    def __init__(
        self,
        panel: ReturnPanel,
        settings: BacktestSettings | None = None,
        *,
        space: FactorSpace | None = None,
        metrics: Sequence[str] | Mapping[str, str] = (DEFAULT_METRIC,),
        cube: FactorCube | None = None,
    ) -> None:
        check_arguments(panel, settings, space, metrics)
        self.panel = panel
        self.space: FactorSpace = FactorSpace.default() if space is None else space
        first, last = panel.dates[0].date(), panel.dates[-1].date()
        self.settings: ResolvedSettings = (settings or BacktestSettings()).resolve(
            first, last, n_warm_up_days=max(domain(self.space, "data_period"))
        )
        self.directions = directions_of(metrics)
        for code in space_factors(self.space):
            get_factor(code)
        self._simulator = StrategySimulator(panel, self.settings, domain(self.space, "data_period"))
        if cube is not None and cube.key != self.cube_key:
            raise DataError("the factor cube was computed from other data or windows; rebuild it")
        self._simulator.cube = cube

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all measured figures; with a split date also ``oos_`` ones."""
        if not self._simulator.split_day:
            return METRIC_NAMES
        return METRIC_NAMES + tuple(f"oos_{name}" for name in METRIC_NAMES)

    @property
    def is_prepared(self) -> bool:
        """Whether the factor cube is there."""
        return self._simulator.cube is not None

    @cached_property
    def fingerprint(self) -> str:
        """Hex digest of data, settings, metrics, text of own factors, version of the definition."""
        own = {"own_factors": self._own_factors} if self._own_factors else {}
        return _digest({**self._conditions, "directions": list(self.directions.items()), **own})

    @cached_property
    def measurement_fingerprint(self) -> str:
        """Hex digest of data up to end_date, settings and version of the definition.

        Objectives that share it measure the same figures of a strategy, as long as it uses
        built-in factors only: the code of registered ones is not part of it.
        """
        return _digest(self._conditions)

    @cached_property
    def cube_key(self) -> str:
        """Hex digest of everything the factor cube depends on."""
        depends_on = {
            "panel": self.panel.fingerprint(self.settings.end_date, include_caps=False),
            "pairs": self.panel.pairs,
            "input": self.settings.factor_input,
            "days": [self._simulator.first_ranked, self._simulator.last_ranked],
            "windows": domain(self.space, "window_size"),
            "factors": space_factors(self.space),
            "own_factors": self._own_factors,
            "semantics": SEMANTICS_VERSION,
        }
        return _digest(depends_on)

    @property
    def cube(self) -> FactorCube:
        """Factor values over all windows of the space, computed at first use."""
        if self._simulator.cube is None:
            self._simulator.cube = self.compute_cube()
        return self._simulator.cube

    def prepare(self, folder: Path | None = None) -> None:
        """Compute the factor cube, if there is none yet.

        Parameters
        ----------
        folder : Path, optional
            Map a file there instead (`FactorCube.shared`): a machine's processes share its memory.
        """
        # compiled or loaded here, before a lease runs or a time limit
        from objectives.kernels import backtest, factors, ranking  # noqa: F401

        if folder is None:
            _ = self.cube
        else:
            self._simulator.cube = FactorCube.shared(folder, self.cube_key, lambda: self.cube)

    def compute_cube(self) -> FactorCube:
        """Compute the factor cube of this panel, space and settings."""
        return FactorCube.compute(
            self._simulator.factor_input,
            domain(self.space, "window_size"),
            space_factors(self.space),
            first_day=self._simulator.first_ranked,
            last_day=self._simulator.last_ranked,
            key=self.cube_key,
        )

    def evaluate(self, points: Points) -> Batch:
        """Backtest several strategies.

        Parameters
        ----------
        points : ndarray of int64 or sequence of StrategyParams, length n_strategies
            Lattice indices of the space, or parameters, which may lie outside of it. Strategies
            with the same factors and window whose data periods make the same pairs eligible on
            every day share one ranking, so batches of neighbours are fastest; order and grouping
            never change a result.

        Returns
        -------
        Batch
            Failures: ``insufficient_data``, ``no_market_caps``, ``undefined_metric``; with a
            factor that raised ``error: ...``.
        """
        table = PointTable.build(points, self.space, self.settings)
        n_strategies = len(table.window)
        n_segments = 2 if self._simulator.split_day else 1
        values = np.full((n_strategies, n_segments, len(METRICS)), np.nan)
        measurable = self._measurable(table)
        for rows in self._blocks(table, measurable):
            values[rows] = self._simulator.measure(table, rows)
        figures = values.reshape(n_strategies, n_segments * len(METRICS))
        return self._batch(figures, measurable, table)

    def daily_returns(self, points: Points) -> DailyReturns:
        """Return what strategies earned day by day; see :meth:`Objective.daily_returns`.

        With a split the day before it is at liquidation value, like the figures that end there.
        """
        table = PointTable.build(points, self.space, self.settings)
        measurable = self._measurable(table)
        series = simulate_days(self._simulator, table, self._blocks(table, measurable))
        failure = self._batch(series.metrics, measurable, table).failure
        failed = np.array([reason is not None for reason in failure], dtype=np.bool_)
        dates = self._simulator.dates[1:].to_numpy().astype("datetime64[D]")
        return DailyReturns(dates, series.net, failed, series.exposure, series.basket)

    def holdings(self, point: Any, day: int) -> npt.NDArray[np.float64]:
        """Return what a strategy holds over a day; see :meth:`Objective.holdings`."""
        (params,) = self.strategies([point])
        return self._simulator.holdings(params, day)

    @property
    def benchmark(self) -> dict[str, float]:
        """Figures of holding all pairs that the shortest data period allows, without fees.

        Named as those of a strategy (`objectives.basket.BASKET_FIGURES`), with a split also
        ``oos_`` ones.
        """
        return self._simulator.basket_figures(min(domain(self.space, "data_period")))

    @cached_property
    def warnings(self) -> tuple[str, ...]:
        """Sentences a researcher should know before believing a result."""
        weighs_caps = "IC" in domain(self.space, "weight_method")
        notes = [w for w in self.panel.warnings if weighs_caps or w != LOOK_AHEAD_WARNING]
        least = self.settings.describe_least(self.settings.n_search_days)
        for (name, value), days in self._reach.hopeless_values().items():
            notes.append(
                f"{name}={value} leaves at most {days} active days, fewer than {least}: "
                "those strategies fail"
            )
        return tuple(notes)

    @property
    def unmeasurable(self) -> Mapping[str, tuple[Any, ...]]:
        """IC, if the panel has no market cap at all."""
        if self._simulator.knows_caps or "IC" not in domain(self.space, "weight_method"):
            return {}
        return {"weight_method": ("IC",)}

    @cached_property
    def n_distinct(self) -> int | None:
        """Strategies of the space that are distinct by construction.

        Data periods for which the same pairs are eligible on every day of the backtest rank and
        trade alike; of strategies that differ in nothing else, one is counted. None for a space
        that is too large to be counted.
        """
        classes = self._simulator.eligibility.numbers(domain(self.space, "data_period"))
        try:
            return self.space.count_merged("data_period", classes)
        except SpaceTooLargeError:
            return None

    def may_succeed(self, indices: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        """Say which strategies may hold something on enough days, shape (n_strategies,)."""
        return self._reach.reachable(indices)

    def check(self) -> None:
        """Refuse a space that this market cannot measure.

        Raises
        ------
        DataError
            If IC weights are in the space and the panel has no market cap at all.
        ConfigError
            If no strategy of the space can be active on enough days.
        """
        if self.unmeasurable:
            raise DataError(NO_MARKET_CAPS_ADVICE)
        self.settings.refuse_hopeless(self._reach.best, self.settings.n_search_days)

    def portable(self, indices: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        """Say which strategies use built-in factors only, shape (n_strategies,).

        Nobody knows whether the code of a registered factor is the same in another session.
        """
        subsets = domain(self.space, "factors")
        built_in = np.array([set(FACTOR_CODES).issuperset(subset) for subset in subsets])
        of_strategy = self.space.digits(indices)[:, self.space.names.index("factors")]
        return np.asarray(built_in[of_strategy])

    def recall(
        self, values: npt.NDArray[np.float64], failures: Sequence[str | None]
    ) -> tuple[npt.NDArray[np.bool_], Batch]:
        """Make recorded figures the outcome they would have here.

        See `objectives.judge.reliable_records`. Parameters and returns are those of
        :meth:`Objective.recall`.
        """
        reliable, measurable = reliable_records(
            self.names, values, failures, least_active_days=self._reach.least
        )
        return reliable, self._batch(values[reliable], measurable[reliable])

    def run(self, params: StrategyParams) -> BacktestResult:
        """Backtest one strategy and keep its equity curve.

        Parameters
        ----------
        params : StrategyParams
            May lie outside the space.

        Returns
        -------
        BacktestResult
            Figures are reported even when the strategy counts as failed.

        Raises
        ------
        DataError
            For IC weights on a panel without market caps, or if a factor raises.
        """
        check_params(params)
        if params.weight_method == "IC" and not self._simulator.knows_caps:
            raise DataError(NO_MARKET_CAPS_ADVICE)
        self.prepare()
        for code in self.cube.faults.keys() & set(params.factors):
            raise DataError(self.cube.faults[code].reason.removeprefix("error: "))
        table = PointTable.of_params([params], self.settings)
        simulation = self._simulator.simulate(table, np.array([0]), keep_equity=True)
        batch = self._batch(simulation.metrics.reshape(1, -1), np.ones(1, dtype=np.bool_))
        assert simulation.equity is not None
        equity = pd.Series(simulation.equity[0], index=self._simulator.dates, name="equity")
        return BacktestResult(
            params, MappingProxyType(batch.row(0)), equity, batch.failure[0], self._simulator
        )

    def _measurable(self, table: PointTable) -> npt.NDArray[np.bool_]:
        """Which strategies the market can measure, shape (n_strategies,)."""
        if self._simulator.knows_caps:
            return np.ones(len(table.window), dtype=np.bool_)
        return ~table.rules.needs_caps

    def _blocks(
        self, table: PointTable, measurable: npt.NDArray[np.bool_]
    ) -> Iterator[npt.NDArray[np.int64]]:
        """Measurable rows that share a ranking, together; what all share is computed before."""
        if measurable.any():
            self.prepare()
        classes = self._simulator.classes(table.data_period)
        return table.blocks(np.flatnonzero(measurable), classes)

    @cached_property
    def _conditions(self) -> dict[str, Any]:
        """What decides the figures of a strategy besides its parameters."""
        return {
            "panel": self.panel.fingerprint(self.settings.end_date),
            "settings": self.settings.to_dict(),
            "semantics": SEMANTICS_VERSION,
        }

    @cached_property
    def _reach(self) -> Reach:
        return Reach(self.space, self.settings, self._simulator.eligibility)

    @cached_property
    def _own_factors(self) -> dict[str, str]:
        """Text of the factors that are not built in, by code."""
        own = [code for code in space_factors(self.space) if code not in FACTOR_CODES]
        return {code: get_factor(code).source for code in own}

    def _batch(
        self,
        values: npt.NDArray[np.float64],
        measurable: npt.NDArray[np.bool_],
        table: PointTable | None = None,
    ) -> Batch:
        cube = self._simulator.cube
        faults = {} if table is None or cube is None else cube.faults_of(table)
        values[list(faults)] = np.nan
        return judge(
            self.names,
            values,
            measurable,
            metrics=tuple(self.directions),
            least_active_days=self._reach.least,
            faults=faults,
        )


def _digest(document: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()
