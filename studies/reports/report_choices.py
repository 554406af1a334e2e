"""The controls of the report: which strategies are looked at."""

import numpy as np
import numpy.typing as npt

from studies.analysis import is_drawdown
from studies.language import Message, message
from studies.reports.bilingual import both, switched
from studies.reports.embedded_parameters import MOST_PLACES, EmbeddedParameter
from studies.reports.figures.words import figure_name, parameter_name
from studies.reports.html_text import Html, element, joined
from studies.reports.report_document import ReportDocument

__all__ = ["choices_card", "heat_controls"]

_WIDTH = 40
_FULL = 4.0
"""Lift at which a bar is full."""


def choices_card(document: ReportDocument) -> Html:
    """Write a control for every value of every parameter."""
    best = document.data.is_best
    parts = [
        _parameter(document, place, parameter, best)
        for place, parameter in enumerate(document.parameters)
    ]
    return joined(
        element("h2", both(message("Select by parameter"))),
        element(
            "p",
            both(
                message(
                    "Press values to keep only strategies that have one of them. A bar says how "
                    "much more often the best 1 % have the value than all: the line marks equally "
                    "often, a full bar four times as often."
                )
            ),
            class_="dim",
        ),
        element("div", *parts, class_="parameters"),
        element(
            "p",
            element("button", both(message("All values")), type="button", id="reset"),
            class_="needs-script",
        ),
        element(
            "p",
            both(message("The same strategies on the command line:")),
            " ",
            element("code", "", id="where-text"),
            id="where",
            class_="needs-script",
            hidden=True,
        ),
    )


def heat_controls(document: ReportDocument) -> Html:
    """Write what the heat map may be asked for."""
    figures = [
        element(
            "option",
            str(figure_name(name)),
            value=str(place),
            **switched("text", figure_name(name)),
        )
        for place, name in enumerate(document.figures)
    ]
    kinds = {
        "median": message("median"),
        "best": message("best"),
        "share": message("share above 0"),
    }
    is_share_useful = not is_drawdown(document.figures[0])
    listed = [
        element(
            "option",
            str(text),
            value=kind,
            disabled=kind == "share" and not is_share_useful,
            **switched("text", text),
        )
        for kind, text in kinds.items()
    ]
    return element(
        "div",
        _select("heat-y", message("down")),
        _select("heat-x", message("across")),
        _select("heat-kind", message("shown"), *listed),
        _select("heat-figure", message("of the figure"), *figures),
        class_="controls needs-script",
    )


def _select(name: str, label: Message, *options: Html) -> Html:
    select = element("select", *options, id=name)
    return element("label", element("span", both(label)), select)


def _parameter(
    document: ReportDocument,
    place: int,
    parameter: EmbeddedParameter,
    best: npt.NDArray[np.bool_],
) -> Html:
    table = document.data.table
    measured = ~np.isnan(table.figure())
    places = parameter.place_of[table.digits[:, place]]
    n_places = len(parameter.labels)
    of_all = np.bincount(places[measured], minlength=n_places)
    of_best = np.bincount(places[best], minlength=n_places)
    name = both(parameter_name(parameter.name))
    if not parameter.codes:
        chips = [
            _chip(label, _lift(of_best[k : k + 1], of_all[k : k + 1], of_best, of_all),
                  data_parameter=str(place), data_place=str(k))
            for k, label in enumerate(parameter.labels)
        ]  # fmt: skip
        return element("fieldset", element("legend", name), element("div", *chips, class_="chips"))
    members = np.array(parameter.members, dtype=np.int64)
    toggles = []
    for k, code in enumerate(parameter.codes):
        has = (members >> k & 1) == 1
        if has.any():  # not of a code that the space leaves out
            lift = _lift(of_best[has], of_all[has], of_best, of_all)
            toggles.append(_toggle(place, k, code, lift))
    n_codes = np.array([int(each).bit_count() for each in members])
    sizes = [
        _chip(str(size), _lift(of_best[n_codes == size], of_all[n_codes == size], of_best, of_all),
              data_parameter=str(place), data_size=str(size))
        for size in sorted(set(n_codes.tolist()))
    ]  # fmt: skip
    only = (
        element("button", "", type="button", class_="chip", data_only=str(place), hidden=True)
        if n_places <= MOST_PLACES
        else None
    )
    is_factors = parameter.name == "factors"
    size_name = message("number of factors") if is_factors else message("number of codes")
    return joined(
        element(
            "fieldset",
            element("legend", name),
            element("div", *toggles, class_="toggles"),
            only,
        ),
        element(
            "fieldset",
            element("legend", both(size_name)),
            element("div", *sizes, class_="chips"),
        ),
    )


def _toggle(parameter: int, place: int, code: str, lift: Html) -> Html:
    """Write the three states of a code."""
    states = (message("any"), message("with"), message("without"))
    group = f"code-{parameter}-{place}"
    inputs = [
        element(
            "label",
            element(
                "input",
                type="radio",
                name=group,
                value=str(state),
                checked=state == 0,
                data_parameter=str(parameter),
                data_code=str(place),
            ),
            element("span", both(text)),
        )
        for state, text in enumerate(states)
    ]
    return element(
        "div",
        element("span", code, lift, class_="code"),
        element("span", *inputs, class_="states", role="radiogroup", aria_label=code),
        class_="toggle",
    )


def _chip(label: str, lift: Html, **place: str) -> Html:
    return element(
        "button", element("span", label), lift, type="button", class_="chip", aria_pressed="false",
        **place,
    )  # fmt: skip


def _lift(
    best: npt.NDArray[np.int64],
    every: npt.NDArray[np.int64],
    all_best: npt.NDArray[np.int64],
    all_of_all: npt.NDArray[np.int64],
) -> Html:
    """Draw how much more often the best have something than all."""
    n, n_all = int(every.sum()), int(all_of_all.sum())
    n_best, n_all_best = int(best.sum()), int(all_best.sum())
    lift = (n_best / n_all_best) / (n / n_all) if n and n_all_best else 0.0
    said = (
        message(
            "lift {lift:.2f}: {n_best:,} of the best {of:,}",
            lift=lift,
            n_best=n_best,
            of=n_all_best,
        )
        if n
        else message("no strategy with it was measured")
    )
    long = f"{min(lift / _FULL, 1.0) * _WIDTH:.1f}"
    return element(
        "svg",
        element("title", both_plain(said)),
        element("rect", x="0", y="1", width=str(_WIDTH), height="3", class_="lift-ground"),
        element("rect", x="0", y="1", width=long, height="3", class_="lift-bar")
        if lift
        else None,
        element("rect", x=f"{_WIDTH / _FULL - 0.4}", y="0", width="0.8", height="5",
                class_="lift-mark"),
        viewBox=f"0 0 {_WIDTH} 5",
        preserveAspectRatio="none",
        class_="lift" if lift <= 1 else "lift often",
        aria_hidden="true",
    )  # fmt: skip


def both_plain(text: Message) -> str:
    """Write a text in both languages where no element may stand."""
    english, chinese = (text.in_language(language) for language in ("en", "zh-Hant"))
    return english if english == chinese else f"{english} / {chinese}"
