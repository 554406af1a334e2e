"""A session as it is recorded: what it searches, how, and where its rows are."""

from functools import cached_property
from typing import TYPE_CHECKING, Self

from sqlalchemy.engine import Engine

from objectives.settings import AUTO
from search_spaces import Design, SearchSpace, make_design
from search_spaces.errors import SessionError
from studies.config import TuningConfig
from studies.outcomes import RowWriter, figure_columns
from studies.sessions.earlier_system import config_to_read, recorded_space
from studies.sessions.pick_session import choose_session
from studies.sessions.prepared_database import open_database
from studies.sessions.session_row import DAMAGED, SessionRow, read_row
from studies.sessions.slots import Slots

if TYPE_CHECKING:
    from studies.sessions.generations import Generations
    from studies.trials import SessionStudies, StudyWriter

__all__ = ["StoredSession"]


class StoredSession:
    """A session in its database.

    Everything that works on a session or reads its results takes one of these; `studies.Session`
    adds what a user does with it.

    Parameters
    ----------
    engine : Engine
        From `studies.sessions.open_database`.
    row : SessionRow
    """

    def __init__(self, engine: Engine, row: SessionRow) -> None:
        self.engine = engine
        self.row = row

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
            return cls(engine, choose_session(engine, "unfinished"))
        return cls(engine, read_row(engine, session_id))

    def refresh(self) -> SessionRow:
        """Read the session's row again."""
        before, self.row = self.row, read_row(self.engine, self.row.session_id)
        if self.row.snapshot.resumed_with != before.snapshot.resumed_with:
            for name in ("config", "space"):  # somebody resumed a session of an earlier system
                self.__dict__.pop(name, None)
        return self.row

    @cached_property
    def config(self) -> TuningConfig:
        """The configuration of the session's snapshot, dates resolved.

        Of a session of an earlier system what its queue is worked through with, else what its
        results are read with.
        """
        if self.row.status == DAMAGED:
            raise SessionError(
                f"the row of {self.row.session_id} is damaged ({self.row.notes}); restore a "
                f"backup, or delete it with: mass-tuning clean --session {self.row.session_id}"
            )
        values = self.row.snapshot.config or self.row.snapshot.resumed_with
        return config_to_read(self.space) if values is None else TuningConfig.from_mapping(values)

    @cached_property
    def space(self) -> SearchSpace:
        """The search space of the session's snapshot, or what an earlier system recorded."""
        if self.row.is_of_earlier_system:
            resumed_with = self.row.snapshot.resumed_with
            return recorded_space(self.engine, self.row.session_id, resumed_with)
        return self.config.space()

    @cached_property
    def design(self) -> "Design | Generations":
        """The strategies of a planned or genetic session in their order."""
        row = self.row
        if row.is_genetic:
            from studies.sessions.generations import Generations  # scipy and DEAP take time

            return Generations(
                self.engine,
                row.session_id,
                self.space,
                self.slots,
                self.config.methods.genetic,
                self.directions,
            )
        planned = row.snapshot.design
        if planned is None:
            raise SessionError(
                f"{row.session_id} is {row.mode}: its strategies are not known before they are "
                "tried; read its results or its study"
            )
        return make_design(self.space, planned.method, planned.size, planned.seed)

    @cached_property
    def slots(self) -> Slots:
        """The budget of an adaptive or genetic session."""
        row = self.row
        return Slots(row.method, row.total, row.seed, row.snapshot.warm_start or ())

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
    def figures(self) -> tuple[str, ...]:
        """Columns of the results that the session fills with figures."""
        # "auto" is left where an objective of one's own does not look at the dates
        return figure_columns(split=self.config.backtest.get("split_date") not in (None, AUTO))

    @property
    def stores_all(self) -> bool:
        """Whether every strategy of the session becomes a trial."""
        from studies.trials import stores_all

        return self.row.is_adaptive or stores_all(self.config.study, self.row.total)

    @cached_property
    def studies(self) -> "SessionStudies":
        """Names of the session's Optuna studies."""
        from studies.trials import studies_of

        return studies_of(self.engine, self.row.session_id, whole=self.stores_all)

    @property
    def study_name(self) -> str:
        """Name of the session's Optuna study; of a large session the one with the best."""
        return self.studies.best

    @cached_property
    def row_writer(self) -> RowWriter:
        """The writer of the session's queue and result rows."""
        backtest = self.config.backtest
        return RowWriter(
            self.row.session_id,
            self.space,
            start_date=backtest.get("start_date") or "",
            end_date=backtest.get("end_date") or "",
        )

    @cached_property
    def study_writer(self) -> "StudyWriter":
        """The writer of the session's trials."""
        from studies.trials import StudyWriter, study_id_of

        studies = self.studies
        return StudyWriter(
            self.row.session_id,
            study_id_of(self.engine, studies.best),
            self.space,
            self.directions,
            self.config.study,
            self.row.total,
            None if studies.sample is None else study_id_of(self.engine, studies.sample),
        )
