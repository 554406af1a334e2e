"""Names of parameters, figures and reasons as people read them, in both languages."""

from collections.abc import Mapping
from typing import cast, get_args

from studies.analysis import ValueGroup, metric_units
from studies.language import Message, message
from studies.reports.drawing import Figure, Unit

__all__ = ["empty_figure", "figure_name", "parameter_name", "reason_name", "unit_of", "value_name"]

_PARAMETERS: Mapping[str, Message] = {
    "factors": message("factors"),
    "window_size": message("window size"),
    "rebalance_frequency": message("rebalance frequency"),
    "data_period": message("data period"),
    "selection_count": message("selection count"),
    "weight_method": message("weight method"),
}
_FIGURES: Mapping[str, Message] = {
    "final_balance": message("final balance"),
    "total_return": message("total return"),
    "annual_return": message("annual return"),
    "net_sharpe_ratio": message("net Sharpe ratio"),
    "sharpe_ratio": message("Sharpe ratio"),
    "max_drawdown": message("maximum drawdown"),
    "win_rate": message("win rate"),
    "trade_count": message("trades"),
    "avg_holding_days": message("average holding days"),
    "open_positions": message("open positions"),
    "profit_days": message("profit days"),
    "loss_days": message("loss days"),
    "break_even_days": message("break-even days"),
    "active_days": message("active days"),
    "turnover": message("turnover"),
    "fees_paid": message("fees paid"),
    "excess_sharpe_ratio": message("excess Sharpe ratio"),
    "excess_return": message("excess return"),
}
_REASONS: Mapping[str, Message] = {
    "timeout": message("took too long"),
    "error": message("raised an error"),
    "crashed": message("workers died with it"),
    "constraint": message("broke a constraint"),
    "released": message("the run ended before it"),
    "insufficient_data": message("insufficient data"),
    "no_market_caps": message("no market capitalisations"),
    "undefined_metric": message("an objective is undefined"),
}
_LONGEST = 120  # characters of a name of the user's own


def parameter_name(name: str) -> Message | str:
    """Name a parameter."""
    return _PARAMETERS.get(name) or _spelled(name)


def figure_name(name: str) -> Message:
    """Name a figure of a strategy, also one that an objective of one's own brings."""
    inner = name.removeprefix("oos_")
    known = _FIGURES.get(inner) or message("{name}", name=_spelled(inner))
    return known if inner == name else message("{figure}, out of sample", figure=known)


def reason_name(reason: str) -> Message | str:
    """Name a reason of failures."""
    return _REASONS.get(reason) or _spelled(reason)


def value_name(group: ValueGroup, *, with_parameter: bool = False) -> Message | str:
    """Name a value of a parameter, for an axis that shows values of others too or not."""
    value: Message | str = _spelled(str(group.value))
    if group.contains:
        value = message("with {code}", code=value)
    if not with_parameter:
        return value
    return message("{parameter}: {value}", parameter=parameter_name(group.parameter), value=value)


def unit_of(name: str) -> Unit:
    """Return the unit of a figure."""
    unit = metric_units().get(name, "ratio")
    return cast(Unit, unit) if unit in get_args(Unit) else "ratio"


def empty_figure(name: str, title: Message, note: Message) -> Figure:
    """Make a figure of which there is nothing to draw, which says why."""
    return Figure(name, title, note, note)


def _spelled(name: str) -> str:
    text = name.replace("_", " ") if name.islower() else name
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
