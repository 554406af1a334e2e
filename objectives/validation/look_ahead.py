"""Whether decisions know the future: they are made again in markets with another one."""

import datetime as dt
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from objectives.base import Objective, Points
from objectives.factor_backtest import FactorBacktest
from objectives.frame_objective import FrameObjective
from objectives.market import ReturnPanel
from objectives.validation.decisions import (
    Difference,
    compare_days,
    compare_factors,
    compare_figures,
    compare_rankings,
    compare_same_day,
)
from objectives.validation.other_futures import (
    FUTURE_PARTS,
    with_day_scaled,
    with_other_caps,
    with_other_future,
)
from search_spaces.errors import ConfigError

__all__ = ["Finding", "LookAhead", "find_look_ahead"]

Make = Callable[[ReturnPanel], Objective]


@dataclass(frozen=True)
class Finding:
    """Something that depends on what was not known yet.

    Attributes
    ----------
    kind : str
        ``factor``, ``ranking``, ``exposure`` or ``net return``: it changed although only later
        days did. ``same day``: what a strategy held over a day was chosen by the returns of that
        day. ``figures``: they depend on days after end_date. ``undated market caps``: the same
        caps serve all days. ``period``: the days measured depend on later ones.
    what : str
        The code of the factor, or the id of the strategy.
    day : date or None
        First day found; earlier ones may exist between the days that were looked at.
    size : float
        Largest difference: of factor values, scores, fractions of wealth or figures; infinite
        where a value appeared, vanished or changed its pair.
    cause : str
        The parts of the future, among ``returns``, ``listings`` and ``market caps``, that are
        enough by themselves; all of them where it takes several at once; empty where the kind
        says it.
    """

    kind: str
    what: str
    day: dt.date | None
    size: float
    cause: str = ""


