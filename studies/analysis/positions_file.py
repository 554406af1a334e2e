"""Positions as a CSV file, which `--from` reads on the next day."""

import csv
import io

from studies.analysis.export_files import guarded
from studies.analysis.held_positions import CASH, POSITION_COLUMNS
from studies.analysis.output_file import Target, replaced_output
from studies.analysis.positions import Position, Positions, order_of

__all__ = ["write_positions"]

_DECIMALS = 6


def write_positions(positions: Positions, target: Target) -> None:
    """Write a row for each pair, and one for the cash.

    Parameters
    ----------
    positions : Positions
    target : str, Path or binary file
        A file is complete or not there.

    Raises
    ------
    ConfigError
        If it is a folder, or in one that does not exist.
    OSError
        If it cannot be written.
    """
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, POSITION_COLUMNS, restval="", lineterminator="\n")
    writer.writeheader()
    days = {"ranking_date": positions.ranking_date, "date": positions.date}
    for position in positions.positions:
        writer.writerow({**_row(position, positions.fee_rate), **days})
    writer.writerow({"trading_pair": CASH, "amount": _money(positions.cash), **days})
    with replaced_output(target) as file:
        file.write(text.getvalue().encode())


def _row(position: Position, fee_rate: float) -> dict[str, object]:
    (pair,) = guarded([position.trading_pair])
    row: dict[str, object] = {
        "trading_pair": pair,
        "amount": _money(position.amount),
        "held": _money(position.held),
        "trade": _money(position.trade),
        "fee": _money(fee_rate * abs(position.trade)),
        "rank": position.rank,
        "score": position.score,
        "last_observation": position.last_observation,
    }
    for leg in position.legs:
        row[f"{leg.side}_exchange"] = leg.exchange
        row[f"{leg.side}_order"] = order_of(leg, position.trade)
    if position.legs:
        row["leg_amount"] = _money(position.amount / 2.0)
        row["leg_trade"] = _money(abs(position.trade) / 2.0)
    return row


def _money(amount: float) -> float:
    """Round to less than anybody pays, so that no binary fraction is written."""
    return round(amount, _DECIMALS) + 0.0
