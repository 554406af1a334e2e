"""Reading and writing the market tables of a database."""

import sqlite3
import threading

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa

from objectives.market import ReturnPanel
from search_spaces.errors import DataError, StorageError
from studies.market import import_panel
from studies.market.importer import _PacedWriter, return_columns


@pytest.fixture
def database(tmp_path):
    return tmp_path / "market.db"


def url_of(path):
    return f"sqlite:///{path}"


def rows_of(path, query):
    connection = sqlite3.connect(path)
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


def run(path, *statements):
    connection = sqlite3.connect(path)
    try:
        for statement in statements:
            connection.execute(statement)
        connection.commit()
    finally:
        connection.close()


def small_panel(**fields):
    returns = np.array([[0.5, np.nan], [np.nan, 0.25], [-0.125, 1.0]])
    dates = pd.date_range("2024-01-01", periods=3)
    return ReturnPanel(dates=dates, pairs=("A_x_y", "B_x_y"), returns=returns, **fields)


def test_round_trip_of_a_synthetic_market(database):
    panel = ReturnPanel.synthetic(n_pairs=9, n_days=120, seed=5)
    summary = import_panel(panel, url_of(database))
    again = ReturnPanel.from_database(url_of(database))
    assert again.fingerprint() == panel.fingerprint()
    assert not again.caps_look_ahead
    assert summary.n_returns == np.isfinite(panel.returns).sum()
    assert (summary.n_pairs, summary.first_date, summary.last_date) == (
        9,
        "2024-01-01",
        "2024-04-29",
    )
    assert summary.n_dated_market_caps == len(rows_of(database, "select 1 from market_cap_history"))
    assert summary.n_market_caps == len(rows_of(database, "select 1 from market_caps"))


def test_import_again_changes_nothing(database):
    panel = ReturnPanel.synthetic(n_pairs=5, n_days=60, seed=5)
    dump = "select * from return_metrics order by id"
    import_panel(panel, url_of(database), batch_rows=7)
    before = rows_of(database, dump)
    summary = import_panel(panel, url_of(database), batch_rows=1000)
    assert rows_of(database, dump) == before
    assert summary.n_returns == len(before)


def test_undated_caps_go_to_market_caps(database):
    import_panel(small_panel(market_caps=np.array([[7.0, np.nan]])), url_of(database))
    assert rows_of(database, "select symbol, market_cap from market_caps") == [("A", 7.0)]
    again = ReturnPanel.from_database(url_of(database))
    assert again.caps_look_ahead
    np.testing.assert_array_equal(again.market_caps, [[7, np.nan]])


def test_trailing_returns():
    columns = return_columns(small_panel())
    np.testing.assert_array_equal(columns["return_2d"][:, 0], [0.5, np.nan, -0.125])
    np.testing.assert_array_equal(columns["return_7d"][:, 0], [0.5, np.nan, 0.375])
    np.testing.assert_array_equal(columns["return_all"][:, 1], [np.nan, 0.25, 1.25])
    np.testing.assert_array_equal(columns["roi_2d"][:, 1], [np.nan, 0.25 * 365, 0.625 * 365])
    np.testing.assert_array_equal(columns["roi_1d"], small_panel().returns * 365)
    assert list(columns) == [
        f"{kind}_{n}" for n in ("1d", "2d", "7d", "14d", "30d", "all") for kind in ("return", "roi")
    ]


def test_rows_are_written_as_users_know_them(database):
    import_panel(small_panel(), url_of(database))
    found = rows_of(database, "select trading_pair, date, return_1d, roi_1d from return_metrics")
    assert found == [
        ("A_x_y", "2024-01-01", 0.5, 182.5),
        ("A_x_y", "2024-01-03", -0.125, -45.625),
        ("B_x_y", "2024-01-02", 0.25, 91.25),
        ("B_x_y", "2024-01-03", 1.0, 365.0),
    ]


OLD_TABLE = """create table return_metrics (trading_pair text, date {kind}, return_1d real,
    roi_1d real, mine text {key})"""


