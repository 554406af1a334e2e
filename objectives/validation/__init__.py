"""How much of a result is luck: statistics over daily returns, and the verdict made of them.

Arrays and objectives only, no database. The public names are listed in ``__init__.pyi``.
"""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
