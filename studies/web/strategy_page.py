"""The page of one strategy."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from studies.analysis import metric_units
from studies.reports import (
    Html,
    StrategyCurve,
    definitions,
    draw_svg,
    element,
    joined,
    table,
    wealth_figure,
)
from studies.web.layout import LOSES, figure_of, link_to_session, verdict_section

__all__ = ["strategy_content"]

_SERIES = ("equity", "basket")


def strategy_content(document: Mapping[str, Any], verify_command: str) -> Html:
    """Show one strategy.

    Parameters
    ----------
    document : mapping
        From `Documents.strategy`.
    verify_command : str
        The command line that judges it.
    """
    unjudged = joined("Not given yet: ", element("code", verify_command))
    return joined(
        element("h1", document["strategy_id"]),
        element("p", "of ", link_to_session(document["session_id"])),
        definitions(_facts(document)),
        element("h2", "Wealth"),
        _curves(document),
        element("h2", "Figures"),
        _figures(document),
        verdict_section(document["verdict"], unjudged),
        element("h2", "Parameters"),
        table(
            "Parameters of the strategy",
            ("parameter", "value"),
            [(name, _text(value)) for name, value in document["parameters"].items()],
            left=2,
        ),
    )


def _facts(document: Mapping[str, Any]) -> list[tuple[str, object]]:
    rows: list[tuple[str, object]] = []
    if document["failure"] is not None:
        rows.append(("failed", element("span", document["failure"], class_="failure")))
    elif document["rank"] is not None:
        name = document["objective"].replace("_", " ")
        rows.append(("rank", f"{document['rank']:,} of {document['n_ranked']:,} values of {name}"))
        if document["n_strategies"] > 1:
            rows.append(("names", f"{document['n_strategies']:,} strategies have these figures"))
    if document["start_date"] is not None:
        rows.append(("backtest", f"{document['start_date']} to {document['end_date']}"))
    if document["loses_out_of_sample"]:
        text = f"{LOSES} loses money on the days from {document['split_date']} on"
        rows.append(("out of sample", element("span", text, class_="loses")))
    return rows


def _curves(document: Mapping[str, Any]) -> Html:
    curve = document["curve"]
    if "missing" in curve:
        return element("p", f"No curve: {curve['missing']}", class_="dim")
    days = pd.DatetimeIndex(curve["dates"])
    equity, basket = (pd.Series(curve[name], index=days, dtype=float) for name in _SERIES)
    differences = tuple(curve["differences"])
    shown = StrategyCurve(document["strategy_id"], equity, basket, differences)
    figure = wealth_figure([shown], document["split_date"])
    return joined(
        *(element("p", text, class_="failure") for text in differences),
        element("figure", element("figcaption", figure.note), draw_svg(figure, bilingual=False)),
        element("p", figure.summary, class_="dim"),
    )


def _figures(document: Mapping[str, Any]) -> Html:
    figures = document["figures"]
    both = any(name.startswith("oos_") for name in figures)
    names = [name for name in metric_units() if name in figures and not name.startswith("oos_")]
    rows = []
    for name in names:
        row = [name.replace("_", " "), figure_of(name, figures[name])]
        if both:
            row.append(figure_of(f"oos_{name}", figures.get(f"oos_{name}")))
        rows.append(row)
    heads = ("figure", "in sample", "out of sample") if both else ("figure", "value")
    return table("All figures of the strategy", heads, rows)


def _text(value: object) -> str:
    return " ".join(str(item) for item in value) if isinstance(value, list) else str(value)
