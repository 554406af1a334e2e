"""Time limits: an alarm in the main thread, a way out elsewhere; strategies that never end."""

import os
import signal
import threading
import time

import pytest

from search_spaces.errors import MassTuningError
from studies.workers.time_limit import TimeLimitError, time_limit
from tests.helpers.sessions import check_completed, queue_of, results_of
from tests.helpers.wrapped import WrappedObjective


def test_python_code_is_interrupted():
    def never_end():
        while True:
            pass

    with pytest.raises(TimeLimitError, match=r"longer than 0\.05 s"), time_limit(0.05):
        never_end()


def test_a_sleep_is_interrupted():
    began = time.monotonic()
    with pytest.raises(TimeLimitError), time_limit(0.05):
        time.sleep(60)
    assert time.monotonic() - began < 10


def test_a_limit_error_is_one_of_ours_and_a_timeout():
    assert issubclass(TimeLimitError, MassTuningError)
    assert issubclass(TimeLimitError, TimeoutError)


def test_what_is_fast_enough_is_left_alone():
    before = signal.getsignal(signal.SIGALRM)
    with time_limit(60):
        assert signal.getitimer(signal.ITIMER_REAL)[0] > 0
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
    assert signal.getsignal(signal.SIGALRM) is before


def test_the_alarm_is_given_back_after_an_error():
    before = signal.getsignal(signal.SIGALRM)
    with pytest.raises(ValueError, match="mine"), time_limit(60):
        raise ValueError("mine")
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
    assert signal.getsignal(signal.SIGALRM) is before


def test_elsewhere_the_way_out_is_taken():
    called = threading.Event()

    def work():
        with time_limit(0.05, called.set):
            called.wait(30)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(60)
    assert called.is_set()


def test_the_way_out_is_not_taken_in_time():
    called = threading.Event()
    with time_limit(0.05, called.set):
        pass
    assert not called.wait(0.2)


def test_another_thread_without_a_way_out_is_not_limited():
    done = []

    def work():
        with time_limit(0.01):
            time.sleep(0.1)
        done.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(60)
    assert done == [True]


class Sleepy(WrappedObjective):
    """An objective that never comes back with one strategy."""

    def __init__(self, objective, index):
        super().__init__(objective)
        self.index, self.sizes = index, []

    def evaluate(self, points):
        self.sizes.append(len(points))
        if self.index in {int(point) for point in points}:
            time.sleep(600)
        return self.objective.evaluate(points)


def test_a_strategy_that_sleeps_fails_alone(make_session, undisturbed_results):
    session = make_session(
        execution={"chunk_size": 20, "chunk_seconds": 1.0, "strategy_seconds": 0.5}
    )
    index = int(session.design.indices(33, 34)[0])
    name = session.space.strategy_id(session.space.params(index))
    objective = Sleepy(session.objective(), index)
    began = time.monotonic()
    session.run(objective=objective)
    assert time.monotonic() - began < 60
    assert objective.sizes.count(1) == 20
    check_completed(session, results_of(session))
    (row,) = [row for row in queue_of(session) if row["strategy_id"] == name]
    assert (row["status"], row["error_message"]) == ("failed", "timeout: longer than 0.5 s")
    others = [row for row in results_of(session) if row["strategy_id"] != name]
    assert others == [row for row in undisturbed_results if row["strategy_id"] != name]


def test_a_strategy_that_kills_its_process_is_isolated(make_session, undisturbed_results):
    """Two crashes of its chunk and the chunk is cut; three alone and it is recorded as failed."""
    session = make_session(size=100, execution={"chunk_size": 20})
    index = int(session.design.indices(33, 34)[0])
    name = session.space.strategy_id(session.space.params(index))
    objective = session.objective()
    objective.evaluate(session.design.indices(0, 2))  # compiled before the forks
    evaluate = objective.evaluate

    def deadly(points):
        if index in {int(point) for point in points}:
            os.kill(os.getpid(), signal.SIGKILL)
        return evaluate(points)

    objective.evaluate = deadly
    codes = []
    while session.refresh().status != "completed":
        session.engine.dispose()
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                session.run(objective=objective, resume=True)
                code = 0
            finally:
                os._exit(code)
        codes.append(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
        assert len(codes) < 10
    assert codes == [-9] * 5 + [0]
    check_completed(session, results_of(session))
    (row,) = [row for row in queue_of(session) if row["strategy_id"] == name]
    assert row["status"] == "failed"
    assert row["error_message"].startswith("crashed: 3 workers died")
    others = [row for row in results_of(session) if row["strategy_id"] != name]
    ids = {row["strategy_id"] for row in others}
    assert others == [row for row in undisturbed_results if row["strategy_id"] in ids]
