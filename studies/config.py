"""``mass_tuning_config.yaml`` as typed, frozen models; every key has a default and an effect."""

import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import pydantic
from pydantic import Field

from search_spaces import PARAMETER_NAMES, FactorSpace, SearchSpace
from search_spaces.checks import check_kind, shown
from search_spaces.errors import ConfigError
from search_spaces.short_files import read_short_file
from search_spaces.strict_yaml import dump_yaml, parse_yaml
from studies.alerts import AlertRule
from studies.methods.care_config import LoggingConfig, RetentionConfig
from studies.methods.checked_model import CheckedModel, complaints, refuse_home
from studies.methods.methods_config import MethodsConfig
from studies.methods.problem_config import MarketConfig, ObjectiveConfig

__all__ = [
    "DEFAULT_CONFIG_FILE",
    "ExecutionConfig",
    "LoggingConfig",
    "MarketConfig",
    "MethodsConfig",
    "ObjectiveConfig",
    "RetentionConfig",
    "StrategyConfig",
    "StudyConfig",
    "TuningConfig",
    "VerifyConfig",
    "command_line",
    "default_config_text",
    "load_config",
]

DEFAULT_CONFIG_FILE = "mass_tuning_config.yaml"
PositiveInt = Annotated[int, Field(ge=1)]
MOST_WORKERS = 1_000
_MEMORY = re.compile(
    r"auto|([0-9]{1,15}(\.[0-9]*)?|\.[0-9]+)(e[-+]?[0-9]{1,2})? *(([kmgtp]i?)?b|[kmgtp]i?)?", re.I
)


class ExecutionConfig(CheckedModel):
    """How a session is worked through.

    Attributes
    ----------
    parallel : int or "auto"
        Worker processes; 1 runs in the process itself, ``auto`` follows the load of the host.
    chunk_size : int or None
        Strategies a worker takes at a time; None: as many as take a fraction of a second.
    lease_seconds : float
        A worker that has not renewed its claim for this long has lost it.
    chunk_seconds, strategy_seconds : float
        A chunk that takes longer is evaluated strategy by strategy; one that takes longer fails.
    reuse : bool
        Look up strategies that another session of the database measured on the same data and
        settings, instead of computing them again.
    cache : str or None
        Folder of panels and factor cubes; None: the user's cache folder.
    memory_limit : str
        Of each worker process of a local cluster, as Dask writes it; ``0``: none.
    save_top : int
        Best distinct results of a completed session whose result, trades and last ranking are
        written into ``backtest_results``, ``backtest_trades`` and ``strategy_ranking``; 0: none.
        Of the factor backtest only.
    """

    parallel: PositiveInt | Literal["auto"] = 1
    chunk_size: PositiveInt | None = None
    lease_seconds: Annotated[float, Field(ge=1.0, le=86_400.0)] = 15.0
    chunk_seconds: Annotated[float, Field(gt=0.0, le=10_000_000.0)] = 300.0
    strategy_seconds: Annotated[float, Field(gt=0.0, le=10_000_000.0)] = 60.0
    reuse: bool = True
    cache: str | None = None
    memory_limit: str = "2GiB"
    save_top: Annotated[int, Field(ge=0, le=1_000)] = 10

    @pydantic.field_validator("parallel", mode="before")
    @classmethod
    def _is_number_or_auto(cls, value: Any) -> Any:
        if value != "auto" and not (isinstance(value, int) and 1 <= value <= MOST_WORKERS):
            raise ValueError(
                f"expected a number of processes from 1 to {MOST_WORKERS:,}, or auto, got "
                f"{shown(value)}"
            )
        return value

    @pydantic.field_validator("cache")
    @classmethod
    def _no_tilde(cls, folder: str | None) -> str | None:
        return refuse_home(folder)

    @pydantic.field_validator("memory_limit")
    @classmethod
    def _is_size(cls, text: str) -> str:
        if not _MEMORY.fullmatch(text.strip()):
            raise ValueError(
                f'expected a size like 2GiB or 500 MB, or "0" for none, got {shown(text)}'
            )
        return text


