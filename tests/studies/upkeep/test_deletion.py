"""Deleting sessions: all of one, nothing of the others, whatever interrupts."""

import optuna
import pytest
import sqlalchemy as sa

from search_spaces.errors import SessionError
from studies import Session
from studies.database.tables import hyperparameter_tuning_results
from studies.database.transactions import WritePacer
from studies.sessions.session_row import SessionState, list_sessions
from studies.trials.optuna_storage import open_optuna_storage
from studies.upkeep.deletion import delete_failed, delete_session, finish_deletions
from studies.workers.planned_task import PlannedTask
from tests.helpers.sessions import (
    OWN_TABLES,
    check_completed,
    queue_of,
    results_of,
    stock_study,
    table_rows,
    url_of,
)


def n_rows(engine, session_id):
    """Rows of a session in our tables."""
    with engine.connect() as connection:
        return {
            table: connection.execute(
                sa.text(f"SELECT count(*) FROM {table} WHERE session_id = :id"), {"id": session_id}
            ).scalar_one()
            for table in OWN_TABLES
        }


def optuna_rows(engine):
    """Number of rows in each of Optuna's tables that hold trials."""
    tables = ("trials", "trial_values", "trial_params", "trial_user_attributes")
    with engine.connect() as connection:
        return [
            connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar_one()
            for table in tables
        ]


def assert_gone(engine, session_id, n_tombstones=1):
    assert set(n_rows(engine, session_id).values()) == {0}
    assert session_id not in {row.session_id for row in list_sessions(engine)}
    assert session_id not in optuna.get_all_study_names(open_optuna_storage(engine))


def assert_no_trials(engine):
    """None but the tombstone, which only SQLite needs: a server never uses an id again."""
    n_tombstones = int(engine.dialect.name == "sqlite")
    assert optuna_rows(engine) == [n_tombstones, 0, 0, 0]


def test_deleting_a_session_leaves_nothing_of_it(completed):
    session_id = completed.row.session_id
    assert all(n_rows(completed.engine, session_id).values())
    assert delete_session(completed.engine, session_id) == 432
    assert_gone(completed.engine, session_id)
    assert_no_trials(completed.engine)
    with pytest.raises(SessionError, match="there is no session"):
        delete_session(completed.engine, session_id)


def test_no_batch_looks_at_all_rows_of_the_session(completed):
    """Else each batch sorts what is left: 290,000 results took hours."""
    engine = completed.engine
    if engine.dialect.name != "sqlite":
        pytest.skip("asks SQLite how it runs a statement")
    with engine.begin() as connection:  # as at the end of a large session
        connection.execute(
            sa.text(
                "CREATE INDEX wide ON hyperparameter_tuning_results (session_id, net_sharpe_ratio)"
            )
        )
    plans = []

    @sa.event.listens_for(engine, "before_cursor_execute")
    def note(connection, cursor, statement, parameters, context, many):
        for table in ("hyperparameter_tuning_results", "strategy_queue"):
            if statement.startswith(f"DELETE FROM {table}"):
                cursor.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
                plans.append((table, [row[-1] for row in cursor.fetchall()]))

    delete_session(engine, completed.row.session_id)
    assert {table for table, _ in plans} == {"hyperparameter_tuning_results", "strategy_queue"}
    for table, plan in plans:
        assert plan == [f"SEARCH {table} USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)"]


def test_other_sessions_are_untouched(make_session, url, undisturbed_results):
    kept, doomed, newer = make_session(), make_session(size=100), make_session(size=40)
    kept.run()
    doomed.run()
    before = [n_rows(kept.engine, s.row.session_id) for s in (kept, newer)]
    trials = repr(stock_study(kept).trials)
    delete_session(kept.engine, doomed.row.session_id)
    assert_gone(kept.engine, doomed.row.session_id)
    assert [n_rows(kept.engine, s.row.session_id) for s in (kept, newer)] == before
    assert repr(stock_study(kept).trials) == trials
    check_completed(kept, undisturbed_results)
    newer.run()
    assert newer.row.status == "completed"


