"""``doctor``, ``backup``, ``restore``, cleaning of several sessions, and the log of commands."""

import sqlite3

import pytest

from studies.cli import clean
from studies.upkeep import stop_log
from tests.studies.cli.conftest import N_STRATEGIES


@pytest.fixture
def session_id(cli, project):
    return cli("sessions", "--json").json[0]["session_id"]


def query(text):
    with sqlite3.connect("funding_rate.db") as connection:
        found = connection.execute(text).fetchone()
    connection.close()
    return found[0] if found else None


def test_doctor(cli, project):
    done = cli("doctor", "--quick")
    assert done.code == 0, done.out
    assert "ok       integrity       quick_check: whole" in done.out
    assert done.out.endswith("0 problems, 0 warnings\n")
    query("UPDATE tuning_sessions SET completed_strategies = 1")
    done = cli("doctor", "--quick")
    assert done.code == 1
    assert done.err == ""
    assert "problem  counts" in done.out
    assert "; rows were changed from outside; restore a backup" in done.out
    assert done.out.endswith("1 problem, 0 warnings\n")
    document = cli("doctor", "--quick", "--json")
    assert document.code == 1
    assert document.json["ok"] is False
    (bad,) = [each for each in document.json["checks"] if each["level"] == "problem"]
    assert set(bad) == {"check", "level", "message", "way_out"}
    assert bad["check"] == "counts"


def test_doctor_with_a_wrong_configuration_and_no_database(cli, empty):
    (empty / "mass_tuning_config.yaml").write_text("databse: x\n")
    done = cli("doctor", "--quick", "--database", "none.db")
    assert done.code == 1
    assert "unknown setting 'databse'" in done.out
    assert "there is no database sqlite:///none.db yet" in done.out
    assert [path.name for path in empty.iterdir()] == ["mass_tuning_config.yaml"]


def test_backup_and_restore(cli, project):
    done = cli("backup", "kept.db", "--json").json
    assert done["file"] == "kept.db"
    assert done["bytes"] == (project / "kept.db").stat().st_size
    assert done["rows"]["hyperparameter_tuning_results"] == N_STRATEGIES
    refused = cli("backup", "kept.db")
    assert refused.code == 2
    assert "is not overwritten; name another file, or add --force" in refused.error
    again = cli("backup", "kept.db", "--force")
    assert again.out.startswith("wrote kept.db, ")
    assert "put it back with: mass-tuning restore kept.db" in again.out
    assert "the database itself" in cli("backup", "funding_rate.db", "--force").error

    query("DELETE FROM hyperparameter_tuning_results")
    refused = cli("restore", "kept.db")
    assert refused.code == 2
    assert refused.error.endswith("there is no terminal; add --yes")
    assert query("SELECT count(*) FROM hyperparameter_tuning_results") == 0
    done = cli("restore", "kept.db", "--yes")
    assert done.code == 0, done.err
    assert f"(1 session, {N_STRATEGIES} results)" in done.out
    assert "the database that was there: funding_rate-before-restore-" in done.out
    assert cli("top", "-n", "1").code == 0
    done = cli("restore", "kept.db", "--yes", "--json").json
    assert (done["file"], done["rows"]["tuning_sessions"]) == ("kept.db", 1)
    assert (project / done["aside"]).exists()
    assert "there is no file none.db" in cli("restore", "none.db", "--yes").error


def test_restore_asks_on_a_terminal(cli, project, monkeypatch):
    from studies.cli import backup

    class Terminal:
        @staticmethod
        def isatty():
            return True

    assert cli("backup", "kept.db").code == 0
    monkeypatch.setattr(backup.sys, "stdin", Terminal())
    monkeypatch.setattr("click.termui.visible_prompt_func", lambda text: "n")
    stopped = cli("restore", "kept.db")
    assert (stopped.code, stopped.error) == (130, "stopped; nothing was changed")
    monkeypatch.setattr("click.termui.visible_prompt_func", lambda text: "y")
    assert cli("restore", "kept.db").code == 0


