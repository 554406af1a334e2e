"""The process behind `tests.helpers.forks`: forks itself into Python programs.

It has imported what programs of this project import, and nothing of the command line.
"""

import gc
import json
import os
import random
import runpy
import select
import signal
import socket
import sys
import types
import warnings
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import deap.tools  # noqa: F401
import numpy as np
import optuna_dashboard  # noqa: F401
import pandas as pd  # noqa: F401
import scipy.stats  # noqa: F401

from objectives import FactorBacktest, ReturnPanel
from studies import Session  # noqa: F401


def serve(channel: socket.socket) -> dict | None:
    """Fork for every job and tell how the forks end; returns a job in its fork, None at last."""
    living: dict[int, int] = {}
    woken, waker = os.pipe()
    os.set_blocking(waker, False)
    signal.signal(signal.SIGCHLD, lambda *unused: None)
    signal.set_wakeup_fd(waker)
    while True:
        ready, _, _ = select.select([channel, woken], [], [])
        if woken in ready:
            os.read(woken, 4096)
            for pid in list(living):
                if (ended := os.waitpid(pid, os.WNOHANG)) != (0, 0):
                    status = living.pop(pid)
                    os.write(status, str(ended[1]).encode())
                    os.close(status)
        if channel in ready:
            message, received, _, _ = socket.recv_fds(channel, 1 << 20, 4)
            if not message:
                return None
            *pipes, status = received
            pid = os.fork()
            if pid == 0:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                for number, pipe in enumerate(pipes):
                    os.dup2(pipe, number)
                for each in (*pipes, status, *living.values(), woken, waker, channel.detach()):
                    os.close(each)
                return json.loads(message)
            for pipe in pipes:
                os.close(pipe)
            living[pid] = status
            channel.send(str(pid).encode())


def become(job: dict) -> None:
    """Run a command line of Python as the interpreter does."""
    os.chdir(job["cwd"])
    os.environ.clear()
    os.environ.update(job["env"])
    random.seed()
    np.random.seed()  # noqa: NPY002
    words = job["words"]
    while words[0] == "-W":
        warnings.simplefilter(words[1])
        words = words[2:]
    kind, *rest = words
    first = {"-c": "", "-m": str(Path.cwd())}.get(kind, str(Path(kind).parent))
    further = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
    sys.path[:1] = [first, *further]
    sys.argv[:] = [kind, *rest]
    if kind == "-c":
        sys.argv[:] = ["-c", *rest[1:]]
        main = sys.modules["__main__"] = types.ModuleType("__main__")
        exec(compile(rest[0], "<string>", "exec"), main.__dict__)
    elif kind == "-m":
        sys.argv[:] = rest
        runpy.run_module(rest[0], run_name="__main__", alter_sys=True)
    else:
        runpy.run_path(kind, run_name="__main__")


if __name__ == "__main__":
    FactorBacktest(ReturnPanel.synthetic(n_pairs=4, n_days=400)).evaluate(np.arange(3))
    gc.collect()
    gc.freeze()
    with socket.socket(fileno=int(sys.argv[1])) as told:
        job = serve(told)
    if job is not None:
        become(job)
