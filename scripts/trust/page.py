"""The tables of ``docs/trust.md``, as Markdown."""

import math
import textwrap
from collections.abc import Mapping
from typing import Any

from trust.rates import REASONS, RULES
from trust.worlds import KINDS

__all__ = ["parts", "report"]

WORDS = ("strong", "weak", "no evidence", "cannot tell")


def parts(result: Mapping[str, Any]) -> dict[str, str]:
    """Render what is generated of the page from a results.json, by the names of its marks."""
    from trust.command import worlds_of
    from trust.rates import summary

    return {"about": _about(result), **_tables(summary(worlds_of(result)))}


def report(sums: Mapping[str, Any]) -> str:
    """Render all tables."""
    return "\n\n".join(_tables(sums).values())


def _tables(sums: Mapping[str, Any]) -> dict[str, str]:
    return {
        "worlds": _words(sums),
        "reasons": _reasons(sums),
        "goals": _goals(sums),
        "rules": _rules(sums),
    }


def _words(sums: Mapping[str, Any]) -> str:
    """Render how often each word was said, by kind of world."""
    words = [f"*{word}*" for word in WORDS]
    rows = [["worlds", "number", *words, "of the *strong*, truly earning", "of all"]]
    for name, kind in sums["kinds"].items():
        rows.append(
            [
                KINDS[name].what,
                f"{kind['n_worlds']}",
                *(_rate(kind["words"][word]) for word in WORDS),
                _truth(kind["true"]["strong"]),
                _truth(kind["true"]["all"]),
            ]
        )
    return _table(rows)


def _reasons(sums: Mapping[str, Any]) -> str:
    """Render why nothing could be said."""
    rows = [["worlds", "*cannot tell*", *(REASONS[name].what for name in REASONS)]]
    for name, kind in sums["kinds"].items():
        count = kind["words"]["cannot tell"]["count"]
        if count:
            reasons = [f"{kind['cannot_tell'][reason]}" for reason in REASONS]
            rows.append([KINDS[name].what, f"{count}", *reasons])
    return _table(rows)


def _rules(sums: Mapping[str, Any]) -> str:
    """Render how often each rule accepts the best strategy, by kind of world."""
    rows = [["worlds", *(rule.label for rule in RULES.values())]]
    for name, kind in sums["kinds"].items():
        shares = [kind["rules"][rule]["share"] for rule in RULES]
        if any(share is not None for share in shares):
            cells = ["–" if share is None else f"{100 * share:.0f} %" for share in shares]
            rows.append([KINDS[name].what, *cells])
    return _table(rows)


def _goals(sums: Mapping[str, Any]) -> str:
    """Render what must be reached, and whether it is."""
    rows = [["goal", "worlds", "limit", "measured", "reached"]]
    for goal in sums["goals"]:
        sign = "at most" if goal["at_most"] else "at least"
        value = "–" if goal["value"] is None else _percent(goal["value"])
        reached = "yes" if goal["reached"] else "no"
        limit = f"{sign} {_percent(goal['limit'])}"
        rows.append([goal["what"], f"{goal['n']}", limit, value, reached])
    return _table(rows)


def _about(result: Mapping[str, Any]) -> str:
    """Render what the worlds are and what measured them."""
    about = result["about"]
    n_worlds = sum(len(columns["seed"]) for columns in result["kinds"].values())
    packages = ", ".join(f"{name} {number}" for name, number in about["versions"].items())
    text = (
        f"{n_worlds:,} worlds of {about['n_pairs']} pairs and, where nothing else is said, 329 "
        f"days. In each {about['n_strategies']:,} strategies are searched and the best by net "
        f"Sharpe ratio is judged. Version {about['rule_version']} of the rule; seeds fixed on "
        f"{about['seeds_fixed_on']}, before the first world was drawn; {packages}, on "
        f"{about['machine']}."
    )
    return "\n".join(textwrap.wrap(text, 100))


def _rate(rate: Mapping[str, Any]) -> str:
    low, high = rate["95%"]
    return f"{_end(rate['share'])} % [{_end(low)}–{_end(high)}]"


def _end(value: float) -> str:
    hundredths = 100 * value
    return f"{hundredths:.1f}" if 0 < hundredths < 10 else f"{hundredths:.0f}"


def _percent(value: float) -> str:
    hundredths = 100 * value
    return (
        f"{hundredths:.0f} %"
        if math.isclose(hundredths, round(hundredths))
        else (f"{hundredths:.1f} %")
    )


def _truth(true: Mapping[str, int]) -> str:
    return f"{true['both']} of {true['n']}" if true["n"] else "–"


def _table(rows: list[list[str]]) -> str:
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    lines = []
    for number, row in enumerate(rows):
        cells = [
            cell.ljust(width) if k == 0 else cell.rjust(width)
            for k, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append(f"| {' | '.join(cells)} |")
        if number == 0:
            rules = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
            lines.append(f"| {' | '.join(rules)} |")
    return "\n".join(lines)
