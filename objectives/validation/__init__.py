"""How much of the best result is luck: tests over the whole population of strategies.

The public names are listed in ``__init__.pyi`` and imported at first use.
"""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
