"""``rank``, ``positions``, ``backtest --top``, and what ``execute`` keeps of the best."""

import csv
import datetime as dt
import json
import sqlite3
from pathlib import Path

import pytest

import studies.analysis
from tests.studies.cli.conftest import SMALL_SPACE

LAST = "2024-06-08"
BEFORE = "2024-06-07"


def rows(query):
    with sqlite3.connect("funding_rate.db") as connection:
        return connection.execute(query).fetchall()


@pytest.fixture
def best(cli, project):
    return cli("top", "-n", 1, "--json").json["strategies"][0]["strategy_id"]


def test_execute_keeps_the_best_ten_distinct_ones(cli, project):
    shown = cli("top", "-n", 10, "--json").json
    kept = rows("SELECT backtest_id, final_balance FROM backtest_results ORDER BY id")
    assert kept == [
        (f"{shown['session_id']}_{row['strategy_id']}", row["metrics"]["final_balance"])
        for row in shown["strategies"]
    ]
    names = {row["strategy_id"] for row in shown["strategies"]}
    assert set(rows("SELECT DISTINCT strategy_name, date FROM strategy_ranking")) == {
        (name, LAST) for name in names
    }
    n_trades = rows("SELECT count(*) FROM backtest_trades")
    # once more: what is there is left alone, what is missing is written
    with sqlite3.connect("funding_rate.db") as connection:
        connection.execute(f"DELETE FROM backtest_results WHERE backtest_id = '{kept[4][0]}'")
    assert cli("execute", "--session", shown["session_id"]).code == 0
    assert rows("SELECT count(*) FROM backtest_results") == [(10,)]
    assert rows("SELECT count(*) FROM backtest_trades") == n_trades


def test_none_are_kept_where_that_is_not_wanted_or_fails(cli, project, monkeypatch):
    before = rows("SELECT count(*) FROM backtest_results")
    Path("none.yaml").write_text("execution: {save_top: 0}\nverify: {auto: false}\n")
    assert cli("--config", "none.yaml", "generate", *SMALL_SPACE, "--size", 12).code == 0
    assert cli("execute").code == 0
    assert rows("SELECT count(*) FROM backtest_results") == before

    def broken(*args, **options):
        raise OSError("no room")

    monkeypatch.setattr(studies.analysis, "save_best", broken)
    Path("two.yaml").write_text("execution: {save_top: 2}\nverify: {auto: false}\n")
    assert cli("--config", "two.yaml", "generate", *SMALL_SPACE, "--size", 12).code == 0
    done = cli("execute")
    assert done.code == 0
    assert "the best are not kept: OSError: no room; do it with: mass-tuning backtest" in done.err


def test_rank_writes_the_last_day_of_the_market(cli, best):
    told = cli("rank", best, "--json").json
    assert (told["date"], told["strategy_id"], told["saved_rows"]) == (LAST, best, 12)
    assert told["n_pairs"] == told["n_eligible"] == told["n_ranked"] == len(told["ranking"]) == 12
    stored = rows(
        "SELECT rank_position, trading_pair, final_ranking_score FROM strategy_ranking "
        f"WHERE strategy_name = '{best}' AND date = '{LAST}' ORDER BY rank_position"
    )
    assert stored == [(row["rank"], row["trading_pair"], row["score"]) for row in told["ranking"]]
    shown = cli("show", best, "--ranking", BEFORE, "--no-chart", "--json").json["ranking"]
    assert cli("rank", best, "--date", BEFORE, "--json").json["ranking"] == shown
    few = cli("rank", "best", "-n", 3, "--no-save")
    assert f"  ranking   at the close of {LAST}, traded on the day after\n" in few.out
    assert "12 ranked of 12; 0 not eligible" in few.out
    assert few.out.splitlines()[-1].split()[:2] == ["3", stored[2][1]]
    assert "saved" not in few.out


