"""Optuna's tables: its storage, trials appended in bulk or under way, a session's studies."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
