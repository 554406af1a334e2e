"""A stored verdict on a page: its word, of which strategy, and its reasons."""

from studies.analysis import StoredVerdict
from studies.language import message
from studies.reports.bilingual import both
from studies.reports.html_text import Html, element, joined
from studies.reports.verdict_texts import reason_text, word_text

__all__ = ["verdict_lines"]


def verdict_lines(stored: StoredVerdict, place: str | None = None) -> Html:
    """Write a verdict.

    Parameters
    ----------
    stored : StoredVerdict
    place : str, optional
        Id of the element that bears the word.
    """
    word = stored.verdict.word
    of = message(
        ", on {strategy}, given on {date}",
        strategy=stored.strategy_id,
        date=f"{stored.created_at:%Y-%m-%d}",
    )
    name = element("strong", both(word_text(word)), class_=f"word {word.replace(' ', '-')}")
    reasons = [element("li", both(reason_text(text))) for text in stored.verdict.reasons]
    return joined(element("p", name, both(of), id=place), element("ul", *reasons))
