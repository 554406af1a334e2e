"""Filters: what is read, what is refused and where, and that a query and arrays agree."""

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from search_spaces import one_step_neighbours
from search_spaces.errors import ConfigError
from studies.analysis import (
    EXACT,
    Selection,
    export_results,
    pareto_front,
    read_filter,
    read_table,
    statistics_of,
    top,
)
from studies.analysis.filter_grammar import Among, Comparison, Junction, Name, parse_filter
from studies.database.tables import hyperparameter_tuning_results as results
from tests.helpers.sessions import results_of

NUMBERS = ("net_sharpe_ratio", "max_drawdown", "trade_count", "window_size", "selection_count")
SIGNS = ["<", "<=", ">", ">=", "=", "!="]


def selected(session, condition):
    """Strategy ids that a filter leaves, by the query."""
    query = sa.select(results.c.strategy_id).where(
        results.c.session_id == session.row.session_id, condition.clause()
    )
    with session.engine.connect() as connection:
        return sorted(connection.execute(query).scalars())


def masked(session, condition):
    """Strategy ids that a filter leaves, by the arrays."""
    table = read_table(session, condition.figures)
    return sorted(session.space.strategy_ids(table.indices[condition.mask(table)]))


def expected(session, keep):
    return sorted(row["strategy_id"] for row in results_of(session) if keep(row))


def test_the_sentence_of_the_issue(completed):
    condition = read_filter(completed, "max_drawdown < 0.005 and trade_count >= 3 AND turnover>2")
    kept = expected(
        completed,
        lambda row: (
            row["net_sharpe_ratio"] is not None
            and row["max_drawdown"] < 0.005
            and row["trade_count"] >= 3
            and row["turnover"] > 2
        ),
    )
    assert 0 < len(kept) < len(results_of(completed))
    assert selected(completed, condition) == masked(completed, condition) == kept
    assert condition.names == ("max_drawdown", "trade_count", "turnover")


@pytest.mark.parametrize(
    ("where", "keep"),
    [
        ("factors = 'DD_SR'", lambda r: r["factors"] == '["SR", "DD"]'),
        ("not factors in ('SR', \"SR_DD\")", lambda r: r["factors"] not in
            ('["SR"]', '["SR", "DD"]')),
        ("window_size in (5, 20) and weight_method != 'IC'",
            lambda r: r["window_size"] in (5, 20) and r["weight_method"] != "IC"),
        ("window_size not in (5)", lambda r: r["window_size"] != 5),
        ("10.5 > window_size", lambda r: r["window_size"] < 10.5),
        ("window_size = 10.5", lambda r: False),
        ("window_size in (10.5)", lambda r: False),
        ("window_size <= data_period", lambda r: r["window_size"] <= r["data_period"]),
        ("not (window_size = 5 or not selection_count == 3)",
            lambda r: r["window_size"] != 5 and r["selection_count"] == 3),
        ("window_size = 5 or window_size = 10 and selection_count = 3",
            lambda r: r["window_size"] == 5 or (r["window_size"] == 10 and
            r["selection_count"] == 3)),
        ("max_drawdown > -1e9", lambda r: r["max_drawdown"] is not None),
        ("not max_drawdown > -1e9", lambda r: False),
        ("max_drawdown != 7", lambda r: r["max_drawdown"] is not None),
        ("max_drawdown not in (7)", lambda r: r["max_drawdown"] is not None),
    ],
)  # fmt: skip
def test_what_is_left(completed, where, keep):
    condition = read_filter(completed, where)
    kept = expected(completed, keep)
    assert selected(completed, condition) == masked(completed, condition) == kept


def test_factors_and_what_is_left_out(completed):
    condition = read_filter(
        completed, "window_size > 5", factors=["SR", "DD"], without=["IC", "TR", "20"]
    )
    kept = expected(
        completed,
        lambda r: (
            r["factors"] == '["SR", "DD"]' and r["weight_method"] != "IC" and r["window_size"] == 10
        ),
    )
    assert kept
    assert selected(completed, condition) == masked(completed, condition) == kept
    assert condition.text == (
        "window_size > 5, with SR, with DD, without IC, without TR, without 20"
    )
    assert read_filter(completed) is None


