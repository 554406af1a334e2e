"""``estimate``: what a session would take, measured on a small one."""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from studies.cli.context import Command, Context, command_options
from studies.cli.generate import require_market
from studies.cli.output import duration, pairs, print_json, say, size, style, warn
from studies.cli.progress import waiting
from studies.cli.session_options import Plan, plan_options, read_plan

if TYPE_CHECKING:
    from objectives import Objective
    from search_spaces import Design
    from studies.runs import Progress

__all__ = ["estimate"]

_SAMPLE_SECONDS = 1.5
_PLANNED = 20_000
_TRIAL_SAMPLE = 300


@dataclass(frozen=True)
class _Sample:
    """Some strategies, and what they took."""

    strategies: int
    seconds: float
    n_bytes: int

    @property
    def seconds_each(self) -> float:
        return self.seconds / self.strategies

    @property
    def bytes_each(self) -> float:
        return self.n_bytes / self.strategies


@click.command(
    cls=Command,
    short_help="Say what a session would take: time, disk, memory.",
    examples="""
    mass-tuning estimate
    mass-tuning estimate --mode sampling --method sobol --size 50000
    mass-tuning estimate --set weight_method=EQ,FS --trials full
    mass-tuning estimate --mode tpe --size 1000
    """,
)
@plan_options
@command_options
@click.pass_obj
def estimate(context: Context, **options: Any) -> None:
    """Say how many strategies a session has and what it would take: time, disk, memory.

    Takes the options of generate. A few strategies of this very plan are run on this market and
    this machine, in a temporary database; nothing is written to yours.
    """
    plan = read_plan(context, **options)
    require_market(context)
    with waiting("measuring"):
        told = _measure(context, plan)
    if context.as_json:
        print_json(told)
        return
    for text in told["warnings"]:
        warn(text)
    shares = told["seconds"]
    say(f"{style(format(told['strategies'], ','), bold=True)} strategies")
    pairs(
        [
            ("time", f"{duration(shares['total'])}, at {told['strategies_per_second']:,.0f}/s"),
            (
                "",
                f"plan {duration(shares['generate'])}, backtest and record "
                f"{duration(shares['execute'])}, start {duration(shares['start'])}",
            ),
            ("database", f"{size(told['database_bytes'])} more"),
            ("memory", f"{size(told['memory_bytes'])}"),
            ("trials", f"{told['trials']:,} in the Optuna study"),
        ]
    )
    say()
    for text in told["sources"]:
        say(style(f"  {text}", dim=True))


def _measure(context: Context, plan: Plan) -> dict[str, Any]:
    from search_spaces import make_design
    from studies.database import create_engine
    from studies.sessions import load_panel, objective_of
    from studies.trials import stores_all

    config = plan.config
    began = time.perf_counter()
    engine = create_engine(config.database)
    panel = load_panel(config, engine)
    engine.dispose()
    objective = objective_of(config, panel, config.space(plan.restrictions))
    objective.check()
    objective.prepare()  # here, so that it counts as part of the start
    if plan.mode == "adaptive":
        return _measure_adaptive(plan, objective, began)
    design = make_design(objective.space, plan.method, plan.size, plan.seed)
    objective.evaluate(design.indices(0, min(design.size, 200)))  # loads or compiles the kernels
    start = time.perf_counter() - began
    total = design.size
    n_trials = total
    if not stores_all(config.study, total):
        study = config.study
        n_trials = min(total, study.sample + study.final_best + study.running_best)
    with tempfile.TemporaryDirectory(prefix="mass-tuning-") as folder:
        planning, plain, trials = _samples(Path(folder), plan, objective, design)
    extra_seconds = max(0.0, trials.seconds_each - plain.seconds_each)
    extra_bytes = max(0.0, trials.bytes_each - plain.bytes_each)
    bytes_each = planning.bytes_each + plain.bytes_each
    execute = total * plain.seconds_each + n_trials * extra_seconds
    generate = total * planning.seconds_each
    return {
        "strategies": total,
        "mode": "exhaustive" if plan.method == "exhaustive" else "sampling",
        "method": plan.method,
        "trials": n_trials,
        "seconds": {
            "start": start,
            "generate": generate,
            "execute": execute,
            "total": start + generate + execute,
        },
        "strategies_per_second": total / execute,
        "database_bytes": round(total * bytes_each + n_trials * extra_bytes),
        "memory_bytes": _peak_memory(),
        "sample": {
            "planned": planning.strategies,
            "executed": plain.strategies,
            "with_trials": trials.strategies,
        },
        "sources": [
            f"measured here: {planning.strategies:,} strategies planned in "
            f"{duration(planning.seconds)}, {plain.strategies:,} run and recorded in "
            f"{duration(plain.seconds)}, {trials.strategies:,} with their trials; in a temporary "
            "SQLite file",
            "memory is the peak of this process, with the market and the factor values",
        ],
        "warnings": [*objective.warnings, *([design.note] if design.note else [])],
    }


