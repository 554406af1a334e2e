"""Every text of the packages is translated, and nothing else; values stand in both languages."""

import ast
import json
import re
import string
from pathlib import Path

import pytest

from studies.language import ENGLISH, TRADITIONAL_CHINESE, catalogue, message

ROOT = Path(__file__).parents[3]
PACKAGES = ("search_spaces", "objectives", "studies")
FILE = ROOT / "studies" / "language" / "zh_TW.json"
SIMPLIFIED = "们这说为与对两间样过开后来进参图页单词结网据选择"


def texts_of_the_packages():
    """English text of every call of `message`, and where it stands."""
    found = {}
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and getattr(node.func, "id", None) == "message":
                    (text,) = node.args
                    where = f"{path.relative_to(ROOT)}:{node.lineno}"
                    assert isinstance(text, ast.Constant), (
                        f"{where}: a text that is not written out"
                    )
                    found.setdefault(text.value, where)
    return found


def fields(text):
    """What stands in the braces of a text."""
    return sorted(
        (name, spec) for _, name, spec, _ in string.Formatter().parse(text) if name is not None
    )


def test_every_text_has_a_translation_and_every_translation_a_text():
    texts = texts_of_the_packages()
    known = catalogue(TRADITIONAL_CHINESE)
    assert {text: where for text, where in texts.items() if text not in known} == {}
    assert sorted(known.keys() - texts.keys()) == []


def test_the_file_is_sorted_one_text_a_line():
    text = FILE.read_text(encoding="utf-8")
    document = json.loads(text)
    assert text == json.dumps(dict(sorted(document.items())), ensure_ascii=False, indent=2) + "\n"


@pytest.mark.parametrize("english", sorted(catalogue(TRADITIONAL_CHINESE)))
def test_translations_hold_the_same_values(english):
    chinese = catalogue(TRADITIONAL_CHINESE)[english]
    assert fields(chinese) == fields(english)
    assert chinese.strip() == chinese != ""


def test_translations_are_written_in_traditional_characters():
    for english, chinese in catalogue(TRADITIONAL_CHINESE).items():
        assert not set(chinese) & set(SIMPLIFIED), english
        left = re.sub(r"\{[^}]*\}", "", chinese)
        assert not re.search(r"[一-鿿][,;:?!]", left), f"{english}: a mark of half width"


def test_a_text_without_a_translation_is_shown_in_english():
    text = message("nobody has translated this: {n}", n=message("strategies"))
    assert text.in_language(ENGLISH) == "nobody has translated this: strategies"
    assert text.in_language(TRADITIONAL_CHINESE).startswith("nobody has translated this: 策略")
