"""Simulation: cases worked by hand, kernel == reference over all parameters."""

import datetime as dt
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from objectives import METRIC_NAMES, BacktestSettings
from objectives.backtest import InverseCaps, inverse_caps, simulate, simulate_reference
from objectives.ranking import Ranking
from objectives.settings import POSITION_MODES
from objectives.trading_rules import RuleTable, TradingRules, rule_table, trading_rules
from search_spaces import FACTOR_CODES, WEIGHT_METHODS
from search_spaces.errors import ConfigError, DataError
from tests.helpers.panels import date_of, panels
from tests.helpers.plain import check_against_reference, small_space, strategy

ROOT = Path(__file__).parents[2]
NAN = np.nan


def ranking_of(days, n_pairs):
    """Ranking from a list per day of (pair, score), best first; [] = no ranking."""
    n_days = len(days)
    order = np.zeros((n_days, n_pairs), dtype=np.int32)
    score = np.zeros((n_days, n_pairs))
    rank = np.zeros((n_days, n_pairs), dtype=np.int32)
    for t, day in enumerate(days):
        for j, (pair, value) in enumerate(day):
            order[t, j], score[t, j], rank[t, pair] = pair, value, j + 1
    n_ranked = np.array([len(day) for day in days], dtype=np.int64)
    n_positive = np.array([sum(v > 0 for _, v in day) for day in days], dtype=np.int64)
    return Ranking(order, score, rank, n_ranked, n_positive)


def play(
    returns, days, caps=None, split_day=0, capital=1000.0, fee=0.0, fixed=False, liquidate=False,
    **rules,
):  # fmt: skip
    """Simulate by both twins, assert that they agree, return metrics, equity and trades."""
    returns = np.array(returns, dtype=float)
    given_rules = {
        "rebalance_frequency": 1,
        "weight_method": "EQ",
        "position_size": 0.5,
        "max_positions": 2,
        "entry_top_n": 2,
        "exit_threshold": 2,
        **rules,
    }
    rule = TradingRules(**given_rules)
    table = RuleTable(
        np.array(
            [
                [
                    rule.rebalance_frequency,
                    WEIGHT_METHODS.index(rule.weight_method),
                    rule.max_positions or 0,
                    rule.entry_top_n or 0,
                    rule.exit_threshold or 0,
                ]
            ]
        ),
        np.array([rule.position_size or 0.0]),
    )
    assert list(table) == [rule]
    n_days, n_pairs = returns.shape
    if caps is None:
        caps = np.full((1, n_pairs), 1e6)
    weights = inverse_caps(np.atleast_2d(caps), np.zeros(n_days, dtype=np.int64))
    basket = np.linspace(-0.01, 0.02, n_days)
    arguments = {
        "initial_capital": capital,
        "fee_rate": fee,
        "basket": basket,
        "fixed_amount": fixed,
        "split_day": split_day,
        "value_at_liquidation": liquidate,
        "keep_equity": True,
        "keep_daily": True,
    }
    ranking = ranking_of(days, n_pairs)
    fast = simulate(returns, ranking, table, weights, **arguments)
    plain = simulate_reference(returns, ranking, table, weights, **arguments)
    np.testing.assert_array_equal(fast.metrics, plain.metrics)
    np.testing.assert_array_equal(fast.equity, plain.equity)
    np.testing.assert_array_equal(fast.daily, plain.daily)
    np.testing.assert_array_equal(fast.exposure, plain.exposure)
    segments = [dict(zip(METRIC_NAMES, row.tolist(), strict=True)) for row in fast.metrics[0]]
    moves = [t for t in plain.trades[0] if t.action != "funding"]
    return segments, fast.equity[0], moves


AB = [(0, 1.0), (1, 0.5)]


def test_funding_starts_the_day_after_entry_and_is_halved():
    # entered on day 1 on the ranking of day 0; the return of day 1 is earned on day 2
    _, equity, moves = play([[0.5, 0], [0.1, 0], [0.2, NAN]], [AB, AB, AB], entry_top_n=1)
    assert [(m.day, m.pair_index, m.action, m.amount) for m in moves] == [(1, 0, "enter", 500.0)]
    np.testing.assert_allclose(equity, [1000, 1000, 1025, 1075])


