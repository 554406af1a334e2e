"""The best results of a session in the user's tables: once, resumable, gone with it."""

import pytest
import sqlalchemy as sa

from search_spaces.errors import ConfigError, SessionError, StorageError
from studies.analysis import CONFIGURED, result_row, save_best, save_detail, top
from studies.analysis import saved_backtest as module
from studies.analysis.one_strategy import recompute
from studies.database import backtest_results, backtest_trades, strategy_ranking
from studies.sessions import build_objective
from studies.upkeep import delete_session


def rows(session, table, *columns):
    query = sa.select(*[table.c[name] for name in columns]).order_by(table.c.id)
    with session.engine.connect() as connection:
        return [tuple(row) for row in connection.execute(query)]


def test_the_best_distinct_ones_with_their_last_ranking(completed):
    prepared = build_objective(completed)
    prepared.prepare()
    saved = save_best(completed, 4, objective=prepared)
    best = top(completed, 4)
    assert [each.strategy_name for each in saved] == best["strategy_id"].tolist()
    results = rows(completed, backtest_results, "backtest_id", "final_balance", "total_trades")
    assert results == [
        (f"{completed.row.session_id}_{row.strategy_id}", row.final_balance, row.trade_count)
        for row in best.itertuples()
    ]
    end = str(completed.config.backtest["end_date"])
    assert {date for (date,) in rows(completed, strategy_ranking, "date")} == {end}
    assert len(rows(completed, strategy_ranking, "id")) == sum(one.n_rankings for one in saved)
    columns = ("backtest_id", "trade_date", "action", "amount")
    trades = rows(completed, backtest_trades, *columns)
    assert len(trades) == sum(one.n_trades for one in saved)
    # whether the factor values of the session were there does not change a figure
    again = save_best(completed, 4, again=True)
    assert again == saved
    assert (
        rows(completed, backtest_trades, "backtest_id", "trade_date", "action", "amount") == trades
    )
    assert save_best(completed, 1, all_dates=True, again=True)[0].n_rankings > saved[0].n_rankings


def test_what_was_cut_off_is_written_by_the_next_call(completed, monkeypatch):
    insert, calls = module._insert_result, []

    def killed(*args):
        calls.append(args)
        if len(calls) == 2:
            raise KeyboardInterrupt
        insert(*args)

    monkeypatch.setattr(module, "_insert_result", killed)
    with pytest.raises(KeyboardInterrupt):
        save_best(completed, 3)
    assert len(rows(completed, backtest_results, "id")) == 1
    names = top(completed, 3)["strategy_id"].tolist()
    assert [one.strategy_name for one in save_best(completed, 3)] == names[1:]
    assert save_best(completed, 3) == []
    saved = {name for (name,) in rows(completed, backtest_trades, "backtest_id")}
    assert len(saved) == 3
    n_trades = len(rows(completed, backtest_trades, "id"))
    save_best(completed, 3, again=True)
    assert len(rows(completed, backtest_trades, "id")) == n_trades


def test_two_processes_that_save_the_same_do_not_mix(completed, monkeypatch):
    insert = module._insert_result

    def late(connection, values, n_trades):
        other = backtest_trades.insert().values(backtest_id=values["backtest_id"])
        connection.execute(other)
        insert(connection, values, n_trades)

    monkeypatch.setattr(module, "_insert_result", late)
    with pytest.raises(StorageError, match="another process was saving"):
        save_best(completed, 1)
    assert rows(completed, backtest_results, "id") == []


def test_they_go_with_their_session_and_nothing_else_does(completed):
    save_best(completed, 2)
    name = top(completed, 1)["strategy_id"].iloc[0]
    found = recompute(completed, result_row(completed, name))
    save_detail(completed.engine, CONFIGURED, name, found.objective, found.result, rankings="none")
    # an id that begins alike, if _ stood for any letter
    similar = completed.row.session_id.replace("_", "x") + "_" + name
    with completed.engine.begin() as connection:
        connection.execute(backtest_trades.insert().values(backtest_id=similar))
    n_rankings = len(rows(completed, strategy_ranking, "id"))
    delete_session(completed.engine, completed.row.session_id)
    assert rows(completed, backtest_results, "backtest_id") == [(f"{CONFIGURED}_{name}",)]
    kept = {name for (name,) in rows(completed, backtest_trades, "backtest_id")}
    assert kept == {f"{CONFIGURED}_{name}", similar}
    assert len(rows(completed, strategy_ranking, "id")) == n_rankings > 0


def test_sessions_that_have_none(make_session):
    own = make_session(
        size=6,
        parameters={"lookback": {"choice": [5, 10]}, "n_held": {"choice": [2, 3, 4]}},
        objective={"type": "objectives.examples.momentum:MomentumObjective"},
    )
    own.run()
    with pytest.raises(ConfigError, match="keeps no rankings and trades"):
        save_best(own, 3)


def test_a_changed_market_is_refused(completed):
    with completed.engine.begin() as connection:
        connection.execute(sa.text("UPDATE return_metrics SET return_1d = 1.5 * return_1d"))
    with pytest.raises(SessionError, match="changed since"):
        save_best(completed, 1)
