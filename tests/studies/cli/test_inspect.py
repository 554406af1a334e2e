"""``status``, ``sessions``, ``top`` and ``show``."""

import json
import re
import sqlite3

import pytest

from studies.database.tables import METRIC_COLUMNS
from tests.studies.cli.conftest import N_STRATEGIES, SMALL_SPACE, process


@pytest.fixture
def newest(cli, project):
    """Id of the session that was run."""
    return cli("sessions", "--json").json[0]["session_id"]


def rows(query, *values):
    with sqlite3.connect("funding_rate.db") as connection:
        return connection.execute(query, values).fetchall()


def test_status(cli, newest):
    told = cli("status", "--json").json
    assert told["session_id"] == newest
    assert (told["status"], told["total"], told["pending"]) == ("completed", N_STRATEGIES, 0)
    assert told["completed"] + told["failed"] == N_STRATEGIES
    assert told["notes"] == "first"
    assert told["created_at"].endswith("Z")
    assert "log" not in told
    text = cli("status").out
    assert text.startswith(f"{newest}  completed\n")
    assert "100.0 %" in text
    assert "insufficient_data" not in text


def test_status_detailed(cli, newest):
    told = cli("status", "--detailed", "--json").json
    assert told["failures"] == {"insufficient_data": told["failed"]}
    assert told["log"][0]["message"]
    text = cli("status", "--detailed").out
    assert re.search(r"insufficient_data +120", text)
    assert "run started" in text


def stall(session_id, chunk, status="running"):
    """Let a worker elsewhere have died with a chunk."""
    with sqlite3.connect("funding_rate.db") as connection:
        connection.execute("UPDATE tuning_sessions SET status = ?", [status])
        connection.execute(
            "UPDATE work_chunks SET state = 'running', worker = 'far.example.org/4711/1700/abcd', "
            "attempt = 2, crashes = 1, lease_expires_at = 1000, started_at = datetime('now') || "
            "'.000000' WHERE session_id = ? AND chunk_no = ?",
            [session_id, chunk],
        )


def test_status_shows_workers_and_warnings_and_logs_them(cli, newest):
    stall(newest, 1)
    stalled = "worker far.example.org/4711 has not renewed its claim of chunk 1"
    for _ in range(2):  # said each time, logged once
        told = cli("status", "--json").json
        assert [stalled in text for text in told["warnings"]].count(True) == 1
        assert "errors" not in told
    logged = rows("SELECT message FROM execution_log WHERE log_level = 'WARNING'")
    assert sum(stalled in text for (text,) in logged) == len(logged) == 1
    told = cli("status", "--detailed", "--json").json
    (worker,) = told["workers"]
    assert (worker["host"], worker["pid"], worker["chunk"]) == ("far.example.org", 4711, 1)
    assert (worker["attempt"], worker["crashes"]) == (2, 1)
    names = "worker host pid chunk strategies attempt crashes seconds rate lease_seconds_left"
    assert list(worker) == names.split()
    for entry in (*told["errors"], *told["log"]):
        assert list(entry) == ["created_at", "log_level", "message"]
    assert stalled in told["errors"][0]["message"]
    text = cli("status", "--detailed").out
    assert re.search(r"far\.example\.org +4711 +1 +\d+ .* run out +2 +1\n", text)
    assert "errors and warnings, newest first" in text
    assert stalled in text


def test_a_question_is_answered_where_nothing_can_be_logged(cli, newest, monkeypatch):
    from studies.upkeep import health_watch

    def full(*args):
        raise OSError("no space left")

    stall(newest, 1)
    monkeypatch.setattr(health_watch, "log_warnings", full)
    assert "has not renewed its claim" in cli("status").out


def test_a_run_says_once_what_is_not_well(cli, newest, monkeypatch):
    import types

    import psutil

    from studies.upkeep import health_watch

    monkeypatch.setattr(health_watch, "_LOOK_SECONDS", 0.0)
    memory = types.SimpleNamespace(available=123e6)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: memory)
    cli("generate", *SMALL_SPACE)
    done = cli("execute")
    assert done.code == 0, done.err
    assert done.err.count("note: 123 MB of memory are available on this host") == 1


def test_status_prefers_the_unfinished_session(cli, newest):
    planned = cli("generate", *SMALL_SPACE, "--json").json["session_id"]
    assert cli("status", "--json").json["session_id"] == planned
    assert cli("status", "--session", newest, "--json").json["session_id"] == newest
    assert cli("top", "--json").json["session_id"] == newest  # the newest with results


