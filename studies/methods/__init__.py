"""Adaptive search methods: each makes an Optuna sampler out of options.

`METHODS` are those that have a name; a sampler of one's own is named by its import path.
"""

from search_spaces.errors import ConfigError
from search_spaces.import_class import IMPORT_PATH
from studies.methods.cmaes import Cmaes, CmaesOptions
from studies.methods.custom import CustomOptions, CustomSampler
from studies.methods.evolution import Genetic
from studies.methods.genetic.options import GeneticOptions
from studies.methods.gp import Gp, GpOptions
from studies.methods.method import Method, MethodOptions, SamplerContext
from studies.methods.nsga import Nsga2, Nsga2Options, Nsga3, Nsga3Options
from studies.methods.qmc import Qmc, QmcOptions
from studies.methods.random_search import RandomSearch
from studies.methods.tpe import Tpe, TpeOptions

__all__ = [
    "METHODS",
    "CmaesOptions",
    "CustomOptions",
    "GeneticOptions",
    "GpOptions",
    "Method",
    "MethodOptions",
    "Nsga2Options",
    "Nsga3Options",
    "QmcOptions",
    "SamplerContext",
    "TpeOptions",
    "find_method",
]

METHODS: dict[str, Method] = {
    method.name: method
    for method in (Tpe(), Genetic(), Nsga2(), Nsga3(), Gp(), Cmaes(), RandomSearch(), Qmc())
}


def find_method(name: str) -> Method:
    """Return the method of this name, or of this import path.

    Raises
    ------
    ConfigError
        If it is neither, listing the names.
    """
    if name in METHODS:
        return METHODS[name]
    if IMPORT_PATH.fullmatch(name):
        return CustomSampler(name)
    raise ConfigError(
        f"unknown method {name!r}; there are {', '.join(METHODS)}, and samplers of your own as "
        "package.module:ClassName"
    )
