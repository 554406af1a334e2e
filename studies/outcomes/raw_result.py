"""The column ``raw_result``: what a result holds that has no column."""

import json
from typing import Any

__all__ = ["read_raw_result"]


def read_raw_result(text: str | None) -> dict[str, Any]:
    """Return the object that a ``raw_result`` is.

    Parameters
    ----------
    text : str or None
        As it is stored. An earlier system wrote other things than JSON objects there.

    Returns
    -------
    dict
        Empty where there is none. ``failure`` is the reason of a failed strategy, a text.
    """
    try:
        document = json.loads(text or "{}")
    except ValueError:
        return {}
    if not isinstance(document, dict):
        return {}
    if not isinstance(document.get("failure"), str):
        document.pop("failure", None)
    return document
