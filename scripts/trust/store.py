"""Worlds that are measured already, a line of JSON for each, so that a stopped run goes on."""

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from trust.worlds import Sizes

__all__ = ["WorldStore", "code_digest"]

_ROOT = Path(__file__).resolve().parents[2]
_SOURCES = (
    "objectives/validation/*.py",
    "objectives/kernels/*.py",
    "objectives/factor_backtest/*.py",
    "objectives/*.py",
    "objectives/market/synthetic.py",
    "scripts/trust/worlds.py",
)
"""Code that decides what is measured in a world."""


def code_digest(sizes: Sizes) -> str:
    """Return 16 hex digits of the code that measures a world, and of its sizes."""
    digest = hashlib.sha256(repr(sizes).encode())
    for pattern in _SOURCES:
        for file in sorted(_ROOT.glob(pattern)):
            digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


class WorldStore:
    """A file of results.

    Parameters
    ----------
    path : Path
        Created with its folder at the first result. A line that was cut off is ignored.
    digest : str
        Of the code: lines of another one are kept and ignored.
    """

    def __init__(self, path: Path, digest: str) -> None:
        self.path = path
        self.digest = digest
        self._known = {(kind, record["seed"]): record for kind, record in self._lines()}

    def get(self, kind: str, seed: int) -> dict[str, Any] | None:
        """Return the record of a world; None if it is still to be measured."""
        return self._known.get((kind, seed))

    def add(self, kind: str, record: dict[str, Any]) -> None:
        """Append a record; it is in the file when this returns."""
        line = json.dumps({"digest": self.digest, "kind": kind, **record}) + "\n"
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("ab+") as file:
            if file.tell():
                file.seek(-1, os.SEEK_END)
                if file.read(1) != b"\n":  # what a killed process left
                    line = "\n" + line
            file.write(line.encode())
        self._known[kind, record["seed"]] = record

    def _lines(self) -> Iterator[tuple[str, dict[str, Any]]]:
        if not self.path.exists():
            return
        for line in self.path.read_text().splitlines():
            try:
                record = json.loads(line)
            except ValueError:
                continue
            if isinstance(record, dict) and record.pop("digest", None) == self.digest:
                yield record.pop("kind"), record
