"""Factors: hand-computed values, kernel == reference, the registry."""

import importlib
import math
import sys

import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from objectives import (
    BacktestSettings,
    FactorBacktest,
    ReturnPanel,
    factor_codes,
    factors,
    register_factor,
)
from objectives.factors import (
    factor_values,
    factor_values_reference,
    get_factor,
    min_observations,
)
from search_spaces import FACTOR_CODES, FactorSpace
from search_spaces.errors import DataError, SpaceError
from tests.helpers.panels import KINDS, nasty_returns, panel_of, return_arrays
from tests.helpers.plain import small_space, strategy

YEAR = math.sqrt(365.0)
CASES = [
    # 1..4 x 1e-3: mean 2.5e-3, squares 5e-6, sample variance 5e-6 / 3
    ("SR", [1e-3, 2e-3, 3e-3, 4e-3], 2.5e-3 / math.sqrt(5e-6 / 3) * YEAR),
    ("SR", [2e-4] * 5, 1000.0),
    ("SR", [-2e-4] * 5, -1000.0),
    ("SR", [0.0] * 5, 0.0),
    ("SR", [1e-3, 1e-3 + 1e-15, 1e-3], 1000.0),  # clipped
    ("SR", [-1e-3, -1e-3 - 1e-15], -1000.0),
    ("SR", [1e-200, 2e-200], 1000.0),  # not constant, but the squared spread underflows
    ("SR", [-1e-3, 1e-3], 0.0),
    ("DD", [0.1, -0.5, 0.2, -0.1], -0.5),
    ("DD", [0.1, -0.2, 0.1, -0.5], 0.8 * 1.1 * 0.5 - 1.0),
    ("DD", [0.1, 0.2], 0.0),
    ("DD", [-0.5, 0.1], 0.0),  # the peak is the first wealth, not the capital
    ("DD", [0.1, -1.0, 0.3], -1.0),
    ("DD", [-1.0, 0.3], -1.0),  # everything lost on the first day
    ("DD", [0.0, -1.5], -1.5),  # more than everything
    ("TR", [1e-3] * 4, 1e-3),
    ("TR", [0.0, 1e-3, -1e-3], 0.0),  # sums 0, 1, 0
    ("TR", [1e-3, 2e-3, 3e-3], 2.5e-3),  # sums 1, 3, 6
    ("TR", [5e-3, -2e-3], -2e-3),
    ("ST", [1e-3, 3e-3], 1.0 / math.sqrt(2e-6)),
    ("ST", [-1e-3, -3e-3], 0.0),
    ("ST", [-1e-3, 1e-3], 0.0),
    ("ST", [1e-3, 1e-3, 1e-3], 1e9),
    ("ST", [1e-3, 1e-3 + 1e-10], 1e9),
    ("ST", [0.0, 0.0], 0.0),
    ("WR", [1e-3, 0.0, -1e-3, 1e-300], 0.5),
    ("WR", [0.0, 0.0], 0.0),
    ("SO", [1e-3, 2e-3], 1000.0),
    ("SO", [0.0, 0.0], 0.0),
    ("SO", [4e-3, -1e-3], 1000.0),  # one negative
    ("SO", [1e-3, -4e-3], -1000.0),
    ("SO", [4e-3, -1e-3, -1e-3], 1000.0),  # constant negatives
    ("SO", [2e-3, -2e-3, 0.0], 0.0),
    ("SO", [9e-3, -1e-3, -3e-3], (5e-3 / 3) / math.sqrt(2e-6) * YEAR),
    ("SO", [-1e-3, -3e-3], -2e-3 / math.sqrt(2e-6) * YEAR),
    ("SO", [1.0, -1e-200, -2e-200], 1000.0),  # spread of the negatives underflows
]


@pytest.fixture
def registry(monkeypatch):
    """Registrations of a test end with it."""
    monkeypatch.setattr(factors, "_FACTORS", dict(factors._FACTORS))


@pytest.mark.parametrize(("code", "returns", "expected"), CASES)
def test_hand_computed(code, returns, expected):
    factor = get_factor(code)
    for value in (factor.kernel(np.array(returns)), factor.reference(returns)):
        assert value == pytest.approx(expected, rel=1e-9, abs=1e-15)


@pytest.mark.parametrize(
    ("window", "expected"), [(1, 2), (7, 2), (8, 2), (11, 2), (12, 3), (30, 3), (300, 3)]
)
def test_min_observations(window, expected):
    assert min_observations(window) == expected


