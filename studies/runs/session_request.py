"""What ``generate`` and ``estimate`` are asked for."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from objectives.settings import BacktestSettings
from studies.config import TuningConfig

__all__ = ["SessionRequest"]


@dataclass(frozen=True, kw_only=True)
class SessionRequest:
    """A session that is asked for.

    Attributes
    ----------
    config : TuningConfig
    mode : {"planned", "adaptive"}
    method : str
        As `studies.Session.create` takes it.
    size : int or None
        Number of strategies; None for the whole space.
    seed : int
    restrictions : mapping of str to list of str
        Values that parameters are limited to.
    """

    config: TuningConfig
    mode: str
    method: str
    size: int | None = None
    seed: int = 0
    restrictions: Mapping[str, list[str]] = field(default_factory=dict)

    def check(self) -> None:
        """Refuse what is impossible on every market, before a database is opened.

        Raises
        ------
        ConfigError
            If a backtest setting is impossible.
        SpaceError
            If the space is, or a restriction of it.
        """
        BacktestSettings.from_dict(self.config.backtest)
        self.config.space(self.restrictions)
