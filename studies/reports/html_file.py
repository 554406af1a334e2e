"""A figure as one HTML file that needs nothing else and runs no script."""

from studies.reports.drawing import Figure
from studies.reports.html_text import element
from studies.reports.offline_page import raw_element, source_hash
from studies.reports.svg import FIGURE_CSS, draw_svg

__all__ = ["figure_html"]

_PAGE_CSS = """
:root { color-scheme: light dark; }
body { margin: 0 auto; max-width: 62rem; padding: 1rem; background: var(--figure-ground);
  color: var(--figure-strong); font: 16px/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.4rem; margin: 0 0 .25rem; }
p { margin: 0 0 1rem; color: var(--figure-text); }
"""


def figure_html(figure: Figure, heading: str) -> str:
    """Write a figure as a page, in English.

    Parameters
    ----------
    figure : Figure
    heading : str
        What it is of: the session, and the filter if there is one.

    Returns
    -------
    str
        With a policy that lets the browser load nothing and run nothing but its own style sheet.
    """
    css = FIGURE_CSS.read_text(encoding="utf-8") + _PAGE_CSS
    policy = f"default-src 'none'; style-src '{source_hash(css)}'"
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=policy),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("title", f"{figure.title} – {heading}"),
        raw_element("style", css),
    )
    body = element(
        "body",
        element("h1", figure.title),
        element("p", heading),
        draw_svg(figure, bilingual=False),
        element("p", figure.note) if figure.panels else None,
        element("p", figure.summary) if figure.panels else None,
    )
    return "<!doctype html>\n" + element("html", head, body, lang="en") + "\n"
