"""``market``, and what ``import`` makes of files: options, notes, sources, what is refused."""

import sqlite3
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from objectives import ReturnPanel

DATABASE = "sqlite:///funding_rate.db"
HEADER = "timestamp,symbol,exchange,funding_rate\n"


def lines(exchange, rate, *, symbol="BTCUSDT", n_days=3, start="2025-01-01"):
    stamps = pd.date_range(start, periods=3 * n_days, freq="8h")
    return "".join(f"{stamp},{symbol},{exchange},{rate}\n" for stamp in stamps)


def panel():
    return ReturnPanel.from_database(DATABASE)


@pytest.fixture
def two_sides(empty):
    """Events of one symbol on two exchanges over three days, in a file each."""
    for name, rate in (("binance", 3e-4), ("bybit", 1e-4)):
        Path(f"{name}.csv").write_text(HEADER + lines(name, rate))


@pytest.fixture
def market(cli, two_sides):
    """Both files in the database."""
    assert cli("import", "binance.csv", "bybit.csv").code == 0


def test_files_of_several_exchanges_become_pairs(cli, two_sides):
    done = cli("import", "binance.csv", "bybit.csv", "--json").json
    assert (done["kind"], done["n_events"], done["n_pairs"]) == ("events", 18, 1)
    assert done["source"] == "binance.csv and 1 more"
    np.testing.assert_allclose(panel().returns[:, 0], 6e-4, rtol=1e-12)


def test_one_after_the_other_is_the_same(cli, two_sides):
    assert cli("import", "binance.csv").code == 0
    assert panel().pairs == ("BTCUSDT_binance_spot",)
    text = cli("import", "bybit.csv").out
    assert "3 rows that are new or changed, 3 deleted" in text
    assert panel().pairs == ("BTCUSDT_binance_bybit",)


def test_a_folder(cli, two_sides):
    Path("all").mkdir()
    for name in ("binance", "bybit"):
        Path(f"{name}.csv").rename(f"all/{name}.csv")
    assert cli("import", "all").code == 0
    assert panel().pairs == ("BTCUSDT_binance_bybit",)


def test_several_sources_are_events_only(cli, two_sides):
    panel_file = ReturnPanel.synthetic(n_pairs=2, n_days=5).to_frame()
    panel_file.to_csv("returns.csv", index=False)
    refused = cli("import", "binance.csv", "returns.csv")
    assert (refused.code, "returns.csv: several sources at once" in refused.error) == (2, True)


def test_a_form_that_is_insisted_on(cli, two_sides):
    refused = cli("import", "binance.csv", "--form", "okx")
    assert refused.code == 2
    assert "okx" in refused.error
    assert cli("import", "binance.csv", "--form", "general").code == 0


def test_columns_exchange_symbol_and_zone_of_a_file_that_says_nothing(cli, empty):
    stamps = pd.date_range("2025-01-01 08:00", periods=6, freq="8h")  # midnight in Taipei
    Path("mine.csv").write_text("when,paid\n" + "".join(f"{t},0.0001\n" for t in stamps))
    args = ("import", "mine.csv", "--columns", "timestamp=when,rate=paid")
    assert "--exchange" in cli(*args).error
    assert "--symbol" in cli(*args, "--exchange", "Gate.io").error
    whole = (*args, "--exchange", "gate", "--symbol", "BTC_USDT", "--timezone", "Asia/Taipei")
    assert cli(*whole).code == 0
    assert panel().pairs == ("BTCUSDT_gate_spot",)
    assert panel().n_days == 2
    assert "is written NAME=VALUE, got 'when'" in cli(*args[:3], "when").error


def test_the_zone_of_the_configuration(cli, empty):
    stamps = pd.date_range("2025-01-01 08:00", periods=6, freq="8h")
    rows = "".join(f"{t},BTCUSDT,gate,0.0001\n" for t in stamps)
    Path("events.csv").write_text(HEADER + rows)
    Path("mass_tuning_config.yaml").write_text("market: {timezone: Asia/Taipei}\n")
    assert cli("import", "events.csv").code == 0
    assert panel().n_days == 2
    later = cli("import", "events.csv", "--timezone", "UTC", "--json").json  # by eight hours
    assert later["n_events"] == 1


