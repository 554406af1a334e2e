"""A database of the earlier system: copied first, every row kept, and never worked on by itself."""

import json
import os
import signal
import sqlite3

import pandas as pd
import pytest

from search_spaces.errors import SessionError, StorageError
from studies.analysis import compare_sessions, result_row
from studies.cli.app import run
from studies.database import sqlite_copy
from studies.database.engine import create_engine
from studies.database.migrations import adoption
from studies.sessions import StoredSession, prepared_database
from studies.sessions.prepared_database import open_database, prepare_database
from tests.helpers.earlier_system import N_QUEUED, SESSIONS, build_earlier_database

SESSION = "session_20250701_090000_0001"
STRATEGY = "SR_W30_7D_D90_S0_EQ_0"


@pytest.fixture(params=["delete", "wal"])
def old(tmp_path, monkeypatch, request):
    monkeypatch.chdir(tmp_path)
    return build_earlier_database(tmp_path / "old.db", journal_mode=request.param)


def rows_of(file):
    """Rows of every table of the user's, and what the file says of its tables."""
    with sqlite3.connect(file) as connection:
        query = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        names = ["sqlite_master", *(name for (name,) in connection.execute(query))]
        found = {
            name: connection.execute(f"SELECT * FROM {name} ORDER BY rowid").fetchall()
            for name in names
        }
    connection.close()
    return found


def copies_in(folder):
    return sorted(folder.glob("*-before-adoption-*.db"))


def open_it(file):
    open_database(f"sqlite:///{file}").dispose()


def test_it_is_copied_before_it_is_changed(old, tmp_path):
    before = rows_of(old)
    open_it(old)
    (copy,) = copies_in(tmp_path)
    assert rows_of(copy) == before
    after = rows_of(old)
    for name, rows in before.items():
        if name == "sqlite_master":
            continue
        width = len(rows[0])
        assert [row[:width] for row in after[name]] == rows, name
    assert after["return_metrics"] == before["return_metrics"]
    assert len(after["strategy_queue"]) == N_QUEUED == 55
    open_it(old)  # once
    assert copies_in(tmp_path) == [copy]


def test_a_fresh_database_is_not_copied(tmp_path):
    open_it(tmp_path / "new.db")
    assert copies_in(tmp_path) == []


def test_without_room_for_the_copy_nothing_is_changed(old, tmp_path, monkeypatch):
    before = rows_of(old)
    monkeypatch.setattr(sqlite_copy, "_SPARE_BYTES", 10**18)
    with pytest.raises(StorageError, match="make room first"):
        open_it(old)
    assert rows_of(old) == before
    assert copies_in(tmp_path) == []


@pytest.mark.parametrize("at", ["copy_verified", "put_in_place", "create_optuna_tables", "upgrade"])
def test_killed_in_between_it_is_old_or_new(old, tmp_path, at):
    """Before and after each step; the next one to open it completes it."""
    before = rows_of(old)
    for is_before in (True, False):
        pid = os.fork()
        if pid == 0:  # pragma: no cover
            step = getattr(prepared_database, at)

            def fatal(*args, step=step, is_before=is_before, **options):
                if not is_before:
                    step(*args, **options)
                os.kill(os.getpid(), signal.SIGKILL)

            setattr(prepared_database, at, fatal)
            prepare_database(create_engine(f"sqlite:///{old}"))
            os._exit(3)
        assert os.WTERMSIG(os.waitpid(pid, 0)[1]) == signal.SIGKILL
        files = copies_in(tmp_path)
        if at != "upgrade" or is_before:  # its tables are as they were; Optuna's may be there
            files.append(old)
        for file in files:
            rows = rows_of(file)
            for name, expected in before.items():
                found = rows[name]
                if name == "sqlite_master":
                    found = [row for row in found if row[1] in {row[1] for row in expected}]
                    found, expected = ({row[4] for row in each} for each in (found, expected))
                assert found == expected, name
    open_it(old)
    after = rows_of(old)
    assert [row[0] for row in after["tuning_sessions"]] == list(SESSIONS)
    assert len(after["strategy_queue"]) == N_QUEUED


def test_killed_at_any_table_of_the_upgrade_it_is_old(old, tmp_path):
    """In the middle of the transaction that adds the columns."""
    before = rows_of(old)
    for n_tables in range(5):
        pid = os.fork()
        if pid == 0:  # pragma: no cover
            add, seen = adoption._add_missing_columns, []

            def fatal(*args, add=add, seen=seen, n_tables=n_tables):
                add(*args)
                seen.append(args)
                if len(seen) > n_tables:
                    os.kill(os.getpid(), signal.SIGKILL)

            adoption._add_missing_columns = fatal
            prepare_database(create_engine(f"sqlite:///{old}"))
            os._exit(3)
        assert os.WTERMSIG(os.waitpid(pid, 0)[1]) == signal.SIGKILL
        rows = rows_of(old)
        assert {name: rows[name] for name in before if name != "sqlite_master"} == {
            name: found for name, found in before.items() if name != "sqlite_master"
        }
    open_it(old)
    assert len(rows_of(old)["strategy_queue"]) == N_QUEUED


