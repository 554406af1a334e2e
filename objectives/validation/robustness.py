"""How much of a strategy is left when conditions, pairs, months or its parameters change a bit."""

import datetime as dt
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from objectives.factor_backtest import FactorBacktest
from objectives.validation.daily_figures import (
    Figures,
    Intervals,
    MonthsLeftOut,
    StrategyDays,
    bootstrap_intervals,
    leave_months_out,
)
from objectives.validation.plateau import Neighbours, index_of, measure_neighbours
from objectives.validation.stress import (
    ASSUMED_FEE_RATE,
    FEE_FACTORS,
    PairsLeftOut,
    Stress,
    figures_of,
    held_pairs,
    leave_pairs_out,
    stress_delay,
    stress_fees,
)
from search_spaces import StrategyParams
from search_spaces.errors import DataError

__all__ = ["Robustness", "measure_robustness"]


@dataclass(frozen=True)
class Robustness:
    """One strategy under changed conditions.

    Attributes
    ----------
    strategy_id : str
        Its id.
    start_date, end_date : date
        First and last day of all figures; with a split the last is the day before it.
    recorded : Figures
        As the objective measures it.
    fees : tuple of Stress
        With twice and five times the fees.
    delay : Stress
        Acting on rankings that are one day older.
    pairs : PairsLeftOut
        On the market without each pair that it ever held.
    months : MonthsLeftOut or None
        Without each calendar month; None if there is only one.
    intervals : Intervals or None
        Over resampled histories; None if there are too few days.
    neighbours : Neighbours or None
        Of the strategies one step away; None if the strategy is outside the space.
    notes : tuple of str
        Sentences on what could not be done, or was done in another way.
    """

    strategy_id: str
    start_date: dt.date
    end_date: dt.date
    recorded: Figures
    fees: tuple[Stress, ...]
    delay: Stress
    pairs: PairsLeftOut
    months: MonthsLeftOut | None
    intervals: Intervals | None
    neighbours: Neighbours | None
    notes: tuple[str, ...]

    @property
    def concerns(self) -> tuple[str, ...]:
        """Sentences on what speaks against the strategy; empty if nothing here does.

        Half of the recorded net Sharpe ratio, half of the return and half of the neighbours are
        the limits: rules of thumb, not tests.
        """
        return (
            *self._concerns_of_conditions(),
            *self._concerns_of_pairs_and_months(),
            *self._concerns_of_resamples(),
            *self._concerns_of_neighbours(),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return plain values: dates as ISO text, None for NaN."""
        document: dict[str, Any] = _plain(asdict(self))
        if self.neighbours is not None:
            document["neighbours"]["plateau"] = self.neighbours.plateau
        return {**document, "concerns": list(self.concerns)}

    def _concerns_of_conditions(self) -> list[str]:
        sharpe = self.recorded.net_sharpe_ratio
        if not sharpe > 0.0:
            return ["it does not earn anything as recorded"]
        found = []
        for stress in self.fees:
            if stress.figures is not None and not stress.figures.net_sharpe_ratio > 0.0:
                found.append(f"with {stress.condition} nothing is left of it")
                break
        later = self.delay.figures
        if later is not None and later.net_sharpe_ratio < sharpe / 2.0:
            found.append("one day later it loses more than half of its net Sharpe ratio")
        return found

    def _concerns_of_pairs_and_months(self) -> list[str]:
        sharpe = self.recorded.net_sharpe_ratio
        found = []
        if self.pairs.costliest and sharpe > 0.0:
            worst = self.pairs.costliest[0]
            if worst.figures.net_sharpe_ratio < sharpe / 2.0:
                found.append(f"without {worst.pair} more than half of its net Sharpe ratio is gone")
        share = None if self.months is None else self.months.share_of_best
        if self.months is not None and share is not None and share > 0.5:
            month = self.months.best.month
            found.append(f"{month} made {100 * share:.0f} % of what it earned in all")
        return found

    def _concerns_of_resamples(self) -> list[str]:
        if self.intervals is None or self.intervals.low.net_sharpe_ratio > 0.0:
            return []
        return ["it loses money in more than 5 % of the resampled histories"]

    def _concerns_of_neighbours(self) -> list[str]:
        near = self.neighbours
        if near is None or not near.n_neighbours:
            return []
        found = []
        if near.share_succeeded < 0.5:
            n_failed = near.n_neighbours - near.n_succeeded
            found.append(f"{n_failed} of its {near.n_neighbours} neighbours fail")
        if near.plateau is not None and near.plateau < 0.5:
            found.append(
                f"only {near.n_reaching} of its {near.n_neighbours} neighbours are among the best "
                "10 % of the space: a peak, not a plateau"
            )
        return found


def measure_robustness(
    objective: FactorBacktest,
    params: StrategyParams,
    *,
    n_resamples: int = 1000,
    seed: int = 0,
    threshold: float | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> Robustness:
    """Change conditions, pairs, months and parameters of a strategy, one at a time.

    With a split date everything is measured on the days before it, which the search saw: days
    held back stay unseen.

    Parameters
    ----------
    objective : FactorBacktest
        What the strategy was measured by.
    params : StrategyParams
        May lie outside the space; then it has no neighbours.
    n_resamples, seed : int
        Of :func:`bootstrap_intervals`.
    threshold : float, optional
        The value of the first optimised metric that the best 10 % of the space reach.
    on_progress : callable, optional
        Called with the number of simulations done and of all.

    Returns
    -------
    Robustness

    Raises
    ------
    DataError
        If the market lacks the market caps that the strategy weighs by.
    ConfigError
        If ``n_resamples`` or ``seed`` is out of range.
    """
    pairs = held_pairs(objective, params)
    n_done, n_all = 0, len(FEE_FACTORS) + 2 + len(pairs)

    def advance(n: int = 1) -> None:
        nonlocal n_done
        n_done += n
        if on_progress is not None:
            on_progress(n_done, n_all)

    recorded = figures_of(objective, params)
    if recorded is None:
        raise DataError(f"the figures of {objective.space.strategy_id(params)} are not defined")
    days = strategy_days(objective, params)
    notes = _notes(objective)
    intervals = None
    try:
        intervals = bootstrap_intervals(days, n_resamples, seed)
    except DataError as error:
        notes.append(f"no resampled histories: {error}")
    fees = stress_fees(objective, params)
    advance(len(fees))
    delay = stress_delay(objective, params)
    advance()
    neighbours = _neighbours(objective, params, threshold, notes)
    advance()
    return Robustness(
        strategy_id=objective.space.strategy_id(params),
        start_date=objective.settings.start_date,
        end_date=days.dates[-1].item(),
        recorded=recorded,
        fees=fees,
        delay=delay,
        pairs=leave_pairs_out(objective, params, pairs, on_pair=advance),
        months=leave_months_out(days),
        intervals=intervals,
        neighbours=neighbours,
        notes=tuple(notes),
    )


def strategy_days(objective: FactorBacktest, params: StrategyParams) -> StrategyDays:
    """Return the daily series of a strategy, with a split on the days before it."""
    daily = objective.daily_returns([params])
    assert daily.excess is not None
    assert daily.basket is not None
    kept = np.ones(len(daily.dates), dtype=np.bool_)
    if objective.settings.split_date is not None:
        kept = daily.dates < np.datetime64(objective.settings.split_date, "D")
    series = (daily.net, daily.excess, daily.basket)
    return StrategyDays(daily.dates[kept], *(rows[0, kept].astype(np.float64) for rows in series))


def _notes(objective: FactorBacktest) -> list[str]:
    notes = []
    if objective.settings.split_date is not None:
        notes.append(
            f"measured on the days before split_date {objective.settings.split_date}, which the "
            "search saw; the days held back stay unseen"
        )
    if objective.settings.fee_rate == 0.0:
        notes.append(
            "it was measured without fees; the multiples are of an assumed "
            f"{100 * ASSUMED_FEE_RATE:g} % of each traded amount"
        )
    return notes


def _neighbours(
    objective: FactorBacktest, params: StrategyParams, threshold: float | None, notes: list[str]
) -> Neighbours | None:
    """Evaluate the neighbours, or note why there are none."""
    index = index_of(objective, params)
    if index is None:
        notes.append("the strategy is outside the space, so it has no neighbours in it")
        return None
    return measure_neighbours(objective, index, threshold=threshold)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
