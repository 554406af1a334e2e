"""The section ``methods`` of the configuration: the options of every adaptive method."""

from typing import Self

import pydantic
from pydantic import ConfigDict

from search_spaces.import_class import IMPORT_PATH
from studies.methods import (
    METHODS,
    CmaesOptions,
    CustomOptions,
    GeneticOptions,
    GpOptions,
    MethodOptions,
    Nsga2Options,
    Nsga3Options,
    QmcOptions,
    TpeOptions,
)
from studies.methods.checked_model import CheckedModel

__all__ = ["MethodsConfig"]


class MethodsConfig(CheckedModel):
    """Options of the adaptive methods (``generate --mode ...``), see `studies.methods`.

    A key like ``package.module:ClassName`` holds the keyword arguments of a sampler of one's own.
    """

    model_config = ConfigDict(frozen=True, extra="allow")

    tpe: TpeOptions = TpeOptions()
    genetic: GeneticOptions = GeneticOptions()
    nsga2: Nsga2Options = Nsga2Options()
    nsga3: Nsga3Options = Nsga3Options()
    gp: GpOptions = GpOptions()
    cmaes: CmaesOptions = CmaesOptions()
    random: MethodOptions = MethodOptions()
    qmc: QmcOptions = QmcOptions()

    @pydantic.model_validator(mode="after")
    def _only_methods(self) -> Self:
        for name, options in (self.model_extra or {}).items():
            if not IMPORT_PATH.fullmatch(name):
                raise ValueError(
                    f"unknown method {name!r}; there are {', '.join(METHODS)}, and samplers of "
                    "your own as package.module:ClassName"
                )
            if not isinstance(options, dict) or not all(isinstance(key, str) for key in options):
                raise ValueError(f"the options of {name} are a mapping of names, got {options!r}")
        return self

    def options(self, name: str) -> MethodOptions:
        """Return the options of a method, by its name or import path."""
        if name in type(self).model_fields:
            options: MethodOptions = getattr(self, name)
            return options
        return CustomOptions(**(self.model_extra or {}).get(name, {}))
