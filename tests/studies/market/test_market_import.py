"""Markets that join the market of a database: checked as a whole, written once, undone."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa

from objectives import ReturnPanel
from objectives.market.events import EventRules
from objectives.market.reading import ReadingOptions, read_events
from search_spaces.errors import ConfigError, DataError
from studies.database import create_engine
from studies.market import (
    EventStore,
    ImportRules,
    Removal,
    import_events,
    import_panel,
    import_returns,
    opened,
    pair_summary,
    plan_removal,
    remove_market,
    summarise_market,
)
from studies.market.importer import return_columns


@pytest.fixture
def empty_url(databases):
    """URL of a database that is not there yet (SQLite) or has no table (PostgreSQL)."""
    url = databases.create()
    yield url
    databases.drop(url)


def side(exchange, rate, *, symbol="BTC", start="2024-03-01", n_days=4, hours=8):
    stamps = pd.date_range(start, periods=n_days * 24 // hours, freq=f"{hours}h")
    return [(stamp, symbol, exchange, rate) for stamp in stamps]


def events(*sides):
    rows = [row for rows in sides for row in rows]
    return read_events(
        pd.DataFrame(rows, columns=["timestamp", "symbol", "exchange", "funding_rate"])
    )


def stored(url):
    with opened(url) as engine:
        return ReturnPanel.from_database(engine)


def rows_of(url, query):
    with opened(url) as engine, engine.connect() as connection:
        return [tuple(row) for row in connection.execute(sa.text(query))]


def returns_frame(pairs=("BTC_x_y",), start="2024-03-01", n_days=5, value=1e-4):
    dates = pd.date_range(start, periods=n_days)
    return pd.DataFrame(
        [(pair, date, value * (1 + k)) for pair in pairs for k, date in enumerate(dates)],
        columns=["trading_pair", "date", "return_1d"],
    )


def panel_of(frame):
    return ReturnPanel.from_returns(frame)


def test_an_exchange_joins_those_that_are_there(empty_url):
    first = import_events(events(side("a", 3e-4)), empty_url)
    assert (stored(empty_url).pairs, first.n_events) == (("BTC_a_spot",), 12)
    second = import_events(events(side("b", 1e-4)), empty_url)
    assert stored(empty_url).pairs == ("BTC_a_b",)
    assert (second.n_events, second.n_removed, second.summary.n_written) == (12, 4, 4)
    np.testing.assert_allclose(stored(empty_url).returns[:, 0], 6e-4, rtol=1e-12)


def test_parts_in_any_order_are_the_whole(empty_url, databases):
    sides = [
        side("a", 3e-4),
        side("b", 1e-4),
        side("c", 2e-4, n_days=3),
        side("a", 1e-4, symbol="ETH"),
    ]
    for part in (sides[2], sides[0], sides[3], sides[1]):
        import_events(events(part), empty_url)
    whole = databases.create()
    import_events(events(*sides), whole)
    assert stored(empty_url).fingerprint() == stored(whole).fingerprint()
    columns = "trading_pair, return_1d, return_7d, return_all, roi_all"
    query = f"select {columns} from return_metrics order by trading_pair, date"
    assert rows_of(empty_url, query) == rows_of(whole, query)
    databases.drop(whole)


def test_importing_again_writes_nothing(empty_url):
    import_events(events(side("a", 3e-4), side("b", 1e-4)), empty_url)
    again = import_events(events(side("a", 3e-4), side("b", 1e-4)), empty_url)
    assert (again.n_events, again.n_removed, again.summary.n_written) == (0, 0, 0)
    assert again.summary.n_returns == 4


def test_a_later_day_changes_the_sums_that_follow_it_only(empty_url):
    import_events(events(side("a", 3e-4), side("b", 1e-4)), empty_url)
    more = events(side("a", 3e-4, n_days=6), side("b", 1e-4, n_days=6))
    assert import_events(more, empty_url).summary.n_written == 2
    expected = return_columns(stored(empty_url))["return_all"][:, 0]
    found = [
        row[0] for row in rows_of(empty_url, "select return_all from return_metrics order by date")
    ]
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_rebuild_under_other_rules(empty_url):
    partial = side("a", 3e-4)[:-1]
    import_events(events(partial, side("b", 1e-4)), empty_url)
    assert stored(empty_url).n_days == 3
    keep = EventRules(incomplete_days="keep")
    kept = import_events(None, empty_url, event_rules=keep)
    assert kept.summary.n_written == 1
    assert stored(empty_url).returns[-1, 0] == pytest.approx(3e-4)
    both = import_events(None, empty_url, event_rules=EventRules(both_directions=True))
    assert stored(empty_url).pairs == ("BTC_a_b", "BTC_b_a")
    assert (both.n_removed, both.summary.n_written) == (0, 4)
    # what is not said again stays as it was
    assert import_events(None, empty_url).summary.n_written == 0
    plain = EventRules(both_directions=False, incomplete_days="drop")
    assert import_events(None, empty_url, event_rules=plain).n_removed == 5
    assert stored(empty_url).pairs == ("BTC_a_b",)
    assert stored(empty_url).n_days == 3


def test_nothing_to_rebuild(empty_url):
    with pytest.raises(DataError, match="holds no funding events"):
        import_events(None, empty_url)


def test_another_rate_of_a_settlement_that_is_held(empty_url):
    import_events(events(side("a", 3e-4), side("b", 1e-4)), empty_url)
    before = stored(empty_url).fingerprint()
    late = [(t + pd.Timedelta(seconds=5), *rest) for t, *rest in side("a", 5e-4)]
    with pytest.raises(DataError, match=r"rate 0.0005 .*0.0003 .*imported before; a settlement"):
        import_events(events(late), empty_url)
    with pytest.raises(
        DataError,
        match=r"rate 0.0005 at 2024-03-01 00:00:00.000 UTC, and 0.0003 from frame, imported before",
    ):
        import_events(events(side("a", 5e-4)), empty_url)
    with (
        opened(empty_url) as engine,
        pytest.raises(DataError, match=r"0.0005 .*and 0.0003 from frame"),
    ):
        EventStore(engine).add(events(side("a", 5e-4, n_days=1)))
    assert stored(empty_url).fingerprint() == before


def test_a_store_says_what_it_holds(empty_url):
    with opened(empty_url) as engine:
        store = EventStore(engine)
        assert store.last_instants() == {}
        assert store.read() is None
        given = events(side("a", 3e-4, n_days=2), side("b", -1e-4, symbol="ETH"))
        assert store.add(given) == 18
        assert store.add(given) == 0
        ends = store.last_instants()
        day = 86_400_000_000
        first = (pd.Timestamp("2024-03-01") - pd.Timestamp(0)).days * day
        assert ends["a", "BTC"] == (first, first + day + 16 * day // 24)
        held = store.read()
    key = lambda e: sorted(  # noqa: E731
        (e.exchanges[x], e.symbols[s], int(t), float(r))
        for x, s, t, r in zip(e.exchange, e.symbol, e.micros, e.rate, strict=True)
    )
    assert key(held) == key(given)
    assert {source.label for source in held.sources} == {"frame"}


def test_a_refused_market_leaves_nothing(empty_url):
    percent = events(side("a", 0.01), side("b", 0.03))
    with pytest.raises(DataError, match="--strict refuses it, nothing was written: 2 sides have"):
        import_events(percent, empty_url, rules=ImportRules(strict=True))
    with opened(empty_url) as engine:
        assert sa.inspect(engine).get_table_names() == []
    done = import_events(percent, empty_url)
    assert "high_rates" in {note.kind for note in done.notes}
    with pytest.raises(DataError, match="--strict"):
        import_returns(
            panel_of(returns_frame(("Q_x_y",), value=0.1)),
            empty_url,
            rules=ImportRules(strict=True, mix=True),
        )
    assert stored(empty_url).pairs == ("BTC_a_b",)


def test_a_refused_market_makes_no_file(tmp_path):
    path = tmp_path / "new.db"
    with pytest.raises(DataError, match="--strict"):
        import_events(
            events(side("a", 0.01), side("b", 0.03)),
            f"sqlite:///{path}",
            rules=ImportRules(strict=True),
        )
    assert not path.exists()


def test_a_row_that_reading_would_refuse_is_not_written(empty_url):
    import_returns(panel_of(returns_frame()), empty_url)
    slip = panel_of(returns_frame(start="1960-01-01", n_days=1))
    with pytest.raises(DataError, match="history would go from 1960-01-01 to 2024-03-05"):
        import_returns(slip, empty_url, rules=ImportRules(mix=True))
    with pytest.raises(DataError, match=r"BTC_x_y on 2024-03-01: 1e\+308 is no return of a day"):
        panel_of(returns_frame(n_days=1).assign(return_1d=1e308))
    assert stored(empty_url).n_days == 5


def test_a_different_market_is_asked_for(empty_url):
    import_returns(panel_of(returns_frame()), empty_url)
    other = panel_of(returns_frame(("ETH_x_y",)))
    with pytest.raises(DataError, match=r"holds 1 pairs from .* and none of them is among its 1"):
        import_returns(other, empty_url)
    changed = panel_of(returns_frame(value=2e-4))
    with pytest.raises(DataError, match=r"and 5 of 5 common returns differ .*--yes"):
        import_returns(changed, empty_url)
    with pytest.raises(DataError, match="is another market"):
        import_events(events(side("a", 3e-4), side("b", 1e-4)), empty_url)
    import_returns(other, empty_url, rules=ImportRules(mix=True))
    import_events(events(side("a", 3e-4), side("b", 1e-4)), empty_url, rules=ImportRules(mix=True))
    assert stored(empty_url).pairs == ("BTC_a_b", "BTC_x_y", "ETH_x_y")
    more = panel_of(returns_frame(n_days=7))
    assert import_returns(more, empty_url).summary.n_written == 2


def test_every_row_knows_its_source(empty_url):
    caps = pd.DataFrame({"symbol": ["BTC"], "market_cap": [1e12]})
    import_returns(
        ReturnPanel.from_returns(returns_frame(), caps), empty_url, caps_source="caps.csv"
    )
    import_returns(
        panel_of(returns_frame(start="2024-02-28", n_days=2)), empty_url, kind="database"
    )
    query = (
        "select s.label, s.kind, count(*) from return_metrics r join market_sources s "
        "on s.id = r.source_id group by s.label, s.kind order by s.kind"
    )
    assert rows_of(empty_url, query) == [("frame", "database", 2), ("frame", "returns", 5)]
    with opened(empty_url) as engine:
        found = summarise_market(engine)
    assert [(each.label, each.n_returns, each.n_caps) for each in found.sources] == [
        ("frame", 5, 0),
        ("caps.csv", 0, 1),
        ("frame", 2, 0),
    ]


def test_a_summary(empty_url):
    import_events(
        events(
            side("a", 3e-4, n_days=31),
            side("b", 1e-4, n_days=31),
            side("c", 1e-4, start="2024-03-16", n_days=16),
        ),
        empty_url,
    )
    with opened(empty_url) as engine:
        found = summarise_market(engine)
        pair = pair_summary(engine, "BTC_a_b")
        with pytest.raises(DataError, match="no rows of 1 pairs: 'BTC_b_a'"):
            pair_summary(engine, "BTC_b_a")
    assert found.exchanges == {"a": 2, "b": 2, "c": 2}
    assert found.months == ("2024-03",)
    assert found.coverage.tolist() == [pytest.approx((31 + 16 + 16) / (3 * 31))]
    assert (found.n_with_cap, [each.n_events for each in found.sources]) == (0, [93 + 93 + 48, 0])
    assert pair.annual == pytest.approx(365 * 6e-4)
    assert (pair.n_zero, pair.longest_gap, pair.market_cap) == (0, 0, None)
    assert pair.sources == ("frame",)
    assert pair.best == ("2024-03-01", pytest.approx(6e-4))


THREE = (
    side("a", 3e-4),
    side("b", 1e-4),
    side("c", 2e-4),
    side("a", 1e-4, symbol="ETH"),
    side("b", 2e-4, symbol="ETH"),
)


def removed(url, **what):
    with opened(url) as engine:
        plan = plan_removal(engine, Removal(**what))
        n_deleted, problem = remove_market(engine, url, plan)
    assert problem is None
    assert n_deleted == plan.n_returns + plan.n_events + plan.n_caps
    return plan


def test_two_exchanges_of_which_one_goes_make_no_spot_pairs(empty_url):
    import_events(events(side("a", 3e-4), side("b", 1e-4)), empty_url)
    removed(empty_url, exchange="b")
    with pytest.raises(DataError, match="has no rows"):
        stored(empty_url)
    import_events(None, empty_url)
    assert stored(empty_url).pairs == ("BTC_a_spot",)


def test_the_last_source_is_removed_with_all_it_gave(empty_url):
    import_events(events(side("a", 3e-4), side("b", 1e-4)), empty_url)
    removed(empty_url, source="frame")
    with pytest.raises(DataError, match="has no rows"):
        stored(empty_url)
    with pytest.raises(DataError, match="holds no funding events"):
        import_events(None, empty_url)


BOB = "BOBUSDT"
MILLION = f"1000000{BOB}"


def test_a_multiple_and_its_coin_in_one_import_keep_their_names(empty_url):
    both = side("a", 3e-4, symbol=BOB), side("a", 2e-4, symbol=MILLION)
    import_events(events(*both, side("b", 1e-4, symbol=MILLION)), empty_url)
    assert stored(empty_url).pairs == (f"{MILLION}_a_b",)


@pytest.mark.parametrize("first", [BOB, MILLION])
def test_a_name_is_never_given_to_two_contracts(empty_url, first):
    """What one import keeps apart, two must not put together."""
    import_events(events(side("a", 3e-4, symbol=first)), empty_url)
    other = MILLION if first == BOB else BOB
    message = rf"BOBUSDT on a is the name of two contracts.*--alias a:{MILLION}={MILLION}"
    with pytest.raises(DataError, match=message):
        import_events(events(side("a", 2e-4, symbol=other, start="2024-05-01")), empty_url)


@pytest.mark.parametrize("order", [1, -1])
def test_another_exchange_that_keeps_the_multiple_apart(empty_url, order):
    both = events(side("a", 3e-4, symbol=BOB), side("a", 2e-4, symbol=MILLION))
    alone = events(side("b", 1e-4, symbol=MILLION))
    parts = [both, alone][::order]
    import_events(parts[0], empty_url)
    with pytest.raises(
        DataError, match=rf"BOBUSDT on b is on 1,000,000 coins, and a has .*b:{MILLION}"
    ):
        import_events(parts[1], empty_url)
    named = read_events(
        pd.DataFrame(
            side("b", 1e-4, symbol=MILLION),
            columns=["timestamp", "symbol", "exchange", "funding_rate"],
        ),
        ReadingOptions(aliases={f"b:{MILLION}": MILLION}),
    )
    if order == 1:
        import_events(named, empty_url)
        assert stored(empty_url).pairs == (f"{MILLION}_a_b",)


def test_coins_of_hyperliquid_find_their_partners_later(empty_url):
    import_events(events(side("hyperliquid", 1e-4)), empty_url)
    import_events(events(side("binance", 3e-4, symbol="BTCUSDT")), empty_url)
    assert stored(empty_url).pairs == ("BTCUSDT_binance_hyperliquid",)


def test_events_without_a_pair_join_those_that_are_held(empty_url):
    import_events(events(side("a", 3e-4)), empty_url)
    done = import_events(events(side("b", 1e-4, symbol="ETH")), empty_url)
    assert (done.panel, done.n_events, done.n_removed) == (None, 12, 4)
    assert [note.kind for note in done.notes] == ["no_pair"]
    import_events(events(side("b", 1e-4)), empty_url)
    assert stored(empty_url).pairs == ("BTC_a_b",)


def test_what_another_source_gives_too_comes_back(empty_url, tmp_path):
    same = returns_frame(("BTC_a_b",), n_days=4).assign(return_1d=6e-4)
    import_returns(panel_of(same), empty_url)
    path = tmp_path / "events.csv"
    rows = [*side("a", 3e-4), *side("b", 1e-4)]
    frame = pd.DataFrame(rows, columns=["timestamp", "symbol", "exchange", "funding_rate"])
    frame.to_csv(path, index=False)
    import_events(read_events([path]), empty_url)
    removed(empty_url, source="frame")
    assert stored(empty_url).n_days == 4
    with opened(empty_url) as engine, pytest.raises(DataError, match="stands for the returns made"):
        plan_removal(engine, Removal(source="funding_events"))


def test_a_fetch_that_was_killed_before_its_returns_can_be_removed(empty_url):
    with opened(empty_url) as engine:
        EventStore(engine).add(events(side("a", 3e-4)))
    plan = removed(empty_url, source="frame")
    assert (plan.n_returns, plan.n_events) == (0, 12)


@pytest.mark.parametrize("write", ["{:%Y/%m/%d}", "{:%Y-%m-%d 00:00:00}", "{:%Y%m%d}"])
def test_days_are_removed_however_their_dates_are_written(empty_url, write):
    with opened(empty_url) as engine, engine.begin() as connection:
        connection.execute(
            sa.text("create table return_metrics (trading_pair text, date text, return_1d float)")
        )
        rows = [
            {"p": "BTC_x_y", "d": write.format(day)}
            for day in pd.date_range("2024-01-01", periods=4)
        ]
        connection.execute(sa.text("insert into return_metrics values (:p, :d, 0.001)"), rows)
    removed(empty_url, before="2024-01-02")
    removed(empty_url, after="2024-01-03")
    assert [f"{day:%d}" for day in stored(empty_url).dates] == ["02", "03"]


def test_an_exchange_is_removed_with_its_events(empty_url):
    import_events(events(*THREE), empty_url)
    plan = removed(empty_url, exchange="a")
    assert (plan.n_returns, plan.n_events) == (12, 24)
    assert stored(empty_url).pairs == ("BTC_b_c",)
    # what is left of ETH is a side without a partner
    assert import_events(None, empty_url).summary.n_written == 0


def test_a_pair_is_removed_with_the_events_of_its_sides(empty_url):
    import_events(events(*THREE), empty_url)
    removed(empty_url, pair="ETH_a_b")
    import_events(None, empty_url)
    assert stored(empty_url).pairs == ("BTC_a_b", "BTC_a_c", "BTC_b_c")
    with opened(empty_url) as engine, pytest.raises(DataError, match="BTC_a_b would come back"):
        plan_removal(engine, Removal(pair="BTC_a_b"))


@pytest.mark.parametrize(
    ("what", "days"),
    [
        ({"before": "2024-03-02"}, ["2024-03-02", "2024-03-03", "2024-03-04"]),
        ({"after": "2024-03-02"}, ["2024-03-01", "2024-03-02"]),
        (
            {"after": "2024-03-01", "before": "2024-03-03"},
            ["2024-03-01", "2024-03-03", "2024-03-04"],
        ),
    ],
)
def test_days_are_removed_with_their_events(empty_url, what, days):
    import_events(events(*THREE), empty_url)
    plan = removed(empty_url, **what)
    assert plan.n_events == (4 - len(days)) * 3 * 5
    for _ in range(2):
        panel = stored(empty_url)
        left = panel.dates[~np.isnan(panel.returns).all(axis=1)]
        assert [f"{day:%Y-%m-%d}" for day in left] == days
        import_events(None, empty_url)


def test_a_source_is_removed_and_the_rest_is_made_again(empty_url, tmp_path):
    first = events(side("a", 3e-4), side("b", 1e-4))
    import_events(first, empty_url)
    path = tmp_path / "later.csv"
    pd.DataFrame(
        side("c", 2e-4), columns=["timestamp", "symbol", "exchange", "funding_rate"]
    ).to_csv(path, index=False)
    import_events(read_events([path]), empty_url)
    removed(empty_url, source=str(path))
    assert stored(empty_url).pairs == ("BTC_a_b",)
    with (
        opened(empty_url) as engine,
        pytest.raises(DataError, match="no source is called 'x'; there are"),
    ):
        plan_removal(engine, Removal(source="x"))


def caps_of(*rows):
    return pd.DataFrame(rows, columns=["symbol", "date", "market_cap"])


FIRST_CAPS = caps_of(("BTC", "2024-03-01", 10.0), ("ETH", "2024-03-04", 5.0))
SECOND_CAPS = caps_of(("BTC", "2024-03-03", 20.0))


@pytest.mark.parametrize("order", [1, -1])
def test_dated_caps_of_two_files_are_those_of_one(empty_url, order):
    frame = returns_frame(("BTC_x_y", "ETH_x_y"))
    for caps in [FIRST_CAPS, SECOND_CAPS][::order]:
        import_returns(ReturnPanel.from_returns(frame, caps), empty_url)
    panel = stored(empty_url)
    known = panel.market_caps[panel.market_cap_row[-1]].tolist()
    assert known == [20.0, 5.0]
    corrected = caps_of(("BTC", "2024-03-01", 10.0), ("BTC", "2024-03-03", 10.0))
    import_returns(ReturnPanel.from_returns(frame, corrected), empty_url)
    panel = stored(empty_url)
    assert panel.market_caps[panel.market_cap_row[-1]].tolist() == [10.0, 5.0]


def test_caps_of_a_source_are_removed(empty_url):
    caps = pd.DataFrame({"symbol": ["BTC"], "market_cap": [1e12]})
    import_returns(ReturnPanel.from_returns(returns_frame(), caps), empty_url, caps_source="c.csv")
    plan = removed(empty_url, source="c.csv")
    assert (plan.n_returns, plan.n_caps) == (0, 1)
    assert not stored(empty_url).has_market_caps


def test_rows_that_cannot_be_read_can_be_removed(empty_url):
    """What made the commands refuse in earlier releases, and could not be deleted."""
    import_returns(panel_of(returns_frame()), empty_url)
    engine = create_engine(empty_url)
    with engine.begin() as connection:
        connection.execute(
            sa.text(
                "insert into return_metrics (trading_pair, date, return_1d) values (:p, :d, :r)"
            ),
            [
                {"p": "BTC_x_y", "d": dt.date(1960, 1, 1).isoformat(), "r": 1e-4},
                {"p": "BAD_x_y", "d": dt.date(2024, 3, 1).isoformat(), "r": 1e308},
            ],
        )
    engine.dispose()
    with pytest.raises(DataError):
        stored(empty_url)
    with pytest.raises(
        DataError, match=r"cannot be read, so nothing can join them: .*market remove"
    ):
        import_returns(panel_of(returns_frame()), empty_url)
    removed(empty_url, before="2000-01-01")
    removed(empty_url, pair="BAD_x_y")
    assert stored(empty_url).n_days == 5


@pytest.mark.parametrize(
    ("what", "error", "message"),
    [
        ({}, ConfigError, "remove what"),
        ({"pair": "ETH_x_y"}, DataError, "nothing fits"),
        ({"exchange": "z"}, DataError, "nothing fits"),
        ({"before": "soon"}, DataError, "YYYY-MM-DD"),
    ],
)
def test_a_removal_of_nothing(empty_url, what, error, message):
    import_returns(panel_of(returns_frame()), empty_url)
    with opened(empty_url) as engine, pytest.raises(error, match=message):
        plan_removal(engine, Removal(**what))


def test_a_panel_written_by_hand_is_of_no_events(empty_url):
    """Rows of `import_panel` are kept when events are rebuilt."""
    with opened(empty_url) as engine:
        import_panel(
            panel_of(returns_frame(("BTC_a_b",), start="2024-01-01", n_days=2, value=6e-4)), engine
        )
    done = import_events(
        events(side("a", 3e-4), side("b", 1e-4)), empty_url, rules=ImportRules(mix=True)
    )
    assert stored(empty_url).n_days == 64
    assert {note.kind for note in done.notes} == set()
    overlap = returns_frame(("BTC_a_b",), start="2024-03-05", n_days=1, value=6e-4)
    import_returns(panel_of(overlap), empty_url)
    import_events(None, empty_url)
    assert stored(empty_url).n_days == 65
