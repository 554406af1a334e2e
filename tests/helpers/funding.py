"""Small files of funding events, and what was read of them."""

import math
from collections import defaultdict

import numpy as np

from objectives.market.reading import ReadingOptions, read_events

HEADER = "timestamp,symbol,exchange,funding_rate"


def write(folder, name, content):
    """Write text (UTF-8) or bytes and return the path."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def read(folder, name, content, **options):
    """Write a file and read its events."""
    return read_events([write(folder, name, content)], ReadingOptions(**options))


def rows(events):
    """Every event as (exchange, symbol, instant, rate), in the order of the source."""
    return [
        (events.exchanges[e], events.symbols[s], str(np.datetime64(int(m), "us")), float(rate))
        for e, s, m, rate in zip(
            events.exchange, events.symbol, events.micros, events.rate, strict=True
        )
    ]


def totals(events):
    """Sum of the rates by exchange, symbol and UTC day, exactly rounded."""
    parts = defaultdict(list)
    for exchange, symbol, instant, rate in rows(events):
        parts[exchange, symbol, instant[:10]].append(rate)
    return {key: math.fsum(values) for key, values in parts.items()}


def kinds(events):
    """Kinds of the notes."""
    return [note.kind for note in events.notes]
