"""Runs in processes of their own: they go on when the console is left."""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

__all__ = ["BackgroundRun", "BackgroundRuns"]

_SHOWN_BYTES = 2_000


class BackgroundRun:
    """One ``execute`` in a process of its own.

    Parameters
    ----------
    arguments : sequence of str
        Of the program, without its name.
    log : Path
        File for what it prints.
    """

    def __init__(self, arguments: Sequence[str], log: Path) -> None:
        self.log = log
        root = str(Path(__file__).resolve().parents[2])
        paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
        with log.open("ab") as file:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "studies", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
                start_new_session=True,  # Ctrl-C at the console is not meant for it
            )

    @property
    def is_alive(self) -> bool:
        """Whether it is at work, also on what a completed session ends with."""
        return self._process.poll() is None

    @property
    def exit_code(self) -> int | None:
        """As of the command; None while it is at work."""
        return self._process.poll()

    def pause(self) -> None:
        """Let it finish the chunks in hand and pause its session, as Ctrl-C does."""
        if self.is_alive:
            self._process.send_signal(signal.SIGINT)

    def last_lines(self, n: int = 5) -> list[str]:
        """Return the end of what it has printed."""
        with self.log.open("rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - _SHOWN_BYTES))
            text = file.read().decode(errors="replace")
        return [line for line in text.splitlines() if line.strip()][-n:]


class BackgroundRuns:
    """The runs that this console has started, by session."""

    def __init__(self) -> None:
        self._runs: dict[str, BackgroundRun] = {}
        self._folder: Path | None = None

    def start(self, session_id: str, arguments: Sequence[str]) -> BackgroundRun:
        """Start a run of a session."""
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="mass-tuning-console-"))
        run = BackgroundRun(arguments, self._folder / f"{session_id}.log")
        self._runs[session_id] = run
        return run

    def of(self, session_id: str) -> BackgroundRun | None:
        """Return the newest run of a session that this console has started."""
        return self._runs.get(session_id)

    def alive(self) -> list[str]:
        """Return the sessions that runs of this console are at work on."""
        return [session_id for session_id, run in self._runs.items() if run.is_alive]
