"""Rules of what a person wants to be told of a run, and how it is told."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
