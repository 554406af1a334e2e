"""Binance's monthly files: the symbol stands in the name, also inside a zip."""

import io
import zipfile

import pytest

from objectives.market.reading import form_of, read_events
from search_spaces.errors import DataError
from tests.helpers.funding import kinds, read, rows, write

TEXT = (
    "calc_time,funding_interval_hours,last_funding_rate\n"
    "1704067200003,8,0.00030000\n"
    "1704096000000,8,-0.00012500\n"
)
EXPECTED = [
    ("binance", "BTCUSDT", "2024-01-01T00:00:00.003000", 0.0003),
    ("binance", "BTCUSDT", "2024-01-01T08:00:00.000000", -0.000125),
]


def zipped(name, text):
    into = io.BytesIO()
    with zipfile.ZipFile(into, "w") as archive:
        archive.writestr(name, text)
    return into.getvalue()


def test_csv(tmp_path):
    events = read(tmp_path, "BTCUSDT-fundingRate-2024-01.csv", TEXT)
    assert rows(events) == EXPECTED
    assert kinds(events) == []
    assert form_of(tmp_path / "BTCUSDT-fundingRate-2024-01.csv") == "binance-vision"


def test_the_name_in_the_zip_counts(tmp_path):
    content = zipped("BTCUSDT-fundingRate-2024-01.csv", TEXT)
    assert rows(read(tmp_path, "download(1).zip", content)) == EXPECTED


def test_coin_margined_contracts(tmp_path):
    events = read(tmp_path, "BTCUSD_PERP-fundingRate-2024-01.csv", TEXT)
    assert events.symbols == ("BTCUSD",)


def test_a_folder_of_months_and_symbols(tmp_path):
    for name in ("BTCUSDT-fundingRate-2024-01", "1000PEPEUSDT-fundingRate-2024-01"):
        write(tmp_path / "months", f"{name}.zip", zipped(f"{name}.csv", TEXT))
        write(tmp_path / "months", f"{name}.zip.CHECKSUM", "0123  x\n")
    events = read_events(tmp_path / "months")
    assert events.symbols == ("BTCUSDT", "PEPEUSDT")
    assert len(events) == 4
    assert kinds(events) == ["multiples"]


def test_a_renamed_file_needs_the_symbol(tmp_path):
    with pytest.raises(DataError, match=r"january\.csv: does not say the symbol.*--symbol BTCUSDT"):
        read(tmp_path, "january.csv", TEXT)
    assert rows(read(tmp_path, "january.csv", TEXT, symbol="BTCUSDT")) == EXPECTED


def test_the_symbol_of_the_name_comes_before_that_of_the_option(tmp_path):
    events = read(tmp_path, "BTCUSDT-fundingRate-2024-01.csv", TEXT, symbol="ETHUSDT")
    assert events.symbols == ("BTCUSDT",)


def test_a_bad_cell_is_named_by_line_and_column(tmp_path):
    text = TEXT + "1704124800000,8,\n"
    with pytest.raises(DataError, match=r"row 4, column 'last_funding_rate': .* is missing"):
        read(tmp_path, "BTCUSDT-fundingRate-2024-01.csv", text)
