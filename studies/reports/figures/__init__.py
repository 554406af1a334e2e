"""Figures of a session: each a pure function of what was read of it."""

from studies.reports.figures.comparison import (
    comparison_figure,
    convergence_comparison,
    distribution_comparison,
)
from studies.reports.figures.equity import wealth_figure
from studies.reports.figures.registry import FIGURES, figure_of

__all__ = [
    "FIGURES",
    "comparison_figure",
    "convergence_comparison",
    "distribution_comparison",
    "figure_of",
    "wealth_figure",
]
