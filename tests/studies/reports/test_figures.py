"""Figures say what the session says, also of odd sessions."""

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from search_spaces import Choice, Range, SearchSpace
from search_spaces.errors import ConfigError
from studies.analysis import EXACT, neighbourhoods_of, read_filter, robust_range
from studies.language import LANGUAGES, translate
from studies.reports import FIGURES, SessionData, draw_svg, figure_of, wealth_figure
from studies.reports.drawing import Bars, Cells, Columns, Line, Points, Rule
from studies.reports.figures.best_so_far import reached_by_chance
from studies.reports.figures.months import returns_by_period
from studies.reports.ticks import value_text
from tests.helpers.figures import SPACE, data_of, make_curve, make_table, whole_table

INFINITE = [math.inf, -math.inf, 1.0, math.nan]
HOSTILE = SearchSpace([Choice("a_" * 99 + "b", ("<script>", "{0}", "a" * 300)), Range("n", 1, 1)])


def layers_of(figure, kind):
    return [layer for panel in figure.panels for layer in panel.layers if isinstance(layer, kind)]


def names_of(axis):
    return [str(name) for name in axis.categories]


ODD = {
    "one strategy": data_of(make_table([0], [1.5])),
    "all failed": data_of(make_table(range(3), [math.nan] * 3)),
    "empty": data_of(make_table([], [])),
    "one value": data_of(make_table(range(len(SPACE)), [2.0] * len(SPACE))),
    "infinities": data_of(make_table(range(4), INFINITE, outside=INFINITE[::-1])),
    "only infinite": data_of(make_table(range(2), [math.inf, math.inf])),
    "huge": data_of(make_table(range(4), [8e307, -8e307, 1e-300, 0.0], outside=[8e307] * 4)),
    "own figure": data_of(whole_table(figure="loss<i>", direction="minimize")),
    "minimised": data_of(whole_table(figure="turnover", direction="minimize")),
    "a sample": data_of(make_table(range(0, len(SPACE), 2), np.arange(18.0))),
    "a planned sample": data_of(
        dataclasses.replace(make_table(range(30), np.arange(30.0) % 7), is_planned=True)
    ),
    "hostile names": data_of(
        make_table(range(3), [1.0, 2.0, math.nan], space=HOSTILE, reasons=("<b>{y}</b>" * 90,))
    ),
    "one parameter": data_of(
        make_table(range(40), np.arange(40.0), space=SearchSpace([Range("n", 1, 40)]))
    ),
    "two columns": data_of(whole_table(outside=np.arange(36.0))),
}


@pytest.mark.parametrize("name", FIGURES)
@pytest.mark.parametrize("odd", ODD)
def test_odd_sessions_are_drawn_in_both_languages(name, odd):
    figure = figure_of(ODD[odd], name)
    assert figure.name == name
    for language in LANGUAGES:
        for text in (figure.title, figure.note, figure.summary):
            assert text.in_language(language)
            assert not text.text or translate(text.text, "zh-Hant") != text.text
    drawn = draw_svg(figure)
    assert "nan" not in drawn.replace("<title>", "")
    assert "<script" not in drawn
    assert "<b>" not in drawn
    if not figure.panels:
        assert str(figure.note) == str(figure.summary)


def test_the_distribution_counts_every_strategy_once():
    table = whole_table()
    figure = figure_of(data_of(table), "distribution")
    (columns,) = layers_of(figure, Columns)
    assert columns.heights.sum() == (~table.failed).sum()
    (rule,) = layers_of(figure, Rule)
    assert rule.x == np.nanmax(table.figure())
    down = whole_table(direction="minimize")
    (rule,) = layers_of(figure_of(data_of(down), "distribution"), Rule)
    assert rule.x == np.nanmin(down.figure())


