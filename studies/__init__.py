"""How a space is searched: sessions, storage, queue, workers, results."""

import lazy_loader

# Imported at first use: the command line lives in this package, and its help must not wait
# for pandas, Numba and Optuna.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