def test_nan_adds_nothing_but_the_day_is_recorded():
    (metrics,), equity, _ = play([[0, 0], [NAN, 0], [0.1, 0]], [AB] * 3, entry_top_n=1)
    np.testing.assert_allclose(equity, [1000, 1000, 1000, 1025])
    days = [metrics[name] for name in ("profit_days", "loss_days", "break_even_days")]
    assert days == [1, 0, 1]
    assert metrics["win_rate"] == 0.5
    assert metrics["active_days"] == 3


def test_each_entry_sees_the_cash_left():
    _, _, moves = play([[0, 0]], [AB])
    assert [(m.pair_index, m.amount, m.cash) for m in moves] == [
        (0, 500.0, 500.0),
        (1, 250.0, 250.0),
    ]


def test_fixed_amount_sizes_on_the_initial_capital():
    _, _, moves = play([[0, 0, 0]], [[(0, 3), (1, 2), (2, 1)]], fixed=True, position_size=0.4,
                       max_positions=3, entry_top_n=3)  # fmt: skip
    # the third costs 400 of the 200 left and is skipped
    assert [(m.pair_index, m.amount) for m in moves] == [(0, 400.0), (1, 400.0)]


def test_fees_on_both_sides():
    (metrics,), equity, moves = play(
        [[0, 0], [0, 0]], [AB, [(1, 1.0), (0, 0.5)]], fee=0.01, entry_top_n=1, exit_threshold=1,
        max_positions=1,
    )  # fmt: skip
    # enter 500 (cash 495), exit 500 less 5 (cash 990), enter 495 (cash 990 - 499.95)
    assert [(m.pair_index, m.action, m.amount) for m in moves] == [
        (0, "enter", 500.0), (0, "exit", 500.0), (1, "enter", 495.0),
    ]  # fmt: skip
    np.testing.assert_allclose(equity, [1000, 995, 985.05])
    assert metrics["fees_paid"] == pytest.approx(14.95)
    assert metrics["turnover"] == pytest.approx(1.495)
    assert (metrics["trade_count"], metrics["avg_holding_days"]) == (1, 1)
    assert metrics["open_positions"] == 1


def test_an_entry_that_costs_more_than_the_cash_is_skipped_and_the_next_tried():
    # 1000 x 1.01 > 1000
    (metrics,), equity, moves = play([[0, 0]], [AB], fee=0.01, position_size=1.0)
    assert not moves
    assert metrics["active_days"] == 0
    assert np.isnan(metrics["avg_holding_days"])
    np.testing.assert_array_equal(equity, [1000, 1000])
    _, _, moves = play([[0, 0]], [AB], fee=0.0, position_size=1.0)
    assert [(m.pair_index, m.amount) for m in moves] == [(0, 1000.0)]  # nothing left for the second


def test_skipped_entry_lets_a_cheaper_one_in():
    # FS gives 0.5 and 0.5 x 0.2: with fixed amounts and 60 left only the second fits
    days = [[(2, 1.0), (0, 0.1)], [(0, 9.0), (1, 1.0), (2, 0.5)]]
    _, _, moves = play(
        [[0, 0, 0]] * 2, days, fixed=True, weight_method="FS", position_size=0.55,
        entry_top_n=3, max_positions=3, exit_threshold=3,
    )  # fmt: skip
    # day 1: 0.5 and 0.55 x 2 x 0.1 / 1.1 = 0.1; day 2: pair 1 gets 0.55 x 3 / 10.5
    assert [(m.day, m.pair_index, m.amount) for m in moves] == [
        (1, 2, 500.0), (1, 0, pytest.approx(100.0)), (2, 1, pytest.approx(1650 / 10.5)),
    ]  # fmt: skip


def test_exits_come_first_in_order_of_entry():
    days = [AB, [(3, 1), (2, 0.5), (1, 0.2), (0, 0.1)]]
    _, _, moves = play([[0] * 4] * 2, days)
    assert [(m.day, m.pair_index, m.action, m.rank) for m in moves] == [
        (1, 0, "enter", 1), (1, 1, "enter", 2),
        (2, 0, "exit", 4), (2, 1, "exit", 3), (2, 3, "enter", 1), (2, 2, "enter", 2),
    ]  # fmt: skip


