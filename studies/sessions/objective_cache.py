"""Panel and factor cube on disk, so that every worker maps the same memory instead of computing.

Files are named by fingerprints and checked when they are read; one that is damaged, stale or
missing is built again from the database, by whoever needs it first.
"""

import contextlib
import os
import time
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd

from objectives import Objective, ReturnPanel
from search_spaces.errors import SessionError
from studies.sessions.session_objective import load_panel, objective_to_run
from studies.sessions.stored_session import StoredSession

__all__ = ["cache_folder", "cached_objective"]

_KEPT_FILES = 12
_KEPT_SECONDS = 7 * 24 * 3600.0


def cache_folder(configured: str | None = None) -> Path:
    """Folder of the cache: the configured one, else ``mass-tuning`` in the user's cache folder."""
    if configured is not None:
        return Path(configured)
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "mass-tuning"


def cached_objective(
    session: StoredSession, folder: Path | None = None, *, verify: bool = False
) -> Objective:
    """Build the objective of a session from the cache, filling it where it lacks.

    Parameters
    ----------
    session : StoredSession
    folder : Path, optional
        Default: :func:`cache_folder` of the session's configuration.
    verify : bool
        Read the panel from the database even if it is cached: the data may have changed since.

    Returns
    -------
    Objective
        What its evaluations share mapped from the folder, if that can be written or holds it.

    Raises
    ------
    SessionError
        If the data in the database are no longer those of the session.
    """
    folder = folder or cache_folder(session.config.execution.cache)
    with contextlib.suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        _prune(folder)
    panel_path = folder / f"panel-{(session.row.data_fingerprint or '')[:32]}.npz"
    objective = None if verify else _from_panel_file(session, panel_path)
    if objective is None:
        panel = load_panel(session.config, session.engine)
        objective = objective_to_run(session, panel)
        with contextlib.suppress(OSError):
            _save_panel(panel, panel_path)
    objective.prepare(folder)
    return objective


def _from_panel_file(session: StoredSession, path: Path) -> Objective | None:
    """Return the objective on a cached panel; None if it is missing, damaged or of other data."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as held:
            dates = held["market_cap_dates"]
            panel = ReturnPanel(
                dates=pd.DatetimeIndex(held["dates"]),
                pairs=tuple(held["pairs"].tolist()),
                returns=held["returns"],
                roi=held["roi"] if held["roi"].size else None,
                market_caps=held["market_caps"],
                market_cap_dates=pd.DatetimeIndex(dates) if dates.size else None,
                source=str(held["source"]),
            )
        return objective_to_run(session, panel)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, SessionError):
        return None


def _save_panel(panel: ReturnPanel, path: Path) -> None:
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    none = np.empty(0)
    dates = panel.market_cap_dates
    with partial.open("wb") as file:
        np.savez(
            file,
            dates=panel.dates.to_numpy(),
            pairs=np.array(panel.pairs),
            returns=panel.returns,
            roi=none if panel.roi is None else panel.roi,
            market_caps=panel.market_caps,
            market_cap_dates=none.astype("M8[us]") if dates is None else dates.to_numpy(),
            source=np.array(panel.source),
        )
    partial.replace(path)


def _prune(folder: Path) -> None:
    """Remove what nobody has used for a week, beyond the newest few."""
    files = sorted(folder.glob("*-*.np[yz]"), key=lambda f: f.stat().st_mtime, reverse=True)
    for file in files[_KEPT_FILES:]:
        if time.time() - file.stat().st_mtime > _KEPT_SECONDS:
            file.with_suffix(".json").unlink(missing_ok=True)
            file.unlink(missing_ok=True)
