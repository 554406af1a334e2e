"""From a strategy to an order: scaled positions, legs, trades, and the file between two days."""

import datetime as dt
import io
from dataclasses import replace

import pytest
import sqlalchemy as sa

from objectives import FactorBacktest
from search_spaces.errors import ConfigError, DataError, SessionError
from studies.analysis import (
    NOTHING,
    Held,
    choose_strategy,
    on_market,
    positions_of,
    read_held,
    save_detail,
    top,
    write_positions,
)
from studies.analysis.one_strategy import objective_of_one
from studies.analysis.positions import Leg, legs_of, order_of
from studies.sessions import build_objective
from tests.helpers.sessions import BACKTEST


@pytest.fixture
def best(completed):
    """The best strategy of the session on its best."""
    chosen = choose_strategy(completed.config, completed.engine, "best")
    return on_market(chosen, completed.engine)


def held_by_hand(engine, backtest_id):
    """What the rows of backtest_trades leave, entry after entry."""
    rows = sa.text(
        "SELECT trading_pair, action, amount FROM backtest_trades "
        "WHERE backtest_id = :id AND action IN ('enter', 'exit') ORDER BY id"
    )
    held = {}
    with engine.connect() as connection:
        for pair, action, amount in connection.execute(rows, {"id": backtest_id}):
            if action == "enter":
                held[pair] = amount
            else:
                assert held.pop(pair) == amount
    return held


def test_they_are_what_the_recorded_trades_leave_to_the_cent(completed):
    """Ten strategies: on the last day what the backtest holds, on the day before what it will."""
    engine = completed.engine
    full = build_objective(completed)
    last = full.settings.end_date
    names = top(completed, 40)["strategy_id"].tolist()[::4]
    n_compared = 0
    for name in names:
        best = on_market(choose_strategy(completed.config, engine, name), engine)
        one = objective_of_one(completed.config, full, best.params)
        saved = save_detail(engine, "session_x", name, one, one.run(best.params), rankings="none")
        by_hand = held_by_hand(engine, saved.backtest_id)
        now, before = (positions_of(best, last - dt.timedelta(days=n)) for n in (0, 1))
        assert {p.trading_pair: round(p.held, 2) for p in now.positions if p.held} == {
            pair: round(amount, 2) for pair, amount in by_hand.items()
        }
        assert {p.trading_pair: p.amount for p in before.positions if p.amount} == by_hand
        assert (now.scale, now.held_from, now.date) == (1.0, "strategy", last + dt.timedelta(1))
        n_compared += len(by_hand)
    assert n_compared > 20


def test_the_market_goes_on_after_the_end_of_the_session(make_session):
    session = make_session(size=30, backtest={**BACKTEST, "end_date": "2024-05-10"})
    session.run()
    best = on_market(choose_strategy(session.config, session.engine, "best"), session.engine)
    assert not best.has_changed
    found = positions_of(best)
    assert found.ranking_date == best.panel.dates[-1].date() > dt.date(2024, 5, 10)
    later = replace(best.settings, end_date=found.ranking_date)
    result = FactorBacktest(best.panel, later, space=session.space).run(best.params)
    entered = result.trades.query("action != 'funding'")
    held = [p for p in found.positions if p.held]
    assert sum(p.held for p in held) == pytest.approx(
        entered["amount"].where(entered["action"] == "enter", -entered["amount"]).sum()
    )


def test_capital_scales_everything_and_trades_begin_from_the_strategy(best):
    plain, large = (positions_of(best, capital=capital) for capital in (None, 250_000.0))
    assert plain.capital == plain.backtest_wealth
    assert large.scale == 250_000.0 / plain.backtest_wealth
    for one, other in zip(plain.positions, large.positions, strict=True):
        assert other.amount == pytest.approx(one.amount * large.scale)
        assert other.held == pytest.approx(one.held * large.scale)
    assert large.cash + sum(p.amount for p in large.positions) + large.fees == pytest.approx(
        250_000.0
    )
    totals = large.exchanges.values()
    half = sum(p.amount for p in large.positions) / 2
    assert sum(sides["short"] for sides in totals) == pytest.approx(half)
    assert sum(sides["long"] for sides in totals) == pytest.approx(half)
    with pytest.raises(ConfigError, match="must be above 0, got 0"):
        positions_of(best, capital=0.0)


def test_who_holds_nothing_buys_all_with_the_initial_capital_and_pays_the_fees(best):
    found = positions_of(best, held=Held(NOTHING))
    assert found.capital == best.settings.initial_capital
    assert [p.trade for p in found.positions] == [p.amount for p in found.positions]
    traded = sum(p.amount for p in found.positions)
    assert found.fees == pytest.approx(best.settings.fee_rate * traded) != 0.0
    document = found.to_dict()
    for position in document["positions"]:
        short, long = position["legs"]
        assert (short["side"], short["order"]) == ("short", "sell")
        assert (long["side"], long["order"]) == ("long", "buy")
        assert short["amount"] == long["amount"] == position["amount"] / 2
        assert position["trading_pair"] == "_".join(
            [position["symbol"], short["exchange"], long["exchange"]]
        )


