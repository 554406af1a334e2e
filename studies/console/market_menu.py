"""Bringing a market: from files, from exchanges, or an invented one; and looking at it."""

from objectives import ReturnPanel
from objectives.market.reading import ReadingOptions
from objectives.market.sources import SourceRequest
from studies.console.project import Project
from studies.console.prompts import ask_number, ask_text, confirm
from studies.console.screen import Screen, Text
from studies.language import Message, message
from studies.market import (
    FetchProgress,
    FetchRequest,
    ImportRules,
    MarketImport,
    comma_separated,
    fetch_into_database,
    import_returns,
    opened,
    read_source,
    source_name,
    summarise_market,
)

__all__ = ["MarketMenu"]

_NOTES = 5


class MarketMenu:
    """Brings a market into the database, and describes it."""

    def __init__(self, screen: Screen, project: Project) -> None:
        self.screen = screen
        self.project = project

    def import_files(self) -> None:
        """Import files or folders of the user."""
        config = self.project.config.market
        paths = comma_separated(
            ask_text(
                self.screen,
                message("Files, folders or a database, a comma between two"),
                check=_needed,
            )
        )
        caps = ask_text(self.screen, message("File with market caps (may be left empty)")) or None
        exchanges = comma_separated(
            ask_text(self.screen, message("Only these exchanges (empty: all)"))
        )
        request = SourceRequest(
            sources=paths,
            name=source_name(paths[0]),
            market_caps=caps,
            exchanges=exchanges or None,
            reading=ReadingOptions(timezone=config.timezone, aliases=dict(config.aliases)),
        )
        request.check()
        self._print_imported(self._import(request))

    def import_synthetic(self) -> None:
        """Import an invented market."""
        n_pairs = ask_number(self.screen, message("Pairs"), 200, most=5_000)
        n_days = ask_number(self.screen, message("Days"), 840, least=30, most=10_000)
        panel = ReturnPanel.synthetic(n_pairs=n_pairs, n_days=n_days)
        rules = self._rules()
        with self.screen.counting(message("importing")) as advance:
            done = import_returns(
                panel,
                self.project.config.market_database,
                kind="synthetic",
                rules=rules,
                on_progress=advance,
            )
        self._print_imported(done)

    def fetch(self) -> None:
        """Fetch funding rates from exchanges."""
        exchanges = ask_text(
            self.screen, message("Exchanges, a comma between two"), "binance,bybit", _needed
        )
        symbols = ask_text(
            self.screen, message("Coins, or topN: those traded most"), "top100", _needed
        )
        start = ask_text(self.screen, message("First day, like 2024-01-31"), check=_needed)
        request = FetchRequest(
            exchanges=comma_separated(exchanges.lower()),
            symbols=comma_separated(symbols),
            start=start,
        )
        rules = self._rules()
        with self.screen.counting(message("fetching; Ctrl-C stops, what is fetched stays")) as show:

            def advance(now: FetchProgress) -> None:
                show(now.done, max(now.total, 1))

            summary = fetch_into_database(
                request,
                self.project.config.market_database,
                advance,
                event_rules=self.project.config.market.event_rules,
                rules=rules,
            )
        self.screen.say(message("fetched {n:,} new events", n=summary.n_events), "green")
        for reason in summary.stopped:
            self.screen.error(reason)

    def summary(self) -> None:
        """Describe the market of the database."""
        screen = self.screen
        with (
            screen.working(message("reading the market")),
            opened(self.project.config.market_database, create=False) as engine,
        ):
            found = summarise_market(engine)
        panel = found.panel
        days = message(
            "{first} to {last}, {n:,} days",
            first=f"{panel.dates[0]:%Y-%m-%d}",
            last=f"{panel.dates[-1]:%Y-%m-%d}",
            n=panel.n_days,
        )
        rows: list[tuple[Text, Text]] = [
            (message("database"), found.database),
            (message("pairs"), f"{panel.n_pairs:,}"),
            (message("dates"), days),
            (message("with a market cap"), f"{found.n_with_cap:,}"),
        ]
        rows += [(message("exchange"), f"{name}: {n:,}") for name, n in found.exchanges.items()]
        rows += [(message("source"), f"{each.label} ({each.kind})") for each in found.sources]
        screen.pairs(rows)
        self._print_notes([each.text for each in found.notes])

    def _import(self, request: SourceRequest) -> MarketImport:
        screen, rules = self.screen, self._rules()
        with screen.working(message("reading {name}", name=request.name)):
            source = read_source(request)
        config = self.project.config
        with screen.counting(message("importing")) as advance:
            return source.write_into(
                config.market_database,
                event_rules=config.market.event_rules,
                rules=rules,
                on_progress=advance,
            )

    def _rules(self) -> ImportRules:
        """Ask whether a market may be written beside the one that is there."""
        if self.project.market() is None:
            return ImportRules()
        question = message("There is a market already. Write beside it even if it is another one?")
        return ImportRules(mix=confirm(self.screen, question, default=False))

    def _print_imported(self, done: MarketImport) -> None:
        screen, summary = self.screen, done.summary
        self._print_notes([each.text for each in done.notes])
        screen.say(
            message(
                "imported {source}: {returns:,} returns of {pairs:,} pairs, {first} to {last}",
                source=done.source,
                returns=summary.n_returns,
                pairs=summary.n_pairs,
                first=summary.first_date or "–",
                last=summary.last_date or "–",
            ),
            "green",
        )

    def _print_notes(self, texts: list[str]) -> None:
        for text in texts[:_NOTES]:
            self.screen.warn(text)
        if len(texts) > _NOTES:
            self.screen.warn(message("and {n:,} more notes", n=len(texts) - _NOTES))


def _needed(text: str) -> Message | None:
    return None if text else message("nothing was given")
