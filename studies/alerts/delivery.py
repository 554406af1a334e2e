"""Handing a message to a program or a web address, within limits of time."""

import base64
import json
import os
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from objectives.external.process import Limits, run_program
from studies.alerts.action import Action

__all__ = ["DeliveryError", "deliver"]

WEBHOOK_SECONDS = 5.0
COMMAND_SECONDS = 30.0


class DeliveryError(Exception):
    """A message did not arrive; the text holds no address and no argument.

    Attributes
    ----------
    again : bool
        Whether another try may help.
    """

    def __init__(self, text: str, *, again: bool = True) -> None:
        super().__init__(text)
        self.again = again


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """An address that sends on is an error: its message would go where nobody wrote it to."""

    def redirect_request(self, *_: Any) -> None:
        return None


_opener = urllib.request.build_opener(_NoRedirect)


def deliver(
    action: Action, message: Mapping[str, Any], *, stopped: Callable[[], bool] = lambda: False
) -> None:
    """Hand a message over as JSON, and return when it is.

    A web address has 5 seconds to answer with a status below 300; redirects are not followed. A
    program has 30 seconds to read the message from its standard input and end with 0; no process
    of its group is left.

    Parameters
    ----------
    action : Action
        With a command or a webhook.
    message : mapping
    stopped : callable
        Asked while a program runs: is it to be ended now?

    Raises
    ------
    DeliveryError
        If it did not arrive.
    """
    data = json.dumps(message).encode()
    if action.webhook is not None:
        _post(action.webhook, data)
    elif action.command is not None:
        _run(action.command, data, stopped)


def _post(url: str, data: bytes) -> None:
    parts = urlsplit(url)
    headers = {"Content-Type": "application/json", "User-Agent": "mass-tuning"}
    user, at, host = parts.netloc.rpartition("@")
    if at:
        name, _, password = user.partition(":")
        pair = f"{unquote(name)}:{unquote(password)}".encode()
        headers["Authorization"] = f"Basic {base64.b64encode(pair).decode()}"
    address = parts._replace(netloc=host, fragment="").geturl()
    request = urllib.request.Request(address, data, headers)  # noqa: S310  (http, https: Action)
    try:
        with _opener.open(request, timeout=WEBHOOK_SECONDS):
            return
    except urllib.error.HTTPError as error:
        error.close()
        # a refusal stays one; too many requests and errors of the server pass
        again = error.code in (408, 429) or error.code >= 500
        raise DeliveryError(f"it answered {error.code}", again=again) from None
    except urllib.error.URLError as error:
        raise DeliveryError(f"no connection ({_reason(error.reason)})") from None
    except TimeoutError:
        raise DeliveryError(f"no answer within {WEBHOOK_SECONDS:.0f} s") from None
    except (OSError, HTTPException, ValueError) as error:
        raise DeliveryError(f"no answer ({type(error).__name__})") from None


def _reason(reason: object) -> str:
    """Return what an operating system says; other texts may hold the address."""
    if isinstance(reason, OSError):
        return reason.strerror or type(reason).__name__
    return type(reason).__name__


def _run(command: tuple[str, ...], data: bytes, stopped: Callable[[], bool]) -> None:
    try:
        done = run_program(
            command,
            directory=Path.cwd(),
            environment=os.environ,
            limits=Limits(COMMAND_SECONDS),
            given=data,
            stopped=stopped,
        )
    except (OSError, ValueError) as error:
        text = getattr(error, "strerror", None) or type(error).__name__
        raise DeliveryError(f"it could not be started ({text})", again=False) from None
    if done.code is None:
        raise DeliveryError(f"it was ended after {done.seconds:.0f} s", again=False)
    if done.code != 0:
        raise DeliveryError(f"it ended with {done.code}", again=False)
