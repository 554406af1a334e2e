"""The synthetic market: determinism, effects of its arguments, and its statistics."""

import numpy as np
import pytest

from objectives.market import ReturnPanel
from objectives.market.synthetic import synthetic_market
from search_spaces.errors import DataError


@pytest.fixture(scope="module")
def without_edge():
    return ReturnPanel.synthetic(n_pairs=200, n_days=840, seed=1, edge=0.0)


@pytest.fixture(scope="module")
def with_edge():
    return ReturnPanel.synthetic(n_pairs=200, n_days=840, seed=1, edge=1.0)


def standardised(panel):
    return panel.returns / np.nanstd(panel.returns, axis=0)


def autocorrelation(values, lag):
    """Mean over pairs of the correlation with the value `lag` days earlier."""
    found = []
    for column in values.T:
        now, before = column[lag:], column[:-lag]
        both = np.isfinite(now) & np.isfinite(before)
        if both.sum() > 100:
            found.append(np.corrcoef(now[both], before[both])[0, 1])
    return np.mean(found)


def test_same_arguments_same_market():
    assert ReturnPanel.synthetic(7, 50, 3, 0.5).fingerprint() == (
        ReturnPanel.synthetic(7, 50, 3, 0.5).fingerprint()
    )


@pytest.mark.parametrize("change", [{"n_pairs": 8}, {"n_days": 51}, {"seed": 4}, {"edge": 0.6}])
def test_every_argument_has_an_effect(change):
    base = {"n_pairs": 7, "n_days": 50, "seed": 3, "edge": 0.5}
    assert ReturnPanel.synthetic(**(base | change)).fingerprint() != (
        ReturnPanel.synthetic(**base).fingerprint()
    )


@pytest.mark.parametrize("n_pairs", [1, 2, 13])
@pytest.mark.parametrize("n_days", [1, 2, 31])
def test_shapes(n_pairs, n_days):
    panel = ReturnPanel.synthetic(n_pairs, n_days)
    assert panel.returns.shape == (n_days, n_pairs)
    assert np.isfinite(panel.returns).any(axis=1)[[0, -1]].all()
    assert len(set(panel.pairs)) == n_pairs
    assert panel.has_market_caps


def test_the_edge_changes_neither_listings_nor_caps(without_edge, with_edge):
    np.testing.assert_array_equal(np.isnan(without_edge.returns), np.isnan(with_edge.returns))
    np.testing.assert_array_equal(without_edge.market_caps, with_edge.market_caps)


class TestNewShocks:
    """Another history of the same pairs."""

    @staticmethod
    def draw(edge=1.0, shocks_seed=None):
        return synthetic_market(200, 840, 1, edge, shocks_seed=shocks_seed)

    def test_means_listings_and_caps_stay(self):
        old, new = self.draw(), self.draw(shocks_seed=5)
        np.testing.assert_array_equal(np.isnan(old.returns), np.isnan(new.returns))
        np.testing.assert_array_equal(old.market_caps, new.market_caps)
        with_means = [self.draw(1.0, seed).returns for seed in (None, 5)]
        means = [
            each - self.draw(0.0, seed).returns
            for each, seed in zip(with_means, (None, 5), strict=True)
        ]
        unclipped = (np.abs(with_means) < 0.029).all(axis=0)
        np.testing.assert_allclose(means[0][unclipped], means[1][unclipped], atol=1e-12)
        assert np.nanstd(means[0]) > 1e-4

    def test_shocks_are_new_and_volatilities_are_not(self):
        old, new = self.draw(edge=0.0).returns, self.draw(0.0, 5).returns
        known = np.isfinite(old)
        assert abs(np.corrcoef(old[known], new[known])[0, 1]) < 0.02
        size = [np.log(np.nanstd(each, axis=0)) for each in (old, new)]
        assert np.corrcoef(*size)[0, 1] > 0.9

    def test_the_source_names_the_seed(self):
        assert self.draw(shocks_seed=5).source.endswith("edge=1, shocks_seed=5)")
        assert self.draw().source.endswith("edge=1)")

    def test_a_negative_seed_is_refused(self):
        with pytest.raises(DataError, match="shocks_seed=-1"):
            self.draw(shocks_seed=-1)


