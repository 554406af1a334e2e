"""What watches a run of `execute` and `worker`: alerts and metrics."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import click

from studies.cli.output import warn

if TYPE_CHECKING:
    from studies.cli.context import Context
    from studies.runs import Progress
    from studies.session import Session

__all__ = ["metrics_port_option", "watched"]

metrics_port_option = click.option(
    "--metrics-port",
    type=click.IntRange(1, 65_535),
    metavar="PORT",
    help="Serve figures of the run for Prometheus at http://127.0.0.1:PORT/metrics.",
)


@contextlib.contextmanager
def watched(
    context: Context, session: Session, *, metrics_port: int | None, alerts: bool = True
) -> Iterator[Callable[[Progress], None]]:
    """Watch a run while the block runs; warn at its end of alerts that did not arrive.

    Yields
    ------
    callable
        To be called with the progress of the run after every chunk.
    """
    followers: list[Callable[[Progress], None]] = []

    def follow(progress: Progress) -> None:
        for each in followers:
            each(progress)

    with contextlib.ExitStack() as stack:
        if metrics_port is not None:
            from studies.watching import serve_metrics

            metrics = stack.enter_context(serve_metrics(session, metrics_port))
            followers.append(metrics.follow)
        rules = context.config.alerts if alerts else ()
        if rules:
            from studies.watching import AlertWatch

            watch = AlertWatch(session, rules)
            stack.callback(_warn_of_undelivered, watch.undelivered)
            stack.enter_context(watch.over_run())
            followers.append(watch.follow)
        yield follow


def _warn_of_undelivered(lines: list[str]) -> None:
    if lines:
        more = f" (and {len(lines) - 1:,} more in the session's log)" if len(lines) > 1 else ""
        warn(f"{lines[0]}{more}")
