"""``import`` and ``export``."""

import json
import shutil
import sqlite3

import numpy as np
import pandas as pd
import pytest

from objectives import ReturnPanel
from tests.studies.cli.conftest import N_STRATEGIES

DATABASE = "sqlite:///funding_rate.db"


@pytest.fixture
def events(empty):
    """Raw events of two symbols on three exchanges over ten days, as a file."""
    rng = np.random.default_rng(1)
    hours = pd.date_range("2025-01-01", periods=30, freq="8h")
    rows = [
        (hour, symbol, exchange, rng.normal(1e-4, 1e-4))
        for hour in hours
        for symbol in ("BTCUSDT", "ETHUSDT")
        for exchange in ("binance", "bybit", "okx")
    ]
    frame = pd.DataFrame(rows, columns=["timestamp", "symbol", "exchange", "funding_rate"])
    frame.to_parquet("events.parquet")
    frame.to_csv("events.csv", index=False)
    return frame


@pytest.fixture
def caps(empty):
    frame = pd.DataFrame({"symbol": ["BTCUSDT", "ETHUSDT"], "market_cap": [2e12, 4e11]})
    frame.to_csv("caps.csv", index=False)
    return frame


def imported(cli, *args):
    done = cli("import", *args, "--json")
    assert done.code == 0, done.err
    return done.json


def panel():
    return ReturnPanel.from_database(DATABASE)


def test_synthetic(cli, empty):
    told = imported(cli, "synthetic", "--n-pairs", 4, "--n-days", 50, "--seed", 2, "--edge", 0.5)
    wanted = ReturnPanel.synthetic(n_pairs=4, n_days=50, seed=2, edge=0.5)
    assert panel().fingerprint() == wanted.fingerprint()
    assert (told["kind"], told["n_pairs"], told["database"]) == ("synthetic", 4, DATABASE)
    assert told["n_returns"] == int((~np.isnan(wanted.returns)).sum())
    for option, other in (("--seed", 3), ("--edge", 0), ("--n-days", 49), ("--n-pairs", 3)):
        before = panel().fingerprint()
        imported(
            cli, "synthetic", "--n-pairs", 4, "--n-days", 50, "--seed", 2, option, other, "--yes"
        )
        assert panel().fingerprint() != before


@pytest.mark.parametrize("name", ["events.parquet", "events.csv"])
def test_funding_events_are_recognised_by_their_columns(cli, events, name):
    told = imported(cli, name)
    assert (told["kind"], told["n_pairs"], told["source"]) == ("events", 6, name)
    assert (told["first_date"], told["last_date"]) == ("2025-01-01", "2025-01-10")
    assert panel().fingerprint() == ReturnPanel.from_funding_events(events).fingerprint()


def test_options_of_funding_events(cli, events, caps):
    told = imported(
        cli,
        *("events.csv", "--exchanges", "binance,bybit", "--both-directions"),
        *("--start-date", "2025-01-03", "--end-date", "2025-01-05", "--market-caps", "caps.csv"),
    )
    assert (told["n_pairs"], told["first_date"], told["last_date"]) == (
        4,
        "2025-01-03",
        "2025-01-05",
    )
    assert told["n_market_caps"] == 2
    assert any("look ahead" in text for text in told["warnings"])
    assert panel().pairs == (
        "BTCUSDT_binance_bybit",
        "BTCUSDT_bybit_binance",
        "ETHUSDT_binance_bybit",
        "ETHUSDT_bybit_binance",
    )


def test_returns_with_dates_and_caps(cli, events, caps):
    market = ReturnPanel.from_funding_events(events)
    market.to_frame().to_csv("returns.csv", index=False)
    told = imported(
        cli, "returns.csv", "--start-date", "2025-01-04", "--end-date", "2025-01-08",
        "--market-caps", "caps.csv",
    )  # fmt: skip
    assert (told["kind"], told["n_returns"]) == ("returns", 5 * 6)
    there = panel()
    assert there.has_market_caps
    np.testing.assert_allclose(there.returns, market.returns[3:8], rtol=1e-12)
    text = cli("import", "returns.csv").out
    assert "imported returns.csv into sqlite:///funding_rate.db" in text
    assert "next: mass-tuning generate --mode exhaustive" in text


def test_another_database(cli, empty):
    imported(cli, "synthetic", "--n-pairs", 4, "--n-days", 60)
    shutil.copy("funding_rate.db", "old.db")
    wanted = panel()
    for source in ("old.db", "sqlite:///old.db"):
        told = imported(cli, source, "--database", f"sqlite:///to{len(source)}.db")
        assert (told["kind"], told["source"]) == ("database", "sqlite:///old.db")
        copy = ReturnPanel.from_database(f"sqlite:///to{len(source)}.db")
        assert copy.fingerprint() == wanted.fingerprint()
    imported(cli, "old.db", "--database", "cut.db", "--start-date", "2024-02-01")
    cut = ReturnPanel.from_database("sqlite:///cut.db")
    assert f"{cut.dates[0]:%Y-%m-%d}" == "2024-02-01"
    assert cut.has_market_caps  # those known before the first day stay


