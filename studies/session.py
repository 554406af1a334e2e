"""A tuning session: created once, resumed after anything, asked for its results."""

import json
import warnings
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

from sqlalchemy.engine import Engine

from objectives.constants import SEMANTICS_VERSION
from search_spaces import Design, FactorSpace, make_design
from search_spaces.errors import ConfigError, SessionError
from studies.config import TuningConfig
from studies.database.engine import WritePacer, create_engine, database_errors, optuna_storage
from studies.database.migrations import prepare_database
from studies.database.tables import tuning_sessions
from studies.planning.plan import make_plan, new_row
from studies.planning.write_plan import GENERATING, begin_plan, write_plan
from studies.queue import chunks as queue
from studies.sessions.session_row import SessionRow, latest_session, list_sessions, read_row
from studies.sessions.slots import Slots

if TYPE_CHECKING:
    from objectives import FactorBacktest, Objective, ReturnPanel
    from studies.outcomes.row_writer import Recorder
    from studies.sessions.generations import Generations
    from studies.trials.digest import StudyFace
    from studies.workers.worker import Worker

__all__ = ["Session", "complete_generations", "load_panel", "open_database"]


class Session:
    """A search over a factor space, planned or adaptive, recorded in one database.

    Use :meth:`create` or :meth:`open`; :meth:`run` works through it, :attr:`results` and
    :meth:`top` read what came out.

    Parameters
    ----------
    engine : Engine
        From `studies.database.engine.create_engine`, of a prepared database.
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
        mode: str | None = None,
        size: int | None = None,
        seed: int = 0,
        restrictions: Mapping[str, list[str]] | None = None,
        start_from: str | None = None,
        n_start: int = 10,
        notes: str | None = None,
        panel: "ReturnPanel | None" = None,
        on_progress: Callable[[int, int], None] | None = None,
    ) -> Self:
        """Plan a session and write its queue.

        Parameters
        ----------
        config : TuningConfig, optional
            Database, space, market, backtest, objective and study; the defaults if left out.
        method : str
            One of `search_spaces.DESIGNS`, of `studies.methods.METHODS`, or the import path of an
            Optuna sampler (``package.module:ClassName``).
        mode : {"planned", "adaptive"}, optional
            Needed for ``random`` only, which is both: a design, unless it is ``adaptive``.
        size : int, optional
            Number of strategies; the whole space if left out (see `make_design`). An adaptive
            method needs it.
        seed : int
            Seed of the design or of the samplers.
        restrictions : mapping of str to list of str, optional
            Values that parameters are limited to.
        start_from : str, optional
            Session whose best strategies an adaptive method tries first.
        n_start : int
            At most so many of them.
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
            If backtest settings are impossible, or the method, its size or its options.
        SessionError
            If the session to start from has nothing to begin with.
        StorageError
            If the database cannot be written.
        """
        from objectives import BacktestSettings, FactorBacktest

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
        config, plan = make_plan(
            config, objective, engine, mode, method, size, seed, start_from, n_start
        )
        row = new_row(config, objective, plan, notes)
        chunk_size = int(row.config["chunk_size"])
        with database_errors(engine), WritePacer(engine) as pacer:
            _write(pacer, row, objective, plan, chunk_size, on_progress)
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
        told = self.row.config.get("config")
        if told is None:
            raise SessionError(
                f"{self.row.session_id} was recorded by an earlier system and cannot be worked "
                "on; its rows stay in the database, create a new session"
            )
        return TuningConfig.from_mapping(told)

    @cached_property
    def design(self) -> "Design | Generations":
        """The strategies of a planned or genetic session in their order."""
        if self.row.is_genetic:
            from studies.sessions.generations import Generations

            return Generations(
                self.engine,
                self.row.session_id,
                self.space,
                self.slots,
                self.config.methods.genetic,
                self.directions,
            )
        told = self.row.config.get("design")
        if told is None:
            raise SessionError(
                f"{self.row.session_id} is {self.row.mode}: its strategies are not known before "
                "they are tried; read its results or its study"
            )
        return make_design(self.space, told["method"], told["size"], told["seed"])

    @cached_property
    def slots(self) -> Slots:
        """The budget of an adaptive or genetic session."""
        row = self.row
        return Slots(row.method, row.total, row.seed, tuple(row.config.get("warm_start", ())))

    @property
    def plan(self) -> Design | Slots:
        """What the session was planned as: strategies in their order, or a budget."""
        if self.row.is_adaptive or self.row.is_genetic:
            return self.slots
        planned = self.design
        assert isinstance(planned, Design)
        return planned

    @property
    def directions(self) -> dict[str, str]:
        """Optimised metrics and their directions."""
        return dict(self.config.objective.metrics)

    @property
    def study_name(self) -> str:
        """Name of the session's Optuna study: its id."""
        return self.row.session_id

    def objective(self, panel: "ReturnPanel | None" = None) -> "FactorBacktest":
        """Build the objective on the market of the database.

        Raises
        ------
        SessionError
            If the data, the space or the definition of a strategy changed since the session was
            created, naming which.
        """
        from objectives import BacktestSettings, FactorBacktest

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
        try:
            objective = FactorBacktest(
                panel,
                BacktestSettings.from_dict(config.backtest),
                space=self.space,
                metrics=config.objective.metrics,
            )
        except ConfigError as error:  # the settings are those of the session: the market shrank
            raise SessionError(
                f"the market changed since {self.row.session_id} was created: {error}; restore "
                "the data, or create a new session"
            ) from None
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

    def recorder(self) -> "Recorder":
        """Return the writer of the session's rows."""
        from studies.outcomes.row_writer import Recorder

        backtest = self.config.backtest
        return Recorder(
            self.row.session_id,
            self.space,
            start_date=backtest.get("start_date") or "",
            end_date=backtest.get("end_date") or "",
        )

    def worker(
        self,
        objective: "Objective",
        pacer: WritePacer,
        on_limit: Callable[[], None] | None = None,
    ) -> "Worker":
        """Return a worker of the kind that the session needs.

        Parameters
        ----------
        objective : Objective
        pacer : WritePacer
        on_limit : callable, optional
            See `studies.workers.worker.Worker`.
        """
        from studies.workers.worker import Worker

        kind = Worker
        if self.row.is_adaptive:
            from studies.workers.adaptive_worker import AdaptiveWorker

            kind = AdaptiveWorker
        elif self.row.is_genetic:
            from studies.sessions.generations import GeneticWorker

            kind = GeneticWorker
        return kind(self, objective, pacer, self.config.execution.lease_seconds, on_limit)

    @cached_property
    def face(self) -> "StudyFace":
        """The writer of the session's trials."""
        from studies.trials.digest import StudyFace, study_id_of

        return StudyFace(
            self.row.session_id,
            study_id_of(self.engine, self.study_name),
            self.space,
            self.directions,
            self.config.study,
            self.row.total,
        )

    def run(
        self,
        *,
        parallel: int | None = None,
        scheduler: str | None = None,
        **options: Any,
    ) -> Any:
        """Work through what is left.

        Parameters
        ----------
        parallel : int, optional
            Worker processes; 1 is this process itself. Default: as configured.
        scheduler : str, optional
            Address of a Dask scheduler whose workers do it, see `studies.runs.cluster`.
        **options
            See `studies.runs.run.run_session` and `studies.runs.cluster.run_on_cluster`.

        Returns
        -------
        studies.runs.run.Progress
        """
        n_workers = self.config.execution.parallel if parallel is None else parallel
        if n_workers == 1 and scheduler is None:
            from studies.runs.run import run_session

            return run_session(self, **options)
        from studies.runs.cluster import run_on_cluster

        return run_on_cluster(self, n_workers=n_workers, scheduler=scheduler, **options)

    def top(self, n: int = 10, **options: Any) -> Any:
        """Return the best strategies as a table; see `studies.analysis.leaderboard.top`."""
        from studies.analysis.leaderboard import top

        return top(self, n, **options)