class StudyConfig(CheckedModel):
    """What of a session is written into its Optuna studies.

    Attributes
    ----------
    trials : {"digest", "full"}
        Every strategy, or an even sample and the best, in two studies; sessions of up to
        ``all_up_to`` strategies are always stored whole.
    all_up_to : int
        See above.
    sample : int
        Evenly spread strategies in the study of the sample.
    running_best : int
        Number of best strategies so far: one that enters them is added as it comes.
    final_best : int
        Number of best strategies that are all there at the end.
    figures : bool
        Draw importance, heat map and wealth of all results into the studies of a completed session.
    """

    trials: Literal["digest", "full"] = "digest"
    all_up_to: Annotated[int, Field(ge=0)] = 2_000
    sample: Annotated[int, Field(ge=0)] = 1_500
    running_best: Annotated[int, Field(ge=0)] = 20
    final_best: Annotated[int, Field(ge=0)] = 500
    figures: bool = True


class VerifyConfig(CheckedModel):
    """How the best strategy of a session is judged (`mass-tuning verify`).

    Attributes
    ----------
    auto : bool
        Judge it by itself when a session is completed, if that takes less than `seconds`.
    seconds : float
        See above; it is left to `verify` as soon as it is clear that it would take longer.
    resamples : int
        Resamples of the bootstrap; the smallest p-value is 1 / resamples.
    seed : int
        Of the resamples.
    """

    auto: bool = True
    seconds: Annotated[float, Field(gt=0.0)] = 60.0
    resamples: Annotated[int, Field(ge=100, le=100_000)] = 1_000
    seed: Annotated[int, Field(ge=0)] = 0


class StrategyConfig(CheckedModel):
    """One strategy, which `mass-tuning backtest` runs again; `export --best-config` writes it.

    Attributes
    ----------
    id : str
    session : str or None
        That it was found by.
    data_fingerprint : str or None
        Of the market and the settings that its figures were computed on.
    figures : dict of str to (int, float or None)
        As they were recorded.
    """

    id: str
    session: str | None = None
    data_fingerprint: str | None = None
    figures: dict[str, int | float | None] = Field(default_factory=dict)


class TuningConfig(CheckedModel):
    """The whole configuration: where data and results are, what is searched, and how.

    `load_config` reads it from YAML for the commands; scripts may as well build it here. Every
    section has defaults, so only what differs is given.

    Attributes
    ----------
    database : str
        SQLAlchemy URL of the project's database: market, sessions and Optuna's tables.
    parameters : dict
        Specs of the search space (see `search_spaces`); empty: the default space.
    constraints : list of str
        Rules such as ``window_size <= data_period``.
    factor_modules : list of str
        Modules of the user's own that register factors, importable or in the current folder.
    backtest : dict
        Fields of `objectives.BacktestSettings`.
    alerts : tuple of AlertRule
        What `execute` tells of a run; sessions do not record them.
    strategy : StrategyConfig or None
        For `mass-tuning backtest`; no session is created differently for it.

    Examples
    --------
    >>> config = TuningConfig.from_mapping(
    ...     {"backtest": {"fee_rate": 0.0005}, "execution": {"parallel": 2}}
    ... )
    >>> config.execution.parallel, len(config.space())
    (2, 436800)
    """

    database: str = "sqlite:///funding_rate.db"
    parameters: dict[str, Any] = Field(default_factory=dict)
    constraints: list[str] = Field(default_factory=list)
    factor_modules: list[str] = Field(default_factory=list)
    market: MarketConfig = MarketConfig()
    backtest: dict[str, Any] = Field(default_factory=dict)
    objective: ObjectiveConfig = ObjectiveConfig()
    execution: ExecutionConfig = ExecutionConfig()
    study: StudyConfig = StudyConfig()
    verify: VerifyConfig = VerifyConfig()
    retention: RetentionConfig = RetentionConfig()
    logging: LoggingConfig = LoggingConfig()
    methods: MethodsConfig = MethodsConfig()
    alerts: tuple[AlertRule, ...] = ()
    strategy: StrategyConfig | None = None

    def __init__(self, **values: Any) -> None:
        try:
            super().__init__(**values)
        except pydantic.ValidationError as error:
            raise ConfigError("; ".join(complaints(error, type(self)))) from None

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> Self:
        """Check plain values; an unknown or impossible one is a ConfigError that names the key."""
        from objectives import BacktestSettings

        check_kind("the configuration", values, Mapping, "a mapping of sections")
        for key in values:
            check_kind("the name of a section", key, str, "a text")
        config = cls(**values)
        try:
            BacktestSettings.from_dict(config.backtest)
        except ConfigError as error:
            named = str(error).split(" ", 1)[0] in BacktestSettings.__dataclass_fields__
            raise ConfigError(f"backtest{'.' if named else ': '}{error}") from None
        return config

    @property
    def market_database(self) -> str:
        """URL of the database with the market: that of `market`, else the project's own."""
        return self.market.database or self.database

    @property
    def brings_its_data(self) -> bool:
        """Whether the objective is a program of the user's own, which may need no market here."""
        return self.objective.type == "external"

    @property
    def database_name(self) -> str:
        """The database in messages, its password replaced by ``***``."""
        from studies.database import display_url

        return display_url(self.database)

    def without_passwords(self) -> Self:
        """Return the same configuration with every password replaced, to be shown to people."""
        from studies.database import display_url

        market = self.market
        if market.database is not None:
            market = market.model_copy(update={"database": display_url(market.database)})
        alerts = tuple(rule.without_secrets() for rule in self.alerts)
        update = {"database": self.database_name, "market": market, "alerts": alerts}
        return self.model_copy(update=update)

    @property
    def has_own_space(self) -> bool:
        """Whether `parameters` say something else than the default space."""
        if not self.parameters:
            return False
        defaults = parse_yaml(default_config_text())["parameters"]
        return bool(self.parameters != defaults)

    def space(self, restrictions: Mapping[str, list[str]] | None = None) -> SearchSpace:
        """Build the search space, some parameters limited to the given values (``--set``)."""
        if self.factor_modules:
            from objectives.factors import import_factors

            import_factors(self.factor_modules)
        if self.parameters:
            from objectives.factors import factor_codes

            source = {"parameters": self.parameters, "constraints": self.constraints}
            space: SearchSpace
            ours = self.objective.type == "factor_backtest"
            if ours or self.parameters.keys() >= set(PARAMETER_NAMES):
                space = FactorSpace.from_config(source, factor_codes=factor_codes())
            else:
                space = SearchSpace.from_config(source)
        else:
            default = FactorSpace.default()
            space = FactorSpace(default.parameters, self.constraints)
        return space.restrict(restrictions) if restrictions else space

    def to_yaml(self) -> str:
        """Write the configuration, defaults included, as YAML that reads back the same."""
        values = self.model_dump(mode="json")
        if not values["parameters"]:
            values["parameters"] = self.space().to_config()["parameters"]
        return dump_yaml(values)