def test_watch_ends_with_the_session(cli, newest, monkeypatch):
    from studies.cli import status

    planned = cli("generate", *SMALL_SPACE, "--json").json["session_id"]
    naps = []

    def execute_meanwhile(seconds):
        naps.append(seconds)
        if len(naps) == 2:
            assert process("execute", "--json").returncode == 0

    monkeypatch.setattr(status.time, "sleep", execute_meanwhile)
    done = cli("status", "--watch", "--json")
    told = [json.loads(line) for line in done.out.splitlines()]
    assert [each["status"] for each in told] == ["created", "created", "completed"]
    assert {each["session_id"] for each in told} == {planned}
    assert naps == [2.0, 2.0]
    assert cli("status", "--watch", "--session", newest).out.count("100.0 %") == 1


def test_sessions(cli, newest):
    second = cli("generate", "--size", 7, "--json").json["session_id"]
    told = cli("sessions", "--json").json
    assert [row["session_id"] for row in told] == [second, newest]
    assert [row["total"] for row in told] == [7, N_STRATEGIES]
    text = cli("sessions").out
    assert text.index(second) < text.index(newest)
    assert "first" in text


def test_no_session_yet(cli, empty):
    cli("import", "synthetic", "--n-pairs", 3, "--n-days", 30)
    assert cli("sessions", "--json").json == []
    assert "no session yet" in cli("sessions").out
    for name in ("status", "top", "export", "execute"):
        refused = cli(name)
        assert refused.code == 2
        assert "mass-tuning generate" in refused.error


def test_a_session_without_results_has_no_top(cli, empty):
    cli("import", "synthetic", "--n-pairs", 3, "--n-days", 200)
    cli("generate", "--size", 3)
    for args in (["top"], ["show", "best"], ["export"]):
        assert "no session has results yet" in cli(*args).error


@pytest.mark.parametrize("name", ["status", "sessions", "top", "execute", "generate", "estimate"])
def test_a_missing_database_is_not_created(cli, empty, name):
    done = cli(name)
    assert done.code == 2
    assert "there is no database sqlite:///funding_rate.db yet" in done.error
    assert list(empty.iterdir()) == []


def test_no_password_in_messages(cli, empty):
    url = "postgresql://me:hunter2@127.0.0.1:1/nothing"
    for args in (["status"], ["generate"], ["import", "synthetic", "--n-days", 5]):
        done = cli(*args, "--database", url)
        assert done.code == 1, done.err
        assert "hunter2" not in done.out + done.err
        assert done.error
    done = cli("config", "--database", url)
    assert (done.code, "hunter2" in done.out) == (0, False)


def test_a_traceback_only_with_debug(cli, project):
    assert "Traceback" not in cli("top", "--metric", "luck").err
    for args in (["--debug", "top", "--metric", "luck"], ["top", "--metric", "luck", "--debug"]):
        done = cli(*args)
        assert done.code == 2
        assert "Traceback" in done.err
        assert "unknown metric 'luck'" in done.err


def test_an_unexpected_error_is_one_line_too(cli, project, monkeypatch):
    from studies import upkeep

    def broken(*args, **options):
        raise ZeroDivisionError("by\nzero")

    monkeypatch.setattr(upkeep, "status_with_warnings", broken)
    done = cli("status")
    assert done.code == 1
    assert done.error == (
        "unexpected ZeroDivisionError: by zero; run it again with --debug and report it"
    )


def test_a_damaged_database_is_a_failed_run(cli, empty):
    (empty / "funding_rate.db").write_bytes(b"this is not a database, and it is long enough" * 50)
    done = cli("status")
    assert done.code == 1
    assert "funding_rate.db" in done.error


def test_top(cli, newest):
    told = cli("top", "-n", 5, "--json").json
    assert (told["session_id"], told["metric"]) == (newest, "net_sharpe_ratio")
    assert told["direction"] == "maximize"
    assert [row["rank"] for row in told["strategies"]] == [1, 2, 3, 4, 5]
    values = [row["metrics"]["net_sharpe_ratio"] for row in told["strategies"]]
    assert values == sorted(values, reverse=True)
    assert set(told["strategies"][0]["metrics"]) == set(METRIC_COLUMNS)
    best = rows("SELECT max(net_sharpe_ratio) FROM hyperparameter_tuning_results")[0][0]
    assert values[0] == best
    assert len(cli("top", "--json").json["strategies"]) == 10
    text = cli("top").out
    assert told["strategies"][0]["strategy_id"] in text
    assert len(re.findall(r"^ +\d+  SR", text, re.MULTILINE)) == 10