def test_a_pair_inside_the_threshold_stays_and_fills_a_place():
    days = [AB, [(2, 1), (3, 0.5), (0, 0.2), (1, 0.1)]]
    _, _, moves = play([[0] * 4] * 2, days, exit_threshold=3)
    assert [(m.pair_index, m.action) for m in moves if m.day == 2] == [(1, "exit"), (2, "enter")]


def test_unranked_pairs_leave():
    _, _, moves = play([[0, 0, 0]] * 2, [AB, [(1, 1), (2, 0.5)]], exit_threshold=99)
    assert [(m.pair_index, m.action, m.rank) for m in moves if m.day == 2] == [
        (0, "exit", 0), (2, "enter", 2),
    ]  # fmt: skip


def test_a_day_without_a_ranking_trades_nothing():
    _, equity, moves = play([[0, 0], [0.1, 0], [0.1, 0]], [AB, [], AB], entry_top_n=1)
    assert len(moves) == 1
    np.testing.assert_allclose(equity, [1000, 1000, 1025, 1050])


def test_trading_days():
    flip = [AB if t % 2 == 0 else AB[::-1] for t in range(8)]
    _, _, moves = play(
        [[0, 0]] * 8, flip, rebalance_frequency=3, entry_top_n=1, max_positions=1, exit_threshold=1
    )
    assert {m.day for m in moves} == {1, 4, 7}


def test_missing_ranking_on_a_trading_day_waits_for_the_next():
    _, _, moves = play([[0, 0]] * 5, [[], AB, AB, AB, AB], rebalance_frequency=3)
    assert {m.day for m in moves} == {4}


@pytest.mark.parametrize(("method", "caps", "scores", "expected"), [
    # shares 3/4 and 1/4 of 2 x 0.3 = 0.45 and 0.15
    ("IC", [1e6, 3e6], [1, 1], (0.45, 0.15)),
    ("FS", [1, 1], [3, 1], (0.45, 0.15)),
    ("FS", [1, 1], [3, -1], (0.5, None)),  # 0.6 limited to 0.5; weight 0 is not entered
    ("FS", [1, 1], [-1, -2], (0.3, 0.3)),  # sum 0: weight 1
    ("FS", [1, 1], [0, 0], (0.3, 0.3)),
    ("IC", [NAN, 5e6], [1, 1], (0.3, 0.3)),  # the unknown takes the median
    ("IC", [NAN, NAN], [1, 1], (0.3, 0.3)),
    ("IC", [1, 1e12], [1, 1], (0.5, 6e-13)),
])  # fmt: skip
def test_weights(method, caps, scores, expected):
    _, _, moves = play(
        [[0, 0]], [[(0, scores[0]), (1, scores[1])]], np.array(caps, dtype=float), fixed=True,
        weight_method=method, position_size=0.3,
    )  # fmt: skip
    assert [m.amount for m in moves] == [pytest.approx(1000 * e) for e in expected if e]


def test_weights_are_over_the_whole_entry_set_also_the_held():
    days = [[(0, 1.0)], [(0, 3.0), (1, 1.0)]]
    _, _, moves = play([[0, 0]] * 2, days, fixed=True, weight_method="FS", position_size=0.3)
    assert moves[-1].pair_index == 1
    assert moves[-1].amount == pytest.approx(1000 * 0.3 * 2 * 0.25)


def test_the_limit_is_on_weighted_entries_only():
    one = [[(0, 1.0)]]
    for method, amount in (("EQ", 800.0), ("FS", 500.0), ("IC", 500.0)):
        _, _, moves = play([[0, 0]], one, weight_method=method, position_size=0.8)
        assert [m.amount for m in moves] == [pytest.approx(amount)]


def test_nothing_selected_holds_all_positive():
    free = {"position_size": None, "max_positions": None, "entry_top_n": None,
            "exit_threshold": None}  # fmt: skip
    days = [
        [(0, 2), (1, 1), (2, -1)],
        [(2, 1), (0, 0.0), (1, -1)],
        [(0, -1), (1, -2), (2, -3)],
        [(0, -1), (1, -2), (2, -3)],
    ]
    _, _, moves = play([[0] * 3] * 4, days, **free)
    assert [(m.day, m.pair_index, m.action, m.amount) for m in moves] == [
        (1, 0, "enter", 500.0), (1, 1, "enter", 250.0),  # 1 / 2 of the cash left each time
        (2, 0, "exit", 500.0), (2, 1, "exit", 250.0), (2, 2, "enter", 1000.0),
        (3, 2, "exit", 1000.0),  # empty set: all leave, none enter
    ]  # fmt: skip


