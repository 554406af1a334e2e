"""What every kind of session must do; a kind subclasses it and creates its sessions."""

import json
import operator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from studies import Session
from studies.database.engine import database_clock
from studies.database.tables import execution_log, work_chunks
from studies.database.transactions import WritePacer, write_transaction
from studies.queue.claims import LostClaimError
from studies.runs.run import is_over
from studies.runs.stop import Stop
from studies.trials.running import SLOT
from studies.workers.factory import make_worker
from studies.workers.work_report import WorkReport
from tests.helpers.databases import closing_connections
from tests.helpers.sessions import (
    check_adaptive,
    check_completed,
    chunks_of,
    results_of,
    stock_study,
    table_rows,
    url_of,
)

REASON = "error: ZeroDivisionError: odd"


@dataclass(frozen=True)
class Found:
    """What a session found: results by strategy, and what counts of its trials, in order."""

    results: list[dict[str, Any]]
    trials: list[tuple[Any, ...]]


class Raising:
    """An objective that raises where one strategy is among its points."""

    def __init__(self, objective, index):
        self._objective, self._index = objective, index

    def __getattr__(self, name):
        return getattr(self._objective, name)

    def evaluate(self, points):
        if self._index in np.asarray(points).tolist():
            raise ZeroDivisionError("odd")
        return self._objective.evaluate(points)


def found_of(session):
    counted = [t for t in stock_study(session).trials if "strategy_id" in t.user_attrs]
    trials = [(t.system_attrs.get(SLOT), t.user_attrs["strategy_id"], t.values) for t in counted]
    return Found(results_of(session), trials)


def worker_of(session):
    """A worker as in a process of its own: with a session and a connection of its own."""
    own = Session.open(url_of(session), session.row.session_id)
    return make_worker(own, own.objective(), WritePacer(own.engine))


def close(*workers):
    for worker in workers:
        worker.close()
        worker.session.engine.dispose()


def claim_strategies(worker):
    """Claim until there are strategies to evaluate: generations are bred first."""
    claim = worker.task.claim()
    while claim.finishing:
        claim = worker.task.finish(claim)
    return claim


def expire_all(session):
    with write_transaction(session.engine) as connection:
        connection.execute(
            work_chunks.update()
            .where(work_chunks.c.state == "running")
            .values(lease_expires_at=database_clock() - 1)
        )


