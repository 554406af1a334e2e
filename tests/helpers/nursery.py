"""The process behind `tests.helpers.sessions.Nursery`: a job a line in, its outcome a line out."""

import json
import os
import signal
import sys
import traceback
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import numpy as np
import optuna_dashboard  # noqa: F401 (imported once, before the forks)
import sqlalchemy as sa

from objectives import FactorBacktest, ReturnPanel
from studies import Session, TuningConfig
from studies.planning import write_plan as planning
from studies.planning.creation import complete_plans
from studies.runs.stop import Stop
from studies.sessions.prepared_database import open_database
from studies.upkeep.deletion import delete_session, finish_deletions
from studies.workers import adaptive_task as adaptive
from studies.workers.adaptive_task import AdaptiveTask
from studies.workers.proposer import Proposer
from tests.helpers.death import die_in

SIGNALS = {"kill": [signal.SIGKILL], "int": [signal.SIGINT], "int int": [signal.SIGINT] * 2}


class Fuse:
    """Signals its own process at the given event."""

    def __init__(self, after=None, how="kill"):
        self.after, self.how, self.n_events = after, how, 0

    def __call__(self, *unused, **named):
        self.n_events += 1
        if self.n_events == self.after:
            for number in SIGNALS[self.how]:
                os.kill(os.getpid(), number)

    def attach(self):
        sa.event.listen(sa.Engine, "after_cursor_execute", self)
        sa.event.listen(sa.Engine, "commit", self)


def die_at(event, at_slot):
    """Let this process be killed at an event of its n-th slot."""
    owner, name, before = {
        "claimed": (Proposer, "propose", True),
        "evaluating": (AdaptiveTask, "_value", True),
        "writing": (adaptive, "end_trial", False),
        "committed": (AdaptiveTask, "record", False),
    }[event]
    die_in(owner, name, at_slot, before=before)


def run(job, fuse):
    if "at" in job:
        die_at(job["at"], job["slot"])
    session = Session.open(job["url"], job["session"])
    objective = session.objective()
    evaluate = objective.evaluate

    def evaluate_and_count(points):
        fuse()
        return evaluate(points)

    objective.evaluate = evaluate_and_count
    with Stop().on_signals() as stop:
        fuse.attach()
        session.run(resume=True, objective=objective, stop=stop, on_progress=fuse)


def generate(job, fuse):
    planning._BATCH, planning._CHUNKS_PER_BATCH = job["batch"], job["chunks_per_batch"]
    fuse.attach()
    config = TuningConfig.from_mapping({**job["config"], "database": job["url"]})
    Session.create(config)


def complete(job, fuse):
    engine = open_database(job["url"])
    fuse.attach()
    complete_plans(engine)


def delete(job, fuse):
    engine = open_database(job["url"])
    fuse.attach()
    delete_session(engine, job["session"])


def finish(job, fuse):
    engine = open_database(job["url"])
    fuse.attach()
    finish_deletions(engine)


JOBS = {f.__name__: f for f in (run, generate, complete, delete, finish)}


def child(job, report):
    fuse = Fuse(job.get("after"), job.get("how", "kill"))
    try:
        JOBS[job["job"]](job, fuse)
        code = 0
    except KeyboardInterrupt:
        code = 130
    except BaseException:
        traceback.print_exc()
        code = 1
    os.write(report, str(fuse.n_events).encode())
    os._exit(code)


def main():
    warm = FactorBacktest(ReturnPanel.synthetic(n_pairs=4, n_days=400))
    warm.evaluate(np.arange(3))
    for line in sys.stdin:
        job = json.loads(line)
        reader, writer = os.pipe()
        pid = os.fork()
        if pid == 0:
            child(job, writer)
        os.close(writer)
        _, status = os.waitpid(pid, 0)
        told = os.read(reader, 100)
        os.close(reader)
        outcome = {"code": os.waitstatus_to_exitcode(status), "n_events": int(told or 0)}
        print(json.dumps(outcome), flush=True)


if __name__ == "__main__":
    main()
