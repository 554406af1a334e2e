"""Distinct results: one for equal figures, held against a plain pandas groupby."""

import json
from unittest.mock import patch

import pandas as pd
import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from studies.database.tables import (
    METRIC_COLUMNS,
    OOS_METRIC_COLUMNS,
    create_result_indexes,
    hyperparameter_tuning_results,
    metadata,
)
from studies.outcomes import distinct_results as module
from studies.outcomes.distinct_results import (
    count_equal,
    distinct_front,
    read_distinct_results,
    simplicity,
)
from studies.outcomes.pareto_front import ParetoFront

FIGURES = list(METRIC_COLUMNS + OOS_METRIC_COLUMNS)
SUBSETS = [["SR"], ["TR"], ["SR", "DD"], ["SR", "DD", "TR"]]
FEW = st.sampled_from([0.5, -1.0, 2.0])
"""Few values, so that there are many ties."""

STRATEGIES = st.lists(
    st.fixed_dictionaries(
        {
            "factors": st.sampled_from(SUBSETS),
            "window_size": st.sampled_from([5, 20, 100]),
            "rebalance_frequency": st.sampled_from([1, 7]),
            "data_period": st.sampled_from([10, 20, 100]),
            "selection_count": st.sampled_from([3, 10]),
            "weight_method": st.sampled_from(["EQ", "FS"]),
            "net_sharpe_ratio": st.one_of(st.none(), FEW),
            "turnover": FEW,
            "avg_holding_days": st.sampled_from([None, 3.0]),
            "oos_total_return": st.sampled_from([0.1, -0.1]),
        }
    ),
    max_size=40,
)


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    made = sa.create_engine(f"sqlite:///{tmp_path_factory.mktemp('results')}/results.db")
    metadata.create_all(made)
    yield made
    made.dispose()


def write(connection, strategies, *, parameters=True):
    """Replace the results by those of a session, between rows of another one."""
    connection.execute(sa.delete(hyperparameter_tuning_results))
    rows = []
    for number, values in enumerate(strategies):
        row = dict.fromkeys(FIGURES) | values
        factors = "_".join(row["factors"])
        row["strategy_id"] = (
            f"{factors}_W{row['window_size']}_{row['rebalance_frequency']}D_D{row['data_period']}_"
            f"S{row['selection_count']}_{row['weight_method']}_{number}"
        )
        row["factors"] = json.dumps(row["factors"])
        if not parameters:
            row |= dict.fromkeys(module.PARAMETER_COLUMNS)
        rows.append({"session_id": "mine"} | row)
    other = [row | {"session_id": "other"} for row in rows]
    if rows:
        connection.execute(sa.insert(hyperparameter_tuning_results), [*rows, *other])
    return pd.DataFrame(rows, columns=["strategy_id", *module.PARAMETER_COLUMNS, *FIGURES])


def simple_key(row):
    if row["factors"] is None:
        return (row["strategy_id"],)
    return (
        len(json.loads(row["factors"])),
        row["window_size"],
        -row["rebalance_frequency"],
        row["data_period"],
        row["selection_count"],
        row["strategy_id"],
    )


def by_groupby(frame, metric, direction):
    """Name, number of strategies and rank of every distinct result, best first."""
    ranked = frame[frame[metric].notna()].copy()
    if ranked.empty:
        return []
    ranked["key"] = [simple_key(row) for row in ranked.to_dict("records")]
    sign = -1 if direction == "maximize" else 1
    ranked["rank"] = (sign * ranked[metric]).rank(method="dense").astype(int)
    # a text for each, because groupby does not merge missing values of mixed types
    text = ranked[FIGURES].astype(object).where(ranked[FIGURES].notna(), None).map(str)
    groups = ranked.groupby(text.agg("|".join, axis=1))
    merged = groups.agg(rank=("rank", "first"), key=("key", "min"), n=("key", "size"))
    merged = merged.sort_values(["rank", "key"])
    return [(key[-1], n, rank) for rank, key, n in merged.itertuples(index=False)]


