"""The one place that makes an objective of its name in a configuration."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from objectives.base import Objective
from objectives.external import ExternalObjective
from objectives.factor_backtest import FactorBacktest
from objectives.market import ReturnPanel
from objectives.settings import BacktestSettings
from search_spaces import FactorSpace, SearchSpace
from search_spaces.errors import ConfigError
from search_spaces.import_class import IMPORT_PATH, import_class

__all__ = ["EXTERNAL", "FACTOR_BACKTEST", "make_objective"]

FACTOR_BACKTEST = "factor_backtest"
EXTERNAL = "external"


def make_objective(
    kind: str,
    panel: ReturnPanel,
    settings: BacktestSettings | None,
    *,
    space: SearchSpace,
    metrics: Sequence[str] | Mapping[str, str],
    options: Mapping[str, Any] | None = None,
) -> Objective:
    """Make an objective.

    Parameters
    ----------
    kind : str
        ``factor_backtest``, ``external`` (a program of the user's own), or
        ``package.module:ClassName`` of a subclass of `Objective`, importable or in the current
        folder. The class is called as
        ``ClassName(panel, settings, space=space, metrics=metrics, **options)``.
    panel : ReturnPanel
        The market.
    settings : BacktestSettings or None
        Period and money rules; None: the defaults.
    space : SearchSpace
        Where the points live; a `FactorSpace` for ``factor_backtest``.
    metrics : sequence of str or mapping of str to {"maximize", "minimize"}
        What is optimised, in order.
    options : mapping, optional
        Keywords of the class; ``factor_backtest`` has none, those of ``external`` are in
        `objectives.external.ExternalOptions`.

    Returns
    -------
    Objective

    Raises
    ------
    ConfigError
        If `kind` is none of these, or its class cannot be imported, is no objective, lacks
        methods, or does not take these arguments.
        If ``factor_backtest`` gets options or a space of other parameters.
    """
    chosen = dict(options or {})
    if kind == FACTOR_BACKTEST:
        if chosen:
            raise ConfigError(
                f"the objective {FACTOR_BACKTEST} takes no options, got {', '.join(chosen)}; its "
                "period and money rules are the settings of the backtest"
            )
        if not isinstance(space, FactorSpace):
            raise ConfigError(
                f"the objective {FACTOR_BACKTEST} searches the six parameters of a FactorSpace, "
                f"got {space!r}; give it these, or name an objective of your own as "
                "package.module:ClassName"
            )
        return FactorBacktest(panel, settings, space=space, metrics=metrics)
    if kind == EXTERNAL:
        return ExternalObjective(panel, settings, space=space, metrics=metrics, **chosen)
    if not isinstance(kind, str) or not IMPORT_PATH.fullmatch(kind):
        raise ConfigError(
            f"an objective is {FACTOR_BACKTEST}, {EXTERNAL} or package.module:ClassName, "
            f"got {kind!r}"
        )
    return _imported(kind, chosen)(panel, settings, space=space, metrics=metrics, **chosen)


def _imported(path: str, options: Mapping[str, Any]) -> Callable[..., Objective]:
    """Import a class of objectives and make sure that it can be called with these options."""
    objective_type: Any = import_class(
        path, Objective, noun="objective", parent_name="objectives.Objective"
    )
    missing = sorted(objective_type.__abstractmethods__)
    if missing:
        raise ConfigError(f"the objective {path} must define {', '.join(missing)}; it does not")
    try:
        inspect.signature(objective_type).bind(None, None, space=None, metrics=None, **options)
    except TypeError as error:
        raise ConfigError(
            f"the objective {path} is called with (panel, settings, space=, metrics=) and the "
            f"options {', '.join(options) or '(none)'}, which it does not take: {error}"
        ) from None
    called: Callable[..., Objective] = objective_type
    return called