def test_the_file_of_one_day_is_where_the_next_begins(best, tmp_path):
    first = positions_of(best, capital=50_000.0)
    write_positions(first, tmp_path / "held.csv")
    held = read_held(tmp_path / "held.csv")
    assert held.worth == pytest.approx(50_000.0 - first.fees, abs=1e-3)
    assert held.amounts == {p.trading_pair: round(p.amount, 6) for p in first.positions if p.amount}
    again = positions_of(best, held=held, capital=50_000.0)
    assert [p.trade for p in again.positions] == [0.0] * len(again.positions)
    assert again.fees == 0.0
    smaller = positions_of(best, held=held, capital=40_000.0)
    assert all(p.trade < 0 for p in smaller.positions)
    assert {order_of(leg, p.trade) for p in smaller.positions for leg in p.legs[:1]} == {"buy"}
    largest = max(-p.trade for p in smaller.positions)
    few = positions_of(best, held=held, capital=40_000.0, min_trade=largest)
    assert sum(p.trade != 0 for p in few.positions) == 1
    kept = [p for p in few.positions if p.trade == 0]
    assert [p.amount for p in kept] == [p.held for p in kept]


def test_what_is_held_beside_the_strategy_is_closed(best):
    wanted = {p.trading_pair for p in positions_of(best).positions}
    other = next(pair for pair in best.panel.pairs if pair not in wanted)
    held = Held("file", {other: 700.0}, 9_300.0)
    found = positions_of(best, held=held)
    assert found.capital == 10_000.0
    (closed,) = [p for p in found.positions if p.trading_pair == other]
    assert (closed.amount, closed.held, closed.trade) == (0.0, 700.0, -700.0)
    assert found.positions[-1] == closed or closed.rank is not None
    with pytest.raises(ConfigError, match=r"no row of cash.*--capital"):
        positions_of(best, held=Held("file", {other: 700.0}))
    assert positions_of(best, held=Held("file", {other: 700.0}), capital=5e3).capital == 5e3


def test_too_little_capital_for_fees_is_said(best):
    params = replace(best.params, selection_count=1, weight_method="EQ", rebalance_frequency=30)
    settings = replace(best.settings, position_size=0.98, fee_rate=0.02)
    invested = replace(best, params=params, settings=settings)
    found = positions_of(invested)
    (held,) = (p.trading_pair for p in found.positions)
    assert not any("short of" in text for text in found.warnings)
    other = next(pair for pair in best.panel.pairs if pair != held)
    found = positions_of(invested, held=Held("file", {other: 10_000.0}, 0.0))
    assert found.cash < 0  # both trades cost two of a hundred, and two are left for them
    assert f"the capital is {-found.cash:.2f} short of positions and fees" in found.warnings[-1]


def test_stale_pairs_are_named(best):
    held = next(p.trading_pair for p in positions_of(best).positions)
    returns = best.panel.returns.copy()
    place = best.panel.pairs.index(held)
    returns[-3:, place] = float("nan")
    found = positions_of(replace(best, panel=replace(best.panel, returns=returns)))
    (stale,) = [p for p in found.positions if p.trading_pair == held]
    last = best.panel.dates[-4].date()
    assert (stale.is_stale, stale.last_observation) == (True, last)
    assert found.stale == (held,)
    assert f"{held} is stale: no data since {last}" in found.warnings


def test_names_that_do_not_say_their_legs(best):
    renamed = tuple(f"{k:02d}-{pair.replace('_', '/')}" for k, pair in enumerate(best.panel.pairs))
    found = positions_of(replace(best, panel=replace(best.panel, pairs=renamed)))
    assert all(p.legs == () for p in found.positions)
    assert found.exchanges == {}
    assert found.cash == pytest.approx(positions_of(best).cash)
    assert any(
        "are not known: the name is not SYMBOL_exchange_exchange" in t for t in found.warnings
    )
    file = io.BytesIO()
    write_positions(found, file)
    assert len(file.getvalue().decode().splitlines()) == len(found.positions) + 2


@pytest.mark.parametrize(
    ("name", "legs"),
    [
        ("BTCUSDT_binance_bybit", (Leg("binance", "short"), Leg("bybit", "long"))),
        ("BTCUSDT_okx_spot", (Leg("okx", "short"), Leg("spot", "long"))),
        ("X_hyperliquid-dex_okx", (Leg("hyperliquid-dex", "short"), Leg("okx", "long"))),
        ("BTC_USDT_PERP", ()),
        ("BTC_a_a", ()),
        ("BTCUSDT", ()),
        ("BTC_a", ()),
        ("_a_b", ()),
        ("BTC_a_b_c", ()),
        ("BTC_a b_c", ()),
    ],
)
def test_legs(name, legs):
    assert legs_of(name) == legs


