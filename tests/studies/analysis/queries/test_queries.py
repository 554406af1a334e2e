"""Questions to a whole session: equal to plain loops on small tables."""

import dataclasses
import math
from collections import Counter
from itertools import combinations

import numpy as np
import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr

from search_spaces import Choice, Range, SearchSpace, Subsets, one_step_neighbours
from search_spaces.errors import ConfigError, SpaceError
from studies.analysis import (
    ESTIMATED,
    EXACT,
    PED_ANOVA,
    SessionTable,
    best_mask,
    best_so_far,
    count_failures,
    distinct_groups,
    follow_best,
    histogram_of,
    importance_of,
    in_against_out,
    lifts,
    marginals,
    neighbourhoods_of,
    read_table,
    summarise,
    value_groups_of,
)
from tests.helpers.sessions import results_of

FIGURE, OTHER = "net_sharpe_ratio", "oos_net_sharpe_ratio"
PARAMETERS = [
    Subsets("codes", ("A", "B", "C"), max_size=2),
    Choice("kind", ("x", "y")),
    Range("size", 1, 3),
]
SPACE = SearchSpace(PARAMETERS)
CONSTRAINED = SearchSpace(PARAMETERS, ["size(codes) <= size"])
VALUES = st.one_of(st.floats(-3, 3), st.sampled_from([-1.0, 0.0, 1.0]), st.just(math.nan))


def make_table(indices, values, others=None, space=SPACE, direction="maximize"):
    """A table as a session would record it; a strategy without a value failed."""
    values = np.array(values, dtype=np.float64)
    figures = {FIGURE: values}
    if others is not None:
        figures[OTHER] = np.array(others, dtype=np.float64)
    return SessionTable(
        "session",
        space,
        {FIGURE: direction},
        np.arange(len(values)) + 7,
        space.digits(np.array(indices, dtype=np.int64)),
        np.where(np.isnan(values), 0, -1),
        ("insufficient_data",),
        figures,
    )


@st.composite
def tables(draw, space=SPACE, whole=False):
    """Some strategies of a space in any order, some of them failed."""
    indices = draw(st.permutations(range(len(space))))
    if not whole:
        indices = indices[: draw(st.integers(1, len(space)))]
    same = len(indices)
    values = draw(st.lists(VALUES, min_size=same, max_size=same))
    others = draw(st.lists(VALUES, min_size=same, max_size=same))
    direction = draw(st.sampled_from(["maximize", "minimize"]))
    return make_table(indices, values, others, space, direction)


def points(table):
    """Stored parameters and value of every strategy."""
    stored = [table.space.trial_params(p) for p in table.space.params_list(table.indices)]
    return list(zip(stored, table.figure().tolist(), strict=True))


def belongs(point, group):
    """Whether a strategy has the value of a group."""
    if group.contains:
        return group.value in point[group.parameter].split("_")
    return point[group.parameter] == group.value


def same(found, expected):
    return found == pytest.approx(expected, rel=1e-12, abs=1e-12, nan_ok=True)


def test_groups_of_subsets_are_the_codes_and_the_values():
    groups = value_groups_of(PARAMETERS[0])
    assert [group.label for group in groups] == [
        "with A", "with B", "with C", "A", "B", "C", "A_B", "A_C", "B_C",
    ]  # fmt: skip
    assert [group.label for group in value_groups_of(PARAMETERS[2])] == ["1", "2", "3"]
    only = PARAMETERS[0].restrict(["A", "A_B"])
    assert [group.label for group in value_groups_of(only)] == ["with A", "with B", "A", "A_B"]


@settings(deadline=None)
@given(tables())
def test_marginals_are_those_of_a_loop(table):
    found = marginals(table)
    assert [m.group.label for m in found] == [
        group.label for parameter in PARAMETERS for group in value_groups_of(parameter)
    ]
    for marginal in found:
        values = [
            value
            for point, value in points(table)
            if belongs(point, marginal.group) and not math.isnan(value)
        ]
        summary = marginal.summary
        assert summary.n == len(values)
        if not values:
            assert math.isnan(summary.median)
            continue
        ascending = sorted(values)
        assert same(summary.mean, sum(values) / len(values))
        assert summary.share_above_zero == sum(v > 0 for v in values) / len(values)
        assert (summary.smallest, summary.largest) == (ascending[0], ascending[-1])
        assert summary.best == ascending[-1 if table.direction() == "maximize" else 0]
        for share, quartile in (
            (0.25, summary.lower_quartile),
            (0.5, summary.median),
            (0.75, summary.upper_quartile),
        ):
            place = share * (len(ascending) - 1)
            below, above = ascending[math.floor(place)], ascending[math.ceil(place)]
            assert same(quartile, below + (place - math.floor(place)) * (above - below))
    assert marginals(table, parameters=["kind"])[0].group.label == "x"


