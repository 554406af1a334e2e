"""Every text of the packages is translated, and nothing else; values stand in both languages."""

import importlib
import re
import string
from pathlib import Path

import pytest

from studies.language import ENGLISH, TRADITIONAL_CHINESE, language_of_locale, message, translate

ROOT = Path(__file__).parents[3]
PO = ROOT / "studies/language/locale/zh_Hant/LC_MESSAGES/mass_tuning.po"
SIMPLIFIED = "们这说为与对两间样过开后来进参图页单词结网据选择"


@pytest.fixture(scope="module")
def translations():
    """The script that brings the catalogue up to date."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT / "scripts"))
        yield importlib.import_module("translations")


@pytest.fixture(scope="module")
def catalogue(translations):
    """Chinese by English text."""
    return {
        str(entry.id): str(entry.string) for entry in translations.read_catalogue(PO) if entry.id
    }


def fields(text):
    """What stands in the braces of a text."""
    return sorted(
        (name, spec) for _, name, spec, _ in string.Formatter().parse(text) if name is not None
    )


def test_every_text_has_a_translation_and_every_translation_a_text(translations, catalogue):
    texts = translations.all_texts()
    assert {text: where for text, where in texts.items() if not catalogue.get(text)} == {}
    assert sorted(catalogue.keys() - texts.keys()) == []


def test_the_files_are_what_the_script_writes(translations):
    read = translations.read_catalogue(PO)
    fresh = translations.updated(read, translations.all_texts())
    assert PO.read_bytes() == translations.as_po(fresh)
    assert PO.with_suffix(".mo").read_bytes() == translations.as_mo(fresh)


def test_translations_hold_the_same_values(catalogue):
    for english, chinese in catalogue.items():
        assert fields(chinese) == fields(english)
        assert chinese.strip() == chinese != ""


def test_translations_are_written_in_traditional_characters(catalogue):
    for english, chinese in catalogue.items():
        assert not set(chinese) & set(SIMPLIFIED), english
        left = re.sub(r"\{[^}]*\}", "", chinese)
        assert not re.search(r"[一-鿿][,;:?!]", left), f"{english}: a mark of half width"


def test_a_text_without_a_translation_is_shown_in_english():
    text = message("nobody has translated this: {n}", n=message("strategies"))
    assert text.in_language(ENGLISH) == "nobody has translated this: strategies"
    assert text.in_language(TRADITIONAL_CHINESE).startswith("nobody has translated this: 策略")


@pytest.mark.parametrize(
    ("environment", "language"),
    [
        ({}, ENGLISH),
        ({"LANG": "zh_TW.UTF-8"}, TRADITIONAL_CHINESE),
        ({"LANG": "zh_TW.UTF-8", "LC_MESSAGES": "en_GB"}, ENGLISH),
        ({"LC_ALL": "", "LC_MESSAGES": "zh_HK", "LANG": "C"}, TRADITIONAL_CHINESE),
        ({"LC_ALL": "C", "LANG": "zh_TW"}, ENGLISH),
    ],
)
def test_the_language_of_a_terminal(environment, language):
    assert language_of_locale(environment) == language


def test_no_text_is_no_text():
    assert translate("", TRADITIONAL_CHINESE) == ""