def command_line(rest: str, config_file: str | None = None, database: str | None = None) -> str:
    """Write a command line for a configuration and a database, to be copied.

    Parameters
    ----------
    rest : str
        The command and its own options.
    config_file, database : str, optional
        ``--config`` and ``--database``, if they are to be given; a URL without a password.
    """
    given = {"--config": config_file, "--database": database}
    options = [f"{name} {shlex.quote(value)}" for name, value in given.items() if value is not None]
    return " ".join(["mass-tuning", *options, rest])


def default_config_text() -> str:
    """Read the defaults as a commented YAML file, as ``config --write`` gives them to a project."""
    return Path(__file__).with_name("default_config.yaml").read_text(encoding="utf-8")


def load_config(path: str | Path | None = None) -> TuningConfig:
    """Read a configuration file.

    Parameters
    ----------
    path : str or Path, optional
        Default: ``mass_tuning_config.yaml`` in the current folder, if there is one, else the
        built-in defaults.

    Returns
    -------
    TuningConfig

    Raises
    ------
    ConfigError
        If the file is missing, is not YAML, or holds an unknown or impossible value.
    """
    if path is None:
        if not Path(DEFAULT_CONFIG_FILE).exists():
            return TuningConfig()
        path = DEFAULT_CONFIG_FILE
    try:
        values = parse_yaml(read_short_file(path))
    except OSError as error:
        raise ConfigError(
            f"the configuration {path} cannot be read ({error.strerror}); give another one with "
            "--config FILE"
        ) from None
    except TypeError:
        raise ConfigError(f"the configuration is the path of a file, got {shown(path)}") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"the configuration {path} is not YAML: {error}") from None
    except ValueError as error:
        raise ConfigError(f"the configuration {path}: {error}") from None
    if values is None:
        return TuningConfig()
    if not isinstance(values, dict):
        raise ConfigError(f"the configuration {path} is a mapping of sections, got {shown(values)}")
    try:
        return TuningConfig.from_mapping(values)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None
