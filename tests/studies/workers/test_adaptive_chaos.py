"""Killed wherever it hurts, an adaptive session meets its budget exactly."""

import random

import pytest

from search_spaces.errors import SessionError
from studies.upkeep.status import read_status
from studies.workers.factory import make_worker
from tests.helpers.sessions import check_adaptive, chunks_of, results_of

EVENTS = ("claimed", "evaluating", "writing", "committed")


@pytest.mark.parametrize("event", EVENTS)
def test_killed_at_each_event(make_session, url, nursery, event):
    session = make_session(method="tpe", size=8, seed=1)
    session_id = session.row.session_id
    for slot in (1, 2, 3):
        outcome = nursery.do("run", url, session=session_id, at=event, slot=slot)
        assert outcome["code"] == -9
        check_adaptive(session, over=False)
    n_done = session.row.completed + session.row.failed
    # what was committed counts; the others were lost between claim and commit
    assert n_done == (6 if event == "committed" else 3)
    session.run(resume=True)
    trials = check_adaptive(session)
    lost = [t for t in trials if t.user_attrs.get("failure", "").startswith("crashed: the worker")]
    assert len(lost) == 3
    assert max(c["attempt"] for c in chunks_of(session)) > 1


@pytest.mark.parametrize(
    ("database", "seed", "n"),
    [
        ("sqlite", 0, 8),
        pytest.param("sqlite", 1, 20, marks=pytest.mark.slow),
        pytest.param("postgresql", 0, 8, marks=pytest.mark.slow),
    ],
    indirect=["database"],
    scope="session",  # as the fixture: others of its database are kept
)
def test_interruptions_in_a_row(make_session, url, nursery, seed, n):
    """Between any two statements, by SIGKILL, Ctrl-C and two of them."""
    rng = random.Random(seed)
    session = make_session(method="tpe", size=40, seed=seed)
    n_done, codes = [], set()
    for number in range(n):
        how = ("kill", "int", "kill", "int int")[number % 4]
        outcome = nursery.do(
            "run", url, session=session.row.session_id, after=rng.randint(10, 150), how=how
        )
        codes.add((how, outcome["code"]))
        check_adaptive(session, over=False)
        n_done.append(session.row.completed + session.row.failed)
    assert codes == {("kill", -9), ("int", 0), ("int int", 130)}
    assert n_done == sorted(n_done)
    assert len(set(n_done)) > n // 4
    assert n_done[-1] < 40
    assert nursery.do("run", url, session=session.row.session_id)["code"] == 0
    check_adaptive(session)


def kill(nursery, url, session, event, times):
    for _ in range(times):
        outcome = nursery.do("run", url, session=session.row.session_id, at=event, slot=1)
        assert outcome["code"] == -9


def test_a_strategy_that_kills_three_workers_fails(make_session, url, nursery):
    session = make_session(method="tpe", size=1, seed=1)  # others would be tried first
    kill(nursery, url, session, "evaluating", 3)
    session.run(resume=True)
    trials = check_adaptive(session)
    assert [t.state.name for t in trials] == ["FAIL"] * 3
    isolated = trials[2]
    assert isolated.user_attrs["failure"] == ("crashed: 3 workers died while they evaluated it")
    assert isolated.user_attrs["strategy_id"] in {r["strategy_id"] for r in results_of(session)}
    assert read_status(session, detailed=True).failures == {isolated.user_attrs["failure"]: 1}
    assert all("strategy_id" not in t.user_attrs for t in trials[:2])


def test_a_sampler_that_kills_three_workers_stops_the_session(make_session, url, nursery):
    session = make_session(method="tpe", size=1, seed=1)
    kill(nursery, url, session, "claimed", 3)
    with pytest.raises(SessionError, match=r"3 workers died with slot 0 .* before tpe proposed"):
        session.run(resume=True)
    assert session.refresh().status == "failed"
    check_adaptive(session, over=False)
    session.run(resume=True)  # as if nothing had happened
    trials = check_adaptive(session)
    assert [t.user_attrs["failure"].startswith("crashed") for t in trials[:3]] == [True] * 3


def test_a_lost_slot_is_not_written(make_session, monkeypatch):
    """A worker that was taken over records nothing, and its trial failed."""
    from studies.database.transactions import WritePacer
    from studies.session import Session
    from tests.helpers.sessions import url_of

    session = make_session(method="tpe", size=3, seed=1)
    slow = Session.open(url_of(session), session.row.session_id)
    with WritePacer(slow.engine) as pacer:
        worker = make_worker(slow, slow.objective(), pacer)
        claim = worker.task.claim()
        outcome = worker.task.evaluate(claim)
        with session.engine.begin() as connection:
            connection.exec_driver_sql(
                "UPDATE work_chunks SET lease_expires_at = 0 WHERE state = 'running'"
            )
        session.run()
        before = check_adaptive(session)
        worker.held = claim
        monkeypatch.setattr(worker.task, "evaluate", lambda held: outcome)
        assert not worker.step().idle
        worker.close()
    assert check_adaptive(session) == before
    assert before[0].user_attrs == {"failure": "crashed: the worker died or lost its slot"}
