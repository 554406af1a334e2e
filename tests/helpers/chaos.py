"""Plain worker processes on one session, some of which kill themselves where it hurts.

As a program: one job as JSON on the command line, its outcome as JSON on the last line. The
process imports everything once and forks the workers, so that a death costs milliseconds.
"""

import json
import os
import random
import signal
import sys
import time
import traceback
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import numpy as np
import optuna_dashboard  # noqa: F401 (imported once, before the forks)

from objectives import FactorBacktest, ReturnPanel
from studies import Session
from studies.outcomes.row_writer import RowWriter
from studies.runs.stop import Stop
from studies.workers.planned_task import PlannedTask
from tests.helpers.death import die_in

KILLS = ("claimed", "writing", "committed")
"""Just after a claim, inside the write transaction, just after the commit."""


def die_at(event, at_chunk):
    """Let this process be killed at an event of its n-th chunk."""
    owner, name = {
        "claimed": (PlannedTask, "evaluate"),
        "writing": (RowWriter, "insert_results"),
        "committed": (PlannedTask, "record"),
    }[event]
    die_in(owner, name, at_chunk, before=event == "claimed")


def slow(objective, seconds):
    """Let every chunk take so long at least."""
    evaluate = objective.evaluate

    def evaluate_slowly(points):
        time.sleep(seconds)
        return evaluate(points)

    objective.evaluate = evaluate_slowly
    return objective


def work(job, death):
    """Be one worker, until the session is over, SIGTERM or death."""
    try:
        with Stop().on_signals() as stop:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])
            if death is not None:
                die_at(*death)
            session = Session.open(job["url"], job["session"])
            objective = slow(session.objective(), job["sleep"])
            session.run(parallel=1, resume=True, objective=objective, stop=stop)
        code = 0
    except BaseException:
        traceback.print_exc()
        code = 1
    os._exit(code)


def fork(job, death):
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])  # until the worker handles it
    pid = os.fork()
    if pid == 0:
        work(job, death)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])
    return pid


def main():
    job = json.loads(sys.argv[1])
    rng = random.Random(job["seed"])
    deaths = [(event, rng.randint(1, job["at_most"])) for event in KILLS for _ in range(job["n"])]
    rng.shuffle(deaths)
    FactorBacktest(ReturnPanel.synthetic(n_pairs=4, n_days=400)).evaluate(np.arange(3))
    n_kills, codes = 0, []
    living = {fork(job, deaths.pop() if deaths else None) for _ in range(job["workers"])}
    while living:
        pid, status = os.wait()
        living.discard(pid)
        code = os.waitstatus_to_exitcode(status)
        if code != -signal.SIGKILL:
            codes.append(code)
            continue
        n_kills += 1
        if deaths:
            living.add(fork(job, deaths.pop()))
        elif n_kills < 3 * job["n"] or not job["then_stop"]:
            living.add(fork(job, None))
        else:
            for other in living:
                os.kill(other, signal.SIGTERM)
    print(json.dumps({"n_kills": n_kills, "codes": codes, "left": len(deaths)}))


if __name__ == "__main__":
    main()
