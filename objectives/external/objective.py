"""An objective that is a user's own backtest program."""

import hashlib
import json
import math
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from objectives.base import Batch, Objective, Points
from objectives.external.json_output import decoded, last_object
from objectives.external.options import ExternalOptions, at_path
from objectives.external.process import Finished, Limits, run_program
from objectives.external.server import ProgramServer, ServerEndedError, ServerTimeoutError
from objectives.judge import judge
from objectives.market import ReturnPanel
from objectives.metrics import directions_of
from objectives.settings import AUTO, BacktestSettings, ResolvedSettings
from search_spaces import PARAMETER_NAMES, SearchSpace, StrategyParams
from search_spaces.errors import ConfigError

__all__ = ["ExternalObjective"]

_LONGEST_REASON = 300


class ExternalObjective(Objective):
    """Searches over a program of the user's own, run once a strategy, a batch, or as a server.

    Use it for a backtest that exists already, in any language. What is slow about it is the
    program: mode ``process`` costs a start for each strategy, ``batch`` one for each chunk,
    ``server`` one for each worker. In a configuration it is ``objective.type: external``.

    A strategy fails, alone, with ``timeout: ...`` if the program is too slow; with ``error: ...``
    and its exit code and last line of standard error if it ends with another code than 0, prints
    no JSON object, or one without the figures; with ``undefined_metric`` if an optimised figure
    is NaN or null.

    Parameters
    ----------
    panel : ReturnPanel
        The market of the database; its dates are those that the program gets.
    settings : BacktestSettings, optional
        Given to the program; what they do is its own affair.
    space : SearchSpace
        Any parameters.
    metrics : sequence of str or mapping of str to {"maximize", "minimize"}
        What is optimised, in order, among ``figures``.
    **options
        See `ExternalOptions`.

    Raises
    ------
    ConfigError
        If an option, a metric or a date does not fit.
    """

    def __init__(
        self,
        panel: ReturnPanel,
        settings: BacktestSettings | None = None,
        *,
        space: SearchSpace,
        metrics: Sequence[str] | Mapping[str, str],
        **options: Any,
    ) -> None:
        self.panel = panel
        self.space = space
        chosen = settings or BacktestSettings()
        if chosen.split_date == AUTO:
            chosen = replace(chosen, split_date=None)
        first, last = panel.dates[0].date(), panel.dates[-1].date()
        self.settings: ResolvedSettings = chosen.resolve(first, last)
        self.options = ExternalOptions.read(options)
        self.directions = directions_of(metrics, self.names)
        self._plain_options = json.loads(json.dumps(options))
        self._server = ProgramServer(self.options)

    @property
    def names(self) -> tuple[str, ...]:
        """The metrics that ``figures`` names."""
        return tuple(self.options.figures)

    def check(self) -> None:
        """Refuse a program that is missing or not executable."""
        self.options.check_program()

    @cached_property
    def fingerprint(self) -> str:
        """Hex digest of settings, space, metrics, options, and the text of the program's files.

        Its files are those parts of the command that are files; what they import is not seen.
        """
        document = {
            "settings": self.settings.to_dict(),
            "space": self.space.fingerprint,
            "directions": list(self.directions.items()),
            "options": self._plain_options,
            "files": [_digest(self.options.directory / part) for part in self.options.command],
        }
        return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()

    def evaluate(self, points: Points) -> Batch:
        """Measure several strategies; see :meth:`Objective.evaluate`.

        Raises
        ------
        ConfigError
            If the program has gone.
        """
        configs = self.configurations(points)
        answers = self._answers(configs)
        values = np.full((len(configs), len(self.names)), math.nan)
        errors: dict[int, str] = {}
        for row, answer in enumerate(answers):
            try:
                values[row] = self._figures(answer)
            except ValueError as error:
                errors[row] = str(error)
        judged = judge(
            self.names,
            values,
            np.ones(len(values), dtype=np.bool_),
            metrics=tuple(self.directions),
            least_active_days=0,
        )
        failure = tuple(errors.get(row, reason) for row, reason in enumerate(judged.failure))
        return Batch(self.names, values, judged.objective, failure)

    def configurations(self, points: Points) -> list[dict[str, Any]]:
        """Return what the program is given of strategies: id, parameters and settings."""
        is_index = isinstance(points, np.ndarray) or (
            len(points) > 0 and isinstance(points[0], (int, np.integer))
        )
        listed = self.space.params_list(points) if is_index else points
        settings = self.settings.to_dict()
        return [
            {
                "strategy_id": self.space.strategy_id(params),
                "parameters": _plain(params),
                "settings": settings,
            }
            for params in listed
        ]

    def close(self) -> None:
        """End the program of mode ``server``."""
        self._server.close()

    def __del__(self) -> None:
        server = getattr(self, "_server", None)
        if server is not None:
            server.close()

    def _answers(self, configs: Sequence[Mapping[str, Any]]) -> "list[dict[str, Any] | str]":
        """Return a result or a reason for each strategy."""
        try:
            if self.options.mode == "batch":
                return self._of_batch(configs) if configs else []
            ask = self._of_process if self.options.mode == "process" else self._of_server
            return [self._tried(ask, config) for config in configs]
        except OSError as error:
            self.options.check_program()
            raise ConfigError(
                f"external: {self.options.command[0]} cannot be run: {error.strerror or error}"
            ) from None

    def _tried(self, ask: Any, config: Mapping[str, Any]) -> "dict[str, Any] | str":
        """Ask again after a time limit or a signal."""
        for left in range(self.options.retries, -1, -1):
            answer, may_pass = ask(config)
            if not may_pass or not left:
                break
        return answer

    def _of_process(self, config: Mapping[str, Any]) -> "tuple[dict[str, Any] | str, bool]":
        finished = self._run(config, str(config["strategy_id"]), self.options.seconds)
        reason = self._reason(finished, self.options.seconds)
        if reason is not None:
            return reason, finished.code is None or finished.code < 0
        found = last_object(decoded(finished.output))
        if found is None:
            return f"error: no JSON object in its output of {len(finished.output):,} bytes", False
        return found, False

    def _of_server(self, config: Mapping[str, Any]) -> "tuple[dict[str, Any] | str, bool]":
        try:
            return self._server.ask(config), False
        except ServerTimeoutError:
            return f"timeout: longer than {self.options.seconds:g} s", True
        except ServerEndedError as error:
            return f"error: {error}{_last_line(self._server.errors)}", "signal" in str(error)

    def _of_batch(self, configs: Sequence[Mapping[str, Any]]) -> "list[dict[str, Any] | str]":
        """Run all strategies in one process; those without an answer once more, one by one."""
        limit = self.options.seconds * len(configs)
        finished = self._run(list(configs), "", limit)
        answers: dict[str, dict[str, Any]] = {}
        for line in decoded(finished.output).splitlines():
            found = last_object(line)
            if found is not None and "strategy_id" in found:
                answers[str(found["strategy_id"])] = found
        missing = [each for each in configs if str(each["strategy_id"]) not in answers]
        reason = self._reason(finished, limit) or "error: its output has no line with this id"
        if len(missing) == 1 or len(missing) == len(configs) == 1:
            return [answers.get(str(each["strategy_id"]), reason) for each in configs]
        again = {str(each["strategy_id"]): self._of_batch([each])[0] for each in missing}
        return [
            answers.get(str(each["strategy_id"])) or again[str(each["strategy_id"])]
            for each in configs
        ]

    def _run(self, document: Any, strategy_id: str, seconds: float) -> Finished:
        with tempfile.TemporaryDirectory(prefix="mass-tuning-") as folder:
            path = Path(folder) / "strategy.json"
            path.write_text(json.dumps(document), encoding="utf-8")
            return run_program(
                self.options.arguments(str(path), strategy_id),
                directory=self.options.directory,
                environment=self.options.variables(),
                limits=Limits(seconds, self.options.memory_mb),
            )

    def _reason(self, finished: Finished, seconds: float) -> str | None:
        """Say why a run gave no result by its ending; None if it ended well."""
        if finished.code is None:
            return f"timeout: longer than {seconds:g} s"
        if finished.code < 0:
            return f"error: ended by signal {-finished.code}{_last_line(finished.errors)}"
        if finished.code > 0:
            return f"error: exit {finished.code}{_last_line(finished.errors)}"
        return None

    def _figures(self, answer: "dict[str, Any] | str") -> list[float]:
        """Return the figures of a result.

        Raises
        ------
        ValueError
            With the reason of failure.
        """
        if isinstance(answer, str):
            raise ValueError(answer)
        success = self.options.success
        if success is not None and at_path(answer, success) is not True:
            said = answer.get("error") or answer.get("message") or "it says no reason"
            raise ValueError(f"error: the program says no {success}: {str(said)[:_LONGEST_REASON]}")
        missing = [
            where.path
            for where in self.options.figures.values()
            if at_path(answer, where.path.rpartition(".")[0] or where.path) is None
        ]
        if len(missing) == len(self.options.figures):
            known = ", ".join(map(str, answer))[:_LONGEST_REASON]
            raise ValueError(
                f"error: the result has none of the figures; it has {known or 'nothing'}"
            )
        try:
            return [where.value(answer) for where in self.options.figures.values()]
        except ValueError as error:
            raise ValueError(f"error: {error}") from None


def _plain(params: Any) -> dict[str, Any]:
    """Return parameters as JSON holds them."""
    if isinstance(params, StrategyParams):
        named = {name: getattr(params, name) for name in PARAMETER_NAMES}
    else:
        named = dict(params)
    return {
        name: list(value) if isinstance(value, tuple) else value for name, value in named.items()
    }


def _digest(path: Path) -> str:
    """Return the digest of a file; nothing of what is no file."""
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""


def _last_line(errors: bytes) -> str:
    lines = decoded(errors).strip().splitlines()
    return f": {lines[-1][:_LONGEST_REASON]}" if lines else ""
