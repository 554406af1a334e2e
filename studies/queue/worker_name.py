"""Naming a worker so that others can tell whether its process still lives."""

import os
import socket
import uuid

import psutil

__all__ = ["new_worker_name"]


def new_worker_name() -> str:
    """Name this process uniquely: host, process id, its start time and a random part."""
    started = int(psutil.Process().create_time() * 1000)
    return f"{socket.gethostname()}/{os.getpid()}/{started}/{uuid.uuid4().hex[:8]}"


def _is_dead(worker: str) -> bool:
    host, pid, started, _ = worker.rsplit("/", 3)
    if host != socket.gethostname():
        return False
    try:
        process = psutil.Process(int(pid))
        if process.status() == psutil.STATUS_ZOMBIE:  # killed, and nobody has waited for it yet
            return True
        return int(process.create_time() * 1000) != int(started)
    except psutil.NoSuchProcess:
        return True
    except psutil.AccessDenied:
        return False
