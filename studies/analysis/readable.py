"""Figures, lengths of time and documents, as people and programs read them."""

import datetime
import math
from collections.abc import Mapping
from typing import Any

__all__ = [
    "byte_size",
    "duration",
    "figure",
    "flat_settings",
    "is_drawdown",
    "local_time",
    "metric_units",
    "objectives_text",
    "plain",
    "shown",
]


def figure(value: float | None, unit: str) -> str:
    """Write a figure of a unit of `objectives.Metric`; a dash where there is none."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "–"
    if unit == "fraction":
        return f"{100 * value:,.2f} %"
    if unit == "money":
        return f"{value:,.2f}"
    if unit == "ratio":
        return f"{value:,.3f}"
    return f"{value:,.1f}" if unit == "days" else f"{value:,.0f}"


def byte_size(n_bytes: float) -> str:
    """Write a number of bytes."""
    for unit in ("B", "kB", "MB"):
        if n_bytes < 1000:
            return f"{n_bytes:,.0f} {unit}"
        n_bytes /= 1000
    return f"{n_bytes:,.1f} GB"


def duration(seconds: float) -> str:
    """Write a length of time: ``0.4 s``, ``12 s``, ``3 min 05 s``, ``2 h 10 min``."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600:,} h {whole % 3600 // 60:02d} min"


def local_time(moment: datetime.datetime | None) -> str:
    """Write a stored time (naive UTC) as the local one."""
    if moment is None:
        return "–"
    return f"{moment.replace(tzinfo=datetime.UTC).astimezone():%Y-%m-%d %H:%M:%S}"


def metric_units() -> dict[str, str]:
    """Return the unit of every figure, out-of-sample ones included."""
    from objectives.metrics import METRICS

    units = {metric.name: metric.unit for metric in METRICS}
    return units | {f"oos_{name}": unit for name, unit in units.items()}


def is_drawdown(name: str) -> bool:
    """Whether a figure is recorded as 0 or more and shown negative."""
    return name.removeprefix("oos_") == "max_drawdown"


def shown(name: str, value: Any, units: dict[str, str]) -> str:
    """Write a figure as people see it: a drawdown is negative."""
    if is_drawdown(name) and value:
        value = -value
    return figure(value, units[name])


def plain(value: Any) -> Any:
    """Turn a document into what JSON holds: NaN and infinities become null, times are UTC.

    Parameters
    ----------
    value : Any
        Mappings, sequences, scalars, dates, scalars of NumPy.
    """
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, datetime.datetime):
        return value.isoformat(timespec="seconds") + ("Z" if value.tzinfo is None else "")
    if isinstance(value, datetime.date):
        return value.isoformat()
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if hasattr(value, "item"):
        return plain(value.item())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return str(value)


def objectives_text(directions: Mapping[str, str]) -> str:
    """Write what a session optimises, in order: ``net_sharpe_ratio (maximize), ...``."""
    return ", ".join(f"{name} ({direction})" for name, direction in directions.items())


def flat_settings(settings: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    """Write nested settings as names with dots; an empty mapping is a value.

    Parameters
    ----------
    settings : mapping
    before : str
        What stands before each name.
    """
    flat: dict[str, Any] = {}
    for name, value in settings.items():
        if isinstance(value, Mapping) and value:
            flat |= flat_settings(value, f"{before}{name}.")
        else:
            flat[f"{before}{name}"] = value
    return flat
