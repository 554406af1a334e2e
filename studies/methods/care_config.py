"""Sections of the configuration about the care of a project, beside the model that they are."""

from typing import Annotated, Literal

import pydantic
from pydantic import Field

from studies.methods.checked_model import CheckedModel, refuse_home

__all__ = ["MOST_DAYS", "LoggingConfig", "RetentionConfig"]

MOST_DAYS = 100_000
"""What is more lies before the calendar begins, or is a slip."""


class RetentionConfig(CheckedModel):
    """What `mass-tuning clean --retention` keeps; it is applied by nothing else.

    Attributes
    ----------
    keep_days : float or None
        A session that was completed longer ago goes; None: age removes none.
    keep_sessions : int or None
        Completed sessions beyond the newest `keep_sessions` go; None: any number stays.
    log_days : float or None
        Entries of the execution log that are older go, of sessions that stay too; None: none.
    """

    keep_days: Annotated[float, Field(ge=0.0, le=MOST_DAYS)] | None = None
    keep_sessions: Annotated[int, Field(ge=0)] | None = None
    log_days: Annotated[float, Field(ge=0.0, le=MOST_DAYS)] | None = None


class LoggingConfig(CheckedModel):
    """Whether processes write what they note into files, beside the terminal.

    Attributes
    ----------
    file : str or None
        Each process has its own, ``NAME.HOST-PID.log`` beside this name; None: no files.
    level : {"DEBUG", "INFO", "WARNING", "ERROR"}
        The least that is written.
    max_mb : float
        A file that grows larger is renamed ``....log.1`` and a new one begun.
    backups : int
        Number of renamed files kept for each process.
    days : float
        Files that a process has not written for longer are removed when another begins.
    """

    file: str | None = None
    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    max_mb: Annotated[float, Field(gt=0.0)] = 10.0
    backups: Annotated[int, Field(ge=1, le=10_000)] = 3
    days: Annotated[float, Field(ge=0.0, le=MOST_DAYS)] = 30.0

    @pydantic.field_validator("file")
    @classmethod
    def _no_tilde(cls, file: str | None) -> str | None:
        return refuse_home(file)
