"""A program that stays: a line in for each strategy, a line out."""

import contextlib
import json
import os
import selectors
import subprocess
import time
from collections.abc import Mapping
from typing import Any

from objectives.external.json_output import last_object
from objectives.external.options import ExternalOptions
from objectives.external.process import MOST_ERRORS, kill_group, start_program

__all__ = ["ProgramServer", "ServerEndedError", "ServerTimeoutError"]

_AT_ONCE = 2**16
_MOST_LINE = 8 * 2**20


class ServerEndedError(Exception):
    """The program ended, or closed its streams, before it answered.

    Parameters
    ----------
    text : str
    code : int, optional
        Exit code, negative for a signal.
    """

    def __init__(self, text: str, code: int | None = None) -> None:
        super().__init__(text)
        self.code = code


class ServerTimeoutError(Exception):
    """The program did not answer in time."""


class ProgramServer:
    """A running program that is asked for one strategy after another.

    It is started with the first question, started again after it ended or was too slow, and
    ended with :meth:`close`.

    Parameters
    ----------
    options : ExternalOptions
    """

    def __init__(self, options: ExternalOptions) -> None:
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None
        self._owner = os.getpid()
        self._left = b""
        self._errors = b""

    @property
    def errors(self) -> bytes:
        """The end of what the program wrote to standard error since it was started."""
        return self._errors

    def ask(self, question: Mapping[str, Any]) -> dict[str, Any]:
        """Send a strategy and wait for its result.

        Parameters
        ----------
        question : mapping
            With ``strategy_id``; the answer has the same, and lines without it are passed over.

        Raises
        ------
        ServerEndedError
        ServerTimeoutError
        OSError
            If the program cannot be started.
        """
        deadline = time.monotonic() + self._options.seconds
        process = self._running()
        try:
            self._send(process, json.dumps(question).encode() + b"\n", deadline)
            return self._answer(process, str(question["strategy_id"]), deadline)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End the program and its children."""
        process, self._process = self._process, None
        if process is not None and self._owner == os.getpid():
            kill_group(process)

    def _running(self) -> subprocess.Popen[bytes]:
        if self._owner != os.getpid():  # a fork: the parent's program answers the parent
            self._process, self._owner = None, os.getpid()
        if self._process is None or self._process.poll() is not None:
            self.close()
            self._left = self._errors = b""
            self._process = start_program(
                self._options.arguments("", ""),
                directory=self._options.directory,
                environment=self._options.variables(),
                memory_mb=self._options.memory_mb,
                takes_input=True,
            )
            for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
                assert stream is not None
                os.set_blocking(stream.fileno(), False)
        return self._process

    def _send(self, process: subprocess.Popen[bytes], line: bytes, deadline: float) -> None:
        assert process.stdin is not None
        left = memoryview(line)
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdin, selectors.EVENT_WRITE)
            while left:
                if not selector.select(_remaining(deadline)):
                    raise ServerTimeoutError
                try:
                    left = left[os.write(process.stdin.fileno(), left) :]
                except BlockingIOError:
                    continue
                except BrokenPipeError:
                    raise self._ended(process) from None

    def _answer(
        self, process: subprocess.Popen[bytes], strategy_id: str, deadline: float
    ) -> dict[str, Any]:
        assert process.stdout is not None
        assert process.stderr is not None
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ)
            selector.register(process.stderr, selectors.EVENT_READ)
            while True:
                found = self._result_in_lines(strategy_id)
                if found is not None:
                    return found
                ready = selector.select(_remaining(deadline))
                if not ready:
                    raise ServerTimeoutError
                for key, _ in ready:
                    block = os.read(key.fd, _AT_ONCE)
                    if key.fileobj is process.stderr:
                        self._errors = (self._errors + block)[-MOST_ERRORS:]
                        if not block:
                            selector.unregister(process.stderr)
                    elif block:
                        self._left += block
                    else:
                        raise self._ended(process)
                if len(self._left) > _MOST_LINE:
                    raise ServerEndedError(f"it wrote a line of more than {_MOST_LINE:,} bytes")

    def _result_in_lines(self, strategy_id: str) -> dict[str, Any] | None:
        """Take whole lines until one holds the result of a strategy."""
        while (end := self._left.find(b"\n")) >= 0:
            line, self._left = self._left[:end], self._left[end + 1 :]
            found = last_object(line.decode("utf-8", errors="replace"))
            if found is not None and found.get("strategy_id") == strategy_id:
                return found
        return None

    def _ended(self, process: subprocess.Popen[bytes]) -> ServerEndedError:
        with contextlib.suppress(subprocess.TimeoutExpired):
            code = process.wait(0.2)
            text = f"exit {code}" if code >= 0 else f"ended by signal {-code}"
            return ServerEndedError(text, code)
        return ServerEndedError("it closed its output")


def _remaining(deadline: float) -> float:
    return max(0.0, deadline - time.monotonic())