@pytest.mark.parametrize("how", ["option", "configuration"])
def test_aliases(cli, empty, how):
    Path("events.csv").write_text(
        HEADER
        + lines("binance", 3e-4, symbol="LUNA2USDT")
        + lines("okx", 1e-4, symbol="LUNA-USDT-SWAP")
    )
    args = ()
    if how == "option":
        args = ("--alias", "okx:LUNA-USDT-SWAP=LUNA2USDT")
    else:
        Path("mass_tuning_config.yaml").write_text(
            'market: {aliases: {"okx:LUNA-USDT-SWAP": LUNA2USDT}}\n'
        )
    assert cli("import", "events.csv", *args).code == 0
    assert panel().pairs == ("LUNA2USDT_binance_okx",)


def test_incomplete_days_and_rebuilding(cli, two_sides):
    text = Path("bybit.csv").read_text().splitlines(keepends=True)
    Path("bybit.csv").write_text("".join(text[:-1]))
    done = cli("import", "binance.csv", "bybit.csv", "--json").json
    assert [note["kind"] for note in done["notes"]] == ["incomplete_days"]
    assert done["notes"][0]["example"] == "BTCUSDT on bybit, 2025-01-03"
    assert panel().n_days == 2
    kept = cli("import", "--rebuild", "--incomplete-days", "keep", "--json").json
    assert (kept["n_written"], kept["n_events"]) == (1, 0)
    assert panel().n_days == 3
    assert cli("import", "--rebuild", "--json").json["n_written"] == 0  # as before
    Path("mass_tuning_config.yaml").write_text(
        "market: {incomplete_days: drop, both_directions: true}\n"
    )
    assert "1 deleted" in cli("import", "--rebuild").out
    assert panel().pairs == ("BTCUSDT_binance_bybit", "BTCUSDT_bybit_binance")
    assert "2 deleted" in cli("import", "--rebuild", "--one-direction").out
    refused = cli("import", "bybit.csv", "--rebuild")
    assert "takes no SOURCE" in refused.error
    for option in ("--exchanges", "--alias"):
        assert f"takes no {option}" in cli("import", "--rebuild", option, "A=B").error


def test_nothing_to_rebuild(cli, empty):
    refused = cli("import", "--rebuild")
    assert (refused.code, "holds no funding events" in refused.error) == (2, True)
    assert not Path("funding_rate.db").exists()


def test_strict_refuses_what_looks_wrong(cli, empty):
    Path("percent.csv").write_text(HEADER + lines("binance", 0.03) + lines("bybit", 0.01))
    refused = cli("import", "percent.csv", "--strict")
    assert refused.code == 2
    assert "2 sides have a median rate above 0.5% a settlement" in refused.error
    assert not Path("funding_rate.db").exists()
    done = cli("import", "percent.csv")
    assert done.code == 0
    assert "note: 2 sides have a median rate above 0.5%" in done.err


def test_another_market_is_written_with_yes_only(cli, market):
    refused = cli("import", "synthetic", "--n-pairs", 2, "--n-days", 40)
    assert refused.code == 2
    assert "is another market" in refused.error
    assert panel().n_pairs == 1
    assert cli("import", "synthetic", "--n-pairs", 2, "--n-days", 40, "--yes").code == 0
    assert panel().n_pairs == 3


def test_demo_writes_into_no_other_market(cli, market):
    refused = cli("demo", "--folder", ".", "--size", 5)
    assert (refused.code, "holds another market" in refused.error) == (2, True)
    assert panel().n_pairs == 1


def test_summary(cli, market):
    told = cli("market", "summary")
    assert told.code == 0
    for text in (
        "2025-01-01 to 2025-01-03, 3",
        "3, 100.0% of all pair-days",
        "binance 1, bybit 1",
        "binance.csv",
        "█",
    ):
        assert text in told.out
    document = cli("market", "summary", "--json").json
    assert (document["n_pairs"], document["n_returns"], document["notes"]) == (1, 3, [])
    assert [(each["label"], each["n_events"]) for each in document["sources"]] == [
        ("binance.csv", 9),
        ("bybit.csv", 9),
        ("funding_events", 0),
    ]


