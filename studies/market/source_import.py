"""A source of the user read, then written into the market of a database."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from objectives import ReturnPanel
from objectives.market.caps import MarketCaps, read_market_caps
from objectives.market.events import EventRules
from objectives.market.funding_events import FundingEvents
from objectives.market.sources import SourceKind, SourceRequest
from studies.market.market_import import ImportRules, MarketImport, import_events, import_returns

__all__ = ["ReadSource", "read_source"]


@dataclass(frozen=True, eq=False)
class ReadSource:
    """What a request has brought, not written yet."""

    request: SourceRequest
    market: FundingEvents | ReturnPanel
    caps: MarketCaps | None = None

    def write_into(
        self,
        database: str,
        *,
        event_rules: EventRules,
        rules: ImportRules,
        on_progress: Callable[[int, int], None] | None = None,
    ) -> MarketImport:
        """Write it, as `import_events` or `import_returns` does."""
        caps_source = self.request.market_caps
        if isinstance(self.market, ReturnPanel):
            return import_returns(
                self.market,
                database,
                kind=self.request.kind,
                caps_source=caps_source,
                rules=rules,
                on_progress=on_progress,
            )
        return import_events(
            self.market,
            database,
            event_rules=event_rules,
            caps=self.caps,
            caps_source=caps_source,
            rules=rules,
            on_progress=on_progress,
        )


def read_source(request: SourceRequest) -> ReadSource:
    """Read the market that a request names, and the market caps beside funding events."""
    if request.kind != SourceKind.EVENTS:
        return ReadSource(request, request.read_panel())
    events = request.read_events()
    caps = None if request.market_caps is None else read_market_caps(request.market_caps)
    return ReadSource(request, events, caps)
