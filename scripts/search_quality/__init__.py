"""Compare search methods on a market whose every strategy is known (`benchmark.py search-quality`).

The result of every strategy is computed once, as a table; methods then search the table, a look-up
instead of a backtest, so that hundreds of searches take the methods' own time only.
"""

from search_quality.command import add_options, search_quality

__all__ = ["add_options", "search_quality"]
