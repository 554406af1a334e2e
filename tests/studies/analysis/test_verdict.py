"""The verdict of a session: what is judged, against what, and that it is stored once."""

import numpy as np
import pytest
import sqlalchemy as sa

from objectives import ReturnPanel
from search_spaces.errors import SessionError
from studies import Session
from studies.analysis import (
    best_strategy_id,
    latest_verdict,
    latest_verdicts,
    population_of,
    read_verdicts,
    verdict_settings,
    verify_session,
    verify_within,
)
from studies.analysis import verdict as judging
from studies.database.tables import verdicts
from studies.upkeep import delete_session
from tests.helpers.sessions import make_config
from tests.studies.conftest import write_market

BACKTEST = {"start_date": "2024-03-01", "split_date": None}
VERIFY = {"resamples": 200}
SPACE = {
    "factors": {"subsets": ["SR", "DD", "TR"], "max_size": 2},
    "window_size": {"choice": [5, 20]},
    "rebalance_frequency": {"choice": [1, 7]},
    "data_period": {"choice": [10, 20]},
    "selection_count": {"choice": [3]},
    "weight_method": {"choice": ["EQ", "FS"]},
}


@pytest.fixture(scope="module")
def long_market(databases):
    """URL of a database with a market of 400 days, to be copied only."""
    url = databases.create()
    write_market(url, ReturnPanel.synthetic(n_pairs=16, n_days=400, edge=3.0))
    yield url
    databases.drop(url)


@pytest.fixture
def run_session(databases, long_market):
    """Create a session in a copy of the long market, and run it."""
    url = databases.copy(long_market)
    engines = []

    def make(*, method="exhaustive", mode=None, size=None, **sections):
        chosen = {"parameters": SPACE, "backtest": BACKTEST, "verify": VERIFY, **sections}
        session = Session.create(make_config(url, **chosen), method=method, mode=mode, size=size)
        engines.append(session.engine)
        session.run()
        session.refresh()
        return session

    yield make
    for engine in engines:
        engine.dispose()
    databases.drop(url)


def rows_of(session):
    with session.engine.connect() as connection:
        return connection.execute(sa.select(verdicts).order_by(verdicts.c.id)).all()


def test_the_best_strategy_is_judged_and_stored(run_session):
    session = run_session()
    stored = verify_session(session)
    assert stored.strategy_id == best_strategy_id(session)
    assert stored.verdict.word == "strong"
    assert stored.n_before == 0
    (row,) = rows_of(session)
    assert (row.verdict, row.p_cash) == ("strong", stored.verdict.figures["p_cash"])
    assert read_verdicts(session.engine, session.row.session_id) == [stored]
    assert latest_verdicts(session.engine, [session.row.session_id, "other"]) == {
        session.row.session_id: stored
    }
    assert stored.short == f"strong ({stored.created_at:%Y-%m-%d})"


def test_the_same_question_is_answered_from_the_table(run_session):
    session = run_session()
    first = verify_session(session)
    assert verify_session(session) == first
    assert verify_session(session, first.strategy_id) == first
    assert len(rows_of(session)) == 1
    again = verify_session(session, again=True)
    assert (again.verdict, again.n_before) == (first.verdict, 1)
    other = verify_session(session, seed=1)
    more = verify_session(session, n_resamples=400)
    assert (other.n_before, more.n_before) == (2, 3)
    assert (other.settings["seed"], more.settings["n_resamples"]) == (1, 400)
    assert latest_verdict(session.engine, session.row.session_id) == more


def test_the_session_judges_itself(run_session):
    session = run_session()
    stored = session.verify()
    assert stored == verify_session(session)
    assert session.verify(stored.strategy_id, n_resamples=300, seed=2).settings["seed"] == 2


def test_a_deleted_session_leaves_its_looks_at_the_market(run_session):
    first = run_session()
    verify_session(first)
    delete_session(first.engine, first.row.session_id)
    assert verify_session(run_session()).n_before == 1


def test_verdicts_of_another_session_on_the_same_market_are_counted(run_session):
    verify_session(run_session())
    other = run_session(backtest={**BACKTEST, "fee_rate": 0.0005})
    assert verify_session(other).n_before == 1


