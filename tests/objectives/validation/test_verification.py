"""From an objective to its verdict: what is compared, on which days, and what does not count."""

import dataclasses

import numpy as np
import pytest

from objectives import BacktestSettings, DailyReturns, FactorBacktest, Objective, ReturnPanel
from objectives.base import Batch
from objectives.validation import Verification, verify
from objectives.validation.population import Population, tiles_of
from search_spaces import Choice, FactorSpace, SearchSpace
from search_spaces.errors import DataError
from tests.helpers.plain import small_space

SPACE = small_space(weight_method={"choice": ["EQ", "FS"]}, selection_count={"choice": [0, 2, 3]})
QUICK = Verification(n_resamples=200)


def market(edge, *, n_days=420, n_pairs=24, seed=1):
    return ReturnPanel.synthetic(n_pairs=n_pairs, n_days=n_days, seed=seed, edge=edge)


def backtest(panel, space=SPACE, **settings):
    chosen = {"start_date": panel.dates[60].date(), "split_date": None, **settings}
    return FactorBacktest(panel, BacktestSettings(**chosen), space=space)


def best(objective, metric="net_sharpe_ratio"):
    batch = objective.evaluate(np.arange(len(objective.space)))
    values = np.where([f is None for f in batch.failure], batch.metrics[metric], -np.inf)
    return int(values.argmax())


@pytest.fixture(scope="module")
def skilled():
    return backtest(market(3.0))


@pytest.fixture(scope="module")
def judged(skilled):
    return verify(skilled, best(skilled), np.arange(len(SPACE)), QUICK)


def test_skill_is_seen(judged):
    figures = judged.figures
    assert judged.word == "strong"
    assert figures["p_cash"] < 0.05
    assert figures["p_basket"] < 0.05
    assert figures["walk_forward"]["net_sharpe"] > 0
    assert figures["n_strategies"] == len(SPACE) - figures["population"]["n_failed"]
    assert figures["hold_out"] is None
    assert 0 <= figures["overfitting"]["net"]["pbo"] <= 1
    assert figures["overfitting"]["deflated"] == "net"


def test_luck_is_not():
    objective = backtest(market(0.0))
    judged = verify(objective, best(objective), np.arange(len(SPACE)), QUICK)
    assert judged.word == "no evidence"


def test_neither_threads_nor_the_cut_into_batches_change_a_bit(skilled, judged):
    alone = verify(skilled, best(skilled), np.arange(len(SPACE)), QUICK, n_threads=1)
    assert alone == judged
    three = verify(skilled, best(skilled), np.arange(len(SPACE)), QUICK, n_threads=3)
    assert three == judged


def test_seed_and_number_of_resamples_count(skilled, judged):
    strategy = best(skilled)
    weak = strategy - 1
    points = np.arange(len(SPACE))
    other = verify(skilled, weak, points, Verification(n_resamples=200, seed=1))
    same = verify(skilled, weak, points, Verification(n_resamples=200, seed=0))
    more = verify(skilled, weak, points, Verification(n_resamples=400, seed=0))
    assert same.figures["population"] != other.figures["population"]
    assert same.figures["population"] != more.figures["population"]


def test_a_walk_forward_by_what_is_optimised(skilled):
    objective = FactorBacktest(
        skilled.panel, skilled.settings, space=SPACE, metrics=["excess_sharpe_ratio"]
    )
    strategy = best(objective, "excess_sharpe_ratio")
    points = np.arange(len(SPACE))
    by_net = verify(objective, strategy, points, QUICK)
    by_excess = verify(objective, strategy, points, Verification(n_resamples=200, by_excess=True))
    assert by_excess.figures["overfitting"]["deflated"] == "excess"
    assert by_net.figures["walk_forward"] != by_excess.figures["walk_forward"]


def test_days_after_the_split_decide_nothing_and_stand_beside():
    panel = market(3.0)
    split = panel.dates[330].date()
    whole = backtest(panel, split_date=split)
    returns = panel.returns.copy()
    returns[330:] *= -3.0
    changed = dataclasses.replace(panel, returns=returns)
    strategy, points = best(whole), np.arange(len(SPACE))
    one = verify(whole, strategy, points, QUICK)
    other = verify(backtest(changed, split_date=split), strategy, points, QUICK)
    assert one.figures["hold_out"] != other.figures["hold_out"]
    assert one.figures["hold_out"]["first_day"] == str(split)
    assert one.figures["hold_out"]["entry_charged"] > 0
    assert one.figures["n_days"] == 329 - 60
    unequal = {"hold_out", "metrics", "benchmark"}
    kept = {name: value for name, value in one.figures.items() if name not in unequal}
    assert kept == {name: value for name, value in other.figures.items() if name not in unequal}
    assert one.reasons == other.reasons