class SessionContract:
    """Subclass it as ``Test...``, implement :meth:`create`, and correct what does not hold."""

    total = 24
    adaptive = False
    """Slots instead of a queue; what is proposed after a resume depends on the worker."""

    def create(self, url, size):
        """Create a session of ``size`` strategies; the same ones every time."""
        raise NotImplementedError

    def check(self, session):
        """Assert that a session is over and its tables agree; return what it found."""
        if self.adaptive:
            check_adaptive(session)
        else:
            check_completed(session, results_of(session))
        row = session.refresh()
        assert (row.status, row.completed + row.failed) == ("completed", row.total)
        found = found_of(session)
        assert len(found.trials) == row.total
        if not self.adaptive:
            assert len(found.results) == row.total
        return found

    def check_same(self, found, undisturbed, n_before):
        """Assert that an interrupted session found what an undisturbed one did.

        Its trials may come in another order. Of an adaptive session it holds for the strategies
        before the first interruption.
        """
        if self.adaptive:
            assert found.trials[:n_before] == undisturbed.trials[:n_before]
            return
        assert found.results == undisturbed.results
        by_name = operator.itemgetter(1)
        assert sorted(found.trials, key=by_name) == sorted(undisturbed.trials, key=by_name)

    @pytest.fixture(scope="class")
    @classmethod
    def undisturbed(cls, databases, market):
        """What one process finds that nobody disturbs."""
        url, contract = databases.copy(market), cls()
        with closing_connections():
            session = contract.create(url, cls.total)
            session.run()
            found = contract.check(session)
        yield found
        databases.drop(url)

    @pytest.fixture
    def session(self, url):
        session = self.create(url, self.total)
        yield session
        session.engine.dispose()

    def test_it_runs_to_its_end_with_as_many_outcomes_as_planned(self, session, undisturbed):
        assert (session.row.status, session.row.total) == ("created", self.total)
        progress = session.run()
        assert self.check(session) == undisturbed
        assert (progress.done, progress.done_here) == (self.total, self.total)
        assert progress.failed == session.row.failed
        assert session.run().done_here == 0

    def test_stopped_and_resumed(self, session, undisturbed):
        before = []
        for _ in range(3):
            stop = Stop()
            session.run(resume=True, stop=stop, on_progress=lambda progress, s=stop: s.set())
            assert session.row.status == "paused"
            assert {c["state"] for c in chunks_of(session)} <= {"completed", "pending"}
            before.append(session.row.completed + session.row.failed)
        assert before == sorted(set(before))
        session.run(resume=True)
        self.check_same(self.check(session), undisturbed, before[0])

    @pytest.mark.parametrize("after", [5, 20, 45])
    def test_a_worker_that_dies_leaves_nothing_lost_or_double(
        self, session, nursery, undisturbed, after
    ):
        job = nursery.do("run", url_of(session), session=session.row.session_id, after=after)
        assert job["code"] == -9
        row = session.refresh()
        n_before = row.completed + row.failed
        assert len(found_of(session).trials) == n_before < self.total
        session.run(resume=True)
        self.check_same(self.check(session), undisturbed, n_before)

    def test_a_second_worker_joins(self, session, undisturbed):
        workers = [worker_of(session) for _ in range(2)]
        while not is_over(session):
            for worker in workers:
                worker.step()
        close(*workers)
        self.check_same(self.check(session), undisturbed, 0)
        assert {c["worker"] for c in chunks_of(session)} >= {worker.name for worker in workers}

    def test_a_strategy_that_raises_fails_alone(self, session, undisturbed):
        name = next(name for _, name, values in undisturbed.trials[2:] if values is not None)
        index = session.space.index(session.space.parse(name))
        session.run(objective=Raising(session.objective(), index))
        self.check(session)
        failed = [t for t in stock_study(session).trials if t.user_attrs["strategy_id"] == name]
        assert {t.user_attrs["failure"] for t in failed} == {REASON}
        assert {t.state.name for t in failed} == {"FAIL"}
        (result,) = [row for row in results_of(session) if row["strategy_id"] == name]
        assert result["net_sharpe_ratio"] is None
        assert REASON in result["raw_result"]
        assert session.row.completed > 0
        log = table_rows(session, execution_log, "id")
        warnings = [row for row in log if row["log_level"] == "WARNING"]
        (of_strategy,) = [row for row in warnings if row["strategy_id"] is not None]
        assert (of_strategy["strategy_id"], of_strategy["message"]) == (name, REASON)
        assert "ZeroDivisionError" in json.loads(of_strategy["details"])["traceback"]
        others = [row["message"] for row in warnings if row["strategy_id"] is None]
        if self.adaptive:
            assert others == []
        else:
            (warning,) = others
            assert warning.endswith(
                "were evaluated one by one: together they ended with ZeroDivisionError"
            )

    def test_a_lost_claim_writes_nothing(self, session, undisturbed):
        slow = worker_of(session)
        claim = claim_strategies(slow)
        outcome = slow.task.evaluate(claim)
        expire_all(session)
        session.run()
        found = self.check(session)
        with pytest.raises(LostClaimError):
            slow.task.record(claim, outcome)
        slow.held = claim
        slow.task.evaluate = lambda claim: outcome
        assert slow.step() == WorkReport()
        assert slow.held is None
        close(slow)
        assert self.check(session) == found
        self.check_same(found, undisturbed, 0)

    def test_there_is_nothing_to_claim(self, url):
        session = self.create(url, 1)
        first, second = worker_of(session), worker_of(session)
        first.held = claim_strategies(first)
        assert second.step() == WorkReport(idle=True)
        report = first.step(claim_next=lambda: False)
        assert (report.n_completed + report.n_failed, report.idle) == (1, False)
        assert second.step() == WorkReport()  # closes the session
        for worker in (first, second):
            assert worker.step() == WorkReport(idle=True)
        close(first, second)
        self.check(session)
        session.engine.dispose()
