"""Every figure of a verdict with what it means, as a terminal and a page list them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from studies.analysis.readable import figure

__all__ = ["figures_of_verdict"]

_Row: TypeAlias = tuple[str, str, str]
_Bars: TypeAlias = Callable[[Sequence[float]], str]
_BEYOND = "  beyond the basket"


def figures_of_verdict(figures: Mapping[str, Any], bars: _Bars) -> list[_Row]:
    """List the figures of a verdict.

    Parameters
    ----------
    figures : mapping
        Of a `objectives.validation.verdict.Verdict` that could compare something (``p_cash`` is
        among them).
    bars : callable
        Draws numbers of at least 0 as a line of text.

    Returns
    -------
    list of tuple of str
        Name, value and meaning; a row without a name goes on with the one before.
    """
    return [*_luck(figures), *_time(figures, bars), *_ratios(figures)]


def _luck(figures: Mapping[str, Any]) -> Iterator[_Row]:
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


def _time(figures: Mapping[str, Any], bars: _Bars) -> Iterator[_Row]:
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
    yield from _halves(figures["overfitting"], bars)


def _halves(overfitting: Mapping[str, Any], bars: _Bars) -> Iterator[_Row]:
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
        yield "", "", f"{bars(of_kind['logit_counts'])} last to first"


def _deflation(of_kind: Mapping[str, Any]) -> _Row:
    label, later = f"in sample {of_kind['in_sample']:.1f}", of_kind["deflation"]
    if later is None:
        return label, "–", "what to expect later is known of the best alone"
    span = f"{later['low']:.1f} to {later['high']:.1f}"
    return label, f"{later['expected']:.1f}", f"to be expected later, {span}"


def _ratios(figures: Mapping[str, Any]) -> Iterator[_Row]:
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


def _p(value: float, n_resamples: int) -> str:
    return f"< {1 / n_resamples:g}" if value == 0.0 else f"{value:.3f}"
