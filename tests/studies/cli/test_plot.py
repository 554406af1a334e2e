"""``plot``: every figure as a file or as numbers, and what is refused."""

import json

import pytest

from studies.cli.plot import LISTED
from studies.reports import FIGURES, escaped


def files_of(project):
    """Files of the project but the log of an open database."""
    return sorted(p.name for p in project.iterdir() if not p.name.endswith(("-wal", "-shm")))


def test_without_a_name_the_figures_are_listed(cli, project):
    told = cli("plot")
    assert told.code == 0
    assert [line.split()[0] for line in told.out.splitlines()] == list(FIGURES)
    assert "plot NAME" in told.err
    assert list(cli("plot", "--json").json["figures"]) == list(FIGURES) == list(LISTED)


def test_a_figure_of_nothing_says_so(cli, project):
    told = cli("plot", "equity", "--where", "net_sharpe_ratio > 1e6", "-o", "none.svg")
    assert told.code == 0
    assert "nothing is drawn" in told.err
    assert "nothing is drawn" not in cli("plot", "lift", "-o", "lift.svg").err


@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_is_written(cli, project, name):
    told = cli("plot", name)
    assert told.code == 0, told.err
    (written,) = project.glob(f"{name}_session_*.svg")
    assert b"<svg" in written.read_bytes()
    assert written.name in told.out
    assert cli("plot", name, "-o", "f.html").code == 0
    assert (project / "f.html").read_text().startswith("<!doctype html>")


def test_json_is_what_is_drawn_and_writes_no_file(cli, project):
    before = files_of(project)
    document = cli("plot", "distribution", "--json").json
    assert files_of(project) == before
    (panel,) = document["panels"]
    counts = panel["layers"][0]["heights"]
    recorded = cli("stats", "--json").json
    assert sum(counts) == recorded["strategies"] - recorded["failed"]
    assert document["file"] is None
    written = cli("plot", "distribution", "--json", "-o", "d.png").json
    assert written["panels"] == document["panels"]
    assert (project / written["file"]).read_bytes().startswith(b"\x89PNG")


def test_a_filter_chooses_strategies(cli, project):
    document = cli("plot", "distribution", "--where", "window_size = 5", "--json").json
    everything, chosen = document["panels"][0]["layers"][:2]
    assert document["filter"] == "window_size = 5"
    assert sum(everything["heights"]) == 2 * sum(chosen["heights"])
    given = ("--factor", "DD", "--without", "IC")
    text = cli("stats", *given, "--json").json["filter"]
    assert f"({text})" in cli("plot", "lift", *given, "-o", "l.html").out
    assert escaped(text) in (project / "l.html").read_text()


def test_options_of_the_heat_map(cli, project):
    given = ("--x", "rebalance_frequency", "--y", "selection_count", "--statistic", "best")
    document = cli("plot", "heat_map", *given, "--json").json
    (panel,) = document["panels"]
    assert panel["x"]["label"] == "rebalance frequency"
    assert panel["y"]["categories"] == ["3", "5"]
    best = max(max(row) for row in panel["layers"][0]["values"])
    assert best == cli("top", "-n", 1, "--json").json["strategies"][0]["metrics"][
        "net_sharpe_ratio"
    ]  # fmt: skip
    share = cli("plot", "heat_map", *given[:4], "--statistic", "share", "--json").json
    values = [value for row in share["panels"][0]["layers"][0]["values"] for value in row]
    assert all(0 <= value <= 1 for value in values)
    assert json.dumps(share["panels"]) != json.dumps(document["panels"])


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (("pie",), "there is no figure 'pie'; there are distribution,"),
        (("lift", "--x", "factors"), "the figure lift has no option 'x'; it has no options"),
        (("heat_map", "--x", "nothing"), "unknown parameter 'nothing'"),
        (("heat_map", "--x", "factors", "--y", "factors"), "two different parameters"),
        (("lift", "-o", "lift.gif"), "ends in .png, .svg, .html, got 'lift.gif'"),
        (("lift", "-o", "lift"), "got 'lift'"),
        (("lift", "-o", "nowhere/lift.svg"), "nowhere does not exist"),
        (("lift", "--where", "sharpe >"), "cannot read the filter"),
    ],
)
def test_what_is_wrong_is_one_line(cli, project, given, says):
    before = files_of(project)
    told = cli("plot", *given)
    assert told.code == 2
    assert says in told.error
    assert files_of(project) == before