def test_segments_by_hand():
    # enter on day 1; earn 50 on day 2 and -25 on day 3 (first segment: days 0..2)
    days = [AB, AB, AB, [(1, 1), (0, 0.5)], AB]
    returns = [[0, 0], [0.2, 0], [-0.1, 0], [0.1, 0], [0, 0]]
    (first, second), equity, moves = play(
        returns, days, split_day=3, fee=0.0, entry_top_n=1, max_positions=1, exit_threshold=1
    )
    np.testing.assert_allclose(equity, [1000, 1000, 1050, 1025, 1050, 1050])
    assert [(m.day, m.pair_index, m.action) for m in moves] == [
        (1, 0, "enter"), (4, 0, "exit"), (4, 1, "enter"), (5, 1, "exit"), (5, 0, "enter"),
    ]  # fmt: skip
    assert first["final_balance"] == 1050
    assert first["total_return"] == pytest.approx(0.05)
    assert first["annual_return"] == pytest.approx(0.05 * 365 / 3)  # days 0, 1, 2
    assert (first["trade_count"], first["open_positions"], first["active_days"]) == (0, 1, 2)
    assert first["max_drawdown"] == 0
    assert first["turnover"] == pytest.approx(0.5)
    assert second["total_return"] == pytest.approx(0.0)
    assert second["annual_return"] == pytest.approx(0.0)
    assert second["max_drawdown"] == pytest.approx(25 / 1050)  # peak anew from 1050
    assert (second["trade_count"], second["avg_holding_days"]) == (2, 2.0)  # 3 days and 1
    assert (second["profit_days"], second["loss_days"], second["break_even_days"]) == (1, 1, 1)
    assert second["active_days"] == 3
    # exit 500, enter 550 x .. on day 4 and both on day 5, over the capital of 1050
    traded = sum(m.amount for m in moves if m.day >= 3)
    assert second["turnover"] == pytest.approx(traded / 1050)


def test_first_segment_is_blind_to_the_second():
    days = [AB] * 6
    returns = np.full((6, 2), 0.01)
    other = returns.copy()
    other[3:] = -0.5
    one, two = (play(r, days, split_day=4)[0] for r in (returns, other))
    np.testing.assert_array_equal(list(one[0].values()), list(two[0].values()))
    assert one[1]["final_balance"] > two[1]["final_balance"]


def test_ruin_leaves_figures_undefined_not_an_error():
    # all in on day 1, everything lost on day 2, split on day 3: capital 0
    (_, second), equity, _ = play(
        [[0, 0], [-2.0, 0], [0, 0]], [AB] * 3, split_day=3, position_size=1.0
    )
    assert equity[2] == 0
    assert np.isnan(second["total_return"])
    assert np.isnan(second["turnover"])


def test_unknown_caps_take_the_median_of_their_row():
    caps = inverse_caps(np.array([[1.0, NAN, 4.0], [NAN, NAN, NAN]]), np.array([-1, 0, 1]))
    rows = caps.values[caps.row]
    np.testing.assert_allclose(rows, [[1, 1, 1], [1, 1 / 2.5, 1 / 4], [1, 1, 1]])


def test_a_ranking_that_is_not_deep_enough_is_refused():
    ranking = ranking_of([AB], 4)
    shallow = Ranking(
        ranking.order[:, :1], ranking.score[:, :1], ranking.rank, ranking.n_ranked,
        ranking.n_positive,
    )  # fmt: skip
    caps = InverseCaps(np.ones((1, 4)), np.zeros(1, dtype=np.int64))
    rules = rule_table(*(np.array([n]) for n in (1, 1, 0)), BacktestSettings())
    money = {"initial_capital": 1.0, "fee_rate": 0.0}
    day = np.zeros(1)
    with pytest.raises(DataError, match="to rank 3"):
        simulate(np.zeros((1, 4)), shallow, rules, caps, basket=day, **money)
    with pytest.raises(DataError, match="2 days"):
        simulate(np.zeros((2, 4)), ranking, rules, caps, basket=np.zeros(2), **money)
    with pytest.raises(DataError, match="got 1, 1 and 0"):
        simulate(np.zeros((1, 4)), ranking, rules, caps, basket=np.zeros(0), **money)


