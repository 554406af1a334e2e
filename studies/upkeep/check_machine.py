"""Checks of this machine: Python, packages, processors, memory, disks, clock, cache."""

import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import psutil
from packaging.requirements import Requirement

from studies.upkeep.finding import Finding, ok, problem, warning
from studies.upkeep.health import LEAST_DISK_BYTES, LEAST_MEMORY_BYTES

__all__ = ["check_cache", "check_clock", "check_disk", "check_machine", "check_packages"]

TESTED_PYTHON = ((3, 11), (3, 14))
"""Oldest and newest."""
CLOCK_SECONDS = 2.0
FULL_DISK_BYTES = 50_000_000
LARGE_CACHE_BYTES = 10_000_000_000
_CGROUP_LIMITS = (
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)


def check_packages() -> Iterator[Finding]:
    """Versions of Python and of the packages, against those that this release was tested with."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}.{sys.version_info.micro}"
    oldest, newest = TESTED_PYTHON
    if sys.version_info[:2] < oldest:
        yield problem("python", f"Python {version} is too old", "use Python 3.11 or newer")
    elif sys.version_info[:2] > newest:
        tested = ".".join(map(str, newest))
        yield warning("python", f"Python {version} is untested", f"use Python 3.11 to {tested}")
    else:
        yield ok("python", f"Python {version}, {sys.executable}")
    try:
        wanted = [Requirement(text) for text in metadata.requires("mass-tuning") or ()]
    except metadata.PackageNotFoundError:
        install = "install it with: pip install -e ."
        yield warning("packages", "mass-tuning runs from a folder, not installed", install)
        return
    needed = [each for each in wanted if each.marker is None or each.marker.evaluate({"extra": ""})]
    wrong = [text for each in needed if (text := _wrong_version(each)) is not None]
    if wrong:
        install = "install them with: pip install --upgrade mass-tuning"
        yield problem("packages", ", ".join(wrong), install)
    else:
        optuna = metadata.version("optuna")
        yield ok("packages", f"all {len(needed)} that are needed, optuna {optuna}")


def check_machine() -> Iterator[Finding]:
    """Processors and memory that this process may use."""
    cores = os.cpu_count() or 1
    if hasattr(psutil.Process, "cpu_affinity"):  # not on macOS
        cores = len(psutil.Process().cpu_affinity() or [0])
    memory = psutil.virtual_memory()
    limit = memory_limit()
    total = memory.total if limit is None else min(limit, memory.total)
    within = "" if limit is None or limit >= memory.total else " (limit of the container)"
    text = (
        f"{cores} processors, {total / 1e9:,.1f} GB of memory{within}, "
        f"{memory.available / 1e9:,.1f} GB available"
    )
    if min(memory.available, total) < LEAST_MEMORY_BYTES:
        yield warning("machine", text, "end what else needs memory, or start one worker only")
    else:
        yield ok("machine", text)


def check_disk(name: str, folder: Path) -> Iterator[Finding]:
    """Room on the disk of a folder, or of the first of its parents that is there."""
    there = folder.absolute()
    while not there.exists():
        there = there.parent
    free = shutil.disk_usage(there).free
    text = f"{free / 1e9:,.1f} GB free for the {name} in {there}"
    if free < FULL_DISK_BYTES:
        yield problem("disk", text, "make room: nothing can be recorded on a full disk")
    elif free < LEAST_DISK_BYTES:
        yield warning("disk", text, "make room before a long session")
    else:
        yield ok("disk", text)


def check_clock(folder: Path) -> Iterator[Finding]:
    """Compare the clock of the system with that of the file system in a folder."""
    with tempfile.NamedTemporaryFile(dir=folder if os.access(folder, os.W_OK) else None) as file:
        apart = os.fstat(file.fileno()).st_mtime - time.time()
    yield clock_finding(apart, "files")


def clock_finding(apart: float, of: str) -> Finding:
    """Judge how far another clock is ahead of ours, in seconds."""
    if abs(apart) <= CLOCK_SECONDS:
        return ok("clock", f"within {CLOCK_SECONDS:.0f} s of the clock of the {of}")
    side = "ahead of" if apart > 0 else "behind"
    return warning(
        "clock",
        f"the clock of the {of} is {abs(apart):,.0f} s {side} ours",
        "set both by a time server (NTP): times of sessions and files do not compare",
    )


def check_cache(folder: Path) -> Iterator[Finding]:
    """Whether the cache can be written, whose it is, and how large."""
    there = folder.absolute()
    while not there.exists():
        there = there.parent
    try:
        with tempfile.NamedTemporaryFile(dir=there):
            pass
    except OSError as error:
        yield warning(
            "cache",
            f"{there} cannot be written ({error.strerror}), so every worker computes what it could "
            "share",
            "make it writable, or name another folder in execution.cache",
        )
        return
    if not folder.exists():
        yield ok("cache", f"{folder} is made when it is needed")
        return
    files = [path.stat() for path in folder.rglob("*") if path.is_file()]
    n_bytes = sum(each.st_size for each in files)
    text = f"{folder}: {len(files):,} files, {n_bytes / 1e6:,.0f} MB"
    if hasattr(os, "getuid") and folder.stat().st_uid != os.getuid():
        yield warning(
            "cache",
            f"{folder} belongs to another user, who could change what your sessions read",
            "name a folder of your own in execution.cache",
        )
    elif n_bytes > LARGE_CACHE_BYTES:
        yield warning("cache", text, "delete its files; what is needed is computed again")
    else:
        yield ok("cache", text)


def memory_limit() -> int | None:
    """Bytes that the container allows, or None without a limit."""
    for path in _CGROUP_LIMITS:
        try:
            text = path.read_text().strip()
        except OSError:
            continue
        return int(text) if text.isdigit() else None
    return None


def _wrong_version(wanted: Requirement) -> str | None:
    try:
        version = metadata.version(wanted.name)
    except metadata.PackageNotFoundError:
        return f"{wanted.name} is missing"
    if wanted.specifier.contains(version, prereleases=True):
        return None
    return f"{wanted.name} is {version}, not {wanted.specifier}"
