"""The parameters of a search space, and how the YAML configuration spells them."""

from collections.abc import Mapping, Sequence
from typing import Any

from search_spaces.choices import Choice, Fixed
from search_spaces.errors import SpaceError
from search_spaces.parameter import MAX_DOMAIN, Parameter
from search_spaces.ranges import Range, number_from_text
from search_spaces.subsets import Subsets

__all__ = ["MAX_DOMAIN", "Choice", "Fixed", "Parameter", "Range", "Subsets", "parse_parameter"]


def parse_parameter(name: str, spec: Any) -> Parameter:
    """Read one parameter of the YAML configuration.

    Parameters
    ----------
    name : str
        Its name.
    spec : mapping
        ``{choice: [...]}``, ``{range: [low, high], step: ..., log: ...}``, ``{fixed: value}`` or
        ``{subsets: [...], max_size: ..., min_size: ..., only: [...]}``.

    Returns
    -------
    Parameter
        The specification as an object; ``parse_parameter(p.name, p.to_config()) == p``.

    Raises
    ------
    SpaceError
        If the specification is not a mapping with exactly one kind and that kind's options.
        If a value in it is refused by the parameter's class.
    """
    if not isinstance(spec, Mapping):
        raise SpaceError(
            f"parameter {name!r} is described by a mapping such as {{choice: [..]}}; got {spec!r}"
        )
    kinds = [kind for kind in _OPTIONS if kind in spec]
    if len(kinds) != 1:
        raise SpaceError(
            f"parameter {name!r} needs exactly one of {', '.join(_OPTIONS)}; got "
            f"{', '.join(map(str, spec)) or 'nothing'}"
        )
    kind = kinds[0]
    options = {key: value for key, value in spec.items() if key != kind}
    unknown = [str(key) for key in options if key not in _OPTIONS[kind]]
    if unknown:
        raise SpaceError(
            f"parameter {name!r}: unknown option {', '.join(unknown)}; `{kind}` knows "
            f"{', '.join(_OPTIONS[kind]) or 'no options'}"
        )
    if kind == "choice":
        return Choice(name, spec[kind])
    if kind == "fixed":
        return Fixed(name, spec[kind])
    if kind == "range":
        bounds = spec[kind]
        if isinstance(bounds, str) or not isinstance(bounds, Sequence) or len(bounds) != 2:
            raise SpaceError(f"range {name!r} is [low, high]; got {bounds!r}")
        numbers = {key: number_from_text(value) for key, value in options.items()}
        return Range(name, number_from_text(bounds[0]), number_from_text(bounds[1]), **numbers)
    if "max_size" not in options:
        raise SpaceError(f"subsets {name!r} need `max_size`, the largest number of codes at once")
    return Subsets(name, spec[kind], **options)


_OPTIONS: dict[str, tuple[str, ...]] = {
    "choice": (),
    "range": ("step", "log"),
    "fixed": (),
    "subsets": ("max_size", "min_size", "only"),
}
