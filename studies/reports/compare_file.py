"""Sessions side by side as a file: a page, or its figures alone."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from search_spaces.errors import ConfigError
from studies.analysis import (
    Comparison,
    compare_sessions,
    database_files,
    refuse_overwriting,
    replaced_output,
)
from studies.language import ENGLISH
from studies.reports.compare_page import comparison_page
from studies.reports.figures.comparison import comparison_figure
from studies.reports.matplotlib_file import IMAGE_FORMATS, write_image
from studies.sessions import StoredSession

__all__ = ["WrittenComparison", "write_comparison"]

_PAGES = ("html", "htm")


@dataclass(frozen=True)
class WrittenComparison:
    """What was written: its numbers, and how large the file is."""

    comparison: Comparison
    n_bytes: int


def write_comparison(
    sessions: Sequence[StoredSession],
    target: str | Path,
    where: str | None = None,
    *,
    factors: Sequence[str] = (),
    without: Sequence[str] = (),
    command: Callable[[str], str],
    language: str = ENGLISH,
    keep: Mapping[Path, str] | None = None,
) -> WrittenComparison:
    """Compare sessions of one database and write it to a file.

    Parameters
    ----------
    sessions, where, factors, without
        As of `studies.analysis.compare_sessions`.
    target : str or Path
        ``.html`` is the page, ``.svg`` and ``.png`` are its figures. Complete or not there.
    command : callable
        Writes a command line for the same database.
    language : {"en", "zh-Hant"}
        In which a page opens; figures alone are in English.
    keep : mapping of Path to str, optional
        Files that are not written over and what they are, besides databases.

    Raises
    ------
    ConfigError
        If the file ends in something else, is a database or one of `keep`, or its folder does not
        exist, and as of `compare_sessions`.
    OSError
        If it cannot be written.
    """
    ending = Path(target).suffix[1:].lower()
    if ending not in (*_PAGES, *IMAGE_FORMATS):
        raise ConfigError(
            f"a comparison is a file that ends in .html, .{', .'.join(IMAGE_FORMATS)}, got "
            f"{str(target)!r}"
        )
    kept = {path: what for each in sessions for path, what in database_files(each).items()}
    refuse_overwriting(target, {**kept, **(keep or {})})
    comparison = compare_sessions(sessions, where, factors=factors, without=without)
    with replaced_output(target) as file:
        if ending in _PAGES:
            file.write(comparison_page(comparison, command, language).encode())
        else:
            write_image(comparison_figure(comparison), file, ending)
    return WrittenComparison(comparison, Path(target).stat().st_size)