@settings(deadline=None, max_examples=150)
@given(
    strategies=STRATEGIES,
    metric=st.sampled_from(["net_sharpe_ratio", "turnover", "avg_holding_days"]),
    direction=st.sampled_from(["maximize", "minimize"]),
    n=st.integers(1, 45),
    rows=st.integers(1, 12),
    parameters=st.booleans(),
)
def test_distinct_results_are_those_of_a_groupby(
    engine, strategies, metric, direction, n, rows, parameters
):
    with (
        engine.begin() as connection,
        patch.multiple(module, _FEWEST_ROWS=rows, _ROWS_PER_RESULT=1, _GROWTH=2),
    ):
        frame = write(connection, strategies, parameters=parameters)
        found = read_distinct_results(connection, "mine", metric, direction, n)
        ids = dict(
            connection.execute(
                sa.select(
                    hyperparameter_tuning_results.c.strategy_id,
                    hyperparameter_tuning_results.c.id,
                ).where(hyperparameter_tuning_results.c.session_id == "mine")
            ).all()
        )
        expected = by_groupby(frame, metric, direction)[:n]
        assert [(r.strategy_id, r.n_strategies, r.rank) for r in found] == expected
        assert [r.row_id for r in found] == [ids[r.strategy_id] for r in found]
        for result in found[:3]:
            record = dict(zip(FIGURES, result.figures, strict=True)) | {"session_id": "mine"}
            assert count_equal(connection, record, metric) == result.n_strategies


@settings(deadline=None, max_examples=100)
@given(strategies=STRATEGIES.filter(len), parameters=st.booleans())
def test_the_first_row_that_is_read_names_the_result(engine, strategies, parameters):
    equal = {"net_sharpe_ratio": 1.0, "turnover": None, "avg_holding_days": None}
    strategies = [values | equal | {"oos_total_return": -0.1} for values in strategies]
    with engine.begin() as connection, patch.multiple(module, _FEWEST_ROWS=1, _ROWS_PER_RESULT=1):
        frame = write(connection, strategies, parameters=parameters)
        (found,) = read_distinct_results(connection, "mine", "net_sharpe_ratio", "maximize", 1)
    assert found.strategy_id == min(map(simple_key, frame.to_dict("records")))[-1]
    assert found.n_strategies == len(strategies)


@settings(deadline=None, max_examples=60)
@given(strategies=STRATEGIES)
def test_a_front_of_distinct_results(engine, strategies):
    directions = {"net_sharpe_ratio": "maximize", "turnover": "minimize"}
    with engine.begin() as connection:
        frame = write(connection, strategies)
        every = ParetoFront.read(connection, "mine", directions)
        front, counts = distinct_front(connection, every)
    on_front = frame[frame["strategy_id"].isin(every.strategy_ids)]
    merged = by_groupby(on_front, "net_sharpe_ratio", "maximize")
    assert sorted(zip(front.strategy_ids, counts, strict=True)) == sorted(m[:2] for m in merged)
    rows = on_front.set_index("strategy_id", drop=False).loc[list(front.strategy_ids)]
    order = [
        (-row["net_sharpe_ratio"], row["turnover"], simple_key(row))
        for row in rows.to_dict("records")
    ]
    assert order == sorted(order)
    values = sorted(frame["net_sharpe_ratio"].dropna().unique(), reverse=True)
    assert list(front.ranks) == [values.index(value) + 1 for value in rows["net_sharpe_ratio"]]
    assert front.objectives[:, 0].tolist() == rows["net_sharpe_ratio"].tolist()


def test_an_index_changes_nothing(engine):
    strategies = [
        {
            "factors": ["SR"],
            "window_size": 5 + number,
            "rebalance_frequency": 1,
            "data_period": 10,
            "selection_count": 3,
            "weight_method": "EQ",
            "net_sharpe_ratio": float(number % 7),
        }
        for number in range(60)
    ]
    with engine.begin() as connection:
        write(connection, strategies)
        before = read_distinct_results(connection, "mine", "net_sharpe_ratio", "maximize", 4)
        create_result_indexes(connection)
        assert read_distinct_results(connection, "mine", "net_sharpe_ratio", "maximize", 4) == (
            before
        )
        connection.exec_driver_sql("DROP INDEX ix_results_net_sharpe_ratio")
    assert [result.n_strategies for result in before] == [8, 8, 8, 9]


def test_what_is_simpler():
    base = {
        "factors": ["SR", "DD"], "window_size": 30, "rebalance_frequency": 7,
        "data_period": 20, "selection_count": 5,
    }  # fmt: skip
    simpler = [
        {"factors": '["TR"]', "window_size": 300},
        {"window_size": 20, "rebalance_frequency": 1},
        {"rebalance_frequency": 14, "data_period": 100},
        {"data_period": 10, "selection_count": 10},
        {"selection_count": 3},
    ]
    keys = [simplicity("S", base | changes) for changes in simpler]
    assert keys == sorted(keys)
    assert keys[-1] < simplicity("A", base) < simplicity("B", base)
    assert simplicity("A", {}) < simplicity("B", {})
    # a row of an earlier system that lacks a number comes last
    for lacking in ({"window_size": None}, {"data_period": "ten"}, {"factors": None}):
        assert simplicity("B", base) < simplicity("A", base | lacking)
