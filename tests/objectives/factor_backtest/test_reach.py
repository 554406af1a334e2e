"""Active days that strategies cannot exceed: warned of, and refused where none has enough."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from objectives import BacktestSettings, FactorBacktest
from search_spaces import FactorSpace
from search_spaces.errors import ConfigError
from tests.helpers.panels import array_panel, date_of, nasty_returns, panels
from tests.helpers.plain import small_space

SPACE = small_space(rebalance_frequency={"choice": [1, 5, 40]}, data_period={"choice": [2, 30, 50]})


def objective_of(space=SPACE, **changes):
    returns = nasty_returns(np.random.default_rng(3), 70, 9, "plain")
    panel = array_panel(returns, np.geomspace(1e6, 1e11, 9), np.array([0]))
    base = {"start_date": date_of(10), "end_date": date_of(60), "min_active_days": 0}
    return FactorBacktest(panel, BacktestSettings(**{**base, **changes}), space=space)


@given(panels(min_days=12), st.data())
@settings(max_examples=60, deadline=None)
def test_no_strategy_exceeds_its_reach(panel, data):
    start = data.draw(st.integers(0, panel.n_days - 4))
    split = data.draw(st.none() | st.integers(start + 2, panel.n_days - 1))
    chosen = BacktestSettings(
        start_date=date_of(start),
        split_date=None if split is None else date_of(split),
        min_active_days=data.draw(st.integers(0, 10)),
        min_active_share=data.draw(st.sampled_from([0.0, 0.3, 0.5, 1.0])),
        fee_rate=data.draw(st.sampled_from([0.0, 0.01])),
        position_size=data.draw(st.sampled_from([None, 1.0])),
    )
    objective = FactorBacktest(
        panel, chosen, space=small_space(factors={"subsets": ["SR"], "max_size": 1})
    )
    indices = np.arange(objective.space.size)
    batch = objective.evaluate(indices)
    hopeless = ~objective.may_succeed(indices)
    assert {batch.failure[k] for k in np.flatnonzero(hopeless)} <= {
        "insufficient_data", "no_market_caps",
    }  # fmt: skip
    if objective._reach.best < objective._reach.least:
        assert hopeless.all()


def test_a_value_that_cannot_reach_the_share_is_named():
    objective = objective_of()
    # 50 days, of which 25 are asked for: data_period 50 leaves 10, 30 leaves 30; trading every
    # 40 days begins on day 1 or 41
    notes = [note for note in objective.warnings if "look ahead" not in note]
    assert notes == [
        "data_period=50 leaves at most 10 active days, fewer than the 25 of min_active_days=0 "
        "and min_active_share=0.5 x 50 days: those strategies fail"
    ]
    index = objective.space.names.index
    digits = objective.space.digits(np.arange(objective.space.size))
    period, frequency = digits[:, index("data_period")], digits[:, index("rebalance_frequency")]
    count, method = digits[:, index("selection_count")], digits[:, index("weight_method")]
    expected = (period == 0) | ((period == 1) & (frequency < 2))
    expected &= ~((count == 1) & (method == 0))  # all of the cash, and a fee on top
    np.testing.assert_array_equal(objective.may_succeed(np.arange(len(digits))), expected)


def test_a_split_asks_the_days_before_it():
    objective = objective_of(split_date=date_of(41), min_active_share=0.9)
    assert any("0.9 x 30 days" in note for note in objective.warnings)
    assert any(note.startswith("data_period=30 leaves at most 10 ") for note in objective.warnings)


def test_an_entry_that_cannot_be_paid():
    equal = {"weight_method": ["EQ"]}
    objective = objective_of(SPACE.restrict(equal))
    assert any(
        note.startswith("selection_count=1 leaves at most 0 ") for note in objective.warnings
    )
    with pytest.raises(ConfigError, match="no strategy of this space"):
        objective_of(SPACE.restrict(equal), position_size=1.0).check()
    objective_of(SPACE.restrict(equal), position_size=1.0, fee_rate=0.0).check()


def test_a_space_in_which_none_can_is_refused():
    late = SPACE.restrict({"data_period": ["50"]})
    with pytest.raises(
        ConfigError, match=r"at most|more than 10 days, fewer than the 25 .*--start"
    ):
        objective_of(late).check()
    objective_of(late, min_active_share=0.2).check()
    with pytest.raises(ConfigError, match="min_active_days=11"):
        objective_of(late, min_active_share=0.2, min_active_days=11).check()


def test_distinct_strategies_are_counted_with_constraints():
    space = FactorSpace(SPACE.parameters, ["window_size <= data_period", "size(factors) <= 1"])
    objective = objective_of(space, start_date=date_of(35))
    # 2 and 30 are one class from day 35 on, but window_size 4 and 9 do not go with 2
    digits = space.digits(np.arange(space.size))
    column = space.names.index("data_period")
    classes = objective._simulator.eligibility.numbers([2, 30, 50])
    assert classes.tolist() == [0, 0, 1]
    digits[:, column] = classes[digits[:, column]]
    assert objective.n_distinct == len(np.unique(digits, axis=0))
