"""The market: one panel and its readers."""

from objectives.market.panel import DAYS_PER_YEAR, FACTOR_INPUTS, ReturnPanel

__all__ = ["DAYS_PER_YEAR", "FACTOR_INPUTS", "ReturnPanel"]
