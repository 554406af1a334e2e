"""A figure as a file that the user named."""

from collections.abc import Mapping
from pathlib import Path

from search_spaces.errors import ConfigError
from studies.analysis import Target, database_files, refuse_overwriting, replaced_output
from studies.reports.drawing import Figure
from studies.reports.html_file import figure_html
from studies.reports.matplotlib_file import IMAGE_FORMATS, write_image
from studies.sessions import StoredSession

__all__ = ["format_of_figure", "write_figure"]

_FORMATS = (*IMAGE_FORMATS, "html")


def write_figure(
    session: StoredSession,
    figure: Figure,
    target: Target,
    heading: str,
    *,
    file_format: str | None = None,
    keep: Mapping[Path, str] | None = None,
) -> None:
    """Write a figure of a session to a file.

    Parameters
    ----------
    session : StoredSession
    figure : Figure
    target : str, Path or binary file
        A file is written beside its place and moved there when complete.
    heading : str
        What it is of, for pages.
    file_format : {"svg", "png", "html"}, optional
        By the file's ending if left out.
    keep : mapping of Path to str, optional
        Files that are not written over and what they are, besides SQLite databases and what
        belongs to those of the session.

    Raises
    ------
    ConfigError
        If the format is unknown, the folder does not exist, or the file is a database or one of
        `keep`.
    OSError
        If the file cannot be written.
    """
    chosen = file_format or format_of_figure(str(target))
    if isinstance(target, (str, Path)):
        refuse_overwriting(target, {**database_files(session), **(keep or {})})
    with replaced_output(target) as file:
        if chosen == "html":
            file.write(figure_html(figure, heading).encode())
        else:
            write_image(figure, file, chosen)


def format_of_figure(target: str) -> str:
    """Return the format of a file by its ending.

    Raises
    ------
    ConfigError
        If a figure is not written as such.
    """
    ending = Path(target).suffix[1:].lower()
    chosen = {"htm": "html"}.get(ending, ending)
    if chosen not in _FORMATS:
        raise ConfigError(
            f"a figure is a file that ends in {', '.join(f'.{each}' for each in _FORMATS)}, got "
            f"{target!r}"
        )
    return chosen
