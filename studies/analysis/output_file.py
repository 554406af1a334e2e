"""A file that the user names: complete or not there, and never in the place of a database."""

import contextlib
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, TypeAlias

from search_spaces.errors import ConfigError

__all__ = ["Target", "is_stream", "refuse_overwriting", "replaced_output"]

Target: TypeAlias = str | Path | IO[bytes]
"""The path of a file, or a binary file that is open."""

_SQLITE_HEAD = b"SQLite format 3\x00"


@contextlib.contextmanager
def replaced_output(target: Target) -> Iterator[IO[bytes]]:
    """Open what the user named, to be written from its beginning.

    A file is written beside its place, under a name of its own, and moved there at the end of the
    block, so that a reader never sees half of it and two writers do not mix. A link leads to the
    file that is written; a pipe, a device or a file that is open already is written into.

    Parameters
    ----------
    target : str, Path or binary file

    Raises
    ------
    ConfigError
        If it is a folder, or in a folder that does not exist.
    OSError
        If it cannot be written; it bears the name that was given.
    """
    if not isinstance(target, (str, Path)):
        yield target
        target.flush()
        return
    place = Path(os.path.realpath(target))
    if Path(target).is_dir():
        raise ConfigError(f"{target} is a folder; name a file")
    if not is_stream(target) and not place.parent.is_dir():
        raise ConfigError(f"the folder {place.parent} does not exist; create it")
    try:
        if is_stream(target):
            with Path(target).open("wb") as stream:
                yield stream
        else:
            with _replaced(place) as file:
                yield file
    except BrokenPipeError:  # the reader of a pipe has seen enough
        raise
    except OSError as error:
        raise OSError(error.errno, error.strerror or str(error), str(target)) from error


def is_stream(target: str | Path) -> bool:
    """Whether what has this name is written into: a pipe, a terminal, a device."""
    path = Path(target)
    return path.exists() and not path.is_file() and not path.is_dir()


def refuse_overwriting(target: str | Path, kept: Mapping[Path, str]) -> None:
    """Refuse to write over what must not be lost, by whatever link or spelling it is named.

    Parameters
    ----------
    target : str or Path
    kept : mapping of Path to str
        Files, whether they exist or not, and what each of them is. Files of SQLite databases need
        not be among them: they are known by their content.

    Raises
    ------
    ConfigError
        If the target is one of them.
    """
    path = Path(target)
    for file, what in kept.items():
        if _same(path, file):
            raise ConfigError(f"{target} is {what} and is not written over; name another file")
    if path.is_file():
        with contextlib.suppress(OSError), path.open("rb") as opened:
            if opened.read(len(_SQLITE_HEAD)) == _SQLITE_HEAD:
                raise ConfigError(
                    f"{target} is a SQLite database and is not written over; name another file"
                )


@contextlib.contextmanager
def _replaced(place: Path) -> Iterator[IO[bytes]]:
    """Open a new file that takes this place, with the rights of the one before."""
    partial = place.with_name(f".{place.name[:200]}.{secrets.token_hex(4)}.part")
    try:
        with partial.open("xb") as file:
            yield file
        if place.exists():
            shutil.copymode(place, partial)
        partial.replace(place)
    finally:
        partial.unlink(missing_ok=True)


def _same(path: Path, other: Path) -> bool:
    try:
        return path.samefile(other)
    except OSError:  # one of them is not there: the name decides
        return os.path.realpath(path) == os.path.realpath(other)
