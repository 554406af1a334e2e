"""A tuning session: created once, resumed after anything, asked for its results."""

import datetime
import json
import random
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from objectives import BacktestSettings, FactorBacktest, ReturnPanel
from objectives.constants import SEMANTICS_VERSION
from search_spaces import Design, FactorSpace, make_design
from search_spaces.errors import SessionError
from studies import queue
from studies.config import TuningConfig
from studies.face import StudyFace, stores_all, study_id_of
from studies.migrations import prepare_database
from studies.planning import GENERATING, begin_plan, chunk_size_for, write_plan
from studies.record import Recorder
from studies.schema import tuning_sessions, utc_now
from studies.storage import WritePacer, create_engine, database_errors, optuna_storage

__all__ = ["Session", "SessionRow", "complete_generations", "latest_session", "list_sessions"]

OPEN_STATES = ("created", "running", "paused")
"""States of a session that still has work to do."""


@dataclass(frozen=True)
class SessionRow:
    """One row of ``tuning_sessions``.

    Attributes
    ----------
    session_id, mode, method, status : str
    seed, total, completed, failed : int
        Numbers of strategies; ``completed`` does not include ``failed``.
    created_at, started_at, completed_at : datetime or None
        Naive UTC.
    config : mapping
        Snapshot of everything the session is made of.
    notes : str or None
    """

    session_id: str
    mode: str
    method: str
    seed: int
    total: int
    completed: int
    failed: int
    status: str
    created_at: datetime.datetime | None
    started_at: datetime.datetime | None
    completed_at: datetime.datetime | None
    config: Mapping[str, Any]
    notes: str | None
    space_fingerprint: str | None
    data_fingerprint: str | None


class Session:
    """A planned search over a factor space, recorded in one database.

    Use :meth:`create` or :meth:`open`; :meth:`run` works through it, :attr:`results` and
    :meth:`top` read what came out.

    Parameters
    ----------
    engine : Engine
        From `studies.storage.create_engine`, of a prepared database.
    row : SessionRow
    """

    def __init__(self, engine: Engine, row: SessionRow) -> None:
        self.engine = engine
        self.row = row

    @classmethod
    def create(
        cls,
        config: TuningConfig | None = None,
        *,
        method: str = "exhaustive",
        size: int | None = None,
        seed: int = 0,
        restrictions: Mapping[str, list[str]] | None = None,
        notes: str | None = None,
        panel: ReturnPanel | None = None,
        on_progress: Callable[[int, int], None] | None = None,
    ) -> Self:
        """Plan a session and write its queue.

        Parameters
        ----------
        config : TuningConfig, optional
            Database, space, market, backtest, objective and study; the defaults if left out.
        method : str
            One of `search_spaces.DESIGNS`.
        size : int, optional
            Number of strategies; the whole space if left out (see `make_design`).
        seed : int
            Seed of the design.
        restrictions : mapping of str to list of str, optional
            Values that parameters are limited to.
        notes : str, optional
            Free text kept with the session.
        panel : ReturnPanel, optional
            The market already in memory; it must be what the database holds.
        on_progress : callable, optional
            Called with strategies written and their number.

        Returns
        -------
        Session
            With the status ``created``.

        Raises
        ------
        SpaceError
            If the space, the restrictions or the design cannot be.
        DataError
            If there are no returns, or IC is in the space and no market cap in the data.
        ConfigError
            If backtest settings are impossible.
        StorageError
            If the database cannot be written.
        """
        config = config or TuningConfig()
        engine = open_database(config.database)
        space = config.space(restrictions)
        if panel is None:
            panel = load_panel(config, engine)
        objective = FactorBacktest(
            panel,
            BacktestSettings.from_dict(config.backtest),
            space=space,
            metrics=config.objective.metrics,
        )
        objective.check()
        design = make_design(space, method, size, seed)
        chunk_size = config.execution.chunk_size or chunk_size_for(
            design, _block_size(space), every_trial=stores_all(config.study, design.size)
        )
        snapshot = _snapshot(config, objective, design, chunk_size)
        row = _new_row(objective, design, snapshot, notes)
        with database_errors(engine), WritePacer(engine) as pacer:
            _write(pacer, row, objective, design, chunk_size, on_progress)
        return cls.open(config.database, row.session_id, engine=engine)

    @classmethod
    def open(
        cls, database: str, session_id: str | None = None, *, engine: Engine | None = None
    ) -> Self:
        """Open a session by its id; without one the newest unfinished session.

        Raises
        ------
        SessionError
            If there is no such session, naming what there is.
        """
        if engine is None:
            engine = open_database(database)
        if session_id is None:
            session_id = latest_session(engine)
        return cls(engine, read_row(engine, session_id))

    def refresh(self) -> SessionRow:
        """Read the session's row again."""
        self.row = read_row(self.engine, self.row.session_id)
        return self.row

    @cached_property
    def space(self) -> FactorSpace:
        """The search space of the session's snapshot."""
        return self.config.space()

    @cached_property
    def config(self) -> TuningConfig:
        """The configuration of the session's snapshot, dates resolved."""
        return TuningConfig.from_mapping(self.row.config["config"])

    @cached_property
    def design(self) -> Design:
        """The strategies of the session in their order."""
        told = self.row.config["design"]
        return make_design(self.space, told["method"], told["size"], told["seed"])

    @property
    def directions(self) -> dict[str, str]:
        """Optimised metrics and their directions."""
        return dict(self.config.objective.metrics)

    @property
    def study_name(self) -> str:
        """Name of the session's Optuna study: its id."""
        return self.row.session_id

    def objective(self, panel: ReturnPanel | None = None) -> FactorBacktest:
        """Build the objective on the market of the database.

        Raises
        ------
        SessionError
            If the data, the space or the definition of a strategy changed since the session was
            created, naming which.
        """
        config = self.config
        if panel is None:
            panel = load_panel(config, self.engine)
        told = self.row.config
        if told["semantics"] != SEMANTICS_VERSION:
            raise SessionError(
                f"{self.row.session_id} was created under version {told['semantics']} of the "
                f"strategy definition, this release has {SEMANTICS_VERSION}; create a new session"
            )
        if self.space.fingerprint != self.row.space_fingerprint:
            raise SessionError(
                f"the search space of {self.row.session_id} is not the one it was created with; "
                "create a new session"
            )
        objective = FactorBacktest(
            panel,
            BacktestSettings.from_dict(config.backtest),
            space=self.space,
            metrics=config.objective.metrics,
        )
        if objective.fingerprint != self.row.data_fingerprint:
            raise SessionError(
                f"the returns or market caps up to {objective.settings.end_date} changed since "
                f"{self.row.session_id} was created, so new results would not compare with the "
                "recorded ones; restore the data, or create a new session"
            )
        return objective

    def study(self) -> Any:
        """Load the session's Optuna study."""
        import optuna

        return optuna.load_study(study_name=self.study_name, storage=optuna_storage(self.engine))

    def recorder(self) -> Recorder:
        """Return the writer of the session's rows."""
        backtest = self.config.backtest
        return Recorder(
            self.row.session_id,
            self.space,
            start_date=backtest.get("start_date") or "",
            end_date=backtest.get("end_date") or "",
        )

    @cached_property
    def face(self) -> StudyFace:
        """The writer of the session's trials."""
        return StudyFace(
            self.row.session_id,
            study_id_of(self.engine, self.study_name),
            self.space,
            self.directions,
            self.config.study,
            self.row.total,
        )

    def run(self, **options: Any) -> Any:
        """Work through what is left; see `studies.worker.run_session`."""
        from studies.worker import run_session

        return run_session(self, **options)

    def top(self, n: int = 10, **options: Any) -> Any:
        """Return the best strategies as a table; see `studies.results.top`."""
        from studies.results import top

        return top(self, n, **options)


