"""Texts that the script of the report shows; a value stands in braces."""

from studies.language import LANGUAGES, message

__all__ = ["script_texts"]

_TEXTS = {
    "all": message("strategies in all"),
    "selected": message("strategies in the selection"),
    "threshold": message("best 1 %: {value}"),
    "histogram": message("Histogram of the objective: all strategies and the selection"),
    "scatter": message("The best results against the median of their neighbours"),
    "heat": message("Cells of two parameters; arrow keys move, Enter selects"),
    "neighbours": message("median of its neighbours"),
    "diagonal": message("as good as its neighbours"),
    "lonely": message("lonely"),
    "cell": message("{y} · {x}: {value} ({n} measured, {failed} failed)"),
    "only": message("only {value} ✕"),
    "yes": message("yes"),
    "no": message("no"),
    "n_leaders": message("{n} of the best {all} different results"),
    "no_leaders": message("None of the best {all} different results is in the selection."),
    "more": message(
        "Below them the best {n} others of the selection, by the figures that are embedded; make "
        "a report of the selection for all columns."
    ),
    "all_rows": message("Show all {n}"),
    "times": message("selection drawn × {times}"),
    "said": message(
        "{n} strategies in the selection, {failed} of them failed; median {median}, best {best}"
    ),
    "theme_system": message("Theme: system"),
    "theme_light": message("Theme: light"),
    "theme_dark": message("Theme: dark"),
}


def script_texts() -> dict[str, dict[str, str]]:
    """Return the texts by language and name."""
    return {
        language: {name: text.in_language(language) for name, text in _TEXTS.items()}
        for language in LANGUAGES
    }
