"""Printed texts are translated by what they look like."""

import importlib
import string
from pathlib import Path

import pytest

from studies.language import ENGLISH, TRADITIONAL_CHINESE, translate, translate_sentence

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def texts():
    """Every text that people read."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT / "scripts"))
        return importlib.import_module("translated_texts").all_texts()


def places(template):
    return sum(name is not None for _, name, _, _ in string.Formatter().parse(template))


def test_every_sentence_is_found_again_with_its_values(texts):
    templates = [text for text in texts if "{0}" in text]
    assert len(templates) > 700
    values = [f"«{number}»" for number in range(12)]
    lost = []
    for template in templates:
        filled = template.format(*values)
        expected = translate(template, TRADITIONAL_CHINESE).format(*values)
        if translate_sentence(filled, TRADITIONAL_CHINESE) != expected:
            lost.append(template)
    assert lost == []


def test_english_is_left_as_it_is(texts):
    for text in texts:
        assert translate_sentence(text, ENGLISH) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "  ",
        "SR_ST_W30_7D_D90_S5_IC",
        "session_20250131_120000_1234",
        "12,345.67 %",
        "sqlite:///funding_rate.db",
        "-5.1 ▁▂▃ 6.2",
        "nobody has translated this",
        "{0} and {braces} of {1!r}",
        "a\nb",
    ],
)
def test_what_looks_like_nothing_is_printed_as_it_is(text):
    assert translate_sentence(text, TRADITIONAL_CHINESE) == text


@pytest.mark.parametrize(
    ("text", "chinese"),
    [
        ("  ok: 3 failed strategies are tried again \n", None),
        ("more: mass-tuning top", "更多：mass-tuning top"),
        ("\x1b[1mmore: x y\x1b[0m", "\x1b[1m更多：x y\x1b[0m"),
        ("  more: x y\n", "  更多：x y\n"),
        (
            "there is no session 'a; b'; list them with: mass-tuning sessions",
            "沒有搜尋 'a; b'；列出：mass-tuning sessions",
        ),
        # a sentence in a sentence
        (
            "No such option: --x; see: mass-tuning top --help",
            "沒有這個選項：--x；見：mass-tuning top --help",
        ),
        # sentences that were joined
        ("3 problems, 0 warnings", "3 項問題，0 項警告"),
        ("not yet run; completed", "尚未執行；已完成"),
    ],
)
def test_values_spaces_and_colours_stay(text, chinese):
    if chinese is None:
        assert translate_sentence(text, TRADITIONAL_CHINESE).endswith(" \n")
    else:
        assert translate_sentence(text, TRADITIONAL_CHINESE) == chinese


def test_a_value_with_braces_is_no_place():
    shown = translate_sentence("more: {0} {x}", TRADITIONAL_CHINESE)
    assert shown == "更多：{0} {x}"


def test_a_long_text_takes_no_time_to_speak_of():
    # a pattern of many places on a text that almost fits must not try all ways to fill them
    text = "a parameter name " * 2_000
    assert translate_sentence(text, TRADITIONAL_CHINESE) == text
