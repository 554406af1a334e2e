"""Exit codes of the program; 0 is done."""

__all__ = ["FAILED", "INTERRUPTED", "READER_GONE", "REFUSED", "RESTART"]

FAILED = 1
"""The run failed: the database, the disk, a bug."""

REFUSED = 2
"""Bad input."""

RESTART = 75
"""A worker ended itself and is to be started again: sysexits' "temporary failure"."""

READER_GONE = 141
"""The reader of a pipe has gone, as with `| head`: what a shell says of other programs then."""

INTERRUPTED = 130
"""Stopped by Ctrl-C or a termination signal, also where that paused a session in good order."""
