"""One strategy of a session under other conditions, and whether it looks ahead."""

import numpy as np
import pytest

from objectives import FrameObjective
from search_spaces.errors import ConfigError, SessionError
from studies.analysis import best_strategy_id, look_ahead_of, robustness_of
from studies.analysis.strategy_checks import best_tenth

OWN = {
    "parameters": {"lookback": {"choice": [5, 20]}, "n_held": {"choice": [1, 2]}},
    "backtest": {},
}


class Peeking(FrameObjective):
    """Holds today what pays today."""

    names = ("net_sharpe_ratio", "active_days")

    def measure(self, params, returns):
        daily = self.daily(params, returns)
        return {"net_sharpe_ratio": float(daily.mean() / daily.std()), "active_days": len(daily)}

    def daily(self, params, returns):
        known = returns.fillna(0.0)
        return known.where(known > 0.0, 0.0).mean(axis=1) * params["n_held"]


@pytest.fixture
def session(make_session):
    session = make_session(size=60)
    session.run()
    return session


def test_robustness_is_of_the_best_unless_another_is_named(session):
    best = best_strategy_id(session)
    report = robustness_of(session, n_resamples=100)
    assert report.strategy_id == best
    recorded = session.top(1)["net_sharpe_ratio"].iloc[0]
    assert report.recorded.net_sharpe_ratio == pytest.approx(recorded)
    other = session.top(3)["strategy_id"].iloc[-1]
    assert robustness_of(session, other, n_resamples=100).strategy_id == other
    with pytest.raises(SessionError, match="no result of 'nothing'"):
        robustness_of(session, "nothing")


def test_the_configuration_says_how_often_it_is_resampled(make_session):
    session = make_session(size=30, verify={"resamples": 150, "seed": 2})
    session.run()
    report = robustness_of(session)
    assert report.intervals.n_resamples == 150
    assert robustness_of(session, seed=3).intervals != report.intervals
    assert robustness_of(session, seed=2) == report


def test_the_best_tenth_of_a_space(session):
    objective = session.objective()
    batch = objective.evaluate(np.arange(objective.space.size))
    values = np.sort(np.nan_to_num(batch.objective[:, 0], nan=-np.inf))[::-1]
    assert best_tenth(objective) == values[(len(values) - 1) // 10]


def test_fees_are_those_of_the_factor_backtest(make_session):
    session = make_session(
        objective={"type": "objectives.examples.momentum:MomentumObjective"}, **OWN
    )
    session.run()
    with pytest.raises(ConfigError, match="has an objective of its own"):
        robustness_of(session)


def test_the_factor_backtest_does_not_look_ahead(session):
    report = look_ahead_of(session)
    assert report.ok
    assert report.n_compared > 1_000
    assert {finding.kind for finding in report.findings} <= {"undated market caps"}


def test_an_objective_that_peeks_is_caught(make_session):
    session = make_session(
        objective={"type": "tests.studies.analysis.test_strategy_checks:Peeking"}, **OWN
    )
    session.run()
    report = look_ahead_of(session)
    assert not report.ok
    assert "same day" in {finding.kind for finding in report.findings}