def test_without_edge_returns_do_not_persist_but_their_size_does(without_edge):
    values = standardised(without_edge)
    for lag in (1, 2, 5, 20):
        assert abs(autocorrelation(values, lag)) < 0.01
    assert autocorrelation(np.abs(values), 1) > 0.15
    assert autocorrelation(np.abs(values), 5) > 0.1


def test_without_edge_the_past_does_not_predict_the_sign(without_edge):
    # The mean of the next return of pairs whose last 30 days were good, in standard errors.
    values = standardised(without_edge)
    filled = np.nan_to_num(values)
    past = np.cumsum(filled, axis=0)
    signal = np.sign(past[30:-1] - past[:-31])
    daily = np.nanmean(signal * values[31:], axis=1)
    t_statistic = daily.mean() / (daily.std(ddof=1) / np.sqrt(len(daily)))
    assert abs(t_statistic) < 3


def test_with_edge_both_persist(with_edge):
    values = standardised(with_edge)
    for lag in (1, 5, 20):
        assert autocorrelation(values, lag) > 0.05
    assert autocorrelation(np.abs(values), 1) > 0.15
    assert autocorrelation(values, 200) < 0.05


def test_with_edge_the_past_predicts(with_edge):
    values = standardised(with_edge)
    past = np.cumsum(np.nan_to_num(values), axis=0)
    daily = np.nanmean(np.sign(past[30:-1] - past[:-31]) * values[31:], axis=1)
    assert daily.mean() / (daily.std(ddof=1) / np.sqrt(len(daily))) > 10


def test_tails_are_heavy(without_edge):
    values = standardised(without_edge)
    assert np.nanmean(values**4) > 6
    assert np.nanmax(np.abs(without_edge.returns)) <= 0.03


def test_pairs_share_their_volatility(without_edge):
    size = np.abs(standardised(without_edge))
    half = size.shape[1] // 2
    one, other = np.nanmean(size[:, :half], axis=1), np.nanmean(size[:, half:], axis=1)
    assert np.corrcoef(one, other)[0, 1] > 0.5


def test_listings_delistings_and_gaps(without_edge):
    seen = np.isfinite(without_edge.returns)
    first = without_edge.first_observation
    last = seen.shape[0] - 1 - seen[::-1].argmax(axis=0)
    assert 0.25 < (first > 0).mean() < 0.55
    assert 0.05 < (last < seen.shape[0] - 5).mean() < 0.25
    inside = [
        1 - seen[a : b + 1, k].mean() for k, (a, b) in enumerate(zip(first, last, strict=True))
    ]
    assert 0.001 < np.mean(inside) < 0.02
    assert seen[[0, -1], 0].all()


def test_market_caps_are_dated_log_normal_and_sometimes_unknown(without_edge):
    panel = without_edge
    assert not panel.caps_look_ahead
    assert panel.warnings == ()
    assert (panel.market_cap_row >= 0).all()
    assert len(np.unique(panel.market_cap_row)) == 28
    known = np.isfinite(panel.market_caps[0])
    assert 0.85 < known.mean() < 1
    logs = np.log(panel.market_caps[:, known])
    assert 1 < logs[0].std() < 2.2
    assert (logs[1:] != logs[:-1]).all()
    by_symbol = {}
    for symbol, cap in zip(panel.symbols, panel.market_caps[0], strict=True):
        by_symbol.setdefault(symbol, set()).add(str(cap))
    assert all(len(caps) == 1 for caps in by_symbol.values())


@pytest.mark.parametrize(
    "wrong",
    [{"n_pairs": 0}, {"n_days": 0}, {"seed": -1}, {"edge": -0.1}, {"edge": float("nan")}],
)
def test_bad_arguments(wrong):
    with pytest.raises(DataError, match=next(iter(wrong))):
        ReturnPanel.synthetic(**wrong)
