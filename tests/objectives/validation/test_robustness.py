"""Robustness of one strategy: every figure again by other means, and the sentences about it."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from objectives import BacktestSettings, FactorBacktest, ReturnPanel
from objectives.validation import measure_robustness
from objectives.validation.bootstrap import StationaryBootstrap
from objectives.validation.daily_figures import (
    FIGURE_NAMES,
    Figures,
    StrategyDays,
    bootstrap_intervals,
    leave_months_out,
)
from objectives.validation.stress import without_pair
from search_spaces import DataError, one_step_neighbours
from tests.helpers.panels import array_panel, date_of, nasty_returns
from tests.helpers.plain import small_space, strategy

SPACE = small_space()
PANEL = ReturnPanel.synthetic(n_pairs=14, n_days=150, seed=4)
START = PANEL.dates[20].date()
SETTINGS = BacktestSettings(
    start_date=START, fee_rate=0.0001, min_active_days=0, min_active_share=0.1
)
PARAMS = strategy(window_size=9, data_period=8, rebalance_frequency=3)


@pytest.fixture(scope="module")
def objective():
    return FactorBacktest(PANEL, SETTINGS, space=SPACE)


@pytest.fixture(scope="module")
def report(objective):
    return measure_robustness(objective, PARAMS, n_resamples=200, threshold=0.5)


def figures(objective, params=PARAMS):
    return tuple(objective.run(params).metrics[name] for name in FIGURE_NAMES)


def values(figures):
    return tuple(getattr(figures, name) for name in FIGURE_NAMES)


def test_as_recorded(objective, report):
    assert values(report.recorded) == figures(objective)
    assert report.strategy_id == SPACE.strategy_id(PARAMS)
    assert (report.start_date, report.end_date) == (START, PANEL.dates[-1].date())
    assert report.notes == ()


def test_fees(report):
    for stress, factor in zip(report.fees, (2, 5), strict=True):
        dearer = FactorBacktest(PANEL, replace(SETTINGS, fee_rate=factor * 0.0001), space=SPACE)
        assert values(stress.figures) == figures(dearer)
        assert stress.condition == f"fees x {factor} ({factor / 100:g} %)"


def test_fees_of_a_strategy_measured_without_any():
    free = FactorBacktest(PANEL, replace(SETTINGS, fee_rate=0.0), space=SPACE)
    found = measure_robustness(free, PARAMS, n_resamples=5)
    dearer = FactorBacktest(PANEL, replace(SETTINGS, fee_rate=0.002), space=SPACE)
    assert values(found.fees[0].figures) == figures(dearer)
    assert any("without fees" in note and "0.1 %" in note for note in found.notes)


def test_a_fee_that_cannot_be_multiplied():
    dear = FactorBacktest(PANEL, replace(SETTINGS, fee_rate=0.3), space=SPACE)
    double, fivefold = measure_robustness(dear, PARAMS, n_resamples=5).fees
    assert double.figures is not None
    assert (fivefold.figures, fivefold.reason) == (None, "a fee is less than the traded amount")


def test_pairs(objective, report):
    trades = objective.run(PARAMS).trades
    held = sorted(set(trades.loc[trades["action"] == "enter", "trading_pair"]))
    sharpe = {}
    for pair in held:
        panel = without_pair(PANEL, PANEL.pairs.index(pair))
        assert pair not in panel.pairs
        assert panel.n_pairs == PANEL.n_pairs - 1
        sharpe[pair] = figures(FactorBacktest(panel, SETTINGS, space=SPACE))
    lowest_first = sorted(held, key=lambda pair: sharpe[pair][0])
    pairs = report.pairs
    assert (pairs.n_held, pairs.n_measured) == (len(held), len(held))
    assert pairs.n_above_zero == sum(each[0] > 0 for each in sharpe.values())
    assert [removal.pair for removal in pairs.costliest] == lowest_first[:5]
    for removal in pairs.costliest:
        assert values(removal.figures) == sharpe[removal.pair]


def test_a_pair_whose_cap_is_the_only_one():
    returns = nasty_returns(np.random.default_rng(0), 60, 5, "plain")
    caps = np.array([1e9, np.nan, np.nan, np.nan, np.nan])
    objective = FactorBacktest(
        array_panel(returns, caps), BacktestSettings(start_date=date_of(9)), space=SPACE
    )
    params = strategy(weight_method="IC", selection_count=5)
    pairs = measure_robustness(objective, params, n_resamples=5).pairs
    assert (pairs.n_held, pairs.n_measured) == (5, 4)


def test_months(objective, report):
    daily = objective.daily_returns([PARAMS])
    net = daily.net[0].astype(float)
    month = daily.dates.astype("datetime64[M]")
    sums = {str(m): net[month == m].sum() for m in np.unique(month)}
    best, worst = max(sums, key=sums.get), min(sums, key=sums.get)
    months = report.months
    assert (months.n_months, months.best.month, months.worst.month) == (len(sums), best, worst)
    assert months.share_of_best == pytest.approx(sums[best] / net.sum())
    rest = net[month != np.datetime64(best)]
    without = months.best.figures
    assert without.total_return == pytest.approx(np.prod(1 + rest) - 1)
    assert without.net_sharpe_ratio == pytest.approx(rest.mean() / rest.std(ddof=1) * 365**0.5)


def days_of(net, first="2024-01-01"):
    dates = np.datetime64(first) + np.arange(len(net))
    net = np.asarray(net, dtype=float)
    return StrategyDays(dates, net, net / 2, np.zeros(len(net)))


def test_figures_of_days_by_hand():
    days = days_of([0.5, -0.5, 0.0, 1.0])  # wealth 1.5, 0.75, 0.75, 1.5
    found = days.figures()
    assert found.total_return == 0.5
    assert found.max_drawdown == 0.5
    assert found.net_sharpe_ratio == pytest.approx(0.25 / math.sqrt(1.25 / 3) * math.sqrt(365))
    assert found.excess_sharpe_ratio == pytest.approx(found.net_sharpe_ratio)
    assert days_of([-0.5, 0.0]).figures().max_drawdown == 0.5  # the peak is the capital
    assert days_of([0.1, 0.1]).figures().net_sharpe_ratio == 0.0
    assert days_of([0.1]).figures().net_sharpe_ratio == 0.0


def test_months_by_hand():
    net = np.zeros(70)  # January, February and ten days of March
    net[3], net[40], net[65] = 0.3, -0.2, 0.1
    months = leave_months_out(days_of(net))
    assert (months.best.month, months.worst.month) == ("2024-01", "2024-02")
    assert months.share_of_best == pytest.approx(0.3 / 0.2)
    assert months.best.figures.total_return == pytest.approx(0.8 * 1.1 - 1)
    assert leave_months_out(days_of(-np.abs(net))).share_of_best is None
    assert leave_months_out(days_of(net[:31])) is None


def test_intervals_are_percentiles_over_resampled_days():
    net = np.random.default_rng(0).normal(0.001, 0.01, 120)
    days = days_of(net)
    found = bootstrap_intervals(days, n_resamples=99, seed=3)
    assert found.block == 10.0  # independent days: the least block
    resampled = StationaryBootstrap(120, 10.0, 99, 3).days
    every = [values(days_of(net[order]).figures()) for order in resampled]
    low, high = np.quantile(np.array(every), (0.05, 0.95), axis=0)
    np.testing.assert_allclose(values(found.low), low, rtol=1e-12)
    np.testing.assert_allclose(values(found.high), high, rtol=1e-12)
    assert bootstrap_intervals(days, 99, seed=4) != found


def test_blocks_are_as_long_as_the_basket_remembers():
    rng = np.random.default_rng(1)
    basket = np.zeros(600)
    for t in range(1, 600):
        basket[t] = 0.97 * basket[t - 1] + rng.normal()
    days = replace(days_of(rng.normal(0.0, 0.01, 600)), basket=basket)
    assert bootstrap_intervals(days, 9).block > 10.0


def test_intervals_of_a_report(report):
    intervals = report.intervals
    assert intervals.n_resamples == 200
    assert intervals.low.net_sharpe_ratio < report.recorded.net_sharpe_ratio
    assert intervals.high.net_sharpe_ratio > report.recorded.net_sharpe_ratio


def test_neighbours(objective, report):
    near = one_step_neighbours(SPACE, SPACE.index(PARAMS))
    batch = objective.evaluate(near)
    values = batch.objective[:, 0]
    found = report.neighbours
    assert (found.metric, found.direction) == ("net_sharpe_ratio", "maximize")
    assert found.n_neighbours == len(near)
    assert found.n_succeeded == np.isfinite(values).sum()
    assert found.own == objective.evaluate([PARAMS]).objective[0, 0]
    assert found.median == np.nanmedian(values)
    assert found.worst == np.nanmin(values)
    assert found.n_reaching == (values >= 0.5).sum()
    assert found.plateau == found.n_reaching / len(near)


def test_neighbours_of_a_metric_that_is_minimised():
    objective = FactorBacktest(PANEL, SETTINGS, space=SPACE, metrics=["max_drawdown"])
    found = measure_robustness(objective, PARAMS, n_resamples=5, threshold=0.01).neighbours
    drawdowns = objective.evaluate(one_step_neighbours(SPACE, SPACE.index(PARAMS))).objective[:, 0]
    assert found.worst == np.nanmax(drawdowns)
    assert found.n_reaching == (drawdowns <= 0.01).sum()


def test_neighbours_that_fail():
    least = replace(SETTINGS, min_active_days=125)  # window 4, data period 2: too few for others
    objective = FactorBacktest(PANEL, least, space=SPACE)
    params = strategy(window_size=4, data_period=2)
    found = measure_robustness(objective, params, n_resamples=5).neighbours
    near = objective.evaluate(one_step_neighbours(SPACE, SPACE.index(params)))
    assert found.n_succeeded == sum(reason is None for reason in near.failure)
    assert found.n_reaching is None
    assert found.plateau is None


def test_a_strategy_outside_the_space(objective):
    found = measure_robustness(objective, strategy(window_size=7), n_resamples=5)
    assert found.neighbours is None
    assert found.notes == ("the strategy is outside the space, so it has no neighbours in it",)
    assert found.pairs.n_measured > 0


def test_with_a_split_only_the_days_before_it_count():
    split = PANEL.dates[110].date()
    objective = FactorBacktest(PANEL, replace(SETTINGS, split_date=split), space=SPACE)
    found = measure_robustness(objective, PARAMS, n_resamples=20, threshold=0.5)
    after = PANEL.returns.copy()
    after[110:] = np.random.default_rng(0).normal(-0.01, 0.05, after[110:].shape)
    other = FactorBacktest(replace(PANEL, returns=after), objective.settings, space=SPACE)
    again = measure_robustness(other, PARAMS, n_resamples=20, threshold=0.5)
    assert found.to_dict() == again.to_dict()
    assert found.end_date == PANEL.dates[109].date()
    assert values(found.recorded) == figures(objective)
    assert any(str(split) in note for note in found.notes)


def test_what_cannot_be_done_is_said():
    short = BacktestSettings(
        start_date=PANEL.dates[0].date(), end_date=PANEL.dates[12].date(), min_active_days=0
    )
    found = measure_robustness(FactorBacktest(PANEL, short, space=SPACE), PARAMS)
    assert found.intervals is None
    assert any(note.startswith("no resampled histories") for note in found.notes)
    assert found.delay.figures is None
    assert "at least 1 day" in found.delay.reason
    assert found.months is None


def test_a_strategy_without_its_market_caps_is_refused():
    returns = nasty_returns(np.random.default_rng(0), 60, 5, "plain")
    objective = FactorBacktest(array_panel(returns), space=SPACE)
    with pytest.raises(DataError, match="market caps"):
        measure_robustness(objective, strategy(weight_method="IC"))


def test_progress(objective):
    seen = []
    found = measure_robustness(
        objective, PARAMS, n_resamples=5, on_progress=lambda done, of: seen.append((done, of))
    )
    n_all = 4 + found.pairs.n_held
    assert seen == [(k, n_all) for k in range(2, n_all + 1)]


def test_json(report):
    document = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert document["start_date"] == str(START)
    assert document["recorded"]["net_sharpe_ratio"] == report.recorded.net_sharpe_ratio
    assert document["neighbours"]["plateau"] == report.neighbours.plateau
    assert document["concerns"] == list(report.concerns)


class TestConcerns:
    """Each sentence appears when its figure is beyond its limit, and only then."""

    @pytest.fixture
    def good(self, report):
        fine = Figures(2.0, 2.0, 0.1, 0.01)
        costliest = tuple(replace(r, figures=fine) for r in report.pairs.costliest)
        return replace(
            report,
            recorded=fine,
            fees=tuple(replace(stress, figures=fine) for stress in report.fees),
            delay=replace(report.delay, figures=fine),
            pairs=replace(report.pairs, costliest=costliest),
            months=replace(report.months, share_of_best=0.3),
            intervals=replace(report.intervals, low=fine, high=fine),
            neighbours=replace(
                report.neighbours, n_neighbours=10, n_succeeded=10, n_reaching=8, threshold=0.5
            ),
        )

    def test_nothing(self, good):
        assert good.concerns == ()

    def test_no_profit(self, good):
        changed = replace(good, recorded=replace(good.recorded, net_sharpe_ratio=-0.1))
        assert changed.concerns == ("it does not earn anything as recorded",)

    def test_fees(self, good):
        poor = Figures(-0.1, 0.0, 0.0, 0.0)
        fees = tuple(replace(stress, figures=poor) for stress in good.fees)
        assert replace(good, fees=fees).concerns == (
            "with fees x 2 (0.02 %) nothing is left of it",
        )
        fees = (good.fees[0], fees[1])
        assert replace(good, fees=fees).concerns == (
            "with fees x 5 (0.05 %) nothing is left of it",
        )

    def test_delay(self, good):
        late = replace(good.delay, figures=Figures(0.9, 2.0, 0.1, 0.01))
        (sentence,) = replace(good, delay=late).concerns
        assert sentence.startswith("one day later")

    def test_pairs(self, good):
        first, *others = good.pairs.costliest
        first = replace(first, figures=Figures(0.9, 2.0, 0.1, 0.01))
        pairs = replace(good.pairs, costliest=(first, *others))
        (sentence,) = replace(good, pairs=pairs).concerns
        assert first.pair in sentence

    def test_months(self, good):
        (sentence,) = replace(good, months=replace(good.months, share_of_best=0.6)).concerns
        assert sentence.startswith(good.months.best.month)
        assert "60 %" in sentence

    def test_resamples(self, good):
        low = replace(good.intervals.low, net_sharpe_ratio=0.0)
        (sentence,) = replace(good, intervals=replace(good.intervals, low=low)).concerns
        assert "resampled" in sentence

    def test_neighbours(self, good):
        (sentence,) = replace(good, neighbours=replace(good.neighbours, n_reaching=4)).concerns
        assert "only 4 of its 10 neighbours" in sentence
        failing = replace(good.neighbours, n_succeeded=4, n_reaching=None)
        assert replace(good, neighbours=failing).concerns == ("6 of its 10 neighbours fail",)
