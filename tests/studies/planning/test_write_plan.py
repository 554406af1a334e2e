"""What `generate` writes, and what an interrupted one leaves and the next start completes."""

import dataclasses
import json
import threading

import pytest

from search_spaces import make_design
from search_spaces.errors import SessionError
from studies import Session
from studies.database.tables import strategy_queue
from studies.planning import write_plan as planning
from studies.planning.creation import complete_plans
from studies.planning.write_plan import chunk_size_for
from studies.runs.stop import Stop
from studies.sessions.pick_session import choose_session
from studies.sessions.prepared_database import open_database
from studies.sessions.session_row import SessionState, list_sessions
from studies.workers import planned_task
from tests.helpers.sessions import (
    BACKTEST,
    PARAMETERS,
    chunks_of,
    make_config,
    queue_of,
    results_of,
    stock_study,
    table_rows,
    url_of,
)

SECTIONS = {
    "parameters": PARAMETERS,
    "backtest": BACKTEST,
    "execution": {"chunk_size": 20},
}
SMALL_BATCHES = {"batch": 100, "chunks_per_batch": 6}


def planned(session):
    """Everything `generate` wrote, without the session's id and times."""
    rows = table_rows(session, strategy_queue, "id")
    queue = [(row["strategy_id"], row["strategy_config"], row["status"]) for row in rows]
    chunks = [(c["chunk_no"], c["position_start"], c["position_stop"]) for c in chunks_of(session)]
    states = {(c["state"], c["attempt"], c["worker"]) for c in chunks_of(session)}
    study = stock_study(session)
    assert study.user_attrs.keys() == {"mass_tuning"}
    told = (study.directions, study.metric_names, study.user_attrs, len(study.trials))
    notes = {
        key: value.replace(session.row.session_id, "ID")
        for key, value in study._storage.get_study_system_attrs(study._study_id).items()
        if isinstance(value, str)
    }
    return (queue, chunks, states, told, notes, session.row.status, session.row.total)


@pytest.mark.parametrize(
    ("method", "size"), [("exhaustive", None), ("exhaustive", 100), ("random", 90), ("sobol", 50)]
)
def test_the_queue_is_the_design_in_its_order(make_session, method, size):
    session = make_session(method=method, size=size, seed=3)
    design = make_design(session.space, method, size, 3)
    rows = table_rows(session, strategy_queue, "id")
    assert [row["strategy_id"] for row in rows] == session.space.strategy_ids(
        design.indices(0, design.size)
    )
    for row in rows[::17]:
        params = session.space.parse(row["strategy_id"])
        assert row["strategy_config"] == _json_of(params)
        assert (row["status"], row["priority"], row["retry_count"]) == ("pending", 0, 0)
    assert session.row.status == "created"
    assert session.row.total == design.size == len(rows)


def _json_of(params):
    return json.dumps(dataclasses.asdict(params))


def test_chunks_cover_the_design(make_session):
    session = make_session(size=100)
    ranges = [(c["position_start"], c["position_stop"]) for c in chunks_of(session)]
    assert ranges == [(0, 20), (20, 40), (40, 60), (60, 80), (80, 100), (100, 100)]
    assert [c["chunk_no"] for c in chunks_of(session)] == [0, 1, 2, 3, 4, 5]


def test_small_batches_write_the_same(make_session, monkeypatch):
    expected = planned(make_session())
    told = []
    monkeypatch.setattr(planning, "_BATCH", 100)
    monkeypatch.setattr(planning, "_CHUNKS_PER_BATCH", 6)
    session = make_session()
    assert planned(session) == expected
    Session.create(
        session.config.model_copy(update={"database": url_of(session)}),
        on_progress=lambda done, total: told.append((done, total)),
    ).engine.dispose()
    assert told == [(100, 432), (200, 432), (300, 432), (400, 432), (432, 432)]


@pytest.mark.parametrize(
    ("method", "size", "block", "expected"),
    [
        ("exhaustive", 436_800, 75, 3_000),
        ("exhaustive", 10_000, 75, 625),
        ("exhaustive", 200, 75, 75),
        ("random", 100_000, 75, 1_000),
        ("random", 1, 1, 1),
    ],
)
def test_chunk_sizes(make_session, method, size, block, expected):
    class Told:
        pass

    design = Told()
    design.method, design.size = method, size
    assert chunk_size_for(design, block) == expected


