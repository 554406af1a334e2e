"""The one family of errors a caller of this project has to know.

Every error that a user can cause or cure is a :class:`MassTuningError`; the second parent is the
builtin that describes the same kind of mistake, so that callers who know nothing of this project
still catch it. Messages state the rule, the value got and the way out.
"""

__all__ = [
    "ConfigError",
    "DataError",
    "DatabaseUrlError",
    "FetchError",
    "MassTuningError",
    "NoMarketError",
    "SessionError",
    "SpaceError",
    "SpaceTooLargeError",
    "StorageError",
]


class MassTuningError(Exception):
    """Parent of all errors of this project."""


class SpaceError(MassTuningError, ValueError):
    """A search space, a strategy id, a point or a design that cannot be."""


class SpaceTooLargeError(SpaceError):
    """A space with too many points, or too entangled ones, to be numbered."""


class DataError(MassTuningError, ValueError):
    """Market data that is missing, malformed or too short."""


class NoMarketError(DataError):
    """A database that holds no daily returns at all."""


class ConfigError(MassTuningError, ValueError):
    """A setting that is unknown or out of range."""


class SessionError(MassTuningError, ValueError):
    """A tuning session that does not exist or is not in a state for the request."""


class StorageError(MassTuningError, RuntimeError):
    """A database that cannot be reached, read, written or understood."""


class DatabaseUrlError(ConfigError, StorageError):
    """A database URL that cannot be understood, or that leads nowhere."""


class FetchError(MassTuningError, RuntimeError):
    """An exchange, or another service of the internet, that cannot be reached or refuses."""
