"""Creating a session: planned, its row and studies written, then its queue."""

from collections.abc import Callable, Container, Mapping
from typing import TYPE_CHECKING

from sqlalchemy.engine import Engine

from search_spaces import Design
from search_spaces.checks import check_kind, check_whole
from search_spaces.errors import ConfigError
from studies import queue
from studies.config import TuningConfig
from studies.database import WritePacer, database_errors
from studies.outcomes import NATURAL_DIRECTIONS
from studies.planning.glance import refuse_impossible
from studies.planning.measurable import (
    measurable_objective,
    names_value,
    refuse_hopeless,
)
from studies.planning.plan import check_request, is_too_large, make_plan, new_row
from studies.planning.study_creation import create_studies
from studies.planning.write_plan import begin_plan, write_plan
from studies.sessions import (
    SessionRow,
    SessionState,
    Slots,
    StoredSession,
    insert_row,
    list_sessions,
    load_panel,
    open_database,
    read_row,
)

if TYPE_CHECKING:
    from objectives import Objective, ReturnPanel

__all__ = ["complete_plans", "create_session"]


def create_session(
    config: TuningConfig,
    *,
    method: str,
    mode: str | None,
    size: int | None,
    seed: int,
    restrictions: Mapping[str, list[str]] | None,
    start_from: str | None,
    n_start: int,
    notes: str | None,
    panel: "ReturnPanel | None",
    on_progress: Callable[[int, int], None] | None,
) -> tuple[Engine, SessionRow]:
    """Plan a session and write it; parameters and errors are those of `studies.Session.create`."""
    check_kind("config", config, TuningConfig, "a TuningConfig")
    check_kind("the method", method, str, "a name")
    check_kind("restrictions", restrictions or {}, Mapping, "a mapping of names to lists")
    check_kind("notes", notes or "", str, "a text")
    check_request(mode, method, size, seed)
    if panel is not None:
        from objectives import ReturnPanel

        check_kind("the panel", panel, ReturnPanel, "a ReturnPanel")
    space = config.space(restrictions)
    engine = open_database(config.database)
    if start_from is not None:
        read_row(engine, start_from)
        check_whole("n_start", n_start, 1)
    if panel is None:
        named = names_value(config, restrictions, space, "weight_method", "IC")
        refuse_impossible(config, engine, space, named)
        panel = load_panel(config, engine)
    measurable = measurable_objective(config, panel, restrictions)
    objective = measurable.objective
    _check_columns(objective)
    config, plan = make_plan(
        config, objective, engine, mode, method, size, seed, start_from, n_start
    )
    refuse_hopeless(objective, plan)
    row = new_row(config, measurable, plan, notes)
    with database_errors(engine), WritePacer(engine) as pacer:
        _write(pacer, row, objective, plan, on_progress)
    return engine, row


def complete_plans(
    engine: Engine,
    on_progress: Callable[[int, int], None] | None = None,
    *,
    only: Container[str] | None = None,
) -> list[str]:
    """Finish writing sessions whose ``generate`` was interrupted.

    One of more chunks than a session may have, which an earlier release began, is left alone: it
    would not be done in days.

    Parameters
    ----------
    engine : Engine
    on_progress : callable, optional
        Called with positions written and their number.
    only : container of str, optional
        Ids of sessions; others are left as they are.

    Returns
    -------
    list of str
        Ids of the sessions that were finished here.
    """
    finished = []
    for row in list_sessions(engine):
        if row.status != SessionState.GENERATING or is_too_large(row):
            continue
        if row.is_of_earlier_system:  # nothing says what was to be planned
            continue
        if only is not None and row.session_id not in only:
            continue
        session = StoredSession(engine, row)
        with database_errors(engine), WritePacer(engine) as pacer:
            create_studies(session)
            if write_plan(
                pacer,
                row.session_id,
                session.space,
                session.plan,
                row.snapshot.chunk_size,
                queue.new_worker_name(),
                on_progress=on_progress,
            ):
                finished.append(row.session_id)
    return finished


def _check_columns(objective: "Objective") -> None:
    """Refuse optimised metrics that the table of results has no column for."""
    strange = [name for name in objective.directions if name not in NATURAL_DIRECTIONS]
    if strange:
        raise ConfigError(
            f"the objective optimises {', '.join(strange)}, which the table of results has no "
            f"column for; there are {', '.join(NATURAL_DIRECTIONS)}"
        )


def _write(
    pacer: WritePacer,
    row: SessionRow,
    objective: "Objective",
    plan: Design | Slots,
    on_progress: Callable[[int, int], None] | None,
) -> None:
    """Write the row, the studies and the plan; what an interruption leaves is completed later."""
    worker = queue.new_worker_name()
    with pacer.transaction() as connection:
        insert_row(connection, row)
        claim = begin_plan(connection, row.session_id, worker)
    create_studies(StoredSession(pacer.engine, row))
    write_plan(
        pacer,
        row.session_id,
        objective.space,
        plan,
        row.snapshot.chunk_size,
        worker,
        claim,
        on_progress,
    )
