"""The project that the console is about: configuration, database, runs, what was measured."""

from pathlib import Path
from typing import TYPE_CHECKING

from studies.config import DEFAULT_CONFIG_FILE, TuningConfig, command_line, load_config
from studies.console.background_runs import BackgroundRun, BackgroundRuns
from studies.database import create_engine, display_url
from studies.market import MarketExtent, is_missing, market_extent
from studies.session import Session
from studies.sessions import Database, SessionRow, list_sessions, open_existing
from studies.upkeep import read_status

if TYPE_CHECKING:
    from studies.runs import Estimate

__all__ = ["Project"]

_RATE_STRATEGIES = 1_000
"""A session with fewer results says little of how fast others will be."""


class Project:
    """What the menus work on.

    Parameters
    ----------
    config_file : str or None
        ``--config``.
    database : str or None
        URL of ``--database``, in place of the configured one.

    Attributes
    ----------
    runs : BackgroundRuns
    """

    def __init__(self, config_file: str | None = None, database: str | None = None) -> None:
        self.config_file = config_file
        self.database = database
        self.runs = BackgroundRuns()
        self._measured: float | None = None
        self._opened: tuple[str, Database] | None = None

    @property
    def settings_file(self) -> Path:
        """The configuration file, which need not exist."""
        return Path(self.config_file or DEFAULT_CONFIG_FILE)

    @property
    def config(self) -> TuningConfig:
        """The configuration as it is now."""
        config = load_config(self.config_file)
        if self.database is None:
            return config
        return config.model_copy(update={"database": self.database})

    @property
    def kept_files(self) -> dict[Path, str]:
        """The configuration file, which is not to be written over, and what it is."""
        return {self.settings_file: "the configuration"}

    def engine(self) -> Database:
        """Open the project's database.

        Raises
        ------
        ConfigError
            If it is a SQLite file that does not exist.
        StorageError
            If it cannot be opened.
        """
        url = self.config.database
        if self._opened is None or self._opened[0] != url:
            self.close()
            self._opened = (url, open_existing(url))
        return self._opened[1]

    def close(self) -> None:
        """Close the database."""
        if self._opened is not None:
            self._opened[1].dispose()
            self._opened = None

    def open(self, row: SessionRow) -> Session:
        """Open one of the sessions."""
        return Session(self.engine(), row)

    def has_database(self) -> bool:
        """Whether the project's database is there."""
        engine = create_engine(self.config.database)
        try:
            return not is_missing(engine)
        finally:
            engine.dispose()

    def sessions(self) -> list[SessionRow]:
        """List the sessions, newest first; none where there is no database."""
        return list_sessions(self.engine()) if self.has_database() else []

    def market(self) -> MarketExtent | None:
        """Return how large the market is; None without one."""
        return market_extent(self.config.market_database)

    def arguments(self, rest: list[str]) -> list[str]:
        """Return the arguments of the program for the same configuration and database."""
        given = []
        if self.config_file is not None:
            given += ["--config", self.config_file]
        if self.database is not None:
            given += ["--database", self.database]
        return [*given, *rest]

    def command(self, rest: str) -> str:
        """Write a command line for the same configuration and database, to be copied."""
        database = None if self.database is None else display_url(self.database)
        return command_line(rest, self.config_file, database)

    def start_run(
        self, row: SessionRow, parallel: int | str, *, retry_failed: bool = False
    ) -> BackgroundRun:
        """Run a session in the background."""
        rest = ["execute", "--session", row.session_id, "--parallel", str(parallel), "--resume"]
        if retry_failed:
            rest.append("--retry-failed")
        return self.runs.start(row.session_id, self.arguments(rest))

    def rate(self) -> float | None:
        """Return strategies per second: as measured here, else as the newest session recorded."""
        if self._measured is not None:
            return self._measured
        for row in self.sessions():
            if row.is_of_earlier_system or row.is_adaptive:
                continue
            if row.completed + row.failed >= _RATE_STRATEGIES:
                return read_status(self.open(row)).rate
        return None

    def remember(self, measured: "Estimate") -> None:
        """Keep what was measured of a planned session."""
        if measured.mode != "adaptive":
            self._measured = measured.strategies_per_second
