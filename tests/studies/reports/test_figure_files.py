"""Figures as files: images, pages, Plotly's, and documents for programs."""

import base64
import hashlib
import io
import json
import re

import numpy as np
import plotly.graph_objects as go
import pytest

from search_spaces.errors import ConfigError
from studies.reports import (
    FIGURE_CSS,
    FIGURES,
    figure_html,
    figure_of,
    figure_values,
    plotly_figure,
    write_figure,
)
from studies.reports.colours import COUNTS, DIVERGING, ROLES
from studies.reports.drawing import Role
from studies.reports.matplotlib_file import write_image
from tests.helpers.figures import data_of, make_curve, whole_table

CURVES = (make_curve("$A$ & <b>"), make_curve("B"))


@pytest.fixture(params=FIGURES)
def figure(request):
    data = data_of(whole_table(outside=np.arange(36.0)), CURVES, "2024-02-01")
    return figure_of(data, request.param)


def image(figure, form):
    file = io.BytesIO()
    write_image(figure, file, form)
    return file.getvalue()


def test_images(figure):
    assert image(figure, "png").startswith(b"\x89PNG")
    drawn = image(figure, "svg")
    assert b"<svg" in drawn
    assert str(figure.title).encode() in drawn
    assert drawn == image(figure, "svg")  # the same figure is the same file


def test_names_in_images_are_no_formulas_and_a_figure_without_panels_says_why():
    drawn = image(figure_of(data_of(whole_table(), CURVES), "equity"), "svg").decode()
    assert "$A$ &amp; &lt;b&gt;" in drawn
    missing = figure_of(data_of(whole_table()), "equity")
    assert "No curves: no strategy was measured" in image(missing, "svg").decode()


def test_a_page_may_use_its_own_style_sheet_and_nothing_else(figure):
    page = figure_html(figure, "session <i> & others")
    (css,) = re.findall(r"<style>(.*?)</style>", page, flags=re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()
    policy = f"default-src &#x27;none&#x27;; style-src &#x27;sha256-{digest}&#x27;"
    assert f'content="{policy}"' in page
    assert "session &lt;i&gt; &amp; others" in page
    assert "<script" not in page
    assert " style=" not in page
    assert "<b>" not in page
    assert str(figure.title) in page


def test_plotly_takes_it(figure):
    made = plotly_figure(figure)
    json.dumps(made, allow_nan=False)
    drawn = go.Figure(made)
    assert len(drawn.data) >= bool(figure.panels)
    assert drawn.layout.title.text == str(figure.title)
    for trace in drawn.data:
        assert trace.name is None or "<" not in trace.name


def test_plotly_panels_do_not_overlap():
    layout = plotly_figure(figure_of(data_of(whole_table(), CURVES), "equity"))["layout"]
    (low, high), (below, between) = layout["yaxis"]["domain"], layout["yaxis2"]["domain"]
    assert 0 <= below < between < low < high == 1


def test_the_values_of_a_figure_are_json(figure):
    found = figure_values(figure)
    assert json.loads(json.dumps(found)).keys() == found.keys()
    assert [len(panel["layers"]) for panel in found["panels"]] == [
        len(panel.layers) for panel in figure.panels
    ]


def test_the_values_of_curves():
    found = figure_values(figure_of(data_of(whole_table(), CURVES, "2024-02-01"), "equity"))
    _, line, _, rule = found["panels"][0]["layers"]
    assert line["kind"] == "line"
    assert line["name"] == "$A$ & <b>"
    assert line["x"][:2] == ["2024-01-30", "2024-01-31"]
    assert line["y"] == [100.0, 110.0, 99.0, 121.0]
    assert (rule["kind"], rule["x"]) == ("rule", "2024-02-01")


def test_colours_of_files_are_those_of_pages():
    light = re.search(r":root \{(.*?)\}", FIGURE_CSS.read_text(), flags=re.DOTALL)[1]
    variables = dict(re.findall(r"--([\w-]+): (#\w{6});", light))
    assert {role: variables[f"figure-{role}"] for role in Role.__args__} == ROLES
    steps = [*(f"n{k}" for k in range(6, 0, -1)), "0", *(f"p{k}" for k in range(1, 7))]
    assert tuple(variables[f"cell-{step}"] for step in steps) == DIVERGING
    assert tuple(variables[f"count-{k}"] for k in range(1, 7)) == COUNTS


@pytest.mark.parametrize("name", ["f.svg", "f.PNG", "f.html", "f.htm"])
def test_the_ending_says_the_format(completed, tmp_path, name):
    figure = figure_of(data_of(whole_table()), "lift")
    write_figure(completed, figure, tmp_path / name, "a session")
    written = (tmp_path / name).read_bytes()
    assert {"svg": b"<?xml", "png": b"\x89PNG", "htm": b"<!doctype"}[name[2:5].lower()] in written
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_what_is_no_figure_or_must_stay_is_refused(completed, tmp_path):
    figure = figure_of(data_of(whole_table()), "lift")
    with pytest.raises(ConfigError, match=r"ends in \.png, \.svg, \.html, got 'f\.gif'"):
        write_figure(completed, figure, "f.gif", "a session")
    kept = tmp_path / "kept.svg"
    with pytest.raises(ConfigError, match="the configuration and is not written over"):
        write_figure(completed, figure, kept, "a session", keep={kept: "the configuration"})
    target = completed.engine.url.database
    with pytest.raises(ConfigError, match="part of the database"):
        write_figure(completed, figure, target, "a session", file_format="svg")
