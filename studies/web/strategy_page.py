"""The page of one strategy."""

from collections.abc import Mapping
from typing import Any

from studies.analysis import metric_units
from studies.reports import Html, definitions, element, joined, table
from studies.web.curves import drawdowns, line_figure
from studies.web.layout import LOSES, figure_of, link_to_session, verdict_section

__all__ = ["strategy_content"]


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
    rows.append(("backtest", f"{document['start_date']} to {document['end_date']}"))
    if document["loses_out_of_sample"]:
        text = f"{LOSES} loses money on the days from {document['split_date']} on"
        rows.append(("out of sample", element("span", text, class_="loses")))
    return rows


def _curves(document: Mapping[str, Any]) -> Html:
    curve = document["curve"]
    if "missing" in curve:
        return element("p", f"No curve: {curve['missing']}", class_="dim")
    dates, equity, basket = curve["dates"], curve["equity"], curve["basket"]
    days = f"from {dates[0]} to {dates[-1]}"
    wealth = line_figure(
        "Wealth",
        f"the strategy goes from {equity[0]:,.2f} to {equity[-1]:,.2f}, the basket to "
        f"{basket[-1]:,.2f}, {days}",
        dates,
        [("basket", basket), ("strategy", equity)],
        split=document["split_date"],
    )
    below, below_basket = drawdowns(equity), drawdowns(basket)
    falls = line_figure(
        "Drawdown",
        f"the strategy is at most {-100 * min(below):.2f} % below its peak, the basket "
        f"{-100 * min(below_basket):.2f} %, {days}",
        dates,
        [("basket", below_basket), ("strategy", below)],
        split=document["split_date"],
        percent=True,
    )
    key = "Solid: the strategy. Dashed: the basket, every pair alike without fees."
    return joined(
        *(element("p", text, class_="failure") for text in curve["differences"]),
        element("figure", element("figcaption", f"Wealth at the close of each day. {key}"), wealth),
        element("figure", element("figcaption", f"Distance from the peak so far. {key}"), falls),
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
