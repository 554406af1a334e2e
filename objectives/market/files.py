"""Files of a source and their bytes: folders, Hive folders, zip members, compressed files."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from os import PathLike, fspath
from pathlib import Path, PurePath
from typing import IO, Any

from search_spaces.errors import DataError

__all__ = ["MAX_UNPACKED_BYTES", "DataFile", "data_files"]

MAX_UNPACKED_BYTES = 2 * 2**30
"""What a compressed file may grow to; a few kilobytes can be made to fill any memory."""

_CHUNK = 2**22
_PACKED: dict[str, tuple[bytes, Callable[[Any], Any]]] = {
    ".gz": (b"\x1f\x8b", lambda file: gzip.GzipFile(fileobj=file)),
    ".bz2": (b"BZh", bz2.BZ2File),
    ".xz": (b"\xfd7zXZ\x00", lzma.LZMAFile),
}
_DAMAGED = (OSError, EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, NotImplementedError)
_FOREIGN = {
    b"SQLite format 3\x00": "is an SQLite database; give it a name ending in .db",
    b"FEA1": "is a Feather file of version 1; write it again with a recent pandas or pyarrow",
    b"%PDF": "is a PDF document; a table is needed, such as CSV",
    b"\xd0\xcf\x11\xe0": "is an Excel workbook; save the sheet as CSV (UTF-8)",
    b"\x28\xb5\x2f\xfd": "is compressed by zstd; unpack it first, or use .gz, .bz2, .xz or .zip",
    b"7z\xbc\xaf": "is a 7z archive; unpack it first, or use .zip",
    b"Rar!": "is a RAR archive; unpack it first, or use .zip",
}


_NO_DATA = frozenset(
    (
        *(".md", ".rst", ".html", ".pdf", ".log", ".py", ".ipynb", ".sh", ".sql", ".r"),
        *(".png", ".jpg", ".svg", ".yaml", ".yml", ".toml", ".cfg", ".ini", ".lock"),
        *(".checksum", ".md5", ".sha256"),
    )
)
"""Endings of what lies beside data in a folder or zip."""


@dataclass(frozen=True)
class DataFile:
    """One file with rows, on disk or in a zip.

    Attributes
    ----------
    label : str
        The file as a person knows it; of a zip with several members, ``a.zip: member``.
    path : PurePath
        Its folders and its name without the ending of a compression; of a zip member, the
        member's name in the folders of the zip. Never written to.
    parts : mapping of str to str
        Columns given by Hive folders such as ``exchange=binance``.
    content : callable
        Reads the bytes, unpacked.
    plain : Path or None
        The file itself where it lies on disk as it is, so that it need not be read whole.
    """

    label: str
    path: PurePath
    content: Callable[[], bytes]
    parts: Mapping[str, str] = field(default_factory=dict)
    plain: Path | None = None


def data_files(source: str | PathLike[str]) -> list[DataFile]:
    """Find the files of a source: itself, the files of a folder, the members of a zip.

    Left out are hidden files, those that begin with ``_`` as Hive tools write them, and what is
    no data by its ending, such as a README.md or a checksum.

    Raises
    ------
    DataError
        If there is no such file, a folder or zip has none, a file is empty or not of its kind.
    """
    try:
        path = Path(fspath(source))
    except TypeError:
        kind = type(source).__name__
        raise DataError(f"expected a pandas.DataFrame or a path, got {kind}") from None
    if path.is_dir():
        found = [
            file
            for one in sorted(path.rglob("*"))
            if one.is_file() and not _is_beside(one.relative_to(path))
            for file in _files_of(one, _hive_parts(one.relative_to(path)))
        ]
        if not found:
            raise DataError(f"{path}: the folder has no file; give a folder with data in it")
        return found
    if not path.is_file():
        raise DataError(f"{path}: cannot be read (No such file or directory); check the name")
    return list(_files_of(path, _hive_parts(path)))


def _is_beside(path: PurePath) -> bool:
    parts = [part for part in path.parts if part not in (".", "..")]
    hidden = any(part.startswith((".", "_")) for part in parts)
    return hidden or path.suffix.lower() in _NO_DATA


def _hive_parts(path: PurePath) -> dict[str, str]:
    pairs = (part.split("=", 1) for part in path.parts[:-1] if part.count("=") == 1)
    return {name: value for name, value in pairs if name and value}


def _files_of(path: Path, parts: Mapping[str, str]) -> Iterator[DataFile]:
    label = str(path)
    try:
        with path.open("rb") as file:
            head = file.read(16)
    except OSError as error:
        raise DataError(f"{label}: cannot be read: {error.strerror or error}") from None
    if not head:
        raise DataError(f"{label}: is empty; a table needs a header and rows")
    ending = path.suffix.lower()
    if ending in (".tar", ".tgz") or path.stem.lower().endswith(".tar"):
        raise DataError(f"{label}: is a tar archive; unpack it and give the folder")
    for magic, problem in _FOREIGN.items():
        if head.startswith(magic):
            raise DataError(f"{label}: {problem}")
    if head.startswith(b"PK"):
        yield from _members(path, label, parts)
        return
    if ending == ".zip":
        raise DataError(f"{label}: cannot be read: it is not a zip file; download it again")
    for packed, (magic, opener) in _PACKED.items():
        if head.startswith(magic):
            inner = path.with_suffix("") if ending == packed else path
            yield DataFile(label, inner, _unpacked(path, opener, label), parts)
            return
        if ending == packed:
            raise DataError(
                f"{label}: cannot be read: it is not a {packed} file; download it again, or leave "
                f"out the {packed} of its name"
            )
    yield DataFile(label, path, _plain(path, label), parts, plain=path)


def _plain(path: Path, label: str) -> Callable[[], bytes]:
    def content() -> bytes:
        try:
            return path.read_bytes()
        except OSError as error:
            raise DataError(f"{label}: cannot be read: {error.strerror or error}") from None

    return content


def _unpacked(path: Path, opener: Callable[[Any], Any], label: str) -> Callable[[], bytes]:
    def content() -> bytes:
        try:
            with path.open("rb") as file, opener(file) as unpacked:
                return _limited(unpacked, label)
        except _DAMAGED as error:
            raise DataError(f"{label}: cannot be read: {error}; download it again") from error

    return content


def _members(path: Path, label: str, parts: Mapping[str, str]) -> Iterator[DataFile]:
    try:
        with zipfile.ZipFile(path) as archive:
            members = [one for one in archive.infolist() if not one.is_dir()]
    except _DAMAGED as error:
        raise DataError(f"{label}: cannot be read: {error}; download it again") from error
    if any(one.filename == "[Content_Types].xml" for one in members):
        raise DataError(f"{label}: is an Excel workbook; save the sheet as CSV (UTF-8)")
    members = [one for one in members if not _is_beside(PurePath(one.filename))]
    if not members:
        raise DataError(f"{label}: the zip has no file with data")
    for member in sorted(members, key=lambda one: one.filename):
        name = PurePath(member.filename)
        yield DataFile(
            label if len(members) == 1 else f"{label}: {member.filename}",
            path.parent / name.name,
            _member(path, member, label),
            {**parts, **_hive_parts(name)},
        )


def _member(path: Path, member: zipfile.ZipInfo, label: str) -> Callable[[], bytes]:
    def content() -> bytes:
        if member.flag_bits & 1:
            raise DataError(f"{label}: {member.filename} has a password; unpack the zip first")
        try:
            with zipfile.ZipFile(path) as archive, archive.open(member) as file:
                return _limited(file, f"{label}: {member.filename}")
        except _DAMAGED as error:
            raise DataError(f"{label}: cannot be read: {error}; download it again") from error

    return content


def _limited(file: IO[bytes], label: str) -> bytes:
    """Read all, but not more than memory bears; what the archive says of sizes is not believed."""
    into = io.BytesIO()
    while chunk := file.read(_CHUNK):
        into.write(chunk)
        if into.tell() > MAX_UNPACKED_BYTES:
            gib = MAX_UNPACKED_BYTES / 2**30
            raise DataError(
                f"{label}: unpacks to more than {gib:g} GiB; unpack it yourself and give the "
                "parts, or make a Parquet file of it"
            )
    return into.getvalue()
