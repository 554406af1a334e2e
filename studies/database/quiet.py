"""Errors that may be passed over, but not without a trace."""

import contextlib
import logging
from collections.abc import Iterator

__all__ = ["logged_suppress"]


@contextlib.contextmanager
def logged_suppress(logger: logging.Logger, what: str) -> Iterator[None]:
    """Go on after an exception in the block; log it at DEBUG with its traceback.

    ``KeyboardInterrupt`` and ``SystemExit`` are raised.

    Parameters
    ----------
    logger : Logger
        Of the module that goes on.
    what : str
        What the block does, for the log: ``"could not {what}"``.
    """
    try:
        yield
    except Exception:
        logger.debug("could not %s", what, exc_info=True)
