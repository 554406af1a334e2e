"""The whole chain in plain Python: what every compiled result is held against."""

import numpy as np

from objectives import BacktestSettings, FactorBacktest, ReturnPanel
from objectives.reference_chain import reference_ranking, reference_simulation
from search_spaces import FactorSpace, StrategyParams

__all__ = [
    "check_against_reference",
    "reference_ranking",
    "reference_simulation",
    "small_space",
    "strategy",
]


def strategy(**changes) -> StrategyParams:
    """One strategy; give what differs."""
    values = {
        "factors": ("SR", "TR"),
        "window_size": 5,
        "rebalance_frequency": 1,
        "data_period": 3,
        "selection_count": 3,
        "weight_method": "EQ",
    }
    return StrategyParams(**{**values, **changes})


def small_space(**changes) -> FactorSpace:
    """A space of few strategies; give what differs."""
    parameters = {
        "factors": {"subsets": ["SR", "DD", "TR", "ST", "WR", "SO"], "max_size": 2},
        "window_size": {"choice": [4, 9]},
        "rebalance_frequency": {"choice": [1, 3]},
        "data_period": {"choice": [2, 8]},
        "selection_count": {"choice": [0, 1, 3]},
        "weight_method": {"choice": ["EQ", "IC", "FS"]},
    }
    return FactorSpace.from_config({"parameters": {**parameters, **changes}})


def check_against_reference(
    panel: ReturnPanel, settings: BacktestSettings, params: StrategyParams, space: FactorSpace
) -> None:
    """Hold the compiled objective and the plain chain together, bit for bit."""
    objective = FactorBacktest(panel, settings, space=space)
    batch = objective.evaluate([params])
    if batch.failure[0] == "no_market_caps":
        assert np.isnan(batch.values).all()
        return
    result = objective.run(params)
    plain = reference_simulation(panel, objective.settings, params)
    np.testing.assert_array_equal(batch.values[0], plain.metrics[0].ravel())
    np.testing.assert_array_equal(result.equity.to_numpy(), plain.equity[0])
    assert dict(result.metrics) == batch.row(0)
