"""The tables of ``docs/trust.md``, as Markdown."""

import math
from collections.abc import Mapping
from typing import Any

from trust.rates import RULES
from trust.worlds import KINDS

__all__ = ["about_text", "goals_table", "report", "rules_table", "words_table"]

WORDS = ("strong", "weak", "no evidence", "cannot tell")


def report(sums: Mapping[str, Any]) -> str:
    """Render all tables."""
    return "\n\n".join([words_table(sums), rules_table(sums), goals_table(sums)])


def words_table(sums: Mapping[str, Any]) -> str:
    """Render how often each word was said, by kind of world."""
    rows = [["worlds", "number", *(f"*{word}*" for word in WORDS), "*strong* and truly earning"]]
    for name, kind in sums["kinds"].items():
        rows.append(
            [
                KINDS[name].what,
                f"{kind['n_worlds']}",
                *(_rate(kind["words"][word]) for word in WORDS),
                _truth(kind["true"]["strong"]),
            ]
        )
    return _table(rows)


def rules_table(sums: Mapping[str, Any]) -> str:
    """Render how often each rule accepts the best strategy, by kind of world."""
    names = list(sums["kinds"])
    rows = [["accepted by", *(KINDS[name].what for name in names)]]
    for rule, described in RULES.items():
        shares = [sums["kinds"][name]["rules"][rule]["share"] for name in names]
        cells = ["–" if share is None else f"{100 * share:.0f} %" for share in shares]
        rows.append([described.what, *cells])
    return _table(rows)


def goals_table(sums: Mapping[str, Any]) -> str:
    """Render what must be reached, and whether it is."""
    rows = [["goal", "worlds", "limit", "measured", "reached"]]
    for goal in sums["goals"]:
        sign = "at most" if goal["at_most"] else "at least"
        value = "–" if goal["value"] is None else _percent(goal["value"])
        reached = "yes" if goal["reached"] else "no"
        limit = f"{sign} {_percent(goal['limit'])}"
        rows.append([goal["what"], f"{goal['n']}", limit, value, reached])
    return _table(rows)


def about_text(result: Mapping[str, Any]) -> str:
    """Render what the worlds are and what measured them."""
    about = result["about"]
    n_worlds = sum(len(columns["seed"]) for columns in result["kinds"].values())
    packages = ", ".join(f"{name} {number}" for name, number in about["versions"].items())
    return (
        f"{n_worlds:,} worlds of {about['n_pairs']} pairs, {about['n_strategies']:,} strategies "
        f"searched in each, the best by net Sharpe ratio judged; rule version "
        f"{about['rule_version']}, seeds fixed on {about['seeds_fixed_on']} before the first of "
        f"them was drawn, on {about['machine']}, {packages}."
    )


def _rate(rate: Mapping[str, Any]) -> str:
    low, high = rate["95%"]
    return f"{100 * rate['share']:.0f} % [{_end(low)}–{_end(high)}]"


def _end(value: float) -> str:
    # the upper end is what counts, so it is never rounded down
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
    if not true["n"]:
        return "–"
    return f"net {true['net']}, excess {true['excess']} of {true['n']}"


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