def test_a_summary_of_nothing_says_so():
    nothing = summarise(np.array([np.nan]), "maximize")
    assert nothing.n == 0
    assert math.isnan(nothing.best)


def test_infinite_values_count_but_lie_in_no_quartile():
    spread = summarise(np.array([math.inf, 1.0, math.nan, 3.0, -math.inf]), "maximize")
    assert (spread.n, spread.share_above_zero) == (4, 0.75)
    assert (spread.smallest, spread.largest, spread.best) == (-math.inf, math.inf, math.inf)
    assert (spread.lower_quartile, spread.median, spread.upper_quartile) == (1.5, 2.0, 2.5)
    assert spread.mean == 2.0
    alone = summarise(np.array([-math.inf]), "maximize")
    assert (alone.n, alone.best) == (1, -math.inf)
    assert all(map(math.isnan, (alone.mean, alone.median, alone.lower_quartile)))


def test_infinite_values_improve():
    followed = follow_best(np.array([math.nan, -math.inf, -1.0, math.inf, math.inf]), "maximize")
    np.testing.assert_array_equal(followed.best, [math.nan, -math.inf, -1.0, math.inf, math.inf])
    assert followed.improved.tolist() == [1, 2, 3]


@settings(deadline=None)
@given(tables(), st.sampled_from([0.01, 0.1, 0.5, 1.0]))
def test_lift_is_that_of_a_loop(table, share):
    sign = 1 if table.direction() == "maximize" else -1
    measured = [(p, sign * v) for p, v in points(table) if not math.isnan(v)]
    ranked = sorted((v for _, v in measured), reverse=True)
    best = [p for p, v in measured if v >= ranked[math.ceil(share * len(ranked)) - 1]]
    assert best_mask(table, share=share).sum() == len(best)
    for lift in lifts(table, share=share):
        n = sum(belongs(p, lift.group) for p, _ in measured)
        n_best = sum(belongs(p, lift.group) for p in best)
        assert (lift.n, lift.n_best) == (n, n_best)
        if not n:
            assert math.isnan(lift.lift)
        else:
            assert same(lift.lift, (n_best / len(best)) / (n / len(measured)))


def test_a_share_is_one():
    with pytest.raises(ConfigError, match="above 0 and at most 1, got 0"):
        best_mask(make_table([0], [1.0]), share=0)


@settings(deadline=None)
@given(st.data(), st.sampled_from([SPACE, CONSTRAINED]))
def test_neighbours_are_those_of_single_points(data, space):
    table = data.draw(tables(space))
    value_of = dict(zip(table.indices.tolist(), table.figure().tolist(), strict=True))
    found = neighbourhoods_of(table)
    for row, index in enumerate(table.indices.tolist()):
        near = [value_of.get(i, math.nan) for i in one_step_neighbours(space, index).tolist()]
        near = sorted(value for value in near if not math.isnan(value))
        assert found.n[row] == len(near)
        if not near:
            assert np.isnan([found.median[row], found.best[row], found.worst[row]]).all()
            continue
        ends = near if table.direction() == "minimize" else near[::-1]
        assert (found.best[row], found.worst[row]) == (ends[0], ends[-1])
        assert same(found.median[row], float(np.median(near)))


def test_neighbours_in_a_space_of_which_little_was_visited():
    space = SearchSpace([Range("a", 1, 1000), Range("b", 1, 1000)])
    points = [(5, 5), (5, 6), (4, 5), (900, 3), (6, 5)]
    indices = [space.index({"a": a, "b": b}) for a, b in points]
    found = neighbourhoods_of(make_table(indices, [1.0, 2.0, 3.0, 4.0, 7.0], space=space))
    assert found.n.tolist() == [3, 1, 1, 0, 1]
    assert found.median.tolist()[:3] == [3.0, 1.0, 1.0]
    assert (found.best[0], found.worst[0]) == (7.0, 2.0)
    single = SearchSpace([Choice("only", ("x",))])
    assert neighbourhoods_of(make_table([0], [1.0], space=single)).n.tolist() == [0]


