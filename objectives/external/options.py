"""What a configuration says of a user's own backtest program."""

import math
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from objectives.metrics import METRIC_NAMES
from search_spaces.errors import ConfigError

__all__ = ["MODES", "ExternalOptions", "FigurePath"]

MODES = ("process", "batch", "server")
_CONFIG, _STRATEGY = "{config}", "{strategy_id}"
_PRESETS: Mapping[str, Mapping[str, Any]] = {
    "backtest_v5": {
        "arguments": (
            *("--config", _CONFIG, "--strategy_id", _STRATEGY),
            *("--output_format", "json", "--quiet"),
        ),
        "success": "success",
        "figures": {
            "final_balance": "performance.final_capital",
            "total_return": "performance.total_return",
            "annual_return": "performance.total_roi",
            "sharpe_ratio": "performance.sharpe_ratio",
            "max_drawdown": "performance.max_drawdown",
            "win_rate": "performance.win_rate",
            "avg_holding_days": "performance.avg_holding_days",
        },
    }
}
"""Programs whose options and results are known; what a configuration names itself comes first."""
_ENVIRONMENT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "VIRTUAL_ENV")


@dataclass(frozen=True)
class FigurePath:
    """Where a metric stands in a result.

    Attributes
    ----------
    path : str
        Names from the outermost object inwards, with dots between: ``performance.sharpe_ratio``.
    scale : float
        What the number is multiplied by: 0.01 where the program writes percent.
    """

    path: str
    scale: float = 1.0

    def value(self, result: Mapping[str, Any]) -> float:
        """Return the number; NaN where it is null, missing or ``"NaN"``.

        Raises
        ------
        ValueError
            If something else stands there.
        """
        found = at_path(result, self.path)
        if found is None:
            return math.nan
        if isinstance(found, bool):
            raise ValueError(f"{self.path} is a number, got {found!r}")
        try:
            return float(found) * self.scale
        except (TypeError, ValueError):
            raise ValueError(f"{self.path} is a number, got {str(found)[:80]!r}") from None


@dataclass(frozen=True)
class ExternalOptions:
    """How a program is run, and where its figures are.

    Attributes
    ----------
    preset : str or None
        ``backtest_v5``: arguments, figures and `success` of a program with its options; those
        named here replace them.
    command : tuple of str
        Program and arguments, no shell. ``{config}`` becomes the path of the JSON file of the
        strategy (of the batch), ``{strategy_id}`` its id.
    figures : mapping of str to FigurePath
        Where each metric stands in the result.
    mode : {"process", "batch", "server"}
        One process a strategy; one for all strategies that a worker takes at a time; or one that
        stays and answers a line with a line.
    success : str or None
        Path of a value that is true where the program could measure the strategy.
    daily_returns : str or None
        Path of the returns by day, which a verdict is made of: an object of dates and fractions of
        the wealth before each day.
    directory : Path
        Where the program runs.
    environment : tuple of str
        Names of variables that the program gets, besides ``PATH HOME LANG LC_ALL TMPDIR
        VIRTUAL_ENV``.
    seconds : float
        For a strategy; its process group is ended then.
    memory_mb : int or None
        Address space of each process of the program.
    retries : int
        How often a strategy is tried again after a time limit or a signal.
    """

    command: tuple[str, ...]
    figures: Mapping[str, FigurePath]
    preset: str | None = None
    mode: str = "process"
    success: str | None = None
    daily_returns: str | None = None
    directory: Path = Path()
    environment: tuple[str, ...] = ()
    seconds: float = 60.0
    memory_mb: int | None = None
    retries: int = 1

    @classmethod
    def read(cls, options: Mapping[str, Any]) -> "ExternalOptions":
        """Check ``objective.options`` of a configuration.

        Raises
        ------
        ConfigError
            If an option is unknown, missing or impossible, by its name.
        """
        known = [each.name for each in fields(cls)]
        unknown = [name for name in options if name not in known]
        if unknown:
            raise ConfigError(
                f"external: unknown option {', '.join(map(repr, unknown))}; known are "
                f"{', '.join(known)}"
            )
        preset = options.get("preset")
        if preset is not None:
            options = _with_preset(_one_of("preset", preset, tuple(_PRESETS)), options)
        for name in ("command", "figures"):
            if name not in options:
                raise ConfigError(f"external: the option {name} is missing")
        read = cls(
            command=_command(options["command"]),
            figures=_figures(options["figures"]),
            preset=preset,
            mode=_one_of("mode", options.get("mode", "process"), MODES),
            success=_text_or_none("success", options.get("success")),
            daily_returns=_text_or_none("daily_returns", options.get("daily_returns")),
            directory=Path(_text("directory", options.get("directory", "."))),
            environment=_names("environment", options.get("environment", ())),
            seconds=_number("seconds", options.get("seconds", 60.0), 0.01, 1e6),
            memory_mb=None
            if options.get("memory_mb") is None
            else int(_number("memory_mb", options["memory_mb"], 16, 2**24)),
            retries=int(_number("retries", options.get("retries", 1), 0, 10)),
        )
        read._check_placeholders()
        return read

    def variables(self) -> dict[str, str]:
        """Return the environment of the program."""
        wanted = (*_ENVIRONMENT, *self.environment)
        return {name: os.environ[name] for name in wanted if name in os.environ}

    def arguments(self, config: str, strategy_id: str) -> list[str]:
        """Return the command for a strategy."""
        return [
            part.replace(_CONFIG, config).replace(_STRATEGY, strategy_id) for part in self.command
        ]

    def check_program(self) -> None:
        """Refuse a program that is missing or not executable.

        Raises
        ------
        ConfigError
        """
        if not self.directory.is_dir():
            raise ConfigError(f"external: the directory {self.directory} does not exist")
        program = self.command[0]
        if os.sep in program:
            path = self.directory / program
            if not path.is_file():
                raise ConfigError(f"external: there is no program {path}")
            if not os.access(path, os.X_OK):
                raise ConfigError(
                    f"external: {path} cannot be executed; allow it with chmod +x, or name its "
                    "interpreter first: [python, ...]"
                )
        elif shutil.which(program, path=self.variables().get("PATH")) is None:
            raise ConfigError(f"external: there is no program {program} on the PATH")

    def _check_placeholders(self) -> None:
        whole = " ".join(self.command)
        if self.mode != "server" and _CONFIG not in whole:
            raise ConfigError(
                f"external: the command has no {_CONFIG}, so no strategy would reach the program"
            )
        if self.mode != "process" and _STRATEGY in whole:
            raise ConfigError(
                f"external: {_STRATEGY} in the command needs mode: process; in mode {self.mode} a "
                "process measures many strategies"
            )
        if self.mode == "server" and _CONFIG in whole:
            raise ConfigError(
                f"external: {_CONFIG} in the command needs mode: process or batch; a server reads "
                "a strategy from each line of its standard input"
            )


