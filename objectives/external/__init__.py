"""A user's own backtest program as an objective."""

from objectives.external.objective import ExternalObjective

__all__ = ["ExternalObjective"]