def plain_anova(table):
    """Functional ANOVA by loops: shares of every parameter and of every pair."""
    rows = points(table)
    grand = sum(v for _, v in rows) / len(rows)
    variance = sum((v - grand) ** 2 for _, v in rows) / len(rows)
    names = table.space.names

    def mean_of(**given):
        chosen = [v for p, v in rows if all(p[name] == x for name, x in given.items())]
        return sum(chosen) / len(chosen) - grand

    single, double = {}, {}
    for name in names:
        single[name] = sum(mean_of(**{name: p[name]}) ** 2 for p, _ in rows) / len(rows) / variance
    for a, b in combinations(names, 2):
        rest = [
            mean_of(**{a: p[a], b: p[b]}) - mean_of(**{a: p[a]}) - mean_of(**{b: p[b]})
            for p, _ in rows
        ]
        double[a, b] = sum(x**2 for x in rest) / len(rows) / variance
    return single, double


@settings(deadline=None, max_examples=25)
@given(st.lists(st.floats(-3, 3), min_size=36, max_size=36), st.permutations(range(36)))
def test_anova_of_a_full_grid_is_that_of_loops(values, order):
    values = np.round(values, 3)
    table = make_table(order, values)
    found = importance_of(table)
    if len(set(values.tolist())) == 1:
        assert found is None
        return
    single, double = plain_anova(table)
    assert (found.method, found.n) == (EXACT, 36)
    assert same(dict(found.parameters), single)
    assert same(dict(found.pairs), double)
    assert list(found.parameters.values()) == sorted(found.parameters.values(), reverse=True)


def test_anova_is_that_of_optuna_where_its_forest_learns_every_value():
    """It is exact if every tree sees every point, and each value stands in the middle of its part.

    Each point is there 30 times, so no tree's sample lacks one; the ranges reach half a step
    beyond the values, so the trees, which split half-way, give each value the same width.
    """
    space = SearchSpace([Range("a", 1, 4), Range("b", 1, 3), Range("c", 1, 2)])
    rng = np.random.default_rng(3)
    points = space.params_list(range(len(space)))
    values = [p["a"] ** 2 + 3 * p["b"] * p["c"] + rng.normal() for p in points]
    wide = {
        name: optuna.distributions.FloatDistribution(each.low - 0.5, each.high + 0.5)
        for name, each in space.distributions.items()
    }
    trials = [
        optuna.trial.create_trial(params=point, distributions=wide, value=value)
        for point, value in zip(points, values, strict=True)
        for _ in range(30)
    ]
    study = optuna.create_study()
    study.add_trials(trials)
    evaluator = optuna.importance.FanovaImportanceEvaluator(n_trees=2, seed=0)
    theirs = evaluator.evaluate(study)
    ours = importance_of(make_table(range(len(space)), values, space=space))
    assert ours.method == EXACT
    assert dict(ours.parameters) == pytest.approx(theirs, rel=1e-9)


def test_values_that_all_failed_leave_a_full_grid():
    values = np.arange(36.0) ** 2
    sizes = np.array([point["size"] for point in SPACE.params_list(range(36))])
    values[sizes == 3] = np.nan
    found = importance_of(make_table(range(36), values))
    assert (found.method, found.n) == (EXACT, 24)
    assert sum(found.parameters.values()) + sum(found.pairs.values()) <= 1 + 1e-12


def even_sample(n, seed, **fields):
    """Strategies of a space of 1,200 chosen by chance, their exact importance, and theirs."""
    space = SearchSpace([Range("a", 1, 20), Range("b", 1, 20), Choice("kind", ("x", "y", "z"))])
    points = space.params_list(range(len(space)))
    rng = np.random.default_rng(seed)
    values = np.array(
        [p["a"] + 0.05 * p["a"] * p["b"] + 4 * (p["kind"] == "z") for p in points]
    ) + rng.normal(size=len(space))
    exact = importance_of(make_table(range(len(space)), values, space=space))
    chosen = rng.permutation(len(space))[:n]
    table = make_table(chosen, values[chosen], space=space)
    return exact, importance_of(dataclasses.replace(table, **fields))


