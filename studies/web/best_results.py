"""The best results of a session on its page, and the form that chooses among all of them."""

import shlex
from collections.abc import Callable, Mapping
from typing import Any

from studies.reports import Html, element, joined, table
from studies.web.asked_filter import AskedFilter
from studies.web.layout import LOSES, figure_names, figure_of, link_to_strategy

__all__ = ["best_table", "filter_fields", "losing_mark"]

_FIGURES = (
    *("excess_sharpe_ratio", "oos_excess_sharpe_ratio"),
    *("net_sharpe_ratio", "oos_net_sharpe_ratio"),
    *("total_return", "oos_total_return"),
    *("max_drawdown", "trade_count"),
)
_EXAMPLE = "max_drawdown < 0.05 and trade_count >= 10"
_LONGEST = 2_000


def filter_fields(asked: AskedFilter) -> Html:
    """Write the fields of a form for a filter, with what was asked in them."""
    fields = (
        ("where", "Only where", asked.where, _EXAMPLE),
        ("factor", "with the factors", " ".join(asked.factors), "SR ST"),
        ("without", "without", " ".join(asked.without), "DD IC"),
    )
    return element(
        "p",
        *(
            element(
                "label",
                f"{label} ",
                element(
                    "input", type="text", name=name, value=value, placeholder=example,
                    maxlength=_LONGEST, spellcheck="false", autocomplete="off",
                    size=44 if name == "where" else 10,
                ),
                " ",
            )
            for name, label, value, example in fields
        ),
        class_="fields",
    )  # fmt: skip


def best_table(
    document: Mapping[str, Any], asked: AskedFilter, command: Callable[[str], str]
) -> Html:
    """List the best results.

    Parameters
    ----------
    document : mapping
        From `Documents.session`.
    asked : AskedFilter
    command : callable
        Writes a command line for the same database.
    """
    best, chosen = document["best"], document["filter"]
    if not best:
        nothing = "No strategy has a result yet." if chosen is None else "No strategy fulfils it."
        return element("p", nothing)
    wanted = (*document["directions"], *_FIGURES)
    every = {name: 1 for each in best for name in figure_names(each["figures"], wanted)}
    names = [name for name in dict.fromkeys(wanted) if name in every]
    rows = [
        (
            f"{each['rank']:,}",
            joined(
                link_to_strategy(document["session_id"], each["strategy_id"]), losing_mark(each)
            ),
            f"x {each['n_strategies']:,}" if each["n_strategies"] > 1 else "",
            *(figure_of(name, each["figures"].get(name)) for name in names),
        )
        for each in best
    ]
    heads = ("rank", "strategy", "names", *(_head(name) for name in names))
    losing = any(each["loses_out_of_sample"] for each in best)
    among = "" if chosen is None else f" of those that fulfil: {chosen}"
    top = command(f"top --session {shlex.quote(document['session_id'])}{asked.options}")
    return joined(
        element("p", f"Note: {document['filter_warning']}.", class_="failure")
        if document["filter_warning"]
        else None,
        table(f"The best {len(best)} distinct results{among}", heads, rows, left=3),
        element("p", f"{LOSES} loses money on the days the search did not see", class_="dim")
        if losing
        else None,
        element("p", "The same in a terminal: ", element("code", top)) if chosen else None,
    )


def losing_mark(result: Mapping[str, Any]) -> Html | None:
    """Mark a result that loses money on the days the search did not see."""
    if not result["loses_out_of_sample"]:
        return None
    return joined(" ", element("span", f"{LOSES} loses out of sample", class_="loses"))


def _head(name: str) -> str:
    return name.removesuffix("_ratio").replace("_", " ")
