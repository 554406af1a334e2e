"""Sessions side by side; the counting parts against plain loops."""

import dataclasses
import datetime
import math

import numpy as np
import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from search_spaces.errors import ConfigError
from studies import Session
from studies.analysis import compare
from studies.analysis.compare import (
    BestResult,
    ComparedSession,
    compare_sessions,
    different_settings,
    overlap_of,
)
from studies.analysis.history import Distribution, History
from studies.analysis.leaderboard import top
from studies.database.tables import METRIC_COLUMNS, hyperparameter_tuning_results, tuning_sessions
from tests.helpers.sessions import BACKTEST, make_config, table_rows, url_of

VALUES = st.lists(
    st.one_of(st.just(math.nan), st.floats(-5, 5), st.sampled_from([0.0, math.inf, -math.inf])),
    max_size=40,
)


@given(VALUES, st.sampled_from(["maximize", "minimize"]), st.data())
def test_best_so_far_is_that_of_plain_loops(values, direction, data):
    seconds = data.draw(
        st.lists(st.floats(0, 100), min_size=len(values), max_size=len(values)), label="seconds"
    )
    history = History(np.array(values, dtype=float), np.array(seconds, dtype=float), direction)
    better = max if direction == "maximize" else min
    for n in range(len(values) + 2):
        best = None
        for value in values[:n]:
            if not math.isnan(value):
                best = value if best is None else better(best, value)
        assert history.best_after(n) == best
    for limit in (0.0, 1.0, 50.0, *seconds):
        best = None
        for value, second in zip(values, seconds, strict=True):
            if second <= limit and not math.isnan(value):
                best = value if best is None else better(best, value)
        assert history.best_within(limit) == best


BEST = st.lists(
    st.tuples(st.sampled_from("abcdefgh"), st.integers(0, 5), st.sampled_from([None, 0.5])),
    max_size=12,
    unique_by=(lambda each: each[0], lambda each: each[1:]),
)


def compared(session_id, results):
    """A session of which only the best results matter."""
    best = tuple(BestResult(name, 1, {"a": a, "b": b}) for name, a, b in results)
    others = {field.name: None for field in dataclasses.fields(ComparedSession)}
    return ComparedSession(**{**others, "session_id": session_id, "best": best})


@given(BEST, BEST)
def test_the_overlap_is_that_of_plain_loops(first, second):
    overlap = overlap_of(compared("x", first), compared("y", second))
    same_strategies = same_figures = 0
    for name, *figures in first:
        for other, *others in second:
            same_strategies += name == other
            same_figures += figures == others
    assert (overlap.same_strategies, overlap.same_figures) == (same_strategies, same_figures)
    assert overlap.session_ids == ("x", "y")
    assert overlap.n == (len(first), len(second))


@given(st.lists(st.one_of(st.just(math.nan), st.floats(-5, 5)), max_size=30))
def test_the_distribution_is_that_of_plain_loops(values):
    spread = Distribution.of(np.array(values, dtype=float))
    known = sorted(value for value in values if not math.isnan(value))
    if not known:
        assert spread is None
        return
    assert spread.n == len(known)
    assert spread.share_above_zero == pytest.approx(sum(v > 0 for v in known) / len(known))
    for share, quartile in zip((0.25, 0.5, 0.75), spread.quartiles, strict=True):
        place = share * (len(known) - 1)
        low, high = known[math.floor(place)], known[math.ceil(place)]
        assert quartile == pytest.approx(low + (place % 1) * (high - low), abs=1e-12)


def test_infinite_values_count_but_have_no_quartile():
    spread = Distribution.of(np.array([math.inf, 1.0, 3.0, -math.inf]))
    assert (spread.n, spread.share_above_zero) == (4, 0.75)
    assert spread.quartiles == (1.5, 2.0, 2.5)
    assert all(map(math.isnan, Distribution.of(np.array([math.inf])).quartiles))


def test_settings_that_differ():
    told = different_settings(
        [{"a": {"b": 1, "c": [1, 2]}, "d": {}}, {"a": {"b": 1, "c": [2, 1]}, "d": {"e": 0}}]
    )
    assert told == {"a.c": ([1, 2], [2, 1]), "d": ({}, None), "d.e": (None, 0)}
    assert different_settings([{"a": 1}, {"a": 1}]) == {}


@pytest.fixture
def second(completed):
    """A smaller session beside the completed one."""
    session = Session.create(make_config(url_of(completed)), method="sobol", size=100, seed=3)
    session.run()
    yield session
    session.engine.dispose()


def measured(session):
    """Values of the objective in the order of recording, None for failed strategies."""
    rows = table_rows(session, hyperparameter_tuning_results, "id")
    return [row["net_sharpe_ratio"] for row in rows]


