"""Creating a session: planned, its row and study written, then its queue."""

import warnings
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from sqlalchemy.engine import Engine

from search_spaces import Design
from search_spaces.errors import ConfigError
from studies import queue
from studies.config import TuningConfig
from studies.database import WritePacer, database_errors
from studies.outcomes import NATURAL_DIRECTIONS
from studies.planning.plan import check_request, is_too_large, make_plan, new_row
from studies.planning.write_plan import begin_plan, write_plan
from studies.sessions import (
    SessionRow,
    SessionState,
    Slots,
    StoredSession,
    insert_row,
    list_sessions,
    load_panel,
    objective_of,
    open_database,
)
from studies.trials import open_optuna_storage

if TYPE_CHECKING:
    from objectives import Objective, ReturnPanel

__all__ = ["complete_plans", "create_session", "too_large_plans"]


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
    check_request(mode, method, size)
    engine = open_database(config.database)
    space = config.space(restrictions)
    if panel is None:
        panel = load_panel(config, engine)
    objective = objective_of(config, panel, space)
    _check_columns(objective)
    objective.check()
    config, plan = make_plan(
        config, objective, engine, mode, method, size, seed, start_from, n_start
    )
    row = new_row(config, objective, plan, notes)
    with database_errors(engine), WritePacer(engine) as pacer:
        _write(pacer, row, objective, plan, on_progress)
    return engine, row


def complete_plans(
    engine: Engine, on_progress: Callable[[int, int], None] | None = None
) -> list[str]:
    """Finish writing sessions whose ``generate`` was interrupted; return their ids.

    One of more chunks than a session may have, which an earlier release began, is left alone: it
    would not be done in days.
    """
    finished = []
    for row in list_sessions(engine):
        if row.status != SessionState.GENERATING or is_too_large(row):
            continue
        session = StoredSession(engine, row)
        with database_errors(engine), WritePacer(engine) as pacer:
            _ensure_study(session)
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


def too_large_plans(engine: Engine) -> list[str]:
    """Return the ids of half-planned sessions that :func:`complete_plans` leaves alone."""
    return [
        row.session_id
        for row in list_sessions(engine)
        if row.status == SessionState.GENERATING and is_too_large(row)
    ]


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
    """Write the row, the study and the plan; what an interruption leaves is completed later."""
    worker = queue.new_worker_name()
    with pacer.transaction() as connection:
        insert_row(connection, row)
        claim = begin_plan(connection, row.session_id, worker)
    _ensure_study(StoredSession(pacer.engine, row))
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


def _ensure_study(session: StoredSession) -> None:
    """Create the Optuna study of a session, unless an interrupted start already did."""
    import optuna
    from optuna.exceptions import ExperimentalWarning
    from optuna_dashboard import save_note

    row = session.row
    directions: list[Any] = list(session.directions.values())
    storage = open_optuna_storage(session.engine)
    study = optuna.create_study(
        study_name=session.study_name,
        storage=storage,
        directions=directions,
        load_if_exists=True,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        study.set_metric_names(list(session.directions))
    study.set_user_attr("mass_tuning", {"mode": row.mode, "method": row.method, "seed": row.seed})
    save_note(study, _note(session))
    storage.engine.dispose()


def _note(session: StoredSession) -> str:
    """Say in the dashboard what the study holds."""
    row = session.row
    if not row.is_adaptive:
        return session.study_writer.describe()
    return (
        f"All strategies that {row.method} proposes in session {row.session_id}, up to "
        f"{row.total:,}, are trials here; what it proposes again is looked up (`cached`)."
    )