def test_a_hold_out_pays_for_what_it_begins_with():
    panel = market(1.0)
    objective = backtest(panel, split_date=panel.dates[330].date())
    strategy = best(objective)
    daily = objective.daily_returns([strategy])
    days = daily.dates >= np.datetime64(panel.dates[330].date())
    net = daily.net[0, days].astype(float)
    net[0] -= 2 * 0.001 * daily.exposure[0, days][0]
    told = verify(objective, strategy, np.arange(len(SPACE)), QUICK).figures["hold_out"]
    assert told["net_sharpe"] == pytest.approx(net.mean() / net.std(ddof=1) * np.sqrt(365))
    assert told["total_return"] == pytest.approx(np.prod(1 + net) - 1)


@pytest.mark.parametrize(("n_days", "said"), [(200, "139 measured days"), (70, "9 measured days")])
def test_a_short_history_says_nothing_and_costs_nothing(n_days, said):
    objective = backtest(market(3.0, n_days=n_days), min_active_days=0, min_active_share=0.0)
    told = verify(objective, 0, np.arange(len(SPACE)), QUICK)
    assert told.word == "cannot tell"
    assert said in told.reasons[0]
    assert "p_cash" not in told.figures


def test_a_strategy_that_trades_too_little_is_measured_all_the_same():
    space = small_space(
        rebalance_frequency={"choice": [300]}, weight_method={"choice": ["EQ", "FS"]}
    )
    objective = backtest(market(3.0), space)
    told = verify(objective, best(objective), np.arange(len(space)), QUICK)
    assert told.word == "cannot tell"
    assert "positions; at least 5 are needed" in told.reasons[0]
    assert "p_cash" in told.figures
    assert len(told.reasons) == 4


def test_a_space_of_one_strategy_is_an_ordinary_test():
    space = SPACE.restrict(
        {
            "factors": ["SR"], "window_size": ["4"], "rebalance_frequency": ["1"],
            "data_period": ["2"], "selection_count": ["3"], "weight_method": ["EQ"],
        }
    )  # fmt: skip
    told = verify(backtest(market(3.0), space), 0, np.arange(1), QUICK)
    assert told.figures["overfitting"] == {}
    assert told.figures["population"]["n_succeeded"] == 1
    assert told.word != "cannot tell"


def test_a_strategy_that_failed_cannot_be_judged(skilled):
    objective = backtest(skilled.panel, min_active_days=10_000)
    told = verify(objective, 0, np.arange(len(SPACE)), QUICK)
    assert (told.word, told.reasons) == ("cannot tell", ("the strategy failed: insufficient_data",))


class Tossed(Objective):
    """Strategies that toss coins; one earns. Says what it is told to say."""

    names = ("net_sharpe_ratio", "trade_count")

    def __init__(self, *, tells=True, knows_exposure=False, drift=0.004):
        self.space = SearchSpace([Choice("coin", tuple(range(40)))])
        self.panel = market(0.0, n_days=301)
        self.settings = BacktestSettings(split_date=None, fee_rate=0.0).resolve(
            self.panel.dates[0].date(), self.panel.dates[-1].date()
        )
        self.directions = {"net_sharpe_ratio": "maximize"}
        self.tells, self.knows_exposure = tells, knows_exposure
        rng = np.random.default_rng(0)
        self.net = rng.normal(0.0, 0.01, size=(40, 300)).astype(np.float32)
        self.net[7] += drift

    fingerprint = "0"

    def evaluate(self, points):
        rows = self.net[np.asarray(points)].astype(float)
        sharpe = rows.mean(axis=1) / rows.std(axis=1, ddof=1)
        values = np.column_stack([sharpe, np.full(len(rows), 50.0)])
        return Batch(self.names, values, values[:, :1], (None,) * len(rows))

    def daily_returns(self, points):
        if not self.tells:
            return None
        net = self.net[np.asarray(points)]
        dates = self.panel.dates[1:].to_numpy().astype("datetime64[D]")
        exposure = basket = None
        if self.knows_exposure:
            exposure = np.full_like(net, 0.5)
            basket = np.random.default_rng(1).normal(0.0, 1e-4, (1, 300)).astype(np.float32)
        return DailyReturns(dates, net, np.zeros(len(net), dtype=bool), exposure, basket)


