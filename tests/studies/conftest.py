"""A prepared database with a market, copied for every test, and sessions on it."""

import shutil

import pytest

from objectives import ReturnPanel
from objectives.market import import_panel
from studies import Session
from studies.session import open_database
from tests.helpers.sessions import Nursery, make_config, results_of


@pytest.fixture(scope="session")
def panel():
    return ReturnPanel.synthetic(n_pairs=12, n_days=160)


def write_market(path, panel):
    """Prepare a database, write the market, and leave a single file."""
    engine = open_database(f"sqlite:///{path}")
    import_panel(panel, engine)
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    engine.dispose()


@pytest.fixture(scope="session")
def market_file(tmp_path_factory, panel):
    path = tmp_path_factory.mktemp("market") / "market.db"
    write_market(path, panel)
    return path


@pytest.fixture
def url(market_file, tmp_path):
    """URL of a database of one's own, with a market and no session."""
    path = tmp_path / "funding_rate.db"
    shutil.copy(market_file, path)
    return f"sqlite:///{path}"


@pytest.fixture
def make_session(url):
    """Create sessions in the test's database; keyword arguments are sections or of `create`."""
    engines = []

    def make(**options):
        names = ("method", "size", "seed", "restrictions", "notes")
        creation = {name: options.pop(name) for name in names if name in options}
        session = Session.create(make_config(url, **options), **creation)
        engines.append(session.engine)
        return session

    yield make
    for engine in engines:
        engine.dispose()


@pytest.fixture(scope="session")
def undisturbed_file(market_file, tmp_path_factory):
    """A database with one completed session of all 432 strategies, and the session's id."""
    path = tmp_path_factory.mktemp("undisturbed") / "funding_rate.db"
    shutil.copy(market_file, path)
    session = Session.create(make_config(f"sqlite:///{path}"))
    session.run()
    with session.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    session.engine.dispose()
    return path, session.row.session_id


@pytest.fixture(scope="session")
def undisturbed_results(undisturbed_file):
    """Results of all 432 strategies, run without interruption."""
    path, session_id = undisturbed_file
    session = Session.open(f"sqlite:///{path}", session_id)
    results = results_of(session)
    session.engine.dispose()
    return results


@pytest.fixture
def completed(undisturbed_file, tmp_path):
    """A completed session in a database of the test's own."""
    path, session_id = undisturbed_file
    copy = tmp_path / "completed.db"
    shutil.copy(path, copy)
    session = Session.open(f"sqlite:///{copy}", session_id)
    yield session
    session.engine.dispose()


@pytest.fixture(scope="session")
def nursery():
    nursery = Nursery()
    yield nursery
    nursery.close()
