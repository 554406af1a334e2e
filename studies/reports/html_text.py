"""HTML in which everything is text, unless it was made here."""

import html
import re
from collections.abc import Sequence

__all__ = ["Html", "definitions", "element", "escaped", "joined", "table"]

# The last two ranges turn the direction of what stands after them: a command line could then be
# read as another one.
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_EMPTY = frozenset({"link", "meta", "input"})


class Html(str):
    """HTML made by this module; any other string is text, and is escaped."""

    __slots__ = ()


def escaped(value: object) -> Html:
    """Write a value as text of a page; control characters become a sign that can be seen."""
    if isinstance(value, Html):
        return value
    return Html(html.escape(_CONTROLS.sub("\ufffd", str(value))))


def joined(*parts: object) -> Html:
    """Put texts and elements one after another; None is nothing."""
    return Html("".join(escaped(part) for part in parts if part is not None))


def element(tag: str, *children: object, **attributes: object) -> Html:
    """Make an element.

    Parameters
    ----------
    tag : str
    *children
        Texts and elements; None is nothing.
    **attributes
        ``class_`` is class, other underscores are hyphens. True is an attribute without a value,
        None and False are left out.
    """
    written = "".join(
        f" {name.rstrip('_').replace('_', '-')}" + ("" if value is True else f'="{escaped(value)}"')
        for name, value in attributes.items()
        if value is not None and value is not False
    )
    if tag in _EMPTY:
        return Html(f"<{tag}{written}>")
    return Html(f"<{tag}{written}>{joined(*children)}</{tag}>")


def table(
    caption: str, heads: Sequence[str], rows: Sequence[Sequence[object]], left: int = 1
) -> Html:
    """Make a table with a caption.

    Parameters
    ----------
    caption : str
    heads : sequence of str
    rows : sequence of sequence
        The first cell of each names the row.
    left : int
        How many columns are text; the others are numbers, aligned to the right.
    """
    kinds = [None if place < left else "number" for place in range(len(heads))]
    top = [
        element("th", head, scope="col", class_=kind)
        for head, kind in zip(heads, kinds, strict=True)
    ]
    body = [
        element(
            "tr",
            *(
                element("td", cell, class_=kind)
                if place
                else element("th", cell, scope="row", class_=kind)
                for place, (cell, kind) in enumerate(zip(row, kinds, strict=True))
            ),
        )
        for row in rows
    ]
    made = element(
        "table",
        element("caption", caption),
        element("thead", element("tr", *top)),
        element("tbody", *body),
    )
    # a table that is wider than the page moves sideways, by the keyboard too
    return element("div", made, class_="wide", tabindex="0", role="region", aria_label=caption)


def definitions(rows: Sequence[tuple[str, object]]) -> Html:
    """Make a list of names and values."""
    pairs = [joined(element("dt", name), element("dd", value)) for name, value in rows]
    return element("dl", *pairs)
