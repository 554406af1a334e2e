"""Sizes that no plan can have are refused at once; what is half-planned stands in nobody's way."""

import signal
import subprocess
import time

import pytest

from search_spaces.errors import ConfigError, SessionError
from studies import Session
from studies.planning import plan, write_plan
from studies.planning.creation import complete_plans
from studies.queue import claims, count_chunks, plan_chunks
from studies.runs import SessionRequest, measure_session
from studies.sessions import slots
from studies.sessions.session_row import SessionState, list_sessions
from studies.upkeep import delete_session, deletion
from tests.helpers.sessions import chunks_of, make_config, queue_of, url_of

HUGE = 1_000_000_000_000


class Interrupted(BaseException):
    """Ctrl-C."""


@pytest.fixture
def half_planned(make_session, url, monkeypatch):
    """Leave a session whose planning was interrupted, and give its row."""
    monkeypatch.setattr(write_plan, "_CHUNKS_PER_BATCH", 10)
    # the dead process of a real interruption is this one here
    monkeypatch.setattr(claims, "_is_dead", lambda worker: True)

    def interrupt(size=60, after=20):
        def on_progress(done, total):
            if done >= after:
                raise Interrupted

        with pytest.raises(Interrupted):
            Session.create(
                make_config(url), method="tpe", mode="adaptive", size=size, on_progress=on_progress
            )
        row = list_sessions(engine)[0]
        assert row.status == SessionState.GENERATING
        return row

    engine = make_session(size=5).engine
    return interrupt


@pytest.mark.parametrize("method", ["tpe", "genetic", "random", "some.package:Sampler"])
def test_a_size_above_the_limit_is_refused_before_anything_is_read(method, tmp_path):
    config = make_config(f"sqlite:///{tmp_path}/none.db")
    limit = r"at most 10,000,000 strategies, got 1,000,000,000,000; give a smaller size"
    with pytest.raises(ConfigError, match=limit):
        Session.create(config, method=method, mode="adaptive", size=HUGE)
    with pytest.raises(ConfigError, match=limit):
        measure_session(SessionRequest(config=config, mode="adaptive", method=method, size=HUGE))
    assert list(tmp_path.iterdir()) == []


def test_a_planned_session_has_a_limit_of_chunks(make_session, monkeypatch):
    monkeypatch.setattr(plan, "CHUNK_LIMIT", 21)
    message = r"at most 21 chunks of 20 strategies, this one has 432 .* execution.chunk_size to 21 "
    with pytest.raises(ConfigError, match=message):
        make_session()
    assert make_session(size=420).row.total == 420
    assert make_session(execution={"chunk_size": 21}).row.total == 432


@pytest.mark.parametrize(("total", "size"), [(0, 3), (1, 3), (9, 3), (10, 3), (100, 1), (7, 9)])
@pytest.mark.parametrize("batch", [1, 2, 5, 1000])
def test_chunks_in_batches_are_those_of_the_whole(total, size, batch):
    whole = plan_chunks(total, size)
    assert len(whole) == count_chunks(total, size)
    starts = range(0, len(whole), batch)
    assert [c for start in starts for c in plan_chunks(total, size, start, batch)] == whole


def test_a_batch_of_a_huge_plan_is_small():
    assert plan_chunks(HUGE, 1, HUGE - 2, 9) == [
        (HUGE - 2, HUGE - 1),
        (HUGE - 1, HUGE),
        (HUGE, HUGE),
    ]
    assert plan_chunks(HUGE, 1, 10**9, 1) == [(10**9, 10**9 + 1)]


def test_planning_slots_tells_its_progress(make_session, url, monkeypatch):
    monkeypatch.setattr(write_plan, "_CHUNKS_PER_BATCH", 30)
    seen = []
    session = Session.create(
        make_config(url),
        method="tpe",
        mode="adaptive",
        size=60,
        on_progress=lambda done, total: seen.append((done, total)),
    )
    assert seen == [(30, 60), (60, 60), (60, 60)]
    assert [c["position_stop"] for c in chunks_of(session)] == [*range(1, 61), 60]
    session.engine.dispose()


