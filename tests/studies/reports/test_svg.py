"""A figure as SVG: everything within its frame, in classes only, in both languages."""

import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from studies.language import message
from studies.reports import FIGURE_CSS, draw_svg
from studies.reports.drawing import (
    Axis,
    Bars,
    Cells,
    Columns,
    Figure,
    Line,
    Panel,
    Points,
    Rule,
)

HOSTILE = '<script>alert("x")</script>&'
SVG_ATTRIBUTES = {
    *("viewBox", "role", "class", "x", "y", "width", "height", "d", "cx", "cy", "r"),
    *("text-anchor", "transform", "lang"),
}


def figure(*layers, x=None, y=None, **options):
    panel = Panel(x or Axis(), y or Axis(message("strategies"), unit="count"), layers)
    return Figure(
        "test", message("strategies"), message("{name}", name="n"), message("strategies"), (panel,)
    )


def parsed(drawn):
    return ET.fromstring(drawn)


def texts(root, tag="text"):
    return [each.text for each in root.iter(tag)]


def every_kind():
    days = np.array(["2024-01-01", "2024-01-02", "2024-01-03"], dtype="datetime64[D]")
    return [
        figure(Line(days, np.array([1.0, np.nan, 3.0]), HOSTILE), Rule("split", x=days[1]),
               x=Axis(kind="date")),
        figure(Columns(np.array([0.0, 1.0, 2.0]), np.array([3, 0]), "n"), Rule("r", y=2.0)),
        figure(Bars(np.array([0.5, -0.25, np.nan, np.inf]), ("first", "bad", "muted", "second")),
               y=Axis(kind="category", categories=("a", HOSTILE, "c" * 500, message("strategies"))),
               x=Axis(unit="fraction")),
        figure(Points(np.array([1.0, np.inf]), np.array([2.0, 3.0]), "p", "bad", (HOSTILE, "b")),
               Rule("d", is_diagonal=True)),
        figure(Cells(np.array([[1.0, -2.0, np.nan], [0.0, np.inf, -np.inf]])),
               x=Axis(kind="category", categories=("a", "b", HOSTILE * 9)),
               y=Axis(kind="category", categories=("c", "d"))),
        figure(Cells(np.array([[1.0, np.nan], [np.nan, 500.0]]), "count", "count", False,
                     np.arange(3.0), np.arange(3.0)), x=Axis(), y=Axis()),
    ]  # fmt: skip


@pytest.mark.parametrize("drawn", every_kind())
@pytest.mark.parametrize("bilingual", [True, False])
def test_every_layer_is_within_the_frame_and_has_no_style(drawn, bilingual):
    root = parsed(draw_svg(drawn, bilingual=bilingual))
    assert root.get("role") == "img"
    _, _, width, height = map(float, root.get("viewBox").split())
    for each in root.iter():
        assert set(each.attrib) <= SVG_ATTRIBUTES
        for name, value in each.attrib.items():
            if name in {"x", "y", "width", "height", "cx", "cy", "r", "d"}:
                assert "nan" not in value
                assert "inf" not in value
        for name, most in (("x", width), ("cx", width), ("y", height), ("cy", height)):
            assert -0.1 <= float(each.get(name, 0)) <= most + 0.1
    assert "script" not in {each.tag for each in root.iter()}


def test_texts_are_in_both_languages_and_numbers_once():
    root = parsed(draw_svg(figure(Columns(np.arange(3.0), np.array([10, 20]), "n"))))
    by_class = {each.get("class", ""): each.text for each in root.iter("text")}
    assert by_class["axis-name lang-en"] == "strategies"
    assert by_class["axis-name lang-zh"] == "策略數"
    assert texts(root).count("20") == 1
    assert [each.get("lang") for each in root.findall("title")] == ["en", "zh-Hant"]
    english = draw_svg(figure(Columns(np.arange(3.0), np.array([10, 20]), "n")), bilingual=False)
    assert "lang" not in english
    assert "策" not in english


def test_a_long_name_is_cut_and_whole_in_a_tooltip():
    name = "x" * 300
    axis = Axis(kind="category", categories=(name,))
    root = parsed(draw_svg(figure(Bars(np.array([1.0]), ("first",)), y=axis)))
    (shown,) = [each for each in root.iter("text") if "…" in each.text]
    assert len(shown.text) < 60
    assert texts(shown, "title") == [name]


@pytest.mark.parametrize("name", ["WIDE_NAME_OF_A_STRATEGY", "中文名稱的策略", "narrow"])
def test_names_beside_an_axis_have_room(name):
    axis = Axis(kind="category", categories=(name,))
    root = parsed(draw_svg(figure(Bars(np.array([1.0]), ("first",)), y=axis)))
    (text,) = [each for each in root.iter("text") if each.text == name]
    size = 7 * sum(2 if character > "ÿ" else 1 for character in name)
    assert float(text.get("x")) - size >= 0


def test_bars_are_as_long_as_their_values():
    axis = Axis(kind="category", categories=("a", "b", "c"))
    bars = Bars(np.array([2.0, 1.0, -1.0]), ("first", "second", "bad"))
    root = parsed(draw_svg(figure(bars, y=axis)))
    wide, half, below = (float(each.get("width")) for each in root.iter("rect"))
    assert wide == pytest.approx(2 * half, abs=0.2)
    assert below == pytest.approx(half, abs=0.2)
    roles = [each.get("class") for each in root.iter("rect")]
    assert roles == ["bar role-first", "bar role-second", "bar role-bad"]
    assert {"2.00", "1.00", "-1.00"} <= set(texts(root))