def test_far_tails_stand_in_the_outermost_columns():
    values = np.concatenate([np.linspace(0, 1, 2_000), [1e9, -1e9, math.inf]])
    space = SearchSpace([Range("n", 1, 3_000)])
    figure = figure_of(data_of(make_table(range(len(values)), values, space=space)), "distribution")
    (columns,) = layers_of(figure, Columns)
    assert -1 <= columns.edges[0] < columns.edges[-1] <= 2
    assert columns.heights.sum() == len(values)
    assert "1 strategies below" in str(figure.note)
    assert "2 above" in str(figure.note)
    low, high = robust_range(np.array([3.0, 4.0, 5.0]))
    assert (low, high) == (3.0, 5.0)
    assert robust_range(np.array([3.0])) == (2.5, 3.5)
    assert robust_range(np.array([-math.inf, math.inf])) == (-1.0, 1.0)


def test_a_filter_stands_before_all(completed):
    data = SessionData(completed, read_filter(completed, "window_size = 10"))
    everything, chosen = layers_of(figure_of(data, "distribution"), Columns)
    assert (everything.role, chosen.role) == ("muted", "first")
    assert (chosen.heights <= everything.heights).all()
    assert everything.heights.sum() == 3 * chosen.heights.sum()


def test_shares_of_importance_add_up(completed):
    data = SessionData(completed)
    figure = figure_of(data, "importance")
    assert data.importance.method == EXACT
    (bars,) = layers_of(figure, Bars)
    assert bars.values.sum() == pytest.approx(1.0)
    names = names_of(figure.panels[0].y)
    assert names[-1] == "three parameters and more"
    for name, share in data.importance.parameters.items():
        if name.replace("_", " ") in names:
            place = names.index(name.replace("_", " "))
            assert bars.values[place] == share
            assert bars.roles[place] == "first"
    assert {role for n, role in zip(names, bars.roles, strict=True) if "×" in n} == {"second"}


def test_a_sample_has_an_estimate():
    sample = data_of(make_table(range(0, 36, 1), [*np.arange(35.0), math.nan]))
    figure = figure_of(sample, "importance")
    assert "PED-ANOVA" in str(figure.note)
    assert "three parameters and more" not in names_of(figure.panels[0].y)


STATISTICS = {
    ("median", "maximize"): np.median,
    ("best", "maximize"): np.max,
    ("best", "minimize"): np.min,
    ("share", "maximize"): lambda values: float(np.mean(np.array(values) > 0)),
}


@pytest.mark.parametrize(("statistic", "direction"), STATISTICS)
@pytest.mark.parametrize(("x", "y"), [("kind", "window_size"), ("window_size", "factors")])
def test_cells_of_a_heat_map_are_those_of_a_loop(statistic, direction, x, y):
    table = whole_table(direction=direction)
    figure = figure_of(data_of(table), "heat_map", x=x, y=y, statistic=statistic)
    (cells,) = layers_of(figure, Cells)
    panel = figure.panels[0]
    points = list(zip(SPACE.params_list(table.indices), table.figure(), strict=True))

    def has(params, name, label):
        if name == "factors":
            return label.removeprefix("with ") in params["factors"]
        return str(params[name]) == label

    for row, down in enumerate(names_of(panel.y)):
        for column, across in enumerate(names_of(panel.x)):
            values = [
                value
                for params, value in points
                if has(params, x, across) and has(params, y, down) and value == value
            ]
            expected = STATISTICS[statistic, direction](values) if values else math.nan
            assert cells.values[row, column] == pytest.approx(expected, nan_ok=True)


def test_a_heat_map_shows_the_most_important_by_default(completed):
    data = SessionData(completed)
    first, second, *_ = data.importance.parameters
    figure = figure_of(data, "heat_map")
    panel = figure.panels[0]
    assert str(panel.x.label) == first.replace("_", " ")
    assert str(panel.y.label) == second.replace("_", " ")
    third = figure_of(data, "heat_map", x=second).panels[0]
    assert str(third.y.label) == first.replace("_", " ")


def test_a_heat_map_leaves_out_values_nobody_has_and_joins_many():
    space = SearchSpace([Range("n", 1, 1_000), Choice("kind", ("x", "y", "z"))])
    table = make_table(range(0, 3_000, 3), np.arange(1_000.0), space=space)
    figure = figure_of(data_of(table), "heat_map", x="n", y="kind")
    panel = figure.panels[0]
    assert names_of(panel.y) == ["x"]
    names = names_of(panel.x)
    assert len(names) == 30
    assert names[0].startswith("1 … ")
    assert names[-1].endswith(" … 1000")