@pytest.mark.parametrize("key", ["", ", unique (date, trading_pair)"])
@pytest.mark.parametrize(("kind", "suffix"), [("date", ""), ("timestamp", " 00:00:00")])
def test_a_users_table_keeps_its_rows_and_columns(database, key, kind, suffix):
    run(
        database,
        OLD_TABLE.format(key=key, kind=kind),
        f"insert into return_metrics values ('A_x_y', '2024-01-01{suffix}', 9, 9, 'note')",
        f"insert into return_metrics values ('Z_x_y', '2024-01-01{suffix}', 8, 8, 'other')",
    )
    import_panel(small_panel(), url_of(database))
    assert len(rows_of(database, "select 1 from return_metrics")) == 5
    kept = rows_of(
        database, "select trading_pair, return_1d, return_7d, mine from return_metrics limit 2"
    )
    assert kept == [("A_x_y", 0.5, 0.5, "note"), ("Z_x_y", 8.0, None, "other")]
    panel = ReturnPanel.from_database(url_of(database))
    assert panel.pairs == ("A_x_y", "B_x_y", "Z_x_y")
    assert ReturnPanel.from_database(url_of(database), pairs=["Z_x_y"]).returns.tolist() == [[8.0]]


def test_a_users_table_with_two_rows_of_one_key_is_refused(database):
    row = "insert into return_metrics values ('A_x_y', '2024-01-01', 9, 9, 'note')"
    run(database, OLD_TABLE.format(key="", kind="text"), row, row)
    with pytest.raises(DataError, match="two rows have the same trading_pair, date"):
        import_panel(small_panel(), url_of(database))
    assert len(rows_of(database, "select 1 from return_metrics")) == 2


def test_a_users_dates_that_cannot_be_matched_are_refused(database):
    row = "insert into return_metrics values ('A_x_y', '01.02.2024', 9, 9, 'note')"
    run(database, OLD_TABLE.format(key="", kind="text"), row)
    with pytest.raises(DataError, match=r"column 'date': '01\.02\.2024' is not written YYYY-MM-DD"):
        import_panel(small_panel(), url_of(database))


def test_a_users_market_caps_table(database):
    run(
        database,
        "create table market_caps (symbol text unique, name text, market_cap real, extra real)",
        "insert into market_caps values ('A', 'Alpha', 3, 1), ('C', 'Gamma', NULL, 2)",
        "insert into market_caps values ('X', 'Y', 4, 5)",
    )
    import_panel(small_panel(market_caps=np.array([[7.0, 8.0]])), url_of(database))
    assert rows_of(database, "select symbol, name, market_cap, extra from market_caps") == [
        ("A", "Alpha", 7.0, 1.0),
        ("C", "Gamma", None, 2.0),
        ("X", "Y", 4.0, 5.0),
        ("B", None, 8.0, None),
    ]
    assert ReturnPanel.from_database(url_of(database)).market_caps.tolist() == [[7, 8]]


def test_dated_caps_win_over_undated_ones_with_a_note(database):
    dated = small_panel(
        market_caps=np.array([[7.0, 8.0]]), market_cap_dates=pd.DatetimeIndex(["2023-12-31"])
    )
    import_panel(dated, url_of(database))
    run(database, "insert into market_caps (symbol, market_cap) values ('C', 5)")
    panel = ReturnPanel.from_database(url_of(database))
    assert not panel.caps_look_ahead
    assert "'C'" in panel.warnings[0]


def test_a_dated_market_caps_table_is_read(database):
    import_panel(small_panel(), url_of(database))
    run(
        database,
        "drop table market_caps",
        "create table market_caps (symbol text, date text, market_cap real)",
        "insert into market_caps values ('A', '2024-01-01', 5)",
    )
    panel = ReturnPanel.from_database(url_of(database))
    assert panel.market_cap_row.tolist() == [-1, 0, 0]
    with pytest.raises(DataError, match="has a column 'date'"):
        import_panel(small_panel(), url_of(database))