def test_an_objective_without_daily_returns_says_so():
    told = verify(Tossed(tells=False), 7, np.arange(40), QUICK)
    assert told.word == "cannot tell"
    assert "Tossed does not say what a strategy earned day by day" in told.reasons[0]
    with pytest.raises(DataError, match="gives no daily returns"):
        Population.of_tile(Tossed(tells=False), np.arange(3), 300)


def test_an_objective_that_does_not_know_what_it_held_is_weak_at_best():
    told = verify(Tossed(), 7, np.arange(40), QUICK)
    assert told.word == "weak"
    assert told.figures["p_basket"] is None
    assert told.figures["population"]["n_beat_basket"] is None
    assert told.figures["walk_forward"]["excess_sharpe"] is None
    assert "excess" not in told.figures["overfitting"]


def test_an_objective_of_ones_own_that_knows_it_can_be_strong():
    told = verify(Tossed(knows_exposure=True), 7, np.arange(40), QUICK)
    assert told.word == "strong"
    assert told.figures["population"]["n_beat_basket"] == 1


def test_equal_series_are_one_and_counted():
    # all pairs are listed from the first day on, so every data period ranks the same ones
    panel = market(1.0, n_days=120)
    returns = np.random.default_rng(2).normal(0.0, 0.01, size=panel.returns.shape)
    full = dataclasses.replace(panel, returns=returns)
    objective = backtest(full, SPACE, min_active_days=0)
    points = np.arange(len(objective.space))
    tile = tiles_of(objective, points)[0]
    population = Population.of_tile(objective, tile, 59)
    daily = objective.daily_returns(tile)
    rows = np.hstack([daily.net, daily.excess])[~daily.failed]
    distinct, counts = np.unique(rows, axis=0, return_counts=True)
    assert len(population.keys) == len(distinct) < len(rows)
    assert sorted(population.counts) == sorted(counts)
    assert population.n_failed == daily.failed.sum()
    first = {row.tobytes(): key for key, row in zip(tile[::-1], rows[::-1], strict=True)}
    found = np.hstack([population.net, population.excess])
    assert [first[row.tobytes()] for row in found] == population.keys.tolist()


def test_tiles_hold_every_strategy_once_and_share_factors_and_window(skilled):
    points = np.arange(0, len(SPACE), 2)
    tiles = tiles_of(skilled, points)
    assert sorted(np.concatenate(tiles)) == points.tolist()
    for tile in tiles:
        strategies = [SPACE.params(int(k)) for k in tile]
        assert len({(p.factors, p.window_size) for p in strategies}) == 1
    large = FactorSpace.default().restrict({"factors": ["SR"], "window_size": ["5"]})
    wide = FactorBacktest(skilled.panel, skilled.settings, space=large)
    assert [len(tile) for tile in tiles_of(wide, np.arange(len(large)))] == [len(large)]
    coins = Tossed()
    assert [len(tile) for tile in tiles_of(coins, np.arange(40))] == [40]


def test_progress_ends_where_all_is_done(skilled):
    seen = {}
    verify(
        skilled, 0, np.arange(len(SPACE)), QUICK,
        on_progress=lambda what, done, total: seen.setdefault(what, []).append((done, total)),
    )  # fmt: skip
    assert seen["strategies"][-1] == (len(SPACE), len(SPACE))
    assert seen["splits"][-1] == (2, 2)
    done = [d for d, _ in seen["strategies"]]
    assert done == sorted(done)


def test_a_population_of_which_none_succeeded_is_refused(skilled):
    class NoneSucceeds(Tossed):
        def daily_returns(self, points):
            daily = super().daily_returns(points)
            failed = np.ones(len(daily.net), dtype=bool)
            return DailyReturns(daily.dates, daily.net, failed)

    with pytest.raises(DataError, match="no strategy of the population succeeded"):
        verify(NoneSucceeds(), 7, np.arange(40), QUICK)
