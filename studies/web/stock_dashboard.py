"""optuna-dashboard on the database of the project, as it is but for the size of its answers.

For every trial optuna-dashboard writes the choices of each parameter again: 56 sets of factors
make 2,000 trials 13 MB, of which a browser reads the choices once, in the search space that
stands beside the trials. Here a trial has the kind of its parameters' distributions, and the
search space their choices: 3 MB, in half the time.
"""

import importlib
import logging
import warnings
from typing import TYPE_CHECKING, Any

from optuna.distributions import BaseDistribution, CategoricalDistribution
from sqlalchemy.engine import Engine

from studies.trials import artifact_store, open_optuna_storage

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication

__all__ = ["stock_dashboard"]

_logger = logging.getLogger(__name__)


def stock_dashboard(engine: Engine) -> tuple["WSGIApplication", Engine]:
    """Return optuna-dashboard on the same database, and the engine that it uses."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # parts of it call themselves experimental
        import optuna_dashboard

        _write_choices_once(importlib.import_module("optuna_dashboard._serializer"))
        storage = open_optuna_storage(engine)
        return optuna_dashboard.wsgi(storage, artifact_store(engine)), storage.engine


def _write_choices_once(serializer: Any) -> None:
    """Leave the choices out of trials; without effect on a release that is written otherwise."""
    whole = getattr(serializer, "serialize_distribution", None)
    if whole is None or not hasattr(serializer, "serialize_search_space"):
        _logger.debug("optuna-dashboard is another one: its answers stay as long as they are")
        return
    if getattr(whole, "without_choices", False):
        return

    def of_trial(distribution: BaseDistribution) -> Any:
        if isinstance(distribution, CategoricalDistribution):
            return {"type": "CategoricalDistribution", "choices": []}
        return whole(distribution)

    def of_space(search_space: list[tuple[str, BaseDistribution]]) -> list[dict[str, Any]]:
        return [{"name": name, "distribution": whole(each)} for name, each in search_space]

    of_trial.without_choices = True  # type: ignore[attr-defined]
    serializer.serialize_distribution = of_trial
    serializer.serialize_search_space = of_space
