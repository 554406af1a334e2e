"""What an earlier system left in its queue: planned once, measured row by row, finished."""

import contextlib
import json
import os
import signal
import sqlite3

import pytest
import sqlalchemy as sa

from objectives import BacktestSettings, FactorBacktest, ReturnPanel
from search_spaces import StrategyParams
from search_spaces.errors import NoMarketError, SessionError, SpaceError
from studies import Session, TuningConfig
from studies.cli.app import run
from studies.database import strategy_queue, tuning_sessions, work_chunks, write_transaction
from studies.planning import plan_earlier
from studies.runs import Stop
from studies.sessions import (
    Snapshot,
    check_can_run,
    list_sessions,
    open_database,
    queued_strategy,
)
from studies.upkeep.check_database import check_database
from studies.workers import earlier_task
from tests.helpers.earlier_system import SESSIONS, build_earlier_database

on_sqlite = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
PARAMETERS = {
    "factors": ["SR", "TR"],
    "window_size": 10,
    "rebalance_frequency": 7,
    "data_period": 20,
    "selection_count": 4,
    "weight_method": "equal",
}
SESSION = "session_20250702_143022_9432"


def columns_of(file, table, names):
    with contextlib.closing(sqlite3.connect(file)) as connection:
        return connection.execute(f"SELECT {names} FROM {table} ORDER BY id").fetchall()


@pytest.fixture
def old(tmp_path, monkeypatch):
    """The file of an earlier system, in the current folder."""
    monkeypatch.chdir(tmp_path)
    return build_earlier_database(tmp_path / "funding_rate.db")


@pytest.fixture
def queued(url):
    """Make a session as an earlier system left it, with these rows in its queue."""
    engines = []

    def make(*rows, status="running", **columns):
        engine = open_database(url)
        engines.append(engine)
        with write_transaction(engine) as connection:
            connection.execute(
                tuning_sessions.insert().values(
                    session_id=SESSION, mode="sampling", status=status, **columns
                )
            )
            connection.execute(
                strategy_queue.insert(),
                [
                    {"session_id": SESSION, "strategy_id": name, "strategy_config": config}
                    | {"status": state}
                    for name, config, state in rows
                ],
            )
        return Session.open(url, SESSION, engine=engine)

    yield make
    for engine in engines:
        engine.dispose()


def states_of(session):
    table = strategy_queue.c
    query = sa.select(table.strategy_id, table.status, table.error_message).order_by(table.id)
    with session.engine.connect() as connection:
        return [tuple(row) for row in connection.execute(query)]


def test_every_session_is_resumed_and_finished(old, capfd):
    names = "session_id, strategy_id, strategy_config, status, error_message"
    queue = columns_of(old, "strategy_queue", names)
    columns = "session_id, strategy_id, sharpe_ratio, total_return, raw_result, weight_method"
    results = columns_of(old, "hyperparameter_tuning_results", columns)
    market = sqlite3.connect(old)
    with contextlib.closing(market):
        returns = market.execute("SELECT * FROM return_metrics").fetchall()

    for session_id, (status, _) in SESSIONS.items():
        options = {"paused": ["--resume"], "failed": ["--parallel", "2"]}.get(status, [])
        code = run(["execute", "--session", session_id, *options])
        told = capfd.readouterr()
        assert code == 0, told
        if status != "completed":
            assert "begun by an earlier system and resumed here" in told.out + told.err
    assert run(["execute"]) == 2
    assert "7 of an earlier one" in capfd.readouterr().err

    engine = open_database(f"sqlite:///{old}")
    for row in list_sessions(engine):
        _, states = SESSIONS[row.session_id]
        assert (row.status, row.total, row.pending) == ("completed", len(states), 0)
        assert row.failed >= states.count("f")
    left = [row for row in queue if row[3] in ("pending", "running")]
    after = dict(zip(queue, columns_of(old, "strategy_queue", names), strict=True))
    assert all(after[row] == row for row in queue if row not in left)
    assert {after[row][3] for row in left} == {"completed", "failed"}
    said = {after[row][4] for row in left}
    assert "strategy_config does not say window_size" in said
    assert "strategy_config is not JSON: 'not JSON'" in said
    assert "no_market_caps" in said
    found = columns_of(old, "hyperparameter_tuning_results", columns)
    assert found[: len(results)] == results
    with contextlib.closing(sqlite3.connect(old)) as connection:
        assert connection.execute("SELECT * FROM return_metrics").fetchall() == returns

    objective = FactorBacktest(ReturnPanel.from_database(engine), BacktestSettings())
    completed = {row[:2] for row in left if after[row][3] == "completed"}
    assert completed == {row[:2] for row in found[len(results) :] if row[2] is not None}
    for session_id, strategy_id in sorted(completed):
        session = Session.open("", session_id, engine=engine)
        (config,) = [row[2] for row in queue if row[:2] == (session_id, strategy_id)]
        objective = FactorBacktest(
            objective.panel, BacktestSettings.from_dict(session.config.backtest)
        )
        expected = objective.run(queued_strategy(config)).metrics["sharpe_ratio"]
        ((sharpe, weights),) = [
            (row[2], row[5]) for row in found if row[:2] == (session_id, strategy_id)
        ]
        assert sharpe == pytest.approx(expected, rel=1e-12)
        assert weights in ("EQ", "FS")
    counts = [each for each in check_database(engine, quick=True) if each.check == "counts"]
    assert [each.level for each in counts] == ["ok"]
    engine.dispose()


