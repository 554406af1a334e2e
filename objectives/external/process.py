"""One run of a program: its group of processes ends with it, and its output is bounded."""

import contextlib
import errno
import math
import os
import resource
import selectors
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Finished", "Limits", "kill_group", "run_program", "start_program"]

MOST_OUTPUT = 8 * 2**20
"""Bytes of the end of the output that are kept; a result stands at the end."""

MOST_ERRORS = 4_000
"""Bytes of the end of standard error that are kept."""

_AT_ONCE = 2**16
_GRACE_SECONDS = 0.2
_LOOK_SECONDS = 0.05


@dataclass(frozen=True)
class Limits:
    """What a program may use.

    Attributes
    ----------
    seconds : float
        From start to end of its output.
    memory_mb : int or None
        Address space of each of its processes (``RLIMIT_AS``); None: no limit.
    """

    seconds: float
    memory_mb: int | None = None


@dataclass(frozen=True)
class Finished:
    """What became of a run.

    Attributes
    ----------
    code : int or None
        Exit code, negative for a signal; None: it was ended at its time limit.
    output, errors : bytes
        The end of standard output (:data:`MOST_OUTPUT`) and of standard error
        (:data:`MOST_ERRORS`).
    seconds : float
        How long it ran.
    """

    code: int | None
    output: bytes
    errors: bytes
    seconds: float


def start_program(
    command: Sequence[str],
    *,
    directory: Path,
    environment: Mapping[str, str],
    memory_mb: int | None,
    takes_input: bool = False,
) -> subprocess.Popen[bytes]:
    """Start a program in a process group of its own, without a shell.

    Raises
    ------
    OSError
        If it is missing or cannot be executed.
    """
    command = list(command)
    limiter = None if memory_mb is None else shutil.which("prlimit")
    if memory_mb is not None and limiter is not None:
        _require_executable(command[0], directory, environment)
        command = [limiter, f"--as={_in_bytes(memory_mb)}", "--", *command]
    process = subprocess.Popen(
        command,
        cwd=directory,
        env=dict(environment),
        stdin=subprocess.PIPE if takes_input else subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    if memory_mb is not None and limiter is None:
        # without the program prlimit; code between fork and exec is not safe beside threads
        with contextlib.suppress(ProcessLookupError):
            resource.prlimit(process.pid, resource.RLIMIT_AS, (_in_bytes(memory_mb),) * 2)
    return process


def _in_bytes(megabytes: int) -> int:
    return megabytes * 2**20


def _require_executable(program: str, directory: Path, environment: Mapping[str, str]) -> None:
    """Raise what starting the program would raise: started by another, its exit code says it."""
    named = str(directory / program) if os.sep in program else program
    if shutil.which(named, path=environment.get("PATH")) is None:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), program)


def run_program(
    command: Sequence[str],
    *,
    directory: Path,
    environment: Mapping[str, str],
    limits: Limits,
    given: bytes = b"",
    stopped: Callable[[], bool] = lambda: False,
) -> Finished:
    """Run a program to its end, or to its time limit; no process of its group is left.

    Parameters
    ----------
    command, directory, environment
        See :func:`start_program`.
    limits : Limits
    given : bytes
        Its standard input, shorter than a pipe holds (4 KiB everywhere).
    stopped : callable
        Asked now and then; true ends the program as its time limit does.

    Raises
    ------
    OSError
        If it is missing or cannot be executed.
    """
    began = time.monotonic()
    process = start_program(
        command,
        directory=directory,
        environment=environment,
        memory_mb=limits.memory_mb,
        takes_input=bool(given),
    )
    deadline = began + limits.seconds

    def is_over() -> bool:
        return time.monotonic() >= deadline or stopped()

    try:
        if process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):  # it need not read
                process.stdin.write(given)
                process.stdin.close()
        output, errors, in_time = _read(process, is_over)
        code = _wait(process, is_over) if in_time else None
    finally:
        kill_group(process)
    return Finished(code, output, errors, time.monotonic() - began)


def kill_group(process: subprocess.Popen[bytes]) -> None:
    """End every process of the group of a program, and wait for the program itself."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream is not None:
            with contextlib.suppress(OSError):
                stream.close()
    process.wait()


def _read(
    process: subprocess.Popen[bytes], is_over: Callable[[], bool]
) -> tuple[bytes, bytes, bool]:
    """Read both streams to their end; the last value says whether that was before `is_over`.

    A child that keeps a stream open after the program has ended does not hold the run up: a
    moment after the program's end the streams are left.
    """
    assert process.stdout is not None
    assert process.stderr is not None
    kept = {process.stdout: _Tail(MOST_OUTPUT), process.stderr: _Tail(MOST_ERRORS)}
    leave = math.inf
    with selectors.DefaultSelector() as selector:
        for stream in kept:
            os.set_blocking(stream.fileno(), False)
            selector.register(stream, selectors.EVENT_READ)
        while selector.get_map():
            now = time.monotonic()
            if now >= leave or is_over():
                break
            if leave == math.inf and process.poll() is not None:
                leave = now + _GRACE_SECONDS
            for key, _ in selector.select(_LOOK_SECONDS):
                block = os.read(key.fd, _AT_ONCE)
                if block:
                    kept[key.fileobj].add(block)  # type: ignore[index]
                else:
                    selector.unregister(key.fileobj)
    output, errors = (tail.text() for tail in kept.values())
    return output, errors, not is_over()


def _wait(process: subprocess.Popen[bytes], is_over: Callable[[], bool]) -> int | None:
    while True:
        try:
            return process.wait(_LOOK_SECONDS)
        except subprocess.TimeoutExpired:
            if is_over():
                return None


class _Tail:
    """The end of a stream."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._blocks: list[bytes] = []
        self._size = 0

    def add(self, block: bytes) -> None:
        self._blocks.append(block)
        self._size += len(block)
        if self._size > 2 * self._most:
            self._blocks = [self.text()]
            self._size = len(self._blocks[0])

    def text(self) -> bytes:
        return b"".join(self._blocks)[-self._most :]
