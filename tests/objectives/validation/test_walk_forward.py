"""Walk-forward: windows, choices against a brute force, any partition, charges by hand."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from objectives.kernels import walk_forward as kernels
from objectives.validation import (
    WalkForward,
    Winner,
    Winners,
    sharpe_ratio,
    stitch,
    walk_forward_windows,
)
from objectives.validation.training import best_before, best_before_reference
from search_spaces.errors import ConfigError, DataError


def population(seed, n_strategies, n_days, dtype=np.float32):
    """(net, excess, exposure, keys): different series, keys in no order."""
    rng = np.random.default_rng(seed)
    net, excess = (2e-4 + 1e-3 * rng.normal(size=(2, n_strategies, n_days))).astype(dtype)
    exposure = rng.uniform(0, 0.5, (n_strategies, n_days)).astype(dtype)
    return net, excess, exposure, rng.permutation(n_strategies) * 3


def measured(walk, net, excess, exposure, keys, rows=slice(None)):
    return walk.measure(net[rows], net[rows], excess[rows], exposure[rows], keys[rows])


def assert_same(one, other):
    for a, b in zip(one.by_window, other.by_window, strict=True):
        for name in vars(a):
            np.testing.assert_array_equal(getattr(a, name), getattr(b, name), err_msg=name)


def winner(first, stop, key, net, entry=0.0, leaving=0.0):
    """A window whose excess returns are half of the net ones."""
    days = np.full(stop - first, net)
    return Winner(first, stop, key, 0.1, days, days / 2, entry, leaving)


@given(st.integers(6, 900), st.integers(2, 300), st.integers(1, 60))
def test_windows_cover_the_days_after_training(n_days, train_days, test_days):
    windows = walk_forward_windows(n_days, train_days, test_days)
    assert len(windows) == max(0, (n_days - train_days) // test_days)
    if len(windows):
        assert windows[0, 0] == train_days
        assert windows[-1, 1] == n_days
        np.testing.assert_array_equal(windows[1:, 0], windows[:-1, 1])
        lengths = windows[:, 1] - windows[:, 0]
        assert (lengths[:-1] == test_days).all()
        assert test_days <= lengths[-1] < 2 * test_days


def test_windows_by_default():
    windows = walk_forward_windows(539)
    assert windows[0].tolist() == [179, 209]
    assert len(windows) == 12
    np.testing.assert_array_equal(WalkForward(539).windows, windows)
    assert WalkForward(539, 300, 50).windows[0].tolist() == [300, 350]


@pytest.mark.parametrize(
    ("arguments", "message"), [((100, 1), "train_days=1"), ((100, 50, 0), "test_days=0")]
)
def test_windows_refused(arguments, message):
    with pytest.raises(ConfigError, match=message):
        walk_forward_windows(*arguments)
    with pytest.raises(ConfigError, match=message):
        WalkForward(*arguments)


@given(
    st.integers(0, 10**6),
    st.integers(1, 40),
    st.lists(st.integers(2, 60), min_size=1, max_size=6, unique=True),
    st.sampled_from([np.float32, np.float64]),
)
@settings(max_examples=60, deadline=None)
def test_kernel_is_the_reference(seed, n_strategies, first_days, dtype):
    """With equal, idle and constant rows among them."""
    rng = np.random.default_rng(seed)
    daily, _, _, keys = population(seed, n_strategies, 60, dtype)
    daily = daily[rng.integers(0, n_strategies, n_strategies)]
    daily[rng.random(n_strategies) < 0.2, : rng.integers(1, 61)] = 0.0
    daily[rng.random(n_strategies) < 0.1] = 3e-4
    before = daily.copy()
    first_days = np.sort(np.array(first_days))
    rows, sharpe = best_before(daily, keys, first_days)
    plain_rows, plain_sharpe = best_before_reference(daily, keys, first_days)
    np.testing.assert_array_equal(rows, plain_rows)
    np.testing.assert_allclose(sharpe, plain_sharpe, rtol=1e-9, atol=1e-12)
    np.testing.assert_array_equal(daily, before)


def test_outputs_are_written_over():
    daily, _, _, keys = population(0, 5, 40)
    outputs = []
    for filling in (9, -9):
        rows, sharpe = np.full(2, filling), np.full(2, float(filling))
        kernels._best_before_njit(daily, keys, np.array([10, 30]), rows, sharpe)
        outputs.append(np.concatenate([rows, sharpe]))
    np.testing.assert_array_equal(*outputs)


def test_equal_series_give_way_to_the_smallest_key():
    net, excess, exposure, _ = population(1, 1, 120)
    net, excess, exposure = (np.repeat(array, 4, axis=0) for array in (net, excess, exposure))
    keys = np.array([8, 3, 5, 9])
    found = measured(WalkForward(120), net, excess, exposure, keys)
    assert {w.key for w in found.by_window} == {3}


def test_choice_sees_no_day_of_its_window():
    walk = WalkForward(120)
    net, excess, exposure, keys = population(2, 30, 120)
    before = measured(walk, net, excess, exposure, keys)
    for w, (first, _) in enumerate(walk.windows):
        changed = net.copy()
        changed[:, first:] = changed[::-1, first:]
        after = measured(walk, changed, excess, exposure, keys)
        assert [x.key for x in after.by_window[: w + 1]] == [
            x.key for x in before.by_window[: w + 1]
        ]


def test_what_is_kept_of_a_winner():
    walk = WalkForward(125, 40, 30)
    net, excess, exposure, keys = population(3, 50, 125)
    found = walk.measure(excess, net, excess, exposure, keys)
    for w, (first, stop) in zip(found.by_window, walk.windows, strict=True):
        sharpe = sharpe_ratio(excess[:, :first])
        row = int(np.argmax(sharpe))  # chosen by another series than net
        assert (w.first_day, w.stop_day, w.key) == (first, stop, keys[row])
        assert w.train_sharpe == pytest.approx(sharpe[row], rel=1e-9)
        np.testing.assert_array_equal(w.net, net[row, first:stop])
        np.testing.assert_array_equal(w.excess, excess[row, first:stop])
        assert w.entry_invested == 2 * exposure[row, first]
        assert w.exit_invested == (2 * exposure[row, stop] if stop < 125 else 0.0)


@given(st.integers(0, 10**6), st.integers(1, 60), st.lists(st.integers(1, 59), max_size=4))
@settings(max_examples=40, deadline=None)
def test_any_partition_in_any_order(seed, n_strategies, cuts):
    rng = np.random.default_rng(seed)
    net, excess, exposure, keys = population(seed, n_strategies, 100)
    net = net[rng.integers(0, n_strategies, n_strategies)]
    walk = WalkForward(100, test_days=20)
    whole = measured(walk, net, excess, exposure, keys)
    edges = np.unique([0, n_strategies, *(cut for cut in cuts if cut < n_strategies)])
    order = rng.permutation(n_strategies)
    parts = [
        measured(walk, net, excess, exposure, keys, order[a:b])
        for a, b in itertools.pairwise(edges)
    ]
    assert_same(Winners.joined(parts), whole)
    assert_same(Winners.joined([Winners.joined(parts[1:] or parts), parts[0]]), whole)


def test_parts_of_other_windows_are_not_joined():
    tile = population(4, 3, 100)
    parts = [measured(WalkForward(100, test_days=n), *tile) for n in (20, 30)]
    with pytest.raises(DataError, match="same windows"):
        Winners.joined(parts)
    with pytest.raises(DataError, match="same windows"):
        Winners.joined([])


def test_charges_of_switches():
    """Enter 7, stay, leave it for 9: fee x (bought + sold), on the first day of the window."""
    winners = Winners(
        (
            winner(10, 13, 7, 0.01, entry=0.8, leaving=0.7),
            winner(13, 16, 7, 0.02, entry=0.7, leaving=0.5),
            winner(16, 18, 9, 0.03, entry=0.9, leaving=0.0),
        )
    )
    found = stitch(winners, fee_rate=0.001)
    np.testing.assert_allclose(found.charges, [0.0008, 0.0, 0.0014], rtol=1e-12)
    expected = [0.0092, 0.01, 0.01, 0.02, 0.02, 0.02, 0.0286, 0.03]
    np.testing.assert_allclose(found.net, expected, rtol=1e-12)
    expected = [0.0042, 0.005, 0.005, 0.01, 0.01, 0.01, 0.0136, 0.015]
    np.testing.assert_allclose(found.excess, expected, rtol=1e-12)
    assert found.windows.tolist() == [[10, 13], [13, 16], [16, 18]]
    assert found.keys.tolist() == [7, 7, 9]
    assert (found.n_windows, found.n_distinct, found.n_switches) == (3, 2, 1)
    assert found.net_sharpe == sharpe_ratio(found.net, annualise=True)
    assert found.excess_sharpe == sharpe_ratio(found.excess, annualise=True)
    np.testing.assert_array_equal(winners.by_window[0].net, 0.01)  # the input is left as it was


def test_back_to_an_earlier_one_is_two_switches():
    windows = [winner(10 * k, 10 * k + 10, key, 0.01) for k, key in enumerate([1, 2, 1])]
    found = stitch(Winners(tuple(windows)), 0.001)
    assert (found.n_distinct, found.n_switches) == (2, 2)


def test_the_charge_is_that_of_trading_at_the_close():
    """Wealth followed day by day: sell all of one, buy what the other holds, earn its return."""
    fee, sold, bought, earned = 0.001, 0.8, 0.9, 0.002
    wealth = 1.0 - fee * sold
    wealth = wealth / (1.0 + fee * bought) * (1.0 + earned)
    parts = (winner(0, 5, 1, 0.0, leaving=sold), winner(5, 10, 2, earned, entry=bought))
    charged = stitch(Winners(parts), fee).net[5]
    charge = fee * (sold + bought)
    assert abs(charged - (wealth - 1.0)) < charge * (charge + earned)


def test_no_window():
    """Too few days: nothing is measured, which is for the caller to say."""
    tile = population(5, 3, 50)
    found = stitch(measured(WalkForward(50, 30), *tile), 0.001)
    assert (found.n_windows, found.n_switches, len(found.net)) == (0, 0, 0)
    assert math.isnan(found.net_sharpe)
    assert math.isnan(found.excess_sharpe)


def test_skill_survives_and_luck_does_not():
    rng = np.random.default_rng(6)
    noise = 1e-3 * rng.normal(size=(500, 400))
    exposure, keys = np.full((500, 400), 0.4), np.arange(500)
    skilled = noise.copy()
    skilled[77] += 4e-4
    lucky = stitch(measured(WalkForward(400), noise, noise, exposure, keys), 0.0005)
    able = stitch(measured(WalkForward(400), skilled, skilled, exposure, keys), 0.0005)
    assert able.keys[-1] == 77
    assert able.net_sharpe > 3 > 1.5 > lucky.net_sharpe


def test_refused():
    net, excess, exposure, keys = population(7, 3, 100)
    walk = WalkForward(100)
    with pytest.raises(DataError, match="100 days each"):
        walk.measure(net, net, excess[:2], exposure, keys)
    with pytest.raises(DataError, match="100 days each"):
        walk.measure(net[:0], net[:0], excess[:0], exposure[:0], keys[:0])
    with pytest.raises(DataError, match="101 days each"):
        WalkForward(101).measure(net, net, excess, exposure, keys)
    with pytest.raises(ConfigError, match=r"fee_rate=-0\.1"):
        stitch(measured(walk, net, excess, exposure, keys), -0.1)


@pytest.mark.parametrize("which", [0, 1, 2, 3])
def test_not_finite(which):
    net, excess, exposure, keys = population(8, 3, 100)
    arrays = [net, net.copy(), excess, exposure]
    arrays[which][:] = np.nan
    with pytest.raises(DataError, match="finite"):
        WalkForward(100).measure(*arrays, keys)


def test_only_what_differs_between_the_holdings_is_charged():
    held = {1: np.array([0.4, 0.6, 0.0]), 2: np.array([0.5, 0.0, 0.3])}
    asked = []

    def holdings(key, day):
        asked.append((key, day))
        return held[key]

    parts = (winner(5, 8, 1, 0.01, 1.0, 1.0), winner(8, 11, 2, 0.01, 0.8), winner(11, 14, 2, 0.01))
    found = stitch(Winners(parts), 0.001, holdings)
    np.testing.assert_allclose(found.charges, [0.001, 0.001 * (0.1 + 0.6 + 0.3), 0.0])
    assert asked == [(2, 8), (1, 8)]
    bound = stitch(Winners(parts), 0.001)
    np.testing.assert_allclose(bound.charges, [0.001, 0.001 * 1.8, 0.0])