def open_database(url: str) -> Engine:
    """Open and prepare the project's database, and finish what an interrupted start left."""
    engine = create_engine(url)
    prepare_database(engine)
    return engine


def load_panel(config: TuningConfig, engine: Engine) -> ReturnPanel:
    """Read the market of a configuration."""
    source = config.market.database or engine
    pairs = list(config.market.pairs) if config.market.pairs is not None else None
    return ReturnPanel.from_database(source, pairs=pairs)


def read_row(engine: Engine, session_id: str) -> SessionRow:
    """Read one session.

    Raises
    ------
    SessionError
        If there is no such session.
    """
    with database_errors(engine), engine.connect() as connection:
        row = connection.execute(
            sa.select(tuning_sessions).where(tuning_sessions.c.session_id == session_id)
        ).first()
    if row is None:
        raise SessionError(
            f"there is no session {session_id!r}; list them with: mass-tuning sessions"
        )
    return _to_row(row)


def list_sessions(engine: Engine) -> list[SessionRow]:
    """All sessions, newest first."""
    with database_errors(engine), engine.connect() as connection:
        rows = connection.execute(
            sa.select(tuning_sessions).order_by(
                tuning_sessions.c.created_at.desc(), tuning_sessions.c.session_id.desc()
            )
        ).all()
    return [_to_row(row) for row in rows]


def latest_session(engine: Engine, *, unfinished: bool = True) -> str:
    """Id of the newest session with work to do, or of the newest at all.

    Raises
    ------
    SessionError
        If there is none.
    """
    sessions = list_sessions(engine)
    chosen = [s for s in sessions if s.status in OPEN_STATES] if unfinished else sessions
    if not chosen:
        if sessions:
            raise SessionError(
                f"no session has work left; the newest is {sessions[0].session_id} "
                f"({sessions[0].status}); name one with --session, or create one with: "
                "mass-tuning generate"
            )
        raise SessionError("there is no session yet; create one with: mass-tuning generate")
    return chosen[0].session_id