def test_importance_of_a_planned_sample_is_close_to_the_exact_one():
    errors = []
    for seed in range(20):
        exact, found = even_sample(400, seed, is_planned=True)
        assert (exact.method, found.method, found.n) == (EXACT, ESTIMATED, 400)
        assert next(iter(found.parameters)) == next(iter(exact.parameters)) == "a"
        errors += [found.parameters[name] - exact.parameters[name] for name in exact.parameters]
        # 400 strategies are too few for the 400 pairs of a and b
        assert set(found.pairs) == {("a", "kind"), ("b", "kind")}
    assert abs(np.mean(errors)) < 0.01  # no bias: squared means alone would be 0.03 too large
    assert np.max(np.abs(errors)) < 0.1


def test_importance_of_nothing_but_chance_is_none():
    shares = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        values = rng.normal(size=36)[:30]
        table = make_table(rng.permutation(36)[:30], values)
        found = importance_of(dataclasses.replace(table, is_planned=True))
        shares.append(sum(found.parameters.values()))
    assert np.median(shares) < 0.1


def test_importance_of_a_search_by_results_is_estimated():
    space = SearchSpace([Range("a", 1, 20), Range("b", 1, 20), Choice("kind", ("x",))])
    values = np.array([point["a"] for point in space.params_list(range(len(space)))], dtype=float)
    values[7] = np.nan
    found = importance_of(make_table(range(400), values, space=space))
    assert (found.method, found.n, found.pairs) == (PED_ANOVA, 399, {})
    assert next(iter(found.parameters)) == "a"
    assert found.parameters["a"] > 0.8
    assert found.parameters["kind"] == 0
    assert importance_of(make_table([0, 1, 21], [1.0, 2.0, 3.0], space=space)) is None
    assert importance_of(make_table([0, 1], [np.nan, np.nan], space=space)) is None


@given(tables())
def test_best_so_far_is_that_of_a_loop(table):
    sign = 1 if table.direction() == "maximize" else -1
    best, expected, improved = math.nan, [], []
    for row, value in enumerate(table.figure().tolist()):
        if not math.isnan(value) and (math.isnan(best) or sign * value > sign * best):
            best = value
            improved.append(row)
        expected.append(best)
    found = best_so_far(table)
    np.testing.assert_array_equal(found.best, expected)
    assert found.improved.tolist() == improved


@given(tables(), st.integers(1, 7))
def test_in_against_out_of_sample_is_that_of_a_loop(table, n_bins):
    both = [
        (x, y)
        for x, y in zip(table.figure().tolist(), table.figure(OTHER).tolist(), strict=True)
        if not math.isnan(x) and not math.isnan(y)
    ]
    found = in_against_out(table, n_bins=n_bins)
    assert found.n == len(both) == found.counts.sum()
    counts = Counter()
    for x, y in both:
        cell = []
        for value, edges in ((x, found.edges_in.tolist()), (y, found.edges_out.tolist())):
            inside = [i for i in range(n_bins) if edges[i] <= value < edges[i + 1]]
            cell.append(inside[0] if inside else n_bins - 1)
        counts[tuple(cell)] += 1
    assert {cell: found.counts[cell] for cell in counts} == counts
    if both:
        assert (found.edges_in[0], found.edges_in[-1]) in (
            (min(x for x, _ in both), max(x for x, _ in both)),
            (both[0][0] - 0.5, both[0][0] + 0.5),  # of equal values
        )
    if len({x for x, _ in both}) > 1 and len({y for _, y in both}) > 1:
        expected = spearmanr(*zip(*both, strict=True)).statistic
        assert found.rank_correlation == pytest.approx(expected, abs=1e-9)
    else:
        assert math.isnan(found.rank_correlation)


@given(tables())
def test_distinct_groups_are_those_of_a_dictionary(table):
    numbers, expected = {}, []
    rows = zip(*(values.tolist() for values in table.figures.values()), strict=True)
    for failed, row in zip(table.failed.tolist(), rows, strict=True):
        key = tuple("none" if math.isnan(v) else v for v in row)
        expected.append(-1 if failed else numbers.setdefault(key, len(numbers)))
    found = distinct_groups(table)
    assert found.group.tolist() == expected
    assert found.n_strategies.tolist() == [expected.count(n) for n in range(len(numbers))]
    assert len(found) == len(numbers)


