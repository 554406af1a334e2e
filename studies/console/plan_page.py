"""What a plan would take, before it is made: number, time, room, and what should be known."""

from studies.analysis import byte_size
from studies.console.project import Project
from studies.console.prompts import confirm
from studies.console.screen import Screen, Text
from studies.language import Message, message
from studies.runs import Estimate, SessionRequest, measure_session
from studies.upkeep import available_memory, free_disk

__all__ = ["confirm_plan"]

_MEASURED_FROM = 10_000
"""Smaller plans are through before their measurement would be."""
_START_SECONDS = 3.0
_LONG_SECONDS = 600.0


def confirm_plan(screen: Screen, project: Project, request: SessionRequest) -> bool:
    """Show a plan and ask whether it is to be made."""
    space_size = len(request.config.space(request.restrictions))
    n = space_size if request.size is None else request.size
    measured = _measured(screen, project, request, n)
    rows: list[tuple[Text, Text]] = [
        (
            message("strategies"),
            message("{n:,} of {all:,} possible ones", n=n, all=space_size),
        ),
        (
            message("method"),
            message("{method}, seed {seed}", method=request.method, seed=request.seed),
        ),
        (message("database"), request.config.database_name),
        (message("time"), _time(screen, project, n, measured)),
    ]
    if measured is not None:
        more = message("{size} more", size=byte_size(measured.database_bytes))
        rows += [
            (message("disk"), more),
            (message("memory"), byte_size(measured.memory_bytes)),
        ]
    screen.pairs(rows)
    warnings = [] if measured is None else _warnings(screen, project, measured)
    for text in warnings:
        screen.warn(text)
    return confirm(screen, message("Make this plan?"), default=not warnings)


def _measured(screen: Screen, project: Project, request: SessionRequest, n: int) -> Estimate | None:
    """Measure a large plan, or one whose strategies take as long as they like."""
    if n < _MEASURED_FROM and request.mode != "adaptive":
        return None
    with screen.working(message("measuring on a few strategies what it would take")):
        measured = measure_session(request)
    project.remember(measured)
    return measured


def _time(screen: Screen, project: Project, n: int, measured: Estimate | None) -> Message:
    if measured is not None:
        return message(
            "{time}, at {rate:,.0f} strategies a second, measured just now",
            time=screen.duration(measured.seconds.total),
            rate=measured.strategies_per_second,
        )
    rate = project.rate()
    if not rate:
        return message("seconds; it is measured from {n:,} strategies on", n=_MEASURED_FROM)
    return message(
        "{time}, at {rate:,.0f} strategies a second as before",
        time=screen.duration(_START_SECONDS + n / rate),
        rate=rate,
    )


def _warnings(screen: Screen, project: Project, measured: Estimate) -> list[Text]:
    found: list[Text] = list(measured.warnings)
    seconds = measured.seconds.total
    if seconds > _LONG_SECONDS:
        found.append(
            message(
                "it takes long, {time}; it can be paused and resumed at any moment",
                time=screen.duration(seconds),
            )
        )
    free = free_disk(project.engine())
    if measured.database_bytes > free / 2:
        found.append(
            message(
                "the database would grow by {size}, and {free} are free",
                size=byte_size(measured.database_bytes),
                free=byte_size(free),
            )
        )
    if measured.memory_bytes > available_memory():
        found.append(
            message(
                "each worker process needs {size} of memory, and {free} are free",
                size=byte_size(measured.memory_bytes),
                free=byte_size(available_memory()),
            )
        )
    return found
