"""What a session would take, measured on a small one of the same plan in a temporary database."""

import resource
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy.engine import Engine

from objectives.sqlite_url import sqlite_url
from search_spaces import Design, make_design
from studies.config import TuningConfig
from studies.database import create_engine
from studies.planning import (
    MeasurableObjective,
    check_request,
    create_session,
    measurable_objective,
)
from studies.runs.cluster import run_on_cluster
from studies.runs.load import LoadMeter, start_size
from studies.runs.progress import Progress
from studies.runs.run import run_session
from studies.runs.session_request import SessionRequest
from studies.runs.stop import Stop
from studies.sessions import (
    ADAPTIVE,
    GENETIC,
    StoredSession,
    load_panel,
    open_database,
    plan_slots,
)
from studies.trials import stores_all

if TYPE_CHECKING:
    from objectives import Objective

__all__ = ["Estimate", "EstimatedSeconds", "Sample", "measure_session"]

_SAMPLE_SECONDS = 1.5
_PLANNED = 20_000
_TRIAL_SAMPLE = 300
_NO_TRIALS = {"trials": "digest", "all_up_to": 0, "sample": 0, "running_best": 0, "final_best": 0}
_ALL_TRIALS = {"trials": "full"}


@dataclass(frozen=True)
class Sample:
    """Some strategies, and what they took.

    Attributes
    ----------
    strategies : int
        At least 1.
    seconds : float
    n_bytes : int
        By which the database grew.
    """

    strategies: int
    seconds: float
    n_bytes: int

    @property
    def seconds_each(self) -> float:
        """Seconds per strategy."""
        return self.seconds / self.strategies

    @property
    def bytes_each(self) -> float:
        """Bytes per strategy."""
        return self.n_bytes / self.strategies


@dataclass(frozen=True)
class EstimatedSeconds:
    """What the parts of a session would take.

    Attributes
    ----------
    start : float
        Reading the market, factor values, compiling; measured, not extrapolated.
    generate : float
        Writing the plan.
    execute : float
        Backtesting and recording.
    """

    start: float
    generate: float
    execute: float

    @property
    def total(self) -> float:
        """All of it."""
        return self.start + self.generate + self.execute


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """What a session would take on this market and this machine.

    Attributes
    ----------
    strategies : int
        Strategies of the session.
    mode : {"exhaustive", "sampling", "genetic", "adaptive"}
    method : str
        Of the design, or the sampler.
    trials : int
        Trials in the Optuna study.
    seconds : EstimatedSeconds
    database_bytes : int
        By which the database would grow.
    memory_bytes : int
        Peak of this process so far, with the market and the factor values.
    planned, executed, with_trials : Sample
        What was measured: planning, a run without trials, a run where every strategy becomes a
        trial. Of an adaptive session, where every strategy does, the last two are the same.
    warnings : tuple of str
        What a user should know of the plan and its market.
    """

    strategies: int
    mode: str
    method: str
    trials: int
    seconds: EstimatedSeconds
    database_bytes: int
    memory_bytes: int
    planned: Sample
    executed: Sample
    with_trials: Sample
    warnings: tuple[str, ...]

    @property
    def strategies_per_second(self) -> float:
        """Backtested and recorded, without the start and the plan."""
        return self.strategies / self.seconds.execute


def measure_session(request: SessionRequest) -> Estimate:
    """Run a few strategies of a plan in a temporary database, and extrapolate.

    Parameters
    ----------
    request : SessionRequest
        The market is read from its database, to which nothing is written.

    Raises
    ------
    MassTuningError
        As `studies.Session.create`.
    """
    began = time.perf_counter()
    check_request(request.mode, request.method, request.size)
    measurable = _objective(request)
    if request.mode == ADAPTIVE:
        return _measure_adaptive(request, measurable, began)
    return _measure_planned(request, measurable, began)


def _objective(request: SessionRequest) -> MeasurableObjective:
    config = request.config
    engine = create_engine(config.database)
    panel = load_panel(config, engine)
    engine.dispose()
    measurable = measurable_objective(config, panel, request.restrictions)
    measurable.objective.prepare()  # here, so that it counts as part of the start
    return measurable


def _measure_planned(
    request: SessionRequest, measurable: MeasurableObjective, began: float
) -> Estimate:
    objective = measurable.objective
    design = make_design(objective.space, request.method, request.size, request.seed)
    # loads or compiles the kernels; of an objective that works in small chunks it is the start
    n_first = 200 if objective.chunk_size is None else 1
    objective.evaluate(design.indices(0, min(design.size, n_first)))
    start = time.perf_counter() - began
    n_trials = _n_trials(request.config, design.size)
    with tempfile.TemporaryDirectory(prefix="mass-tuning-") as folder:
        planning, plain, trials = _samples(Path(folder), request, objective, design)
    extra_seconds = max(0.0, trials.seconds_each - plain.seconds_each)
    extra_bytes = max(0.0, trials.bytes_each - plain.bytes_each)
    bytes_each = planning.bytes_each + plain.bytes_each
    return Estimate(
        strategies=design.size,
        mode="exhaustive" if request.method == "exhaustive" else "sampling",
        method=request.method,
        trials=n_trials,
        seconds=EstimatedSeconds(
            start=start,
            generate=design.size * planning.seconds_each,
            execute=design.size * plain.seconds_each + n_trials * extra_seconds,
        ),
        database_bytes=round(design.size * bytes_each + n_trials * extra_bytes),
        memory_bytes=_peak_memory(),
        planned=planning,
        executed=plain,
        with_trials=trials,
        warnings=(
            *measurable.notes,
            *objective.warnings,
            *([design.note] if design.note else []),
        ),
    )


