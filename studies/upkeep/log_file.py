"""The log of a process in a file of its own, which rotates.

`logging.handlers.RotatingFileHandler` is made for one process: two that rotate the same file lose
lines. So every process writes ``NAME.HOST-PID.log``, made when it first has something to write, and
files that nobody has written for a while are removed when a process begins.
"""

import logging
import logging.handlers
import os
import re
import socket
import time
from pathlib import Path

import psutil

from search_spaces.errors import ConfigError
from studies.config import LoggingConfig
from studies.database import logged_suppress

__all__ = ["file_of_process", "start_inherited_log", "start_log", "stop_log"]

LOGGER = "studies"
INHERITED = "MASS_TUNING_LOGGING"
"""Environment variable by which worker processes log as the process does that started them."""
_PASSWORD = re.compile(r"(://[^:/?#@\s]*:)[^@\s]+(@)|(\bpassword\s*=\s*)[^\s&'\"]+", re.IGNORECASE)
_logger = logging.getLogger(__name__)
_started: list[logging.Handler] = []


def start_log(config: LoggingConfig) -> Path | None:
    """Let the loggers of this process write into its file, as configured; once only.

    Parameters
    ----------
    config : LoggingConfig

    Returns
    -------
    Path or None
        The file, which is made at the first line; None if there is to be none.

    Raises
    ------
    ConfigError
        If the folder cannot be made or written.
    """
    if config.file is None:
        return None
    path = file_of_process(Path(config.file))
    if _started:
        return path
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            f"logging.file: the folder {path.parent} cannot be made "
            f"({error.strerror}); name another"
        ) from None
    if not os.access(path.parent, os.W_OK):
        raise ConfigError(f"logging.file: the folder {path.parent} cannot be written; name another")
    _remove_old(Path(config.file), config.days)
    handler = logging.handlers.RotatingFileHandler(
        path,
        maxBytes=int(config.max_mb * 1e6),
        backupCount=config.backups,
        encoding="utf-8",
        delay=True,
    )
    handler.setFormatter(_Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    handler.setLevel(config.level)
    logger = logging.getLogger(LOGGER)
    logger.setLevel(min(handler.level, logging.WARNING))
    # What Python prints of a logger without a handler is still to be seen.
    shown = logging.StreamHandler()
    shown.setLevel(logging.WARNING)
    shown.addFilter(lambda record: not record.name.startswith(f"{LOGGER}.cli."))
    for each in (handler, shown):
        logger.addHandler(each)
        _started.append(each)
    os.environ[INHERITED] = config.model_dump_json()
    return path


def start_inherited_log() -> None:
    """Log as the process does that started this one, if it does; a worker goes on without."""
    inherited = os.environ.get(INHERITED)
    if inherited is not None:
        with logged_suppress(_logger, "open the log file"):
            start_log(LoggingConfig.model_validate_json(inherited))


def stop_log() -> None:
    """Close the file; for a process that goes on with another configuration."""
    logger = logging.getLogger(LOGGER)
    while _started:
        handler = _started.pop()
        logger.removeHandler(handler)
        handler.close()
    logger.setLevel(logging.NOTSET)
    os.environ.pop(INHERITED, None)


def file_of_process(configured: Path) -> Path:
    """Name the file of this process: ``logs/search.log`` becomes ``logs/search.HOST-PID.log``."""
    host = re.sub(r"[^\w-]", "-", socket.gethostname())
    return configured.with_name(
        f"{configured.stem}.{host}-{os.getpid()}{configured.suffix or '.log'}"
    )


class _Formatter(logging.Formatter):
    """Lines in UTC without passwords, tracebacks included."""

    @staticmethod
    def converter(seconds: float | None) -> time.struct_time:
        """Read the clock as UTC."""
        return time.gmtime(seconds)

    def format(self, record: logging.LogRecord) -> str:
        """Write a record."""
        return _PASSWORD.sub(_hide, super().format(record))


def _hide(found: re.Match[str]) -> str:
    return f"{found[1] or found[3]}***{found[2] or ''}"


def _remove_old(configured: Path, days: float) -> None:
    """Remove files of processes of this log that nobody has written for `days`."""
    suffix = configured.suffix or ".log"
    pattern = re.compile(rf"{re.escape(configured.stem)}\.(.+)-(\d+){re.escape(suffix)}(\.\d+)?")
    for path in configured.parent.glob(f"{configured.stem}.*"):
        found = pattern.fullmatch(path.name)
        if found is None or psutil.pid_exists(int(found[2])):
            continue
        try:
            if time.time() - path.stat().st_mtime > days * 86_400:
                path.unlink()
        except OSError:  # another process was quicker
            continue
