"""Data periods that rank the same pairs every day share a simulation; results keep every bit."""

import pickle
import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from objectives import BacktestSettings, FactorBacktest
from objectives.factor_backtest.eligibility import Eligibility
from objectives.factor_backtest.shared_outcomes import Outcomes, SharedOutcomes
from objectives.ranking import eligible_pairs
from tests.helpers.panels import array_panel, date_of, nasty_returns, panels
from tests.helpers.plain import small_space, strategy

PERIODS = {"choice": [1, 2, 5, 8, 20, 40]}


def objective_of(kind="plain", shares=True, **changes):
    returns = nasty_returns(np.random.default_rng(3), 70, 9, kind)
    panel = array_panel(returns, np.geomspace(1e6, 1e11, 9))
    chosen = BacktestSettings(**{"start_date": date_of(15), "min_active_days": 10, **changes})
    objective = FactorBacktest(panel, chosen, space=small_space(data_period=PERIODS))
    objective._simulator._shares = shares
    return objective


def count_simulations(objective, monkeypatch):
    """A list that grows by the strategies of each simulation."""
    simulated = []
    simulate = type(objective._simulator).simulate

    def counted(self, table, rows, **options):
        simulated.append(len(rows))
        return simulate(self, table, rows, **options)

    monkeypatch.setattr(type(objective._simulator), "simulate", counted)
    return simulated


@given(panels(min_days=6), st.data())
@settings(max_examples=150, deadline=None)
def test_data_periods_are_one_class_exactly_if_the_same_pairs_are_eligible(panel, data):
    start = data.draw(st.integers(0, panel.n_days - 1))
    end = data.draw(st.integers(start, panel.n_days - 1))
    returns = panel.returns[: end + 1]
    eligibility = Eligibility(returns, start)
    periods = data.draw(st.lists(st.integers(0, panel.n_days + 3), min_size=2, max_size=6))
    masks = [eligible_pairs(returns, period)[start:] for period in periods]
    for period, mask in zip(periods, masks, strict=True):
        np.testing.assert_array_equal(eligibility.mask(period), mask)
        np.testing.assert_array_equal(eligibility.rankable(period), mask.sum(axis=1) >= 2)
    numbers = eligibility.numbers(periods)
    for one, mask in zip(numbers, masks, strict=True):
        for other, another in zip(numbers, masks, strict=True):
            assert (one == other) == np.array_equal(mask, another)


@pytest.mark.parametrize("kind", ["plain", "gaps", "ties", "lives"])
@pytest.mark.parametrize("split", [None, 45])
def test_results_are_the_same_bits_in_any_order(kind, split):
    changes = {} if split is None else {"split_date": date_of(split)}
    alone = objective_of(kind, shares=False, **changes)
    everything = np.arange(alone.space.size)
    expected = alone.evaluate(everything)
    rng = np.random.default_rng(0)
    for chunk in (7, 100, len(everything)):
        objective = objective_of(kind, **changes)
        for order in (everything, rng.permutation(everything)):
            for begin in range(0, len(order), chunk):
                wanted = order[begin : begin + chunk]
                batch = objective.evaluate(wanted)
                np.testing.assert_array_equal(
                    batch.values.view(np.int64), expected.values[wanted].view(np.int64)
                )
                assert batch.failure == tuple(expected.failure[k] for k in wanted)


def test_a_class_is_simulated_once(monkeypatch):
    objective = objective_of()
    simulated = count_simulations(objective, monkeypatch)
    everything = np.arange(objective.space.size)
    # all pairs are listed on day 0: 1 to 8 are one class on days from 15 on, 20 and 40 are others
    assert objective.n_distinct == objective.space.size // 6 * 3
    for begin in range(0, len(everything), 36):
        objective.evaluate(everything[begin : begin + 36])
    assert sum(simulated) == objective.n_distinct
    alone = objective_of(shares=False)
    simulated.clear()
    alone.evaluate(everything)
    assert sum(simulated) == alone.space.size


def test_strategies_of_one_batch_share_too(monkeypatch):
    objective = objective_of()
    simulated = count_simulations(objective, monkeypatch)
    batch = objective.evaluate([strategy(data_period=p) for p in (1, 2, 2, 3, 5, 8, 20)])
    assert simulated == [1, 1]
    assert (batch.values[:6].view(np.int64) == batch.values[0].view(np.int64)).all()


def test_a_class_of_one_data_period_is_not_kept(monkeypatch):
    objective = objective_of()
    simulated = count_simulations(objective, monkeypatch)
    for _ in range(2):
        objective.evaluate([strategy(data_period=20)])
    assert (simulated, objective._simulator._outcomes.n_bytes) == ([1, 1], 0)
    for _ in range(2):
        objective.evaluate([strategy(data_period=5)])
    assert simulated == [1, 1, 1]
    assert objective._simulator._outcomes.n_bytes > 0


def test_a_late_listing_separates_data_periods():
    returns = nasty_returns(np.random.default_rng(3), 70, 9, "plain")
    returns[:12, 4] = np.nan
    chosen = BacktestSettings(start_date=date_of(15), min_active_days=10)
    objective = FactorBacktest(
        array_panel(returns, np.geomspace(1e6, 1e11, 9)), chosen,
        space=small_space(data_period=PERIODS),
    )  # fmt: skip
    # listed on day 12: eligible from day 13, 14 (before the start), 17, 20, 32, 52
    assert objective._simulator.eligibility.numbers(PERIODS["choice"]).tolist() == [
        0,
        0,
        1,
        2,
        3,
        4,
    ]


def test_what_is_kept_is_bounded():
    outcomes = Outcomes((b"12345678", b"abcdefgh"), np.ones((2, 1, 16)))
    kept = SharedOutcomes(max_bytes=outcomes.n_bytes)
    kept.add("one", outcomes)
    kept.add("two", outcomes)
    assert kept.find("one") is outcomes
    assert kept.find("two") is None
    assert kept.n_bytes == outcomes.n_bytes == 2 * (8 + 16 * 8)
    kept.add("one", Outcomes((b"abcdefgh", b"new rule"), np.zeros((2, 1, 16))))
    assert kept.find("one") is outcomes  # no room for one more
    roomy = SharedOutcomes()
    roomy.add("one", outcomes)
    roomy.add("one", Outcomes((b"abcdefgh", b"new rule"), np.zeros((2, 1, 16))))
    held = roomy.find("one")
    assert held.rules == (b"12345678", b"abcdefgh", b"new rule")
    assert held.metrics[:, 0, 0].tolist() == [1, 1, 0]
    assert held.of([b"new rule", b"12345678"])[:, 0, 0].tolist() == [0, 1]
    assert held.of([b"new rule", b"unknown!"]) is None
    assert roomy.n_bytes == held.n_bytes


def test_threads_and_copies(monkeypatch):
    objective = objective_of("gaps")
    everything = np.arange(objective.space.size)
    expected = objective_of("gaps", shares=False).evaluate(everything).values
    found = [None] * 4

    def work(k):
        rng = np.random.default_rng(k)
        values = np.empty_like(expected)
        for wanted in np.array_split(rng.permutation(everything), 9):
            values[wanted] = objective.evaluate(wanted).values
        found[k] = values

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for values in found:
        np.testing.assert_array_equal(values, expected)
    copy = pickle.loads(pickle.dumps(objective))
    assert copy._simulator._outcomes.n_bytes == 0
    np.testing.assert_array_equal(copy.evaluate(everything).values, expected)
    assert copy._simulator._outcomes.n_bytes > 0
