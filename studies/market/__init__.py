"""The market written into the database: returns, market caps and their tables."""

from studies.market.importer import ImportSummary, import_panel

__all__ = ["ImportSummary", "import_panel"]