def test_a_half_planned_session_is_deleted_as_it_is(half_planned, make_session, monkeypatch):
    row = half_planned()
    engine = make_session(size=5).engine
    n_chunks = len(chunks_of(Session(engine, row)))
    assert 20 <= n_chunks < 60
    monkeypatch.setattr(deletion, "_FIRST_BATCH", 4)
    delete_session(engine, row.session_id)
    assert row.session_id not in {other.session_id for other in list_sessions(engine)}
    assert chunks_of(Session(engine, row)) == []


def test_the_finishing_chunk_goes_first(make_session, monkeypatch):
    session = make_session(size=100, execution={"chunk_size": 1})
    monkeypatch.setattr(deletion, "_FIRST_BATCH", 10)

    def interrupted(*args):
        raise Interrupted

    with monkeypatch.context() as patch:
        patch.setattr(deletion, "_delete_chunks", interrupted)
        with pytest.raises(Interrupted):
            delete_session(session.engine, session.row.session_id)
    left = chunks_of(session)
    assert [chunk["chunk_no"] for chunk in left] == list(range(91))
    assert deletion.finish_deletions(session.engine) == [session.row.session_id]
    assert chunks_of(session) == []


def test_a_plan_that_an_earlier_release_began_without_a_limit_is_left_alone(
    half_planned, make_session, monkeypatch
):
    row = half_planned()
    monkeypatch.setattr(plan, "CHUNK_LIMIT", 50)
    engine = make_session(size=5).engine
    before = chunks_of(Session(engine, row))
    assert complete_plans(engine) == []
    assert chunks_of(Session(engine, row)) == before
    with pytest.raises(SessionError, match=r"too many strategies .* mass-tuning clean --session"):
        Session.open(url_of(Session(engine, row)), row.session_id).run()
    delete_session(engine, row.session_id)
    assert complete_plans(engine) == []


def test_only_the_plans_that_are_meant_are_completed(half_planned, make_session):
    first, second = half_planned(), half_planned()
    engine = make_session(size=5).engine
    assert complete_plans(engine, only={second.session_id}) == [second.session_id]
    assert Session(engine, first).refresh().status == SessionState.GENERATING
    Session(engine, first).run()
    assert Session(engine, first).refresh().status == SessionState.COMPLETED


@pytest.mark.parametrize("options", [{}, {"method": "sobol", "size": 30}])
@pytest.mark.parametrize("limit", [10, 1_000])
def test_rows_of_a_plan_are_counted(make_session, monkeypatch, options, limit):
    monkeypatch.setattr(write_plan, "QUEUE_LIMIT", limit)
    session = make_session(**options)
    n_rows = len(chunks_of(session)) + len(queue_of(session))
    assert write_plan.count_rows(session.row) == n_rows


def test_rows_of_a_search_are_counted(make_session):
    for method, n_rows in (("genetic", 1), ("tpe", 31)):
        session = make_session(method=method, mode="adaptive", size=30)
        assert write_plan.count_rows(session.row) == len(chunks_of(session)) == n_rows


def test_the_limits_are_one_number():
    assert plan.CHUNK_LIMIT == slots.SLOT_LIMIT  # an adaptive session has chunks of one slot


@pytest.mark.slow
@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_after_ctrl_c_in_the_middle_of_planning_clean_does_not_hang(url, tmp_path, make_session):
    from tests.studies.cli.conftest import command, environment, process

    first = make_session(size=5)
    words = ("generate", "--mode", "tpe", "--size", "10000000", "--database", url)
    with subprocess.Popen(
        command(*words), env=environment(), cwd=tmp_path, stderr=subprocess.DEVNULL
    ) as generating:
        deadline = time.monotonic() + 120
        while len(list_sessions(first.engine)) < 2:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        row = list_sessions(first.engine)[0]
        while not len(chunks_of(Session(first.engine, row))) > 4_000:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        generating.send_signal(signal.SIGINT)
        assert generating.wait(30) == 130
    cleaned = process(
        "clean", "--session", row.session_id, "--yes", "--database", url, cwd=tmp_path, timeout=60
    )
    assert cleaned.returncode == 0, cleaned.stderr
    assert [other.session_id for other in list_sessions(first.engine)] == [first.row.session_id]
