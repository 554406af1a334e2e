"""The page and the figures of sessions side by side."""

import base64
import dataclasses
import hashlib
import math
import re
from html.parser import HTMLParser

import numpy as np
import pytest

from search_spaces.errors import ConfigError
from studies import Session
from studies.analysis import compare_sessions, largest_exhaustive, summarise
from studies.language import translate
from studies.reports import comparison_page, comparison_policy, write_comparison
from studies.reports.drawing import Line, Rule
from studies.reports.figures.comparison import (
    comparison_figure,
    convergence_comparison,
    distribution_comparison,
)
from tests.helpers.sessions import BACKTEST, make_config, url_of

HOSTILE = "</script><img src=x onerror=alert(1)>\u202e\x00'\""


class Reader(HTMLParser):
    """Reads tags, texts and addresses of a page."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.texts, self.addresses, self.handlers = [], [], [], []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.addresses += [value for name, value in attrs if name in ("src", "href")]
        self.handlers += [name for name, _ in attrs if name.startswith("on") or name == "style"]

    def handle_data(self, data):
        self.texts.append(data)


def command(rest):
    return f"mass-tuning {rest}"


@pytest.fixture
def sampled(completed):
    """Make smaller sessions beside the completed one."""
    made = []

    def make(**options):
        sections = {
            name: options.pop(name) for name in ("backtest", "objective") if name in options
        }
        options = {"method": "sobol", "size": 60, **options}
        session = Session.create(make_config(url_of(completed), **sections), **options)
        made.append(session)
        return session

    yield make
    for session in made:
        session.engine.dispose()


def test_the_page_is_offline_and_names_its_policy(completed, sampled):
    other = sampled(seed=3)
    other.run()
    page = comparison_page(compare_sessions([completed, other]), command)
    read = Reader(page)
    assert {"h1", "h2", "table", "svg", "script", "style", "main"} <= set(read.tags)
    assert read.addresses == ["#content"]
    assert read.handlers == []
    assert not re.search(r"https?://", page)
    for tag, kind in (("script", "script-src"), ("style", "style-src")):
        (content,) = re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{kind} 'sha256-{digest}'" in comparison_policy()
    assert "unsafe" not in comparison_policy()
    for session in (completed, other):
        assert f"mass-tuning report {session.row.session_id} -o report.html" in read.texts
        assert f"mass-tuning verify {session.row.session_id}" in read.texts


def test_the_page_opens_in_both_languages(completed, sampled):
    comparison = compare_sessions([completed, sampled()])
    pages = [comparison_page(comparison, command, language) for language in ("en", "zh-Hant")]
    assert [page.split("<html ")[1].split('"')[1] for page in pages] == ["en", "zh-Hant"]
    for page in pages:
        for text in ("Sessions side by side", "What their best share", "The best of each"):
            assert text in page
            assert translate(text, "zh-Hant") in page
    with pytest.raises(ValueError, match="one of en, zh-Hant, got 'fr'"):
        comparison_page(comparison, command, "fr")


def test_what_does_not_compare_stands_before_everything(completed, sampled):
    dear = sampled(backtest={**BACKTEST, "fee_rate": 0.002})
    dear.run()
    comparison = compare_sessions([completed, dear])
    page = comparison_page(comparison, command)
    main = page.split("<main")[1]
    assert main.index("These sessions do not compare") < main.index("Which sessions")
    first_section = main.split("</section>")[0]
    assert "fees" in first_section
    assert "backtest.fee_rate" in first_section
    assert "<bdi>0.002</bdi>" in first_section
    note = str(distribution_comparison(comparison).note)
    assert note.endswith("different conditions: their values do not compare.")
    assert str(comparison_figure(comparison).title) == "Sessions side by side that do not compare"
    assert "What the numbers show" not in page


def test_hostile_notes_and_filters_are_text(completed):
    comparison = compare_sessions([completed, sampled_copy(completed)], "window_size > 5")
    first = dataclasses.replace(comparison.sessions[0], notes=HOSTILE)
    hostile = dataclasses.replace(
        comparison,
        sessions=(first, *comparison.sessions[1:]),
        settings={HOSTILE: (HOSTILE, None)},
        filter_text=HOSTILE,
        filter_arguments=("--where", HOSTILE),
    )
    page = comparison_page(hostile, command)
    read = Reader(page)
    assert "img" not in read.tags
    assert read.tags.count("script") == 1
    assert "\x00" not in page
    shown = HOSTILE.replace("\x00", "\ufffd").replace("\u202e", "\ufffd")
    assert read.texts.count(shown) == 4  # note, name and value of the setting, filter
    assert all("onerror" not in address for address in read.addresses)


def sampled_copy(session):
    other = Session.create(make_config(url_of(session)), size=5)
    other.engine.dispose()
    return Session(session.engine, other.row)


def test_sessions_without_results(completed):
    ids = [sampled_copy(completed) for _ in range(2)]
    comparison = compare_sessions(ids)
    for figure in (
        comparison_figure(comparison),
        distribution_comparison(comparison),
        convergence_comparison(comparison),
    ):
        assert figure.panels == ()
        assert str(figure.note) == "No session has a result yet."
    page = comparison_page(comparison, command)
    assert "has no results yet" in page
    assert "No session has a result yet." in page


def lines_of(panel):
    return [layer for layer in panel.layers if isinstance(layer, Line)]


def test_distributions_are_shares_over_common_edges(completed, sampled):
    other = sampled()
    other.run()
    comparison = compare_sessions([completed, other])
    (panel,) = distribution_comparison(comparison).panels
    first, second = lines_of(panel)
    assert [str(line.name) for line in (first, second)] == [
        "A: exhaustive, 432 strategies",
        "B: sobol, 60 strategies",
    ]
    np.testing.assert_array_equal(first.x, second.x)
    edges = first.x[1:]
    for each, line in zip(comparison.sessions, (first, second), strict=True):
        values = each.history.values[~np.isnan(each.history.values)].tolist()
        assert line.y[1:-1].sum() == pytest.approx(1)
        for k in range(len(edges) - 1):
            low = -math.inf if k == 0 else edges[k]
            high = math.inf if k == len(edges) - 2 else edges[k + 1]
            inside = sum(low <= value < high for value in values)
            assert line.y[1 + k] == pytest.approx(inside / len(values))
    (rule,) = [layer for layer in panel.layers if isinstance(layer, Rule)]
    assert rule.x == comparison.sessions[0].distribution.best


def test_lines_of_the_best_so_far(completed, sampled):
    other = sampled()
    other.run()
    comparison = compare_sessions([completed, other])
    by_evaluations, by_seconds = convergence_comparison(comparison).panels
    assert (by_evaluations.x.kind, by_seconds.x.kind) == ("log", "log")
    floor = min(each.distribution.median for each in comparison.sessions)
    for each, line, timed in zip(
        comparison.sessions, lines_of(by_evaluations), lines_of(by_seconds), strict=True
    ):
        values = each.history.values
        for x, y in zip(line.x.tolist(), line.y.tolist(), strict=True):
            assert y == np.nanmax(values[: int(x)])
            assert y >= floor
        assert line.x[-1] == len(values)
        assert line.y[-1] == timed.y[-1] == each.distribution.best
        assert timed.x[-1] == max(each.history.duration, 0.1)
        assert (np.diff(timed.x) >= 0).all()
        assert line.is_step


def test_six_sessions_are_drawn_as_five(completed, sampled):
    comparison = compare_sessions([completed, sampled_copy(completed)])
    many = dataclasses.replace(
        comparison,
        sessions=tuple(
            dataclasses.replace(comparison.sessions[0], session_id=f"s{k}") for k in range(6)
        ),
        groups=(tuple(f"s{k}" for k in range(6)),),
    )
    figure = comparison_figure(many)
    assert [len(lines_of(panel)) for panel in figure.panels] == [5, 5, 5]
    assert str(figure.note).endswith("Drawn are the first five sessions; not F.")


def test_another_objective_is_not_drawn(completed, sampled):
    other = sampled(objective={"metrics": {"max_drawdown": "minimize"}})
    other.run()
    figure = comparison_figure(compare_sessions([completed, other]))
    assert [len(lines_of(panel)) for panel in figure.panels] == [1, 1, 1]
    assert str(figure.note).endswith("Not drawn, of another objective: B.")


def test_a_minimised_objective_is_drawn(sampled):
    metrics = {"max_drawdown": "minimize"}
    sessions = [sampled(objective={"metrics": metrics}, seed=seed) for seed in (1, 2)]
    for session in sessions:
        session.run()
    comparison = compare_sessions(sessions)
    by_evaluations, _ = convergence_comparison(comparison).panels
    for each, line in zip(comparison.sessions, lines_of(by_evaluations), strict=True):
        assert line.y[-1] == np.nanmin(each.history.values)
        assert (np.diff(line.y) <= 0).all()
    assert largest_exhaustive(comparison) is None
    assert not [layer for layer in by_evaluations.layers if isinstance(layer, Rule)]


def test_infinite_values_are_left_out_of_lines(completed, sampled):
    other = sampled()
    other.run()
    comparison = compare_sessions([completed, other])
    first = comparison.sessions[0]
    values = np.append(first.history.values, [math.inf, -math.inf])
    odd = dataclasses.replace(
        first,
        history=dataclasses.replace(first.history, values=values),
        distribution=summarise(values, "maximize"),
    )
    figure = comparison_figure(
        dataclasses.replace(comparison, sessions=(odd, comparison.sessions[1]))
    )
    assert len(figure.panels) == 3
    assert not [
        layer for panel in figure.panels for layer in panel.layers if isinstance(layer, Rule)
    ]
    assert lines_of(figure.panels[0])[0].y.sum() == pytest.approx(1)


def test_a_file(completed, sampled, tmp_path):
    other = sampled()
    other.run()
    target = tmp_path / "compare.html"
    sessions = [completed, other]
    written = write_comparison(sessions, target, "window_size > 5", command=command)
    assert target.stat().st_size == written.n_bytes
    text = target.read_text(encoding="utf-8")
    assert "--where &#x27;window_size &gt; 5&#x27;" in text
    assert written.comparison.filter_text == "window_size > 5"
    for name, start in (("compare.svg", b"<?xml"), ("compare.PNG", b"\x89PNG")):
        drawn = write_comparison(sessions, tmp_path / name, command=command)
        content = (tmp_path / name).read_bytes()
        assert content.startswith(start)
        assert len(content) == drawn.n_bytes
    picture = (tmp_path / "compare.svg").read_text(encoding="utf-8")
    assert f"A: exhaustive, 432 strategies ({completed.row.session_id})" in picture
    assert "seconds since the start, pauses included" in picture
    kept = {tmp_path / "kept.html": "the configuration"}
    for name, error in (
        ("compare.txt", "is a file that ends in .html, .png, .svg, got"),
        ("no/compare.html", "does not exist"),
        ("kept.html", "is the configuration and is not written over"),
    ):
        with pytest.raises(ConfigError, match=error):
            write_comparison(sessions, tmp_path / name, command=command, keep=kept)
    database = tmp_path / "copy.html"
    database.write_bytes(b"SQLite format 3\x00")
    with pytest.raises(ConfigError, match="is a SQLite database and is not written over"):
        write_comparison(sessions, database, command=command)