BAD_CELLS = [
    ("'A_x_y', '2024-01-01', 1", r"trading_pair 'A_x_y', date '2024-01-01', .*duplicate"),
    ("'A_x_y', 'soon', 1", r"date 'soon', column 'date': not a date"),
    ("'A_x_y', NULL, 1", r"date None, column 'date': not a date"),
    ("'A_x_y', '2024-02-01', 'x'", r"date '2024-02-01', column 'return_1d': not a number: 'x'"),
    ("'A_x_y', '2024-02-01', 9e999", r"date '2024-02-01', column 'return_1d': .*infinite"),
    ("NULL, '2024-02-01', 1", r"trading_pair None, .*the name is empty"),
    ("'', '2024-02-01', 1", r"the name is empty"),
]


@pytest.mark.parametrize(("cells", "message"), BAD_CELLS)
def test_bad_rows_are_named_by_pair_and_date(database, cells, message):
    run(
        database,
        "create table return_metrics (trading_pair, date, return_1d)",
        "insert into return_metrics values ('A_x_y', '2024-01-01', 1)",
        f"insert into return_metrics values ({cells})",
    )
    with pytest.raises(DataError, match=rf"market\.db, table return_metrics, row with .*{message}"):
        ReturnPanel.from_database(url_of(database))


def test_bad_caps_are_named_by_symbol(database):
    import_panel(small_panel(), url_of(database))
    run(database, "insert into market_caps (symbol, market_cap) values ('A', -1)")
    with pytest.raises(
        DataError, match=r"table market_caps, row with symbol 'A', .*must not be negative"
    ):
        ReturnPanel.from_database(url_of(database))


def test_missing_things(database):
    with pytest.raises(StorageError, match="no such file"):
        ReturnPanel.from_database(url_of(database))
    assert not database.exists()
    run(database, "create table other (a)")
    with pytest.raises(DataError, match="no table return_metrics; `mass-tuning import`"):
        ReturnPanel.from_database(url_of(database))
    run(database, "create table return_metrics (trading_pair, date)")
    with pytest.raises(DataError, match="missing column 'return_1d'; the columns are trading_pair"):
        ReturnPanel.from_database(url_of(database))
    run(database, "alter table return_metrics add column return_1d")
    with pytest.raises(DataError, match="has no rows"):
        ReturnPanel.from_database(url_of(database))
    import_panel(small_panel(), url_of(database))
    with pytest.raises(DataError, match="no rows of 1 pairs: 'Q_x_y'"):
        ReturnPanel.from_database(url_of(database), pairs=["A_x_y", "Q_x_y"])


def test_many_pairs_are_picked(database):
    panel = ReturnPanel.synthetic(n_pairs=6, n_days=20)
    import_panel(panel, url_of(database))
    with pytest.raises(DataError, match="no rows of 600 pairs"):
        ReturnPanel.from_database(url_of(database), pairs=[*panel.pairs, *map(str, range(600))])


def test_an_engine_stays_open(database):
    engine = sa.create_engine(url_of(database))
    import_panel(small_panel(), engine)
    assert ReturnPanel.from_database(engine).n_pairs == 2
    with engine.connect() as connection:
        assert connection.execute(sa.text("select count(*) from return_metrics")).scalar() == 4
    engine.dispose()


@pytest.mark.parametrize(
    "url",
    [
        "postgresql+psycopg://me:s3cr%40t@127.0.0.1:1/x",
        "postgresql+psycopg://me@127.0.0.1:1/x?password=s3cr%40t",
        "nosuch://me:s3cr%40t@host/x",
        "://me:s3cr%40t@host",
        "s3cr@t",
    ],
)
def test_errors_never_show_a_password(url):
    pytest.importorskip("psycopg")
    for call in (ReturnPanel.from_database, lambda u: import_panel(small_panel(), u)):
        with pytest.raises(StorageError) as caught:
            call(url)
        assert "s3cr" not in str(caught.value)
        assert caught.value.__cause__ is None
        assert caught.value.__suppress_context__