def test_an_interrupted_deletion_is_finished_later(make_session, url, nursery):
    other = make_session(size=40)
    other.run()
    steps = []
    after = 2
    while True:
        session = make_session(size=40)
        session.run()
        session_id = session.row.session_id
        code = nursery.do("delete", url, session=session_id, after=after)["code"]
        if code == 0:
            break
        assert code == -9
        (row,) = [r for r in list_sessions(other.engine) if r.session_id == session_id] or [None]
        steps.append(row.status if row else None)
        if row is not None and row.status == SessionState.DELETING:
            with pytest.raises(SessionError, match="is being deleted"):
                Session.open(url, session_id).run()
            assert finish_deletions(other.engine) == [session_id]
        elif row is not None:
            delete_session(other.engine, session_id)
        assert_gone(other.engine, session_id)
        n_trials, *children = optuna_rows(other.engine)
        assert n_trials <= 41, f"{after=}"  # the other session's and a tombstone
        assert children[0] <= 40
        after += 16
    assert steps.count(SessionState.DELETING) > 2
    assert finish_deletions(other.engine) == []
    check_completed(other, results_of(other))


@pytest.mark.slow
def test_a_deletion_killed_again_and_again(completed, nursery):
    url = url_of(completed)
    session_id = completed.row.session_id
    assert nursery.do("delete", url, session=session_id, after=12)["code"] == -9
    n_kills = 1
    while nursery.do("finish", url, after=5 * n_kills)["code"] == -9:
        n_kills += 1
    assert n_kills > 2
    assert_gone(completed.engine, session_id)
    assert_no_trials(completed.engine)


def test_a_session_that_is_worked_on_is_not_deleted(make_session):
    session = make_session(size=60)
    with WritePacer(session.engine) as pacer:
        worker = PlannedTask(session, session.objective(), pacer, 15.0)
        held = worker.claim()
        with pytest.raises(SessionError, match=r"is being worked on; stop the run \(Ctrl-C\)"):
            delete_session(session.engine, session.row.session_id)
        worker.record(held, worker.evaluate(held), claim_next=False)
    assert len(results_of(session)) == 20
    assert delete_session(session.engine, session.row.session_id) == 20


def test_a_killed_run_does_not_stop_a_deletion(make_session, url, nursery):
    session = make_session(size=60)
    assert nursery.do("run", url, session=session.row.session_id, after=20)["code"] == -9
    delete_session(session.engine, session.row.session_id)
    assert_gone(session.engine, session.row.session_id)


def test_a_session_that_never_ran_is_deleted(make_session):
    session = make_session()
    assert delete_session(session.engine, session.row.session_id) == 0
    assert_gone(session.engine, session.row.session_id)


def test_failed_strategies_are_removed_and_their_trials_left(completed):
    failed = [row for row in results_of(completed) if row["net_sharpe_ratio"] is None]
    n_trials = len(stock_study(completed).trials)
    assert delete_failed(completed.engine, completed.row.session_id) == len(failed) > 0
    assert all(row["net_sharpe_ratio"] is not None for row in results_of(completed))
    assert {row["status"] for row in queue_of(completed)} == {"completed"}
    assert len(results_of(completed)) == len(queue_of(completed)) == 432 - len(failed)
    assert len(stock_study(completed).trials) == n_trials
    assert completed.refresh().failed == len(failed)
    assert delete_failed(completed.engine, completed.row.session_id) == 0
    with pytest.raises(SessionError, match="there is no session"):
        delete_failed(completed.engine, "session_1")


def test_removing_failures_between_two_runs(make_session):
    from studies.runs.stop import Stop

    session = make_session()
    stop = Stop()
    session.run(stop=stop, on_progress=lambda p: stop.set() if p.done >= 200 else None)
    delete_failed(session.engine, session.row.session_id)
    session.run(resume=True)
    row = session.refresh()
    assert (row.status, row.completed + row.failed) == ("completed", 432)
    n_results = len(table_rows(session, hyperparameter_tuning_results))
    assert row.completed < n_results < 432


def test_an_open_reader_is_never_shown_another_studys_trials(make_session):
    doomed = make_session(size=60)
    doomed.run()
    reader = stock_study(doomed)
    seen = {(t._trial_id, t.user_attrs["strategy_id"]) for t in reader.trials}
    doomed_study = reader._study_id
    delete_session(doomed.engine, doomed.row.session_id)
    fresh = make_session(size=100)
    fresh.run()
    study = stock_study(fresh)
    assert study._study_id > doomed_study
    assert min(t._trial_id for t in study.trials) > max(trial_id for trial_id, _ in seen)
    if doomed.engine.dialect.name == "postgresql":  # no tombstone, ids are never used again
        with pytest.raises(KeyError, match="does not exist"):
            reader.trials  # noqa: B018
        return
    assert {(t._trial_id, t.user_attrs["strategy_id"]) for t in reader.trials} == seen
