"""The states of a session in words for pages."""

from collections.abc import Mapping

from studies.language import Message, message
from studies.sessions import SessionState

__all__ = ["STATE_WORDS"]

STATE_WORDS: Mapping[str, Message] = {
    SessionState.GENERATING: message("its plan is being written"),
    SessionState.CREATED: message("not yet run"),
    SessionState.RUNNING: message("running"),
    SessionState.PAUSED: message("paused"),
    SessionState.FAILED: message("stopped by an error"),
    SessionState.COMPLETED: message("completed"),
    SessionState.DELETING: message("being deleted"),
}