@pytest.mark.parametrize(
    ("name", "options", "says"),
    [
        ("pie", {}, "no figure 'pie'; there are distribution, importance"),
        ("equity", {"x": "kind"}, "equity has no option 'x'; it has no options"),
        ("heat_map", {"z": 1}, "no option 'z'; it has x, y, statistic"),
        ("heat_map", {"x": "nothing"}, "unknown parameter 'nothing'"),
        ("heat_map", {"x": "kind", "y": "kind"}, "two different parameters, got 'kind' twice"),
        ("heat_map", {"statistic": "mean"}, "median, best or share, got 'mean'"),
    ],
)
def test_wrong_options_are_refused(name, options, says):
    with pytest.raises(ConfigError, match=says) as caught:
        figure_of(data_of(whole_table()), name, **options)
    assert "\n" not in str(caught.value)


def test_a_drawdown_is_shown_negative_and_the_least_is_the_best():
    values = np.abs(whole_table().figure())
    table = make_table(range(36), values, figure="max_drawdown", direction="minimize")
    data = data_of(table)
    figure = figure_of(data, "heat_map", statistic="best")
    (cells,) = layers_of(figure, Cells)
    assert np.nanmax(cells.values) == -np.nanmin(values)
    assert np.nanmax(cells.values) < 0
    best = value_text(float(np.nanmax(cells.values)), "fraction")
    assert str(figure.summary).endswith(f"with {best}.")
    with pytest.raises(ConfigError, match="never above 0"):
        figure_of(data, "heat_map", statistic="share")


@pytest.mark.parametrize("direction", ["maximize", "minimize"])
def test_the_lonely_are_worse_beside_by_a_standard_deviation(direction):
    table = whole_table(seed=3, direction=direction)
    figure = figure_of(data_of(table), "plateau")
    spread, median = np.nanstd(table.figure()), neighbourhoods_of(table).median
    sign = 1 if direction == "maximize" else -1
    ids = SPACE.strategy_ids(table.indices)
    expected = {
        ids[row]: sign * (value - median[row]) > spread
        for row, value in enumerate(table.figure())
        if value == value and median[row] == median[row]
    }
    found = {name: points.role == "bad" for points in layers_of(figure, Points)
             for name in points.names}  # fmt: skip
    assert found == expected
    assert {True, False} == set(expected.values())
    assert str(figure.summary).startswith(f"{sum(expected.values())} of the best {len(expected)} ")


def test_wealth_has_the_basket_the_split_and_drawdowns():
    figure = figure_of(
        data_of(whole_table(), (make_curve("A"), make_curve("B")), "2024-02-01"), "equity"
    )
    wealth, falls = figure.panels
    lines = [layer for layer in wealth.layers if isinstance(layer, Line)]
    assert [str(line.name) for line in lines] == [
        "basket: every pair alike, without fees", "A", "B",
    ]  # fmt: skip
    assert [line.role for line in lines] == ["basket", "first", "second"]
    below = [layer for layer in falls.layers if isinstance(layer, Line)][1].y
    assert below == pytest.approx([0.0, 0.0, -0.1, 0.0])
    (rule,) = [layer for layer in wealth.layers if isinstance(layer, Rule)]
    assert rule.x == np.datetime64("2024-02-01")
    assert str(rule.name) == "unseen from 2024-02-01"
    assert "at most 10.0 % below" in str(figure.summary)
    for split in (None, "auto", "2024-01-30", "2025-01-01"):
        assert not layers_of(wealth_figure([make_curve()], split), Rule)


def test_without_curves_the_reason_is_said():
    data = data_of(whole_table())
    for name in ("equity", "months"):
        figure = figure_of(data, name)
        assert figure.panels == ()
        assert str(figure.note) == "No curves: no strategy was measured"


