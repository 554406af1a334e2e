"""How wide a text is on a terminal."""

import unicodedata

__all__ = ["columns_of"]


def columns_of(text: str) -> int:
    """Return the columns that a text takes: a Chinese character two, a combining mark none.

    The widths are those of Unicode's annex 11 (East Asian width).
    """
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(each) else 2 if unicodedata.east_asian_width(each) in "WF" else 1
        for each in text
    )