def test_window_counts_observations_and_skips_gaps():
    returns = np.array([[1.0], [np.nan], [2.0], [np.nan], [4.0], [-1.0]]) * 1e-3
    trend = factor_values(returns, 2, ["TR"])[0, :, 0]
    np.testing.assert_allclose(trend, [np.nan, np.nan, 2e-3, 2e-3, 4e-3, -1e-3], rtol=1e-12)


def test_window_of_twelve_needs_three():
    trend = factor_values(np.full((4, 1), 1e-3), 12, ["TR"])[0, :, 0]
    assert np.isnan(trend[:2]).all()
    np.testing.assert_allclose(trend[2:], 1e-3)


def test_window_of_one_never_has_two():
    assert np.isnan(factor_values(np.ones((5, 2)), 1, FACTOR_CODES)).all()


def test_non_finite_is_unknown():
    returns = np.array([[1e308], [1e308], [1e308]])
    assert np.isnan(factor_values(returns, 3, ["TR"])).all()
    assert np.isnan(factor_values_reference(returns, 3, ["TR"])).all()


def check_kernels(returns, window):
    compiled = factor_values(returns, window, FACTOR_CODES)
    np.testing.assert_array_equal(compiled, factor_values_reference(returns, window, FACTOR_CODES))


factor_returns = return_arrays(min_days=2, kinds=(*KINDS, "extreme"))


@given(factor_returns, st.integers(1, 50))
@settings(max_examples=60, deadline=None)
def test_kernel_is_reference(returns, window):
    check_kernels(returns, window)


@pytest.mark.slow
@given(factor_returns, st.integers(1, 50))
@settings(max_examples=1500, deadline=None)
def test_kernel_is_reference_deep(returns, window):
    check_kernels(returns, window)


@given(return_arrays(), st.integers(1, 20), st.data())
@settings(max_examples=25, deadline=None)
def test_prefix_property(returns, window, data):
    stop = data.draw(st.integers(1, len(returns)))
    whole = factor_values(returns, window, FACTOR_CODES)
    cut = factor_values(returns[:stop], window, FACTOR_CODES)
    np.testing.assert_array_equal(whole[:, :stop], cut)


def test_strided_and_read_only_input_stays_as_it_was():
    source = nasty_returns(np.random.default_rng(3), 30, 8, "gaps")
    expected = factor_values(source[:, ::2].copy(), 6, FACTOR_CODES)
    before = source.copy()
    source.setflags(write=False)
    for view in (source[:, ::2], np.asfortranarray(source[:, ::2])):
        np.testing.assert_array_equal(factor_values(view, 6, FACTOR_CODES), expected)
    np.testing.assert_array_equal(source, before)


def test_order_of_codes():
    returns = nasty_returns(np.random.default_rng(0), 20, 3, "plain")
    one, two = factor_values(returns, 5, ["WR", "SR"]), factor_values(returns, 5, ["SR", "WR"])
    np.testing.assert_array_equal(one, two[::-1])


def test_bad_window_and_code():
    for function in (factor_values, factor_values_reference):
        with pytest.raises(SpaceError, match="window=0"):
            function(np.ones((3, 1)), 0, ["SR"])
        with pytest.raises(SpaceError, match=r"unknown factor 'XX'.*SR, DD"):
            function(np.ones((3, 1)), 3, ["XX"])


@numba.njit
def _last_njit(r):
    return r[-1]


def test_a_registered_factor_goes_all_the_way(registry):
    register_factor("LAST", "last return", lambda r: r[-1], _last_njit)
    assert factor_codes() == (*FACTOR_CODES, "LAST")
    config = small_space().to_config()
    config["parameters"]["factors"] = {"subsets": ["LAST", "SR"], "max_size": 2}
    space = FactorSpace.from_config(config, factor_codes=factor_codes())
    returns = nasty_returns(np.random.default_rng(5), 40, 6, "gaps")
    np.testing.assert_array_equal(
        factor_values(returns, 4, ["LAST", "SR"]),
        factor_values_reference(returns, 4, ["LAST", "SR"]),
    )
    objective = FactorBacktest(
        panel_of(returns), BacktestSettings(min_active_days=0, fee_rate=0.0), space=space
    )
    alone = strategy(factors=("LAST",), window_size=4, data_period=2)
    assert space.strategy_id(alone).startswith("LAST_W4_")
    index = space.index(alone)
    np.testing.assert_array_equal(
        objective.evaluate([index]).values, objective.evaluate([alone]).values
    )
    table = objective.run(alone).ranking(objective.settings.end_date)
    assert table["LAST"].is_monotonic_decreasing


