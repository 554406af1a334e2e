"""Texts of pages and reports in English and Traditional Chinese."""

from studies.language.message import (
    ENGLISH,
    LANGUAGES,
    TRADITIONAL_CHINESE,
    Message,
    catalogue,
    message,
)

__all__ = ["ENGLISH", "LANGUAGES", "TRADITIONAL_CHINESE", "Message", "catalogue", "message"]
