"""Backup and restore of a PostgreSQL database by its own programs, ``pg_dump`` and ``pg_restore``.

They are started without a shell; the password is in their environment, never on a command line.
"""

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy.engine import URL, Engine

from search_spaces.errors import StorageError

__all__ = ["dump_server", "dump_tables", "restore_server"]


def dump_server(engine: Engine, file: Path) -> None:
    """Write the whole database into a file in the format of ``pg_dump -Fc``.

    Raises
    ------
    StorageError
        If ``pg_dump`` is not installed or fails.
    """
    where, environment = connection_words(engine.url)
    _run(["pg_dump", "--format=custom", "--file", str(file), "--dbname", where], environment)


def dump_tables(file: Path) -> set[str]:
    """Return the names of the tables whose rows a dump holds.

    Raises
    ------
    StorageError
        If it is no dump, or holds no sessions.
    """
    listed = _run(["pg_restore", "--list", str(file)], dict(os.environ))
    lines = [line.split() for line in listed.splitlines() if " TABLE DATA " in line]
    names = {words[words.index("DATA") + 2] for words in lines}
    if not {"tuning_sessions", "mass_tuning_schema"} <= names:
        raise StorageError(f"{file} holds no tables of mass-tuning; name a backup of its database")
    return names


def restore_server(engine: Engine, file: Path) -> None:
    """Replace what a dump holds in the database, in one transaction.

    Raises
    ------
    StorageError
        If ``pg_restore`` is not installed or fails; then the database is as before.
    """
    where, environment = connection_words(engine.url)
    options = ["--single-transaction", "--clean", "--if-exists", "--no-owner", "--no-privileges"]
    _run(["pg_restore", *options, "--dbname", where, str(file)], environment)


def connection_words(url: URL) -> tuple[str, dict[str, str]]:
    """Return the URL without its password, and the environment that holds it."""
    password = url.password or url.query.get("password")
    plain = url.set(drivername="postgresql").difference_update_query(["password"])
    plain = URL.create(
        "postgresql", plain.username, None, plain.host, plain.port, plain.database, plain.query
    )
    environment = dict(os.environ)
    if password:
        environment["PGPASSWORD"] = password if isinstance(password, str) else password[-1]
    return plain.render_as_string(hide_password=False), environment


def _run(words: Sequence[str], environment: dict[str, str]) -> str:
    if shutil.which(words[0], path=environment.get("PATH")) is None:
        raise StorageError(
            f"{words[0]} is not installed here; install the client programs of PostgreSQL, in the "
            "version of the server or a newer one"
        )
    done = subprocess.run(
        words,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    if done.returncode != 0:
        reason = " ".join(done.stderr.split()) or f"exit code {done.returncode}"
        raise StorageError(f"{words[0]} failed: {reason[:400]}")
    return done.stdout