def test_a_factor_without_a_kernel_equals_one_with(registry):
    register_factor("PLAIN", "last return", lambda r: r[-1])
    register_factor("LAST", "last return", lambda r: r[-1], _last_njit)
    for seed, window in ((1, 2), (2, 7), (3, 50)):
        returns = nasty_returns(np.random.default_rng(seed), 40, 6, "gaps")
        plain, compiled = factor_values(returns, window, ["PLAIN", "LAST"])
        np.testing.assert_array_equal(plain, compiled)
        np.testing.assert_array_equal(plain, factor_values_reference(returns, window, ["PLAIN"])[0])


def test_the_momentum_example_equals_its_reference(registry):
    sys.modules.pop("objectives.examples.momentum_factor", None)
    importlib.import_module("objectives.examples.momentum_factor")
    for seed, window in ((1, 2), (2, 7), (3, 50)):
        returns = nasty_returns(np.random.default_rng(seed), 40, 6, "gaps")
        np.testing.assert_array_equal(
            factor_values(returns, window, ["MO"]), factor_values_reference(returns, window, ["MO"])
        )


def _raises_late(r):
    if len(r) > 20:
        raise ValueError("more than I can take")
    return r[-1]


def objective_with(code):
    config = small_space().to_config()
    config["parameters"]["factors"] = {"subsets": [code, "SR"], "max_size": 2}
    config["parameters"]["window_size"] = {"choice": [4, 30]}
    space = FactorSpace.from_config(config, factor_codes=factor_codes())
    panel = ReturnPanel.synthetic(n_pairs=8, n_days=60)
    return FactorBacktest(panel, BacktestSettings(min_active_days=0), space=space)


def test_a_factor_that_raises_fails_its_strategies_alone(registry, tmp_path):
    register_factor("LATE", "late", _raises_late)
    objective = objective_with("LATE")
    points = np.arange(objective.space.size)
    for folder in (None, tmp_path, tmp_path):  # computed, written, mapped
        objective = objective_with("LATE")
        objective.prepare(folder)
        batch = objective.evaluate(points)
        of_factor = np.array(["LATE" in objective.space.params(k).factors for k in points])
        reason = "error: factor LATE raised ValueError: more than I can take"
        assert {batch.failure[k] for k in points[of_factor]} == {reason}
        assert np.isnan(batch.values[of_factor]).all()
        assert all("_raises_late" in batch.details[k]["traceback"] for k in points[of_factor])
        assert reason not in {batch.failure[k] for k in points[~of_factor]}
        assert objective.daily_returns(points).failed[of_factor].all()
    with pytest.raises(DataError, match=r"^factor LATE raised ValueError"):
        objective.run(objective.space.params(int(points[of_factor][0])))


def test_the_fingerprints_follow_the_text_of_a_factor(registry):
    register_factor("OWN", "own", lambda r: r[-1])
    first = objective_with("OWN")
    prints = first.fingerprint, first.cube_key
    del factors._FACTORS["OWN"]
    register_factor("OWN", "own", lambda r: r[0])
    second = objective_with("OWN")
    assert second.fingerprint != prints[0]
    assert second.cube_key != prints[1]
    assert not first.portable(np.arange(first.space.size)).all()


@pytest.mark.parametrize("code", ["", "sr", "1A", "A_B", "Ä", "SR "])
def test_malformed_code(registry, code):
    with pytest.raises(SpaceError, match="capital letters and digits"):
        register_factor(code, "title", max, _last_njit)


def test_taken_code(registry):
    with pytest.raises(SpaceError, match="'SR' is already registered"):
        register_factor("SR", "title", max, _last_njit)


@pytest.mark.skipif(numba.config.DISABLE_JIT, reason="kernels are plain functions then")
def test_kernel_that_is_not_compiled(registry):
    with pytest.raises(SpaceError, match=r"numba\.njit"):
        register_factor("PLAIN", "title", max, lambda r: r[-1])


def test_space_with_an_unregistered_factor():
    space = FactorSpace.from_config(
        {
            "parameters": {
                **small_space().to_config()["parameters"],
                "factors": {"subsets": ["XX", "SR"], "max_size": 2},
            }
        },
        factor_codes=(*FACTOR_CODES, "XX"),
    )
    panel = panel_of(nasty_returns(np.random.default_rng(5), 40, 6, "plain"))
    with pytest.raises(SpaceError, match="unknown factor 'XX'"):
        FactorBacktest(panel, space=space)
