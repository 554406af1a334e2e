"""The objective of a new session, without the values that its market cannot measure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from search_spaces import Design, SearchSpace
from search_spaces.errors import ConfigError
from studies.config import TuningConfig
from studies.sessions import Slots, objective_of

if TYPE_CHECKING:
    from objectives import Objective, ReturnPanel

__all__ = ["MeasurableObjective", "measurable_objective", "names_value", "refuse_hopeless"]

_BATCH = 20_000


@dataclass(frozen=True)
class MeasurableObjective:
    """An objective that its market can measure.

    Attributes
    ----------
    objective : Objective
        Of the space that is left.
    left_out : mapping of str to tuple
        Values that were taken out of the space, by parameter.
    """

    objective: "Objective"
    left_out: Mapping[str, tuple[Any, ...]]

    @property
    def notes(self) -> tuple[str, ...]:
        """What a user should know of what was left out."""
        if not self.left_out:
            return ()
        values = ", ".join(
            f"{name} {', '.join(map(str, values))}" for name, values in self.left_out.items()
        )
        return (
            f"the market has no market caps, so {values} is left out: "
            f"{self.objective.space.size:,} strategies remain in the space",
        )


def measurable_objective(
    config: TuningConfig, panel: "ReturnPanel", restrictions: Mapping[str, list[str]] | None
) -> MeasurableObjective:
    """Build the objective of a request, and refuse what cannot be measured.

    Of the default space, values that the market cannot measure are left out. What the user names
    in a space of their own or in `restrictions` is refused instead.

    Raises
    ------
    ConfigError
        If settings are impossible on this market, or every strategy would fail.
    DataError
        If IC weights are asked for by name and there are no market caps.
    """
    space = config.space(restrictions)
    objective = objective_of(config, panel, space)
    left_out = {
        name: values
        for name, values in objective.unmeasurable.items()
        if not any(names_value(config, restrictions, space, name, value) for value in values)
    }
    if left_out:
        objective = objective_of(config, panel, space.restrict(_remaining(space, left_out)))
    objective.check()
    return MeasurableObjective(objective, left_out)


def names_value(
    config: TuningConfig,
    restrictions: Mapping[str, list[str]] | None,
    space: SearchSpace,
    name: str,
    value: Any,
) -> bool:
    """Whether a value is in the space because the user wrote it.

    Parameters
    ----------
    config : TuningConfig
        Its space is the user's own unless its parameters are the default ones.
    restrictions : mapping of str to list of str, or None
        Values by parameter (``--set``).
    space : SearchSpace
        Of both.
    name : str
    value
        Of the parameter of that name.
    """
    if name not in space.names:
        return False
    if value not in space.parameters[space.names.index(name)].finite_values():
        return False
    return name in (restrictions or {}) or config.has_own_space


def refuse_hopeless(objective: "Objective", plan: Design | Slots) -> None:
    """Refuse a plan whose every strategy fails for certain.

    Raises
    ------
    ConfigError
        Of a sampler the space was looked at before: what it proposes is not known.
    """
    if isinstance(plan, Slots):
        return
    for start in range(0, plan.size, _BATCH):
        indices = plan.indices(start, min(start + _BATCH, plan.size))
        if objective.may_succeed(indices).any():
            return
    raise ConfigError(
        f"every strategy of this plan of {plan.size:,} would fail (insufficient_data); plan more "
        "or others (--size, --seed, --set), begin earlier (--start-date), or ask for fewer active "
        "days (--backtest min_active_share=0.2)"
    )


def _remaining(space: SearchSpace, left_out: Mapping[str, Iterable[Any]]) -> dict[str, list[Any]]:
    return {
        name: [
            value
            for value in space.parameters[space.names.index(name)].finite_values()
            if value not in set(values)
        ]
        for name, values in left_out.items()
    }
