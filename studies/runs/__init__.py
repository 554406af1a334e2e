"""A run of a session: in this process or on a cluster, until it is over, paused or stopped."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
