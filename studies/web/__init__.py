"""The pages in a browser: our own, and optuna-dashboard beside them, behind a guard."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
