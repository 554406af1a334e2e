"""Our objective: rank the pairs by factors, trade the ranking, measure what it earned."""

import datetime as dt
import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from objectives.backtest import InverseCaps, inverse_caps, simulate, simulate_reference
from objectives.base import Batch, Objective, Points
from objectives.constants import SEMANTICS_VERSION
from objectives.factor_backtest.factor_cube import FactorCube
from objectives.factor_backtest.point_table import PointTable, domain
from objectives.factors import factor_values, get_factor
from objectives.market import ReturnPanel
from objectives.market.panel import LOOK_AHEAD_WARNING
from objectives.metrics import METRIC_NAMES, METRICS
from objectives.ranking import Moments, Ranking, eligible_pairs, factor_moments, rank_pairs
from objectives.settings import BacktestSettings
from search_spaces import WEIGHT_METHODS, FactorSpace, StrategyParams
from search_spaces.errors import ConfigError, DataError

__all__ = [
    "INSUFFICIENT_DATA",
    "NO_MARKET_CAPS",
    "UNDEFINED_METRIC",
    "BacktestResult",
    "FactorBacktest",
    "judge",
]

DEFAULT_METRIC = "net_sharpe_ratio"
INSUFFICIENT_DATA = "insufficient_data"
NO_MARKET_CAPS = "no_market_caps"
UNDEFINED_METRIC = "undefined_metric"
_TRADE_COLUMNS = [
    "date",
    "trading_pair",
    "action",
    "amount",
    "rank",
    "cash_balance",
    "total_balance",
]


@dataclass(frozen=True)
class BacktestResult:
    """One strategy, looked at closely.

    Attributes
    ----------
    params : StrategyParams
        The strategy.
    metrics : mapping of str to (float or None)
        Every figure of SEMANTICS section 6, with a split also ``oos_`` ones.
    equity : pandas.Series
        Total wealth in money at the close of each day, indexed by date.
    failure : str or None
        Why the strategy counts as failed.
    """

    params: StrategyParams
    metrics: Mapping[str, float | None]
    equity: pd.Series
    failure: str | None
    _objective: "FactorBacktest"

    @cached_property
    def trades(self) -> pd.DataFrame:
        """Entries, exits and daily funding.

        Columns ``date``, ``trading_pair``, ``action`` (enter, exit, funding), ``amount`` (money),
        ``rank`` (0: none), ``cash_balance`` and ``total_balance`` (money, after the event).
        """
        return self._objective._trades(self.params)

    def ranking(self, date: dt.date | str) -> pd.DataFrame:
        """Return the ranking at the close of a day, traded on the day after.

        Parameters
        ----------
        date : date or str
            A day from start_date to end_date.

        Returns
        -------
        pandas.DataFrame
            Indexed by ``rank`` (1 is best): ``trading_pair``, ``score`` and the value of each
            factor of the strategy. Empty on a day without a ranking.

        Raises
        ------
        DataError
            If the day is outside the backtest.
        """
        return self._objective._ranking_table(self.params, date)