def test_two_sessions(completed, second):
    comparison = compare_sessions([completed, second])
    assert comparison.warnings == ()
    assert comparison.settings == {
        "mode": ("exhaustive", "sampling"),
        "method": ("exhaustive", "sobol"),
        "seed": (0, 3),
        "size": (432, 100),
    }
    for session, told in zip((completed, second), comparison.sessions, strict=True):
        row = session.refresh()
        assert (told.total, told.completed, told.failed) == (row.total, row.completed, row.failed)
        listed = top(session, 100)
        assert [best.strategy_id for best in told.best] == listed["strategy_id"].tolist()
        assert [best.n_strategies for best in told.best] == listed["n_strategies"].tolist()
        first = told.best[0].figures
        assert [first[name] for name in METRIC_COLUMNS] == [
            listed[name].iloc[0] for name in METRIC_COLUMNS
        ]
        values = measured(session)
        known = [value for value in values if value is not None]
        assert told.distribution == Distribution.of(np.array(known))
        assert told.by_evaluations == {
            n: max(value for value in values[:n] if value is not None) for n in (10, 100)
        }
        assert told.seconds > 0
        assert told.verdict is None
    (overlap,) = comparison.overlaps
    tops = [top(session, 100) for session in (completed, second)]
    names = [set(frame["strategy_id"]) for frame in tops]
    figures = [
        set(frame[list(METRIC_COLUMNS)].fillna(-99.0).itertuples(index=False, name=None))
        for frame in tops
    ]
    assert overlap.same_strategies == len(names[0] & names[1])
    assert overlap.same_figures == len(figures[0] & figures[1]) > 0


def test_time_counts_from_the_first_start(completed):
    start = datetime.datetime(2026, 1, 1)
    results = hyperparameter_tuning_results
    with completed.engine.begin() as connection:
        connection.execute(tuning_sessions.update().values(started_at=start))
        for low, high, seconds in ((0, 100, 0.5), (101, 300, 7), (301, 9_999, 90)):
            connection.execute(
                results.update()
                .where(results.c.id.between(low, high))
                .values(created_at=start + datetime.timedelta(seconds=seconds))
            )
    completed.refresh()
    history = History.read(completed)
    values = measured(completed)
    ids = [row["id"] for row in table_rows(completed, results, "id")]

    def best_up_to(row_id):
        listed = [v for k, v in zip(ids, values, strict=True) if k <= row_id and v is not None]
        return max(listed)

    assert history.duration == 90
    assert history.best_within(0.1) is None
    told = compare_sessions([completed, _copy_of(completed)]).sessions[0]
    assert told.by_seconds == {1: best_up_to(100), 10: best_up_to(300), 60: best_up_to(300)}


def _copy_of(session):
    other = Session.create(make_config(url_of(session)), size=5)
    other.engine.dispose()
    return Session(session.engine, other.row)


def test_a_session_without_results(completed):
    told = compare_sessions([completed, _copy_of(completed)])
    empty = told.sessions[1]
    assert (empty.best, empty.distribution, empty.seconds) == ((), None, None)
    assert (empty.by_evaluations, empty.by_seconds) == ({}, {})
    assert told.overlaps[0].n == (min(100, len(told.sessions[0].best)), 0)


def test_what_does_not_compare_is_said(completed):
    url = url_of(completed)
    dear = Session.create(make_config(url, backtest={**BACKTEST, "fee_rate": 0.002}), size=5)
    metrics = {"total_return": "maximize", "max_drawdown": "minimize"}
    other = Session.create(make_config(url, objective={"metrics": metrics}), size=5)
    assert compare_sessions([completed, dear]).warnings == (
        "figures of the sessions do not compare, they were measured under different conditions: "
        "backtest.fee_rate",
    )
    (text,) = compare_sessions([completed, other]).warnings
    assert f"{other.row.session_id} total_return (maximize), max_drawdown (minimize); best" in text
    assert compare_sessions([other, completed]).sessions[0].metric == "total_return"
    with completed.engine.begin() as connection:
        connection.execute(sa.text("UPDATE return_metrics SET return_1d = 1.5 * return_1d"))
    later = Session.create(make_config(url), size=5)
    (text,) = compare_sessions([completed, later]).warnings
    assert text.endswith("the returns or market caps were changed between them")
    for session in (dear, other, later):
        session.engine.dispose()


def test_impossible_comparisons(completed):
    with pytest.raises(ConfigError, match=r"at least two sessions, got session_\w+; list them"):
        compare_sessions([completed])
    with pytest.raises(ConfigError, match=r"session_\w+ is named twice"):
        compare_sessions([completed, completed])


def test_powers_of_ten():
    told = {n: compare._powers_of_ten(n) for n in (0, 9, 10, 99, 100, 436_800)}
    assert told == {
        0: [],
        9: [],
        10: [10],
        99: [10],
        100: [10, 100],
        436_800: [
            10,
            100,
            1_000,
            10_000,
            100_000,
        ],
    }