def test_a_dry_run_deletes_nothing(cli, session_id):
    shown = cli("clean", "--session", session_id, "--dry-run")
    assert shown.code == 0
    assert shown.out.startswith(f"would delete {session_id}: {N_STRATEGIES} results, ")
    assert shown.err == ""
    document = cli("clean", "--session", session_id, "--failed-only", "--dry-run", "--json").json
    assert document == {
        "dry_run": True,
        "failed_only": True,
        "sessions": [{"session_id": session_id, "results": 120, "rows": 240}],
        "log_entries": 0,
        "rows": 240,
    }
    assert query("SELECT count(*) FROM hyperparameter_tuning_results") == N_STRATEGIES


def test_many_rows_go_only_with_yes(cli, session_id, monkeypatch):
    monkeypatch.setattr(clean, "ASKED_ROWS", 100)
    shown = cli("clean", "--session", session_id)
    assert shown.code == 0
    assert "would delete" in shown.out
    assert "rows are many; to delete them add --yes" in shown.err
    assert query("SELECT count(*) FROM tuning_sessions") == 1
    assert cli("clean", "--session", session_id, "--json").json["dry_run"] is True
    assert cli("clean", "--session", session_id, "--yes").code == 0
    assert query("SELECT count(*) FROM tuning_sessions") == 0


def test_clean_older_than_and_vacuum(cli, session_id):
    kept = cli("clean", "--older-than", "1", "--yes", "--json").json
    assert kept == {"sessions": [], "failed_only": False, "deleted": 0}
    query("UPDATE tuning_sessions SET completed_at = '2020-01-01 00:00:00.000000'")
    assert cli("clean", "--older-than", "1").error.startswith("clean asks before it deletes 1 sess")
    failed = cli("clean", "--older-than", "1", "--failed-only", "--yes")
    assert failed.out == "deleted the rows of 120 failed strategies of 1 session\n"
    done = cli("clean", "--older-than", "1", "--yes", "--vacuum", "--json").json
    assert (done["sessions"], done["deleted"]) == ([session_id], N_STRATEGIES - 120)
    assert 0 < done["vacuum"]["after"] < done["vacuum"]["before"]
    alone = cli("clean", "--vacuum")
    assert alone.code == 0
    assert alone.out.startswith("the database takes ")


def test_clean_by_the_rules_of_the_configuration(cli, session_id, project):
    assert "set retention.keep_days" in cli("clean", "--retention").error
    (project / "mass_tuning_config.yaml").write_text("retention: {keep_sessions: 0, log_days: 0}\n")
    shown = cli("clean", "--retention", "--dry-run")
    assert f"would delete {session_id}" in shown.out
    assert "old entries of the execution log" in shown.out
    done = cli("clean", "--retention", "--yes", "--json").json
    assert done["sessions"] == [session_id]
    assert done["log_entries"] == 0  # they went with their session
    assert query("SELECT count(*) FROM tuning_sessions") == 0
    assert cli("clean", "--retention", "--yes").out.startswith("deleted 0 sessions")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--session", "x", "--retention"], "give one of them"),
        (["--older-than", "3", "--session", "x"], "give one of them"),
        (["--vacuum", "--failed-only"], "--vacuum alone deletes nothing"),
        (["--vacuum", "--dry-run"], "--vacuum alone deletes nothing"),
        (["--retention", "--failed-only"], "leave out --failed-only"),
        (["--session", "x", "--vacuum", "--dry-run"], "leave out --vacuum"),
        (["--older-than", "-1"], "is not in the range"),
    ],
)
def test_what_clean_refuses(cli, empty, options, message):
    refused = cli("clean", *options)
    assert refused.code == 2
    assert message in refused.error


def test_commands_and_their_errors_are_logged_without_passwords(cli, empty):
    (empty / "mass_tuning_config.yaml").write_text(
        "database: postgresql://me:hunter2@127.0.0.1:1/name\nlogging: {file: logs/a.log}\n"
    )
    try:
        failed = cli("sessions")
    finally:
        stop_log()
    assert failed.code == 1
    (file,) = (empty / "logs").iterdir()
    first, last = file.read_text().splitlines()
    assert " INFO studies.cli.context: sessions, process " in first
    assert " ERROR studies.cli.app: postgresql+psycopg://me:***@127.0.0.1:1/name" in last
    assert last.endswith("(exit code 1)")
    assert "hunter2" not in file.read_text() + failed.err