def test_many_strategies_equal_one_by_one():
    rng = np.random.default_rng(0)
    days = [[(int(i), float(x)) for i, x in zip(rng.permutation(6), [3, 2, 1, 0, -1, -2],
             strict=True)] for _ in range(20)]  # fmt: skip
    ranking = ranking_of(days, 6)
    returns = rng.normal(size=(20, 6)) * 0.01
    caps = inverse_caps(rng.uniform(1, 9, size=(1, 6)), np.zeros(20, dtype=np.int64))
    grid = np.array([(r, s, w) for r in (1, 3) for s in (0, 1, 2, 5) for w in range(3)])
    rules = rule_table(*np.ascontiguousarray(grid.T), BacktestSettings())
    money = {"initial_capital": 1e4, "fee_rate": 0.001, "split_day": 9, "basket": returns[:, 0]}
    together = simulate(returns, ranking, rules, caps, **money).metrics
    for k in range(len(grid)):
        alone = simulate(returns, ranking, rules[[k]], caps, **money).metrics
        np.testing.assert_array_equal(together[k], alone[0])


@pytest.mark.parametrize(("count", "expected"), [
    (0, (None, None, None, None)), (1, (1.0, 1, 1, 3)), (3, (1 / 3, 3, 3, 8)),
    (10, (0.1, 10, 10, 25)),
])  # fmt: skip
def test_derived_numbers(count, expected):
    rules = trading_rules(strategy(selection_count=count), BacktestSettings())
    assert (
        rules.position_size, rules.max_positions, rules.entry_top_n, rules.exit_threshold
    ) == expected  # fmt: skip


def test_numbers_set_replace_derived_ones():
    given_numbers = {
        "position_size": 0.2, "max_positions": 7, "entry_top_n": 9, "exit_threshold": 4,
    }  # fmt: skip
    for count in (0, 3):
        rules = trading_rules(strategy(selection_count=count), BacktestSettings(**given_numbers))
        assert {name: getattr(rules, name) for name in given_numbers} == given_numbers


@pytest.mark.parametrize(("values", "match"), [
    ({"initial_capital": 0}, "initial_capital must be above 0"),
    ({"initial_capital": np.inf}, "initial_capital must be above 0"),
    ({"initial_capital": "much"}, "initial_capital is a number"),
    ({"initial_capital": None}, "initial_capital is a number"),
    ({"fee_rate": 1.0}, "fee_rate"), ({"fee_rate": -0.1}, "fee_rate"), ({"fee_rate": NAN}, "fee"),
    ({"position_mode": "half"}, "position_mode is one of percentage_based, fixed_amount"),
    ({"factor_input": "return_2d"}, "factor_input is one of"),
    ({"position_size": 0.0}, "position_size"), ({"position_size": 1.1}, "position_size"),
    ({"position_size": True}, "position_size is a number"),
    ({"max_positions": 0}, "max_positions"), ({"entry_top_n": 1.5}, "entry_top_n"),
    ({"exit_threshold": True}, "exit_threshold"),
    ({"min_active_days": -1}, "min_active_days"), ({"min_active_days": 1.5}, "min_active_days"),
    ({"min_active_share": -0.1}, r"in \[0, 1\]"), ({"min_active_share": 1.1}, r"in \[0, 1\]"),
    ({"min_active_share": "half"}, "a number"), ({"min_active_share": NAN}, r"in \[0, 1\]"),
    ({"value_at_liquidation": 1}, "true or false"), ({"value_at_liquidation": "no"}, "or false"),
    ({"start_date": "2024-13-01"}, "start_date is a date like 2025-01-31"),
    ({"start_date": "2024-01-011"}, "start_date is a date"),
    ({"end_date": 20240101.5}, "end_date is a date"),
    ({"start_date": "2024-01-02", "end_date": "2024-01-02"}, "start_date must be before end_date"),
    ({"start_date": "2024-01-01", "end_date": "2024-02-01", "split_date": "2024-01-02"},
     "split_date must be between 2024-01-03"),
    ({"start_date": "2024-01-01", "end_date": "2024-02-01", "split_date": "2024-02-02"},
     "split_date must be between"),
])  # fmt: skip
def test_settings_out_of_range(values, match):
    with pytest.raises(ConfigError, match=match):
        BacktestSettings(**values)


