"""Panel and factor cube on disk: shared, checked, rebuilt."""

import os
import time
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa

from search_spaces.errors import SessionError
from studies.database.transactions import write_transaction
from studies.sessions.objective_cache import cache_folder, cached_objective


@pytest.fixture
def session(make_session):
    return make_session(size=40)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "cache"


def file_of(folder, kind):
    (path,) = folder.glob(f"{kind}-*.np[yz]")
    return path


def same(left, right, session):
    points = session.design.indices(0, 40)
    a, b = left.evaluate(points), right.evaluate(points)
    np.testing.assert_array_equal(a.values, b.values)
    assert a.failure == b.failure
    return left.fingerprint == right.fingerprint


def mapped(objective):
    base = objective.cube.values
    while base is not None and not isinstance(base, np.memmap):
        base = base.base
    return isinstance(base, np.memmap)


def test_the_folder(monkeypatch):
    assert cache_folder("here") == Path("here")
    monkeypatch.setenv("XDG_CACHE_HOME", "/there")
    assert cache_folder() == Path("/there/mass-tuning")
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", "/home/someone")
    assert cache_folder() == Path("/home/someone/.cache/mass-tuning")


def test_the_configured_folder_is_used(make_session, folder):
    session = make_session(size=40, execution={"cache": str(folder)})
    cached_objective(session)
    assert sorted(path.suffix for path in folder.iterdir()) == [".json", ".npy", ".npz"]


def test_the_cube_is_mapped_and_shared(session, folder):
    first = cached_objective(session, folder)
    second = cached_objective(session, folder)
    assert mapped(first)
    assert mapped(second)
    assert not second.cube.values.flags.writeable
    assert same(second, session.objective(), session)
    assert not list(folder.glob("*.partial"))


def test_the_second_time_neither_panel_nor_cube_is_computed(session, folder, monkeypatch):
    from objectives import FactorBacktest
    from studies.sessions import session_objective as module

    cached_objective(session, folder)

    def never(*args, **options):
        raise AssertionError("computed again")

    monkeypatch.setattr(FactorBacktest, "compute_cube", never)
    monkeypatch.setattr(module, "load_panel", never)
    assert mapped(cached_objective(session, folder))


def cut(path):
    os.truncate(path, path.stat().st_size // 2)


def flip(path):
    content = bytearray(path.read_bytes())
    content[-200:-100] = bytes(100 * [0x5A])
    path.write_bytes(content)


def empty(path):
    path.write_bytes(b"")


def rubbish(path):
    path.write_bytes(b"PK\x03\x04 this is no archive" * 20)


@pytest.mark.parametrize("damage", [cut, flip, empty, rubbish, Path.unlink])
@pytest.mark.parametrize("kind", ["panel", "cube"])
def test_damaged_files_are_built_again(session, folder, kind, damage):
    cached_objective(session, folder)
    path = file_of(folder, kind)
    before = path.read_bytes()
    damage(path)
    assert same(cached_objective(session, folder), session.objective(), session)
    if path.read_bytes() != before:  # an archive holds times
        assert kind == "panel"
    assert same(cached_objective(session, folder), session.objective(), session)


def test_a_damaged_description_is_written_again(session, folder):
    cached_objective(session, folder)
    description = file_of(folder, "cube").with_suffix(".json")
    before = description.read_text()
    description.write_text("{}")
    cached_objective(session, folder)
    assert description.read_text() == before


def test_files_of_other_data_under_the_name_are_not_taken(make_session, session, folder, tmp_path):
    other = make_session(size=40, backtest={"start_date": "2024-02-01", "min_active_days": 30})
    elsewhere = tmp_path / "elsewhere"
    cached_objective(session, folder)
    cached_objective(other, elsewhere)
    for kind in ("panel", "cube"):
        file_of(elsewhere, kind).replace(file_of(folder, kind))
    assert same(cached_objective(session, folder), session.objective(), session)


def test_a_folder_that_cannot_be_written(session, tmp_path):
    blocked = tmp_path / "blocked"
    blocked.write_text("a file, not a folder")
    objective = cached_objective(session, blocked / "cache")
    assert same(objective, session.objective(), session)
    assert not mapped(objective)


def double_returns(session):
    with write_transaction(session.engine) as connection:
        connection.execute(sa.text("UPDATE return_metrics SET return_1d = return_1d * 2"))


def test_changed_data_are_refused(session, folder):
    """A cached panel is that of the session for ever; who begins a run looks at the database."""
    cached = cached_objective(session, folder)
    double_returns(session)
    with pytest.raises(SessionError, match="changed since"):
        cached_objective(session, folder, verify=True)
    with pytest.raises(SessionError, match="changed since"):
        cached_objective(session, folder.with_name("another"))
    assert same(cached_objective(session, folder), cached, session)


def test_a_cluster_is_not_started_on_changed_data(session):
    cached_objective(session)
    double_returns(session)
    with pytest.raises(SessionError, match="changed since"):
        session.run(parallel=2)
    assert session.refresh().status == "created"


def test_appended_days_keep_the_cached_panel(session, folder):
    before = cached_objective(session, folder)
    with write_transaction(session.engine) as connection:
        connection.execute(
            sa.text("UPDATE return_metrics SET return_1d = return_1d WHERE date > '2030-01-01'")
        )
    assert same(cached_objective(session, folder), before, session)


def test_old_files_are_removed_when_there_are_many(session, folder):
    folder.mkdir()
    ancient = time.time() - 30 * 24 * 3600
    for number in range(15):
        path = folder / f"cube-{number:032d}.npy"
        path.write_bytes(b"old")
        path.with_suffix(".json").write_text("{}")
        os.utime(path, (ancient + number, ancient + number))
    cached_objective(session, folder)
    left = sorted(path.name for path in folder.glob("cube-0*.npy"))
    assert len(left) == 12
    assert left[0] == f"cube-{3:032d}.npy"
    assert len(list(folder.glob("cube-0*.json"))) == 12