COMMANDS = {
    "sessions": 0,
    "sessions --json": 0,
    "execute": 2,
    "status": 2,
    f"status {SESSION}": 0,
    f"status {SESSION} --json": 0,
    f"top {SESSION}": 0,
    f"top {SESSION} --where window_size=30 --json": 0,
    f"show {STRATEGY} --session {SESSION}": 0,
    f"show {STRATEGY} --session {SESSION} --trades": 2,
    f"stats {SESSION} --by weight_method": 0,
    f"export {SESSION} --output out.csv": 0,
    f"export {SESSION} --best-config best.yaml": 2,
    f"report {SESSION} -o report.html": 0,
    f"compare {SESSION} session_20250701_100000_0002": 0,
    f"plot importance {SESSION}": 0,
    f"verify {SESSION}": 2,
    f"positions {STRATEGY} --session {SESSION}": 2,
    f"rank {STRATEGY} --session {SESSION}": 2,
    f"backtest {STRATEGY} --session {SESSION}": 2,
    f"execute {SESSION} --retry-failed": 2,
    f"execute {SESSION} --resume": 0,  # it is completed
    "worker session_20250701_100000_0002": 2,
    "doctor": 0,
}
UNKNOWN = "recorded by an earlier system under settings that are not known"


def test_every_command_reads_it_or_says_why_not(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    build_earlier_database(tmp_path / "funding_rate.db")
    for command, expected in COMMANDS.items():
        code = run(command.split())
        told = capfd.readouterr()
        assert code == expected, f"{command}: {told}"
        assert "Traceback" not in told.err
        if code:
            (line,) = [line for line in told.err.splitlines() if line.startswith("error: ")]
            assert "earlier" in line, command
        elif command == "sessions":
            assert all(session in told.out for session in SESSIONS)
        elif command.startswith(("status", "top", "show", "stats")):
            assert UNKNOWN in told.out + told.err
    assert UNKNOWN in (tmp_path / "report.html").read_text(encoding="utf-8")
    (header, *lines) = (tmp_path / "out.csv").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 10
    assert header.startswith("strategy_id,factors,window_size")
    assert lines[0].startswith(f'{STRATEGY},"[""SR""]",30,7,90,0,equal')


def test_figures_are_those_that_were_recorded(old, capfd):
    assert run(["top", SESSION, "-n", "2", "--json", "--database", f"sqlite:///{old}"]) == 0
    best, second = json.loads(capfd.readouterr().out)["strategies"]
    assert best["strategy_id"] == "TR_ST_W60_7D_D90_S9_IN_9"
    assert best["metrics"]["sharpe_ratio"] == 0.9
    assert best["metrics"]["net_sharpe_ratio"] is None
    assert second["metrics"]["sharpe_ratio"] == 0.8
    assert (
        run(["show", STRATEGY, "--session", SESSION, "--json", "--database", f"sqlite:///{old}"])
        == 0
    )
    shown = json.loads(capfd.readouterr().out)
    assert shown["parameters"]["factors"] == ["SR"]
    assert shown["parameters"]["weight_method"] == "equal"


def test_a_strategy_without_a_result_says_what_the_queue_knows(old):
    engine = open_database(f"sqlite:///{old}")
    session = StoredSession.open("", "session_20250702_120000_0004", engine=engine)
    with pytest.raises(SessionError, match=r"EQ_32' \(failed: KeyError: 'roi'\); list"):
        result_row(session, "SR_W30_7D_D90_S10_EQ_32")
    with pytest.raises(SessionError, match=r"EQ_36' \(pending\); list"):
        result_row(session, "SR_W30_7D_D90_S3_EQ_36")
    engine.dispose()


def test_sessions_of_an_earlier_system_do_not_compare(old):
    engine = open_database(f"sqlite:///{old}")
    sessions = [StoredSession.open("", name, engine=engine) for name in list(SESSIONS)[:2]]
    compared = compare_sessions(sessions)
    assert compared.groups == tuple((name,) for name in list(SESSIONS)[:2])
    assert "nobody knows how an earlier system measured" in str(compared.warnings[0])
    engine.dispose()


ODD_ROWS = (
    "factors = 'SR,DD', window_size = NULL",
    "factors = NULL",
    "sharpe_ratio = NULL, raw_result = '[1, 2]'",
    """sharpe_ratio = NULL, raw_result = '{"failure": tru'""",
    "sharpe_ratio = 9e999",
    """sharpe_ratio = NULL, raw_result = '{"failure": {"a": 1}}'""",
    """factors = "['SR', 'DD']", weight_method = NULL""",
    "raw_result = NULL, max_drawdown = NULL, created_at = 'garbage'",
)
"""What an earlier system, or a hand, may have left in the first rows of the results."""


def test_odd_rows_are_read(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    file = build_earlier_database(tmp_path / "funding_rate.db")
    table = "hyperparameter_tuning_results"
    with sqlite3.connect(file) as connection:
        for row_id, change in enumerate(ODD_ROWS, start=1):
            connection.execute(f"UPDATE {table} SET {change} WHERE id = {row_id}")
        connection.execute(  # the same strategy again, with figures of another
            f"INSERT INTO {table} (session_id, strategy_id, sharpe_ratio)"
            f" SELECT session_id, strategy_id, 0.7 FROM {table} WHERE id = 2"
        )
        connection.execute(
            f"UPDATE {table} SET total_return = NULL, annual_return = NULL,"
            " max_drawdown = NULL WHERE sharpe_ratio = 0.7"
        )
    connection.close()
    for command in (
        f"status {SESSION} --detailed",
        f"top {SESSION}",
        f"top {SESSION} --metric neighbours",
        f"show TR_ST_W60_7D_D90_S3_EQ_3 --session {SESSION}",
        f"stats {SESSION} --by factors",
        f"export {SESSION} -o out.parquet",
        f"report {SESSION} -o report.html",
        f"plot heat_map {SESSION}",
    ):
        code = run(command.split())
        told = capfd.readouterr()
        assert code == 0, f"{command}: {told.err}"
    exported = pd.read_parquet("out.parquet")
    assert len(exported) == 11
    assert exported["failure"].isna().all()
    assert exported["created_at"].isna().sum() == 2
    assert exported["factors"][0] == "SR,DD"
    assert exported["factors"].isna().tolist()[1:3] == [True, False]