def test_a_killed_generate_is_completed_and_equals_an_undisturbed_one(nursery, databases, market):
    url = databases.copy(market)
    whole = nursery.do("generate", url, config=SECTIONS, **SMALL_BATCHES)
    assert whole["code"] == 0
    engine = open_database(url)
    expected = planned(Session(engine, list_sessions(engine)[0]))
    engine.dispose()
    left = set()
    n_steps = 9
    for step in range(n_steps):
        after = 1 + step * (whole["n_events"] - 1) // (n_steps - 1)
        url = databases.copy(market)
        outcome = nursery.do("generate", url, config=SECTIONS, after=after, **SMALL_BATCHES)
        assert outcome["code"] == -9, f"{after=}"
        engine = open_database(url)
        sessions = list_sessions(engine)
        if not sessions:
            left.add("nothing")
            assert complete_plans(engine) == []
        elif sessions[0].status == SessionState.GENERATING:
            session = Session(engine, sessions[0])
            left.add(len(queue_of(session)))
            with pytest.raises(SessionError, match="no session has work left"):
                choose_session(engine, "unfinished")
            assert complete_plans(engine) == [sessions[0].session_id]
            session.refresh()
            assert planned(session) == expected, f"{after=}"
        else:
            left.add("all")
            assert planned(Session(engine, sessions[0])) == expected, f"{after=}"
        engine.dispose()
    # killed before the row, before and between the batches, and at the very end
    assert {"nothing", 0, 432} <= left
    assert left & {100, 200, 300, 400}


@pytest.mark.slow
def test_killed_again_and_again(nursery, url):
    outcome = nursery.do("generate", url, config=SECTIONS, after=30, **SMALL_BATCHES)
    assert outcome["code"] == -9
    n_kills = 1
    while nursery.do("complete", url, after=7 * n_kills)["code"] == -9:
        n_kills += 1
    assert n_kills > 5
    engine = open_database(url)
    (row,) = list_sessions(engine)
    assert row.status == "created"
    session = Session(engine, row)
    ids = [r["strategy_id"] for r in table_rows(session, strategy_queue, "id")]
    assert ids == session.space.strategy_ids(session.design.indices(0, 432))
    engine.dispose()


def test_execute_completes_what_generate_left(nursery, url, undisturbed_results):
    assert nursery.do("generate", url, config=SECTIONS, after=40, **SMALL_BATCHES)["code"] == -9
    engine = open_database(url)
    (row,) = list_sessions(engine)
    assert row.status == SessionState.GENERATING
    session = Session.open(url, row.session_id)
    session.run()
    assert session.row.status == "completed"
    assert results_of(session) == undisturbed_results
    session.engine.dispose()
    engine.dispose()


def test_two_complete_one_generation_at_once(nursery, url, monkeypatch):
    assert nursery.do("generate", url, config=SECTIONS, after=40, **SMALL_BATCHES)["code"] == -9
    monkeypatch.setattr(planning, "_BATCH", 20)
    finished, barrier = [], threading.Barrier(3)

    def complete():
        engine = open_database(url)
        barrier.wait()
        finished.append(complete_plans(engine))
        engine.dispose()

    threads = [threading.Thread(target=complete) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    engine = open_database(url)
    (row,) = list_sessions(engine)
    assert sorted(finished) == [[], [], [row.session_id]]
    assert row.status == "created"
    session = Session(engine, row)
    assert len(queue_of(session)) == 432
    assert chunks_of(session)[-1]["position_start"] == 432
    engine.dispose()


def test_a_session_that_is_being_generated_cannot_run(make_session, url, monkeypatch):
    seen = []

    def during(done, total):
        if not seen:
            (row,) = list_sessions(engine)
            other = Session(engine, row)
            with pytest.raises(SessionError, match="is being generated by another process"):
                other.run()
            seen.append(row.status)

    engine = open_database(url)
    monkeypatch.setattr(planning, "_BATCH", 100)
    session = Session.create(make_config(url), on_progress=during)
    assert seen == [SessionState.GENERATING]
    assert len(queue_of(session)) == 432
    session.engine.dispose()
    engine.dispose()


def test_above_the_limit_queue_rows_come_with_the_results(make_session, monkeypatch):
    monkeypatch.setattr(planning, "QUEUE_LIMIT", 400)
    monkeypatch.setattr(planned_task, "QUEUE_LIMIT", 400)
    session = make_session()
    assert queue_of(session) == []
    assert session.row.status == "created"
    stop = Stop()
    session.run(stop=stop, on_progress=lambda progress: stop.set())
    assert session.row.status == "paused"
    rows = queue_of(session)
    assert len(rows) == 20
    assert {row["strategy_id"] for row in rows} == {
        row["strategy_id"] for row in results_of(session)
    }
    session.run(resume=True)
    rows = queue_of(session)
    assert len(rows) == 432
    statuses = [row["status"] for row in rows]
    assert (statuses.count("completed"), statuses.count("failed")) == (
        session.row.completed,
        session.row.failed,
    )
    assert session.row.failed > 0
    for row in rows:
        assert (row["error_message"] is None) == (row["status"] == "completed")
        assert row["started_at"] <= row["completed_at"]
        assert row["execution_time_seconds"] > 0
    below = make_session(size=400)
    assert len(queue_of(below)) == 400


def test_a_late_queue_equals_an_early_one(make_session, monkeypatch):
    early = make_session()
    early.run()
    monkeypatch.setattr(planning, "QUEUE_LIMIT", 10)
    monkeypatch.setattr(planned_task, "QUEUE_LIMIT", 10)
    late = make_session()
    late.run()
    names = ("strategy_id", "strategy_config", "status", "priority", "retry_count", "error_message")
    told = [[[row[name] for name in names] for row in queue_of(s)] for s in (early, late)]
    assert told[0] == told[1]