def test_the_configuration_says_how(run_session):
    session = run_session(verify={"resamples": 300, "seed": 5})
    settings = verify_session(session).settings
    assert (settings["n_resamples"], settings["seed"]) == (300, 5)
    assert "all 96 strategies of the space, 300 resamples, seed 5" in verdict_settings(settings)


def test_a_search_is_judged_against_the_whole_space(run_session):
    session = run_session(method="genetic", size=24)
    stored = verify_session(session)
    assert stored.settings["population"] == "space"
    assert stored.settings["n_population"] == 96
    whole = run_session()
    same = verify_session(whole, stored.strategy_id)
    assert same.verdict == stored.verdict


def test_a_space_that_is_too_large_is_judged_by_what_was_visited(run_session, monkeypatch):
    monkeypatch.setattr(judging, "MAX_SPACE", 95)
    session = run_session(method="sobol", size=40)
    objective = session.objective()
    visited, whole = population_of(session, objective)
    assert not whole
    assert len(visited) == 40
    assert (np.diff(visited) > 0).all()
    stored = verify_session(session, objective=objective)
    assert (stored.settings["population"], stored.settings["n_population"]) == ("visited", 40)
    assert "the 40 strategies that were tried" in verdict_settings(stored.settings)


def test_another_strategy_of_the_session(run_session):
    session = run_session()
    worst = session.top(1, direction="minimize")["strategy_id"].iloc[0]
    stored = verify_session(session, worst)
    assert stored.strategy_id == worst
    assert latest_verdict(session.engine, session.row.session_id, worst) == stored
    best = verify_session(session)
    of_worst, of_best = (v.verdict.figures["overfitting"]["net"] for v in (stored, best))
    assert of_worst["in_sample"] < of_best["in_sample"]
    assert of_worst["pbo"] == of_best["pbo"]  # of the whole search
    assert latest_verdict(session.engine, session.row.session_id, worst) == stored
    assert latest_verdict(session.engine, session.row.session_id, "unknown") == best
    with pytest.raises(SessionError, match="no result of 'SR_W1'"):
        verify_session(session, "SR_W1")


def test_what_is_optimised_chooses_in_the_walk_forward(run_session):
    session = run_session(objective={"metrics": {"excess_sharpe_ratio": "maximize"}})
    assert verify_session(session).settings["by_excess"] is True
    net = run_session()
    assert verify_session(net).settings["by_excess"] is False


def test_several_objectives_judge_the_first_of_the_front(run_session):
    both = {"net_sharpe_ratio": "maximize", "max_drawdown": "minimize"}
    session = run_session(objective={"metrics": both})
    assert verify_session(session).strategy_id == session.top(1)["strategy_id"].iloc[0]


def test_days_after_the_split_are_not_judged(run_session):
    session = run_session(backtest={"start_date": "2024-03-01", "split_date": "2024-11-15"})
    figures = verify_session(session).verdict.figures
    assert figures["last_day"] == "2024-11-14"
    assert figures["hold_out"]["first_day"] == "2024-11-15"


def test_a_verdict_that_would_take_too_long_is_given_up(run_session, monkeypatch):
    session = run_session()
    clock = iter(range(0, 10_000, 50))
    monkeypatch.setattr(judging.time, "perf_counter", lambda: float(next(clock)))
    assert verify_within(session, 60.0) is None
    assert rows_of(session) == []
    assert verify_within(session, 1e6).verdict.word == "strong"


def test_a_session_without_results_cannot_be_judged(make_session):
    session = make_session(size=20)
    with pytest.raises(SessionError, match="failed so far, so none is best"):
        verify_session(session)


def test_a_short_session_says_why(make_session):
    session = make_session(size=60)
    session.run()
    stored = verify_session(session)
    assert stored.verdict.word == "cannot tell"
    assert "measured days; at least 180" in stored.verdict.reasons[0]


def test_an_objective_of_ones_own_without_daily_returns(run_session):
    session = run_session(
        parameters={"lookback": {"choice": [5, 20]}, "n_held": {"choice": [1, 2]}},
        objective={"type": "tests.studies.analysis.own_objective:OnlyFigures"},
        backtest={},
    )
    stored = verify_session(session)
    assert stored.verdict.word == "cannot tell"
    assert "OnlyFigures does not say what a strategy earned day by day" in stored.verdict.reasons[0]