def test_strategies_of_equal_figures_are_one_result(cli, newest):
    every = cli("top", "-n", 999, "--all-names", "--json").json["strategies"]
    told = cli("top", "-n", 999, "--json").json["strategies"]
    assert len(every) > len(told)
    assert sum(row["n_strategies"] for row in told) == len(every)
    assert all("n_strategies" not in row for row in every)
    names = {json.dumps(row["metrics"]): set() for row in every}
    for row in every:
        names[json.dumps(row["metrics"])].add(row["strategy_id"])
    several = next(row for row in told if row["n_strategies"] > 1)
    others = names[json.dumps(several["metrics"])]
    assert several["strategy_id"] in others
    assert len(others) == several["n_strategies"]
    ranks = {row["strategy_id"]: row["rank"] for row in every}
    assert {ranks[name] for name in others} == {several["rank"]}
    n, text = several["n_strategies"], cli("top", "-n", 999).out
    assert re.search(rf"^ +\d+  {several['strategy_id']} +x {n} ", text, re.MULTILINE)
    assert " x " not in cli("top", "-n", 999, "--all-names").out
    for name in others:
        shown = cli("show", name, "--no-chart", "--json").json
        assert (shown["rank"], shown["n_strategies"]) == (several["rank"], n)
        assert f", one of {n} strategies with these figures\n" in cli("show", name).out


def test_top_by_another_metric(cli, newest):
    told = cli("top", "--metric", "max_drawdown", "--json").json
    assert told["direction"] == "minimize"
    values = [row["metrics"]["max_drawdown"] for row in told["strategies"]]
    assert values == sorted(values)
    turned = cli("top", "--metric", "max_drawdown", "--direction", "maximize", "--json").json
    assert turned["strategies"][0]["metrics"]["max_drawdown"] > values[0]
    assert "by trade_count" in cli("top", "--metric", "trade_count").out


def test_top_refuses(cli, newest):
    assert "unknown metric 'luck'" in cli("top", "--metric", "luck").error
    assert "0 is not in the range" in cli("top", "-n", 0).error
    assert "'up' is not one of" in cli("top", "--direction", "up").error
    assert "No such option '--nope'; see: mass-tuning top --help" in cli("top", "--nope").error
    assert "No such command 'tops'" in cli("tops").error


def test_show_best(cli, newest):
    best = cli("top", "-n", 1, "--json").json["strategies"][0]
    told = cli("show", "best", "--json").json
    assert (told["strategy_id"], told["rank"]) == (best["strategy_id"], 1)
    assert told["parameters"] == best["parameters"]
    assert told["metrics"] == best["metrics"]
    assert told["failure"] is None
    assert told["equity"][0] == {"date": told["start_date"], "total": 10_000.0}
    assert told["equity"][-1]["total"] == pytest.approx(best["metrics"]["final_balance"])
    assert "trades" not in told
    text = cli("show", best["strategy_id"]).out
    n_values = rows("SELECT count(DISTINCT net_sharpe_ratio) FROM hyperparameter_tuning_results")
    assert told["n_ranked"] == n_values[0][0]
    place = f"rank 1 of {told['n_ranked']} values of net_sharpe_ratio"
    assert text.startswith(f"{best['strategy_id']}  {place}\n")
    assert newest in text
    assert all(name in text for name in METRIC_COLUMNS)
    assert "┤" in text
    assert any("⠁" <= character <= "⣿" for character in text)


def test_show_without_chart_needs_no_market(cli, newest):
    with sqlite3.connect("funding_rate.db") as connection:
        connection.execute("UPDATE return_metrics SET return_1d = return_1d * 2")
    plain = cli("show", "best", "--no-chart")
    assert (plain.code, plain.err.count("no equity curve")) == (0, 0)
    assert "┤" not in plain.out
    assert "equity" not in cli("show", "best", "--no-chart", "--json").json
    charted = cli("show", "best")
    assert charted.code == 0
    assert "note: no equity curve: the returns or market caps" in charted.err
    refused = cli("show", "best", "--trades")
    assert refused.code == 2
    assert "changed since" in refused.error