def test_rows_are_sorted_once(queued, url):
    text = json.dumps(PARAMETERS)
    session = queued(
        ("new", text, "pending"),
        ("gone", text, "running"),
        ("done", text, "completed"),
        ("lacking", "{}", "pending"),
        ("unknown", json.dumps(PARAMETERS | {"factors": ["XX"]}), "pending"),
        config_data=json.dumps({"theirs": 1}),
        completed_strategies=77,
    )
    with pytest.raises(SessionError, match=r"mass-tuning execute --session session_20250702"):
        session.run()
    config = TuningConfig(database=url, backtest={"fee_rate": 0.0005})
    assert plan_earlier(session, config) == 2
    assert plan_earlier(session, TuningConfig(database=url)) == 0  # it is planned
    row = session.row
    assert (row.status, row.total, row.completed, row.failed) == ("created", 5, 1, 2)
    assert row.is_of_earlier_system
    assert json.loads(str(row.snapshot.earlier_text)) == {"theirs": 1}
    assert session.config.backtest["fee_rate"] == 0.0005
    assert session.run().done == 5
    states = {name: (state, why) for name, state, why in states_of(session)}
    assert states["new"] == states["gone"] == ("completed", None)
    assert states["lacking"][1].startswith("strategy_config does not say factors, window_size")
    assert states["unknown"][1].startswith("unknown factor 'XX'")
    assert session.row.status == "completed"
    frame = session.top(all_names=True)
    assert frame["strategy_id"].tolist() == ["gone", "new"]
    assert frame["sharpe_ratio"].notna().all()


def test_a_session_that_says_nothing_fails_row_by_row_without_a_market(queued, url):
    session = queued(("a", None, "pending"), ("b", "[1]", "running"))
    with write_transaction(session.engine) as connection:
        connection.exec_driver_sql("DELETE FROM return_metrics")
    assert plan_earlier(session, TuningConfig(database=url)) == 2
    row = session.row
    assert (row.status, row.total, row.failed) == ("completed", 2, 2)
    assert row.snapshot.resumed_with is None


def test_without_a_market_nothing_is_changed(queued, url):
    session = queued(("a", json.dumps(PARAMETERS), "pending"), ("b", None, "pending"))
    with write_transaction(session.engine) as connection:
        connection.exec_driver_sql("DELETE FROM return_metrics")
    before, row = states_of(session), session.row
    with pytest.raises(NoMarketError):
        plan_earlier(session, TuningConfig(database=url))
    assert states_of(session) == before
    assert session.refresh() == row


def test_what_the_results_hold_already_is_not_measured_again(old):
    with contextlib.closing(sqlite3.connect(old)) as connection:
        (name,) = SESSIONS.keys() & {"session_20250701_100000_0002"}
        connection.execute(
            "UPDATE strategy_queue SET status = 'running' WHERE id ="
            " (SELECT min(id) FROM strategy_queue WHERE session_id = ?)",
            (name,),
        )
        connection.execute(
            "INSERT INTO strategy_queue (session_id, strategy_id, strategy_config, status)"
            " VALUES (?, 'twice', ?, 'pending'), (?, 'twice', ?, 'pending')",
            (name, json.dumps(PARAMETERS), name, json.dumps(PARAMETERS)),
        )
        connection.commit()
    engine = open_database(f"sqlite:///{old}")
    session = Session.open("", name, engine=engine)
    plan_earlier(session, TuningConfig(database=f"sqlite:///{old}"))
    assert session.run().done == 12
    states = [row for row in states_of(session) if row[0] in ("SR_W30_7D_D90_S10_FA_10", "twice")]
    assert states[0][1:] == ("completed", None)
    assert [state for _, state, _ in states[1:]] == ["completed", "failed"]
    assert states[2][2].startswith("the queue holds it twice, first in row ")
    engine.dispose()