def test_show(cli, market):
    told = cli("market", "show", "BTCUSDT_binance_bybit")
    assert told.code == 0
    for text in ("3 with a return", "21.90 %", "binance.csv, bybit.csv", "0.18"):
        assert text in told.out
    document = cli("market", "show", "BTCUSDT_binance_bybit", "--json").json
    assert document["annual"] == pytest.approx(365 * 6e-4)
    assert cli("market", "show", "X_a_b").code == 2


@pytest.mark.parametrize(
    "command", [("summary",), ("show", "A_b_c"), ("remove", "--pair", "A_b_c")]
)
def test_no_database(cli, empty, command):
    refused = cli("market", *command)
    assert refused.code in (1, 2)
    assert "no such file" in refused.error
    assert not Path("funding_rate.db").exists()


def test_remove_asks(cli, market):
    refused = cli("market", "remove", "--exchange", "bybit")
    assert refused.code == 2
    assert "3 returns of 1 pairs, 9 funding events, and there is no terminal" in refused.error
    assert panel().n_pairs == 1


def test_remove(cli, market):
    done = cli("market", "remove", "--after", "2025-01-02", "--yes", "--json").json
    assert (done["deleted"], done["n_returns"], done["n_events"]) == (7, 1, 6)
    assert panel().n_days == 2
    assert cli("market", "remove", "--source", "bybit.csv", "--yes").code == 0
    assert "has no rows" in cli("market", "summary").error
    assert cli("import", "--rebuild").code == 0
    assert panel().pairs == ("BTCUSDT_binance_spot",)
    assert "remove what?" in cli("market", "remove", "--yes").error


def test_remove_names_the_sessions_that_used_it(cli, project):
    session = cli("sessions", "--json").json[0]["session_id"]
    pair = panel().pairs[0]
    refused = cli("market", "remove", "--pair", pair)
    assert f"used by {session}" in refused.error
    done = cli("market", "remove", "--pair", pair, "--yes")
    assert "these are not resumed on the changed market" in done.err
    assert session in done.err
    late = cli("market", "remove", "--after", str(panel().dates[-1])[:10], "--yes")
    assert "nothing fits" in late.error


def test_options_of_events_for_a_file_of_returns(cli, empty):
    ReturnPanel.synthetic(n_pairs=2, n_days=5).to_frame().to_csv("returns.csv", index=False)
    Path("mass_tuning_config.yaml").write_text("market: {both_directions: true, timezone: UTC}\n")
    assert cli("import", "returns.csv").code == 0
    for option in (("--timezone", "UTC"), ("--incomplete-days", "keep"), ("--one-direction",)):
        assert "is for funding events" in cli("import", "returns.csv", *option).error


def test_sessions_of_a_market_in_a_database_of_its_own(cli, empty):
    Path("mass_tuning_config.yaml").write_text('market: {database: "sqlite:///market.db"}\n')
    assert cli("import", "synthetic", "--n-pairs", 12, "--n-days", 160).code == 0
    planned = cli("generate", "--mode", "sampling", "--size", 3, "--json")
    assert planned.code == 0, planned.err
    refused = cli("market", "remove", "--before", "2024-01-05")
    assert f"used by {planned.json['session_id']}" in refused.error


def test_caps_that_are_not_known(cli, market):
    Path("caps.csv").write_text("symbol,market_cap\nBTCUSDT,1e12\nBTCUSDT,9e11\nETHUSDT,0\n")
    done = cli("import", "--market-caps", "caps.csv", "--json").json
    assert {note["kind"] for note in done["notes"]} == {"caps_listed_twice", "caps_without_pair"}
    with sqlite3.connect("funding_rate.db") as connection:
        query = "select c.market_cap, s.label, s.kind from market_caps c join market_sources s "
        rows = connection.execute(query + "on s.id = c.source_id").fetchall()
    connection.close()
    assert rows == [(1e12, "caps.csv", "caps")]
