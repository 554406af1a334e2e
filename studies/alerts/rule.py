"""One rule of the configuration's list ``alerts``."""

from typing import Annotated, Any, Literal, Self

import pydantic
from pydantic import Field

from studies.alerts.action import Action
from studies.methods.checked_model import CheckedModel

__all__ = ["AlertRule"]

_THRESHOLDS = {
    "failure_rate": "above",
    "stalled": "seconds",
    "eta": "seconds",
    "disk": "gigabytes",
    "memory": "gigabytes",
    "new_best": "seconds",
    "finished": None,
}
_NEW_BEST_SECONDS = 30.0


class AlertRule(CheckedModel):
    """When people want a message about a run, and where it goes.

    Attributes
    ----------
    when : str
        ``failure_rate``: of the strategies of the newest 20 chunks more than the fraction `above`
        failed. ``stalled``: nothing was recorded for `seconds`. ``eta``: the rest takes more than
        `seconds`. ``disk``, ``memory``: less than `gigabytes` are left. ``new_best``: a better
        strategy was found, a message at most every `seconds`. ``finished``: the run has ended.
    above, seconds, gigabytes : float or None
        The threshold that `when` needs; no other may be given. For a new best `seconds` may be
        left out: 30.
    action : Action
        ``log``, ``{command: [..]}`` or ``{webhook: URL}``. Every alert is logged.

    Examples
    --------
    >>> rule = AlertRule(when="stalled", seconds=120, action="log")
    >>> rule.name, rule.threshold
    ('stalled', 120.0)
    """

    when: Literal["failure_rate", "stalled", "eta", "disk", "memory", "new_best", "finished"]
    above: Annotated[float, Field(ge=0.0, lt=1.0)] | None = None
    seconds: Annotated[float, Field(gt=0.0, allow_inf_nan=False)] | None = None
    gigabytes: Annotated[float, Field(gt=0.0, allow_inf_nan=False)] | None = None
    action: Action

    @pydantic.model_validator(mode="after")
    def _has_its_threshold(self) -> Self:
        wanted = _THRESHOLDS[self.when]
        for key in ("above", "seconds", "gigabytes"):
            given = getattr(self, key) is not None
            if given and key != wanted:
                raise ValueError(f"{self.when} has no setting {key!r}")
            if not given and key == wanted and self.when != "new_best":
                raise ValueError(f"{self.when} needs {key!r}")
        return self

    @pydantic.model_serializer(mode="wrap")
    def _as_written(self, serialise: pydantic.SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {key: value for key, value in serialise(self).items() if value is not None}

    @property
    def name(self) -> str:
        """What the rule is called in messages."""
        return self.when

    @property
    def threshold(self) -> float:
        """The value of the setting that `when` needs; 0 for ``finished``."""
        wanted = _THRESHOLDS[self.when]
        given = None if wanted is None else getattr(self, wanted)
        if given is None:
            return _NEW_BEST_SECONDS if self.when == "new_best" else 0.0
        return float(given)

    def without_secrets(self) -> Self:
        """Return the same rule to be shown to people."""
        return self.model_copy(update={"action": self.action.without_secrets()})
