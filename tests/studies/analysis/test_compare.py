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
from studies.analysis import (
    Improvements,
    compare,
    compared_settings,
    follow_best,
    read_filter,
    read_objective_history,
    read_table,
    summarise,
)
from studies.analysis.compare import (
    BestResult,
    ComparedSession,
    compare_sessions,
    overlap_of,
    session_letters,
)
from studies.analysis.compared_settings import different_settings
from studies.analysis.comparison_remarks import remarks_on
from studies.analysis.leaderboard import top
from studies.database.tables import METRIC_COLUMNS, hyperparameter_tuning_results, tuning_sessions
from tests.helpers.sessions import BACKTEST, make_config, table_rows, url_of

VALUES = st.lists(
    st.one_of(st.just(math.nan), st.floats(-5, 5), st.sampled_from([0.0, math.inf, -math.inf])),
    max_size=40,
)


@given(VALUES, st.sampled_from(["maximize", "minimize"]), st.data())
def test_best_so_far_is_that_of_plain_loops(values, direction, data):
    seconds = sorted(
        data.draw(
            st.lists(st.floats(0, 100), min_size=len(values), max_size=len(values)),
            label="seconds",
        )
    )
    followed = follow_best(np.array(values, dtype=float), direction)
    places = followed.improved
    improvements = Improvements(
        places + 1, np.array(seconds, dtype=float)[places], followed.best[places]
    )
    better = max if direction == "maximize" else min
    for n in range(len(values) + 2):
        best = None
        for value in values[:n]:
            if not math.isnan(value):
                best = value if best is None else better(best, value)
        assert improvements.best_after(n) == best
    for limit in (0.0, 1.0, 50.0, *seconds):
        best = None
        for value, second in zip(values, seconds, strict=True):
            if second <= limit and not math.isnan(value):
                best = value if best is None else better(best, value)
        assert improvements.best_within(limit) == best


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
    unnamed = overlap_of(compared("x", first), compared("y", second), same_names=False)
    assert (unnamed.same_strategies, unnamed.same_figures) == (None, same_figures)
    assert overlap.session_ids == ("x", "y")
    assert overlap.n == (len(first), len(second))


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
        assert told.distribution == summarise(np.array(known), "maximize")
        assert told.by_evaluations == {
            n: max(value for value in values[:n] if value is not None) for n in (10, 100)
        }
        assert told.history.duration > 0
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
    history = read_objective_history(completed)
    values = measured(completed)
    ids = [row["id"] for row in table_rows(completed, results, "id")]

    def best_up_to(row_id):
        listed = [v for k, v in zip(ids, values, strict=True) if k <= row_id and v is not None]
        return max(listed)

    assert history.duration == 90
    assert history.improvements.best_within(0.1) is None
    told = compare_sessions([completed, _copy_of(completed)]).sessions[0]
    assert told.by_seconds == {1: best_up_to(100), 10: best_up_to(300), 60: best_up_to(300)}


def _copy_of(session):
    other = Session.create(make_config(url_of(session)), size=5)
    other.engine.dispose()
    return Session(session.engine, other.row)


def test_a_session_without_results(completed):
    told = compare_sessions([completed, _copy_of(completed)])
    empty = told.sessions[1]
    assert (empty.best, empty.distribution.n, empty.history.duration) == ((), 0, None)
    assert (empty.by_evaluations, empty.by_seconds) == ({}, {})
    assert [str(text) for text in told.warnings] == [f"{empty.session_id} has no results yet"]
    assert remarks_on(told) == []
    assert told.overlaps[0].n == (min(100, len(told.sessions[0].best)), 0)


def test_what_does_not_compare_is_said(completed):
    url = url_of(completed)
    dear = Session.create(make_config(url, backtest={**BACKTEST, "fee_rate": 0.002}), size=5)
    metrics = {"total_return": "maximize", "max_drawdown": "minimize"}
    other = Session.create(make_config(url, objective={"metrics": metrics}), size=5)
    for session in (dear, other):
        session.run()
    told = compare_sessions([completed, dear])
    assert [str(text) for text in told.warnings] == [
        "figures of the sessions do not compare, they were measured under different conditions: "
        "fees (backtest.fee_rate)"
    ]
    assert told.deciding == ("backtest.fee_rate",)
    assert told.groups == ((completed.row.session_id,), (dear.row.session_id,))
    assert not told.compares(*told.sessions)
    assert remarks_on(told) == []
    told = compare_sessions([completed, other])
    first, second = map(str, told.warnings)
    assert f"{other.row.session_id} total_return (maximize), max_drawdown (minimize); best" in first
    assert second == (
        "of several objectives only the first is compared: net_sharpe_ratio, total_return"
    )
    assert not told.compares(*told.sessions)
    assert compare_sessions([other, completed]).sessions[0].metric == "total_return"
    assert [str(text) for text in compare_sessions([completed, dear, other]).warnings][1] == (
        "among them only these were measured alike and compare with each other: "
        f"{completed.row.session_id}, {other.row.session_id}"
    )
    with completed.engine.begin() as connection:
        connection.execute(sa.text("UPDATE return_metrics SET return_1d = 1.5 * return_1d"))
    later = Session.create(make_config(url), size=5)
    text, _ = map(str, compare_sessions([completed, later]).warnings)
    assert text.endswith("the returns or market caps were changed between them")
    for session in (dear, other, later):
        session.engine.dispose()