def test_the_sign_of_a_leg_is_that_of_the_return():
    """A pair earns the rate of A less that of B: who is short on A is paid its rate."""
    short, long = legs_of("BTCUSDT_a_b")
    assert [order_of(short, 5.0), order_of(long, 5.0)] == ["sell", "buy"]
    assert [order_of(short, -5.0), order_of(long, -5.0)] == ["buy", "sell"]
    assert order_of(short, 0.0) is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "row 1: no column trading_pair and no column amount"),
        ("trading_pair;amount\nA_a_b;5\n", "row 1: no column trading_pair"),
        ("trading_pair,amount,size\n", "row 1: unknown column 'size'"),
        ("trading_pair,amount,amount\n", "row 1: the column amount is there twice"),
        ("trading_pair,amount\nA_a_b\n", "row 2: 1 cells where the header has 2"),
        ("trading_pair,amount\nA_a_b,x\n", "row 2: amount is a number like 1234.56, got 'x'"),
        ("trading_pair,amount\nA_a_b,nan\n", "row 2: amount is a number"),
        ("trading_pair,amount\nA_a_b,1_0\n", "row 2: amount is a number"),
        ("trading_pair,amount\nA_a_b,1e999\n", "row 2: amount is a number"),
        ("trading_pair,amount\n\nA_a_b,-1\n", "row 3: amount is the money in both legs"),
        ("trading_pair,amount\n ,1\n", "row 2: trading_pair is empty"),
        ("trading_pair,amount\nA_a_b,1\nA_a_b,1\n", r"row 3: A_a_b is there already, in .* row 2"),
        ('trading_pair,amount\n"A_a_b,1\n', "is not a CSV file"),
        ("trading_pair,amount\nA\xff\n".encode("latin-1"), "is not a CSV file"),
    ],
)
def test_a_file_that_cannot_be_read_names_the_row(tmp_path, text, message):
    path = tmp_path / "held.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(DataError, match=message):
        read_held(path)


def test_a_file_by_hand(tmp_path, best):
    path = tmp_path / "held.csv"
    path.write_text("﻿amount,trading_pair\n12.5,'=A_a_b\n0,B_a_b\n-3,cash\n", encoding="utf-8")
    held = read_held(path)
    assert (held.amounts, held.cash, held.worth) == ({"=A_a_b": 12.5}, -3.0, 9.5)
    with pytest.raises(DataError, match=r"row 2: the market has no pair '=A_a_b'"):
        positions_of(best, held=held)
    with pytest.raises(DataError, match="cannot be read"):
        read_held(tmp_path / "nowhere.csv")


def test_whose_settings_apply(completed):
    engine, config = completed.engine, completed.config
    name = top(completed, 1)["strategy_id"].iloc[0]
    other = config.model_copy(update={"backtest": {**config.backtest, "fee_rate": 0.005}})
    of_session = choose_strategy(other, engine, name)
    assert of_session.session_id == completed.row.session_id
    assert of_session.config.backtest["fee_rate"] == 0.001
    assert choose_strategy(other, engine, session_id=completed.row.session_id) == of_session
    configured = choose_strategy(other, engine, name, as_configured=True)
    assert (configured.session_id, configured.config) == (None, other)
    # the session does not have it, the space of the configuration does
    wider = other.model_copy(update={"parameters": {}})
    elsewhere = choose_strategy(wider, engine, "SO_W300_30D_D10_S7_EQ")
    assert (elsewhere.session_id, elsewhere.config) == (None, wider)
    with pytest.raises(SessionError, match="has no result of"):
        choose_strategy(wider, engine, "SO_W300_30D_D10_S7_EQ", completed.row.session_id)
    file = of_session.config
    assert choose_strategy(file, engine) == of_session
    assert choose_strategy(file, engine, name) == of_session
    with pytest.raises(ConfigError, match="no strategy is named"):
        choose_strategy(other, engine)


def test_a_changed_market_and_an_objective_of_ones_own(completed):
    chosen = choose_strategy(completed.config, completed.engine, "best")
    with completed.engine.begin() as connection:
        connection.execute(sa.text("UPDATE return_metrics SET return_1d = 1.5 * return_1d"))
    changed = on_market(chosen, completed.engine)
    assert changed.has_changed
    assert any("have changed since" in text for text in positions_of(changed).warnings)
    own = chosen.config.objective.model_copy(update={"type": "package.module:Own"})
    config = chosen.config.model_copy(update={"objective": own})
    with pytest.raises(ConfigError, match="those of the factor backtest"):
        on_market(replace(chosen, config=config), completed.engine)