def test_months_are_compounded_from_the_first_day():
    found = returns_by_period(make_curve(wealth=[100.0, 110.0, 99.0, 121.0]).equity)
    assert [str(period) for period in found.index] == ["2024-01", "2024-02"]
    assert found.tolist() == pytest.approx([0.1, 0.1])
    wealth = np.cumprod(np.full(366 * 5, 1.001))
    long = returns_by_period(make_curve(wealth=wealth).equity)
    assert str(long.index[0]) == "2024Q1"
    assert (1 + long).prod() == pytest.approx(wealth[-1] / wealth[0])
    figure = figure_of(data_of(whole_table(), (make_curve(wealth=[1.0, 2.0, 1.0]),)), "months")
    (bars,) = layers_of(figure, Bars)
    assert bars.values.tolist() == [1.0, -0.5]
    assert bars.roles == ("first", "bad")


def test_in_against_out_counts_all_and_says_the_correlation():
    values = np.random.default_rng(1).normal(size=36)
    figure = figure_of(data_of(make_table(range(36), values, outside=2 * values)), "in_against_out")
    (cells,) = layers_of(figure, Cells)
    assert np.nansum(cells.values) == 36
    assert cells.values.shape == (40, 40)
    assert not (np.nan_to_num(cells.values) > 0)[np.tri(40, k=-2, dtype=bool)].any()
    assert "Rank correlation: 1.00." in str(figure.note)
    assert "no out-of-sample days" in str(figure_of(data_of(whole_table()), "in_against_out").note)


@pytest.mark.parametrize("direction", ["maximize", "minimize"])
def test_best_so_far_is_the_best_of_all_before(direction):
    table = whole_table(direction=direction)
    figure = figure_of(data_of(table), "best_so_far")
    _, line = layers_of(figure, Line)
    best = np.fmax if direction == "maximize" else np.fmin
    so_far = best.accumulate(table.figure())
    for n, value in zip(line.x, line.y, strict=True):
        assert value == so_far[int(n) - 1]
    assert line.x[-1] == len(table)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.one_of(st.floats(-9, 9), st.just(math.nan)), min_size=1, max_size=30),
       st.integers(1, 5))  # fmt: skip
def test_half_of_all_draws_reach_what_chance_reaches(values, n):
    values = np.array(values)
    (found,) = reached_by_chance(values, "maximize", np.array([float(n)]))
    drawn = np.sort(np.where(np.isnan(values), -np.inf, values))
    share = 1 - ((drawn < found).mean() if found == found else 1.0) ** n
    if found == found:
        assert share >= 0.5 - 1e-9
        above = drawn[drawn > found]
        assert not above.size or 1 - (drawn < above.min()).mean() ** n <= 0.5 + 1e-9
    else:
        assert 1 - np.isneginf(drawn).mean() ** n <= 0.5 + 1e-9


def test_failures_by_reason_and_value():
    values = np.arange(36.0)
    x = SPACE.digits(np.arange(36))[:, 2] == 1
    values[x] = math.nan
    values[0] = math.nan
    reasons = ("timeout", "insufficient_data", "own <reason>")
    table = make_table(range(36), values, reasons=reasons)
    by_reason, by_value = figure_of(data_of(table), "failures").panels
    (bars,) = by_reason.layers
    assert bars.values.sum() == 13
    assert set(names_of(by_reason.y)) <= {"took too long", "insufficient data", "own <reason>"}
    (bars,) = by_value.layers
    assert names_of(by_value.y)[0] == "window size: 2"
    assert bars.values[0] == 1.0
    assert (np.diff(bars.values) <= 0).all()


def test_lift_is_how_much_more_often_the_best_have_a_value():
    values = np.zeros(36)
    values[SPACE.digits(np.arange(36))[:, 1] == 1] = 1.0
    figure = figure_of(data_of(make_table(range(36), values)), "lift")
    (bars,) = layers_of(figure, Bars)
    found = dict(zip(names_of(figure.panels[0].y), bars.values, strict=True))
    assert (found["kind: x"], found["kind: y"]) == (0.0, 2.0)
    assert found["factors: with A"] == 1.0
    assert "factors: A_B" not in found
    many = make_table(range(500), np.arange(500.0), space=SearchSpace([Range("n", 1, 500)]))
    figure = figure_of(data_of(many), "lift")
    assert len(layers_of(figure, Bars)[0].values) == 40
    assert "Left out: 460 values" in str(figure.note)