@pytest.mark.parametrize(
    ("where", "at", "message"),
    [
        ("", 1, "a name, a number or a text in quotes is expected"),
        ("max_drawdown", 13, "one of < <= > >= = != in is expected"),
        ("max_drawdown <", 15, "a name, a number or a text"),
        ("max_drawdown < and 3", 16, "a name, a number or a text"),
        ("max_drawdown < 0.05 trade_count > 3", 21, "`and` or `or` is expected"),
        ("(max_drawdown < 0.05", 21, r"`\)` is expected"),
        ("max_drawdown < 0.05)", 20, "`and` or `or`"),
        ("weight_method = 'IC", 17, "this quote is not closed"),
        ("max_drawdown < 5 % 3", 18, "this has no meaning here"),
        ("max_drawdown < 5x", 16, "this has no meaning here"),
        ("1 < 2", 1, "two values are compared"),
        ("1 in (2)", 1, "a name is expected before `in`"),
        ("max_drawdown not < 3", 18, "`in` is expected"),
        ("window_size in (5, data_period)", 20, "a list holds numbers and texts"),
        ("window_size in ()", 17, "a name, a number or a text"),
        ("max_drawdwon < 3", 1, "unknown name 'max_drawdwon'.*did you mean max_drawdown"),
        ("xyz < 3", 1, "known are final_balance"),
        ("weight_method = IC", 17, r"unknown name 'IC' \(a text goes in quotes\)"),
        ("weight_method < 'IC'", 1, "weight_method is no number"),
        ("weight_method = factors", 1, "weight_method is no number"),
        ("weight_method = 'ic'", 1, "'ic' is not a value of weight_method: EQ, IC, FS"),
        ("factors in ('XX')", 1, "'XX' is not a value of factors"),
        ("weight_method = 3", 1, "3.0 is not a value"),
        ("max_drawdown < 'small'", 1, "max_drawdown is a number, got 'small'"),
        ("max_drawdown in ('small')", 1, "max_drawdown is a number, got 'small'"),
        ("oos_total_return > 0", 1, "nothing was measured out of sample"),
        ("(" * 200 + "max_drawdown < 3" + ")" * 200, 101, "more than 100 conditions"),
    ],
)
def test_what_cannot_be_read_is_pointed_at(completed, where, at, message):
    with pytest.raises(ConfigError, match=message) as caught:
        read_filter(completed, where)
    assert f"character {at}," in str(caught.value)
    assert "\n" not in str(caught.value)


def test_values_of_no_or_of_several_parameters(completed, make_session):
    with pytest.raises(ConfigError, match="unknown factor 'IC'; there are SR, DD, TR"):
        read_filter(completed, factors=["IC"])
    with pytest.raises(ConfigError, match="no parameter has the value 'nothing'"):
        read_filter(completed, without=["nothing"])
    with pytest.raises(
        ConfigError,
        match=r'5 is a value of window_size and of selection_count; .*--where "window_size != 5"',
    ):
        read_filter(completed, without=["5"])


def test_the_tree_of_a_text():
    assert parse_filter("not (a < 1 and b in ('x', 2))") == Junction(
        (Comparison(Name("a", 5), ">=", 1.0, 5), Among(Name("b", 15), ("x", 2.0), True)),
        every=False,
    )
    assert parse_filter("NOT a == -.5e1") == Comparison(Name("a", 4), "!=", -5.0, 4)


@st.composite
def filters(draw, depth=3):
    kind = draw(st.sampled_from(["compare", "in", "text", "not", "and", "or"]))
    if depth == 0 or kind == "compare":
        name, sign = draw(st.sampled_from(NUMBERS)), draw(st.sampled_from(SIGNS))
        other = draw(st.sampled_from(["0", "0.05", "3", "5", "10.0", "-1", *NUMBERS]))
        return f"{name} {sign} {other}"
    if kind == "in":
        return f"{draw(st.sampled_from(NUMBERS))} in (3, 5, 10, 0.5)"
    if kind == "text":
        return draw(st.sampled_from(["weight_method = 'IC'", "factors != 'SR_DD'"]))
    if kind == "not":
        return f"not ({draw(filters(depth=depth - 1))})"
    return f"({draw(filters(depth=depth - 1))} {kind} {draw(filters(depth=depth - 1))})"


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(where=filters())
def test_a_query_and_arrays_agree(completed, where):
    condition = read_filter(completed, where)
    assert selected(completed, condition) == masked(completed, condition)


