"""What a session of an earlier system is: how its rows are read, and what its queue says.

Such a session has rows and no configuration. Its search space is made of the values that its
results hold, as they are written there, and its results are ordered by the Sharpe ratio. Its queue
can be worked through once it is planned (`studies.planning.plan_earlier`): the settings of that
day are kept under a key of their own, ``resumed_with``, and never pass for those that the recorded
figures were measured with.
"""

import json
from collections.abc import Mapping
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from objectives.factors import get_factor
from search_spaces import PARAMETER_NAMES, Choice, SearchSpace, StrategyParams
from search_spaces.errors import SpaceError
from studies.config import ObjectiveConfig, TuningConfig
from studies.database import database_errors, hyperparameter_tuning_results

__all__ = ["config_to_read", "for_earlier_session", "queued_strategy", "recorded_space"]

_METRICS: Mapping[str, Literal["maximize", "minimize"]] = {"sharpe_ratio": "maximize"}
"""What the results of an earlier system are ordered by."""

_WEIGHT_METHODS = {"EQUAL": "EQ", "INVERSE_CAP": "IC", "FACTOR_STRENGTH": "FS"}
_results = hyperparameter_tuning_results


def recorded_space(
    engine: Engine, session_id: str, resumed_with: Mapping[str, Any] | None
) -> SearchSpace:
    """Return the values that the results of a session hold, as a space to read them by.

    Parameters
    ----------
    engine : Engine
    session_id : str
    resumed_with : mapping or None
        `studies.sessions.Snapshot.resumed_with`: what is left of the queue may have its values.

    Returns
    -------
    SearchSpace
        Its parameters are columns of the results; None is a value where a column is empty.
    """
    values: dict[str, set[Any]] = {name: set() for name in PARAMETER_NAMES}
    with database_errors(engine), engine.connect() as connection:
        for name in PARAMETER_NAMES:
            column = _results.c[name]
            found = sa.select(column).where(_results.c.session_id == session_id).distinct()
            values[name].update(connection.execute(found).scalars())
    if resumed_with is not None:
        for parameter in TuningConfig.from_mapping(resumed_with).space().parameters:
            values[parameter.name].update(
                json.dumps(value) if isinstance(value, tuple) else value
                for value in parameter.finite_values()
            )
    return SearchSpace(
        [Choice(name, tuple(sorted(held or {None}, key=_order))) for name, held in values.items()]
    )


def config_to_read(space: SearchSpace) -> TuningConfig:
    """Return what stands in for the configuration of a session that nobody resumed."""
    values = {"parameters": space.to_config()["parameters"]}
    return for_earlier_session(TuningConfig.from_mapping(values))


def for_earlier_session(config: TuningConfig) -> TuningConfig:
    """Return a configuration as it suits a session of an earlier system.

    Its results, recorded ones and new ones, are ordered by the Sharpe ratio. It has no
    study, and its best are neither judged nor kept: nobody knows how they were measured.
    """
    return config.model_copy(
        update={
            "objective": ObjectiveConfig(metrics=dict(_METRICS)),
            "study": config.study.model_copy(update={"figures": False}),
            "verify": config.verify.model_copy(update={"auto": False}),
            "execution": config.execution.model_copy(update={"save_top": 0}),
        }
    )


def queued_strategy(text: str | None) -> StrategyParams:
    """Read a ``strategy_config`` of the queue.

    Parameters
    ----------
    text : str or None
        JSON with the six parameters, weight methods by their codes or their long names.

    Raises
    ------
    SpaceError
        If it says too little, or something impossible.
    """
    try:
        config = json.loads(text or "")
    except ValueError:
        raise SpaceError(f"strategy_config is not JSON: {_cut(text)}") from None
    if not isinstance(config, dict):
        raise SpaceError(f"strategy_config is no JSON object: {_cut(text)}")
    missing = [name for name in PARAMETER_NAMES if config.get(name) is None]
    if missing:
        raise SpaceError(f"strategy_config does not say {', '.join(missing)}")
    params = StrategyParams(**{name: _plain(name, config[name]) for name in PARAMETER_NAMES})
    for code in params.factors:
        get_factor(code)
    return params


def _plain(name: str, value: Any) -> Any:
    """Return a value of a ``strategy_config`` as `StrategyParams` takes it."""
    if name == "factors":
        codes = value.split("_") if isinstance(value, str) else value
        return tuple(codes) if isinstance(codes, list) else codes
    if name == "weight_method":
        text = str(value).upper()
        return _WEIGHT_METHODS.get(text, text)
    if isinstance(value, str) and value.isascii() and value.isdigit():
        return int(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def _cut(text: str | None) -> str:
    return repr((text or "")[:40])


def _order(value: Any) -> tuple[str, Any]:
    """Numbers by size, texts by letters, what is missing before both."""
    if value is None:
        return "", 0
    return ("a number", value) if isinstance(value, (int, float)) else ("a text", value)
