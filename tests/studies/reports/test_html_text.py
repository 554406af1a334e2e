"""Text stays text, and elements are what they say."""

import pytest

from studies.reports.html_text import Html, element, escaped, joined, table
from studies.web.curves import drawdowns, line_figure


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


def test_drawdowns():
    assert drawdowns([100.0, 110.0, 99.0, 121.0]) == pytest.approx([0.0, 0.0, -0.1, 0.0])
    assert drawdowns([0.0, 0.0]) == [0.0, 0.0]


def test_a_figure_is_drawn_within_its_frame():
    days = ["2024-01-01", "2024-01-02", "2024-01-03"]
    drawn = line_figure("t", "d", days, [("strategy", [1.0, 3.0, 2.0])], split=days[2])
    assert 'points="70.0,232.0 410.0,16.0 750.0,124.0"' in drawn
    assert "unseen from 2024-01-03" in drawn


def test_a_figure_of_one_day_and_one_value():
    drawn = line_figure("t", "d", ["2024-01-01"], [("strategy", [1.0])], split="2023-01-01")
    assert "unseen" not in drawn
    assert "nan" not in drawn
