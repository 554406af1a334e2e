"""How far a long command is: a bar on a terminal, a plain line now and then elsewhere."""

from __future__ import annotations

import contextlib
import math
import sys
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from studies.cli.output import duration, note

if TYPE_CHECKING:
    from studies.market import FetchProgress
    from studies.runs import Progress, Stop

__all__ = ["counting", "fetching", "phases", "run_progress", "waiting"]

_LINE_SECONDS = 5.0
_BAR_WIDTH = 28


@contextlib.contextmanager
def counting(what: str) -> Iterator[Callable[[int, int], None]]:
    """Show how many of how many are done.

    Parameters
    ----------
    what : str
        What is going on.

    Yields
    ------
    callable
        To be called with the number done and the number of all.
    """
    if not sys.stderr.isatty():
        yield _PlainCount(what)
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(_BAR_WIDTH, complete_style="green", finished_style="green"),
        MofNCompleteColumn(),
    )
    with Progress(*columns, console=_console(), transient=True) as bar:
        task = bar.add_task(what, total=None)

        def advance(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        yield advance


@contextlib.contextmanager
def phases() -> Iterator[Callable[[str, int, int], None]]:
    """Show work of several phases: which one, how much of it is done, how long it still takes.

    Yields
    ------
    callable
        To be called with the name of the phase, the number done and the number of all.
    """
    if not sys.stderr.isatty():
        counts: dict[str, _PlainCount] = {}

        def tell(what: str, done: int, total: int) -> None:
            counts.setdefault(what, _PlainCount(f"judging: {what}"))(done, total)

        yield tell
        return
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("judging: {task.description}"),
        BarColumn(_BAR_WIDTH, complete_style="green", finished_style="green"),
        MofNCompleteColumn(),
        TimeRemainingColumn(compact=True),
    )
    with Progress(*columns, console=_console(), transient=True) as bar:
        tasks: dict[str, Any] = {}

        def advance(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bar.add_task(what, total=total)
            bar.update(tasks[what], completed=done)

        yield advance


@contextlib.contextmanager
def fetching() -> Iterator[Callable[[FetchProgress], None]]:
    """Show a fetch: how far, how long still, what came last.

    Yields
    ------
    callable
        To be called with a `FetchProgress`.
    """
    if not sys.stderr.isatty():
        yield _PlainFetch()
        return
    from rich.progress import BarColumn, Progress, TextColumn

    columns = (
        TextColumn("fetching"),
        BarColumn(_BAR_WIDTH, complete_style="green", finished_style="green"),
        TextColumn("{task.description}"),
    )
    with Progress(*columns, console=_console(), transient=True) as bar:
        task = bar.add_task("asking what there is", total=None)

        def advance(now: FetchProgress) -> None:
            bar.update(task, completed=now.done, total=max(now.total, 1), description=_fetched(now))

        yield advance


@contextlib.contextmanager
def waiting(what: str) -> Iterator[None]:
    """Show on a terminal that something is going on."""
    if not sys.stderr.isatty():
        yield
        return
    with _console().status(what):
        yield


@contextlib.contextmanager
def run_progress(
    progress: Progress, metric: str, stop: Stop, workers: str = ""
) -> Iterator[Callable[[Progress], None]]:
    """Show a run: how far, how fast, how long still, the best so far, failures.

    Parameters
    ----------
    progress : Progress
        Where the session stands before the run.
    metric : str
        What the best is best in.
    stop : Stop
        Whether the run was asked to stop.
    workers : str
        Who works on it, in words; nothing for this process alone.

    Yields
    ------
    callable
        To be called with the `Progress` after every chunk.
    """
    if not sys.stderr.isatty():
        yield _PlainRun(metric, workers)
        return
    from rich.text import Text

    bar = _run_bar()

    def show(now: Progress) -> None:
        bar.update(task, completed=now.done, total=now.total, rate=_rate(now), left=_left(now))
        bar.now = now

    def line() -> Any:
        text = Text("  ", no_wrap=True, overflow="ellipsis")
        best, failed = _best(bar.now, metric), _failed(bar.now)
        parts = (workers, _waiting(bar.now), best, failed)
        text.append("  ".join(part for part in parts if part), style="dim")
        if stop.is_set():
            text.append(
                "\n  pausing after the chunks in hand; Ctrl-C again stops at once", style="yellow"
            )
        return text

    bar.line = line
    bar.now = progress
    task = bar.add_task("", total=progress.total, completed=progress.done, rate="", left="")
    with bar:
        yield show


def _console() -> Any:
    from rich.console import Console

    return Console(stderr=True, highlight=False)


def _run_bar() -> Any:
    from rich.progress import BarColumn, Progress, TextColumn

    class RunBar(Progress):
        def get_renderables(self) -> Iterator[Any]:
            yield self.make_tasks_table(self.tasks)
            yield self.line()

        line: Callable[[], Any] = str  # nothing yet: it is asked for while it is made
        now: Any = None

    return RunBar(
        TextColumn(" "),
        BarColumn(_BAR_WIDTH, complete_style="green", finished_style="green"),
        TextColumn("{task.completed:,.0f} / {task.total:,.0f}"),
        TextColumn("{task.fields[rate]}", style="dim"),
        TextColumn("{task.fields[left]}", style="dim"),
        console=_console(),
        transient=True,
        refresh_per_second=8,
    )


class _PlainCount:
    """Lines of text, at most one every few seconds."""

    def __init__(self, what: str) -> None:
        self.what = what
        self.last = time.monotonic()

    def __call__(self, done: int, total: int) -> None:
        now = time.monotonic()
        if now - self.last >= _LINE_SECONDS:
            self.last = now
            note(f"{self.what}: {done:,} of {total:,}")


class _PlainFetch:
    """Lines of text, at most one every few seconds."""

    def __init__(self) -> None:
        self.last = time.monotonic()

    def __call__(self, progress: FetchProgress) -> None:
        now = time.monotonic()
        if now - self.last >= _LINE_SECONDS:
            self.last = now
            note(f"fetching: {_fetched(progress)}")


class _PlainRun:
    """One line of text every few seconds."""

    def __init__(self, metric: str, workers: str = "") -> None:
        self.metric = metric
        self.workers = workers
        self.last = time.monotonic()

    def __call__(self, progress: Progress) -> None:
        now = time.monotonic()
        if now - self.last < _LINE_SECONDS:
            return
        self.last = now
        share = 100 * progress.done / progress.total if progress.total else 100.0
        parts = (
            f"{progress.done:,} of {progress.total:,} ({share:.1f} %)",
            _rate(progress),
            _left(progress),
            self.workers,
            _waiting(progress),
            _best(progress, self.metric),
            _failed(progress),
        )
        note(", ".join(part for part in parts if part))


def _fetched(progress: FetchProgress) -> str:
    left = progress.eta_seconds
    parts = (
        f"{progress.done:,} of {progress.total:,} days of symbols",
        f"{progress.n_events:,} new events",
        "" if left is None else f"{duration(left)} left",
        progress.at,
    )
    return ", ".join(part for part in parts if part)


def _rate(progress: Progress) -> str:
    return f"{progress.rate:,.0f}/s" if progress.rate else ""


def _left(progress: Progress) -> str:
    left = progress.eta_seconds
    return "" if left is None else f"{duration(left)} left"


def _waiting(progress: Progress) -> str:
    seconds = progress.waiting_seconds
    return f"waiting for the database, {seconds:.0f} s" if seconds else ""


def _best(progress: Progress, metric: str) -> str:
    if progress.best_id is None or math.isnan(progress.best_value):
        return ""
    return f"best {progress.best_id} {metric} {progress.best_value:.4g}"


def _failed(progress: Progress) -> str:
    return f"{progress.failed:,} failed" if progress.failed else ""