def test_caps_for_the_returns_already_there(cli, events, caps):
    imported(cli, "events.csv")
    assert not panel().has_market_caps
    told = imported(cli, "--market-caps", "caps.csv")
    assert told["n_market_caps"] == 2
    assert panel().has_market_caps


def test_the_market_database_of_the_configuration_is_written(cli, empty):
    (empty / "mass_tuning_config.yaml").write_text("market: {database: 'sqlite:///market.db'}\n")
    told = imported(cli, "synthetic", "--n-pairs", 4, "--n-days", 200)
    assert told["database"] == "sqlite:///market.db"
    assert cli("generate", "--size", 3).code == 0
    assert (empty / "funding_rate.db").exists()


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ([], "import what? SOURCE is a database URL"),
        (["nothing.csv"], "nothing.csv: cannot be read (No such file or directory)"),
        (["nothing.parquet"], "nothing.parquet: cannot be read"),
        (["nothing.db"], "nothing.db"),
        (["market.xlsx"], "directory); a market comes from a database URL"),
        (["other.csv"], "other.csv: has neither the columns of returns (trading_pair"),
        (["void.csv"], "void.csv: is empty"),
        (["bad.csv"], "bad.csv, row 3, column 'return_1d'"),
        (["events.csv", "--n-pairs", "3"], "--n-pairs is for the source synthetic, not events.csv"),
        (["synthetic", "--exchanges", "okx"], "--exchanges is for funding events"),
        (["synthetic", "--both-directions"], "--both-directions is for funding events"),
        (["synthetic", "--market-caps", "caps.csv"], "brings its own caps"),
        (["synthetic", "--start-date", "2040-01-01"], "no day from 2040-01-01"),
        (["synthetic", "--start-date", "soon"], "soon"),
        (["events.csv", "--exchanges", "mtgox"], "mtgox"),
        (["events.csv", "--market-caps", "nothing.csv"], "nothing.csv"),
        (["synthetic", "--n-pairs", "0"], "0 is not in the range"),
        (["mysql://me:hunter2@there/db"], "mysql"),
    ],
)
def test_bad_input_is_one_line(cli, events, caps, empty, args, message):
    (empty / "other.csv").write_text("a,b\n1,2\n")
    (empty / "void.csv").write_text("")
    (empty / "bad.csv").write_text(
        "trading_pair,date,return_1d\nA_x_y,2025-01-01,0.1\nA_x_y,2025-01-02,much\n"
    )
    done = cli("import", *args)
    assert done.code in (1, 2)
    assert done.out == ""
    assert message in done.error
    assert "hunter2" not in done.err


@pytest.mark.parametrize("chosen", ["csv", "json", "parquet"])
def test_export(cli, project, chosen):
    (session,) = cli("sessions", "--json").json
    told = cli("export", "--format", chosen, "--json").json
    assert told["file"] == f"{session['session_id']}.{chosen}"
    assert (told["strategies"], told["format"]) == (N_STRATEGIES, chosen)
    by_name = cli("export", "-o", f"all.{chosen}", "--session", session["session_id"], "--json")
    assert by_name.json["format"] == chosen
    assert (project / f"all.{chosen}").read_bytes() == (project / told["file"]).read_bytes()
    reader = {"csv": pd.read_csv, "parquet": pd.read_parquet}.get(chosen)
    if reader is None:
        lines = (project / told["file"]).read_text().splitlines()
        frame = pd.DataFrame([json.loads(line) for line in lines])
    else:
        frame = reader(told["file"])
    assert len(frame) == frame["strategy_id"].nunique() == N_STRATEGIES
    assert set(frame["failure"].dropna()) == {"insufficient_data"}
    assert frame["net_sharpe_ratio"].isna().sum() == frame["failure"].notna().sum()
    with sqlite3.connect("funding_rate.db") as connection:
        query = "SELECT max(net_sharpe_ratio) FROM hyperparameter_tuning_results"
        assert frame["net_sharpe_ratio"].max() == pytest.approx(
            connection.execute(query).fetchone()[0], rel=1e-12
        )


def test_export_for_people_and_refusals(cli, project):
    (session,) = cli("sessions", "--json").json
    done = cli("export", "-o", "all.csv")
    assert f"240 strategies of {session['session_id']} in all.csv" in done.out
    assert "the format is one of" in cli("export", "-o", "all.txt").error
    assert "does not exist" in cli("export", "-o", "nowhere/all.csv").error
    assert "'xml' is not one of" in cli("export", "--format", "xml").error
    assert not list(project.glob("*.part"))
