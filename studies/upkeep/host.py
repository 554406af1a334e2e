"""What this host, or the container it runs in, has to spare."""

import math
import os
import shutil
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import psutil
from sqlalchemy.engine import Engine

__all__ = ["available_memory", "database_folder", "free_disk", "load_average", "usable_cpus"]

_ROOT = Path("/")


def available_memory(root: Path = _ROOT) -> int:
    """Return the bytes that processes can still take, control groups considered.

    Parameters
    ----------
    root : Path
        Of the file system; replaced in tests.
    """
    left = psutil.virtual_memory().available
    for folder in _cgroups(root, "memory"):
        for limit_name, used_name in (
            ("memory.max", "memory.current"),
            ("memory.limit_in_bytes", "memory.usage_in_bytes"),
        ):
            limit, used = _number(folder / limit_name), _number(folder / used_name)
            if limit is not None and used is not None:
                # pages of files that nobody maps are given back before anybody is refused memory
                left = min(left, max(0, int(limit - used + _inactive_file(folder))))
    return left


def usable_cpus(root: Path = _ROOT) -> float:
    """Return the processors that this process may use: cores, affinity and quota considered.

    Parameters
    ----------
    root : Path
        See :func:`available_memory`.

    Returns
    -------
    float
        Physical cores; a quota may make it a fraction.
    """
    cpus = float(psutil.cpu_count(logical=False) or psutil.cpu_count() or 1)
    if hasattr(psutil.Process, "cpu_affinity"):  # not on macOS
        cpus = min(cpus, len(psutil.Process().cpu_affinity() or [0]))
    for folder in _cgroups(root, "cpu"):
        quota, period = _cpu_quota(folder)
        if quota is not None and period and quota > 0:
            cpus = min(cpus, quota / period)
    return cpus


def database_folder(engine: Engine) -> Path | None:
    """Return the folder of a SQLite file; None for any other database."""
    file = engine.url.database
    if engine.dialect.name != "sqlite" or not file or file == ":memory:":
        return None
    return Path(file).absolute().parent


def free_disk(engine: Engine) -> int:
    """Return the bytes free where a SQLite file is, for another database in the current folder."""
    return shutil.disk_usage(database_folder(engine) or Path.cwd()).free


def _cgroups(root: Path, controller: str) -> Iterator[Path]:
    """Folders of the control groups of this process, up to the one that the mount shows."""
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, names, path = line.split(":", 2)
        if names and controller not in names.split(","):
            continue
        mount = root / "sys/fs/cgroup" / (controller if names else "")
        inner = PurePosixPath(path.lstrip("/"))
        # a container may see its own group as the top of the mount, under whatever path
        for part in (inner, *inner.parents):
            if ".." not in part.parts and (mount / part).is_dir():
                yield mount / part


def _cpu_quota(folder: Path) -> tuple[float | None, float | None]:
    """Quota and period of version 2 (``max`` or a number) or 1 (-1 is no quota)."""
    try:
        quota, period = (folder / "cpu.max").read_text().split()
    except (OSError, ValueError):
        return _number(folder / "cpu.cfs_quota_us"), _number(folder / "cpu.cfs_period_us")
    return (None if quota == "max" else float(quota)), float(period)


def _number(file: Path) -> float | None:
    """Return the number a file holds; None for ``max`` and for a file that cannot be read."""
    try:
        number = float(file.read_text())
    except (OSError, ValueError):
        return None
    return number if math.isfinite(number) else None


def _inactive_file(folder: Path) -> float:
    try:
        text = (folder / "memory.stat").read_text()
    except OSError:
        return 0.0
    counts = dict(line.split() for line in text.splitlines() if line.count(" ") == 1)
    return float(counts.get("total_inactive_file", counts.get("inactive_file", 0)))


def load_average() -> float:
    """Return the processes that wanted to run, averaged over the last minute."""
    return os.getloadavg()[0]
