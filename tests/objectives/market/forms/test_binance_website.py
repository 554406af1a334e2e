"""The table of Binance's website: percent as text, latest first."""

import pytest

from objectives.market.reading import form_of
from search_spaces.errors import DataError
from tests.helpers.funding import read, rows

TEXT = (
    '"Time","Contracts","Funding Interval","Funding Rate"\n'
    '"2024-01-01 08:00:00","BTCUSDT Perpetual","8h","-0.012500%"\n'
    '"2024-01-01 00:00:00","BTCUSDT Perpetual","8h","0.030000%"\n'
)


def test_percent_becomes_a_fraction_to_the_last_bit(tmp_path):
    assert rows(read(tmp_path, "Funding Rate History.csv", TEXT)) == [
        ("binance", "BTCUSDT", "2024-01-01T08:00:00.000000", -0.000125),
        ("binance", "BTCUSDT", "2024-01-01T00:00:00.000000", 0.0003),
    ]
    assert form_of(tmp_path / "Funding Rate History.csv") == "binance-website"


def test_times_may_be_those_of_a_zone(tmp_path):
    events = read(tmp_path, "f.csv", TEXT, timezone="Asia/Taipei")
    assert rows(events)[0][2] == "2024-01-01T00:00:00.000000"


@pytest.mark.parametrize("cell", ["%", "1_0%", "nan%", "inf%", "0.03%%", "0,03%"])
def test_percent_that_is_no_number(tmp_path, cell):
    text = TEXT.replace("0.030000%", cell)
    with pytest.raises(DataError, match=r"row 3, column 'Funding Rate': not a number"):
        read(tmp_path, "f.csv", text)
