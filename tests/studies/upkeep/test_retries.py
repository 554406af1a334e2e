"""Failed strategies get another chance, and nothing is counted twice or lost."""

import pytest
import sqlalchemy as sa

from search_spaces.errors import SessionError
from studies import queue
from studies.database import bulk_insert as bulk
from studies.database.tables import execution_log, strategy_queue, tuning_sessions, work_chunks
from studies.database.transactions import WritePacer, write_transaction
from studies.planning import write_plan as planning
from studies.upkeep import retries as retrying
from studies.upkeep.deletion import delete_failed
from studies.upkeep.retries import MAX_RETRIES, retry_failed
from studies.workers import planned_task
from tests.helpers.sessions import (
    check_completed,
    chunks_of,
    queue_of,
    results_of,
    stock_study,
    table_rows,
)
from tests.helpers.wrapped import WrappedObjective

ON_SQLITE = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
N_FAILED = 216
"""Of the 432 strategies, those of data_period 140."""


class Flaky(WrappedObjective):
    """An objective that raises for some strategies as long as it is broken."""

    def __init__(self, objective, indices):
        super().__init__(objective)
        self.indices = set(indices)

    def evaluate(self, points):
        if self.indices & {int(point) for point in points}:
            raise RuntimeError("a bad moment")
        return self.objective.evaluate(points)


def check_counts(session):
    """Whatever happened: totals are the sums of the chunks, and what the rows say."""
    row = session.refresh()
    chunks = chunks_of(session)
    assert sum(chunk["completed_strategies"] for chunk in chunks) == row.completed
    assert sum(chunk["failed_strategies"] for chunk in chunks) == row.failed
    states = [each["status"] for each in queue_of(session)]
    assert (states.count("completed"), states.count("failed")) == (row.completed, row.failed)
    assert len(states) == row.total
    assert len(results_of(session)) == row.completed + row.failed
    waiting = [c for c in chunks if c["state"] == "pending"]
    positions = [p for c in waiting for p in range(c["position_start"], c["position_stop"])]
    assert len(positions) == len(set(positions)) == states.count("pending")


def test_what_failed_is_pending_again(completed):
    results = results_of(completed)
    n_chunks = len(chunks_of(completed))
    assert retry_failed(completed) == N_FAILED
    check_counts(completed)
    row = completed.row
    assert (row.status, row.failed, row.completed, row.completed_at) == ("paused", 0, 216, None)
    pending = [each for each in queue_of(completed) if each["status"] == "pending"]
    assert {(each["retry_count"], each["error_message"]) for each in pending} == {(1, None)}
    chunks = chunks_of(completed)
    assert [chunk["chunk_no"] for chunk in chunks] == list(range(len(chunks)))
    for chunk in chunks[n_chunks:]:
        assert 0 < chunk["position_stop"] - chunk["position_start"] <= 20
    log = table_rows(completed, execution_log, "id")
    assert log[-1]["message"] == "216 failed strategies set to pending again"

    completed.run(resume=True)
    check_counts(completed)
    assert completed.row.status == "completed"
    assert results_of(completed) == results
    assert {each["status"] for each in queue_of(completed)} == {"completed", "failed"}
    trials = stock_study(completed).trials
    ids = [trial.user_attrs["strategy_id"] for trial in trials]
    assert (len(ids), len(set(ids))) == (432 + N_FAILED, 432)  # a trial is never edited
    assert [trial.number for trial in trials] == list(range(len(trials)))


@ON_SQLITE
def test_what_works_the_second_time(make_session, undisturbed_results):
    session = make_session()
    good = [r["strategy_id"] for r in undisturbed_results if r["net_sharpe_ratio"] is not None]
    bad = [session.space.index(session.space.parse(name)) for name in good[10:14] + good[90:91]]
    session.run(objective=Flaky(session.objective(), bad))
    assert session.row.failed == N_FAILED + 5
    assert retry_failed(session) == N_FAILED + 5
    session.run(resume=True)
    check_counts(session)
    assert results_of(session) == undisturbed_results
    assert session.row.failed == N_FAILED


@ON_SQLITE
def test_at_most_three_times(completed):
    for _ in range(MAX_RETRIES):
        assert retry_failed(completed) == N_FAILED
        completed.run(resume=True)
    check_counts(completed)
    failed = [each for each in queue_of(completed) if each["status"] == "failed"]
    assert {each["retry_count"] for each in failed} == {MAX_RETRIES}
    assert retry_failed(completed) == 0
    assert completed.row.status == "completed"


@ON_SQLITE
def test_a_chunk_keeps_what_is_not_tried_again(completed):
    failed = [each["id"] for each in queue_of(completed) if each["status"] == "failed"]
    with write_transaction(completed.engine) as connection:
        connection.execute(
            strategy_queue.update()
            .where(strategy_queue.c.id.in_(failed[::2]))
            .values(retry_count=MAX_RETRIES)
        )
    for _ in range(2):
        assert retry_failed(completed) == N_FAILED // 2
        assert completed.row.failed == N_FAILED // 2
        check_counts(completed)
        completed.run(resume=True)
    check_counts(completed)