@pytest.fixture
def table(completed):
    return read_table(completed, ["total_return", "trade_count"])


def test_a_table_holds_what_was_recorded(completed, table):
    rows = {row["strategy_id"]: row for row in results_of(completed)}
    ids = completed.space.strategy_ids(table.indices)
    assert sorted(ids) == sorted(rows)
    for row, strategy_id in enumerate(ids):
        recorded = rows[strategy_id]
        for name in (FIGURE, "total_return", "trade_count"):
            expected = math.nan if recorded[name] is None else recorded[name]
            np.testing.assert_equal(table.figure(name)[row], expected)
        assert table.failed[row] == (recorded[FIGURE] is None)
    assert np.all(np.diff(table.row_ids) > 0)
    assert table.reasons == ("insufficient_data",)


def test_failures_are_counted_by_reason_and_value(completed, table):
    found = count_failures(table)
    assert (found.n, found.n_failed) == (432, completed.row.failed)
    assert found.reasons == {"insufficient_data": completed.row.failed}
    by_label = {(v.group.parameter, v.group.label): v for v in found.values}
    assert by_label["data_period", "10"].reasons == {}
    assert by_label["data_period", "140"].n == 216
    assert by_label["data_period", "140"].reasons == {"insufficient_data": completed.row.failed}
    assert by_label["factors", "with SR"].n == 216


def test_a_selection_is_a_table_again(table):
    some = table.select(~table.failed)
    assert len(some) == 432 - table.failed.sum()
    assert count_failures(some).n_failed == 0
    assert np.array_equal(some.indices, table.indices[~table.failed])


def test_a_session_without_results_answers(make_session):
    table = read_table(make_session(size=20), ["total_return"])
    assert len(table) == 0
    assert importance_of(table) is None
    assert summarise(table.figure(), "maximize").n == 0
    assert count_failures(table).n == 0
    assert len(distinct_groups(table)) == 0
    assert len(neighbourhoods_of(table).n) == 0
    assert len(best_so_far(table).best) == 0
    assert all(m.summary.n == 0 for m in marginals(table))
    assert all(math.isnan(lift.lift) for lift in lifts(table))


@pytest.mark.parametrize(
    ("method", "is_planned"),
    [("exhaustive", True), ("random", True), ("sobol", True), ("genetic", False), ("tpe", False)],
)
def test_a_table_knows_whether_results_led_the_search(make_session, method, is_planned):
    assert read_table(make_session(method=method, size=20)).is_planned is is_planned


def test_unknown_names_are_refused(completed, table):
    with pytest.raises(ConfigError, match="has no figure 'nothing'; it has final_balance"):
        read_table(completed, ["nothing"])
    with pytest.raises(ConfigError, match="unknown parameter 'nothing'; there are factors"):
        marginals(table, parameters=["nothing"])
    with pytest.raises(ConfigError, match="'turnover' was not read; read were net_sharpe_ratio"):
        lifts(table, "turnover")


def test_too_many_combinations_for_neighbours():
    space = SearchSpace([Range(f"p{i}", 1, 1_000_000) for i in range(4)])
    table = make_table([], [])
    too_large = SessionTable(
        "session", space, {FIGURE: "maximize"}, table.row_ids, table.digits, table.failures, (),
        {FIGURE: np.empty(0)},
    )  # fmt: skip
    with pytest.raises(SpaceError, match=r"2\*\*62 combinations"):
        neighbourhoods_of(too_large)


@given(st.lists(st.one_of(VALUES, st.just(math.inf), st.just(-math.inf)), max_size=40))
def test_a_histogram_counts_every_value_once(values):
    values = np.array(values, dtype=np.float64)
    found = histogram_of(values, 7)
    known = values[~np.isnan(values)]
    assert found.counts.sum() == len(known)
    for place in range(7):
        low, high = found.edges[place], found.edges[place + 1]
        is_last = place == 6
        inside = [v for v in np.clip(known, found.edges[0], found.edges[-1])
                  if low <= v < high or (is_last and v == high)]  # fmt: skip
        assert found.counts[place] == len(inside)