def test_top_ranks_what_a_filter_leaves(completed):
    where = "weight_method = 'EQ' and window_size >= 10"
    rows = [
        row
        for row in results_of(completed)
        if row["net_sharpe_ratio"] is not None
        and row["weight_method"] == "EQ"
        and row["window_size"] >= 10
    ]
    every = completed.top(1000, where=where, all_names=True)
    assert sorted(every["strategy_id"]) == sorted(row["strategy_id"] for row in rows)
    assert every["net_sharpe_ratio"].is_monotonic_decreasing
    distinct = completed.top(1000, where=read_filter(completed, where))
    assert distinct["n_strategies"].sum() == len(rows)
    assert set(distinct["weight_method"]) == {"EQ"}
    assert distinct.index[0] == 1
    assert completed.top(3, where=where).equals(distinct.head(3))


def test_the_front_of_what_a_filter_leaves(make_session, tmp_path):
    session = make_session(
        objective={"metrics": {"net_sharpe_ratio": "maximize", "max_drawdown": "minimize"}}
    )
    session.run()
    condition = read_filter(session, "weight_method = 'FS'")
    front = pareto_front(session, all_names=True, where=condition)
    rows = [
        row
        for row in results_of(session)
        if row["weight_method"] == "FS" and row["net_sharpe_ratio"] is not None
    ]
    assert sorted(front["strategy_id"]) == sorted(
        row["strategy_id"]
        for row in rows
        if not any(
            other["net_sharpe_ratio"] >= row["net_sharpe_ratio"]
            and other["max_drawdown"] <= row["max_drawdown"]
            and (
                other["net_sharpe_ratio"] > row["net_sharpe_ratio"]
                or other["max_drawdown"] < row["max_drawdown"]
            )
            for other in rows
        )
    )
    assert set(top(session, 50, where=condition)["weight_method"]) == {"FS"}
    path = tmp_path / "front.csv"
    whole = pareto_front(session, all_names=True)
    smallest = float(whole["max_drawdown"].min())
    above = read_filter(session, f"max_drawdown > {smallest!r}")
    export_results(session, path, selection=Selection(pareto=True, where=above))
    kept = whole[whole["max_drawdown"] > smallest]["strategy_id"]
    assert sorted(pd.read_csv(path)["strategy_id"]) == sorted(kept)
    assert 0 < len(kept) < len(whole)
    assert list(statistics_of(session).figures)[:2] == ["net_sharpe_ratio", "max_drawdown"]


@pytest.mark.parametrize("direction", [None, "minimize"])
def test_top_by_neighbours_is_that_of_single_points(completed, direction):
    rows = results_of(completed)
    space = completed.space
    value_of = {space.index(space.parse(r["strategy_id"])): r["net_sharpe_ratio"] for r in rows}
    medians = {}
    for index, own in value_of.items():
        near = [value_of[i] for i in one_step_neighbours(space, index).tolist()]
        near = [value for value in near if value is not None]
        if near and own is not None:
            medians[space.strategy_id(index)] = float(np.median(near))
    sign = -1 if direction == "minimize" else 1
    frame = completed.top(1000, metric="neighbours", direction=direction, all_names=True)
    assert dict(zip(frame["strategy_id"], frame["neighbours"], strict=True)) == pytest.approx(
        medians
    )
    assert (sign * frame["neighbours"]).is_monotonic_decreasing
    better = sorted({sign * value for value in frame["neighbours"]}, reverse=True)
    assert [better[rank - 1] for rank in frame.index] == (sign * frame["neighbours"]).tolist()
    where = "weight_method = 'EQ'"
    distinct = completed.top(1000, metric="neighbours", direction=direction, where=where)
    chosen = frame[frame["weight_method"] == "EQ"]
    assert distinct["n_strategies"].sum() == len(chosen)
    figures = [name for name in completed.figures if name in frame]
    first = chosen.drop_duplicates(figures)
    assert distinct["strategy_id"].tolist() == first["strategy_id"].tolist()
    assert len(first) < len(chosen)
    few = completed.top(2, metric="neighbours", direction=direction, where=where)
    assert few.equals(distinct.head(2))


