"""A stored session: its row, its snapshot, its design, and the objective it was created with."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
