"""Sessions of version 1 of the strategy definition: read, not resumed, not looked up.

``session_version_1.sql.gz`` is a database as the last release of version 1 wrote it: a market of
three pairs, a finished session of four strategies, and a session that was not run.
"""

import gzip
import json
import sqlite3
from pathlib import Path

import pytest

ASSET = Path(__file__).parents[1] / "assets" / "session_version_1.sql.gz"
FINISHED = "session_20261125_082022_0642"
NOT_RUN = "session_20261125_082029_3952"
SPACE = (
    *("--set", "factors=SR"),
    *("--set", "window_size=5,10"),
    *("--set", "data_period=10"),
    *("--set", "rebalance_frequency=7"),
    *("--set", "selection_count=3"),
    *("--set", "weight_method=EQ,FS"),
    *("--backtest", "min_active_days=20"),
)
REFUSED = (
    "was created under version 1 of the strategy definition and this release has 2, whose figures "
    "do not compare with its own; it can be read (top, show, export, status), to compute create a "
    "new session with: mass-tuning generate"
)


@pytest.fixture
def database(tmp_path, monkeypatch):
    """Path of a copy, in a working folder of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    path = tmp_path / "v1.db"
    connection = sqlite3.connect(path)
    connection.executescript(gzip.decompress(ASSET.read_bytes()).decode())
    connection.close()
    return path


def test_it_is_read(cli, database):
    asked = ("--database", database, "--session", FINISHED)
    top = cli("top", *asked, "--json").json
    warning = (
        "recorded under version 1 of the strategy definition, whose figures do not compare with "
        "those of version 2"
    )
    assert top["warnings"] == [warning]
    assert cli("status", *asked, "--json").json["warnings"] == [warning]
    best = top["strategies"][0]
    assert best["strategy_id"] == "SR_W10_7D_D10_S3_FS"
    # the fees of leaving are not in the figures of version 1
    assert best["metrics"]["final_balance"] == 9966.317428888273
    assert cli("status", *asked, "--detailed").code == 0
    assert cli("status", *asked, "--json").json["status"] == "completed"
    assert cli("export", *asked, "--output", "v1.csv").code == 0
    assert Path("v1.csv").read_text().count("\n") == 5
    listed = cli("sessions", "--database", database, "--json").json
    assert [row["session_id"] for row in listed] == [NOT_RUN, FINISHED]


def test_show_gives_what_was_recorded_and_no_curve(cli, database):
    asked = ("--database", database, "--session", FINISHED)
    shown = cli("show", "best", *asked)
    assert shown.code == 0
    assert "9,966.32" in shown.out
    assert f"no equity curve: {FINISHED} {REFUSED}" in " ".join(shown.err.split())
    document = cli("show", "best", *asked, "--json").json
    assert "equity" not in document
    assert document["metrics"]["final_balance"] == pytest.approx(9966.32, abs=0.005)
    for wanted in (("--trades",), ("--ranking", "2024-03-01"), ("--save",)):
        refused = cli("show", "best", *asked, *wanted)
        assert refused.code == 2
        assert refused.error == f"{FINISHED} {REFUSED}"


@pytest.mark.parametrize("options", [(), ("--resume",), ("--parallel", "2"), ("--retry-failed",)])
def test_it_is_not_resumed(cli, database, options):
    refused = cli("execute", "--database", database, "--session", NOT_RUN, *options)
    assert (refused.code, refused.error) == (2, f"{NOT_RUN} {REFUSED}")
    states = {row["session_id"]: row["status"]
              for row in cli("sessions", "--database", database, "--json").json}  # fmt: skip
    assert states == {NOT_RUN: "created", FINISHED: "completed"}


def test_it_is_not_looked_up(cli, database):
    generated = cli("generate", "--database", database, *SPACE, "--json")
    assert generated.code == 0, generated.err
    session_id = generated.json["session_id"]
    assert cli("execute", "--database", database, "--session", session_id).code == 0
    connection = sqlite3.connect(database)
    figures = dict(
        connection.execute(
            "SELECT session_id || ' ' || strategy_id, final_balance "
            "FROM hyperparameter_tuning_results"
        )
    )
    cached = connection.execute(
        "SELECT count(*) FROM trial_user_attributes WHERE key = 'cached' AND value_json = 'true'"
    ).fetchone()
    connection.close()
    assert cached == (0,)
    name = "SR_W10_7D_D10_S3_FS"
    assert figures[f"{session_id} {name}"] < figures[f"{FINISHED} {name}"]


def test_its_best_strategies_may_be_where_a_search_begins(cli, database):
    begun = cli("generate", "--database", database, *SPACE, "--mode", "tpe", "--size", "4",
                "--from", FINISHED, "--json")  # fmt: skip
    assert begun.code == 0, begun.err
    assert json.loads(begun.out)["warm_start"][0] == "SR_W10_7D_D10_S3_FS"
