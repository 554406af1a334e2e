"""A prepared database with a market, copied for every test, and sessions on it.

Everything here exists twice, on SQLite and on PostgreSQL. A test about one of them says so with
``@pytest.mark.parametrize("database", ["sqlite"], indirect=True)``.
"""

import os

import pytest

from objectives import ReturnPanel
from studies import Session
from studies.database.engine import create_engine
from studies.market import import_panel
from studies.sessions.prepared_database import open_database, prepare_database
from tests.helpers.databases import PostgresDatabases, SqliteDatabases, closing_connections
from tests.helpers.sessions import Nursery, make_config, results_of


@pytest.fixture(autouse=True)
def closed_connections():
    """Close what a test leaves in the pools of engines, Optuna's included."""
    with closing_connections():
        yield


@pytest.fixture(scope="session")
def panel():
    return ReturnPanel.synthetic(n_pairs=12, n_days=160)


@pytest.fixture(scope="session", autouse=True)
def cache_home(tmp_path_factory):
    """Nothing of the tests in the user's cache folder, nothing of it in the tests."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("cache")
        patch.setenv("XDG_CACHE_HOME", str(folder))
        yield folder


# Everything runs on both; the default tier, which has minutes, on SQLite and where a test asks for
# PostgreSQL by name. A module that overrides this fixture would leave `databases` as it is, and
# tests that follow on the wrong database: a test about one database parametrizes instead.
@pytest.fixture(
    scope="session", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)]
)
def database(request):
    return request.param


@pytest.fixture(scope="session")
def databases(database, request, tmp_path_factory):
    """Where databases come from."""
    if database == "sqlite":
        return SqliteDatabases(tmp_path_factory.mktemp("databases"))
    if "TEST_DATABASE_URL" in os.environ:
        return PostgresDatabases(os.environ["TEST_DATABASE_URL"])
    return request.getfixturevalue("postgres_server").databases


def write_market(url, panel):
    """Prepare a database and write the market."""
    engine = open_database(url)
    import_panel(panel, engine)
    engine.dispose()


@pytest.fixture(scope="session")
def market(databases, panel):
    """URL of a database with a market, to be copied only."""
    url = databases.create()
    write_market(url, panel)
    yield url
    databases.drop(url)


@pytest.fixture
def url(databases, market):
    """URL of a database of one's own, with a market and no session."""
    url = databases.copy(market)
    yield url
    databases.drop(url)


@pytest.fixture
def empty_url(databases):
    """URL of an empty database of one's own."""
    url = databases.create()
    yield url
    databases.drop(url)


@pytest.fixture
def engine(empty_url):
    """Engine on a prepared database of one's own, without a market."""
    engine = create_engine(empty_url)
    prepare_database(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def make_session(url):
    """Create sessions in the test's database; keyword arguments are sections or of `create`."""
    engines = []

    def make(**options):
        names = ("method", "mode", "size", "seed", "restrictions", "notes")
        names += ("start_from", "n_start")
        creation = {name: options.pop(name) for name in names if name in options}
        session = Session.create(make_config(url, **options), **creation)
        engines.append(session.engine)
        return session

    yield make
    for engine in engines:
        engine.dispose()


@pytest.fixture(scope="session")
def undisturbed(databases, market):
    """A database with one completed session of all 432 strategies, and the session's id."""
    url = databases.copy(market)
    session = Session.create(make_config(url))
    session.run()
    session.engine.dispose()
    yield url, session.row.session_id
    databases.drop(url)


@pytest.fixture(scope="session")
def undisturbed_results(undisturbed):
    """Results of all 432 strategies, run without interruption."""
    session = Session.open(*undisturbed)
    results = results_of(session)
    session.engine.dispose()
    return results


@pytest.fixture
def completed(databases, undisturbed):
    """A completed session in a database of the test's own."""
    url, session_id = undisturbed
    copy = databases.copy(url)
    session = Session.open(copy, session_id)
    yield session
    session.engine.dispose()
    databases.drop(copy)


@pytest.fixture(scope="session")
def nursery():
    nursery = Nursery()
    yield nursery
    nursery.close()
