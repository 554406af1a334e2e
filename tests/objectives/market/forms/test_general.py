"""Tables people make themselves, and columns they name."""

import pytest

from objectives.market.forms import FORMS
from objectives.market.reading import ReadingOptions, form_of, read_events
from search_spaces.errors import DataError
from tests.helpers.funding import HEADER, kinds, read, rows, write

EXPECTED = [("okx", "BTCUSDT", "2024-01-01T00:00:00.000000", 0.0001)]


@pytest.mark.parametrize(
    "header",
    [
        HEADER,
        "Time,Contract,Venue,Funding Rate",
        "funding_time,instrument,exchange,rate",
        "datetime,coin,exchange,fundingRate",
    ],
)
def test_names_of_columns(tmp_path, header):
    assert rows(read(tmp_path, "t.csv", f"{header}\n2024-01-01,BTCUSDT,okx,0.0001\n")) == EXPECTED
    assert form_of(tmp_path / "t.csv") == "general"


def test_symbol_date_and_rate(tmp_path):
    text = "Symbol,Date,Funding Rate\nBTC-USDT,2024-01-01 00:00:00,0.0001\n"
    with pytest.raises(DataError, match=r"does not say the exchange.*Symbol, Date, Funding Rate"):
        read(tmp_path, "t.csv", text)
    assert rows(read(tmp_path, "t.csv", text, exchange="okx")) == EXPECTED


def test_named_columns(tmp_path):
    text = "when,what,where,how much,timestamp\n2024-01-01,BTCUSDT,okx,0.0001,x\n"
    named = {"timestamp": "when", "symbol": "what", "exchange": "where", "rate": "how much"}
    assert rows(read(tmp_path, "t.csv", text, columns=named)) == EXPECTED
    with pytest.raises(DataError, match=r"none of the forms.*when, what, where.*--columns time"):
        read(tmp_path, "t.csv", text)
    del named["exchange"]
    assert rows(read(tmp_path, "t.csv", text, columns=named, exchange="okx")) == EXPECTED


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (
            {"timestamp": "when", "rate": "no"},
            "rate=no, but there is no column 'no'; .* when",
        ),
        ({"timestamp": "when"}, "timestamp=NAME,symbol=NAME,rate=NAME"),
        ({"timestamp": "when", "rate": "how", "price": "x"}, "got .*price=x"),
    ],
)
def test_wrongly_named_columns(tmp_path, columns, message):
    with pytest.raises(DataError, match=message):
        read(tmp_path, "t.csv", "when,what,how\n2024-01-01,BTCUSDT,0.1\n", columns=columns)


def test_insisting_on_a_form(tmp_path):
    text = "coin,fundingRate,time,symbol,exchange\nBTC,0.0001,2024-01-01,BTCUSDT,okx\n"
    assert read(tmp_path, "t.csv", text).exchanges == ("hyperliquid",)
    assert rows(read(tmp_path, "t.csv", text, form="general")) == EXPECTED
    with pytest.raises(DataError, match="not in the form gate, which has the columns t, contract"):
        read(tmp_path, "t.csv", text, form="gate")
    with pytest.raises(DataError, match="no form 'excel'; the forms are binance-vision"):
        read(tmp_path, "t.csv", text, form="excel")


def test_coins_stay_coins_where_all_are_coins(tmp_path):
    text = f"{HEADER}\n2024-01-01,BTC,okx,0.1\n2024-01-01,BTC,hyperliquid,0.1\n"
    assert read(tmp_path, "t.csv", text).symbols == ("BTC",)
    text = text.replace("BTC,okx", "BTCUSDT,okx")
    events = read(tmp_path, "t.csv", text)
    assert events.symbols == ("BTCUSDT",)
    assert kinds(events) == ["hyperliquid_quote"]


def test_coins_become_contracts_where_another_source_has_contracts(tmp_path):
    coins = write(tmp_path, "coins.csv", f"{HEADER}\n2024-01-01,BTC,hyperliquid,0.1\n")
    vision = "calc_time,funding_interval_hours,last_funding_rate\n1704067200003,8,0.0003\n"
    binance = write(tmp_path, "BTCUSDT-fundingRate-2024-01.csv", vision)
    events = read_events([coins, binance])
    assert events.symbols == ("BTCUSDT",)
    assert events.exchanges == ("binance", "hyperliquid")
    assert events.label.endswith("coins.csv and 1 more")


def test_no_source():
    with pytest.raises(DataError, match="no source"):
        read_events([])


def test_a_zone_that_is_none(tmp_path):
    path = write(tmp_path, "t.csv", f"{HEADER}\n2024-01-01,BTC,okx,0.1\n")
    with pytest.raises(DataError, match="no time zone 'Taipeh'"):
        read_events([path], ReadingOptions(timezone="Taipeh"))


def test_names_of_forms_are_distinct_and_say_where_they_come_from():
    assert len({form.name for form in FORMS}) == len(FORMS)
    assert all(form.published and form.layouts for form in FORMS)


def test_a_rate_in_money_beside_the_fraction_is_not_taken(tmp_path):
    text = "timestamp,symbol,fundingRate,relativeFundingRate\n2024-01-01,PF_XBTUSD,4.2,0.0001\n"
    with pytest.raises(DataError, match=r"two rates, .* 'relativeFundingRate'; say which"):
        read(tmp_path, "t.csv", text, exchange="kraken")
