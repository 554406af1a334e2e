"""Python programs that begin as forks of a process in which everything is imported.

To a program it makes no difference but the second or two that its imports take. What a test says of
a fresh interpreter (its imports, its hash seed, its first words on stderr) needs `subprocess`.
"""

import contextlib
import json
import os
import select
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any


class _Server:
    """Asks the process for forks, one of which it becomes in turn."""

    def __init__(self) -> None:
        self._channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        program = str(Path(__file__).with_name("fork_server.py"))
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, program, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                cwd=Path(__file__).parents[2],
            )

    def fork(self, job: dict[str, Any], pipes: list[int]) -> tuple[int, int]:
        """Process id, and a pipe that tells the status with which the fork ended."""
        reader, writer = os.pipe()
        try:
            socket.send_fds(self._channel, [json.dumps(job).encode()], [*pipes, writer])
        finally:
            os.close(writer)
        return int(self._channel.recv(100)), reader

    def close(self) -> None:
        self._channel.close()
        self._process.wait(timeout=30)


_servers: list[_Server] = []


def close() -> None:
    """End the process, if there is one."""
    while _servers:
        _servers.pop().close()


class Popen(subprocess.Popen):
    """`subprocess.Popen` of a command line of this Python: ``-c``, ``-m`` or a file."""

    # what `subprocess.Popen` does for an operating system in particular, here by the server
    def _execute_child(
        self, args, executable, preexec_fn, close_fds, pass_fds, cwd, env,
        startupinfo, creationflags, shell,
        p2cread, p2cwrite, c2pread, c2pwrite, errread, errwrite, *unused,
    ):  # fmt: skip
        python, *words = [str(word) for word in args]
        assert python == sys.executable
        if not _servers:
            _servers.append(_Server())
        job = {
            "words": words,
            "cwd": str(Path.cwd() if cwd is None else cwd),
            "env": dict(os.environ if env is None else env),
        }
        ends = [(p2cread, 0), (c2pwrite, 1), (errwrite, 2)]
        pipes = [inherited if end == -1 else end for end, inherited in ends]
        self.pid, self._status = _servers[0].fork(job, pipes)
        self._child_created = True
        self._close_pipe_fds(p2cread, p2cwrite, c2pread, c2pwrite, errread, errwrite)

    def _try_wait(self, wait_flags):
        if wait_flags & os.WNOHANG and not select.select([self._status], [], [], 0)[0]:
            return 0, 0
        status = int(os.read(self._status, 100))
        os.close(self._status)
        return self.pid, status

    def _internal_poll(self, *unused, **named):
        with contextlib.suppress(ValueError):  # another thread was quicker
            if self.returncode is None and (told := self._try_wait(os.WNOHANG))[0]:
                self._handle_exitstatus(told[1])
        return self.returncode


def run(args: list[str], *, timeout: float | None = None, check: bool = False, **options: Any):
    """As `subprocess.run` with ``capture_output`` and ``text``."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with Popen(args, **pipes, **options) as process:
        try:
            out, err = process.communicate(timeout=timeout)
        except BaseException:
            process.kill()
            raise
    done = subprocess.CompletedProcess(args, process.returncode, out, err)
    if check:
        done.check_returncode()
    return done
