"""Exactly-once work: chunks of design positions, claimed with a lease and settled once."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
