"""The best of an earlier session, tried first by another."""

import pytest

from search_spaces.errors import ConfigError, SessionError
from studies.planning.warm_start import best_of
from tests.helpers.sessions import check_adaptive, results_of


def ranked(session, metric="net_sharpe_ratio", sign=-1):
    rows = [r for r in results_of(session) if r[metric] is not None]
    rows.sort(key=lambda r: (sign * r[metric], r["strategy_id"]))
    return [r["strategy_id"] for r in rows]


def test_best_of_is_the_ranking(completed):
    source, space = completed.row.session_id, completed.space
    best = best_of(completed.engine, source, space, {"net_sharpe_ratio": "maximize"}, 7)
    assert best == ranked(completed)[:7]
    worst = best_of(completed.engine, source, space, {"net_sharpe_ratio": "minimize"}, 3)
    assert worst == ranked(completed, sign=1)[:3]
    by_return = best_of(
        completed.engine, source, space, {"total_return": "maximize", "max_drawdown": "minimize"}, 3
    )
    assert by_return == ranked(completed, "total_return")[:3]


def test_what_is_outside_the_space_is_left_out(completed):
    space = completed.space.restrict({"weight_method": ["FS"]})
    directions = {"net_sharpe_ratio": "maximize"}
    best = best_of(completed.engine, completed.row.session_id, space, directions, 4)
    assert best == [name for name in ranked(completed) if name.endswith("_FS")][:4]
    allowed = completed.space.restrict({"data_period": ["10"]})
    found = best_of(completed.engine, completed.row.session_id, allowed, directions, 999)
    assert sorted(found) == sorted(name for name in ranked(completed) if "_D10_" in name)


def test_sessions_that_cannot_be_begun_with(completed, make_session):
    directions = {"net_sharpe_ratio": "maximize"}
    engine, source = completed.engine, completed.row.session_id
    with pytest.raises(SessionError, match="there is no session 'session_none'"):
        best_of(engine, "session_none", completed.space, directions)
    with pytest.raises(ConfigError, match="at least 1, got 0"):
        best_of(engine, source, completed.space, directions, 0)
    failing = completed.space.restrict({"data_period": ["140"]})
    with pytest.raises(SessionError, match=rf"none of the results of {source} is in this search"):
        best_of(engine, source, failing, directions)
    fresh = make_session(size=20)
    with pytest.raises(SessionError, match="has no results of net_sharpe_ratio to begin with"):
        best_of(fresh.engine, fresh.row.session_id, fresh.space, directions)


def test_the_first_slots_are_the_best_of_another_session(make_session):
    source = make_session(size=60)
    source.run()
    best = ranked(source)[:3]
    session = make_session(
        method="tpe",
        size=6,
        seed=1,
        start_from=source.row.session_id,
        n_start=3,
        execution={"reuse": True},
    )
    assert session.row.snapshot.warm_start == tuple(best)
    session.run()
    trials = check_adaptive(session)
    assert [t.user_attrs["strategy_id"] for t in trials[:3]] == best
    assert all(t.user_attrs["cached"] for t in trials[:3])
    assert all(t.system_attrs["fixed_params"] == t.params for t in trials[:3])
    assert all("fixed_params" not in t.system_attrs for t in trials[3:])
    by_id = {row["strategy_id"]: row for row in results_of(source)}
    for row in results_of(session):
        if row["strategy_id"] in by_id:
            assert row == by_id[row["strategy_id"]]


def test_more_to_begin_with_than_slots(make_session):
    source = make_session(size=60)
    source.run()
    session = make_session(method="tpe", size=2, start_from=source.row.session_id)
    session.run()
    trials = check_adaptive(session)
    assert [t.user_attrs["strategy_id"] for t in trials] == ranked(source)[:2]


def test_planned_sessions_do_not_begin_with_anything(make_session):
    source = make_session(size=20)
    with pytest.raises(ConfigError, match="planned beforehand"):
        make_session(size=10, start_from=source.row.session_id)