def test_a_line_breaks_where_there_is_nothing_and_a_long_one_keeps_its_peaks():
    x = np.arange(5.0)
    root = parsed(draw_svg(figure(Line(x, np.array([1.0, 2.0, np.nan, 3.0, 4.0]), "n"))))
    lines = [each for each in root.iter("path") if each.get("class") == "line role-first"]
    assert len(lines) == 2
    y = np.zeros(100_000)
    y[[31_234, 77_777]] = 5.0, -5.0
    (path,) = [
        each.get("d")
        for each in parsed(draw_svg(figure(Line(np.arange(100_000.0), y, "n")))).iter("path")
        if each.get("class") == "line role-first"
    ]
    heights = [float(part.split()[1]) for part in re.split("[ML]", path)[1:]]
    assert len(heights) < 5_000
    middle = np.median(heights)
    assert min(heights) - middle == pytest.approx(middle - max(heights), abs=0.3)
    assert min(heights) < middle - 50


def test_steps_go_level_and_upright():
    x, y = np.array([1.0, 10.0, 100.0]), np.array([0.0, 1.0, 2.0])
    drawn = draw_svg(figure(Line(x, y, "n", is_step=True), x=Axis(kind="log", unit="count")))
    (path,) = [
        each.get("d")
        for each in parsed(drawn).iter("path")
        if each.get("class") == "line role-first"
    ]
    assert re.fullmatch(r"M[\d.]+ [\d.]+(H[\d.]+V[\d.]+){2}", path)
    start, middle, end = (float(part) for part in re.findall(r"[MH]([\d.]+)", path))
    assert middle - start == pytest.approx(end - middle, abs=0.2)  # decades are equal


def test_colours_of_cells_are_anchored_at_zero():
    values = np.array([[-3.0, -0.1, 0.1, 1.5, 3.0]])
    axis = Axis(kind="category", categories=tuple("abcde"))
    drawn = draw_svg(figure(Cells(values), x=axis, y=Axis(kind="category", categories=("r",))))
    kinds = [each.get("class") for each in parsed(drawn).iter("rect")]
    assert kinds == ["cell cell-n6", "cell cell-0", "cell cell-0", "cell cell-p3", "cell cell-p6"]
    counts = np.array([[1.0, 10.0, 100.0, 1_000.0, 100_000.0]])
    cells = Cells(counts, "count", "count", False)
    drawn = draw_svg(figure(cells, x=axis, y=Axis(kind="category", categories=("r",))))
    kinds = [each.get("class") for each in parsed(drawn).iter("rect")][:5]
    assert kinds == [f"cell count-{step}" for step in (1, 2, 3, 4, 6)]


def test_panels_over_the_same_days_share_their_axis():
    days = np.array(["2024-01-01", "2024-03-01"], dtype="datetime64[D]")
    late = np.array(["2024-02-01", "2024-03-01"], dtype="datetime64[D]")
    axis = Axis(kind="date")
    panels = [Panel(axis, Axis(), (Line(of, np.array([0.0, 1.0]), "n"),)) for of in (days, late)]
    drawn = Figure("f", message("strategies"), *[message("strategies")] * 2, tuple(panels))
    root = parsed(draw_svg(drawn))
    lines = [each.get("d") for each in root.iter("path") if each.get("class") == "line role-first"]
    starts = [float(re.match(r"M([\d.]+)", line)[1]) for line in lines]
    ends = [float(re.search(r"L([\d.]+)", line)[1]) for line in lines]
    assert ends[0] == ends[1]
    assert starts[1] > starts[0] + 200
    assert texts(root).count("2024-02") <= 1


def test_without_panels_the_note_is_written():
    note = message("strategies")
    root = parsed(draw_svg(Figure("f", message("{name}", name="t"), note, note)))
    assert texts(root) == ["strategies", "策略數"]


def luminance(colour):
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (
        part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one, other):
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def themes():
    """The variables of every block of the style sheet that sets them."""
    blocks = re.findall(r"\{([^{}]*--figure-ground: [^{}]*)\}", FIGURE_CSS.read_text())
    return [dict(re.findall(r"(--[\w-]+): (#\w{6});", block)) for block in blocks]


def test_texts_and_colours_stand_out_from_their_ground():
    light, dark, chosen_dark = themes()
    assert dark == chosen_dark
    assert light.keys() == dark.keys()
    for theme in (light, dark):
        ground = theme["--figure-ground"]
        for name in ("text", "strong"):
            assert contrast(theme[f"--figure-{name}"], ground) >= 4.5
        for name in ("first", "second", "third", "fourth", "fifth", "bad", "basket"):
            assert contrast(theme[f"--figure-{name}"], ground) >= 3
        cells = [name for name in theme if name.startswith(("--cell-", "--count-"))]
        assert len(cells) == 13 + 6
        for name in cells:
            assert contrast(theme[name], theme[f"--on-{name[2:]}"]) >= 4.5, name


def test_every_class_has_a_rule():
    css = FIGURE_CSS.read_text()
    drawn = "".join(map(draw_svg, every_kind()))
    used = {name for names in re.findall('class="([^"]*)"', drawn) for name in names.split()}
    assert {"cell", "cell-text", "figure-test"} < used
    for name in used - {"cell-text", "figure-test"}:
        assert re.search(rf"\.{name}\b", css), name