def open_database(url: str) -> Engine:
    """Open the project's database and bring its tables up to date."""
    engine = create_engine(url)
    prepare_database(engine)
    return engine


def load_panel(config: TuningConfig, engine: Engine) -> "ReturnPanel":
    """Read the market of a configuration."""
    from objectives import ReturnPanel

    source = config.market.database or engine
    pairs = list(config.market.pairs) if config.market.pairs is not None else None
    return ReturnPanel.from_database(source, pairs=pairs)


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
                session.plan,
                int(row.config["chunk_size"]),
                queue.worker_name(),
                on_progress=on_progress,
            ):
                finished.append(row.session_id)
    return finished


def _write(
    pacer: WritePacer,
    row: SessionRow,
    objective: "FactorBacktest",
    plan: Design | Slots,
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
    write_plan(pacer, row.session_id, objective.space, plan, chunk_size, worker, claim, on_progress)


def _ensure_study(session: Session) -> None:
    """Create the Optuna study of a session, unless an interrupted start already did."""
    import optuna
    from optuna.exceptions import ExperimentalWarning
    from optuna_dashboard import save_note

    row = session.row
    directions: list[Any] = list(session.directions.values())
    storage = optuna_storage(session.engine)
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


def _note(session: Session) -> str:
    """Say in the dashboard what the study holds."""
    row = session.row
    if not row.is_adaptive:
        return session.face.describe()
    return (
        f"All strategies that {row.method} proposes in session {row.session_id}, up to "
        f"{row.total:,}, are trials here; what it proposes again is looked up (`cached`)."
    )