def test_a_file_that_is_no_database(tmp_path):
    (tmp_path / "x.db").write_bytes(b"hello " * 1000)
    with pytest.raises(StorageError, match="not a database"):
        ReturnPanel.from_database(url_of(tmp_path / "x.db"))


def test_other_databases_are_not_written():
    engine = sa.create_mock_engine("mysql://", executor=None)
    assert engine.dialect.name == "mysql"
    from studies.market.tables import prepare_tables

    with pytest.raises(StorageError, match="only SQLite and PostgreSQL can be written, not mysql"):
        prepare_tables(engine, "mysql://", dated_caps=False)


def test_transactions_are_short_and_followed_by_a_pause_as_long(database):
    engine = sa.create_engine(url_of(database))
    import_panel(small_panel(), engine)
    now, slept = [0.0], []

    def clock():
        now[0] += 0.25  # each transaction seems to take a quarter of a second
        return now[0]

    from studies.market.importer import _ReturnRows
    from studies.market.tables import prepare_tables

    table = prepare_tables(engine, "x", dated_caps=False)["return_metrics"]
    rows = _ReturnRows(ReturnPanel.synthetic(n_pairs=9, n_days=300), 1)
    sizes = list(_PacedWriter(engine, None, clock, slept.append).write(table, rows))
    assert sum(sizes) == len(rows)
    assert sizes[0] == 1000
    assert sizes[1] == 240
    assert min(sizes[:-1]) >= 100
    assert slept == [0.25] * len(sizes)
    engine.dispose()


def test_progress_counts_every_row(database):
    seen = []
    panel = ReturnPanel.synthetic(n_pairs=5, n_days=40)
    summary = import_panel(
        panel,
        url_of(database),
        batch_rows=50,
        on_progress=lambda done, total: seen.append((done, total)),
    )
    total = summary.n_returns + summary.n_market_caps + summary.n_dated_market_caps
    assert seen[-1] == (total, total)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert summary.n_transactions == len(seen)


def test_other_writers_get_their_turn(database):
    panel = ReturnPanel.synthetic(n_pairs=20, n_days=100)
    import_panel(small_panel(), url_of(database))
    run(database, "pragma journal_mode = wal", "create table counter (n)")
    done, failures, n_written = threading.Event(), [], 0

    def work():
        try:
            import_panel(panel, url_of(database), batch_rows=150)
        except Exception as error:
            failures.append(error)
        finally:
            done.set()

    worker = threading.Thread(target=work)
    worker.start()
    while not done.is_set():
        run(database, "insert into counter values (1)")
        n_written += 1
        done.wait(0.005)
    worker.join()
    assert failures == []
    assert rows_of(database, "select count(*) from counter") == [(n_written,)]
    assert ReturnPanel.from_database(url_of(database), pairs=panel.pairs).fingerprint(
        include_caps=False
    ) == panel.fingerprint(include_caps=False)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", [None, "date", "timestamp", "timestamptz", "text"])
def test_postgresql(postgres_server, kind):
    url = postgres_server.databases.create()
    engine = sa.create_engine(url)
    if kind is not None:
        with engine.begin() as connection:
            connection.execute(
                sa.text(f"create table return_metrics (trading_pair text, date {kind}, mine text)")
            )
    panel = ReturnPanel.synthetic(n_pairs=9, n_days=120)
    for _ in range(2):
        import_panel(panel, engine)
    assert ReturnPanel.from_database(engine).fingerprint() == panel.fingerprint()
    engine.dispose()
    postgres_server.databases.drop(url)


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg"])
def test_a_postgresql_url_without_a_driver_uses_psycopg(scheme):
    from objectives.market.database import _parse

    assert _parse(f"{scheme}://me@host/market").drivername == "postgresql+psycopg"
    assert _parse("mysql://host/market").drivername == "mysql"
