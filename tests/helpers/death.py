"""Processes that kill themselves where it hurts."""

import os
import signal
from typing import Any


def die_in(owner: Any, name: str, at_call: int, *, before: bool) -> None:
    """Let this process be killed in the n-th call of a function: before it, or just after."""
    original, n_calls = getattr(owner, name), 0

    def fatal(*args: Any, **options: Any) -> Any:
        nonlocal n_calls
        n_calls += 1
        if n_calls == at_call and before:
            os.kill(os.getpid(), signal.SIGKILL)
        result = original(*args, **options)
        if n_calls == at_call:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(owner, name, fatal)