def test_rank_without_saving_and_of_all_dates(cli, best):
    with sqlite3.connect("funding_rate.db") as connection:
        connection.execute("DELETE FROM strategy_ranking")
    assert cli("rank", best, "--no-save", "--json").json["saved_rows"] is None
    assert rows("SELECT count(*) FROM strategy_ranking") == [(0,)]
    done = cli("rank", best, "--all-dates", "--date", BEFORE)
    start = cli("show", best, "--json").json["start_date"]
    assert f"rows of {start} to {BEFORE} in strategy_ranking" in done.out
    n_days = (dt.date.fromisoformat(BEFORE) - dt.date.fromisoformat(start)).days + 1
    assert rows("SELECT count(DISTINCT date) FROM strategy_ranking") == [(n_days,)]
    empty = cli("rank", best, "--date", "2024-01-02")
    assert "has no ranking: fewer than 2 pairs can be ranked" in empty.err


def test_backtest_writes_under_the_session_or_as_configured(cli, best):
    session_id = cli("top", "--json").json["session_id"]
    with sqlite3.connect("funding_rate.db") as connection:
        for name in ("backtest_results", "backtest_trades", "strategy_ranking"):
            connection.execute(f"DELETE FROM {name}")
    assert cli("backtest", best, "--no-save", "--json").json["saved"] is None
    assert rows("SELECT count(*) FROM backtest_results") == [(0,)]
    done = cli("backtest", "best", "--no-chart")
    assert done.out.splitlines()[-1].endswith(f"trades and the result {session_id}_{best}")
    assert rows("SELECT count(*) FROM strategy_ranking") == [(0,)]
    told = cli("backtest", best, "--all-dates", "--json").json
    assert told["saved"]["backtest_id"] == f"{session_id}_{best}"
    assert told["saved"]["n_rankings"] == rows("SELECT count(*) FROM strategy_ranking")[0][0] > 12
    told = cli("backtest", "--strategy", best, "--json").json
    assert (told["recorded"], told["saved"]["backtest_id"]) == (None, f"configured_{best}")
    with sqlite3.connect("funding_rate.db") as connection:
        connection.execute("UPDATE return_metrics SET return_1d = 1.5 * return_1d")
    told = cli("backtest", best, "--json").json  # other figures than those of the session
    assert told["saved"]["backtest_id"] == f"configured_{best}"


def test_backtest_of_the_best(cli, project):
    shown = cli("top", "-n", 12, "--json").json
    told = cli("backtest", "--top", 12, "--json").json
    assert [each["strategy_name"] for each in told["saved"]] == [
        row["strategy_id"] for row in shown["strategies"]
    ]
    assert rows("SELECT count(*) FROM backtest_results") == [(12,)]
    done = cli("backtest", "--top", 2, "--all-dates", "--session", shown["session_id"])
    assert done.out.count("rankings, ") == 2


def test_positions_are_those_of_the_trades_to_the_cent(cli, best):
    told = cli("positions", best, "--json").json
    held = {}
    for pair, action, amount in rows(
        "SELECT trading_pair, action, amount FROM backtest_trades "
        f"WHERE action != 'funding' AND backtest_id LIKE '%{best}' ORDER BY id"
    ):
        held[pair] = amount if action == "enter" else 0.0
    assert {p["trading_pair"]: p["held"] for p in told["positions"] if p["held"]} == {
        pair: amount for pair, amount in held.items() if amount
    }
    before = cli("positions", best, "--date", BEFORE, "--json").json
    assert {p["trading_pair"]: p["amount"] for p in before["positions"] if p["amount"]} == {
        pair: amount for pair, amount in held.items() if amount
    }
    assert (told["ranking_date"], told["date"]) == (LAST, "2024-06-09")
    assert any("the market ends on 2024-06-08, before yesterday" in t for t in told["warnings"])
    assert not any("before yesterday" in text for text in before["warnings"])


