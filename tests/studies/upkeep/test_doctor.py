"""Every check of the doctor finds what it is there for, in whatever state the database is."""

import os
import sqlite3
from pathlib import Path

import optuna
import pytest

from search_spaces.errors import ConfigError
from studies.upkeep import check_database, check_machine, doctor, examine
from tests.helpers.sessions import make_config

pytestmark = [
    pytest.mark.usefixtures("database"),
    pytest.mark.parametrize("database", ["sqlite"], indirect=True),
]


@pytest.fixture
def config(completed):
    completed.engine.dispose()
    return make_config(completed.engine.url.render_as_string())


@pytest.fixture
def file(config):
    return Path(config.database.removeprefix("sqlite:///"))


def look(config, *, quick=True):
    """Findings by check, the worst of each."""
    order = ["ok", "warning", "problem"]
    worst = {}
    for finding in examine(lambda: config, quick=quick):
        assert "\n" not in finding.message + (finding.way_out or "")
        assert (finding.way_out is None) == (finding.level == "ok")
        known = worst.get(finding.check)
        if known is None or order.index(finding.level) > order.index(known.level):
            worst[finding.check] = finding
    return worst


def change(file, *statements):
    with sqlite3.connect(file) as connection:
        for statement in statements:
            connection.execute(statement)
    connection.close()


def test_all_is_well_and_nothing_is_changed(config, file):
    before = file.read_bytes()
    found = look(config, quick=False)
    levels = {check: finding.level for check, finding in found.items()}
    assert set(levels.values()) == {"ok"}, found
    assert list(levels) == [
        "python",
        "packages",
        "machine",
        "configuration",
        "database",
        "integrity",
        "schema",
        "counts",
        "foreign trials",
        "sessions",
        "leases",
        "disk",
        "cache",
        "clock",
        "kernels",
        "look-ahead",
    ]
    assert found["integrity"].message == "integrity_check: whole"
    assert file.read_bytes() == before


def test_quick_and_large_leave_out_what_takes_long(config, monkeypatch):
    found = look(config)
    assert not {"kernels", "look-ahead"} & set(found)
    assert found["integrity"].message == "quick_check: whole"
    monkeypatch.setattr(check_database, "WHOLE_CHECK_BYTES", 10)
    monkeypatch.setattr(doctor, "_kernels", lambda: [])
    monkeypatch.setattr(doctor, "_look_ahead", lambda config: [])
    assert look(config, quick=False)["integrity"].message == "quick_check: whole"


def test_a_missing_database_is_not_made(tmp_path):
    config = make_config(f"sqlite:///{tmp_path}/none.db")
    found = look(config)["database"]
    assert found.level == "problem"
    assert "begin with: mass-tuning import" in found.way_out
    assert list(tmp_path.iterdir()) == []


def test_damage(config, file):
    content = bytearray(file.read_bytes())
    for start in range(20 * 4096, len(content) - 4096, 8 * 4096):
        content[start : start + 4096] = bytes(range(256)) * 16
    file.write_bytes(content)
    found = look(config)
    assert found["integrity"].level == "problem"
    assert "mass-tuning restore" in found["integrity"].way_out
    file.write_bytes(b"something else " * 1000)
    found = look(config)
    assert found["database"].level == "problem"
    assert "not a database" in found["database"].message


def test_a_locked_database(config, file, monkeypatch):
    monkeypatch.setattr(check_database, "_PATIENCE_S", 0.1)
    change(file, "PRAGMA journal_mode = DELETE")
    holder = sqlite3.connect(file)
    holder.execute("BEGIN EXCLUSIVE")
    found = look(config)["database"]
    holder.close()
    assert found.level == "problem"
    assert "locked" in found.message
    assert "try again when it has finished" in found.way_out


