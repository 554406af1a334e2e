"""The market as every objective sees it: daily returns of many pairs, and market caps."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from os import PathLike
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sqlalchemy.engine import URL, Engine

from objectives.constants import DAYS_PER_YEAR, FACTOR_INPUTS, TINY_RETURN
from objectives.market.arrays import canonical_bytes, frozen_floats, frozen_ints
from objectives.market.database import read_database
from objectives.market.days import calendar, utc_day
from objectives.market.events import read_funding_events
from objectives.market.funding_events import MarketNote
from objectives.market.panel_checks import check_pairs, check_returns
from objectives.market.panel_fields import PanelFields
from objectives.market.reading import ReadingOptions
from objectives.market.returns import read_returns
from objectives.market.synthetic import synthetic_market
from search_spaces.errors import DataError

__all__ = ["DAYS_PER_YEAR", "FACTOR_INPUTS", "LOOK_AHEAD_WARNING", "ReturnPanel"]

LOOK_AHEAD_WARNING = (
    "the market caps have no dates: the same value serves all days, so IC weights look ahead; "
    "give the caps a date column"
)

_ONE_DAY = np.timedelta64(1, "D")


@dataclass(frozen=True, kw_only=True, eq=False)
class ReturnPanel:
    """Daily returns of funding-rate pairs on one calendar, with market caps.

    Every objective is built on a panel, whatever the data came from. Take `from_database` for
    the market tables of a project, `from_returns` for a frame or file of daily returns,
    `from_funding_events` for raw funding rates, `synthetic` to try things out. It never changes:
    arrays are read-only (writeable ones are copied on entry).

    Parameters
    ----------
    dates : pandas.DatetimeIndex, shape (n_days,)
        Every calendar day from the first to the last, UTC midnights without a time zone.
    pairs : tuple of str, length n_pairs
        Names ``SYMBOL_exchangeA_exchangeB`` in ascending order, each once. None in a panel
        `without_pairs`.
    returns : float64 array, shape (n_days, n_pairs)
        Fraction of notional earned over day t by being short on exchange A and long on B, known
        at the close of t. NaN: no observation that day. Never infinite.
    roi : float64 array, shape (n_days, n_pairs), optional
        The ``roi_1d`` column where the data bring one that is not simply 365 times the return
        (annualised fraction, known at the close of t). None: ``returns * 365``.
    market_caps : float64 array, shape (n_rows, n_pairs), optional
        Market cap of each pair's symbol, money, greater than 0; NaN: unknown. One row if undated,
        one row per date (the latest value known then, carried forward) if dated.
    market_cap_dates : pandas.DatetimeIndex, shape (n_rows,), optional
        The day at whose close a row of `market_caps` is known, ascending. None: undated.
    source : str
        Where the data came from, for people. Never holds a password.
    warnings : tuple of str
        What a reader of results must know about these data.
    notes : tuple of MarketNote
        What the reader found that a person should look at before a search does.

    Raises
    ------
    DataError
        If shapes do not agree.
    DataError
        If dates are not consecutive UTC midnights, or pairs not ascending and distinct.
    DataError
        If a return is infinite or above a million times the notional.
    DataError
        If a market cap is not positive.

    Examples
    --------
    >>> import pandas as pd
    >>> from objectives import ReturnPanel
    >>> rows = [("BTC_a_b", "2024-01-01", 1e-4), ("BTC_a_b", "2024-01-03", -2e-4)]
    >>> frame = pd.DataFrame(rows, columns=["trading_pair", "date", "return_1d"])
    >>> panel = ReturnPanel.from_returns(frame)
    >>> panel.returns.tolist()  # a day without a row is NaN
    [[0.0001], [nan], [-0.0002]]
    >>> panel.day("2024-01-03"), panel.symbols
    (2, ('BTC',))
    """

    dates: pd.DatetimeIndex
    pairs: tuple[str, ...]
    returns: NDArray[np.float64]
    roi: NDArray[np.float64] | None = None
    market_caps: NDArray[np.float64] = field(default_factory=lambda: np.empty((0, 0)))
    market_cap_dates: pd.DatetimeIndex | None = None
    source: str = "arrays"
    warnings: tuple[str, ...] = ()
    notes: tuple[MarketNote, ...] = ()

    def __post_init__(self) -> None:
        set_field = object.__setattr__
        set_field(self, "pairs", tuple(self.pairs))
        set_field(self, "warnings", tuple(self.warnings))
        set_field(self, "notes", tuple(self.notes))
        set_field(self, "dates", calendar(self.dates))
        shape = (len(self.dates), len(self.pairs))
        check_pairs(self.pairs)
        set_field(self, "returns", frozen_floats(self.returns, shape, "returns"))
        check_returns(self.returns, self.dates, self.pairs)
        if self.roi is not None:
            roi = frozen_floats(self.roi, shape, "roi")
            same = np.array_equal(roi, self.returns * DAYS_PER_YEAR, equal_nan=True)
            set_field(self, "roi", None if same else roi)
        returns = np.where(np.abs(self.returns) < TINY_RETURN, 0.0, self.returns)  # -0 too
        set_field(self, "returns", frozen_floats(returns, shape, "returns"))
        self._settle_market_caps()

    def _settle_market_caps(self) -> None:
        caps = np.asarray(self.market_caps, dtype=np.float64)
        n_rows = caps.shape[0] if caps.ndim == 2 else 0
        dates = self.market_cap_dates
        if n_rows == 0:
            caps, dates = np.empty((0, self.n_pairs)), None
        elif dates is None and n_rows > 1:
            raise DataError(f"undated market caps have one row, not {n_rows}; give their dates")
        elif dates is not None:
            dates = pd.DatetimeIndex(dates).as_unit("us")
            if len(dates) != n_rows or not (dates.is_unique and dates.is_monotonic_increasing):
                raise DataError(f"market_cap_dates must be {n_rows} distinct ascending days")
        caps = frozen_floats(caps, (n_rows, self.n_pairs), "market_caps")
        known = caps[~np.isnan(caps)]
        if not (np.isfinite(known) & (known > 0)).all():
            raise DataError("market caps must be greater than 0 and finite, or NaN if unknown")
        object.__setattr__(self, "market_caps", caps)
        object.__setattr__(self, "market_cap_dates", dates)
        if self.caps_look_ahead and LOOK_AHEAD_WARNING not in self.warnings:
            object.__setattr__(self, "warnings", (*self.warnings, LOOK_AHEAD_WARNING))

    def __repr__(self) -> str:
        span = f"{self.dates[0]:%Y-%m-%d}..{self.dates[-1]:%Y-%m-%d}"
        return f"ReturnPanel({self.n_days} days {span}, {self.n_pairs} pairs, from {self.source})"

    @classmethod
    def from_database(
        cls, url_or_engine: str | URL | Engine, pairs: Sequence[str] | None = None
    ) -> ReturnPanel:
        """Read the tables ``return_metrics`` and, if there, the market caps of a database.

        See :func:`objectives.market.database.read_database`.
        """
        return cls.of_fields(read_database(url_or_engine, pairs))

    @classmethod
    def from_returns(
        cls,
        frame_or_path: pd.DataFrame | str | PathLike[str],
        market_caps: pd.DataFrame | str | PathLike[str] | None = None,
    ) -> ReturnPanel:
        """Read columns ``trading_pair, date, return_1d [, roi_1d]`` of a frame, CSV or Parquet.

        See :func:`objectives.market.returns.read_returns`.
        """
        return cls.of_fields(read_returns(frame_or_path, market_caps))

    @classmethod
    def from_funding_events(
        cls,
        sources: pd.DataFrame | str | PathLike[str] | Sequence[str | PathLike[str]],
        exchanges: Sequence[str] | None = None,
        start_date: Any = None,
        end_date: Any = None,
        both_directions: bool = False,
        market_caps: pd.DataFrame | str | PathLike[str] | None = None,
        *,
        incomplete_days: str = "drop",
        reading: ReadingOptions | None = None,
    ) -> ReturnPanel:
        """Build pairs from raw funding rates, as exchanges and tools publish them.

        See :func:`objectives.market.events.read_funding_events`.
        """
        return cls.of_fields(
            read_funding_events(
                sources,
                exchanges=exchanges,
                start_date=start_date,
                end_date=end_date,
                both_directions=both_directions,
                market_caps=market_caps,
                incomplete_days=incomplete_days,
                reading=reading,
            )
        )

    @classmethod
    def without_pairs(cls, first: Any, last: Any) -> ReturnPanel:
        """Return a calendar without a market, for objectives that bring their own data.

        Parameters
        ----------
        first, last : date
            Both included.
        """
        dates = pd.date_range(first, last, freq="D")
        return cls(dates=dates, pairs=(), returns=np.empty((len(dates), 0)), source="no market")

    @classmethod
    def synthetic(
        cls, n_pairs: int = 200, n_days: int = 840, seed: int = 0, edge: float = 1.0
    ) -> ReturnPanel:
        """Draw an invented market, the same for the same arguments.

        See :func:`objectives.market.synthetic.synthetic_market`.
        """
        return cls.of_fields(synthetic_market(n_pairs=n_pairs, n_days=n_days, seed=seed, edge=edge))

    @classmethod
    def of_fields(cls, found: PanelFields) -> ReturnPanel:
        """Check what a reader found and make a panel of it."""
        return cls(**{each.name: getattr(found, each.name) for each in fields(found)})

    @property
    def n_days(self) -> int:
        """Number of calendar days."""
        return len(self.dates)

    @property
    def n_pairs(self) -> int:
        """Number of pairs."""
        return len(self.pairs)

    @cached_property
    def symbols(self) -> tuple[str, ...]:
        """Symbol of each pair, length n_pairs: the text before the first ``_``."""
        return tuple(pair.split("_", 1)[0] for pair in self.pairs)

    @cached_property
    def market_cap_row(self) -> NDArray[np.int64]:
        """Row of `market_caps` to use on day d, shape (n_days,).

        Dated caps: the last row known at the close of day d-1, -1 when there is none yet.
        Undated caps: 0 on all days. No caps: -1 on all days.
        """
        if self.market_cap_dates is not None:
            known_at = self.dates.to_numpy() - _ONE_DAY
            rows = np.searchsorted(self.market_cap_dates.to_numpy(), known_at, side="right") - 1
        else:
            rows = np.full(self.n_days, len(self.market_caps) - 1)
        return frozen_ints(rows)

    @property
    def caps_look_ahead(self) -> bool:
        """Whether the caps are undated, so that IC weights of early days know the future."""
        return len(self.market_caps) > 0 and self.market_cap_dates is None

    @cached_property
    def has_market_caps(self) -> bool:
        """Whether at least one cap is known on at least one day."""
        used = np.unique(self.market_cap_row[self.market_cap_row >= 0])
        return bool(np.isfinite(self.market_caps[used]).any())

    @cached_property
    def first_observation(self) -> NDArray[np.int64]:
        """Day index of the first non-NaN return, shape (n_pairs,); n_days where there is none."""
        seen = ~np.isnan(self.returns)
        first = np.where(seen.any(axis=0), seen.argmax(axis=0), self.n_days)
        return frozen_ints(first)

    def factor_input(self, column: str = "return_1d") -> NDArray[np.float64]:
        """Return the column that factors are computed from.

        Parameters
        ----------
        column : {"return_1d", "roi_1d"}
            ``roi_1d`` is the given column, or 365 times the return where none was given.

        Returns
        -------
        float64 array, shape (n_days, n_pairs)
            Read-only; known at the close of each day; NaN: no observation.

        Raises
        ------
        DataError
            If `column` is neither.
        """
        if column not in FACTOR_INPUTS:
            raise DataError(f"factor input must be one of {', '.join(FACTOR_INPUTS)}, {column=}")
        if column == "return_1d":
            return self.returns
        return self._roi_1d

    @cached_property
    def _roi_1d(self) -> NDArray[np.float64]:
        if self.roi is not None:
            return self.roi
        return frozen_floats(self.returns * DAYS_PER_YEAR, self.returns.shape, "roi")

    def day(self, date: Any) -> int:
        """Return the index of a calendar day.

        Parameters
        ----------
        date : str, datetime.date, datetime.datetime or pandas.Timestamp
            A naive one is UTC, others are converted; the time of day is dropped.

        Raises
        ------
        DataError
            If `date` is not a date or lies outside the panel.
        """
        stamp = utc_day(date)
        index = (stamp - self.dates[0]).days
        if not 0 <= index < self.n_days:
            raise DataError(
                f"{stamp:%Y-%m-%d} is outside the panel, which goes from "
                f"{self.dates[0]:%Y-%m-%d} to {self.dates[-1]:%Y-%m-%d}"
            )
        return index

    def until(self, date: Any) -> ReturnPanel:
        """Return the panel cut after a day: what was known at its close.

        All pairs stay, so arrays keep their columns; pairs first listed later are all NaN.
        Dated market caps are cut too.

        Parameters
        ----------
        date : str, datetime.date, datetime.datetime or pandas.Timestamp
            The last day that stays; a day of the panel.
        """
        stop = self.day(date) + 1
        caps, cap_dates = self.market_caps, self.market_cap_dates
        if cap_dates is not None:
            n_known = int((cap_dates <= self.dates[stop - 1]).sum())
            caps, cap_dates = caps[:n_known], cap_dates[:n_known]
        return replace(
            self,
            dates=self.dates[:stop],
            returns=self.returns[:stop],
            roi=None if self.roi is None else self.roi[:stop],
            market_caps=caps,
            market_cap_dates=cap_dates,
        )

    def fingerprint(self, end_date: Any = None, include_caps: bool = True) -> str:
        """Hash everything a backtest up to a day depends on.

        Parameters
        ----------
        end_date : date, optional
            Rows after this day, and pairs first listed after it, are left out, so that a daily
            append does not change the fingerprint of what came before. None: the last day.
        include_caps : bool
            Whether the market caps in use up to `end_date` are part of it.

        Returns
        -------
        str
            64 hexadecimal digits (SHA-256).
        """
        stop = self.n_days if end_date is None else self.day(end_date) + 1
        seen = self.first_observation < stop
        digest = hashlib.sha256(b"ReturnPanel 1")
        digest.update(f"{self.dates[0]:%Y-%m-%d} {stop}\n".encode())
        digest.update("\n".join(np.array(self.pairs, dtype=object)[seen]).encode())
        digest.update(canonical_bytes(self.returns[:stop, seen]))
        digest.update(canonical_bytes(self.factor_input("roi_1d")[:stop, seen]))
        if include_caps and len(self.market_caps):
            rows = self.market_cap_row[:stop]
            caps = np.where((rows >= 0)[:, None], self.market_caps[rows], np.nan)[:, seen]
            digest.update(canonical_bytes(caps) if np.isfinite(caps).any() else b"")
        return digest.hexdigest()

    def to_frame(self) -> pd.DataFrame:
        """Return the long form, one row per observation, by pair and then date.

        Returns
        -------
        pandas.DataFrame
            Columns ``trading_pair, date, return_1d, roi_1d``; days without an observation have
            no row. :meth:`from_returns` reads it back.
        """
        pair, day = np.nonzero(~np.isnan(self.returns.T))
        return pd.DataFrame(
            {
                "trading_pair": np.array(self.pairs, dtype=object)[pair],
                "date": self.dates[day],
                "return_1d": self.returns[day, pair],
                "roi_1d": self.factor_input("roi_1d")[day, pair],
            }
        )
