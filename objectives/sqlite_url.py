"""The URL of a SQLite file, for every place where a path becomes one."""

import re
from os import PathLike, fspath
from pathlib import Path

from sqlalchemy.engine import URL

from search_spaces.errors import DatabaseUrlError

__all__ = ["refuse_tilde", "sqlite_url"]


def sqlite_url(path: str | PathLike[str]) -> str:
    """Write the URL of a SQLite file, whatever characters its path holds.

    ``"sqlite:///" + path`` opens another file if there is a ``%`` or a ``?`` in the path.

    Examples
    --------
    >>> sqlite_url("funding_rate.db")
    'sqlite:///funding_rate.db'
    >>> sqlite_url("a%41.db")
    'sqlite:///a%2541.db'
    """
    url = URL.create("sqlite", database=fspath(path))
    return url.render_as_string(hide_password=False)


def refuse_tilde(url: URL, name: str) -> None:
    """Refuse a SQLite path in ``~`` or ``~user``: only shells know what that is.

    Parameters
    ----------
    url : URL
    name : str
        Of the database, in the message.

    Raises
    ------
    DatabaseUrlError
        With the path that was meant.
    """
    path = url.database or ""
    if url.get_backend_name() != "sqlite" or not re.match("~[^/]*/", path):
        return
    try:
        meant = f", perhaps {sqlite_url(Path(path).expanduser())}"
    except RuntimeError:  # no such user, or no home
        meant = ""
    raise DatabaseUrlError(f"{name}: the ~ in a URL is not expanded; write the whole path{meant}")
