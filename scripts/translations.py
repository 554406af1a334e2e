"""Bring the catalogue of translations up to date with the code, and compile it.

``python scripts/translations.py`` collects the texts of the packages, adds those that are new to
``studies/language/locale/*/LC_MESSAGES/mass_tuning.po`` (translate them there by hand), removes
those that are gone, and writes the ``.mo`` file beside it, which the program reads. Texts without
a translation are listed; the exit code is 1 then.
"""

import ast
import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from studies.console.settings_file import setting_comments  # noqa: E402

PACKAGES = ("search_spaces", "objectives", "studies")
LOCALES = ROOT / "studies" / "language" / "locale"
HEADER = """\
# Texts of mass-tuning in Traditional Chinese. Words: session 搜尋, strategy 策略, verdict 判定,
# rank 名次, drawdown 回撤, out of sample 樣本外, market 市場, pair 交易對,
# funding rate 資金費率."""


class SteadyCatalog(Catalog):
    """A catalogue whose file says the same on every day and with every version of Babel."""

    mime_headers = property(lambda self: [("Content-Type", "text/plain; charset=utf-8")])


def texts_of_code() -> dict[str, str]:
    """English texts of the packages and of the settings, and where each stands first."""
    found: dict[str, str] = {}
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            for line, text in texts_of_module(ast.parse(path.read_text(encoding="utf-8"))):
                found.setdefault(text, f"{path.relative_to(ROOT)}:{line}")
    for name, text in setting_comments().items():
        found.setdefault(text, f"studies/default_config.yaml: {name}")
    return found


def texts_of_module(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Lines and texts of the calls of `studies.language.message` in a module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "id", None) == "message":
            (text,) = node.args
            if not (isinstance(text, ast.Constant) and isinstance(text.value, str)):
                raise SystemExit(f"line {node.lineno}: a text that is not written out")
            yield node.lineno, text.value


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
    texts = texts_of_code()
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
