"""An objective of one's own in the configuration: generate, execute, top, resume, by any method."""

import linecache
import sys

import pytest

from objectives.examples.momentum import MomentumObjective
from search_spaces.errors import ConfigError, SessionError
from studies import Session
from studies.runs import Stop
from tests.helpers.sessions import check_adaptive, check_completed, make_config, results_of

OBJECTIVE = {
    "type": "objectives.examples.momentum:MomentumObjective",
    "metrics": {"net_sharpe_ratio": "maximize"},
}
SPACE = {
    "lookback": {"choice": [5, 10, 20, 40]},
    "n_held": {"range": [1, 6]},
}
SECTIONS = {"objective": OBJECTIVE, "parameters": SPACE}
CODE = """
from objectives.examples.momentum import MomentumObjective


class Scaled(MomentumObjective):
    default_options = {{"factor": 1.0}}

    def measure(self, params, returns):
        figures = super().measure(params, returns)
        return {{**figures, "total_return": {factor} * self.options["factor"]}}
"""


@pytest.fixture(scope="module")
def reference(databases, market):
    """All 24 points of an undisturbed session."""
    url = databases.copy(market)
    session = Session.create(make_config(url, **SECTIONS))
    session.run()
    results = results_of(session)
    session.engine.dispose()
    databases.drop(url)
    return results


def test_a_session_equals_the_objective_called_by_hand(make_session, reference):
    session = make_session(**SECTIONS)
    assert isinstance(session.objective(), MomentumObjective)
    progress = session.run()
    assert (progress.done, progress.failed) == (24, 0)
    check_completed(session, reference)
    batch = session.objective().evaluate(list(range(24)))
    by_id = {r["strategy_id"]: r["net_sharpe_ratio"] for r in results_of(session)}
    expected = batch.metrics["net_sharpe_ratio"].tolist()
    assert [by_id[f"P{index}"] for index in range(24)] == expected
    best = session.top(3)
    assert best["net_sharpe_ratio"].tolist() == sorted(expected, reverse=True)[:3]
    lookback, n_held = best.iloc[0][["lookback", "n_held"]]
    params = {"lookback": lookback, "n_held": n_held}
    assert best.iloc[0]["strategy_id"] == session.space.strategy_id(params)
    assert "window_size" not in best


def test_it_is_stopped_and_goes_on(make_session, reference):
    session = make_session(**SECTIONS, execution={"chunk_size": 5})
    stop = Stop()
    session.run(stop=stop, on_progress=lambda progress: stop.set())
    assert session.refresh().status == "paused"
    assert 0 < session.row.completed < 24
    session.run(resume=True)
    check_completed(session, reference)


@pytest.mark.parametrize("method", ["tpe", "genetic"])
def test_other_methods_search_it(make_session, reference, method):
    session = make_session(**SECTIONS, method=method, size=12, seed=3)
    session.run()
    known = {r["strategy_id"]: r for r in reference}
    assert all(known[r["strategy_id"]] == r for r in results_of(session))
    assert session.row.completed == 12
    if method == "tpe":
        check_adaptive(session)


@pytest.mark.slow
def test_two_processes_work_on_it(make_session, reference):
    session = make_session(**SECTIONS, execution={"chunk_size": 3})
    session.run(parallel=2)
    check_completed(session, reference)


def test_options_and_changed_code(make_session, url, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "scaled_objective.py").write_text(CODE.format(factor=1))
    objective = {"type": "scaled_objective:Scaled", "metrics": {"total_return": "maximize"}}
    results = []
    for options in ({}, {"factor": 2.5}):
        chosen = {**objective, "options": options}
        session = make_session(parameters=SPACE, objective=chosen, size=4, method="random")
        session.run()
        results.append({r["total_return"] for r in results_of(session)})
    assert results == [{1.0}, {2.5}]
    with pytest.raises(ConfigError, match="factr"):
        make_session(parameters=SPACE, objective={**objective, "options": {"factr": 2}})


def test_a_changed_market_is_refused(make_session, panel):
    from objectives import ReturnPanel
    from studies.market import import_panel

    session = make_session(**SECTIONS)
    frame = panel.to_frame()
    frame["return_1d"] *= 1.01
    import_panel(ReturnPanel.from_returns(frame), session.engine)
    with pytest.raises(SessionError, match=r"changed since .* was created"):
        session.run()


@pytest.mark.parametrize(
    ("objective", "message"),
    [
        ({"type": "nowhere:Objective"}, "nowhere:Objective cannot be imported"),
        ({"type": "optuna:Study"}, "optuna:Study is not an objective"),
        (
            {"type": "factor"},
            "expected factor_backtest or external, or package.module",
        ),
        ({"options": {"a": 1}}, "options are of an objective of your own"),
    ],
)
def test_impossible_objectives(make_session, objective, message):
    with pytest.raises(ConfigError, match=message):
        make_session(objective={**OBJECTIVE, "type": "factor_backtest", **objective})


@pytest.fixture
def forgotten_module():
    """A module of this name is imported anew, and not kept for the test that comes after."""
    sys.modules.pop("changing_objective", None)
    yield
    sys.modules.pop("changing_objective", None)


@pytest.mark.usefixtures("forgotten_module")
def test_changed_code_is_refused(make_session, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    module = tmp_path / "changing_objective.py"
    module.write_text(CODE.format(factor=1))
    objective = {"type": "changing_objective:Scaled", "metrics": {"total_return": "maximize"}}
    session = make_session(parameters=SPACE, objective=objective)
    del sys.modules["changing_objective"]
    module.write_text(CODE.format(factor=3))
    linecache.checkcache()
    with pytest.raises(SessionError, match="or the code of changing_objective:Scaled, changed"):
        session.run()
