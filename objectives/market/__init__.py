"""The market: one panel, its readers, and the importer that writes it to a database."""

from objectives.market.importer import ImportSummary, import_panel
from objectives.market.panel import DAYS_PER_YEAR, FACTOR_INPUTS, ReturnPanel

__all__ = ["DAYS_PER_YEAR", "FACTOR_INPUTS", "ImportSummary", "ReturnPanel", "import_panel"]
