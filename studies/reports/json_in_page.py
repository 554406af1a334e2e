"""JSON inside a page."""

import json
from typing import Any

__all__ = ["json_in_page"]


def json_in_page(document: Any) -> str:
    """Write JSON that may stand in a script element, whatever texts it holds."""
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for sign in "<>&\u2028\u2029":  # never the end of the element, nor the begin of a comment
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text
