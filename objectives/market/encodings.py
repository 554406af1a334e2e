"""Text of files as UTF-8, whatever encoding an exchange or a spreadsheet wrote it in."""

from __future__ import annotations

import codecs

from search_spaces.errors import DataError

__all__ = ["utf8_text"]

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # begins as the mark of UTF-16 does
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_SAMPLE = 100_000


def utf8_text(content: bytes, label: str) -> bytes:
    """Return the text of a file as UTF-8 without a byte order mark.

    UTF-8, UTF-16 and UTF-32 are known by their mark, UTF-8 also without one. Text that is not
    UTF-8 but plain simplified Chinese in GBK is read as GB18030, as OKX publishes it. Anything
    else is not guessed: a wrong guess would make other names of the symbols.

    Parameters
    ----------
    content : bytes
        The file.
    label : str
        The file in messages.

    Raises
    ------
    DataError
        If the encoding is none of these, or there is a NUL byte in the text.
    """
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            if encoding == "utf-8":
                content = content[len(mark) :]
                break
            try:
                content = content.decode(encoding).encode()
            except UnicodeDecodeError as error:
                raise DataError(
                    f"{label}: cannot be read: it begins as {encoding.upper()} text and byte "
                    f"{error.start} is none; save it again as UTF-8"
                ) from None
            break
    try:
        content.decode()
    except UnicodeDecodeError as error:
        content = _from_gbk(content, label, error)
    _check_nul(content, label)
    return content


def _from_gbk(content: bytes, label: str, error: UnicodeDecodeError) -> bytes:
    row = content.count(b"\n", 0, error.start) + 1
    try:
        # GB2312 is the part of GB18030 no Western text can be mistaken for.
        content.decode("gb2312")
        return content.decode("gb18030").encode()
    except UnicodeDecodeError:
        pass
    from charset_normalizer import from_bytes

    lines = content[max(0, error.start - _SAMPLE) : error.start + _SAMPLE]
    guess = from_bytes(lines).best()
    looks = "" if guess is None else f" (it looks like {guess.encoding})"
    raise DataError(
        f"{label}: cannot be read: row {row} is not UTF-8 text{looks}; save the file as UTF-8"
    ) from None


def _check_nul(content: bytes, label: str) -> None:
    where = content.find(b"\0")
    if where < 0:
        return
    row = content.count(b"\n", 0, where) + 1
    raise DataError(
        f"{label}, row {row}: has a NUL byte, so the file is damaged or not text; "
        "download it again, or save it as UTF-8"
    )
