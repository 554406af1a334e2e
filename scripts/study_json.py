"""What a browser waits for when it opens the studies of a database."""

import contextlib
import json
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

__all__ = ["study_json"]


def study_json(url: str, *, stock: bool = False) -> dict[str, dict[str, float]]:
    """Ask for every study of a database once, by name, and once more.

    Parameters
    ----------
    url : str
        Of the database.
    stock : bool
        Ask ``optuna-dashboard`` alone instead of ``mass-tuning dashboard``.

    Returns
    -------
    dict of str to dict
        ``n_trials``, ``response_mb`` (of the JSON), ``first_read_s``, ``again_s``.
    """
    told = {}
    with _served(url, stock) as address:
        summaries = json.loads(_get(f"{address}/api/studies")[1])["study_summaries"]
        for study in summaries:
            page = f"{address}/api/studies/{study['study_id']}?after=0"
            (first, content), (again, _) = _get(page), _get(page)
            told[study["study_name"]] = {
                "n_trials": len(json.loads(content)["trials"]),
                "response_mb": len(content) / 1e6,
                "first_read_s": first,
                "again_s": again,
            }
    return told


@contextlib.contextmanager
def _served(url: str, stock: bool) -> Iterator[str]:
    """Serve a dashboard on a free port of this host, from a process of its own."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command: list[Any] = [sys.executable, "-m", "studies", "dashboard", "--database", url]
    if stock:
        command = [Path(sys.executable).parent / "optuna-dashboard", url]
    server = subprocess.Popen(
        [*map(str, command), "--host", "127.0.0.1", "--port", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(300):
            with contextlib.suppress(OSError):
                _get(f"{address}/api/meta")
                break
            time.sleep(0.1)
        yield address
    finally:
        server.terminate()
        server.wait()


def _get(address: str) -> tuple[float, bytes]:
    began = time.perf_counter()
    with urllib.request.urlopen(address, timeout=120) as response:  # noqa: S310 (our own server)
        content = response.read()
    return time.perf_counter() - began, content
