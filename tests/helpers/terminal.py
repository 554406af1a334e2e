"""A program on a terminal of its own: keys go in, the screen is read as a person sees it."""

import os
import time
from pathlib import Path

import pexpect
import pyte

ESCAPE = "\x1b"
CTRL_C = "\x03"
DOWN = "\x1b[B"


class Terminal:
    """A program and its screen.

    Parameters
    ----------
    command : list of str
    folder : Path
        Current folder of the program.
    columns, lines : int
        Size of the screen.
    environment : dict of str to str
        Added to that of the tests.
    """

    def __init__(
        self,
        command: list[str],
        folder: Path,
        *,
        columns: int = 80,
        lines: int = 40,
        environment: dict[str, str] | None = None,
    ) -> None:
        self._screen = pyte.Screen(columns, lines)
        self._stream = pyte.ByteStream(self._screen)
        self.dumps: list[str] = []
        self.process = pexpect.spawn(
            command[0],
            command[1:],
            cwd=str(folder),
            dimensions=(lines, columns),
            # it must not ask where the cursor is: nobody answers here
            env={
                **os.environ,
                "TERM": "xterm-256color",
                "PROMPT_TOOLKIT_NO_CPR": "1",
                **(environment or {}),
            },
        )

    @property
    def text(self) -> str:
        """What stands on the screen, each character of double width once."""
        return "\n".join(line.rstrip() for line in self._screen.display).rstrip()

    @property
    def flat(self) -> str:
        """The screen without ends of lines and spaces: a text that is wrapped is found in it."""
        return "".join(self.text.split())

    def press(self, *keys: str) -> None:
        """Press keys one after the other."""
        for key in keys:
            self.process.send(key)

    def until(self, *texts: str, gone: str | None = None, seconds: float = 120.0) -> None:
        """Wait until all texts stand on the screen, and another one no longer does."""
        wanted = ["".join(text.split()) for text in texts]
        not_wanted = None if gone is None else "".join(gone.split())
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self._read()
            flat = self.flat
            if all(text in flat for text in wanted) and (
                not_wanted is None or not_wanted not in flat
            ):
                self.dumps.append(self.text)
                return
        raise AssertionError(f"{texts} did not come within {seconds} s; there is:\n{self.text}")

    def ended(self, seconds: float = 120.0) -> int:
        """Wait for the end of the program; return its exit code."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and self._read():
            pass
        self.process.close()
        assert self.process.exitstatus is not None, f"ended by {self.process.signalstatus}"
        return int(self.process.exitstatus)

    def close(self) -> None:
        """End the program, if it is there."""
        self.process.close(force=True)

    def _read(self) -> bool:
        """Take what the program has written; False when it has ended."""
        try:
            data = self.process.read_nonblocking(65_536, timeout=0.05)
        except pexpect.TIMEOUT:
            return True
        except pexpect.EOF:
            return False
        self._stream.feed(data)
        return True
