"""A fetch into the project's database: its store of events, and the returns made of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from objectives.market.caps import read_market_caps
from objectives.market.events import EventRules
from search_spaces.errors import FetchError
from studies.market.event_store import EventStore
from studies.market.fetch_caps import caps_of_symbols, check_caps
from studies.market.fetch_records import FetchProgress, FetchRequest, FetchSummary
from studies.market.fetching import OpenClient, fetch_market
from studies.market.market_import import ImportRules, import_events
from studies.market.project_database import opened

__all__ = ["fetch_into_database"]


def fetch_into_database(
    request: FetchRequest,
    database: str,
    on_progress: Callable[[FetchProgress], None] | None = None,
    *,
    event_rules: EventRules | None = None,
    rules: ImportRules | None = None,
    open_client: OpenClient | None = None,
) -> FetchSummary:
    """Fetch what a database lacks of funding rates, and make its returns anew.

    Parameters
    ----------
    request : FetchRequest
    database : str
        URL; a missing SQLite file is created.
    on_progress : callable, optional
        See :func:`fetch_market`.
    event_rules : EventRules, optional
        How returns are made of events.
    rules : ImportRules, optional
        See :func:`import_events`; what is fetched is kept even if its returns are refused.
    open_client : callable, optional
        See :func:`fetch_market`.

    Raises
    ------
    ConfigError, DataError, FetchError
        See :func:`fetch_market` and :func:`import_events`.
    StorageError
        If the database cannot be written.
    """
    check_caps(request)
    with opened(database) as engine:
        store = EventStore(engine)
        summary = fetch_market(request, store, on_progress, open_client=open_client)
        symbols = {symbol for _, symbol in store.last_instants()}
    if not symbols:
        return summary
    try:
        table, notes = caps_of_symbols(request, symbols)
    except FetchError as error:
        summary = replace(summary, caps_stopped=f"{error}; the returns were made without")
        table, notes = None, ()
    done = import_events(
        None,
        database,
        event_rules=event_rules,
        caps=None if table is None else read_market_caps(table),
        caps_source=None if table is None else request.market_caps,
        rules=rules,
    )
    return replace(summary, notes=(*notes, *done.notes), imported=done.summary)