def test_settings_as_plain_values_and_back():
    chosen = BacktestSettings(
        start_date="2024-01-01", end_date=dt.datetime(2024, 3, 1, 5, tzinfo=dt.UTC),
        split_date="2024-02-01T00:00:00", initial_capital=5000, max_positions=3,
    )  # fmt: skip
    assert chosen.end_date == dt.date(2024, 3, 1)
    assert BacktestSettings.from_dict(chosen.to_dict()) == chosen
    assert chosen.to_dict()["split_date"] == "2024-02-01"
    with pytest.raises(ConfigError, match="unknown backtest setting fees"):
        BacktestSettings.from_dict({"fees": 1})


def test_liquidation_value_of_the_last_day():
    # enter 500 and 247.5 at 1 %, 247.525 left; on day 2 the first earns 0.2 x 250
    days = [AB, AB, AB]
    sold, equity, moves = play([[0, 0], [0.2, 0], [0, 0]], days, fee=0.01, liquidate=True)
    held, whole, same_moves = play([[0, 0], [0.2, 0], [0, 0]], days, fee=0.01)
    invested = sum(m.amount for m in moves)
    fee = 0.01 * invested
    assert moves == same_moves
    assert len(moves) == 2
    np.testing.assert_array_equal(equity[:-1], whole[:-1])
    assert equity[-1] == whole[-1] - fee
    (sold,), (held,) = sold, held
    assert sold["final_balance"] == equity[-1]
    assert sold["total_return"] == equity[-1] / 1000 - 1
    assert sold["fees_paid"] == held["fees_paid"] + fee
    assert sold["turnover"] == pytest.approx(held["turnover"] + invested / 1000)
    changes = equity[1:] / equity[:-1] - 1
    assert sold["net_sharpe_ratio"] == pytest.approx(
        changes.mean() / changes.std(ddof=1) * np.sqrt(365)
    )
    deepest = max(1 - equity[1] / 1000, 1 - equity[3] / equity[2])
    assert sold["max_drawdown"] == pytest.approx(deepest)
    for name in ("trade_count", "open_positions", "active_days", "profit_days", "sharpe_ratio"):
        assert sold[name] == held[name]
    assert np.isnan(sold["avg_holding_days"])


def test_a_second_segment_goes_on_from_the_whole_total():
    returns, days = [[0.1, 0], [0.2, 0], [0.3, 0], [0.4, 0]], [AB] * 4
    (first, second), equity, _ = play(returns, days, fee=0.01, split_day=3, liquidate=True)
    _, whole, moves = play(returns, days, fee=0.01, split_day=3)
    fee = 0.01 * sum(m.amount for m in moves)
    np.testing.assert_array_equal(equity[:-1], whole[:-1])
    assert first["final_balance"] == whole[2] - fee
    assert second["final_balance"] == whole[4] - fee
    assert second["total_return"] == (whole[4] - fee) / whole[2] - 1
    assert second["fees_paid"] == fee
    assert second["max_drawdown"] == pytest.approx(max(0, 1 - (whole[4] - fee) / whole[3]))


def test_a_fall_on_the_last_day_is_measured_from_the_peak_before_it():
    # the last day would be a new peak but for the fee
    (metrics,), equity, _ = play([[0, 0], [0.02, 0]], [AB, AB], fee=0.01, liquidate=True)
    assert equity[2] < 1000
    assert metrics["max_drawdown"] == (1000 - min(equity)) / 1000


def test_nothing_held_is_worth_its_cash():
    (metrics,), equity, _ = play([[0.1, 0]] * 3, [AB, [], []], fee=0.01, liquidate=True,
                                 entry_top_n=1, weight_method="FS", position_size=1e-9)  # fmt: skip
    assert metrics["final_balance"] == equity[-1]
    (empty,), equity, moves = play([[0.1, 0]] * 3, [[], [], []], fee=0.01, liquidate=True)
    assert moves == []
    assert equity.tolist() == [1000.0] * 4
    assert (empty["fees_paid"], empty["turnover"]) == (0.0, 0.0)