def test_show_trades(cli, newest):
    told = cli("show", "best", "--trades", "--json").json["trades"]
    each = cli("show", "best", "--trades", "--funding", "--json").json["trades"]
    assert {row["action"] for row in told} == {"enter", "exit", "funding"}
    days = [row["date"] for row in told if row["action"] == "funding"]
    assert len(days) == len(set(days))
    assert [row["date"] for row in told] == sorted(row["date"] for row in told)
    for name in ("enter", "exit"):
        assert [r for r in told if r["action"] == name] == [r for r in each if r["action"] == name]
    total = sum(row["amount"] for row in each if row["action"] == "funding")
    assert sum(row["amount"] for row in told if row["action"] == "funding") == pytest.approx(total)
    assert told[-1]["total_balance"] == each[-1]["total_balance"]
    text = cli("show", "best", "--trades", "--no-chart").out
    assert re.search(r"20\d\d-\d\d-\d\d  funding  \d pairs? ", text)
    assert "--trades" in cli("show", "best", "--funding").error


def test_show_ranking(cli, newest):
    told = cli("show", "best", "--ranking", "2024-05-01", "--json").json["ranking"]
    assert [row["rank"] for row in told] == list(range(1, len(told) + 1))
    assert [row["score"] for row in told] == sorted((r["score"] for r in told), reverse=True)
    text = cli("show", "best", "--ranking", "2024-05-01", "--no-chart").out
    assert told[0]["trading_pair"] in text
    assert "ranking at the close of 2024-05-01" in text
    assert cli("show", "best", "--ranking", "1999-01-01").code == 2


def test_show_a_failed_strategy(cli, newest):
    (name,) = rows(
        "SELECT strategy_id FROM strategy_queue WHERE status = 'failed' ORDER BY id LIMIT 1"
    )[0]
    told = cli("show", name, "--json").json
    assert (told["rank"], told["failure"]) == (None, "insufficient_data")
    assert told["metrics"]["active_days"] < 60
    assert "failed: insufficient_data" in cli("show", name).out


def test_show_refuses_an_unknown_strategy(cli, newest):
    done = cli("show", "SR_W5_1D_D10_S9_EQ")
    assert done.code == 2
    assert "no result of 'SR_W5_1D_D10_S9_EQ'" in done.error
    assert "Missing argument" in cli("show").error


@pytest.fixture
def split(cli, project):
    """Id of a session with a split; of its three best the second one loses out of sample."""
    cli("generate", *SMALL_SPACE, "--split-date", "2024-05-20", "--backtest", "min_active_days=9")
    assert cli("execute").code == 0
    told = cli("top", "-n", 3, "--json").json
    with sqlite3.connect("funding_rate.db") as connection:
        for place, value in enumerate((0.01, -0.02, 0.0)):
            connection.execute(
                "UPDATE hyperparameter_tuning_results SET oos_total_return = ? "
                "WHERE session_id = ? AND strategy_id = ?",
                [value, told["session_id"], told["strategies"][place]["strategy_id"]],
            )
    return told["session_id"]


def test_out_of_sample_figures_are_shown(cli, split):
    best = cli("top", "-n", 1, "--json").json["strategies"][0]
    assert best["metrics"]["oos_total_return"] is not None
    head = next(line for line in cli("top").out.splitlines() if line.startswith("rank"))
    named = "net sharpe", "oos sharpe", "excess sharpe", "oos excess", "return", "oos return"
    assert re.match(r"rank  strategy +" + " +".join(named) + " +drawdown", head)
    assert "out of sample" in cli("show", "best").out
    told = cli("top", "--metric", "oos_max_drawdown", "--json").json
    assert told["direction"] == "minimize"
    lines = cli("top", "--metric", "turnover").out.splitlines()
    head = next(line for line in lines if line.startswith("rank"))
    assert re.match(
        r"rank  strategy( +names)? +turnover +oos turnover +net sharpe +oos sharpe", head
    )


