"""Texts of commands, pages and reports in English and Traditional Chinese."""

from studies.language.columns import columns_of
from studies.language.message import (
    ENGLISH,
    LANGUAGES,
    TRADITIONAL_CHINESE,
    Message,
    language_of_locale,
    message,
    translate,
)
from studies.language.sentences import translate_sentence

__all__ = [
    "ENGLISH",
    "LANGUAGES",
    "TRADITIONAL_CHINESE",
    "Message",
    "columns_of",
    "language_of_locale",
    "message",
    "translate",
    "translate_sentence",
]
