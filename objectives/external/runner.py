"""Running a program for strategies, in each of its three modes."""

import json
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from objectives.external.json_output import decoded, last_object
from objectives.external.options import ExternalOptions
from objectives.external.process import Finished, Limits, run_program
from objectives.external.server import ProgramServer, ServerEndedError, ServerTimeoutError
from search_spaces.errors import ConfigError

__all__ = ["Answer", "ProgramRunner"]

_LONGEST_REASON = 300
_MOST_TEXT = 1_000

Config = Mapping[str, Any]


@dataclass(frozen=True)
class Answer:
    """What a program said of a strategy.

    Attributes
    ----------
    result : mapping or None
        Its JSON object; None: there is none, for a reason.
    reason : str or None
    details : mapping
        How the program ended, for the log: ``exit_code`` or ``signal``, ``seconds``, ``stderr``
        and ``output`` (their ends), ``tries``. Empty where it ended well at once.
    passing : bool
        Whether another try may end otherwise: it was too slow, or ended by a signal.
    """

    result: Mapping[str, Any] | None
    reason: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict)
    passing: bool = False


class ProgramRunner:
    """Runs the program of an external objective.

    Parameters
    ----------
    options : ExternalOptions
    """

    def __init__(self, options: ExternalOptions) -> None:
        self._options = options
        self._server = ProgramServer(options)
        self._server_lock = threading.Lock()  # a verdict asks from several threads

    def __getstate__(self) -> dict[str, Any]:
        return {"options": self._options}

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        self.__init__(state["options"])  # type: ignore[misc]

    def answers(self, configs: Sequence[Config]) -> list[Answer]:
        """Measure strategies.

        Parameters
        ----------
        configs : sequence of mapping
            What the program is given of each, with ``strategy_id``.

        Raises
        ------
        ConfigError
            If the program cannot be run at all.
        """
        try:
            if self._options.mode == "batch":
                return self._of_batch(configs) if configs else []
            if self._options.mode == "process":
                return [self._tried(self._of_process, config) for config in configs]
            with self._server_lock:
                return [self._tried(self._of_server, config) for config in configs]
        except OSError as error:
            self._options.check_program()
            raise ConfigError(
                f"external: {self._options.command[0]} cannot be run: {error.strerror or error}"
            ) from None

    def close(self) -> None:
        """End the program of mode ``server``."""
        self._server.close()

    def _tried(self, ask: Callable[[Config], Answer], config: Config) -> Answer:
        """Ask again after a time limit or a signal."""
        earlier: Answer | None = None
        for n_tries in range(1, self._options.retries + 2):
            answer = ask(config)
            if earlier is not None:
                details = {**answer.details, "tries": n_tries, "earlier": earlier.reason}
                answer = replace(answer, details=details)
            if not answer.passing:
                break
            earlier = answer
        return answer

    def _of_process(self, config: Config) -> Answer:
        limit = self._options.seconds
        finished = self._run(config, str(config["strategy_id"]), limit)
        if (answer := _bad_ending(finished, limit)) is not None:
            return answer
        found = last_object(decoded(finished.output))
        if found is None:
            reason = f"error: no JSON object in its output of {len(finished.output):,} bytes"
            return Answer(None, reason, _details_of(finished, with_output=True))
        return Answer(found)

    def _of_server(self, config: Config) -> Answer:
        try:
            return Answer(self._server.ask(config))
        except ServerTimeoutError:
            reason, passing = f"timeout: longer than {self._options.seconds:g} s", True
            details: dict[str, Any] = {}
        except ServerEndedError as error:
            reason = f"error: {error}{_last_line(self._server.errors)}"
            code, passing = error.code, error.code is not None and error.code < 0
            details = {} if code is None else _ending(code)
        return Answer(None, reason, {**details, **_texts(self._server.errors)}, passing)

    def _of_batch(self, configs: Sequence[Config]) -> list[Answer]:
        """Run all strategies in one process; those without an answer once more, one by one."""
        limit = self._options.seconds * len(configs)
        finished = self._run(list(configs), "", limit)
        found: dict[str, Answer] = {}
        for line in decoded(finished.output).splitlines():
            result = last_object(line)
            if result is not None and "strategy_id" in result:
                found[str(result["strategy_id"])] = Answer(result)
        ids = [str(config["strategy_id"]) for config in configs]
        if len(configs) == 1:
            missing = _bad_ending(finished, limit) or Answer(
                None,
                "error: its output has no line with this id",
                _details_of(finished, with_output=True),
            )
            return [found.get(ids[0], missing)]
        for name, config in zip(ids, configs, strict=True):
            if name not in found:
                (found[name],) = self._of_batch([config])
        return [found[name] for name in ids]

    def _run(self, document: Any, strategy_id: str, seconds: float) -> Finished:
        with tempfile.TemporaryDirectory(prefix="mass-tuning-") as folder:
            path = Path(folder) / "strategy.json"
            path.write_text(json.dumps(document), encoding="utf-8")
            return run_program(
                self._options.arguments(str(path), strategy_id),
                directory=self._options.directory,
                environment=self._options.variables(),
                limits=Limits(seconds, self._options.memory_mb),
            )


def _bad_ending(finished: Finished, limit: float) -> Answer | None:
    """Say why a run gave no result by its ending; None if it ended well."""
    if finished.code is None:
        return Answer(None, f"timeout: longer than {limit:g} s", _details_of(finished), True)
    if finished.code < 0:
        reason = f"error: ended by signal {-finished.code}{_last_line(finished.errors)}"
        return Answer(None, reason, _details_of(finished), True)
    if finished.code > 0:
        reason = f"error: exit {finished.code}{_last_line(finished.errors)}"
        return Answer(None, reason, _details_of(finished))
    return None


def _details_of(finished: Finished, *, with_output: bool = False) -> dict[str, Any]:
    details: dict[str, Any] = {} if finished.code is None else _ending(finished.code)
    details["seconds"] = round(finished.seconds, 3)
    return {**details, **_texts(finished.errors, finished.output if with_output else b"")}


def _ending(code: int) -> dict[str, int]:
    return {"signal": -code} if code < 0 else {"exit_code": code}


def _texts(errors: bytes, output: bytes = b"") -> dict[str, str]:
    """Return the ends of what was written, where something was."""
    texts = {"stderr": decoded(errors), "output": decoded(output)}
    return {name: text.strip()[-_MOST_TEXT:] for name, text in texts.items() if text.strip()}


def _last_line(errors: bytes) -> str:
    lines = decoded(errors).strip().splitlines()
    return f": {lines[-1][:_LONGEST_REASON]}" if lines else ""
