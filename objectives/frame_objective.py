"""An objective made of any function of a pandas frame of daily returns."""

import abc
import hashlib
import inspect
import json
import math
import traceback
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from objectives.base import Batch, DailyReturns, Objective, Points
from objectives.constants import SEMANTICS_VERSION
from objectives.judge import Fault, judge
from objectives.market import ReturnPanel
from objectives.market.panel_checks import require_pairs
from objectives.metrics import METRIC_NAMES, directions_of
from objectives.settings import BacktestSettings, ResolvedSettings
from search_spaces import SearchSpace
from search_spaces.errors import ConfigError, DataError, MassTuningError, SpaceError

__all__ = ["FrameObjective"]

# other errors of this project, such as a time limit, concern more than one strategy
_OF_STRATEGY = (DataError, SpaceError)
_MOST_TRACEBACK = 4_000


class FrameObjective(Objective):
    """Parent of objectives of one's own: give `names` and `measure`, the rest is done here.

    Give `daily` too, and whatever judges strategies by their days works: how much of the best
    result is luck, and whether a strategy looks ahead.

    Use it for a strategy that a few lines of pandas describe; ``objectives.examples.momentum`` is
    one to copy. For factor strategies :class:`objectives.FactorBacktest` is hundreds of times
    faster. In a configuration such a class is named ``package.module:ClassName``.

    A strategy fails, alone, with ``error: Type: text`` if `measure` raises, with
    ``undefined_metric`` if an optimised metric is NaN, and with ``insufficient_data`` if
    ``active_days`` is among `names` and below ``settings.min_active_days`` or
    ``settings.min_active_share`` of the days from start_date to end_date, the first left out.

    Parameters
    ----------
    panel : ReturnPanel
        The market.
    settings : BacktestSettings, optional
        Dates left out are the first and last of the panel. ``split_date="auto"`` is none here.
    space : SearchSpace
        Any parameters.
    metrics : sequence of str or mapping of str to {"maximize", "minimize"}
        What is optimised, in order, among `names`; a name alone takes its natural direction.
    **options
        Values for `default_options`.

    Attributes
    ----------
    names : tuple of str
        What `measure` returns, among ``objectives.METRIC_NAMES``, which the results table has
        columns for.
    default_options : mapping of str to value
        Options that the class knows, with plain values (text, numbers, lists, mappings).
    options : dict
        The values in force.

    Raises
    ------
    ConfigError
        If the dates, the metrics or an option do not fit.
        If `names` has a metric without a column, or the source text of the class is not to be
        found, so that a change of it would go unnoticed.
    """

    default_options: ClassVar[Mapping[str, Any]] = {}

    def __init__(
        self,
        panel: ReturnPanel,
        settings: BacktestSettings | None = None,
        *,
        space: SearchSpace,
        metrics: Sequence[str] | Mapping[str, str],
        **options: Any,
    ) -> None:
        require_pairs(panel.pairs)
        self.panel = panel
        self.space = space
        self.settings: ResolvedSettings = (
            (settings or BacktestSettings())
            .without_auto()
            .resolve(panel.dates[0].date(), panel.dates[-1].date())
        )
        _check_names(type(self), self.names)
        self.directions = directions_of(metrics, self.names)
        self.options = _merged(type(self), options)
        self._source = _source_of(type(self))

    @abc.abstractmethod
    def measure(self, params: Any, returns: pd.DataFrame) -> Mapping[str, float]:
        """Measure one strategy.

        Parameters
        ----------
        params : dict or StrategyParams
            What ``space.params`` returns: values by parameter name, or the six parameters of a
            factor strategy.
        returns : pandas.DataFrame, shape (n_days, n_pairs)
            A copy: fraction of notional earned over each day from start_date to end_date, known
            at its close; NaN where a pair has no observation.

        Returns
        -------
        mapping of str to float
            A value for each of `names`; NaN where a figure does not exist.
        """

    def daily(self, params: Any, returns: pd.DataFrame) -> pd.Series | pd.DataFrame:
        """Say what one strategy earned day by day; optional.

        Parameters
        ----------
        params, returns
            As for `measure`.

        Returns
        -------
        pandas.Series or pandas.DataFrame, indexed as ``returns``
            The change of wealth over each day as a fraction of the wealth before it, fees
            included; or a frame of columns ``net``, which is that, and ``exposure``: the sum of
            the fractions of wealth that earned the returns of the day. Without ``exposure``
            nothing can be compared with the basket.
        """
        raise NotImplementedError

    @property
    def warnings(self) -> tuple[str, ...]:
        """Say so if the settings name a split date, which such an objective does not make."""
        if self.settings.split_date is None:
            return ()
        return (
            f"split_date={self.settings.split_date} has no effect on {type(self).__name__}: it "
            "measures all days together, so nothing is out of sample",
        )

    def evaluate(self, points: Points) -> Batch:
        """Measure several strategies one by one; see :meth:`Objective.evaluate`."""
        strategies = self.strategies(points)
        values = np.full((len(strategies), len(self.names)), math.nan)
        faults: dict[int, Fault] = {}
        for row, params in enumerate(strategies):
            try:
                figures = dict(self.measure(params, self._returns.copy()))
                self._check_figures(figures)
                values[row] = [_number(figures[name]) for name in self.names]
            except Exception as error:
                if isinstance(error, MassTuningError) and not isinstance(error, _OF_STRATEGY):
                    raise
                faults[row] = Fault(
                    f"error: {type(error).__name__}: {error}",
                    {"traceback": traceback.format_exc()[-_MOST_TRACEBACK:]},
                )
        return judge(
            self.names,
            values,
            np.ones(len(values), dtype=np.bool_),
            metrics=tuple(self.directions),
            least_active_days=self.settings.least_active_days(len(self._returns) - 1),
            faults=faults,
        )

    def daily_returns(self, points: Points) -> DailyReturns | None:
        """Return what `daily` says of strategies; None where the class does not define it.

        The basket is the mean over the pairs observed on each day, 0 where there is none. A
        strategy for which `daily` raises, or that has a day that is not finite, has NaN on all
        days and counts as failed. Exposures are None if no strategy has any.

        Raises
        ------
        ConfigError
            If `daily` returns another index or other columns, or exposures of some strategies
            only.
        """
        if type(self).daily is FrameObjective.daily:
            return None
        strategies = self.strategies(points)
        series = [self._daily_of(params) for params in strategies]
        net = np.full((len(series), len(self._returns)), math.nan, dtype=np.float32)
        exposure = np.zeros_like(net)
        known = set()
        for row, frame in enumerate(series):
            if frame is None:
                continue
            known.add("exposure" in frame)
            net[row] = frame["net"]
            if "exposure" in frame:
                exposure[row] = frame["exposure"]
        if len(known) > 1:
            raise ConfigError(
                f"{type(self).__qualname__}.daily has the column exposure for all strategies or "
                "for none, got both"
            )
        dates = self._returns.index.to_numpy().astype("datetime64[D]")
        basket = self._returns.mean(axis=1).fillna(0.0).to_numpy(dtype=np.float32)[None]
        failed = np.array(
            [why is not None for why in self.evaluate(points).failure], dtype=np.bool_
        )
        failed |= ~np.isfinite(net).all(axis=1)
        return DailyReturns(dates, net, failed, exposure if True in known else None, basket)

    @cached_property
    def fingerprint(self) -> str:
        """Hex digest of data up to end_date, settings, space, metrics, options and code.

        The code is the text of the class and of its parents below `FrameObjective`; functions
        that it calls elsewhere are not seen.
        """
        document = {
            "panel": self.panel.fingerprint(self.settings.end_date),
            "settings": self.settings.to_dict(),
            "semantics": SEMANTICS_VERSION,
            "space": self.space.fingerprint,
            "directions": list(self.directions.items()),
            "class": f"{type(self).__module__}:{type(self).__qualname__}",
            "options": self.options,
            "source": self._source,
        }
        return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()

    @cached_property
    def _returns(self) -> pd.DataFrame:
        days = slice(
            self.panel.day(self.settings.start_date), self.panel.day(self.settings.end_date) + 1
        )
        return pd.DataFrame(
            self.panel.returns[days], index=self.panel.dates[days], columns=list(self.panel.pairs)
        )

    def _daily_of(self, params: Any) -> pd.DataFrame | None:
        """Ask `daily` of one strategy; None if it has no series of finite numbers."""
        try:
            found = self.daily(params, self._returns.copy())
        except Exception as error:
            if isinstance(error, MassTuningError) and not isinstance(error, _OF_STRATEGY):
                raise
            return None
        frame = found.to_frame("net") if isinstance(found, pd.Series) else found
        right = isinstance(frame, pd.DataFrame) and set(frame) in ({"net"}, {"net", "exposure"})
        if not right or not frame.index.equals(self._returns.index):
            raise ConfigError(
                f"{type(self).__qualname__}.daily returns a series, or a frame of the columns net "
                "and exposure, indexed as its returns; got "
                f"{list(frame) if isinstance(frame, pd.DataFrame) else type(found).__name__} of "
                f"{len(frame) if hasattr(frame, '__len__') else 0} rows"
            )
        try:
            numbers = frame.to_numpy(dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise ConfigError(
                f"{type(self).__qualname__}.daily returns numbers, got others: {error}"
            ) from None
        return frame if np.isfinite(numbers).all() else None

    def _check_figures(self, figures: Mapping[str, Any]) -> None:
        if set(figures) != set(self.names):
            missing = [name for name in self.names if name not in figures]
            unknown = [str(name) for name in figures if name not in self.names]
            raise ConfigError(
                f"{type(self).__qualname__}.measure returns exactly {', '.join(self.names)} (NaN "
                f"where a figure does not exist); missing: {', '.join(missing) or 'none'}, "
                f"unknown: {', '.join(unknown) or 'none'}"
            )


def _check_names(objective_type: type[FrameObjective], names: Any) -> None:
    unknown = [str(name) for name in names if name not in METRIC_NAMES]
    if not names or isinstance(names, str) or unknown or len(set(names)) < len(names):
        raise ConfigError(
            f"{objective_type.__qualname__}.names is a tuple of distinct metrics among "
            f"{', '.join(METRIC_NAMES)}; got {names!r}"
        )


def _merged(objective_type: type[FrameObjective], options: Mapping[str, Any]) -> dict[str, Any]:
    known = objective_type.default_options
    unknown = [name for name in options if name not in known]
    if unknown:
        raise ConfigError(
            f"{objective_type.__qualname__}: unknown option {', '.join(unknown)}; known are "
            f"{', '.join(known) or 'none'}"
        )
    merged = {**known, **options}
    try:
        json.dumps(merged)
    except TypeError as error:
        raise ConfigError(
            f"{objective_type.__qualname__}: options are plain values (text, numbers, true, "
            f"false, null, lists, mappings), got {merged!r}: {error}"
        ) from None
    return merged


def _source_of(objective_type: type[FrameObjective]) -> list[str]:
    """Text of the class and of its parents below `FrameObjective`."""
    own = [
        each
        for each in objective_type.__mro__
        if issubclass(each, FrameObjective) and each is not FrameObjective
    ]
    try:
        return [inspect.getsource(each) for each in own]
    except (OSError, TypeError) as error:
        raise ConfigError(
            f"the source text of {objective_type.__qualname__} cannot be read ({error}), so a "
            "change of it would go unnoticed; define it in a file"
        ) from None


def _number(value: Any) -> float:
    return math.nan if value is None else float(value)
