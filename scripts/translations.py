"""Bring the catalogue of translations up to date with the code, and compile it.

``python scripts/translations.py`` collects the texts of the packages, adds those that are new to
``studies/language/locale/*/LC_MESSAGES/mass_tuning.po`` (translate them there by hand), removes
those that are gone, and writes the ``.mo`` file beside it, which the program reads. Texts without
a translation are listed; the exit code is 1 then.
"""

import sys
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from translated_texts import ROOT, all_texts

LOCALES = ROOT / "studies" / "language" / "locale"
HEADER = """\
# Texts of mass-tuning in Traditional Chinese. Words: session 搜尋, strategy 策略, verdict 判定,
# rank 名次, drawdown 回撤, out of sample 樣本外, market 市場, pair 交易對,
# funding rate 資金費率."""


class SteadyCatalog(Catalog):
    """A catalogue whose file says the same on every day and with every version of Babel."""

    mime_headers = property(lambda self: [("Content-Type", "text/plain; charset=utf-8")])


def read_catalogue(path: Path) -> Catalog:
    """Read a ``.po`` file."""
    with path.open("rb") as file:
        return read_po(file, locale=path.parents[1].name, abort_invalid=True)


def updated(catalogue: Catalog, texts: dict[str, str]) -> Catalog:
    """Return the catalogue with the texts of the code, translated where they were."""
    fresh = SteadyCatalog(locale=catalogue.locale, header_comment=HEADER, fuzzy=False)
    for text in sorted(texts):
        known = catalogue.get(text)
        fresh.add(text, known.string if known is not None else "")
    return fresh


def as_po(catalogue: Catalog) -> bytes:
    """Write a catalogue as people edit it: sorted, without line numbers, which only make noise."""
    out = BytesIO()
    write_po(out, catalogue, width=100, no_location=True, omit_header=False)
    return out.getvalue()


def as_mo(catalogue: Catalog) -> bytes:
    """Write a catalogue as gettext reads it."""
    out = BytesIO()
    write_mo(out, catalogue)
    return out.getvalue()


def main() -> int:
    texts = all_texts()
    missing = 0
    for path in sorted(LOCALES.glob("*/LC_MESSAGES/*.po")):
        catalogue = updated(read_catalogue(path), texts)
        path.write_bytes(as_po(catalogue))
        path.with_suffix(".mo").write_bytes(as_mo(catalogue))
        lacking = [text for text in texts if not catalogue[text].string]
        for text in lacking:
            print(f"{path.relative_to(ROOT)}: no translation of {text!r} ({texts[text]})")
        missing += len(lacking)
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