def complete_generations(
    engine: Engine, on_progress: Callable[[int, int], None] | None = None
) -> list[str]:
    """Finish writing sessions whose ``generate`` was interrupted; return their ids."""
    finished = []
    for row in list_sessions(engine):
        if row.status != GENERATING:
            continue
        session = Session(engine, row)
        with database_errors(engine), WritePacer(engine) as pacer:
            _ensure_study(session)
            if write_plan(
                pacer,
                row.session_id,
                session.space,
                session.design,
                int(row.config["chunk_size"]),
                queue.worker_name(),
                on_progress=on_progress,
            ):
                finished.append(row.session_id)
    return finished


def new_session_id() -> str:
    """Make a session id from the local time and four random digits."""
    now = datetime.datetime.now()
    return f"session_{now:%Y%m%d_%H%M%S}_{random.SystemRandom().randrange(10_000):04d}"


def _write(
    pacer: WritePacer,
    row: SessionRow,
    objective: FactorBacktest,
    design: Design,
    chunk_size: int,
    on_progress: Callable[[int, int], None] | None,
) -> None:
    """Write the row, the study and the plan; what an interruption leaves is completed later."""
    worker = queue.worker_name()
    with pacer.transaction() as connection:
        connection.execute(
            tuning_sessions.insert().values(
                session_id=row.session_id,
                mode=row.mode,
                method=row.method,
                seed=row.seed,
                total_strategies=row.total,
                status=row.status,
                created_at=row.created_at,
                config_data=json.dumps(row.config),
                notes=row.notes,
                space_fingerprint=row.space_fingerprint,
                data_fingerprint=row.data_fingerprint,
            )
        )
        claim = begin_plan(connection, row.session_id, worker)
    _ensure_study(Session(pacer.engine, row))
    write_plan(
        pacer, row.session_id, objective.space, design, chunk_size, worker, claim, on_progress
    )


def _ensure_study(session: Session) -> None:
    """Create the Optuna study of a session, unless an interrupted start already did."""
    import optuna
    from optuna.exceptions import ExperimentalWarning
    from optuna_dashboard import save_note

    row = session.row
    storage = optuna_storage(session.engine)
    study = optuna.create_study(
        study_name=session.study_name,
        storage=storage,
        directions=list(session.directions.values()),
        load_if_exists=True,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        study.set_metric_names(list(session.directions))
    study.set_user_attr("mass_tuning", {"mode": row.mode, "method": row.method, "seed": row.seed})
    save_note(study, session.face.describe())
    storage.engine.dispose()


def _snapshot(
    config: TuningConfig, objective: FactorBacktest, design: Design, chunk_size: int
) -> dict[str, Any]:
    """Everything the session is made of, as JSON; credentials stay out of it."""
    values = config.model_dump(mode="json")
    values.update(objective.space.to_config())
    values["backtest"] = objective.settings.to_dict()
    values["objective"] = {"metrics": dict(objective.directions)}
    del values["database"]
    return {
        "config": values,
        "design": {"method": design.method, "size": design.size, "seed": design.seed},
        "chunk_size": chunk_size,
        "semantics": SEMANTICS_VERSION,
    }


def _new_row(
    objective: FactorBacktest, design: Design, snapshot: dict[str, Any], notes: str | None
) -> SessionRow:
    notices = [*objective.warnings, *([design.note] if design.note else [])]
    return SessionRow(
        session_id=new_session_id(),
        mode="exhaustive" if design.method == "exhaustive" else "sampling",
        method=design.method,
        seed=design.seed,
        total=design.size,
        completed=0,
        failed=0,
        status=GENERATING,
        created_at=utc_now(),
        started_at=None,
        completed_at=None,
        config={**snapshot, "warnings": notices},
        notes=notes,
        space_fingerprint=objective.space.fingerprint,
        data_fingerprint=objective.fingerprint,
    )


def _block_size(space: FactorSpace) -> int:
    sizes = [
        len(parameter.finite_values())
        for parameter in space.parameters
        if parameter.name not in space.block_parameters
    ]
    return int(np.prod(sizes))


def _to_row(row: Any) -> SessionRow:
    try:
        config = json.loads(row.config_data or "{}")
    except ValueError:
        config = {}
    return SessionRow(
        session_id=row.session_id,
        mode=row.mode or "",
        method=row.method or "",
        seed=row.seed or 0,
        total=row.total_strategies or 0,
        completed=row.completed_strategies or 0,
        failed=row.failed_strategies or 0,
        status=row.status or "",
        created_at=row.created_at,
        started_at=row.started_at,
        completed_at=row.completed_at,
        config=config,
        notes=row.notes,
        space_fingerprint=row.space_fingerprint,
        data_fingerprint=row.data_fingerprint,
    )
