"""The worked cases of independent implementations, to 1e-9."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from objectives import BacktestSettings, FactorBacktest, ReturnPanel
from search_spaces import StrategyParams

PARITY = Path(__file__).parents[1] / "parity"
CASES = json.loads((PARITY / "cases.json").read_text())


@pytest.fixture(scope="module")
def panel() -> ReturnPanel:
    return ReturnPanel.from_returns(
        PARITY / "return_metrics.csv.gz", market_caps=PARITY / "market_caps.csv"
    )


@pytest.fixture(scope="module", params=CASES)
def case(request, panel):
    """Every case; the last three record neither trades nor rankings."""
    recorded = CASES[request.param]
    params = StrategyParams(
        **{**recorded["params"], "factors": tuple(recorded["params"]["factors"])}
    )
    settings = BacktestSettings(**recorded["settings"], min_active_days=0)
    return recorded, FactorBacktest(panel, settings).run(params)


def test_metrics(case):
    recorded, result = case
    assert set(recorded["metrics"]) <= set(result.metrics)
    for name, value in recorded["metrics"].items():
        if value is None:
            assert result.metrics[name] is None, name
        else:
            assert result.metrics[name] == pytest.approx(value, rel=1e-9, abs=1e-12), name


def test_equity(case):
    recorded, result = case
    dates = pd.DatetimeIndex([date for date, _ in recorded["equity"]])
    assert list(result.equity.index) == list(dates)
    np.testing.assert_allclose(result.equity, [value for _, value in recorded["equity"]], rtol=1e-9)


def test_trades(case):
    recorded, result = case
    if "trades" not in recorded:
        assert recorded["settings"]["value_at_liquidation"]
        return
    trades = result.trades[result.trades["action"] != "funding"]
    got = list(zip(trades["date"], trades["action"], trades["trading_pair"], strict=True))
    expected = [(pd.Timestamp(t["date"]), t["action"], t["pair"]) for t in recorded["trades"]]
    assert got == expected
    amounts = [t["amount"] for t in recorded["trades"]]
    np.testing.assert_allclose(trades["amount"], amounts, rtol=0, atol=0.0050001)


def test_rankings(case):
    recorded, result = case
    for date, rows in recorded.get("ranking", {}).items():
        table = result.ranking(date)
        assert list(table["trading_pair"]) == [row["pair"] for row in rows], date
        scores = [row["score"] for row in rows]
        np.testing.assert_allclose(table["score"], scores, rtol=1e-9, atol=1e-12)