def test_without_a_fee_the_liquidation_value_is_the_total():
    arguments = {"returns": [[0.1, 0], [0.2, -0.3]], "days": [AB, AB]}
    (sold,), equity, _ = play(**arguments, liquidate=True)
    (held,), whole, _ = play(**arguments)
    assert equity.tolist() == whole.tolist()
    assert sold.pop("turnover") > held.pop("turnover")
    np.testing.assert_equal(sold, held)


def test_whole_and_broken_numbers_are_the_same_settings():
    assert repr(BacktestSettings(initial_capital=10_000, position_size=1)) == repr(
        BacktestSettings(initial_capital=10_000.0, position_size=1.0)
    )


@st.composite
def backtest_cases(draw):
    """A nasty panel, settings and a strategy over the whole range of both."""
    panel = draw(panels(min_days=16))
    n_days = panel.n_days
    start = draw(st.integers(0, n_days // 2))
    end = draw(st.just(n_days - 1) | st.integers(start + 3, n_days - 1))
    split = draw(st.none() | st.integers(start + 2, end))
    optional = {
        "position_size": st.sampled_from((0.1, 0.4, 1.0)),
        "max_positions": st.integers(1, 5),
        "entry_top_n": st.integers(1, 6),
        "exit_threshold": st.integers(1, 4),
    }
    chosen = BacktestSettings(
        start_date=date_of(start),
        end_date=date_of(end),
        split_date=None if split is None else date_of(split),
        initial_capital=draw(st.sampled_from((1.0, 10_000.0))),
        fee_rate=draw(st.sampled_from((0.0, 0.001, 0.5))),
        position_mode=draw(st.sampled_from(POSITION_MODES)),
        factor_input=draw(st.sampled_from(("return_1d", "roi_1d"))),
        value_at_liquidation=draw(st.booleans()),
        min_active_days=0,
        **{name: draw(st.none() | values) for name, values in optional.items()},
    )
    codes = draw(st.lists(st.sampled_from(FACTOR_CODES), min_size=1, max_size=4, unique=True))
    params = strategy(
        factors=tuple(codes),
        window_size=draw(st.sampled_from((2, 3, 5, 30))),
        rebalance_frequency=draw(st.sampled_from((1, 1, 2, 5, 30))),
        data_period=draw(st.sampled_from((1, 1, 3, 12))),
        selection_count=draw(st.sampled_from((0, 1, 1, 2, 3, 12))),
        weight_method=draw(st.sampled_from(WEIGHT_METHODS)),
    )
    return panel, chosen, params


SPACE = small_space()


@given(backtest_cases())
@settings(max_examples=400, deadline=None)
def test_kernel_is_reference(case):
    check_against_reference(*case, SPACE)


@pytest.mark.slow
@given(backtest_cases())
@settings(max_examples=1200, deadline=None)
def test_kernel_is_reference_deep(case):
    check_against_reference(*case, SPACE)


PLAIN_RUN = """
import numba, numpy as np
from objectives import BacktestSettings
from tests.helpers.panels import array_panel, date_of, nasty_returns
from tests.helpers.plain import check_against_reference, small_space, strategy
assert numba.config.DISABLE_JIT
for seed, kind in enumerate(("plain", "gaps", "ties", "lives", "negative", "zeros")):
    rng = np.random.default_rng(seed)
    caps = rng.uniform(1e6, 1e9, size=6)
    panel = array_panel(nasty_returns(rng, 25, 6, kind), caps)
    for weight_method, count in (("EQ", 0), ("IC", 3), ("FS", 2)):
        check_against_reference(
            panel,
            BacktestSettings(min_active_days=0, split_date=date_of(18), start_date=date_of(6)),
            strategy(factors=("SR", "DD", "TR", "ST", "WR", "SO"), selection_count=count,
                     weight_method=weight_method),
            small_space(),
        )
print("agreed")
"""


def test_kernels_as_plain_python():
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "1", "PYTHONPATH": str(ROOT)}
    printed = subprocess.run(
        [sys.executable, "-W", "error::RuntimeWarning", "-c", PLAIN_RUN],
        env=environment, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert printed.stdout.strip() == "agreed", printed.stderr