def _measure_adaptive(
    request: SessionRequest, measurable: MeasurableObjective, began: float
) -> Estimate:
    """Run the beginning of an adaptive session."""
    objective = measurable.objective
    slots = plan_slots(
        request.config,
        objective.space,
        objective.directions,
        request.method,
        request.size,
        request.seed,
    )
    objective.evaluate([0])  # loads or compiles the kernels
    start = time.perf_counter() - began
    with tempfile.TemporaryDirectory(prefix="mass-tuning-") as folder:
        size = min(slots.size, _TRIAL_SAMPLE)
        planning, trials = _sample_session(Path(folder) / "slots.db", request, objective, size, {})
    return Estimate(
        strategies=slots.size,
        mode=GENETIC if request.method == GENETIC else ADAPTIVE,
        method=slots.method,
        trials=slots.size,
        seconds=EstimatedSeconds(
            start=start,
            generate=slots.size * planning.seconds_each,
            execute=slots.size * trials.seconds_each,
        ),
        database_bytes=round(slots.size * (planning.bytes_each + trials.bytes_each)),
        memory_bytes=_peak_memory(),
        planned=planning,
        executed=trials,
        with_trials=trials,
        warnings=(*measurable.notes, *objective.warnings, *slots.warnings),
    )


def _n_trials(config: TuningConfig, n_strategies: int) -> int:
    """Trials in the studies of a planned session."""
    study = config.study
    if stores_all(study, n_strategies):
        return n_strategies
    best = study.final_best + study.running_best
    return min(n_strategies, study.sample) + min(n_strategies, best)


def _samples(
    folder: Path, request: SessionRequest, objective: "Objective", design: Design
) -> tuple[Sample, Sample, Sample]:
    """Planning a session, running it without trials, and one where every strategy is a trial."""
    size = min(design.size, _PLANNED)
    planning, running = _sample_session(folder / "plain.db", request, objective, size, _NO_TRIALS)
    size = min(design.size, _TRIAL_SAMPLE)
    _, trials = _sample_session(folder / "trials.db", request, objective, size, _ALL_TRIALS)
    return planning, running, trials


def _sample_session(
    path: Path,
    request: SessionRequest,
    objective: "Objective",
    size: int,
    study: Mapping[str, Any],
) -> tuple[Sample, Sample]:
    """Plan a session of `size` strategies, and run those there is time for in 1.5 seconds."""
    url = sqlite_url(path)
    engine = open_database(url)
    n_bytes_empty = _size(engine)
    study_config = request.config.study.model_copy(update=study)
    began = time.perf_counter()
    session = _create(
        request,
        request.config.model_copy(update={"database": url, "study": study_config}),
        objective,
        size,
    )
    n_bytes_planned = _size(engine)  # its log moved into the file, as a long run does at times
    planned = time.perf_counter() - began
    began = time.perf_counter()
    progress = _run(session, objective)
    n_bytes_run = _size(engine)
    seconds = time.perf_counter() - began
    engine.dispose()
    return (
        Sample(size, planned, max(0, n_bytes_planned - n_bytes_empty)),
        Sample(max(1, progress.done_here), seconds, max(0, n_bytes_run - n_bytes_planned)),
    )


def _create(
    request: SessionRequest, config: TuningConfig, objective: "Objective", size: int
) -> StoredSession:
    engine, row = create_session(
        config,
        method=request.method,
        mode=request.mode,
        size=size,
        seed=request.seed,
        restrictions=request.restrictions,
        start_from=None,
        n_start=10,
        notes=None,
        panel=objective.panel,
        on_progress=None,
    )
    session = StoredSession(engine, row)
    session.refresh()
    return session


def _run(session: StoredSession, objective: "Objective") -> Progress:
    """Run a session as configured, stopped after 1.5 seconds."""
    stop = Stop()

    def stop_in_time(progress: Progress) -> None:
        if progress.seconds > _SAMPLE_SECONDS:
            stop.set()

    n_workers = session.config.execution.parallel
    if n_workers == "auto":
        n_workers = start_size(LoadMeter().read(0))
    if n_workers > 1:
        return run_on_cluster(session, n_workers=n_workers, on_progress=stop_in_time, stop=stop)
    return run_session(session, objective=objective, on_progress=stop_in_time, stop=stop)


def _size(engine: Engine) -> int:
    """Bytes of the database, what is still in its log included."""
    with engine.connect() as connection:
        connection.exec_driver_sql("COMMIT")
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.exec_driver_sql("BEGIN")
    return Path(str(engine.url.database)).stat().st_size


def _peak_memory() -> int:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
