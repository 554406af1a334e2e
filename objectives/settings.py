"""Settings of a backtest: its period, its money rules, and what counts as too little data."""

import datetime as dt
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from fractions import Fraction
from typing import Any, Final, Literal

from objectives.constants import FACTOR_INPUTS
from search_spaces.checks import check_whole, likely, shown
from search_spaces.errors import ConfigError

__all__ = ["BacktestSettings", "ResolvedSettings"]

POSITION_MODES = ("percentage_based", "fixed_amount")
DEFAULT_MIN_ACTIVE_DAYS = 60
DEFAULT_MIN_ACTIVE_SHARE = 0.5
LARGEST_CAPITAL = 1e15
"""Where cents are lost in the rounding of floats."""

AUTO: Final = "auto"
"""Of `split_date`: the last 30 % of the days, if there are enough."""

_MIN_DAYS_BEFORE_SPLIT = 181  # the first has no return, and a verdict needs 180
_AUTO_MIN_DAYS = -(-_MIN_DAYS_BEFORE_SPLIT * 10 // 7)


@dataclass(frozen=True, kw_only=True)
class BacktestSettings:
    """How strategies are traded and measured (SEMANTICS section 5); the same for a whole session.

    Parameters
    ----------
    start_date, end_date : date or str, optional
        First day (equity is recorded, nothing is traded) and last day, both included. Default:
        the last date of the panel, and its first date plus the largest data period of the space,
        at most half of the history.
    initial_capital : float
        Money, > 0.
    fee_rate : float
        Fraction of the traded amount paid per side, in [0, 1).
    position_mode : {"percentage_based", "fixed_amount"}
        Entries are sized on the cash left, or on the initial capital.
    factor_input : {"return_1d", "roi_1d"}
        Which column the factors look at; funding is always earned on ``return_1d``.
    position_size : float, optional
        Fraction of the money an entry is sized on, in (0, 1]; default 1 / selection_count.
    max_positions : int, optional
        Most pairs held at once; default selection_count.
    entry_top_n : int, optional
        Pairs of rank 1 to this may be entered; default selection_count.
    exit_threshold : int, optional
        A held pair leaves when its rank is beyond this; default ceil(2.5 x selection_count).
    split_date : date, str or None
        First out-of-sample day; metrics end on the day before, ``oos_`` metrics start here. None
        (or ``"none"``): no day is out of sample. ``"auto"``: the last 30 % of the days from
        start_date to end_date are, where that leaves at least 181 days before them (of 259 days
        the last 78); else none.
    value_at_liquidation : bool
        Measure on equity whose last day is what selling everything would leave; False gives the
        figures of backtest_v5. Nothing is sold either way.
    min_active_days : int
        Fewer days with something held is the failure ``insufficient_data``.
    min_active_share : float
        So is less than this fraction, in [0, 1], of the days after the first one; with a split
        of those before it.

    Raises
    ------
    ConfigError
        For a value outside these ranges, naming the rule and the value.
    """

    start_date: dt.date | None = None
    end_date: dt.date | None = None
    initial_capital: float = 10_000.0
    fee_rate: float = 0.001
    position_mode: str = "percentage_based"
    factor_input: str = "return_1d"
    position_size: float | None = None
    max_positions: int | None = None
    entry_top_n: int | None = None
    exit_threshold: int | None = None
    split_date: dt.date | Literal["auto"] | None = AUTO
    value_at_liquidation: bool = True
    min_active_days: int = DEFAULT_MIN_ACTIVE_DAYS
    min_active_share: float = DEFAULT_MIN_ACTIVE_SHARE

    def __post_init__(self) -> None:
        for name in ("start_date", "end_date"):
            object.__setattr__(self, name, _as_date(name, getattr(self, name)))
        object.__setattr__(self, "split_date", _as_split(self.split_date))
        for name in ("initial_capital", "fee_rate", "position_size", "min_active_share"):
            object.__setattr__(self, name, _as_number(name, getattr(self, name)))
        _require(
            math.isfinite(self.initial_capital) and self.initial_capital > 0,
            f"initial_capital must be above 0, got {self.initial_capital!r}",
        )
        _require(
            self.initial_capital <= LARGEST_CAPITAL,
            f"initial_capital is at most {LARGEST_CAPITAL:,.0f}, got {self.initial_capital!r}",
        )
        _require(
            math.isfinite(self.fee_rate) and 0 <= self.fee_rate < 1,
            f"fee_rate is a fraction of the traded amount in [0, 1), got {self.fee_rate!r}",
        )
        _require(
            self.position_mode in POSITION_MODES,
            f"position_mode is one of {', '.join(POSITION_MODES)}, got {self.position_mode!r}",
        )
        _require(
            self.factor_input in FACTOR_INPUTS,
            f"factor_input is one of {', '.join(FACTOR_INPUTS)}, got {self.factor_input!r}",
        )
        _require(
            self.position_size is None or 0 < self.position_size <= 1,
            f"position_size is a fraction in (0, 1], got {self.position_size!r}",
        )
        for name in ("max_positions", "entry_top_n", "exit_threshold"):
            if getattr(self, name) is not None:
                check_whole(name, getattr(self, name), 1)
        check_whole("min_active_days", self.min_active_days, 0)
        _require(
            0 <= self.min_active_share <= 1,
            f"min_active_share is a fraction of the days in [0, 1], got {self.min_active_share!r}",
        )
        _require(
            isinstance(self.value_at_liquidation, bool),
            f"value_at_liquidation is true or false, got {self.value_at_liquidation!r}",
        )
        if self.start_date and self.end_date:
            _require(
                self.start_date < self.end_date,
                f"start_date must be before end_date, got {self.start_date} and {self.end_date}",
            )
        if isinstance(self.split_date, dt.date) and self.start_date and not self.end_date:
            _require(
                self.start_date < self.split_date,
                f"split_date must be after start_date, got {self.split_date} and {self.start_date}",
            )
        if isinstance(self.split_date, dt.date) and self.start_date and self.end_date:
            first = self.start_date + dt.timedelta(days=2)
            _require(
                first <= self.split_date <= self.end_date,
                f"split_date must be between {first} (two days after start_date) and end_date "
                f"{self.end_date}, got {self.split_date}",
            )

    def least_active_days(self, n_days: int) -> int:
        """Return the number of active days below which a strategy fails.

        Parameters
        ----------
        n_days : int
            Days on which something can be held at their end: all of the measured segment but the
            first day of the backtest.

        Returns
        -------
        int
            The least whole number that is neither below ``min_active_days`` nor below
            ``min_active_share x n_days``.
        """
        # exact: 0.55 x 100 days are 55, and not the 56 of the product of floats rounded up
        share = Fraction(repr(self.min_active_share)) * n_days
        return max(self.min_active_days, math.ceil(share))

    def describe_least(self, n_days: int) -> str:
        """Return :meth:`least_active_days` and where it comes from, for messages."""
        return (
            f"the {self.least_active_days(n_days)} of min_active_days={self.min_active_days} and "
            f"min_active_share={self.min_active_share} x {n_days} days"
        )

    def refuse_hopeless(self, n_best: int, n_days: int) -> None:
        """Refuse a space whose strategies cannot be active on enough days.

        Parameters
        ----------
        n_best : int
            Active days that none of them exceeds.
        n_days : int
            As for :meth:`least_active_days`.

        Raises
        ------
        ConfigError
            If they are too few.
        """
        _require(
            n_best >= self.least_active_days(n_days),
            f"no strategy of this space can be active on more than {n_best} days, fewer than "
            f"{self.describe_least(n_days)}; begin earlier (--start-date), end later, take smaller "
            "values of data_period, or ask for less (--backtest min_active_share=0.2)",
        )

    def with_dates(self, start_date: dt.date, end_date: dt.date) -> "ResolvedSettings":
        """Return a copy measured from ``start_date`` to ``end_date``, its split a date or None."""
        dates = {"start_date": start_date, "end_date": end_date, "split_date": self.split_date}
        if self.split_date == AUTO:
            dates["split_date"] = _auto_split(start_date, end_date)
        return ResolvedSettings(**{**asdict(self), **dates})

    def resolve(self, first: dt.date, last: dt.date, n_warm_up_days: int = 0) -> "ResolvedSettings":
        """Fill in the dates that were left out, and those that ``"auto"`` stands for.

        Parameters
        ----------
        first, last : date
            First and last day of the panel.
        n_warm_up_days : int
            Days of history before a start that was left out, at most half of the days up to
            ``end_date``; days appended after it change nothing.

        Raises
        ------
        ConfigError
            If a date is outside the panel.
        """
        end = self.end_date or last
        _require(
            first <= end <= last,
            f"end_date {end} is outside the data, which goes from {first} to {last}",
        )
        half = ((end - first).days + 1) // 2
        start = self.start_date or first + dt.timedelta(days=min(n_warm_up_days, half))
        _require(
            first <= start <= last,
            f"start_date {start} is outside the data, which goes from {first} to {last}",
        )
        return self.with_dates(start, end)

    def without_auto(self) -> "BacktestSettings":
        """Return them without a split date that nobody named, for what measures all days alike."""
        return replace(self, split_date=None) if self.split_date == AUTO else self

    def to_dict(self) -> dict[str, Any]:
        """Return plain values (dates as ISO text), the inverse of :meth:`from_dict`."""
        return {
            name: value.isoformat() if isinstance(value, dt.date) else value
            for name, value in asdict(self).items()
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "BacktestSettings":
        """Build settings from plain values, refusing unknown names."""
        _require(
            isinstance(values, Mapping), f"backtest settings are a mapping, got {shown(values)}"
        )
        unknown = set(map(str, values)) - set(cls.__dataclass_fields__)
        _require(
            not unknown,
            f"unknown backtest setting {', '.join(sorted(unknown))}; "
            f"{likely(min(unknown, default=''), cls.__dataclass_fields__)}",
        )
        return cls(**values)


@dataclass(frozen=True, kw_only=True)
class ResolvedSettings(BacktestSettings):
    """Settings whose period is known: what an evaluation runs on.

    Parameters
    ----------
    start_date, end_date : date
        First and last day, both included.
    split_date : date or None
        First out-of-sample day.
    """

    start_date: dt.date = field()
    end_date: dt.date = field()
    split_date: dt.date | None = None

    @property
    def n_days(self) -> int:
        """Days from start_date to end_date, both included."""
        return (self.end_date - self.start_date).days + 1

    def describe_split(self, *, was_auto: bool) -> str:
        """Return a sentence on which days are out of sample.

        Parameters
        ----------
        was_auto : bool
            Whether `split_date` was ``"auto"`` before; then it says what that lacks.
        """
        if self.split_date is not None:
            n_after = (self.end_date - self.split_date).days + 1
            days = "1 day" if n_after == 1 else f"{n_after:,} days"
            return f"out of sample from {self.split_date} ({days})"
        if was_auto and self.n_days < _AUTO_MIN_DAYS:
            return f"no split: {self.n_days:,} days, and auto needs {_AUTO_MIN_DAYS}"
        return f"no split: all {self.n_days:,} days are in sample"

    @property
    def n_search_days(self) -> int:
        """Days that the search sees and on which something can be held at their end.

        Of the days before ``split_date``, or of all, every one but the first.
        """
        stop = self.split_date or self.end_date + dt.timedelta(days=1)
        return (stop - self.start_date).days - 1


def _as_date(name: str, value: Any) -> dt.date | None:
    if value is None or (isinstance(value, dt.date) and not isinstance(value, dt.datetime)):
        return value
    try:
        moment = dt.datetime.fromisoformat(str(value))
    except ValueError:
        raise ConfigError(f"{name} is a date like 2025-01-31, got {shown(value)}") from None
    return moment.astimezone(dt.UTC).date() if moment.tzinfo else moment.date()


def _as_split(value: Any) -> dt.date | Literal["auto"] | None:
    """Return a date, ``"auto"``, or None, which may be written ``"none"``."""
    text = value.strip().lower() if isinstance(value, str) else value
    if text == AUTO:
        return AUTO
    if text == "none":
        return None
    try:
        return _as_date("split_date", value)
    except ConfigError:
        raise ConfigError(
            f"split_date is a date like 2025-01-31, auto, or none, got {shown(value)}"
        ) from None


def _auto_split(start: dt.date, end: dt.date) -> dt.date | None:
    """Return the first of the last 30 % of the days, None where too few are before it."""
    n_before = ((end - start).days + 1) * 7 // 10
    return start + dt.timedelta(days=n_before) if n_before >= _MIN_DAYS_BEFORE_SPLIT else None


def _as_number(name: str, value: Any) -> float | None:
    """Return a float, so that 10000 and 10000.0 are the same settings with one fingerprint."""
    if value is None and name == "position_size":
        return None
    _require(
        isinstance(value, (int, float)) and not isinstance(value, bool),
        f"{name} is a number, got {shown(value)}",
    )
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise ConfigError(message)
