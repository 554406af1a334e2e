"""A verdict in full: its reasons, then every figure with what it means."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from objectives.validation.verdict import CANNOT_TELL
from studies.cli.chart import sparkline
from studies.cli.output import Column, duration, figure, pairs, say, style, table, warn, width
from studies.cli.verdict_line import verdict_word

if TYPE_CHECKING:
    from studies.analysis import StoredVerdict
    from studies.session import Session

__all__ = ["print_verdict"]

_WIDEST = 80
_BEYOND = "  beyond the basket"


def print_verdict(session: Session, stored: StoredVerdict) -> None:
    """Print a verdict with its reasons and figures."""
    from studies.analysis import result_row, verdict_settings

    verdict, figures = stored.verdict, stored.verdict.figures
    word = verdict_word(verdict.word)
    for text in session.row.snapshot.warnings:
        warn(text)
    if not stored.settings["is_best"]:
        warn("walk-forward, overfitting and counts are of the whole search, not of this strategy")
    n_names = result_row(session, stored.strategy_id)["n_strategies"] or 1
    names = f" x {n_names:,}" if n_names > 1 else ""
    say(f"{style(stored.session_id, bold=True)}  {stored.strategy_id}{names}  {word}")
    say()
    deciding = verdict.reasons
    if verdict.word == CANNOT_TELL:
        deciding = verdict.figures.get("why_not", verdict.reasons)
    for reason in deciding:
        _paragraph(f"- {reason}")
    if len(deciding) < len(verdict.reasons):
        _paragraph("measured all the same, and decided by nothing:")
        for reason in verdict.reasons[len(deciding) :]:
            _paragraph(f"- {reason}")
    say()
    rows = [("judged", f"{stored.created_at:%Y-%m-%d}, in {duration(stored.seconds)}")]
    if "first_day" in figures:
        days = f"{figures['first_day']} to {figures['last_day']} ({figures['n_days']:,} days)"
        rows.append(("days", days))
    rows.append(("against", verdict_settings(stored.settings).removeprefix("against ")))
    if stored.n_before:
        rows.append(("looks", _looks(stored.n_before)))
    pairs(rows)
    if "p_cash" in figures:
        say()
        _print_figures(figures)
        _print_walk_forward(figures["walk_forward"])


def _looks(n_before: int) -> str:
    times = "1 verdict was" if n_before == 1 else f"{n_before:,} verdicts were"
    return f"{times} given on this market before; each was a chance more"


def _paragraph(text: str) -> None:
    room = min(width() or _WIDEST, _WIDEST)
    for line in textwrap.wrap(text, room - 2, subsequent_indent="  ", break_on_hyphens=False):
        say(f"  {line}")


def _print_figures(figures: Mapping[str, Any]) -> None:
    rows = [row for group in (_luck, _time, _ratios) for row in group(figures)]
    names, values, meanings = zip(*rows, strict=True)
    table(
        [
            Column("figure", names, right=False),
            Column("value", values),
            Column("meaning", meanings, right=False),
        ],
        indent=2,
    )


def _luck(figures: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """List what the resamples say."""
    population, n_resamples = figures["population"], figures["n_resamples"]
    yield "p, cash", _p(figures["p_cash"], n_resamples), "the best of pure luck is as good"
    if figures["p_basket"] is not None:
        value = _p(figures["p_basket"], n_resamples)
        yield "p, basket", value, "the same, of what the basket does not explain"
    yield (
        "beat cash",
        f"{population['n_beat_cash']:,}",
        (f"of {population['n_succeeded']:,} strategies, by more than luck"),
    )
    if population["n_beat_basket"] is not None:
        yield "beat the basket", f"{population['n_beat_basket']:,}", "likewise"
    yield (
        "independent tries",
        f"{population['n_independent']:,.0f}",
        ("whose best would look as good by luck"),
    )
    yield (
        "p, White",
        _p(figures["reality_check_p"], n_resamples),
        ("an older test, decided by the wildest of them"),
    )


def _time(figures: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """List what later days say of choices made on earlier ones."""
    walk, hold_out = figures["walk_forward"], figures["hold_out"]
    yield (
        "walk-forward",
        _ratio(walk["net_sharpe"]),
        (f"net Sharpe, best chosen anew {len(walk['windows'])} times"),
    )
    if walk["excess_sharpe"] is not None:
        yield _BEYOND, _ratio(walk["excess_sharpe"]), "the same, excess Sharpe"
    if hold_out is None:
        yield "hold-out", "–", "no split: the search has seen every day"
    else:
        yield (
            "hold-out",
            _ratio(hold_out["net_sharpe"]),
            (f"net Sharpe of {hold_out['n_days']} days it did not search"),
        )
        if hold_out["excess_sharpe"] is not None:
            yield _BEYOND, _ratio(hold_out["excess_sharpe"]), "the same, excess Sharpe"
    yield from _halves(figures["overfitting"])


def _halves(overfitting: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """List what one half of the days says of the best of the other."""
    for kind in ("net", "excess"):
        if kind not in overfitting:
            continue
        of_kind = overfitting[kind]
        if kind == overfitting["deflated"]:
            yield _deflation(of_kind)
        name = "overfitting" if kind == "net" else _BEYOND
        yield name, f"{100 * of_kind['pbo']:.0f} %", "the best of half the days: below the middle"
        yield "", "", "of the other half; its place there:"
        yield "", "", f"{sparkline(of_kind['logit_counts'])} last to first"


def _deflation(of_kind: Mapping[str, Any]) -> tuple[str, str, str]:
    label, later = f"in sample {of_kind['in_sample']:.1f}", of_kind["deflation"]
    if later is None:
        return label, "–", "what to expect later is known of the best alone"
    span = f"{later['low']:.1f} to {later['high']:.1f}"
    return label, f"{later['expected']:.1f}", f"to be expected later, {span}"


def _ratios(figures: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """List what the Sharpe ratio alone says."""
    sharpe = figures["sharpe"]
    yield (
        "probabilistic SR",
        _percent(sharpe["probabilistic"]),
        ("that its Sharpe is above 0, were it the only try"),
    )
    yield (
        "deflated SR",
        _percent(sharpe["deflated"]),
        (f"the same, as the best of {figures['population']['n_independent']:,.0f} tries"),
    )
    needed = sharpe["min_track_record_days"]
    yield (
        "track record",
        "–" if needed is None else f"{needed:,.0f}",
        ("days needed to show it, were it the only try"),
    )
    if not sharpe["is_reliable"]:
        yield "", "", "a few days decide these three ratios: no meaning"
    benchmark = figures["benchmark"]
    if benchmark:
        yield (
            "the basket",
            _ratio(benchmark["net_sharpe_ratio"]),
            (f"Sharpe, {figure(benchmark['annual_return'], 'fraction')} a year without fees"),
        )


def _ratio(value: float) -> str:
    return f"{value:,.2f}"


def _percent(value: float) -> str:
    return f"{100 * value:.1f} %"


def _print_walk_forward(walk: Mapping[str, Any]) -> None:
    windows = walk["windows"]
    say()
    say(f"  walk-forward: {walk['n_winners']} strategies chosen in {len(windows)} windows")
    table(
        [
            Column("from", [window["first_day"] for window in windows], right=False),
            Column("to", [window["last_day"] for window in windows], right=False),
            Column("chosen", [window["strategy_id"] for window in windows], right=False),
        ],
        indent=2,
    )
    n_windows = len(windows)
    steady = [f"{name} {share * n_windows:.0f}" for name, share in walk["stability"].items()]
    _paragraph(f"windows with the commonest value, of {n_windows}: {', '.join(steady)}")


def _p(value: float, n_resamples: int) -> str:
    return f"< {1 / n_resamples:g}" if value == 0.0 else f"{value:.3f}"
