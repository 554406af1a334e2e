"""A stored verdict in both languages: its word, and its reasons, which are stored in English."""

import re
from collections.abc import Callable

from objectives.validation.verdict import CANNOT_TELL, NO_EVIDENCE, STRONG, WEAK
from studies.language import Message, message

__all__ = ["reason_text", "word_text"]

_WORDS = {
    STRONG: message("strong"),
    WEAK: message("weak"),
    NO_EVIDENCE: message("no evidence"),
    CANNOT_TELL: message("cannot tell"),
}
_REASONS: tuple[tuple[str, Callable[..., Message]], ...] = (
    (
        r"(?P<n>\S+) measured days; at least (?P<least>\S+) are needed",
        lambda **v: message("{n} measured days; at least {least} are needed", **v),
    ),
    (
        r"room for (?P<n>\S+) walk-forward windows; at least (?P<least>\S+) are needed",
        lambda **v: message("room for {n} walk-forward windows; at least {least} are needed", **v),
    ),
    (
        r"what it earns depends on the (?P<block>\S+) days before, and (?P<n>\S+) days hold fewer "
        r"than (?P<least>\S+) stretches of that length",
        lambda **v: message(
            "what it earns depends on the {block} days before, and {n} days hold fewer than "
            "{least} stretches of that length",
            **v,
        ),
    ),
    (
        r"it holds something on (?P<n>\S+) days; at least (?P<least>\S+) are needed",
        lambda **v: message("it holds something on {n} days; at least {least} are needed", **v),
    ),
    (
        r"it closed (?P<n>\S+) positions; at least (?P<least>\S+) are needed, or it is a "
        r"portfolio bought once",
        lambda **v: message(
            "it closed {n} positions; at least {least} are needed, or it is a portfolio bought "
            "once",
            **v,
        ),
    ),
    (
        r"it took (?P<n>\S+) positions; at least (?P<least>\S+) are needed",
        lambda **v: message("it took {n} positions; at least {least} are needed", **v),
    ),
    (
        r"it earns more than cash: if none of the (?P<n>\S+) strategies earned anything, the best "
        r"would look this good in (?P<share>.+) of the cases",
        lambda **v: message(
            "it earns more than cash: if none of the {n} strategies earned anything, the best "
            "would look this good in {share} of the cases",
            **v,
        ),
    ),
    (
        r"it may earn nothing: if none of the (?P<n>\S+) strategies earned anything, the best "
        r"would look this good in (?P<share>.+) of the cases",
        lambda **v: message(
            "it may earn nothing: if none of the {n} strategies earned anything, the best would "
            "look this good in {share} of the cases",
            **v,
        ),
    ),
    (
        r"nothing shows that it earns more than holding every pair alike: the objective does not "
        r"say what was held",
        lambda **v: message(
            "nothing shows that it earns more than holding every pair alike: the objective does "
            "not say what was held",
            **v,
        ),
    ),
    (
        r"it earns more than holding every pair alike: if none chose better than chance, the best "
        r"would look this good in (?P<share>.+) of the cases",
        lambda **v: message(
            "it earns more than holding every pair alike: if none chose better than chance, the "
            "best would look this good in {share} of the cases",
            **v,
        ),
    ),
    (
        r"it may earn what holding every pair alike earns: if none chose better than chance, the "
        r"best would look this good in (?P<share>.+) of the cases",
        lambda **v: message(
            "it may earn what holding every pair alike earns: if none chose better than chance, "
            "the best would look this good in {share} of the cases",
            **v,
        ),
    ),
    (
        r"choosing the best anew every 30 days and trading it for the next 30 earned: "
        r"net Sharpe (?P<net>[^\s,]+)(?P<beyond>, beyond the basket \S+)?",
        lambda **v: message(
            "choosing the best anew every 30 days and trading it for the next 30 earned: {sharpes}",
            sharpes=_sharpes(**v),
        ),
    ),
    (
        r"choosing the best anew every 30 days and trading it for the next 30 lost: "
        r"net Sharpe (?P<net>[^\s,]+)(?P<beyond>, beyond the basket \S+)?",
        lambda **v: message(
            "choosing the best anew every 30 days and trading it for the next 30 lost: {sharpes}",
            sharpes=_sharpes(**v),
        ),
    ),
    (
        r"choosing the best anew every 30 days and trading it for the next 30 earned no more than "
        r"the basket: net Sharpe (?P<net>[^\s,]+)(?P<beyond>, beyond the basket \S+)?",
        lambda **v: message(
            "choosing the best anew every 30 days and trading it for the next 30 earned no more "
            "than the basket: {sharpes}",
            sharpes=_sharpes(**v),
        ),
    ),
    (
        r"(?P<session>\S+) searched a space of (?P<n>\S+) strategies on the same days before: a "
        r"narrower space that is chosen after a look at a wider one proves nothing; judge it "
        r"there with: (?P<command>.+)",
        lambda **v: message(
            "{session} searched a space of {n} strategies on the same days before: a narrower "
            "space that is chosen after a look at a wider one proves nothing; judge it there "
            "with: {command}",
            **v,
        ),
    ),
)


def word_text(word: str) -> Message:
    """Return the word of a verdict."""
    return _WORDS.get(word) or message("{word}", word=word)


def reason_text(reason: str) -> Message | str:
    """Return a reason of a verdict; one that this release does not write stays as it is."""
    for pattern, make in _REASONS:
        found = re.fullmatch(pattern, reason)
        if found:
            share = found.groupdict().get("share")
            values = dict(found.groupdict())
            if share is not None:
                values["share"] = _share(share)
            return make(**values)
    return reason


def _share(text: str) -> Message | str:
    most = text.removeprefix("less than ")
    return text if most == text else message("less than {share}", share=most)


def _sharpes(net: str, beyond: str | None) -> Message:
    if beyond is None:
        return message("net Sharpe {net}", net=net)
    excess = beyond.removeprefix(", beyond the basket ")
    return message("net Sharpe {net}, beyond the basket {excess}", net=net, excess=excess)
