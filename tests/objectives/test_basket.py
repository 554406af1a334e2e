"""The basket a strategy is compared with: by hand, and what it may not depend on."""

import math

import numpy as np
import pytest

from objectives.basket import basket_figures, basket_returns

NAN = math.nan


def test_the_mean_of_the_pairs_that_could_be_entered_the_day_before():
    returns = np.array([[0.5, 0.5, 0.5], [0.1, 0.2, NAN], [0.4, NAN, 0.2], [0.3, 0.3, 0.3]])
    eligible = np.array([[1, 0, 1], [1, 1, 1], [0, 0, 0], [1, 1, 1]], dtype=bool)
    # day 0: nothing can be held; day 1: only pair 0 has an observation; day 3: nothing eligible
    np.testing.assert_allclose(basket_returns(returns, eligible), [0.0, 0.1, 0.3, 0.0])


def test_neither_the_order_of_pairs_nor_a_listing_changes_a_digit():
    rng = np.random.default_rng(3)
    returns = rng.normal(size=(40, 25)) * 10.0 ** rng.integers(-9, 0, size=(40, 25))
    eligible = rng.random((40, 25)) < 0.7
    basket = basket_returns(returns, eligible)
    order = rng.permutation(25)
    np.testing.assert_array_equal(basket_returns(returns[:, order], eligible[:, order]), basket)
    more = np.hstack([returns, rng.normal(size=(40, 3))])
    none = np.hstack([eligible, np.zeros((40, 3), dtype=bool)])
    np.testing.assert_array_equal(basket_returns(more, none), basket)


def test_figures_of_a_basket_that_all_money_is_in():
    figures = basket_figures([0.2, -0.4, 0.1])
    wealth = np.cumprod([1.1, 0.8, 1.05])
    changes = np.array([0.1, -0.2, 0.05])
    assert figures == pytest.approx(
        {
            "total_return": wealth[-1] - 1,
            "annual_return": (wealth[-1] - 1) * 365 / 3,
            "net_sharpe_ratio": changes.mean() / changes.std(ddof=1) * math.sqrt(365),
            "max_drawdown": 0.2,
        }
    )


@pytest.mark.parametrize("daily", [[], [0.1], [0.1, 0.1, 0.1]])
def test_a_basket_without_spread_has_no_sharpe_ratio(daily):
    assert basket_figures(daily)["net_sharpe_ratio"] == 0.0
