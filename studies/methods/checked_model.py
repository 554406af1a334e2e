"""The model that every section of the configuration is."""

import types
from typing import Any, Union, get_args, get_origin

import pydantic
from pydantic import BaseModel, ConfigDict

__all__ = ["CheckedModel", "complaints", "refuse_home"]


class CheckedModel(BaseModel):
    """A frozen section of settings that refuses what pydantic would take for something else.

    A truth value is no number, although Python counts True as 1; an empty text is not the default.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    @pydantic.field_validator("*", mode="before")
    @classmethod
    def _refuse_slips(cls, value: Any, info: pydantic.ValidationInfo) -> Any:
        if isinstance(value, str) and not value.strip():
            raise ValueError("an empty text is no value; leave the key out for the default")
        if isinstance(value, bool):
            assert info.field_name is not None
            kinds = _kinds(cls.model_fields[info.field_name].annotation)
            if bool not in kinds and kinds & {int, float}:
                raise ValueError(
                    f"expected a number, got {str(value).lower()} (YAML reads yes, no, on "
                    "and off as truth values)"
                )
        return value


def complaints(error: pydantic.ValidationError) -> list[str]:
    """Say of every wrong setting its key and what is wrong."""
    found = []
    for detail in error.errors():
        key = ".".join(str(part) for part in detail["loc"])
        if detail["type"] == "extra_forbidden":
            found.append(f"unknown setting {key!r}")
        elif detail["type"] == "value_error":
            found.append(f"{key}: {detail['ctx']['error']}")
        else:
            found.append(f"{key}: {detail['msg'].lower()}{_got(detail['input'])}")
    return found


def _got(value: Any) -> str:
    """Show a wrong value, unless it holds an address, which may hold a password."""
    text = repr(value)
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
