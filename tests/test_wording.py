"""Words that say nothing, or had a second meaning, stay out of the packages."""

import io
import re
import tokenize
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("search_spaces", "objectives", "studies")

WORDS = {
    r"\btold\b": "document, status, snapshot, row or message: say which",
    r"\bso (many|long|much)\b(?! (as|that)\b)": "name the number",
    r"\b_?face\b": "study writer",
    r"brood": "offspring",
    r"\b_Line\b": "breeder",
    r"\bstanding\b": "rank",
    r"\bfence": "ownership check",
    r"\bpoison": "isolated",
    r"\b_?bury\b": "delete and keep the highest id",
    r"\b(to|from)_external\b": "to_stored, from_stored",
    r"\bpersist\b": "retry_transient",
}
# The name of a stored attribute, which studies of earlier releases hold.
ALLOWED = {"DeapSampler:brood"}


def texts_and_names(path):
    """Line and text of every comment, string and name of a file."""
    with tokenize.open(path) as file:
        tokens = tokenize.generate_tokens(io.StringIO(file.read()).readline)
        kinds = {tokenize.COMMENT, tokenize.STRING, tokenize.NAME}
        yield from ((t.start[0], t.string) for t in tokens if t.type in kinds)


@pytest.mark.parametrize("package", PACKAGES)
def test_words(package):
    found = []
    for path in sorted((ROOT / package).rglob("*.py")):
        for line, text in texts_and_names(path):
            for allowed in ALLOWED:
                text = text.replace(allowed, "")
            found += [
                f"{path.relative_to(ROOT)}:{line} {match[0]!r}: {better}"
                for word, better in WORDS.items()
                if (match := re.search(word, text, flags=re.IGNORECASE))
            ]
    assert found == []
