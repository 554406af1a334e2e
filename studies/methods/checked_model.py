"""The model that every section of the configuration is."""

import math
import types
from collections.abc import Iterator
from typing import Any, ClassVar, Union, get_args, get_origin

import pydantic
from pydantic import BaseModel, ConfigDict

from search_spaces.checks import LARGEST_WHOLE, likely, shown

__all__ = ["CheckedModel", "complaints", "refuse_home"]


class CheckedModel(BaseModel):
    """A frozen section of settings that refuses what pydantic would take for something else.

    A truth value is no number, although Python counts True as 1; an empty text is not the default;
    numbers are finite and at most `largest`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    largest: ClassVar[int] = LARGEST_WHOLE

    @pydantic.field_validator("*", mode="before")
    @classmethod
    def _refuse_slips(cls, value: Any, info: pydantic.ValidationInfo) -> Any:
        if isinstance(value, str) and not value.strip():
            raise ValueError("an empty text is no value; leave the key out for the default")
        if isinstance(value, str) and "\0" in value:
            raise ValueError("a text holds no character 0")
        if isinstance(value, bool):
            assert info.field_name is not None
            kinds = _kinds(cls.model_fields[info.field_name].annotation)
            if bool not in kinds and kinds & {int, float}:
                raise ValueError(
                    f"expected a number, got {str(value).lower()} (YAML reads yes, no, on "
                    "and off as truth values)"
                )
        elif isinstance(value, int | float) and not abs(value) <= cls.largest:
            if isinstance(value, float) and not math.isfinite(value):
                raise ValueError(f"expected a finite number, got {value}")
            raise ValueError(f"expected a number of at most {cls.largest:,}, got {shown(value)}")
        return value


def complaints(error: pydantic.ValidationError, model: type[BaseModel]) -> list[str]:
    """Say of every wrong setting its key and what is wrong.

    Parameters
    ----------
    error : pydantic.ValidationError
    model : type
        That refused the settings.
    """
    found = []
    for detail in error.errors():
        key = ".".join(str(part) for part in detail["loc"])
        if detail["type"] == "extra_forbidden":
            known = _known(model, detail["loc"][:-1])
            found.append(f"unknown setting {shown(key)}; {likely(detail['loc'][-1], known)}")
        elif detail["type"] == "value_error":
            found.append(f"{key}: {detail['ctx']['error']}")
        elif detail["type"] == "model_type":
            found.append(f"{key}: expected settings with their names{_got(detail['input'])}")
        else:
            found.append(f"{key}: {detail['msg'].lower()}{_got(detail['input'])}")
    return found


def _known(model: type[BaseModel], path: tuple[int | str, ...]) -> list[str]:
    """Return the names of the settings in the section that a path leads to."""
    for part in path:
        if isinstance(part, str):
            below = list(_models(model.model_fields[part].annotation))
            if not below:
                break
            model = below[0]
    return list(model.model_fields)


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    """Yield the models that an annotation names."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models(part)


def _got(value: Any) -> str:
    """Show a wrong value, unless it holds an address, which may hold a password."""
    text = shown(value)
    return "" if "://" in text else f", got {text}"


def refuse_home(path: str | None) -> str | None:
    """Refuse a path that begins with ``~``, which nothing expands; for validators of fields."""
    if path is not None and path.startswith("~"):
        raise ValueError(f"~ is not expanded; write the whole path, got {path!r}")
    return path


def _kinds(annotation: Any) -> set[Any]:
    """Return the types that an annotation allows, unions and ``Annotated`` taken apart."""
    if get_origin(annotation) in (Union, types.UnionType):
        return set().union(*map(_kinds, get_args(annotation)))
    metadata = getattr(annotation, "__metadata__", None)
    return {annotation} if metadata is None else _kinds(annotation.__origin__)
