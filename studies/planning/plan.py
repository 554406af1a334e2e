"""What a new session is made of: its plan, its snapshot and its row."""

import datetime
import math
import random
from typing import TYPE_CHECKING

from sqlalchemy.engine import Engine

from objectives.constants import SEMANTICS_VERSION
from search_spaces import DESIGNS, Design, SearchSpace, make_design
from search_spaces.checks import LARGEST_SEED, check_whole
from search_spaces.errors import ConfigError, SpaceError
from studies.config import TuningConfig
from studies.database import utc_now
from studies.methods import METHODS
from studies.planning.measurable import MeasurableObjective
from studies.planning.warm_start import best_of
from studies.planning.write_plan import chunk_size_for
from studies.sessions import (
    ADAPTIVE,
    GENETIC,
    PlannedDesign,
    SessionRow,
    SessionState,
    Slots,
    Snapshot,
    check_size,
    plan_slots,
)

if TYPE_CHECKING:
    from objectives import Objective

__all__ = ["CHUNK_LIMIT", "check_request", "is_too_large", "make_plan", "new_row"]

CHUNK_LIMIT = 10_000_000
"""Chunks of a planned session, each of which is a row."""

LARGEST_SIZE = 10**15
"""What is larger is a slip; a space may still have fewer strategies."""

_CHUNKS_PER_GENERATION = 2


def check_request(mode: str | None, method: str, size: int | None, seed: int = 0) -> None:
    """Refuse a seed or a size that cannot be, before data are read.

    Raises
    ------
    ConfigError
        If the seed is none, or as `studies.sessions.check_size`.
    """
    check_whole("seed", seed, 0, LARGEST_SEED)
    if size is not None and not _is_adaptive(mode, method):
        check_whole("size", size, 1, LARGEST_SIZE)
    if _is_adaptive(mode, method):
        check_size(method, size)


def is_too_large(row: SessionRow) -> bool:
    """Whether a session has more chunks than one may have; an earlier release knew no limit."""
    return not row.is_genetic and row.total > CHUNK_LIMIT * row.snapshot.chunk_size


def make_plan(
    config: TuningConfig,
    objective: "Objective",
    engine: Engine,
    mode: str | None,
    method: str,
    size: int | None,
    seed: int,
    start_from: str | None,
    n_start: int,
) -> tuple[TuningConfig, Design | Slots]:
    """Plan what `Session.create` asks for, or refuse it.

    Returns
    -------
    config : TuningConfig
        For samplers with every trial stored: they learn from them.
    plan : Design or Slots
    """
    space, directions = objective.space, objective.directions
    if _is_adaptive(mode, method):
        warm_start: list[str] = []
        if start_from is not None:
            warm_start = best_of(engine, start_from, space, directions, n_start)
        slots = plan_slots(config, space, directions, method, size, seed, warm_start)
        if slots.generational:  # the population is in tables of ours, not in the study
            return config, slots
        study = config.study.model_copy(update={"trials": "full"})
        return config.model_copy(update={"study": study}), slots
    if start_from is not None:
        raise ConfigError(
            f"{method} is planned beforehand and cannot begin with another session's best; "
            f"use one of {', '.join(METHODS)}"
        )
    return config, make_design(space, method, size, seed)


def new_row(
    config: TuningConfig, measurable: MeasurableObjective, plan: Design | Slots, notes: str | None
) -> SessionRow:
    """Describe a session that is about to be written."""
    objective = measurable.objective
    return SessionRow(
        session_id=_new_session_id(),
        mode=_mode(plan),
        method=plan.method,
        seed=plan.seed,
        total=plan.size,
        completed=0,
        failed=0,
        status=SessionState.GENERATING,
        created_at=utc_now(),
        started_at=None,
        completed_at=None,
        snapshot=_snapshot(config, measurable, plan),
        notes=notes,
        space_fingerprint=objective.space.fingerprint,
        data_fingerprint=objective.fingerprint,
    )


def _mode(plan: Design | Slots) -> str:
    if isinstance(plan, Slots):
        return GENETIC if plan.generational else ADAPTIVE
    return "exhaustive" if plan.method == "exhaustive" else "sampling"


def _is_adaptive(mode: str | None, method: str) -> bool:
    if mode not in (None, "planned", ADAPTIVE):
        raise ConfigError(f"the mode is planned or {ADAPTIVE}, got {mode!r}")
    if mode == ADAPTIVE:
        return True
    return mode is None and method not in DESIGNS and (method in METHODS or ":" in method)


def _chunk_size(config: TuningConfig, objective: "Objective", plan: Design | Slots) -> int:
    from studies.trials import stores_all

    named = config.execution.chunk_size or objective.chunk_size
    if isinstance(plan, Slots):
        if not plan.generational:
            return 1
        return named or math.ceil(config.methods.genetic.generation_size / _CHUNKS_PER_GENERATION)
    every_trial = stores_all(config.study, plan.size)
    chosen = named or chunk_size_for(plan, _block_size(objective.space), every_trial=every_trial)
    if plan.size > chosen * CHUNK_LIMIT:
        raise ConfigError(
            f"a session has at most {CHUNK_LIMIT:,} chunks of {chosen:,} strategies, this one has "
            f"{plan.size:,} strategies; give a smaller --size, or set execution.chunk_size to "
            f"{-(-plan.size // CHUNK_LIMIT):,} or more"
        )
    return chosen


def _snapshot(
    config: TuningConfig, measurable: MeasurableObjective, plan: Design | Slots
) -> Snapshot:
    """Everything the session is made of; credentials stay out of it."""
    objective = measurable.objective
    values = config.model_dump(mode="json")
    values.update(objective.space.to_config())
    values["backtest"] = objective.settings.to_dict()
    values["objective"]["metrics"] = dict(objective.directions)
    # an address of an alert may hold a token; who runs the session says where its messages go
    del values["database"], values["strategy"], values["alerts"]
    return Snapshot(
        config=values,
        design=(
            None if isinstance(plan, Slots) else PlannedDesign(plan.method, plan.size, plan.seed)
        ),
        warm_start=plan.warm_start if isinstance(plan, Slots) else None,
        chunk_size=_chunk_size(config, objective, plan),
        semantics=SEMANTICS_VERSION,
        measurement=objective.measurement_fingerprint,
        warnings=(*measurable.notes, *objective.warnings, *_warnings(plan)),
        left_out=measurable.left_out,
        benchmark=dict(objective.benchmark),
        n_distinct=objective.n_distinct,
        space_size=_size(objective.space),
    )


def _size(space: SearchSpace) -> int | None:
    """Return the size of a space, None for one that cannot be counted."""
    try:
        return space.size
    except SpaceError:
        return None


def _warnings(plan: Design | Slots) -> tuple[str, ...]:
    if isinstance(plan, Slots):
        return plan.warnings
    return (plan.note,) if plan.note else ()


def _block_size(space: SearchSpace) -> int:
    sizes = [
        len(parameter.finite_values())
        for parameter in space.parameters
        if parameter.name not in space.block_parameters
    ]
    return math.prod(sizes)


def _new_session_id() -> str:
    """Make a session id from the local time and four random digits."""
    now = datetime.datetime.now()
    return f"session_{now:%Y%m%d_%H%M%S}_{random.SystemRandom().randrange(10_000):04d}"
