"""A tuning session as users see it: created once, resumed after anything, asked for results."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Literal, Self

from search_spaces.checks import check_whole
from studies.config import MOST_WORKERS, TuningConfig
from studies.planning import create_session
from studies.sessions import StoredSession, build_objective

if TYPE_CHECKING:
    import optuna
    import pandas as pd

    from objectives import Objective, ReturnPanel
    from studies.analysis import Filter, StoredVerdict
    from studies.runs import Progress, Stop

__all__ = ["Session"]


class Session(StoredSession):
    """A search over a factor space, planned or adaptive, recorded in one database.

    Use it where a search must survive crashes, be shared by several processes, or be looked at
    afterwards; for a few trials in one process a plain Optuna study on `objectives.FactorBacktest`
    is enough. Create a session with :meth:`create` or find it again with :meth:`open`; :meth:`run`
    works through what is left of it, :meth:`top` reads the best of what came out.

    Examples
    --------
    >>> import tempfile
    >>> from objectives import ReturnPanel
    >>> from studies import Session, TuningConfig
    >>> from studies.market import import_panel
    >>> from studies.sessions import open_database
    >>> url = f"sqlite:///{tempfile.mkdtemp()}/funding_rate.db"
    >>> import_panel(ReturnPanel.synthetic(n_pairs=8, n_days=300), open_database(url)).n_pairs
    8
    >>> session = Session.create(TuningConfig(database=url), method="sobol", size=64, seed=1)
    >>> session.run().done
    64
    >>> len(session.top(3))
    3
    """

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
            How many of them at most.
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
        engine, row = create_session(
            TuningConfig() if config is None else config,
            method=method,
            mode=mode,
            size=size,
            seed=seed,
            restrictions=restrictions,
            start_from=start_from,
            n_start=n_start,
            notes=notes,
            panel=panel,
            on_progress=on_progress,
        )
        session = cls(engine, row)
        session.refresh()
        return session

    def objective(self, panel: "ReturnPanel | None" = None) -> "Objective":
        """Build the objective on the market of the database.

        Raises
        ------
        SessionError
            If the data, the space or the definition of a strategy changed since the session was
            created, naming which.
        """
        return build_objective(self, panel)

    def study(self) -> "optuna.Study":
        """Load the session's Optuna study."""
        import optuna

        from studies.trials import open_optuna_storage

        return optuna.load_study(
            study_name=self.study_name, storage=open_optuna_storage(self.engine)
        )

    def run(
        self,
        *,
        parallel: int | Literal["auto"] | None = None,
        scheduler: str | None = None,
        resume: bool = False,
        objective: "Objective | None" = None,
        on_progress: "Callable[[Progress], None] | None" = None,
        stop: "Stop | None" = None,
    ) -> "Progress":
        """Work through what is left.

        Parameters
        ----------
        parallel : int or "auto", optional
            Worker processes; 1 is this process itself, ``auto`` follows the load of the host.
            Default: as configured.
        scheduler : str, optional
            Address of a Dask scheduler whose workers do it, see `studies.runs.run_on_cluster`.
        resume : bool
            Needed for a paused session and for one that an error stopped.
        objective : Objective, optional
            Built from the session if left out; for a run in this process only.
        on_progress : callable, optional
            Called with a `studies.runs.Progress` after every chunk.
        stop : Stop, optional
            Set it to pause the session after the chunks in hand.

        Returns
        -------
        Progress
            At the end; the session is ``completed``, or ``paused`` if it was stopped.

        Raises
        ------
        SessionError
            If the session is paused and `resume` is not set, or its data changed.
        StorageError
            If the database cannot be written; what was committed stays, `resume` goes on from
            there.
        """
        n_workers = self.config.execution.parallel if parallel is None else parallel
        if n_workers != "auto":
            check_whole("parallel", n_workers, 1, MOST_WORKERS)
        from studies.runs import follows_load

        if scheduler is None and (n_workers == 1 or (n_workers == "auto" and not follows_load())):
            from studies.runs import run_session

            return run_session(
                self, resume=resume, objective=objective, on_progress=on_progress, stop=stop
            )
        from studies.runs import run_on_cluster

        return run_on_cluster(
            self,
            n_workers=n_workers,
            scheduler=scheduler,
            resume=resume,
            on_progress=on_progress,
            stop=stop,
        )

    def top(
        self,
        n: int = 10,
        *,
        metric: str | None = None,
        direction: str | None = None,
        all_names: bool = False,
        where: "str | Filter | None" = None,
    ) -> "pd.DataFrame":
        """Return the best results as a table; see `studies.analysis.top`."""
        from studies.analysis import top

        return top(self, n, metric=metric, direction=direction, all_names=all_names, where=where)

    def verify(
        self,
        strategy_id: str | None = None,
        *,
        n_resamples: int | None = None,
        seed: int | None = None,
        on_progress: "Callable[[str, int, int], None] | None" = None,
    ) -> "StoredVerdict":
        """Judge how much of the best result is luck; see `studies.analysis.verify_session`."""
        from studies.analysis import verify_session

        return verify_session(
            self, strategy_id, n_resamples=n_resamples, seed=seed, on_progress=on_progress
        )
