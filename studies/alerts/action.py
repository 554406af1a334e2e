"""What is done with an alert besides the entry in the session's log."""

from typing import Any, Self
from urllib.parse import urlsplit

import pydantic

from studies.methods.checked_model import CheckedModel

__all__ = ["Action"]


class Action(CheckedModel):
    """Where an alert goes: to a program, to a web address, or (neither) into the log only.

    Attributes
    ----------
    command : tuple of str or None
        A program and its arguments; it reads the message from its standard input.
    webhook : str or None
        http or https address that the message is posted to.
    """

    command: tuple[str, ...] | None = None
    webhook: str | None = pydantic.Field(default=None, repr=False)

    @pydantic.model_validator(mode="before")
    @classmethod
    def _of_text(cls, value: Any) -> Any:
        if isinstance(value, cls):
            return value
        if value == "log":
            return {}
        if isinstance(value, dict) and len(value) == 1 and value.keys() <= {"command", "webhook"}:
            return value
        # the value is not shown: an address may hold a token
        raise ValueError("expected log, {command: [PROGRAM, ..]} or {webhook: URL}")

    @pydantic.field_validator("command")
    @classmethod
    def _has_program(cls, command: tuple[str, ...] | None) -> tuple[str, ...]:
        if not command or not command[0].strip():
            raise ValueError("expected a program and its arguments, [PROGRAM, ..]")
        return command

    @pydantic.field_validator("webhook", mode="before")
    @classmethod
    def _is_address(cls, url: Any) -> str:
        if not isinstance(url, str) or not _is_web_address(url):
            raise ValueError("expected an address that begins with http:// or https://")
        return url

    @pydantic.model_serializer
    def _as_written(self) -> Any:
        if self.command is not None:
            return {"command": list(self.command)}
        return "log" if self.webhook is None else {"webhook": self.webhook}

    @property
    def is_log_only(self) -> bool:
        """Whether the message goes nowhere but into the log."""
        return self.command is None and self.webhook is None

    @property
    def name(self) -> str:
        """The action in messages: no argument of a program, of an address only the host."""
        if self.command is not None:
            return self.command[0]
        if self.webhook is None:
            return "log"
        parts = urlsplit(self.webhook)
        return f"{parts.scheme}://{parts.hostname}/***"

    def without_secrets(self) -> Self:
        """Return the same action to be shown to people: an address ends after its host."""
        if self.webhook is None:
            return self
        return self.model_copy(update={"webhook": self.name})


def _is_web_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    printable = url.isascii() and url.isprintable() and " " not in url
    return printable and parts.scheme in ("http", "https") and bool(parts.hostname) and port != 0
