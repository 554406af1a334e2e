"""A verdict in full: its reasons, then every figure with what it means."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from studies.cli.chart import sparkline
from studies.cli.output import Column, duration, figure, pairs, say, style, table, warn, width
from studies.cli.verdict_line import verdict_word

if TYPE_CHECKING:
    from studies.analysis import StoredVerdict
    from studies.session import Session

__all__ = ["print_verdict"]

_WIDEST = 92


def print_verdict(session: Session, stored: StoredVerdict) -> None:
    """Print a verdict with its reasons and figures."""
    from studies.analysis import verdict_settings

    verdict, figures = stored.verdict, stored.verdict.figures
    word = verdict_word(verdict.word)
    for text in session.row.snapshot.warnings:
        warn(text)
    say(f"{style(stored.session_id, bold=True)}  {stored.strategy_id}  {word}")
    say()
    for reason in verdict.reasons:
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
    return f"{times} given on this market before: each is one more chance to be lucky"


def _paragraph(text: str) -> None:
    room = min(width() or _WIDEST, _WIDEST)
    for line in textwrap.wrap(text, room - 2, subsequent_indent="  "):
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
        yield "p, basket", value, "the same, of what is earned beyond the basket"
    yield (
        "beat cash",
        f"{population['n_beat_cash']:,}",
        (f"of {population['n_succeeded']:,} strategies, all of them together at 5 %"),
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
        ("reality check: valid, but sees little"),
    )


def _time(figures: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """List what later days say of choices made on earlier ones."""
    walk, hold_out = figures["walk_forward"], figures["hold_out"]
    n_windows = len(walk["windows"])
    yield (
        "walk-forward",
        figure(walk["net_sharpe"], "ratio"),
        (f"net Sharpe of the best chosen anew, {n_windows} windows"),
    )
    if walk["excess_sharpe"] is not None:
        yield "  beyond the basket", figure(walk["excess_sharpe"], "ratio"), "the same, excess"
    if hold_out is None:
        yield "hold-out", "–", "no split: the search has seen every day"
    else:
        yield (
            "hold-out",
            figure(hold_out["net_sharpe"], "ratio"),
            (f"net Sharpe of {hold_out['n_days']} days nothing has seen, entry charged"),
        )
        if hold_out["excess_sharpe"] is not None:
            value = figure(hold_out["excess_sharpe"], "ratio")
            yield "  beyond the basket", value, "the same, excess"
    overfitting = figures["overfitting"]
    for kind in ("net", "excess"):
        if kind not in overfitting:
            continue
        of_kind = overfitting[kind]
        if kind == overfitting["deflated"]:
            yield (
                f"in sample {of_kind['in_sample']:.1f}",
                f"{of_kind['expected']:.1f}",
                (f"expected of later days ({of_kind['low']:.1f} to {of_kind['high']:.1f})"),
            )
        name = "overfitting" if kind == "net" else "  beyond the basket"
        yield (
            name,
            f"{100 * of_kind['pbo']:.0f} %",
            ("of halves: the best of one is below the middle in the other"),
        )
        yield "", sparkline(of_kind["logit_counts"]), "its place there, last to first"


def _ratios(figures: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """List what the Sharpe ratio alone says."""
    sharpe = figures["sharpe"]
    doubt = "" if sharpe["is_reliable"] else "; a few days decide it, do not read it"
    yield (
        "probabilistic SR",
        f"{100 * sharpe['probabilistic']:.1f} %",
        (f"that its Sharpe ratio is above 0, had it been the only one{doubt}"),
    )
    yield (
        "deflated SR",
        f"{100 * sharpe['deflated']:.1f} %",
        (f"the same, as the best of {figures['population']['n_independent']:,.0f} tries{doubt}"),
    )
    needed = sharpe["min_track_record_days"]
    yield (
        "track record",
        "–" if needed is None else f"{needed:,.0f}",
        ("days needed for a Sharpe ratio above 0 at 95 %, had it been the only one"),
    )
    benchmark = figures["benchmark"]
    if benchmark:
        yield (
            "the basket",
            figure(benchmark["net_sharpe_ratio"], "ratio"),
            (f"Sharpe; {figure(benchmark['annual_return'], 'fraction')} a year, without fees"),
        )


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
    steady = ", ".join(f"{name} {100 * share:.0f} %" for name, share in walk["stability"].items())
    _paragraph(f"windows with the commonest value: {steady}")


def _p(value: float, n_resamples: int) -> str:
    return f"< {1 / n_resamples:g}" if value == 0.0 else f"{value:.3f}"
