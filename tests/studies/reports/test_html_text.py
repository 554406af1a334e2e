"""Text stays text, and elements are what they say."""

import pytest

from studies.reports.html_text import Html, element, escaped, joined, table


def test_text_is_escaped_once():
    assert escaped('<a href="x">\'&') == "&lt;a href=&quot;x&quot;&gt;&#x27;&amp;"
    assert escaped(escaped("<")) == "&lt;"
    assert escaped("a\x00\x1b\x9fb\n\tc") == "a\ufffd\ufffd\ufffdb\n\tc"
    assert escaped(3) == "3"


def test_elements():
    assert element("p", "<", None, element("b", "x"), class_='a"b') == (
        '<p class="a&quot;b">&lt;<b>x</b></p>'
    )
    made = element("input", name="a", checked=True, disabled=False, data_x=None, aria_label="y")
    assert made == '<input name="a" checked aria-label="y">'
    assert isinstance(joined("a", None, "b"), Html)
    assert joined("a", None, "b") == "ab"


def test_a_table_needs_a_cell_for_every_head():
    with pytest.raises(ValueError, match="zip"):
        table("t", ("a", "b"), [("1",)])
