"""`--parallel auto`: how many workers, and that their coming and going changes no result."""

import itertools
import logging
import types

import pytest

from studies import Session
from studies.database.tables import execution_log
from studies.runs import load, scaling
from studies.runs.load import Load, LoadMeter, next_size, start_size
from tests.helpers.sessions import check_completed, chunks_of, table_rows
from tests.studies.runs.test_cluster import start_slow

MB = 10**6


def at(others=0.0, megabytes=64_000, cpus=4.0, host_cpus=4):
    return Load(cpus, host_cpus, others, megabytes * MB)


@pytest.mark.parametrize(
    ("now", "n_workers"),
    [
        (at(), 4),
        (at(cpus=2.5), 2),
        (at(cpus=0.5), 1),
        (at(others=1.2), 2),
        (at(others=9.0), 1),
        (at(others=9.0, host_cpus=64), 4),  # a busy host of which a quota is ours
        (at(megabytes=1_100), 2),
        (at(megabytes=100), 1),
    ],
)
def test_the_number_to_begin_with(now, n_workers):
    assert start_size(now) == n_workers


@pytest.mark.parametrize(
    ("now", "before", "after"),
    [
        (at(), 4, 4),  # never more than processors
        (at(), 2, 3),  # one at a time
        (at(), 5, 4),
        (at(cpus=1.0), 1, 1),
        (at(cpus=1.9), 1, 1),
        # what others want: 3/4 of a processor to spare or lacking
        (at(others=1.25), 2, 3),
        (at(others=1.26), 2, 2),
        (at(others=2.75), 2, 2),
        (at(others=2.76), 2, 1),
        (at(others=50.0), 1, 1),  # one stays
        (at(others=50.0, host_cpus=64), 3, 4),
        # memory
        (at(megabytes=999), 2, 2),
        (at(megabytes=1_000), 2, 3),
        (at(megabytes=250), 2, 2),
        (at(megabytes=249), 2, 1),
        (at(megabytes=1), 1, 1),
    ],
)
def test_the_next_number(now, before, after):
    assert next_size(now, before) == after


def test_a_load_that_stands_still_moves_the_number_once():
    for tenths, n_workers in itertools.product(range(80), range(1, 5)):
        now, sizes = at(others=tenths / 10), [n_workers]
        for _ in range(8):
            sizes.append(next_size(now, sizes[-1]))
        assert sizes[-1] == sizes[-2]
        assert sizes in (sorted(sizes), sorted(sizes, reverse=True))
        # and a little more or less of it does not move it again
        for wobble in (-0.2, 0.2):
            near = next_size(at(others=now.others + wobble), sizes[-1])
            assert abs(next_size(now, near) - near) == 0 or near == sizes[-1]


def test_the_share_of_the_run_itself_is_no_load(monkeypatch):
    """The system's average follows with a delay of a minute, and so does what is taken off."""
    now, average = [0.0], [0.0]
    monkeypatch.setattr(load.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(load, "load_average", lambda: average[0])
    meter = LoadMeter()
    decay = 2.718281828 ** (-5 / 60)
    for n_workers in [4] * 20 + [1] * 5 + [3] * 5:
        now[0] += 5.0
        average[0] = decay * average[0] + (1 - decay) * (n_workers + 0.5)
        assert meter.read(n_workers).others == pytest.approx(0.5, abs=0.51)
    assert meter.read(3).others == pytest.approx(0.5, abs=0.05)


class FakeClient:
    """A cluster of so many workers, and what it is asked for."""

    def __init__(self, n_workers):
        self.n_workers, self.asked = n_workers, []
        self.cluster = types.SimpleNamespace(scale=self.asked.append)

    def scheduler_info(self, *, n_workers):
        return {"workers": dict.fromkeys(range(self.n_workers))}


def test_a_worker_that_does_not_come_is_asked_for_again(monkeypatch):
    now, changes = [0.0], []
    monkeypatch.setattr(scaling.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(scaling, "next_size", lambda load, n_workers: min(n_workers + 1, 3))
    client = FakeClient(1)
    run = scaling.Scaling(client, None, 1, lambda *change: changes.append(change))
    for _ in range(16):  # 80 seconds
        now[0] += scaling.LOOK_SECONDS
        run.look()
    assert client.asked == [2, 2]
    client.n_workers = 2
    now[0] += scaling.LOOK_SECONDS
    run.look()
    assert client.asked == [2, 2, 3]
    assert changes == [(1, 2), (2, 3)]
    run.look()  # not before 5 seconds
    assert len(changes) == 2


@pytest.mark.slow
@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_workers_come_and_go_and_the_rows_are_the_same(
    make_session, undisturbed_results, tmp_path, monkeypatch, caplog
):
    """One, two, one: each change while chunks are in hand."""
    until = tmp_path / "no longer slow"
    monkeypatch.setenv("TEST_SLOW_UNTIL", str(until))
    session = start_slow(make_session, monkeypatch, 0.15, execution={"chunk_size": 4})
    seen, sizes = [], []

    def next_one(now, n_workers):
        sizes.append(n_workers)
        if n_workers == 2:  # until both have recorded something
            done = [chunk for chunk in chunks_of(session) if chunk["state"] == "completed"]
            return 1 if len({chunk["worker"] for chunk in done}) == 2 else 2
        if 2 not in sizes:
            return 2
        until.touch()
        return 1

    monkeypatch.setattr(scaling, "LOOK_SECONDS", 0.1)
    monkeypatch.setattr(scaling, "next_size", next_one)
    monkeypatch.setattr("studies.runs.cluster.start_size", lambda now: 1)
    monkeypatch.setattr("studies.runs.load.usable_cpus", lambda: 2.0)
    with caplog.at_level(logging.DEBUG, logger="studies.runs"):
        progress = session.run(parallel="auto", on_progress=lambda now: seen.append(now.done))
    check_completed(session, undisturbed_results)
    assert progress.done == progress.done_here == seen[-1] == 432  # no report was lost
    notes = [entry["message"] for entry in table_rows(session, execution_log)]
    assert [note for note in notes if "workers, before" in note] == [
        "2 workers, before 1: the load of the host changed",
        "1 workers, before 2: the load of the host changed",
    ]
    chunks = chunks_of(session)
    assert len({chunk["worker"] for chunk in chunks if chunk["worker"]}) == 2
    assert until.exists()
    # given back in order: no chunk was claimed a second time because its worker went
    assert {chunk["crashes"] for chunk in chunks} == {0}
    assert "could not" not in caplog.text


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize(("cpus", "runner"), [(1.5, "run_session"), (2.0, "run_on_cluster")])
def test_one_processor_is_a_run_in_the_process(make_session, monkeypatch, cpus, runner):
    called = []
    monkeypatch.setattr(load, "usable_cpus", lambda: cpus)
    for name in ("run_session", "run_on_cluster"):
        monkeypatch.setattr(
            f"studies.runs.{name}", lambda *_, name=name, **__: called.append(name), raising=False
        )
    session = make_session(size=5)
    Session.run(session, parallel="auto")
    make_session(size=5, execution={"parallel": "auto"}).run()
    assert called == [runner] * 2
