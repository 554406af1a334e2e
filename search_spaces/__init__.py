"""What may be tried: parameters, constraints, the numbering of a space's points, and designs."""

from search_spaces.constraints import Constraint
from search_spaces.designs import DESIGNS, Design, make_design
from search_spaces.errors import (
    ConfigError,
    DataError,
    MassTuningError,
    SessionError,
    SpaceError,
    SpaceTooLargeError,
    StorageError,
)
from search_spaces.factor_space import (
    FACTOR_CODES,
    PARAMETER_NAMES,
    WEIGHT_METHODS,
    FactorSpace,
    StrategyParams,
)
from search_spaces.lattice import Lattice
from search_spaces.neighbours import one_step_neighbours
from search_spaces.parameters import (
    Choice,
    Fixed,
    Parameter,
    Range,
    Subsets,
    parse_parameter,
)
from search_spaces.space import SearchSpace

__all__ = [
    "DESIGNS",
    "FACTOR_CODES",
    "PARAMETER_NAMES",
    "WEIGHT_METHODS",
    "Choice",
    "ConfigError",
    "Constraint",
    "DataError",
    "Design",
    "FactorSpace",
    "Fixed",
    "Lattice",
    "MassTuningError",
    "Parameter",
    "Range",
    "SearchSpace",
    "SessionError",
    "SpaceError",
    "SpaceTooLargeError",
    "StorageError",
    "StrategyParams",
    "Subsets",
    "make_design",
    "one_step_neighbours",
    "parse_parameter",
]