@pytest.mark.parametrize("ending", ["csv", "json"])
def test_an_export_of_what_a_filter_leaves(completed, tmp_path, ending):
    path = tmp_path / f"x.{ending}"
    where = "window_size > 5 and data_period = 140"
    columns = ["failure", "strategy_id", "total_return"]
    chosen = read_filter(completed, where)
    selection = Selection(where=chosen, columns=tuple(columns))
    n_rows = export_results(completed, path, selection=selection)
    kept = expected(completed, lambda r: r["window_size"] > 5 and r["data_period"] == 140)
    frame = pd.read_csv(path) if ending == "csv" else pd.read_json(path, lines=True)
    assert list(frame) == columns
    assert sorted(frame["strategy_id"]) == kept
    assert n_rows == len(kept)
    assert set(frame["failure"]) == {"insufficient_data"}


@pytest.mark.parametrize("all_names", [False, True])
def test_an_export_of_the_best_of_what_a_filter_leaves(completed, tmp_path, all_names):
    chosen = read_filter(completed, "weight_method = 'EQ'")
    listed = top(completed, 7, where=chosen, all_names=all_names)
    selection = Selection(n=7, where=chosen, all_names=all_names)
    assert export_results(completed, tmp_path / "x.csv", selection=selection) == 7
    frame = pd.read_csv(tmp_path / "x.csv")
    assert frame["strategy_id"].tolist() == listed["strategy_id"].tolist()
    assert frame["rank"].tolist() == listed.index.tolist()


def test_an_objective_of_ones_own(make_session, tmp_path):
    session = make_session(
        objective={
            "type": "objectives.examples.momentum:MomentumObjective",
            "metrics": {"net_sharpe_ratio": "maximize"},
        },
        parameters={"lookback": {"choice": [5, 10, 20, 40]}, "n_held": {"range": [1, 6]}},
    )
    session.run()
    by_figure = read_filter(session, "total_return > 0")
    assert selected(session, by_figure) == masked(session, by_figure)
    by_parameter = read_filter(session, "lookback > 5", without=["6"])
    points = [session.space.parse(strategy_id) for strategy_id in masked(session, by_parameter)]
    assert sorted((p["lookback"], p["n_held"]) for p in points) == [
        (lookback, n) for lookback in (10, 20, 40) for n in (1, 2, 3, 4, 5)
    ]
    for refused in (
        lambda: session.top(3, where="lookback > 5"),
        lambda: export_results(
            session, tmp_path / "x.csv", selection=Selection(where=by_parameter)
        ),
    ):
        with pytest.raises(ConfigError, match="lookback has no column to select by; name figures"):
            refused()
    with pytest.raises(ConfigError, match="unknown factor 'SR'; this space has no subsets"):
        read_filter(session, factors=["SR"])
    found = statistics_of(session, where=by_parameter, by="lookback")
    assert (found.n_recorded, found.n) == (24, 15)
    assert [value.n for value in found.by_value] == [0, 5, 5, 5]
    assert found.importance.method == EXACT


def test_statistics_are_those_of_the_table(completed):
    found = statistics_of(completed, where=read_filter(completed, factors=["SR"]), by="factors")
    rows = [row for row in results_of(completed) if '"SR"' in row["factors"]]
    good = [row for row in rows if row["net_sharpe_ratio"] is not None]
    assert (found.n_recorded, found.n, found.n_failed) == (432, len(rows), len(rows) - len(good))
    assert found.reasons == {"insufficient_data": found.n_failed}
    assert list(found.figures) == [
        "net_sharpe_ratio", "total_return", "max_drawdown", "win_rate",
    ]  # fmt: skip
    returns = [row["total_return"] for row in good]
    assert found.figures["total_return"].mean == pytest.approx(np.mean(returns))
    assert found.figures["max_drawdown"].best == min(row["max_drawdown"] for row in good)
    assert found.rank_correlation is None
    by_label = {value.group.label: value for value in found.by_value}
    assert by_label["with SR"].n == found.n
    assert by_label["DD"].n == 0
    two = by_label["SR_DD"]
    assert (two.n, two.n_failed) == (72, 36)
    mine = [row["win_rate"] for row in good if row["factors"] == '["SR", "DD"]']
    assert two.figures["win_rate"].median == pytest.approx(np.median(mine))
    with pytest.raises(ConfigError, match="unknown parameter 'window'"):
        statistics_of(completed, by="window")


def test_masks_want_the_figures_they_name(completed):
    condition = read_filter(completed, "turnover > 1")
    with pytest.raises(ConfigError, match="'turnover' was not read"):
        condition.mask(read_table(completed))
    assert np.array_equal(
        condition.mask(read_table(completed, ["turnover"])),
        read_table(completed, ["turnover"]).figure("turnover") > 1,
    )
