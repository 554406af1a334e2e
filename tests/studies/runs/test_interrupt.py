"""Twenty interruptions in a row lose and repeat nothing."""

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from studies import Session
from studies.database.tables import hyperparameter_tuning_results
from tests.helpers import forks
from tests.helpers.sessions import check_completed, chunks_of, make_config, results_of, table_rows

# Every way a run is interrupted; what is counted is progress (see `tests.helpers.nursery`).
HOWS = ("kill", "kill", "int", "kill", "int int")

RUN = """
import sys
from studies import Session
from studies.runs.stop import Stop
session = Session.open(sys.argv[1], sys.argv[2])
with Stop().on_signals() as stop:
    session.run(resume=True, stop=stop, on_progress=lambda p: print(p.done_here, flush=True))
"""


def check_partial(session, expected):
    """What an interrupted session holds is right, whole chunks of it, and counted."""
    by_id = {row["strategy_id"]: row for row in expected}
    results = results_of(session)
    assert len({row["strategy_id"] for row in results}) == len(results)
    for row in results:
        assert row == by_id[row["strategy_id"]]
    row = session.refresh()
    assert row.completed + row.failed == len(results)
    done = [c for c in chunks_of(session) if c["state"] == "completed"]
    assert sum(c["position_stop"] - c["position_start"] for c in done) == len(results)
    return len(results)


@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_twenty_interruptions_in_a_row(make_session, url, nursery, undisturbed_results, seed):
    rng = random.Random(seed)
    session = make_session(execution={"chunk_size": 9})
    session_id = session.row.session_id
    # Enough events for the start of a run and a few chunks, few enough for twenty interruptions.
    codes, n_done = [], []
    while len(codes) < 20:
        how = HOWS[len(codes) % len(HOWS)]
        outcome = nursery.do("run", url, session=session_id, after=rng.randint(1, 60), how=how)
        codes.append((how, outcome["code"]))
        n_done.append(check_partial(session, undisturbed_results))
    assert {code for how, code in codes if how == "kill"} == {-9}
    assert {code for how, code in codes if how == "int"} == {0}
    assert {code for how, code in codes if how == "int int"} == {130}
    assert n_done == sorted(n_done)
    assert len(set(n_done)) > 5
    assert session.row.status in {"running", "paused"}
    assert nursery.do("run", url, session=session_id)["code"] == 0
    check_completed(session, undisturbed_results)
    assert max(chunk["attempt"] for chunk in chunks_of(session)) > 1


@pytest.mark.parametrize("running_best", [0, pytest.param(3, marks=pytest.mark.slow)])
def test_killed_at_every_step_of_the_last_chunks(make_session, url, nursery, running_best):
    """The digest's end and the closing of the session, interrupted between any two statements."""
    study = {"all_up_to": 0, "sample": 30, "running_best": running_best, "final_best": 250}
    session = make_session(study=study, size=300, execution={"chunk_size": 150})
    undisturbed = make_session(study=study, size=300, execution={"chunk_size": 150})
    undisturbed.run()
    expected = results_of(undisturbed)
    after, n_kills = 3, 0
    while (
        nursery.do("run", url, session=session.row.session_id, after=after, how="kill")["code"]
        == -9
    ):
        after += 4
        n_kills += 1
        check_partial(session, expected)
    assert n_kills > 5
    check_completed(session, expected)
    ours, theirs = (
        {trial.user_attrs["strategy_id"] for trial in s.study().trials}
        for s in (session, undisturbed)
    )
    with session.engine.connect() as connection:
        final_best = set(session.study_writer.final_best(connection))
    assert final_best <= ours & theirs
    # strategies of a chunk that killed its workers run one by one: others are the best so far
    entered = ours ^ theirs
    assert len(entered) <= 10 * running_best
    assert session.study().get_trials()[-1].number == len(ours) - 1  # each strategy once


@pytest.mark.parametrize("how", ["kill", "int int"])
def test_an_interrupted_chunk_can_be_claimed_at_once(make_session, url, nursery, how):
    session = make_session(size=60)
    assert nursery.do("run", url, session=session.row.session_id, after=14, how=how)["code"] != 0
    assert session.refresh().completed + session.row.failed < 60
    session.run(resume=True)  # would wait for the lease, were the chunk not given back
    assert session.row.status == "completed"
    assert len(table_rows(session, hyperparameter_tuning_results)) == 60


@pytest.mark.slow
@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_twenty_interruptions_of_fresh_processes(make_session, url, undisturbed_results):
    """As a person does it: a new process each time, the signal from outside."""
    rng = random.Random(2)
    session = make_session(execution={"chunk_size": 4})
    command = [sys.executable, "-c", RUN, url, session.row.session_id]
    for number in range(20):
        process = forks.Popen(
            command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[3]
        )
        for _ in range(rng.randint(1, 4)):
            process.stdout.readline()
        how = (signal.SIGKILL, signal.SIGINT)[number % 2]
        os.kill(process.pid, how)
        process.communicate(timeout=60)
        assert process.returncode == (-9 if how == signal.SIGKILL else 0)
        check_partial(session, undisturbed_results)
    assert session.refresh().status in {"paused", "running"}
    forks.run(command, check=True, timeout=120, cwd=Path(__file__).parents[3])
    check_completed(session, undisturbed_results)


def test_sigint_finishes_the_chunk_in_hand_and_pauses(make_session, url, nursery):
    session = make_session(size=100)
    outcome = nursery.do("run", url, session=session.row.session_id, after=12, how="int")
    assert outcome["code"] == 0
    row = session.refresh()
    assert row.status == "paused"
    assert {c["state"] for c in chunks_of(session)} <= {"completed", "pending"}
    assert 0 < row.completed + row.failed < 100
    assert make_config(url).execution.chunk_size == 20
    assert Session.open(url).row.session_id == row.session_id