def test_a_winner_that_loses_out_of_sample_is_marked(cli, split):
    told = cli("top", "-n", 3, "--json").json["strategies"]
    assert [row["loses_out_of_sample"] for row in told] == [False, True, False]
    text = cli("top", "-n", 3).out
    assert text.endswith("\n\n1 of the 3 lose out of sample (!: oos return below 0)\n")
    marked = [line for line in text.splitlines() if " ! " in line]
    assert [line.split()[1] for line in marked] == [told[1]["strategy_id"]]
    assert cli("top", "-n", 1).out.endswith("\n\n0 of the 1 lose out of sample\n")
    loser = cli("show", told[1]["strategy_id"], "--no-chart")
    assert re.search(r"total_return +\S+ % +! -2.00 %", loser.out)
    assert loser.out.endswith("! it loses out of sample, on the days from 2024-05-20 on\n")
    assert cli("show", told[1]["strategy_id"], "--json").json["loses_out_of_sample"] is True
    assert "loses" not in cli("show", "best", "--no-chart").out
    executed = cli("execute", "--session", split, "--json").json
    assert [row["loses_out_of_sample"] for row in executed["top"]] == [False, True, False]
    assert (
        "1 of the 3 lose out of sample (!: oos return below 0)"
        in cli("execute", "--session", split).out
    )


def test_without_a_split_nothing_loses_out_of_sample(cli, newest):
    told = cli("top", "--json").json["strategies"]
    assert {row["loses_out_of_sample"] for row in told} == {None}
    assert "out of sample" not in cli("top").out
    assert cli("show", "best", "--json").json["loses_out_of_sample"] is None


def test_sorting_by_an_out_of_sample_figure_spends_it(cli, split):
    done = cli("top", "--metric", "oos_total_return")
    assert "note: sorting by oos_total_return spends the out-of-sample days" in done.err
    told = cli("top", "--metric", "oos_total_return", "--json").json
    assert any("spends the out-of-sample days" in text for text in told["warnings"])
    assert not any("spends" in text for text in cli("top", "--json").json["warnings"])


def test_show_saves_the_detail(cli, newest):
    tables = ("strategy_ranking", "backtest_trades", "backtest_results")
    with sqlite3.connect("funding_rate.db") as connection:
        for name in tables:  # what `execute` kept
            connection.execute(f"DELETE FROM {name}")
    told = cli("show", "best", "--save", "--json").json
    saved = told["saved"]
    assert saved["backtest_id"] == f"{newest}_{told['strategy_id']}"
    first = {name: rows(f"SELECT * FROM {name}") for name in tables}
    assert len(first["strategy_ranking"]) == saved["n_rankings"] > 0
    assert len(first["backtest_trades"]) == saved["n_trades"] > 0
    (result,) = rows(
        "SELECT final_balance, total_return, roi, total_days, entry_top_n, config_params, "
        "total_trades FROM backtest_results"
    )
    metrics = told["metrics"]
    assert result[:3] == tuple(
        metrics[name] for name in ("final_balance", "total_return", "annual_return")
    )
    assert result[3] == len(told["equity"])
    assert result[4] == told["parameters"]["selection_count"]
    assert json.loads(result[5])["parameters"]["factors"] == told["parameters"]["factors"]
    assert result[6] == metrics["trade_count"]
    again = cli("show", "best", "--save")
    assert "saved" in again.out
    for name in tables:  # ids and times differ, nothing else
        assert len(rows(f"SELECT * FROM {name}")) == len(first[name])
    ranking = cli("show", "best", "--ranking", "2024-05-01", "--json").json["ranking"]
    stored = rows(
        "SELECT rank_position, trading_pair, final_ranking_score, component_scores "
        "FROM strategy_ranking WHERE date = '2024-05-01' ORDER BY rank_position"
    )
    assert [row[:3] for row in stored] == [
        (row["rank"], row["trading_pair"], row["score"]) for row in ranking
    ]
    assert [json.loads(row[3]) for row in stored] == [
        {code: row[code] for code in told["parameters"]["factors"]} for row in ranking
    ]
    trades = cli("show", "best", "--trades", "--funding", "--json").json["trades"]
    stored = rows(
        "SELECT trade_date, trading_pair, action, amount, cash_balance, total_balance "
        "FROM backtest_trades ORDER BY id"
    )
    assert stored == [
        tuple(
            row[name]
            for name in (
                "date",
                "trading_pair",
                "action",
                "amount",
                "cash_balance",
                "total_balance",
            )
        )
        for row in trades
    ]
    assert rows(  # half of a position earns the return of the day before
        "SELECT count(*) FROM backtest_trades t JOIN return_metrics r "
        "ON r.trading_pair = t.trading_pair AND r.date = date(t.trade_date, '-1 day') "
        "WHERE t.action = 'funding' AND t.funding_rate_diff IS NOT r.return_1d"
    ) == [(0,)]
