"""One market joins the market that a database holds: checked as a whole, then written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from objectives import ReturnPanel
from objectives.market.caps import MarketCaps
from objectives.market.events import EventRules, fields_of_events
from objectives.market.funding_events import FundingEvents, MarketNote
from objectives.market.plausibility import doubts, notes_of_panel, today
from search_spaces.errors import DataError
from studies.database import display_url
from studies.market.event_store import EVENTS_KIND, EventStore, without_held
from studies.market.importer import ImportSummary, import_panel
from studies.market.project_database import opened
from studies.market.stored_market import StoredMarket, observed_in
from studies.market.tables import FUNDING_EVENTS

__all__ = ["ImportRules", "MarketImport", "import_events", "import_returns"]


@dataclass(frozen=True, kw_only=True)
class MarketImport:
    """What an import has done.

    Attributes
    ----------
    panel : ReturnPanel
        The market that was imported; of funding events all that the database holds.
    summary : ImportSummary
        Rows written.
    notes : tuple of MarketNote
        What a person should look at before a search does.
    kind, source : str
        What was imported, and its name.
    n_events, n_removed : int
        New funding events kept, and returns that events no longer give.
    """

    panel: ReturnPanel
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
    with opened(database) as engine:
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
        How returns are made.
    caps : MarketCaps, optional
        Market caps to write, too.
    caps_source : str, optional
        Name of their source.
    rules : ImportRules, optional
    on_progress : callable, optional
        Called with rows done and rows in all after each transaction.

    Raises
    ------
    DataError
        As `import_returns`, and if a side has two rates in one minute.
    """
    rules = rules or ImportRules()
    with opened(database) as engine:
        store = EventStore(engine)
        held = store.read()
        label = FUNDING_EVENTS
        if events is not None:
            label = events.label
            events = without_held(events, held)  # what is there is not news
        parts = [part for part in (held, events) if part is not None and len(part)]
        if not parts:
            raise DataError(f"{display_url(database)}: holds no funding events")
        both = FundingEvents.concat(parts)
        found = fields_of_events(
            both, event_rules or EventRules(), caps, n_exchanges=len(both.exchanges)
        )
        panel = replace(ReturnPanel.of_fields(found), source=FUNDING_EVENTS)
        there = StoredMarket.read(engine)
        foreign = there.without_events()
        notes = _looked_at(panel) + foreign.notes_of_rows_that_stay(panel)
        foreign.check_same(panel, rules.mix)
        merged = foreign.merged(panel)
        _refuse_doubts(label, notes, rules)
        changed = there.changed(merged)
        report = _Progress(on_progress, int(changed.sum()) + (len(events) if events else 0))
        n_events = 0
        if events is not None:
            n_events = store.add(events, held, report.advance, pause=not there.is_new)
        n_removed = there.remove_stale(panel)
        summary = import_panel(
            merged,
            engine,
            kind=EVENTS_KIND,
            source=FUNDING_EVENTS,
            caps_source=caps_source,
            only=changed,
            theirs=observed_in(panel, merged),
            pause=not there.is_new,
            on_progress=report.of_returns(int(changed.sum())),
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
