"""Passwords in database URLs: recognised, and kept out of everything that people read."""

import re

from sqlalchemy.engine import URL, Engine, make_url
from sqlalchemy.exc import ArgumentError

__all__ = ["SECRETS", "display_url", "holds_password"]

SECRETS = ("password", "passwd", "sslpassword")
"""Parameters of a connection that nobody else may read."""

_OF_USER = re.compile(r"\w[\w+]*://[^@]*?:[^@]+@")
_OF_QUERY = re.compile(rf"[?&]({'|'.join(SECRETS)})=", re.IGNORECASE)


def holds_password(url: str) -> bool:
    """Whether a URL of a server holds a password, wherever it stands, even if it is malformed."""
    if url.startswith("sqlite"):
        return False
    return bool(_OF_USER.match(url) or _OF_QUERY.search(url))


def display_url(url: str | URL | Engine) -> str:
    """Write a database URL for people, with every password replaced by ``***``.

    Of one that cannot be understood only the scheme is left if it may hold a password.
    """
    try:
        parsed = url.url if isinstance(url, Engine) else make_url(url)
    except (ArgumentError, ValueError):
        text = str(url)
        return f"{text.partition('://')[0]}://***" if holds_password(text) else text
    hidden = {name: "***" for name in parsed.query if name.lower() in SECRETS}
    return parsed.update_query_dict(hidden).render_as_string(hide_password=True)
