"""What a trial is worth: market panel, factors, ranking, backtest, metrics.

The public names are listed in ``__init__.pyi`` and imported at first use: commands that only read
results need neither Numba nor a market.
"""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