@on_sqlite
def test_killed_and_paused_it_goes_on(queued, url):
    rows = [
        (f"s{n}", json.dumps(PARAMETERS | {"window_size": 5 + n}), "pending") for n in range(12)
    ]
    session = queued(*rows)
    config = TuningConfig(database=url, execution={"chunk_size": 2})
    plan_earlier(session, config)
    session.engine.dispose()
    pid = os.fork()
    if pid == 0:  # pragma: no cover
        complete, n = earlier_task._complete_rows, []

        def fatal(connection, outcome):
            complete(connection, outcome)
            n.append(outcome)
            if len(n) == 2:
                os.kill(os.getpid(), signal.SIGKILL)

        earlier_task._complete_rows = fatal
        Session.open(url, SESSION).run(parallel=1)
        os._exit(3)
    assert os.WTERMSIG(os.waitpid(pid, 0)[1]) == signal.SIGKILL
    assert [state for _, state, _ in states_of(session)].count("completed") == 2
    stop = Stop()
    session.run(stop=stop, on_progress=lambda progress: stop.set())
    assert session.row.status == "paused"
    with pytest.raises(SessionError, match="is paused"):
        session.run()
    session.run(resume=True)
    assert session.row.status == "completed"
    assert [row[1] for row in states_of(session)] == ["completed"] * 12
    assert sorted(session.top(20, all_names=True)["strategy_id"]) == sorted(r[0] for r in rows)


def test_two_that_plan_at_once_plan_once(queued, url):
    session = queued(("a", json.dumps(PARAMETERS), "pending"))
    other = Session.open(url, SESSION, engine=session.engine)
    other.refresh = lambda: other.row  # it has read the row before the first one wrote it
    plan_earlier(session, TuningConfig(database=url))
    plan_earlier(other, TuningConfig(database=url, backtest={"fee_rate": 0.0}))
    assert session.refresh().snapshot.resumed_with["backtest"]["fee_rate"] != 0.0
    chunks = sa.select(sa.func.count()).select_from(work_chunks)
    with session.engine.connect() as connection:
        assert connection.execute(chunks).scalar_one() == 2


def test_it_is_of_the_version_it_was_resumed_under(queued, url):
    session = queued(("a", json.dumps(PARAMETERS), "pending"))
    plan_earlier(session, TuningConfig(database=url))
    document = json.loads(session.row.snapshot.to_json()) | {"semantics": 1}
    with write_transaction(session.engine) as connection:
        connection.execute(tuning_sessions.update().values(config_data=json.dumps(document)))
    session.refresh()
    assert any("version 1 of the strategy definition" in w for w in session.row.snapshot.warnings)
    with pytest.raises(SessionError, match="created under version 1"):
        check_can_run(session)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, {"weight_method": "EQ"}),
        ({"weight_method": "inverse_cap"}, {"weight_method": "IC"}),
        ({"weight_method": "factor_strength"}, {"weight_method": "FS"}),
        ({"weight_method": "fs"}, {"weight_method": "FS"}),
        ({"factors": "TR_SR"}, {"weight_method": "EQ"}),
        ({"window_size": "10", "data_period": 20.0}, {"weight_method": "EQ"}),
        ({"selection_count": 0}, {"selection_count": 0, "weight_method": "EQ"}),
    ],
)
def test_a_queued_strategy_is_read(change, expected):
    values = PARAMETERS | expected
    values["factors"] = tuple(values["factors"])
    assert queued_strategy(json.dumps(PARAMETERS | change)) == StrategyParams(**values)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, "is not JSON: ''"),
        ("{'factors'", "is not JSON"),
        ("[1, 2]", "is no JSON object"),
        ("{}", "does not say factors, window_size"),
        (json.dumps(PARAMETERS | {"window_size": None}), "does not say window_size"),
        (json.dumps(PARAMETERS | {"window_size": 0}), "window_size is an integer >= 1"),
        (json.dumps(PARAMETERS | {"window_size": 2.5}), "window_size is an integer >= 1"),
        (json.dumps(PARAMETERS | {"factors": 5}), "factors is a tuple"),
        (json.dumps(PARAMETERS | {"factors": []}), "factors is a tuple"),
        (json.dumps(PARAMETERS | {"factors": [["SR"]]}), "a factor code has letters"),
        (json.dumps(PARAMETERS | {"factors": ["ZZ"]}), "'ZZ'"),
        (json.dumps(PARAMETERS | {"weight_method": "x"}), "weight_method is one of"),
    ],
)
def test_a_queued_strategy_that_says_too_little_is_refused(text, expected):
    with pytest.raises(SpaceError, match=expected):
        queued_strategy(text)


def test_a_snapshot_of_a_resumed_session_reads_back():
    written = Snapshot(
        chunk_size=3,
        semantics=2,
        warnings=("one",),
        resumed_with={"backtest": {}},
        earlier_text="theirs",
    )
    read = Snapshot.from_json(written.to_json())
    assert (read.chunk_size, read.semantics, read.config) == (3, 2, None)
    assert (read.resumed_with, read.earlier_text) == ({"backtest": {}}, "theirs")
    assert "one" in read.warnings
    assert read.warnings[0].startswith("begun by an earlier system")