def test_a_database_that_can_be_read_only(config, file, monkeypatch):
    can = os.access
    monkeypatch.setattr(
        check_database.os, "access", lambda path, mode: mode != os.W_OK and can(path, mode)
    )
    found = look(config)
    assert found["database"].level == "warning"
    assert "read only" in found["database"].message
    assert found["counts"].level == "ok"  # what can be read is examined


@pytest.mark.parametrize(
    ("statement", "level", "message"),
    [
        ("UPDATE mass_tuning_schema SET version_num = '9999'", "problem", "schema 9999"),
        ("UPDATE mass_tuning_schema SET version_num = '0001'", "warning", "schema 0001"),
        ("UPDATE alembic_version SET version_num = 'v9'", "problem", "revision v9"),
        ("DROP TABLE mass_tuning_schema", "warning", "no tables of mass-tuning yet"),
    ],
)
def test_revisions(config, file, statement, level, message):
    change(file, statement)
    found = look(config)["schema"]
    assert found.level == level
    assert message in found.message


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM hyperparameter_tuning_results WHERE id IN "
        "(SELECT id FROM hyperparameter_tuning_results LIMIT 300)",
        "UPDATE tuning_sessions SET completed_strategies = completed_strategies + 1",
        "UPDATE work_chunks SET failed_strategies = failed_strategies + 1 WHERE chunk_no = 0",
    ],
)
def test_counts_that_do_not_agree(config, file, statement):
    change(file, statement)
    found = look(config)["counts"]
    assert found.level == "problem"
    assert "completed and" in found.message


def test_failures_that_clean_removed_are_no_disagreement(config, completed):
    from studies.upkeep import delete_failed

    assert delete_failed(completed.engine, completed.row.session_id) > 0
    completed.engine.dispose()
    assert look(config)["counts"].level == "ok"


def test_foreign_trials(config, completed):
    study = optuna.load_study(study_name=completed.row.session_id, storage=config.database)
    study.add_trial(optuna.trial.create_trial(value=9.0))
    study.add_trial(
        optuna.trial.create_trial(value=9.0, user_attrs={"strategy_id": "SR_W1_1D_D1_S1_EQ"})
    )
    found = look(config)["foreign trials"]
    assert found.level == "warning"
    assert found.message.startswith("2 trials in the studies of")


@pytest.mark.parametrize(
    ("status", "message"),
    [
        ("running", "nobody works on it"),
        ("generating", "half planned"),
        ("deleting", "half deleted"),
        ("failed", "stopped by an error"),
    ],
)
def test_sessions_that_were_interrupted(config, file, status, message):
    change(file, f"UPDATE tuning_sessions SET status = '{status}'")
    found = look(config)["sessions"]
    assert found.level == "warning"
    assert message in found.message


def test_leases(config, file):
    update = "UPDATE work_chunks SET state = 'running', lease_expires_at = {} WHERE chunk_no = {}"
    change(file, update.format("4e9", 0))
    assert look(config)["leases"].message == "chunks held by workers: 1"
    change(file, update.format(1, 1))
    found = look(config)["leases"]
    assert found.level == "warning"
    assert "1 by workers that are dead" in found.message


def test_a_full_disk(config, monkeypatch):
    class Usage:
        free = 100_000_000

    monkeypatch.setattr(check_machine.shutil, "disk_usage", lambda folder: Usage)
    assert look(config)["disk"].level == "warning"
    Usage.free = 1_000
    assert look(config)["disk"].level == "problem"


def test_clocks(config, monkeypatch):
    now = check_machine.time.time
    monkeypatch.setattr(check_machine.time, "time", lambda: now() - 3600)
    found = look(config)["clock"]
    assert found.level == "warning"
    assert "3,600 s ahead of ours" in found.message
    assert check_machine.clock_finding(-5.0, "database").message.endswith("5 s behind ours")