def test_positions_for_people_and_as_files(cli, best):
    done = cli("positions", "best", "--capital", 50_000, "--from", "nothing", "-o", "held.csv")
    assert done.code == 0, done.err
    assert f"  hold on   2024-06-09, by the ranking at the close of {LAST}\n" in done.out
    assert "  capital   50,000.00: the amounts of the backtest, which has " in done.out
    assert "trades from nothing" in done.out
    assert "pairs and the cash in held.csv" in done.out
    told = cli("positions", best, "--capital", 50_000, "--from", "nothing", "--json").json
    with Path("held.csv").open(newline="") as file:
        written = list(csv.DictReader(file))
    assert [row["trading_pair"] for row in written] == [
        *(p["trading_pair"] for p in told["positions"]),
        "cash",
    ]
    for row, position in zip(written[:-1], told["positions"], strict=True):
        short, long = position["legs"]
        assert (row["short_exchange"], row["short_order"]) == (short["exchange"], "sell")
        assert (row["long_exchange"], row["long_order"]) == (long["exchange"], "buy")
        assert float(row["leg_amount"]) == pytest.approx(short["amount"], abs=1e-6)
        assert (row["ranking_date"], row["date"]) == (LAST, "2024-06-09")
    printed = cli("positions", best, "--capital", 50_000, "--from", "nothing", "-o", "-")
    assert printed.out == Path("held.csv").read_text()
    still = cli("positions", best, "--from", "held.csv", "--min-trade", 100, "-o", "held.csv")
    assert "  no trades\n" in still.out
    assert "fees      0.00 of the trades" in still.out
    all_out = cli("positions", best, "--capital", 50_000, "--from", "nothing")
    for exchange, sides in told["exchanges"].items():
        assert f"{exchange} " in all_out.out
        assert f"{sides['short']:,.2f}" in all_out.out


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["positions"], "no strategy is named; give an id, or best"),
        (["positions", "nothing"], "'nothing'"),
        (["positions", "best", "--date", "2030-01-01"], "outside the panel"),
        (["positions", "best", "--date", "2024-01-01"], "the backtest begins on"),
        (["positions", "best", "--date", "yesterday"], "'yesterday'"),
        (["positions", "best", "--capital", "0"], "--capital"),
        (["positions", "best", "--capital", "nan"], "finite number, got nan"),
        (["positions", "best", "--min-trade", "nan"], "finite number, got nan"),
        (["positions", "best", "--from", "nowhere.csv"], "nowhere.csv cannot be read"),
        (["positions", "best", "--from", "bad.csv"], "bad.csv, row 2: amount is a number"),
        (["positions", "best", "-o", "funding_rate.db"], "is part of the database"),
        (["positions", "best", "-o", "nowhere/x.csv"], "does not exist"),
        (["positions", "best", "-o", "-", "--json"], "leave one out"),
        (["positions", "best", "--strategy", "X"], "got best beside it; leave one out"),
        (["rank", "best", "--all-dates", "--no-save"], "leave out --no-save"),
        (["rank", "best", "--date", "2024-01-01"], "the first day of the market"),
        (["rank", "--session", "session_x"], "there is no session"),
        (["backtest", "best", "--all-dates", "--no-save"], "leave out --no-save"),
        (["backtest", "best", "--top", 3], "name no strategy"),
        (["backtest", "--top", 3, "--no-save"], "--top N is there to write"),
    ],
)
def test_what_is_refused(cli, project, args, message):
    Path("bad.csv").write_text("trading_pair,amount\nA_a_b,many\n")
    refused = cli(*args)
    assert refused.code == 2
    assert message in refused.error


def test_they_go_with_their_session(cli, best):
    session_id = cli("top", "--json").json["session_id"]
    assert cli("backtest", "--strategy", best, "--no-chart").code == 0
    assert cli("clean", "--session", session_id, "--yes").code == 0
    assert rows("SELECT backtest_id FROM backtest_results") == [(f"configured_{best}",)]
    assert rows("SELECT DISTINCT backtest_id FROM backtest_trades") == [(f"configured_{best}",)]
    # without the session the configuration of today applies, whose space holds the strategy
    told = json.loads(cli("positions", best, "--json").out)
    assert told["session_id"] is None