def _measure_adaptive(plan: Plan, objective: Objective, began: float) -> dict[str, Any]:
    """Run the beginning of an adaptive session."""
    from studies.sessions import plan_slots

    directions = objective.directions
    slots = plan_slots(plan.config, objective.space, directions, plan.method, plan.size, plan.seed)
    objective.evaluate([0])  # loads or compiles the kernels
    start = time.perf_counter() - began
    with tempfile.TemporaryDirectory(prefix="mass-tuning-") as folder:
        size = min(slots.size, _TRIAL_SAMPLE)
        planning, trials = _session(Path(folder) / "slots.db", plan, objective, size, {})
    generate, execute = slots.size * planning.seconds_each, slots.size * trials.seconds_each
    return {
        "strategies": slots.size,
        "mode": "adaptive",
        "method": slots.method,
        "trials": slots.size,
        "seconds": {
            "start": start,
            "generate": generate,
            "execute": execute,
            "total": start + generate + execute,
        },
        "strategies_per_second": slots.size / execute,
        "database_bytes": round(slots.size * (planning.bytes_each + trials.bytes_each)),
        "memory_bytes": _peak_memory(),
        "sample": {
            "planned": planning.strategies,
            "executed": trials.strategies,
            "with_trials": trials.strategies,
        },
        "sources": [
            f"measured here: the first {trials.strategies:,} strategies of {slots.method} in "
            f"{duration(trials.seconds)}, in a temporary SQLite file; a sampler takes longer the "
            "more it has seen",
            "memory is the peak of this process, with the market and the factor values",
        ],
        "warnings": [*objective.warnings, *slots.warnings],
    }


def _samples(
    folder: Path, plan: Plan, objective: Objective, design: Design
) -> tuple[_Sample, _Sample, _Sample]:
    """Planning a session, running it without trials, and one where every strategy is a trial."""
    none = {"trials": "digest", "all_up_to": 0, "sample": 0, "running_best": 0, "final_best": 0}
    size = min(design.size, _PLANNED)
    planning, running = _session(folder / "plain.db", plan, objective, size, none)
    size = min(design.size, _TRIAL_SAMPLE)
    _, trials = _session(folder / "trials.db", plan, objective, size, {"trials": "full"})
    return planning, running, trials


def _session(
    path: Path, plan: Plan, objective: Objective, size: int, study: dict[str, Any]
) -> tuple[_Sample, _Sample]:
    """Plan a session of so many strategies, and run as many of them as there is time for."""
    from studies.runs import Stop
    from studies.session import Session
    from studies.sessions import open_database

    url = f"sqlite:///{path}"
    engine = open_database(url)
    empty = _size(engine)
    study_config = plan.config.study.model_copy(update=study)
    began = time.perf_counter()
    session = Session.create(
        plan.config.model_copy(update={"database": url, "study": study_config}),
        method=plan.method,
        mode=plan.mode,
        size=size,
        seed=plan.seed,
        restrictions=plan.restrictions,
        panel=objective.panel,
    )
    before = _size(engine)  # with the log moved into the file, as a long run does now and then
    planned = time.perf_counter() - began
    stop = Stop()

    def enough(progress: Progress) -> None:
        if progress.seconds > _SAMPLE_SECONDS:
            stop.set()

    began = time.perf_counter()
    progress = session.run(objective=objective, on_progress=enough, stop=stop)
    after = _size(engine)
    seconds = time.perf_counter() - began
    engine.dispose()
    return (
        _Sample(size, planned, max(0, before - empty)),
        _Sample(max(1, progress.done_here), seconds, max(0, after - before)),
    )


def _size(engine: Any) -> int:
    """Bytes of the database, what is still in its log included."""
    with engine.connect() as connection:
        connection.exec_driver_sql("COMMIT")
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.exec_driver_sql("BEGIN")
    return Path(engine.url.database).stat().st_size


def _peak_memory() -> int:
    import resource
    import sys

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
