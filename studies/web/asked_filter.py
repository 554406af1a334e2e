"""Which strategies a page is about, as its address says."""

import shlex
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from studies.analysis import Filter, read_filter
from studies.sessions import StoredSession

__all__ = ["AskedFilter"]


@dataclass(frozen=True)
class AskedFilter:
    """What `--where`, `--factor` and `--without` are to a command.

    Attributes
    ----------
    where : str
    factors, without : tuple of str
        In the address words with spaces or commas between them.
    """

    where: str = ""
    factors: tuple[str, ...] = ()
    without: tuple[str, ...] = ()

    @classmethod
    def from_query(cls, query: Any) -> "AskedFilter":
        """Read it from the fields of an address (`bottle.FormsDict`); empty ones say nothing."""
        words = {
            name: tuple(" ".join(query.decode().getall(name)).replace(",", " ").split())
            for name in ("factor", "without")
        }
        where = query.getunicode("where", "").strip()
        return cls(where, words["factor"], words["without"])

    def __bool__(self) -> bool:
        return bool(self.where or self.factors or self.without)

    @property
    def query(self) -> str:
        """The end of an address: empty, or from the question mark on."""
        fields = (
            ("where", self.where),
            ("factor", " ".join(self.factors)),
            ("without", " ".join(self.without)),
        )
        said = urlencode([(name, value) for name, value in fields if value])
        return f"?{said}" if said else ""

    @property
    def options(self) -> str:
        """The options of a command that say the same, with a space before each."""
        words = [
            *(("--where", self.where) if self.where else ()),
            *(word for code in self.factors for word in ("--factor", code)),
            *(word for value in self.without for word in ("--without", value)),
        ]
        return "".join(f" {shlex.quote(word)}" for word in words)

    def read(self, session: StoredSession) -> Filter | None:
        """Read it for a session.

        Raises
        ------
        ConfigError
            If it cannot be read, or names what the session has not.
        """
        return read_filter(session, self.where or None, factors=self.factors, without=self.without)
