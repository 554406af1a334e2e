"""The menus on a terminal: what the commands do, for people who rather choose than type."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
