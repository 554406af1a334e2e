"""Reading back a worksheet as it stands in the file, without a library that might be lenient."""

import re
import zipfile
from xml.etree import ElementTree

NAMESPACE = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


def read_sheet(path):
    """Rows of the only worksheet: by the letters of its column a text, a number or a bool."""
    with zipfile.ZipFile(path) as book:
        root = ElementTree.fromstring(book.read("xl/worksheets/sheet1.xml"))
    assert not list(root.iter(f"{NAMESPACE}f"))  # no formula
    return [
        {re.sub(r"\d", "", cell.get("r")): _value(cell) for cell in row}
        for row in root.iter(f"{NAMESPACE}row")
    ]


def _value(cell):
    if cell.get("t") == "inlineStr":
        return "".join(cell.itertext())
    number = float(cell.findtext(f"{NAMESPACE}v"))
    return bool(number) if cell.get("t") == "b" else number