@pytest.mark.parametrize("after", [1, 5])
def test_an_interrupted_retry_is_consistent_and_can_be_repeated(completed, monkeypatch, after):
    results = results_of(completed)
    transaction = WritePacer.transaction
    left = iter(range(after))

    def dying(self):
        if next(left, None) is None:
            raise KeyboardInterrupt
        return transaction(self)

    with monkeypatch.context() as patch:
        patch.setattr(WritePacer, "transaction", dying)
        with pytest.raises(KeyboardInterrupt):
            retry_failed(completed)
    check_counts(completed)
    begun = N_FAILED - completed.row.failed
    assert 0 < begun < N_FAILED
    assert completed.row.status == "paused"
    if after == 1:  # what was begun can be run first
        completed.run(resume=True)
        check_counts(completed)
        assert retry_failed(completed) == N_FAILED
    else:
        assert retry_failed(completed) == N_FAILED - begun
    completed.run(resume=True)
    check_counts(completed)
    assert results_of(completed) == results
    assert completed.row.status == "completed"


@ON_SQLITE
def test_an_interruption_inside_a_batch_leaves_nothing_of_it(completed, monkeypatch):
    before = (results_of(completed), queue_of(completed), chunks_of(completed))

    def broken(*args):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(retrying, "_reset_counts", broken)
        with pytest.raises(KeyboardInterrupt):
            retry_failed(completed)
    assert (results_of(completed), queue_of(completed), chunks_of(completed)) == before
    assert completed.refresh().status == "completed"


@ON_SQLITE
def test_small_batches_make_the_same(completed, monkeypatch):
    monkeypatch.setattr(retrying, "_BATCH", 7)
    monkeypatch.setattr(bulk, "IDS_PER_STATEMENT", 3)
    results = results_of(completed)
    assert retry_failed(completed) == N_FAILED
    check_counts(completed)
    completed.run(resume=True)
    check_counts(completed)
    assert results_of(completed) == results


def test_a_session_at_work_is_left_alone(completed):
    session_id = completed.row.session_id
    with write_transaction(completed.engine) as connection:
        queue.insert_chunks(connection, session_id, 900, [(0, 1)])
        claim = queue.claim_next(connection, session_id, queue.new_worker_name(), 60.0)
    assert claim is not None
    with pytest.raises(SessionError, match="is being worked on; wait until it is over"):
        retry_failed(completed)
    assert completed.refresh().failed == N_FAILED


@pytest.mark.parametrize("status", ["generating", "deleting"])
def test_a_session_that_is_not_there_yet_or_any_more(completed, status):
    with write_transaction(completed.engine) as connection:
        connection.execute(tuning_sessions.update().values(status=status))
    with pytest.raises(SessionError, match=f"is {status}"):
        retry_failed(completed)


@ON_SQLITE
def test_nothing_failed(make_session):
    session = make_session(size=20)
    assert retry_failed(session) == 0
    assert session.row.status == "created"


@ON_SQLITE
def test_rows_that_were_cleaned_are_not_tried_again(completed):
    assert delete_failed(completed.engine, completed.row.session_id) == N_FAILED
    assert retry_failed(completed) == 0
    assert completed.refresh().status == "completed"


def test_sessions_whose_queue_is_written_late(make_session, monkeypatch, undisturbed_results):
    for module in (planning, planned_task):
        monkeypatch.setattr(module, "QUEUE_LIMIT", 100)
    session = make_session()
    assert queue_of(session) == []
    session.run()
    check_completed(session, undisturbed_results)
    assert retry_failed(session) == N_FAILED
    check_counts(session)
    session.run(resume=True)
    check_counts(session)
    assert results_of(session) == undisturbed_results
    failed = [each for each in queue_of(session) if each["status"] == "failed"]
    assert {each["retry_count"] for each in failed} == {1}


def test_runs_of_positions():
    runs = retrying._runs
    assert runs([3], 10) == [(3, 4)]
    assert runs([3, 4, 5, 9, 11, 12], 10) == [(3, 6), (9, 10), (11, 13)]
    assert runs([3, 4, 5, 6, 7], 2) == [(3, 5), (5, 7), (7, 8)]


@ON_SQLITE
def test_a_retried_chunk_that_kills_its_worker_is_split(completed):
    retry_failed(completed)
    with write_transaction(completed.engine) as connection:
        connection.execute(
            work_chunks.update().where(work_chunks.c.state == "pending").values(crashes=2)
        )
        n = connection.execute(sa.select(sa.func.count()).select_from(work_chunks)).scalar_one()
    completed.run(resume=True)
    check_counts(completed)
    assert completed.row.status == "completed"
    assert len(chunks_of(completed)) > n