@dataclass(frozen=True)
class LookAhead:
    """What was looked at, and what was found.

    Attributes
    ----------
    findings : tuple of Finding
        One for each kind and thing, the first day first.
    days : tuple of date
        Days after which the future was replaced.
    n_compared : int
        Decisions compared: factor values, ranks, and days of strategies.
    unseen : tuple of str
        Sentences on what could not be looked at.
    """

    findings: tuple[Finding, ...]
    days: tuple[dt.date, ...]
    n_compared: int
    unseen: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing was found and something was compared."""
        return not self.findings and self.n_compared > 0

    def to_dict(self) -> dict[str, Any]:
        """Return plain values: dates as ISO text, None for an infinite size."""
        findings = []
        for finding in self.findings:
            day = None if finding.day is None else finding.day.isoformat()
            size = finding.size if np.isfinite(finding.size) else None
            findings.append({**asdict(finding), "day": day, "size": size})
        return {
            "ok": self.ok,
            "findings": findings,
            "days": [day.isoformat() for day in self.days],
            "n_compared": self.n_compared,
            "unseen": list(self.unseen),
        }


def find_look_ahead(
    make: Make,
    panel: ReturnPanel,
    points: Points,
    *,
    n_cuts: int = 5,
    seed: int = 0,
    on_progress: Callable[[int, int], None] | None = None,
) -> LookAhead:
    """Replace the future after several days, and see whether decisions up to them change.

    Bit for bit the same must be: factor values and rankings up to the day (of a
    :class:`FactorBacktest`), what strategies earned on the days up to it, and what they held up to
    the day after it (of any objective that has `Objective.daily_returns`); and all figures if only
    days after end_date change. What a strategy earned on a day must besides be proportional to
    the returns of that day, up to a twentieth for fees: if it is not, what it held was chosen
    with them.

    Parameters
    ----------
    make : callable
        Makes the objective of a panel: everything that is computed from the market must be
        computed in it, factor cubes and registered factors too. It is called two to five times
        for each cut.
    panel : ReturnPanel
        The market.
    points : ndarray of int64 or sequence, length n_strategies
        Lattice indices, or parameters. Few suffice: they share factors and code.
    n_cuts : int
        Days after which the future is replaced, spread evenly over the backtest; at least 1.
    seed : int
        Of the other futures.
    on_progress : callable, optional
        Called with the number of cuts done and of all.

    Returns
    -------
    LookAhead

    Raises
    ------
    ConfigError
        If there are no points, no cuts, or fewer than three days.
    """
    if n_cuts < 1 or len(points) == 0:
        raise ConfigError(
            f"at least one cut and one point are needed, got {n_cuts=}, {len(points)=}"
        )
    search = _Search(make, panel, points, seed)
    days = search.cut_days(n_cuts)
    for n_done, day in enumerate(days):
        search.cut(day)
        if on_progress is not None:
            on_progress(n_done + 1, len(days))
    search.beyond_the_end()
    search.undated_caps()
    findings = sorted(search.found.values(), key=lambda each: (each.day or dt.date.min, each.what))
    dates = tuple(panel.dates[day].date() for day in days)
    return LookAhead(tuple(findings), dates, search.n_compared, tuple(search.unseen))


class _Search:
    """The objective of the real market, and what others were found to differ in."""

    def __init__(self, make: Make, panel: ReturnPanel, points: Points, seed: int) -> None:
        self._make, self._panel, self._seed = make, panel, seed
        self._objective = make(panel)
        self._points = points
        space = self._objective.space
        self._ids = [space.strategy_id(params) for params in self._objective.strategies(points)]
        self._start = panel.day(self._objective.settings.start_date)
        self._end = panel.day(self._objective.settings.end_date)
        self.found: dict[tuple[str, str], Finding] = {}
        self.unseen: list[str] = []
        self.n_compared = 0
        self._has_days = self._objective.daily_returns(self._points) is not None
        if not self._has_days:
            self.unseen.append(
                f"{type(self._objective).__name__} does not say what strategies earned on each "
                "day, so a decision that knows later days of the same period cannot be seen; give "
                "it daily returns (docs/own_objective.md)"
            )

    def cut_days(self, n_cuts: int) -> list[int]:
        """Days of the panel after which the future is replaced."""
        if self._end - self._start < 2:
            raise ConfigError("a backtest of fewer than three days has no future to replace")
        spread = np.linspace(self._start, self._end, n_cuts + 2)[1:-1]
        return np.unique(np.minimum(spread.round(), self._end - 1).astype(np.int64)).tolist()

    def cut(self, day: int) -> None:
        """Replace the future after a day, and name the part of it that matters."""
        if not self._has_days:
            self._figures_at(day)
            return
        other = self._made(day, FUTURE_PARTS)
        differences, n_compared = self._compare(other, day)
        self.n_compared += n_compared
        if differences:
            causes: dict[tuple[str, str], list[str]] = {}
            for part in FUTURE_PARTS:
                for each in self._compare(self._made(day, (part,)), day)[0]:
                    causes.setdefault((each.kind, each.what), []).append(part)
            for each in differences:
                cause = causes.get((each.kind, each.what), list(FUTURE_PARTS))
                self._note(each, ", ".join(cause))
        if not isinstance(self._objective, FactorBacktest):
            self._same_day(day)

    def beyond_the_end(self) -> None:
        """Replace what came after end_date: no figure may change."""
        if self._end + 1 < self._panel.n_days:
            self._note_figures(self._objective, self._made(self._end, FUTURE_PARTS), self._end)

    def undated_caps(self) -> None:
        """Replace undated market caps: a strategy that changes uses them on all days."""
        if not self._panel.caps_look_ahead:
            return
        other = self._make(with_other_caps(self._panel, seed=self._seed))
        for each in compare_figures(self._objective, other, self._points, self._ids):
            self._note(replace(each, kind="undated market caps"), "")

    def _made(self, day: int, parts: tuple[str, ...]) -> Objective:
        return self._make(with_other_future(self._panel, day, seed=self._seed, parts=parts))

    def _compare(self, other: Objective, day: int) -> tuple[list[Difference], int]:
        """Differences of decisions up to a day, and the number of decisions compared."""
        one, date = self._objective, self._panel.dates[day].date()
        results = [compare_days(one, other, self._points, self._ids, date)]
        if isinstance(one, FactorBacktest) and isinstance(other, FactorBacktest):
            results.append(compare_factors(one, other, date))
            results.append(compare_rankings(one, other, self._points, self._ids, date))
        return [each for found, _ in results for each in found], sum(n for _, n in results)

    def _same_day(self, day: int) -> None:
        """Turn the returns of one day round, in three markets that are alike before it."""
        future = with_other_future(self._panel, day, seed=self._seed, parts=("returns",))
        objectives = [self._make(with_day_scaled(future, day + 1, x)) for x in (1.0, -1.0, 0.0)]
        date = self._panel.dates[day + 1].date()
        found, n_compared = compare_same_day(objectives, self._points, self._ids, date)
        self.n_compared += n_compared
        for each in found:
            self._note(each, "")

    def _figures_at(self, day: int) -> None:
        """Compare figures of a backtest that ends on a day, with and without the days after it."""
        one = self._objective
        if not isinstance(one, FrameObjective):
            return
        settings = one.settings.with_dates(one.settings.start_date, self._panel.dates[day].date())
        if settings.split_date is not None:
            settings = replace(settings, split_date=None)
        panels = (
            self._panel.until(settings.end_date),
            with_other_future(self._panel, day, seed=self._seed),
        )
        cut, longer = (
            type(one)(panel, settings, space=one.space, metrics=dict(one.directions), **one.options)
            for panel in panels
        )
        self._note_figures(cut, longer, day)

    def _note_figures(self, one: Objective, other: Objective, day: int) -> None:
        self.n_compared += len(self._points)
        for each in compare_figures(one, other, self._points, self._ids):
            self._note(replace(each, day=self._panel.dates[day].date()), "")

    def _note(self, difference: Difference, cause: str) -> None:
        """Keep the first day and the largest size of each kind and thing."""
        key = (difference.kind, difference.what)
        found = Finding(difference.kind, difference.what, difference.day, difference.size, cause)
        known = self.found.get(key)
        if known is not None:
            first = min(known, found, key=lambda each: each.day or dt.date.max)
            found = replace(first, size=max(known.size, found.size))
        self.found[key] = found
