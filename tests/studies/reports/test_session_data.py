"""What figures and reports read of a session."""

import numpy as np
import pytest

from search_spaces import Choice, Range, SearchSpace, Subsets
from studies.analysis import read_filter, recompute, result_row
from studies.outcomes import read_distinct_results
from studies.reports import SessionData
from tests.helpers.figures import data_of, make_table
from tests.helpers.sessions import results_of

SPACE = SearchSpace([Subsets("codes", ("A", "B"), max_size=2), Choice("kind", ("x", "y"))])


def stored_best(session, n):
    """What `top` would list: rows of the results and number of names."""
    (metric, direction), *_ = session.directions.items()
    with session.engine.connect() as connection:
        found = read_distinct_results(connection, session.row.session_id, metric, direction, n)
    return [(each.strategy_id, each.n_strategies) for each in found]


def own_best(data, n):
    best = data.best(n)
    return list(zip(data.strategy_ids(best.rows), best.n_strategies.tolist(), strict=True))


@pytest.mark.parametrize("n", [1, 7, 50, 10_000])
def test_the_best_are_those_of_top(completed, n):
    assert own_best(SessionData(completed), n) == stored_best(completed, n)


@pytest.mark.parametrize("metrics", [{"turnover": "minimize"}, {"trade_count": "maximize"}])
def test_the_best_of_another_objective(make_session, metrics):
    session = make_session(objective={"metrics": metrics})
    session.run()
    data = SessionData(session)
    assert own_best(data, 30) == stored_best(session, 30)
    assert len(own_best(data, 10_000)) == len(data.groups)


def test_the_best_of_a_space_of_ones_own_are_those_of_a_loop():
    values = [1.0, 3.0, np.nan, 3.0, -np.inf, 2.0]
    data = data_of(make_table(range(6), values, space=SPACE))
    found = []
    for value in sorted({v for v in values if v == v}, reverse=True):
        ids = sorted(SPACE.strategy_ids(np.flatnonzero(np.array(values) == value)))
        found.append((ids[0], len(ids)))
    assert own_best(data, 10) == found
    assert own_best(data, 2) == found[:2]


def test_without_a_measured_strategy_nothing_is_best():
    data = data_of(make_table(range(3), [np.nan] * 3, space=SearchSpace([Range("n", 1, 3)])))
    assert own_best(data, 5) == []


def test_a_filter_chooses_but_neighbours_are_of_all(completed):
    chosen = read_filter(completed, "window_size = 5")
    data, everything = SessionData(completed, chosen), SessionData(completed)
    column = data.whole.column("window_size")
    assert (data.table.digits[:, column] == 0).all()
    assert data.mask.sum() == len(data.table) == len(data.whole) / 3
    assert np.array_equal(
        data.neighbour_median, everything.neighbour_median[data.mask], equal_nan=True
    )
    assert own_best(data, 5)[0][0].split("_W")[1].startswith("5_")


def test_curves_are_those_of_show(completed):
    data = SessionData(completed)
    assert data.curves_missing is None
    assert len(data.curves) == 5
    assert [curve.strategy_id for curve in data.curves] == [name for name, _ in own_best(data, 5)]
    for curve in data.curves:
        result = recompute(completed, result_row(completed, curve.strategy_id)).result
        assert curve.equity.equals(result.equity)
        assert curve.basket.equals(result.basket_equity)
        assert curve.differences == ()
    recorded = {row["strategy_id"]: row for row in results_of(completed)}
    best = data.curves[0]
    assert best.equity.iloc[-1] == recorded[best.strategy_id]["final_balance"]


def test_without_a_market_the_curves_say_why(make_session):
    session = make_session(
        objective={"type": "tests.studies.analysis.own_objective:OnlyFigures"},
        parameters={"n_held": {"range": [1, 3]}},
    )
    session.run()
    data = SessionData(session)
    assert "objective of its own" in data.curves_missing
    assert len(data.best(5).rows) == 3
