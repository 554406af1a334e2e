"""What is held now, read from a file as `mass-tuning positions -o` writes it."""

import csv
import io
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from search_spaces.errors import ConfigError, DataError
from search_spaces.short_files import read_short_file
from studies.analysis.export_files import FORMULA

__all__ = ["CASH", "NOTHING", "POSITION_COLUMNS", "Held", "read_held"]

CASH = "cash"
"""Stands for a trading pair in the row with the money that is not in any."""

NOTHING = "nothing"
"""Says that nothing is held, in the place of a file."""

POSITION_COLUMNS = (
    "trading_pair",
    "amount",
    "held",
    "trade",
    "fee",
    "rank",
    "score",
    "last_observation",
    "short_exchange",
    "short_order",
    "long_exchange",
    "long_order",
    "leg_amount",
    "leg_trade",
    "ranking_date",
    "date",
)

_NEEDED = POSITION_COLUMNS[:2]
_NUMBER = re.compile(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?")


@dataclass(frozen=True)
class Held:
    """What is held now.

    Attributes
    ----------
    source : str
        ``file``, or :data:`NOTHING`.
    amounts : mapping of str to float
        Money in each pair, above 0.
    cash : float or None
        Money in none; None if that is not known.
    """

    source: str
    amounts: Mapping[str, float] = field(default_factory=dict)
    cash: float | None = None
    _places: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def worth(self) -> float:
        """Cash and amounts.

        Raises
        ------
        ConfigError
            If the cash is not known.
        """
        if self.cash is None:
            raise ConfigError(
                "the file has no row of cash, so it does not say what all is worth; add the row "
                f"{CASH}, or give --capital X"
            )
        return self.cash + sum(self.amounts.values())

    def place_of(self, trading_pair: str) -> str:
        """Return file and row of a pair, for messages."""
        return self._places[trading_pair]


def read_held(path: str | Path) -> Held:
    """Read positions from a CSV file.

    Parameters
    ----------
    path : str or Path
        With the columns ``trading_pair`` and ``amount`` (money in the pair, both legs together);
        the others that `positions` writes may be there and are not looked at. A row ``cash`` says
        how much money is in no pair.

    Returns
    -------
    Held

    Raises
    ------
    DataError
        If the file cannot be read, naming the row.
    """
    try:
        lines = io.StringIO(read_short_file(path, "utf-8-sig"), newline="")
        return _held(str(path), csv.reader(lines, strict=True))
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path} is not a CSV file: {error}") from None


def _held(path: str, rows: Iterator[Sequence[str]]) -> Held:
    header = [name.strip() for name in next(rows, [])]
    _check_header(path, header)
    amounts: dict[str, float] = {}
    places: dict[str, str] = {}
    cash = None
    for number, row in enumerate(rows, start=2):
        if not any(cell.strip() for cell in row):
            continue
        place = f"{path}, row {number}"
        if len(row) != len(header):
            raise DataError(f"{place}: {len(row)} cells where the header has {len(header)}")
        cells = dict(zip(header, row, strict=True))
        pair, text = _plain(cells["trading_pair"].strip()), cells["amount"].strip()
        if not pair:
            raise DataError(f"{place}: trading_pair is empty")
        if pair in places:
            raise DataError(f"{place}: {pair} is there already, in {places[pair]}")
        places[pair] = place
        amount = float(text) if _NUMBER.fullmatch(text) else math.nan
        if not math.isfinite(amount):
            raise DataError(f"{place}: amount is a number like 1234.56, got {text!r}")
        if pair == CASH:
            cash = amount
        elif amount < 0.0:
            raise DataError(
                f"{place}: amount is the money in both legs of the pair, 0 or more, got {text}"
            )
        elif amount > 0.0:
            amounts[pair] = amount
    return Held("file", amounts, cash, places)


def _check_header(path: str, header: list[str]) -> None:
    missing = [name for name in _NEEDED if name not in header]
    if missing:
        raise DataError(f"{path}, row 1: no column {' and no column '.join(missing)}")
    for name in header:
        if name not in POSITION_COLUMNS:
            raise DataError(
                f"{path}, row 1: unknown column {name!r}; known are {', '.join(POSITION_COLUMNS)}"
            )
        if header.count(name) > 1:
            raise DataError(f"{path}, row 1: the column {name} is there twice")


def _plain(text: str) -> str:
    """Take away the apostrophe that keeps a spreadsheet from computing a text."""
    return text[1:] if text[:1] == "'" and text[1:2] and text[1] in FORMULA else text