def test_the_cache(config, tmp_path, monkeypatch):
    cache = tmp_path / "cache"
    cache.mkdir()
    (cache / "panel-1.npz").write_bytes(b"x" * 10_000)
    with_cache = config.model_copy(
        update={"execution": config.execution.model_copy(update={"cache": str(cache)})}
    )
    assert "1 files" in look(with_cache)["cache"].message
    monkeypatch.setattr(check_machine, "LARGE_CACHE_BYTES", 100)
    assert look(with_cache)["cache"].level == "warning"
    monkeypatch.setattr(check_machine.os, "getuid", lambda: 12345)
    assert "another user" in look(with_cache)["cache"].message

    def denied(*args, **options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(check_machine.tempfile, "NamedTemporaryFile", denied)
    found = look(with_cache)
    assert "cannot be written (Permission denied)" in found["cache"].message
    assert found["clock"].level == "problem"  # a check that breaks is a problem of that check


def test_memory_and_python(config, monkeypatch, tmp_path):
    limit = tmp_path / "memory.max"
    limit.write_text("100000000\n")
    monkeypatch.setattr(check_machine, "_CGROUP_LIMITS", (tmp_path / "none", limit))
    found = look(config)["machine"]
    assert found.level == "warning"
    assert "0.1 GB of memory (limit of the container)" in found.message
    limit.write_text("max\n")
    assert check_machine.memory_limit() is None
    monkeypatch.setattr(check_machine, "TESTED_PYTHON", ((3, 8), (3, 9)))
    assert look(config)["python"].level == "warning"
    monkeypatch.setattr(check_machine, "TESTED_PYTHON", ((4, 0), (4, 1)))
    assert look(config)["python"].level == "problem"


def test_packages(config, monkeypatch):
    def wants(*requirements):
        monkeypatch.setattr(check_machine.metadata, "requires", lambda name: list(requirements))
        return look(config)["packages"]

    found = wants("numpy>=99", "no-such-package>=1", "torch; extra == 'gp'", "click>=8")
    assert found.level == "problem"
    assert "not >=99, no-such-package is missing" in found.message


def test_a_configuration_that_is_wrong(tmp_path):
    def load():
        raise ConfigError("mine.yaml: unknown setting 'x'; leave it out")

    found = {each.check: each for each in examine(load, quick=True)}
    assert found["configuration"].level == "problem"
    assert found["configuration"].way_out == "leave it out"
    assert "database" not in found
    found = examine(load, database=f"sqlite:///{tmp_path}/none.db", quick=True)
    assert "database" in {each.check for each in found}


def test_kernels_that_differ(monkeypatch):
    from objectives import reference_chain

    plain = reference_chain.reference_simulation

    def wrong(*args):
        simulation = plain(*args)
        simulation.metrics[0, 0, 0] += 1e-12
        return simulation

    monkeypatch.setattr(reference_chain, "reference_simulation", wrong)
    (found,) = doctor._kernels()
    assert found.level == "problem"
    assert "SR_DD_W5_1D_D10_S3_EQ" in found.message


@pytest.mark.parametrize(
    ("kind", "level", "message"),
    [
        ("exposure", "problem", "decides with what was not known yet: exposure SR"),
        ("undated market caps", "warning", "by today's market caps"),
    ],
)
def test_a_look_ahead(config, monkeypatch, kind, level, message):
    from objectives import validation

    def seen(make, panel, points, **options):
        objective = make(panel)
        assert objective.settings.fee_rate == 0.001
        found = validation.Finding(kind, "SR", None, 1.0)
        return validation.LookAhead((found,), (), 5, ())

    monkeypatch.setattr(validation, "find_look_ahead", seen)
    (found,) = doctor._look_ahead(config)
    assert found.level == level
    assert message in found.message


def test_no_look_ahead_without_a_market(empty_url):
    assert list(doctor._look_ahead(make_config(empty_url))) == []
    objective = {"type": "external", "options": {"command": ["true"]}}
    assert list(doctor._look_ahead(make_config(empty_url, objective=objective))) == []
