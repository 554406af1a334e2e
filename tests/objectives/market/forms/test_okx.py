"""OKX: the realised rate counts, not the forecast; the header is bilingual."""

import json

import pytest

from objectives.market.reading import form_of
from search_spaces.errors import DataError
from tests.helpers.funding import read, rows

PLAIN = "instrument_name,contract_type,funding_rate,real_funding_rate,funding_time\n"
BILINGUAL = (
    "instrument_name/合约名称,contract_type/合约类型,funding_rate/预测资金费率,"
    "real_funding_rate/实际资金费率,funding_time/资金费时间\n"
)
ROWS = (
    "BTC-USDT-SWAP,swap,0.0002,0.0001,1704067200000\n"
    "币安人生-USDT-SWAP,swap,0.0002,-0.0003,1704096000000\n"
)
EXPECTED = [
    ("okx", "BTCUSDT", "2024-01-01T00:00:00.000000", 0.0001),
    ("okx", "币安人生USDT", "2024-01-01T08:00:00.000000", -0.0003),
]


@pytest.mark.parametrize("header", [PLAIN, BILINGUAL])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "gb18030", "utf-16"])
def test_csv(tmp_path, header, encoding):
    path_and_text = ("allswap-fundingrates-2024-01-01.csv", (header + ROWS).encode(encoding))
    assert rows(read(tmp_path, *path_and_text)) == EXPECTED
    assert form_of(tmp_path / path_and_text[0]) == "okx"


def test_rest(tmp_path):
    record = {
        "instType": "SWAP",
        "instId": "BTC-USDT-SWAP",
        "fundingRate": "0.0002",
        "realizedRate": "0.0001",
        "fundingTime": "1704067200000",
        "method": "current_period",
    }
    text = json.dumps({"code": "0", "msg": "", "data": [record]})
    assert rows(read(tmp_path, "okx.json", text)) == EXPECTED[:1]


def test_renamed_columns_do_not_smuggle_the_forecast_in(tmp_path):
    text = (
        "symbol,exchange,funding_rate,real_funding_rate,timestamp\n"
        "BTCUSDT,okx,0.0002,0.0001,1704067200000\n"
    )
    with pytest.raises(DataError, match=r"two rates.*--columns .*rate=real_funding_rate"):
        read(tmp_path, "renamed.csv", text)
    named = {"timestamp": "timestamp", "symbol": "symbol", "rate": "real_funding_rate"}
    assert rows(read(tmp_path, "renamed.csv", text, columns=named)) == EXPECTED[:1]