@pytest.mark.parametrize(
    ("setting", "kind"),
    [
        ("backtest.start_date", "dates"),
        ("backtest.split_date", "dates"),
        ("backtest.fee_rate", "fees"),
        ("backtest.position_mode", "rules of the backtest"),
        ("market.source", "market data"),
        ("semantics", "definition of a strategy"),
        ("objective.options.window", "objective"),
        ("objective.metrics", None),
        ("study.trials", None),
        ("parameters.window_size", None),
    ],
)
def test_what_a_setting_decides(setting, kind):
    assert compared_settings._kind(setting, is_own=False) == kind
    if setting.startswith("parameters"):
        assert compared_settings._kind(setting, is_own=True) == "space"


def test_a_minimised_objective(completed):
    url = url_of(completed)
    metrics = {"max_drawdown": "minimize"}
    sessions = [
        Session.create(make_config(url, objective={"metrics": metrics}), method="sobol", **options)
        for options in ({"size": 100, "seed": 1}, {"size": 100, "seed": 2})
    ]
    for session in sessions:
        session.run()
    told = compare_sessions(sessions)
    for session, each in zip(sessions, told.sessions, strict=True):
        values = [
            row["max_drawdown"]
            for row in table_rows(session, hyperparameter_tuning_results, "id")
            if row["max_drawdown"] is not None
        ]
        assert each.distribution.best == each.best[0].figures["max_drawdown"] == min(values)
        assert each.by_evaluations[100] == min(values)
        session.engine.dispose()
    assert [str(text) for text in remarks_on(told)] == [
        "only the seed differs: the difference of the two is what chance does to this method"
    ]


def test_chosen_strategies_are_those_of_the_table(completed, second):
    """The history of a filter is the whole table's, without the values of the others."""
    options = {"where": "window_size >= 10 or total_return > 0", "without": ("FS",)}
    told = compare_sessions([completed, second], **options)
    assert told.filter_text == "window_size >= 10 or total_return > 0, without FS"
    for session, each in zip((completed, second), told.sessions, strict=True):
        chosen = read_filter(session, **options)
        table = read_table(session, ["total_return"])
        mask = chosen.mask(table)
        assert 0 < mask.sum() < len(table)
        expected = np.where(mask, table.figure(), np.nan)
        np.testing.assert_array_equal(each.history.values, expected)
        listed = top(session, 100, where=chosen)
        assert [best.strategy_id for best in each.best] == listed["strategy_id"].tolist()
        followed = follow_best(expected, "maximize")
        assert each.history.improvements.evaluations.tolist() == (followed.improved + 1).tolist()


def test_a_search_beside_the_whole_space(completed, second):
    told = compare_sessions([completed, second])
    names = session_letters(told)
    first, *others = (str(text) for text in remarks_on(told, names))
    best = told.sessions[1].best[0].figures["net_sharpe_ratio"]
    values = [value for value in measured(completed) if value is not None]
    n_better = sum(value > best for value in values)
    assert first.startswith("B (sobol) found ")
    assert f"of {len(values):,} strategies that A measured, {n_better:,} are better" in first
    assert [text.split(":")[0].split(" by ")[0] for text in others] == [
        "one seed only of sobol",
        "the best of more strategies tends to be higher",
    ]


def test_a_method_with_two_seeds_is_no_anecdote(completed, second):
    again = Session.create(make_config(url_of(completed)), method="sobol", size=100, seed=4)
    again.run()
    said = [str(text) for text in remarks_on(compare_sessions([completed, second, again]))]
    assert not any("anecdote" in text for text in said)
    assert sum(" are better, the best with " in text for text in said) == 2
    again.engine.dispose()


def test_ids_of_different_spaces_of_ones_own_are_not_compared(completed):
    url = url_of(completed)
    objective = {
        "type": "objectives.examples.momentum:MomentumObjective",
        "metrics": {"net_sharpe_ratio": "maximize"},
    }
    spaces = [
        {"lookback": {"choice": lookbacks}, "n_held": {"range": [1, 3]}}
        for lookbacks in ([5, 10], [5, 20])
    ]
    sessions = [
        Session.create(make_config(url, objective=objective, parameters=space))
        for space in (*spaces, spaces[0])
    ]
    for session in sessions:
        session.run()
    different = compare_sessions(sessions[:2])
    assert different.overlaps[0].same_strategies is None
    assert different.overlaps[0].same_figures > 0
    assert different.deciding == ("parameters.lookback.choice",)
    equal = compare_sessions([sessions[0], sessions[2]])
    assert equal.overlaps[0].same_strategies == len(equal.sessions[0].best) > 0
    with pytest.raises(ConfigError, match=rf"^{sessions[0].row.session_id}: .*window_size"):
        compare_sessions(sessions[:2], "window_size > 5")
    for session in sessions:
        session.engine.dispose()


def test_sessions_that_have_tried_everything_are_no_search_beside_it(completed):
    again = Session.create(make_config(url_of(completed), execution={"reuse": True}))
    again.run()
    told = compare_sessions([completed, again])
    assert told.overlaps[0].same_strategies == len(told.sessions[0].best)
    (text,) = map(str, remarks_on(told))
    assert text.startswith("a session takes over what earlier ones have measured alike")
    again.engine.dispose()


def test_letters_beyond_the_alphabet(completed):
    told = compare_sessions([completed, _copy_of(completed)])
    many = dataclasses.replace(
        told,
        sessions=tuple(
            dataclasses.replace(told.sessions[0], session_id=f"s{place}") for place in range(53)
        ),
    )
    letters = session_letters(many)
    assert [letters[f"s{place}"] for place in (0, 25, 26, 52)] == ["A", "Z", "A1", "A2"]


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