class FactorBacktest(Objective):
    """Factor ranking and backtest as an Optuna objective.

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
        For an unknown metric or direction, or dates outside the panel.
    SpaceError
        If the space uses a factor that is not registered.
    DataError
        If the cube does not belong to this panel, space and settings.
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
        self.panel = panel
        self.space: FactorSpace = FactorSpace.default() if space is None else space
        self.settings = _resolve_dates(settings or BacktestSettings(), panel, self.space)
        self.directions = _directions(metrics)
        for code in self._space_factors:
            get_factor(code)
        assert self.settings.start_date is not None
        assert self.settings.end_date is not None
        self._start = panel.day(self.settings.start_date)
        self._end = panel.day(self.settings.end_date)
        self._factor_input = panel.factor_input(self.settings.factor_input)
        self._returns = np.ascontiguousarray(panel.returns[self._start : self._end])
        self._split_day = (
            panel.day(self.settings.split_date) - self._start if self.settings.split_date else 0
        )
        self._extra_windows: dict[tuple[int, str], npt.NDArray[np.float64]] = {}
        self._shared: dict[tuple[int, int], tuple[npt.NDArray[np.bool_], Moments]] = {}
        if cube is not None and cube.key != self.cube_key:
            raise DataError("the factor cube was computed from other data or windows; rebuild it")
        self._cube = cube

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all measured figures; with a split date also ``oos_`` ones."""
        if not self._split_day:
            return METRIC_NAMES
        return METRIC_NAMES + tuple(f"oos_{name}" for name in METRIC_NAMES)

    @cached_property
    def fingerprint(self) -> str:
        """Hex digest of data up to end_date, settings, metrics and version of the definition."""
        return _digest({**self._conditions, "directions": list(self.directions.items())})

    @cached_property
    def measurement_fingerprint(self) -> str:
        """Hex digest of data up to end_date, settings and version of the definition.

        Objectives that share it, whatever their space and metrics, measure the same figures of a
        strategy, as long as it uses built-in factors only: the code of registered ones is not
        part of it.
        """
        return _digest(self._conditions)

    @cached_property
    def cube_key(self) -> str:
        """Hex digest of everything the factor cube depends on."""
        told = {
            "panel": self.panel.fingerprint(self.settings.end_date, include_caps=False),
            "pairs": self.panel.pairs,
            "input": self.settings.factor_input,
            "days": [self._start, self._end],
            "windows": self._space_windows,
            "factors": self._space_factors,
            "semantics": SEMANTICS_VERSION,
        }
        return _digest(told)

    @property
    def cube(self) -> FactorCube:
        """Factor values over all windows of the space, computed at first use."""
        if self._cube is None:
            self._cube = self.compute_cube()
        return self._cube

    def compute_cube(self) -> FactorCube:
        """Compute the factor cube of this panel, space and settings."""
        return FactorCube.compute(
            self._factor_input,
            self._space_windows,
            self._space_factors,
            first_day=self._start,
            last_day=self._end,
            key=self.cube_key,
        )

    def evaluate(self, points: Points) -> Batch:
        """Backtest several strategies.

        Parameters
        ----------
        points : ndarray of int64 or sequence of StrategyParams, length n_strategies
            Lattice indices of the space, or parameters, which may lie outside of it. Strategies
            with the same factors, window and data period share one ranking, so batches of
            neighbours are fastest; order and grouping never change a result.

        Returns
        -------
        Batch
            Failures: ``insufficient_data``, ``no_market_caps``, ``undefined_metric``.
        """
        table = PointTable.build(points, self.space, self.settings)
        n_strategies = len(table.window)
        n_segments = 2 if self._split_day else 1
        values = np.full((n_strategies, n_segments, len(METRICS)), np.nan)
        measurable = np.ones(n_strategies, dtype=np.bool_)
        if not self._knows_caps:
            measurable = table.rules.integers[:, 1] != WEIGHT_METHODS.index("IC")
        for rows in table.blocks(np.flatnonzero(measurable)):
            values[rows] = self._simulate_block(table, rows)
        return self._batch(values.reshape(n_strategies, n_segments * len(METRICS)), measurable)

    @cached_property
    def warnings(self) -> tuple[str, ...]:
        """Sentences a researcher should know before believing a result."""
        weighs_caps = "IC" in domain(self.space, "weight_method")
        notes = [w for w in self.panel.warnings if weighs_caps or w != LOOK_AHEAD_WARNING]
        n_days = self._end - self._start
        for name in ("data_period", "rebalance_frequency"):
            for value in domain(self.space, name):
                # at best trading begins when the oldest pair is old enough
                first = int(self.panel.first_observation.min()) + value
                active = min(n_days, self._end - first) if name == "data_period" else n_days
                if active < self.settings.min_active_days:
                    notes.append(
                        f"{name}={value} leaves at most {max(active, 0)} active days, fewer than "
                        f"min_active_days={self.settings.min_active_days}: those strategies fail"
                    )
        return tuple(notes)

    def check(self) -> None:
        """Refuse a space that this market cannot measure.

        Raises
        ------
        DataError
            If IC weights are in the space and the panel has no market cap at all.
        """
        if not self._knows_caps and "IC" in domain(self.space, "weight_method"):
            raise DataError(
                "weight_method IC needs market caps and the market has none; leave it out with "
                "--set weight_method=EQ,FS, or import caps with: mass-tuning import --market-caps"
            )

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
            For IC weights on a panel without market caps.
        """
        if params.weight_method == "IC" and not self._knows_caps:
            raise DataError(
                "weight_method IC needs market caps and the panel has none; import caps or use "
                "EQ or FS (--set weight_method=EQ,FS)"
            )
        table = PointTable.build([params], self.space, self.settings)
        ranking = self._rank_block(table, np.array([0]))
        simulation = simulate(
            self._returns, ranking, table.rules, self._caps, keep_equity=True, **self._money
        )
        batch = self._batch(simulation.metrics.reshape(1, -1), np.ones(1, dtype=np.bool_))
        assert simulation.equity is not None
        equity = pd.Series(simulation.equity[0], index=self._dates, name="equity")
        return BacktestResult(
            params, MappingProxyType(batch.row(0)), equity, batch.failure[0], self
        )

    @cached_property
    def _conditions(self) -> dict[str, Any]:
        """What decides the figures of a strategy besides its parameters."""
        return {
            "panel": self.panel.fingerprint(self.settings.end_date),
            "settings": self.settings.to_dict(),
            "semantics": SEMANTICS_VERSION,
        }

    @property
    def _space_windows(self) -> tuple[int, ...]:
        return tuple(domain(self.space, "window_size"))

    @property
    def _space_factors(self) -> tuple[str, ...]:
        codes: dict[str, None] = {}
        for subset in domain(self.space, "factors"):
            codes.update(dict.fromkeys(subset))
        return tuple(codes)

    @property
    def _dates(self) -> pd.DatetimeIndex:
        return self.panel.dates[self._start : self._end + 1]

    @cached_property
    def _caps(self) -> InverseCaps:
        rows = self.panel.market_cap_row[self._start + 1 : self._end + 1]
        # a pair listed after end_date must not move the median of the days before
        listed = self.panel.first_observation <= self._end
        return inverse_caps(np.where(listed, self.panel.market_caps, np.nan), rows)

    @cached_property
    def _knows_caps(self) -> bool:
        """Whether a market cap of a listed pair is known on a day that may be traded."""
        rows = np.unique(self.panel.market_cap_row[self._start + 1 : self._end + 1])
        listed = self.panel.first_observation <= self._end
        return bool(np.isfinite(self.panel.market_caps[rows[rows >= 0]][:, listed]).any())

    @property
    def _money(self) -> dict[str, Any]:
        return {
            "initial_capital": self.settings.initial_capital,
            "fee_rate": self.settings.fee_rate,
            "fixed_amount": self.settings.position_mode == "fixed_amount",
            "split_day": self._split_day,
        }

    def _factors(
        self, window: int, factors: Sequence[str]
    ) -> tuple[npt.NDArray[np.float64], list[int]]:
        """Values of a window and the positions of ``factors`` in them."""
        cube = self.cube
        if window in cube.windows and set(factors) <= set(cube.codes):
            return cube.window(window), [cube.codes.index(code) for code in factors]
        for code in factors:
            if (window, code) not in self._extra_windows:
                values = factor_values(self._factor_input[: self._end + 1], window, [code])
                self._extra_windows[window, code] = values[0, self._start :]
        stacked = np.stack([self._extra_windows[window, code] for code in factors])
        return stacked, list(range(len(factors)))

    def _rank_block(self, table: "PointTable", rows: npt.NDArray[np.int64]) -> Ranking:
        """Rank the days that the strategies in ``rows``, which share a ranking, trade on."""
        first = rows[0]
        window, data_period = int(table.window[first]), int(table.data_period[first])
        values, selected = self._factors(window, table.factors(first))
        rules = table.rules[rows]
        n_days = self._end - self._start
        day = np.arange(n_days)
        wanted = np.zeros(n_days + 1, dtype=np.bool_)
        for frequency in np.unique(rules.integers[:, 0]):
            wanted[:-1] |= day % frequency == 0
        in_cube = window in self.cube.windows and values.base is not None
        key = (window, data_period)
        if not in_cube or key not in self._shared:
            eligible = self._eligible(data_period)
            shared = (eligible, factor_moments(values, eligible))
            if in_cube:
                self._shared[key] = shared
        else:
            shared = self._shared[key]
        return rank_pairs(
            values, shared[0], selected, top=rules.top, wanted=wanted, moments=shared[1]
        )

    def _eligible(self, data_period: int) -> npt.NDArray[np.bool_]:
        eligible = eligible_pairs(self.panel.returns[: self._end + 1], data_period)
        return np.ascontiguousarray(eligible[self._start :])

    def _simulate_block(
        self, table: "PointTable", rows: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.float64]:
        ranking = self._rank_block(table, rows)
        return simulate(
            self._returns, ranking, table.rules[rows], self._caps, **self._money
        ).metrics

    def _batch(self, values: npt.NDArray[np.float64], measurable: npt.NDArray[np.bool_]) -> Batch:
        return judge(
            self.names,
            values,
            measurable,
            metrics=tuple(self.directions),
            min_active_days=self.settings.min_active_days,
        )

    def _trades(self, params: StrategyParams) -> pd.DataFrame:
        table = PointTable.build([params], self.space, self.settings)
        ranking = self._rank_block(table, np.array([0]))
        simulation = simulate_reference(
            self._returns, ranking, table.rules, self._caps, **self._money
        )
        rows = [
            (
                self._dates[trade.day],
                self.panel.pairs[trade.pair],
                trade.action,
                trade.amount,
                trade.rank,
                trade.cash,
                trade.total,
            )
            for trade in simulation.trades[0]
        ]
        return pd.DataFrame(rows, columns=_TRADE_COLUMNS)

    def _ranking_table(self, params: StrategyParams, date: dt.date | str) -> pd.DataFrame:
        day = self.panel.day(date) - self._start
        if not 0 <= day <= self._end - self._start:
            raise DataError(
                f"rankings go from {self.settings.start_date} to {self.settings.end_date}, "
                f"got {date}"
            )
        values, selected = self._factors(params.window_size, params.factors)
        wanted = np.zeros(values.shape[1], dtype=np.bool_)
        wanted[day] = True
        eligible = self._eligible(params.data_period)
        ranking = rank_pairs(values, eligible, selected, wanted=wanted)
        n_ranked = int(ranking.n_ranked[day])
        order = ranking.order[day, :n_ranked]
        table = {
            "trading_pair": [self.panel.pairs[i] for i in order],
            "score": ranking.score[day, :n_ranked],
        }
        for code, position in zip(params.factors, selected, strict=True):
            table[code] = values[position, day, order]
        return pd.DataFrame(table, index=pd.RangeIndex(1, n_ranked + 1, name="rank"))


def judge(
    names: tuple[str, ...],
    values: npt.NDArray[np.float64],
    measurable: npt.NDArray[np.bool_],
    *,
    metrics: Sequence[str],
    min_active_days: int,
) -> Batch:
    """Say of measured strategies which failed, and what a search optimises.

    Parameters
    ----------
    names : tuple of str
        Figures, in the order of the columns of ``values``.
    values : ndarray of float64, shape (n_strategies, n_metrics)
        NaN where a figure does not exist.
    measurable : ndarray of bool, shape (n_strategies,)
        False where the market caps that a strategy needs are missing.
    metrics : sequence of str
        What is optimised, in order.
    min_active_days : int
        Of the settings.

    Returns
    -------
    Batch
        With ``values`` as they are.
    """
    objective = values[:, [names.index(name) for name in metrics]].copy()
    too_few = measurable & (values[:, names.index("active_days")] < min_active_days)
    undefined = measurable & ~too_few & ~np.isfinite(objective).all(axis=1)
    failure: list[str | None] = [None] * len(values)
    for reason, rows in (
        (NO_MARKET_CAPS, ~measurable),
        (INSUFFICIENT_DATA, too_few),
        (UNDEFINED_METRIC, undefined),
    ):
        for row in np.flatnonzero(rows):
            failure[row] = reason
        objective[rows] = math.nan
    return Batch(names, values, objective, tuple(failure))


def _directions(metrics: Sequence[str] | Mapping[str, str]) -> dict[str, str]:
    natural = {metric.name: metric.direction for metric in METRICS}
    if not metrics or isinstance(metrics, str):
        raise ConfigError(f"metrics is a non-empty list of names, got {metrics!r}")
    chosen = {}
    for name in metrics:
        if name.startswith("oos_"):
            raise ConfigError(f"out-of-sample values never enter the objective, got {name!r}")
        if name not in natural:
            raise ConfigError(f"unknown metric {name!r}; known are {', '.join(natural)}")
        direction = metrics[name] if isinstance(metrics, Mapping) else natural[name]
        if direction not in ("maximize", "minimize"):
            raise ConfigError(f"{name} is maximize or minimize, got {direction!r}")
        chosen[name] = direction
    return chosen


def _resolve_dates(
    settings: BacktestSettings, panel: ReturnPanel, space: FactorSpace
) -> BacktestSettings:
    first, last = panel.dates[0].date(), panel.dates[-1].date()
    end = settings.end_date or last
    longest = max(domain(space, "data_period"))
    if not first <= end <= last:
        raise ConfigError(f"end_date {end} is outside the data, which goes from {first} to {last}")
    half = ((end - first).days + 1) // 2  # of the history up to end_date: appending changes nothing
    start = settings.start_date or first + dt.timedelta(days=min(longest, half))
    if not first <= start <= last:
        raise ConfigError(
            f"start_date {start} is outside the data, which goes from {first} to {last}"
        )
    return settings.with_dates(start, end)


def _digest(told: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()
