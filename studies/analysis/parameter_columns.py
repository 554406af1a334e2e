"""The parameters of recorded strategies: columns of the results, or read from their ids."""

import json
from collections.abc import Mapping
from typing import Any

import pandas as pd

from studies.outcomes import PARAMETER_COLUMNS
from studies.sessions import StoredSession

__all__ = ["columns_of_parameters", "insert_parameters", "parameters_of"]


def columns_of_parameters(session: StoredSession) -> tuple[str, ...]:
    """Columns that hold the parameters of a session; none for a space of other parameters."""
    # of the configuration: to build the space would load the factors and their kernels
    names = session.config.parameters
    return PARAMETER_COLUMNS if set(names) == set(PARAMETER_COLUMNS) else ()


def parameters_of(session: StoredSession, record: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters of a result row: from its columns, else from its id."""
    columns = columns_of_parameters(session)
    if not columns:
        return _by_id(session, record["strategy_id"])
    parameters = {name: record[name] for name in columns}
    parameters["factors"] = _factors(parameters["factors"])
    return parameters


def insert_parameters(session: StoredSession, frame: pd.DataFrame) -> None:
    """Add the parameters that have no column after ``strategy_id``, in place."""
    if columns_of_parameters(session):
        return
    points = [_by_id(session, strategy_id) for strategy_id in frame["strategy_id"]]
    for place, name in enumerate(session.space.names, start=1):
        frame.insert(place, name, [point[name] for point in points])


def _factors(text: str | None) -> Any:
    """Return the list that the column holds; an earlier system may have written something else."""
    try:
        return json.loads(text or "null")
    except ValueError:
        return text


def _by_id(session: StoredSession, strategy_id: str) -> dict[str, Any]:
    space = session.space
    return dict(space.trial_params(space.parse(strategy_id)))
