"""``import`` and ``export``: a market into the database, results out of it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from studies.cli.context import Command, Context, command_options, database_url, session_option
from studies.cli.output import pairs, print_json, say, size, style, warn
from studies.cli.progress import counting, waiting

if TYPE_CHECKING:
    from objectives import ReturnPanel

__all__ = ["export_command", "import_command", "import_market"]

_EVENT_COLUMNS = ("timestamp", "symbol", "exchange", "funding_rate")
_RETURN_COLUMNS = ("trading_pair", "date", "return_1d")
_SOURCES = (
    "a database URL or .db file, a .csv, .csv.gz or .parquet file of returns or of funding events, "
    "or the word synthetic"
)
_SYNTHETIC = {"n_pairs": 200, "n_days": 840, "seed": 0, "edge": 1.0}


@dataclass(frozen=True)
class _Request:
    """What is to be imported, and from where."""

    kind: str  # database, returns, events, synthetic
    source: str
    market_caps: str | None
    exchanges: list[str] | None
    start_date: str | None
    end_date: str | None
    both_directions: bool
    synthetic: dict[str, Any]


@click.command(
    "import",
    cls=Command,
    short_help="Bring a market into the database.",
    examples="""
    mass-tuning import funding_events.parquet --exchanges binance,bybit
    mass-tuning import returns.csv --market-caps caps.csv
    mass-tuning import old/funding_rate.db --start-date 2024-07-01
    mass-tuning import synthetic --n-pairs 50 --edge 0
    mass-tuning import --market-caps caps.csv     # for the returns already there
    """,
)
@click.argument("source", required=False)
@click.option(
    "--market-caps", metavar="FILE", help="CSV or Parquet with symbol, market_cap [, date]."
)
@click.option("--exchanges", metavar="A,B", help="Funding events: use these exchanges only.")
@click.option("--start-date", metavar="DATE", help="First day to import.")
@click.option("--end-date", metavar="DATE", help="Last day to import.")
@click.option(
    "--both-directions", is_flag=True, help="Funding events: also each pair the other way round."
)
@click.option("--n-pairs", type=click.IntRange(min=1), help="Synthetic: pairs.  [default: 200]")
@click.option("--n-days", type=click.IntRange(min=1), help="Synthetic: days.  [default: 840]")
@click.option("--seed", type=click.IntRange(min=0), help="Synthetic: seed.  [default: 0]")
@click.option(
    "--edge",
    type=click.FloatRange(min=0.0),
    help="Synthetic: size of the persistent returns, 0 for none.  [default: 1]",
)
@command_options
@click.pass_obj
def import_command(
    context: Context,
    source: str | None,
    market_caps: str | None,
    exchanges: str | None,
    start_date: str | None,
    end_date: str | None,
    both_directions: bool,
    **synthetic: Any,
) -> None:
    """Write a market into return_metrics and market_caps of the database.

    SOURCE is a database (URL or .db file), a CSV or Parquet file of daily returns (trading_pair,
    date, return_1d) or of raw funding events (timestamp, symbol, exchange, funding_rate), or the
    word synthetic. Importing again updates the same rows; nothing is deleted.
    """
    target = context.config.market.database or context.config.database
    if source is None:
        if market_caps is None:
            raise click.ClickException(f"import what? SOURCE is {_SOURCES}")
        source = target
    request = _Request(
        kind=_kind(source),
        source=source,
        market_caps=market_caps,
        exchanges=[name.strip() for name in exchanges.split(",")] if exchanges else None,
        start_date=start_date,
        end_date=end_date,
        both_directions=both_directions,
        synthetic={name: value for name, value in synthetic.items() if value is not None},
    )
    _refuse_misplaced(request)
    context.hint = "; what is written stays, import again to complete it"
    with waiting(f"reading {_shown(source)}"):
        panel = _cut(_read(request), request)
    summary = import_market(panel, target)
    if context.as_json:
        told = asdict(summary)
        told.update(source=panel.source, kind=request.kind, warnings=list(panel.warnings))
        print_json(told)
        return
    for text in panel.warnings:
        warn(text)
    say(f"{style('imported', fg='green')} {panel.source} into {summary.database}")
    n_caps = f"{summary.n_market_caps:,} symbols" if summary.n_market_caps else "none"
    if summary.n_dated_market_caps:
        n_caps += f", {summary.n_dated_market_caps:,} dated values"
    pairs(
        [
            ("returns", f"{summary.n_returns:,} rows of {summary.n_pairs:,} pairs"),
            ("days", f"{summary.first_date} to {summary.last_date}"),
            ("market caps", n_caps),
        ]
    )
    without_ic = "" if panel.has_market_caps else " --set weight_method=EQ,FS"
    say(f"next: {context.command(f'generate --mode exhaustive{without_ic}')}")


@click.command(
    "export",
    cls=Command,
    short_help="Write all results to a CSV, JSON or Parquet file.",
    examples="""
    mass-tuning export
    mass-tuning export --format parquet -o results.parquet
    mass-tuning export --session session_20250131_120000_1234 -o all.json
    mass-tuning export --pareto -o front.csv
    """,
)
@session_option("the newest with results")
@click.option(
    "--format",
    "file_format",
    type=click.Choice(["csv", "json", "parquet"]),
    help="Default: by the ending of the file, else csv. json is one object a line.",
)
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    help="Default: the session id in the current folder; an existing file is replaced.",
)
@click.option(
    "--pareto", is_flag=True, help="Several objectives: only strategies on the Pareto front."
)
@command_options
@click.pass_obj
def export_command(
    context: Context,
    session_id: str | None,
    file_format: str | None,
    output: str | None,
    pareto: bool,
) -> None:
    """Write every result of a session to a file, failed strategies and their reasons included.

    With several objectives the column pareto tells the strategies on the Pareto front.
    """
    from studies.analysis import export_results

    session = context.session(session_id, "results")
    if output is None:
        file_format = file_format or "csv"
        output = f"{session.row.session_id}.{file_format}"
    with waiting(f"writing {output}"):
        n_rows = export_results(session, output, file_format, pareto=pareto)
    n_bytes = Path(output).stat().st_size
    if context.as_json:
        print_json(
            {
                "session_id": session.row.session_id,
                "file": output,
                "format": file_format or {"jsonl": "json"}.get(ending := _ending(output), ending),
                "strategies": n_rows,
                "bytes": n_bytes,
            }
        )
        return
    of = f"{'the Pareto front of ' if pareto else ''}{session.row.session_id}"
    say(f"{n_rows:,} strategies of {of} in {output} ({size(n_bytes)})")


def import_market(panel: ReturnPanel, database: str) -> Any:
    """Write a panel with a progress bar; return the `ImportSummary`."""
    from studies.database import create_engine
    from studies.market import import_panel

    engine = create_engine(database)
    try:
        with counting("importing") as advance:
            return import_panel(panel, engine, on_progress=advance)
    finally:
        engine.dispose()


def _kind(source: str) -> str:
    from search_spaces.errors import DataError

    name = source.lower()
    if name == "synthetic":
        return "synthetic"
    if "://" in source or name.endswith((".db", ".sqlite", ".sqlite3")):
        return "database"
    if not name.endswith((".csv", ".csv.gz", ".parquet")):
        raise DataError(f"{source}: a market comes from {_SOURCES}")
    columns = _columns(source)
    for kind, wanted in (("events", _EVENT_COLUMNS), ("returns", _RETURN_COLUMNS)):
        if set(wanted) <= columns:
            return kind
    raise DataError(
        f"{source}: has neither the columns of returns ({', '.join(_RETURN_COLUMNS)}) nor of "
        f"funding events ({', '.join(_EVENT_COLUMNS)}); it has {', '.join(sorted(columns))}"
    )


def _columns(path: str) -> set[str]:
    """Names in the head of a file."""
    import csv
    import gzip

    from search_spaces.errors import DataError

    try:
        if path.lower().endswith(".parquet"):
            import pyarrow as pa
            import pyarrow.parquet as pq

            try:
                return set(pq.read_schema(path).names)
            except pa.ArrowInvalid:
                raise DataError(f"{path}: is not a Parquet file") from None
        opened: Any = gzip.open if path.lower().endswith(".gz") else open
        with opened(path, "rt", encoding="utf-8-sig", newline="") as file:
            head = next(csv.reader(file), None)
    except OSError as failure:
        reason = failure.strerror or str(failure)
        raise DataError(f"{path}: cannot be read ({reason}); check the name") from None
    except (UnicodeDecodeError, EOFError, csv.Error):
        raise DataError(f"{path}: is not a CSV file of UTF-8 text") from None
    if not head:
        raise DataError(f"{path}: is empty; a market comes from {_SOURCES}")
    return {name.strip() for name in head}


def _refuse_misplaced(request: _Request) -> None:
    events_only = {
        "--exchanges": request.exchanges is not None,
        "--both-directions": request.both_directions,
    }
    for option, given in events_only.items():
        if given and request.kind != "events":
            raise click.ClickException(
                f"{option} is for funding events, and {_shown(request.source)} is not such a file"
            )
    if request.synthetic and request.kind != "synthetic":
        option = "--" + next(iter(request.synthetic)).replace("_", "-")
        raise click.ClickException(
            f"{option} is for the source synthetic, not {_shown(request.source)}"
        )
    if request.market_caps is not None and request.kind == "synthetic":
        raise click.ClickException(
            "a synthetic market brings its own caps; leave out --market-caps"
        )


def _read(request: _Request) -> ReturnPanel:
    from objectives import ReturnPanel

    if request.kind == "synthetic":
        return ReturnPanel.synthetic(**{**_SYNTHETIC, **request.synthetic})
    if request.kind == "events":
        return ReturnPanel.from_funding_events(
            request.source,
            exchanges=request.exchanges,
            start_date=request.start_date,
            end_date=request.end_date,
            both_directions=request.both_directions,
            market_caps=request.market_caps,
        )
    if request.kind == "returns":
        return ReturnPanel.from_returns(request.source, market_caps=request.market_caps)
    panel = ReturnPanel.from_database(database_url(request.source))
    if request.market_caps is None:
        return panel
    from dataclasses import replace

    with_caps = ReturnPanel.from_returns(panel.to_frame(), market_caps=request.market_caps)
    return replace(with_caps, source=panel.source)


def _cut(panel: ReturnPanel, request: _Request) -> ReturnPanel:
    """Leave out the days before and after those asked for; caps known before stay."""
    if request.kind == "events" or not (request.start_date or request.end_date):
        return panel
    from dataclasses import replace

    import numpy as np

    from objectives.market.days import utc_day
    from search_spaces.errors import DataError

    keep = np.ones(panel.n_days, dtype=np.bool_)
    if request.start_date:
        keep &= panel.dates >= utc_day(request.start_date)
    if request.end_date:
        keep &= panel.dates <= utc_day(request.end_date)
    if not keep.any():
        raise DataError(
            f"{panel.source}: no day from {request.start_date or 'the first'} to "
            f"{request.end_date or 'the last'}; the returns go from {panel.dates[0]:%Y-%m-%d} to "
            f"{panel.dates[-1]:%Y-%m-%d}"
        )
    return replace(
        panel,
        dates=panel.dates[keep],
        returns=panel.returns[keep],
        roi=None if panel.roi is None else panel.roi[keep],
    )


def _shown(source: str) -> str:
    if "://" not in source:
        return source
    from search_spaces.errors import StorageError
    from studies.database import create_engine, display_url

    try:
        return display_url(create_engine(source))
    except StorageError:
        return "the database"  # the reader says what is wrong with it


def _ending(path: str) -> str:
    return Path(path).suffix[1:]
