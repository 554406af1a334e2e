"""What a session was created with, as its row keeps it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from objectives.constants import SEMANTICS_VERSION
from studies.language import message

__all__ = ["PlannedDesign", "Snapshot"]

_EARLIER = str(
    message(
        "recorded by an earlier system under settings that are not known; its figures do not "
        "compare with those of other sessions"
    )
)
_RESUMED = str(
    message(
        "begun by an earlier system and resumed here: results with a start_date were measured with "
        "the settings of this session, those without one by the earlier system, and the two do not "
        "compare"
    )
)


@dataclass(frozen=True)
class PlannedDesign:
    """Which design a planned session works through (`search_spaces.make_design`)."""

    method: str
    size: int
    seed: int


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """Everything a session is made of, credentials left out; the column ``config_data``.

    Attributes
    ----------
    config : mapping or None
        Sections of `studies.config.TuningConfig`, dates resolved; None if the session was
        recorded by an earlier system.
    design : PlannedDesign or None
        Of a planned session.
    warm_start : tuple of str or None
        Ids of the strategies that an adaptive or genetic session tries first; None for a planned
        one.
    chunk_size : int
        Strategies a worker takes at a time.
    semantics : int or None
        Version of the strategy definition (SEMANTICS.md).
    measurement : str or None
        Fingerprint of what decides the figures of a strategy besides the strategy itself.
    warnings : tuple of str
        What a user should know of the plan and its market; and when it is read, that it is of
        another version of the strategy definition.
    left_out : mapping of str to tuple
        Values of parameters that the market cannot measure and the user did not ask for.
    benchmark : mapping of str to float
        Figures of holding every pair alike (`objectives.Objective.benchmark`).
    n_distinct, space_size : int or None
        Strategies of the space that are distinct by construction, and all of them; None where
        that is not known, or was not yet noted.
    resumed_with : mapping or None
        Of a session of an earlier system whose queue is worked on here: sections of
        `studies.config.TuningConfig` for that. What was recorded before was not measured so.
    earlier_text : str or None
        What the earlier system had written in the column.
    """

    config: Mapping[str, Any] | None = None
    design: PlannedDesign | None = None
    warm_start: tuple[str, ...] | None = None
    chunk_size: int = 1
    semantics: int | None = None
    measurement: str | None = None
    warnings: tuple[str, ...] = ()
    left_out: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    benchmark: Mapping[str, float] = field(default_factory=dict)
    n_distinct: int | None = None
    space_size: int | None = None
    resumed_with: Mapping[str, Any] | None = None
    earlier_text: str | None = None

    @classmethod
    def from_json(cls, text: str | None) -> Self:
        """Read a snapshot; what another system wrote in its place is kept as `earlier_text`."""
        try:
            document = json.loads(text or "{}")
        except ValueError:
            document = None
        if not isinstance(document, dict):
            document = {}
        if document.get("resumed_with") is not None:
            return cls(
                chunk_size=int(document["chunk_size"]),
                semantics=document["semantics"],
                warnings=(
                    _RESUMED,
                    *document["warnings"],
                    *_of_other_version(document["semantics"]),
                ),
                resumed_with=document["resumed_with"],
                earlier_text=document["earlier_text"],
            )
        if document.get("config") is None:
            return cls(warnings=(_EARLIER,), earlier_text=text)
        design, warm_start = document.get("design"), document.get("warm_start")
        return cls(
            config=document["config"],
            design=None if design is None else PlannedDesign(**design),
            warm_start=None if warm_start is None else tuple(warm_start),
            chunk_size=int(document["chunk_size"]),
            semantics=document["semantics"],
            measurement=document.get("measurement"),
            warnings=(*document.get("warnings", ()), *_of_other_version(document["semantics"])),
            left_out={name: tuple(v) for name, v in document.get("left_out", {}).items()},
            benchmark=document.get("benchmark", {}),
            n_distinct=document.get("n_distinct"),
            space_size=document.get("space_size"),
        )

    @property
    def distinct_note(self) -> str | None:
        """A sentence, if fewer strategies are distinct than there are."""
        if self.n_distinct is None or self.space_size in (None, self.n_distinct):
            return None
        return (
            f"{self.n_distinct:,} of the {self.space_size:,} strategies of the space are distinct "
            "by construction: data periods that rank the same pairs every day are one"
        )

    def to_json(self) -> str:
        """Write the snapshot as :meth:`from_json` reads it."""
        if self.resumed_with is not None:
            return json.dumps(
                {
                    "resumed_with": self.resumed_with,
                    "chunk_size": self.chunk_size,
                    "semantics": self.semantics,
                    "warnings": list(self.warnings),
                    "earlier_text": self.earlier_text,
                }
            )
        plan: dict[str, Any] = {}
        if self.design is not None:
            plan["design"] = vars(self.design)
        if self.warm_start is not None:
            plan["warm_start"] = list(self.warm_start)
        return json.dumps(
            {
                "config": self.config,
                **plan,
                "chunk_size": self.chunk_size,
                "semantics": self.semantics,
                "measurement": self.measurement,
                "warnings": list(self.warnings),
                "left_out": {name: list(values) for name, values in self.left_out.items()},
                "benchmark": dict(self.benchmark),
                "n_distinct": self.n_distinct,
                "space_size": self.space_size,
            }
        )


def _of_other_version(semantics: int | None) -> tuple[str, ...]:
    if semantics == SEMANTICS_VERSION:
        return ()
    return (
        f"recorded under version {semantics} of the strategy definition, whose figures do not "
        f"compare with those of version {SEMANTICS_VERSION}",
    )
