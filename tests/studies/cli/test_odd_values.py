"""Empty options are refused, not taken for the default; file names may hold any character."""

from pathlib import Path

import pytest

from tests.objectives.test_sqlite_url import ODD_NAMES

EMPTY = [
    (["--database", "", "sessions"], "--database"),
    (["sessions", "--database", ""], "--database"),
    (["clean", "--yes", "--session", "x", "--database", ""], "--database"),
    (["--config", "", "config"], "--config"),
    (["config", "--config", " "], "--config"),
    (["config", "--write", ""], "--write"),
    (["import", ""], "source"),
    (["import", "synthetic", "--market-caps", ""], "--market-caps"),
    (["import", "events.csv", "--exchanges", ""], "--exchanges"),
    (["import", "synthetic", "--start-date", ""], "--start-date"),
    (["import", "synthetic", "--end-date", ""], "--end-date"),
    (["generate", "--set", ""], "--set"),
    (["generate", "--set", "weight_method=EQ", "--set", ""], "--set"),
    (["generate", "--backtest", ""], "--backtest"),
    (["generate", "--start-date", ""], "--start-date"),
    (["generate", "--split-date", ""], "--split-date"),
    (["generate", "--mode", "tpe", "--size", "3", "--from", ""], "--from"),
    (["estimate", "--end-date", ""], "--end-date"),
    (["execute", "--session", ""], "--session"),
    (["execute", "--parallel", ""], "--parallel"),
    (["execute", "--scheduler", ""], "--scheduler"),
    (["worker", ""], "session"),
    (["status", "--session", ""], "--session"),
    (["top", "--session", ""], "--session"),
    (["top", "--metric", ""], "--metric"),
    (["show", ""], "strategy"),
    (["show", "best", "--ranking", ""], "--ranking"),
    (["export", "--session", ""], "--session"),
    (["export", "-o", ""], "--output"),
    (["clean", "--session", "", "--yes"], "--session"),
    (["demo", "--folder", ""], "--folder"),
]


@pytest.mark.parametrize(("words", "name"), EMPTY, ids=[" ".join(words) for words, _ in EMPTY])
def test_an_empty_option_is_not_the_default(project, cli, words, name):
    before = {path.name: path.stat().st_mtime_ns for path in project.iterdir()}
    refused = cli(*words)
    assert refused.code == 2
    assert refused.error.lower().startswith(f"{name} is empty; give a value")
    assert refused.out == ""
    assert {path.name: path.stat().st_mtime_ns for path in project.iterdir()} == before


def test_empty_notes_are_no_notes(project, cli):
    planned = cli("generate", "--mode", "sampling", "--size", "3", "--notes", "", "--json")
    assert planned.code == 0
    assert not planned.json["notes"]


def test_an_empty_database_in_the_configuration_is_refused(project, cli):
    Path("mine.yaml").write_text("market: {database: ''}\n")
    refused = cli("--config", "mine.yaml", "sessions")
    assert refused.code == 2
    assert "market.database: an empty text is no value" in refused.error


def test_values_are_left_to_limit_a_parameter_to(project, cli):
    refused = cli("generate", "--set", "weight_method=,")
    assert refused.code == 2


@pytest.mark.parametrize("name", ODD_NAMES)
def test_a_database_of_any_name(project, cli, name):
    for path in project.glob("funding_rate.db*"):  # with its log
        path.rename(project / path.name.replace("funding_rate.db", name))
    listed = cli("--database", name, "sessions", "--json")
    assert listed.code == 0
    assert len(listed.json) == 1
    assert cli("--database", "new" + name, "import", name).code == 0
    assert {path.name for path in Path().glob("*.db")} == {name, "new" + name}
    shown = cli("--database", name, "export", "-o", "all.csv")
    assert shown.code == 0
