"""One market joins the market that a database holds: checked as a whole, then written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from objectives import ReturnPanel
from objectives.market.caps import MarketCaps
from objectives.market.events import EventRules, NoPairsError, fields_of_events
from objectives.market.funding_events import FundingEvents, MarketNote
from objectives.market.naming import check_multiples
from objectives.market.plausibility import doubts, notes_of_panel, today
from search_spaces.errors import DataError
from studies.database import display_url, locked_market
from studies.market.event_store import EVENTS_KIND, EventStore, without_held
from studies.market.importer import ImportSummary, import_panel
from studies.market.project_database import opened
from studies.market.stored_market import StoredMarket, observed_in
from studies.market.tables import FUNDING_EVENTS, prepare_tables

__all__ = ["ImportRules", "MarketImport", "import_events", "import_returns"]


@dataclass(frozen=True, kw_only=True)
class MarketImport:
    """What an import has done.

    Attributes
    ----------
    panel : ReturnPanel or None
        The market that was imported; of funding events all that the database holds. None: they
        make no pair.
    summary : ImportSummary
        Rows written.
    notes : tuple of MarketNote
        What a person should look at before a search does.
    kind, source : str
        What was imported, and its name.
    n_events, n_removed : int
        New funding events kept, and returns that events no longer give.
    """

    panel: ReturnPanel | None
    summary: ImportSummary
    notes: tuple[MarketNote, ...]
    kind: str
    source: str
    n_events: int = 0
    n_removed: int = 0


@dataclass(frozen=True, kw_only=True)
class ImportRules:
    """How an import treats what it finds.

    Attributes
    ----------
    strict : bool
        Refuse a market that a note doubts.
    mix : bool
        Write a market into a database that holds a different one.
    """

    strict: bool = False
    mix: bool = False


def import_returns(
    panel: ReturnPanel,
    database: str,
    *,
    kind: str = "returns",
    caps_source: str | None = None,
    rules: ImportRules | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> MarketImport:
    """Write a panel into a database, after looking at it and at what is there.

    Parameters
    ----------
    panel : ReturnPanel
        `panel.source` names where it came from.
    database : str
        URL; a missing SQLite file is created.
    kind : {"returns", "database", "synthetic"}
        What the source is.
    caps_source : str, optional
        Name of the source of the market caps, if it is another one.
    rules : ImportRules, optional
    on_progress : callable, optional
        Called with rows done and rows in all after each transaction.

    Raises
    ------
    DataError
        If the market of the database and this one cannot be one market; if ``rules.strict`` and a
        note doubts it; or if the database holds a different market and ``rules.mix`` is false.
        Nothing is written then.
    """
    rules = rules or ImportRules()
    with opened(database) as engine, locked_market(engine):
        there = StoredMarket.read(engine)
        notes = _looked_at(panel)
        there.check_same(panel, rules.mix)
        merged = there.merged(panel)
        _refuse_doubts(panel.source, notes, rules)
        summary = import_panel(
            merged,
            engine,
            kind=kind,
            source=panel.source,
            caps_source=caps_source,
            only=there.changed(merged),
            theirs=observed_in(panel, merged),
            pause=not there.is_new,
            on_progress=on_progress,
        )
    return MarketImport(panel=panel, summary=summary, notes=notes, kind=kind, source=panel.source)


def import_events(
    events: FundingEvents | None,
    database: str,
    *,
    event_rules: EventRules | None = None,
    caps: MarketCaps | None = None,
    caps_source: str | None = None,
    rules: ImportRules | None = None,
    may_be_spot: bool = True,
    on_progress: Callable[[int, int], None] | None = None,
) -> MarketImport:
    """Keep funding events in a database, and make its returns of all that it holds.

    Parameters
    ----------
    events : FundingEvents or None
        New ones; None: make the returns again of those held.
    database : str
        URL; a missing SQLite file is created.
    event_rules : EventRules, optional
        How returns are made; what they do not say is as the returns there were made.
    caps : MarketCaps, optional
        Market caps to write, too.
    caps_source : str, optional
        Name of their source.
    rules : ImportRules, optional
    may_be_spot : bool
        Whether events of one exchange make pairs against spot.
    on_progress : callable, optional
        Called with rows done and rows in all after each transaction.

    Returns
    -------
    MarketImport
        Without a panel if new events make no pair with those held; they are kept all the same.

    Raises
    ------
    DataError
        As `import_returns`, if a side has two rates in one minute, and if a database that holds
        no events gets none of which a pair can be made.
    """
    rules = rules or ImportRules()
    with opened(database) as engine, locked_market(engine):
        store = EventStore(engine)
        held = store.read()
        there = StoredMarket.read(engine)
        label = FUNDING_EVENTS if events is None else events.label
        fresh = None if events is None else without_held(events, held)  # what is there is not news
        parts = [part for part in (held, fresh) if part is not None and len(part)]
        if not parts and not there.has_returns_of_events:
            raise DataError(f"{display_url(database)}: holds no funding events")
        wanted = (event_rules or EventRules()).over(store.rules())
        panel, notes = _made_of(parts, wanted, caps, may_be_spot, alone=held is None)
        merged, notes = _joined(panel, notes, there, label, rules)
        if merged is not None:  # its tables may refuse: before the first event is written
            prepare_tables(engine, display_url(engine), dated_caps=False)
        changed = None if merged is None else there.changed(merged)
        n_changed = 0 if changed is None else int(changed.sum())
        report = _Progress(on_progress, n_changed + (0 if fresh is None else len(fresh)))
        n_events = 0
        if fresh is not None:
            n_events = store.add(fresh, report.advance, none_held=True, pause=not there.is_new)
        n_removed = there.remove_stale(panel)
        summary = ImportSummary.nothing(display_url(engine))
        if panel is not None and merged is not None:
            summary = import_panel(
                merged,
                engine,
                kind=EVENTS_KIND,
                source=FUNDING_EVENTS,
                form=wanted.to_text(),
                caps_source=caps_source,
                only=changed,
                theirs=observed_in(panel, merged),
                pause=not there.is_new,
                on_progress=report.of_returns(n_changed),
            )
    return MarketImport(
        panel=panel,
        summary=summary,
        notes=notes,
        kind=EVENTS_KIND,
        source=label,
        n_events=n_events,
        n_removed=n_removed,
    )


def _joined(
    panel: ReturnPanel | None,
    notes: tuple[MarketNote, ...],
    there: StoredMarket,
    label: str,
    rules: ImportRules,
) -> tuple[ReturnPanel | None, tuple[MarketNote, ...]]:
    """Put the returns of events beside those of other sources; refuse what cannot be one market."""
    foreign = there.without_events()
    merged = foreign.panel
    if panel is not None:
        notes += foreign.notes_of_rows_that_stay(panel)
        foreign.check_same(panel, rules.mix)
        merged = foreign.merged(panel)
    _refuse_doubts(label, notes, rules)
    return merged, notes


def _made_of(
    parts: Sequence[FundingEvents],
    wanted: EventRules,
    caps: MarketCaps | None,
    may_be_spot: bool,
    *,
    alone: bool,
) -> tuple[ReturnPanel | None, tuple[MarketNote, ...]]:
    """Make the returns of all events; none where they make no pair with those that are held."""
    if not parts:
        return None, ()
    check_multiples(parts)
    both = FundingEvents.concat(parts)
    n_exchanges = len(both.exchanges) if may_be_spot else max(2, len(both.exchanges))
    try:
        found = fields_of_events(both, wanted, caps, n_exchanges=n_exchanges)
    except NoPairsError as error:
        if alone:
            raise
        text = f"the events make no pair yet, and no return: {error}"
        return None, (*both.notes, MarketNote("no_pair", text, len(both)))
    panel = replace(ReturnPanel.of_fields(found), source=FUNDING_EVENTS)
    return panel, _looked_at(panel)


class _Progress:
    """Events and returns written, as one number."""

    def __init__(self, callback: Callable[[int, int], None] | None, n_rows: int) -> None:
        self._callback = callback
        self._n_done = 0
        self._n_rows = n_rows

    def advance(self, n_rows: int) -> None:
        self._n_done += n_rows
        if self._callback is not None:
            self._callback(min(self._n_done, self._n_rows), self._n_rows)

    def of_returns(self, n_returns: int) -> Callable[[int, int], None]:
        """Events that were there already are done, too, when the returns begin."""
        self._n_done = self._n_rows - n_returns
        begun = self._n_done

        def callback(done: int, _: int) -> None:
            self.advance(begun + done - self._n_done)

        return callback


def _looked_at(panel: ReturnPanel) -> tuple[MarketNote, ...]:
    found = notes_of_panel(panel.dates, panel.pairs, panel.returns, today())
    known = {note.kind for note in panel.notes}
    return (*panel.notes, *(note for note in found if note.kind not in known))


def _refuse_doubts(name: str, notes: Sequence[MarketNote], rules: ImportRules) -> None:
    if rules.strict and (found := doubts(notes)):
        raise DataError(
            f"{name}: --strict refuses it, nothing was written: "
            + "; ".join(note.text for note in found)
        )