def _with_preset(preset: str, options: Mapping[str, Any]) -> Mapping[str, Any]:
    """Fill in what a preset says of arguments, figures and success."""
    known = _PRESETS[preset]
    filled = {"figures": known["figures"], "success": known["success"], **options}
    command = options.get("command")
    if not isinstance(command, list | tuple):
        return filled  # refused later, by its name
    if not any(_CONFIG in str(part) for part in command):
        filled["command"] = [*command, *known["arguments"]]
    return filled


def at_path(result: Mapping[str, Any], path: str) -> Any:
    """Return what stands at a path; None where a part is missing."""
    found: Any = result
    for name in path.split("."):
        if not isinstance(found, Mapping) or name not in found:
            return None
        found = found[name]
    return found


def _command(value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        raise ConfigError(
            f"external: command is a list, one item an argument (no shell reads it), got {value!r}"
        )
    if not isinstance(value, Sequence) or not value or not all(isinstance(p, str) for p in value):
        raise ConfigError(f"external: command is a list of texts, not empty, got {value!r}")
    if not value[0] or any("\0" in part for part in value):
        raise ConfigError(f"external: command begins with a program, got {value!r}")
    return tuple(value)


def _figures(value: Any) -> dict[str, FigurePath]:
    if not isinstance(value, Mapping) or not value:
        raise ConfigError(
            "external: figures says where each metric stands in the result, as "
            f"{{sharpe_ratio: performance.sharpe_ratio}}, got {value!r}"
        )
    return {name: _figure(name, where) for name, where in value.items()}


def _figure(name: Any, where: Any) -> FigurePath:
    if name not in METRIC_NAMES:
        raise ConfigError(
            f"external: unknown metric {name!r} in figures; known are {', '.join(METRIC_NAMES)}"
        )
    if isinstance(where, str) and where:
        return FigurePath(where)
    if isinstance(where, Mapping) and "path" in where and set(where) <= {"path", "scale"}:
        path = _text(f"figures.{name}.path", where["path"])
        scale = _number(f"figures.{name}.scale", where.get("scale", 1.0), -1e12, 1e12)
        return FigurePath(path, scale)
    raise ConfigError(
        f"external: figures.{name} is a path with dots, or {{path: ..., scale: ...}}, got {where!r}"
    )


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ConfigError(f"external: {name} is a text, got {value!r}")
    return value


def _text_or_none(name: str, value: Any) -> str | None:
    return None if value is None else _text(name, value)


def _names(name: str, value: Any) -> tuple[str, ...]:
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise ConfigError(f"external: {name} is a list of names, got {value!r}")
    return tuple(_text(name, each) for each in value)


def _one_of(name: str, value: Any, known: Sequence[str]) -> str:
    if value not in known:
        raise ConfigError(f"external: {name} is one of {', '.join(known)}, got {value!r}")
    return str(value)


def _number(name: str, value: Any, least: float, most: float) -> float:
    fits = (
        isinstance(value, (int, float)) and not isinstance(value, bool) and least <= value <= most
    )
    if not fits:
        raise ConfigError(f"external: {name} is a number from {least:g} to {most:g}, got {value!r}")
    return float(value)
