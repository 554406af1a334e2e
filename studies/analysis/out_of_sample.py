"""What a result did out of sample: whether it lost, and what sorting by it costs."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from studies.database import OOS_METRIC_COLUMNS

__all__ = ["loses_out_of_sample", "spent_warning"]

_DECIDES = "oos_total_return"


def loses_out_of_sample(figures: Mapping[Any, Any]) -> bool | None:
    """Whether a result lost money after costs on the days that the search did not see.

    Parameters
    ----------
    figures : mapping of str to float
        Figures of a result by name.

    Returns
    -------
    bool or None
        Whether ``oos_total_return`` is below 0; None where it is missing or NaN, as without a
        split date.
    """
    value = figures.get(_DECIDES)
    return None if value is None or pd.isna(value) else bool(value < 0)


def spent_warning(metric: str, filtered_by: Sequence[str] = ()) -> str | None:
    """Return what a reader should know of a choice by an out-of-sample figure, else None.

    Parameters
    ----------
    metric : str
        What is ranked by.
    filtered_by : sequence of str
        Names of a filter.
    """
    spending = [("sorting", metric), *(("choosing", name) for name in filtered_by)]
    for what, name in spending:
        if name in OOS_METRIC_COLUMNS:
            return (
                f"{what} by {name} spends the out-of-sample days: they helped to choose what is "
                "listed first, so its figures on them are no longer untouched"
            )
    return None
