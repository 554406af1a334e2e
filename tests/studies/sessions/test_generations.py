"""Genetic sessions: the same generations and results, whoever works on them and dies."""

import json
import random

import numpy as np
import pytest
import sqlalchemy as sa

from objectives import BacktestSettings
from search_spaces.errors import ConfigError, SessionError, SpaceError
from studies import Session
from studies.analysis.export import export_results
from studies.cli.app import run
from studies.database.engine import database_clock
from studies.database.tables import search_generations, work_chunks
from studies.database.transactions import WritePacer, write_transaction
from studies.methods.genetic import GeneticOptions, GeneticSearch
from studies.planning.creation import complete_plans
from studies.runs.run import is_over
from studies.runs.stop import Stop
from studies.upkeep.deletion import delete_failed, delete_session
from studies.upkeep.retries import retry_failed
from studies.upkeep.status import read_status
from studies.workers.factory import make_worker
from studies.workers.work_report import WorkReport
from tests.helpers.sessions import (
    check_completed,
    chunks_of,
    make_config,
    queue_of,
    results_of,
    stock_study,
    table_rows,
    url_of,
)

ON_SQLITE = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
SLOWLY_ON_POSTGRESQL = pytest.mark.parametrize(
    "database", ["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)], indirect=True
)
OPTIONS = {
    "initial_size": 8,
    "generation_size": 5,
    "population_size": 6,
    "restart_after": 5,
    "restart_size": 6,
}
SIZE = 40


def options_of(**changes):
    """Arguments of a session of 40 strategies with a restart in it."""
    methods = {"genetic": {**OPTIONS, **changes.pop("genetic", {})}}
    return {"method": "genetic", "size": SIZE, "seed": 3, "methods": methods, **changes}


def told_of(session):
    """Generations of a session: positions, points, and what they were bred from."""
    return [
        (
            row["position_start"],
            row["position_stop"],
            json.loads(row["points"]),
            json.loads(row["bred_from"]),
        )
        for row in table_rows(session, search_generations, "generation")
    ]


def points_of(session):
    return [point for _, _, points, _ in told_of(session) for point in points]


def check_genetic(session):
    """Assert that a session is over and all its tables agree; return what it found."""
    results, generations = results_of(session), told_of(session)
    check_completed(session, results)
    ends = [0, *(stop for _, stop, _, _ in generations)]
    assert [start for start, *_ in generations] == ends[:-1]
    assert ends[-1] == session.row.total == len(results)
    assert all(stop - start == len(points) for start, stop, points, _ in generations)
    points = points_of(session)
    assert len(set(points)) == len(points)
    names = session.space.strategy_ids(points)
    assert sorted(names) == [row["strategy_id"] for row in results]
    assert [told["state"]["generation"] for *_, told in generations] == list(
        range(len(generations))
    )
    return generations, results


@pytest.fixture(scope="module")
def reference(databases, market):
    """Generations and results of a session that one process worked through undisturbed."""
    url = databases.copy(market)
    options = options_of()
    methods = options.pop("methods")
    session = Session.create(make_config(url, methods=methods), **options)
    session.run()
    found = told_of(session), results_of(session)
    session.engine.dispose()
    yield found
    databases.drop(url)


def test_a_session_from_beginning_to_end(make_session, reference):
    session = make_session(**options_of(), notes="why")
    assert (session.row.mode, session.row.method) == ("genetic", "genetic")
    assert (session.row.total, session.row.status, session.row.seed) == (SIZE, "created", 3)
    assert queue_of(session) == []
    assert [c["position_stop"] for c in chunks_of(session)] == [0]
    seen = []
    progress = session.run(on_progress=lambda p: seen.append(p.done))
    assert check_genetic(session) == reference
    assert seen == sorted(set(seen))
    assert seen[-1] == progress.done == SIZE
    assert progress.best_id == session.top(1).iloc[0]["strategy_id"]
    trials = stock_study(session).trials
    names = session.space.strategy_ids(points_of(session))
    assert [t.user_attrs["strategy_id"] for t in trials] == names
    assert session.row.completed_at is not None
    assert is_over(session)
    assert session.run().done_here == 0


@SLOWLY_ON_POSTGRESQL
def test_generations_are_those_of_a_search(make_session, reference):
    """The tables hold what `GeneticSearch` says when it is asked and told directly."""
    generations, results = reference
    session = make_session(**options_of())
    values = {row["strategy_id"]: row["net_sharpe_ratio"] for row in results}
    search = GeneticSearch(session.space, GeneticOptions(**OPTIONS), seed=session.slots.seed)
    for start, _, points, bred_from in generations:
        asked = search.ask(SIZE - start)
        assert asked.tolist() == points
        assert search.snapshot() == bred_from
        told = [values[name] for name in session.space.strategy_ids(asked)]
        search.tell(asked, np.array(told, dtype=float)[:, None])
    assert [len(points) for _, _, points, _ in generations][:3] == [8, 5, 5]
    designed = [told["state"]["designed"] for *_, told in generations]
    assert max(designed) > 8  # there was a restart
    assert None in values.values()


@ON_SQLITE
def test_a_generation_is_read_in_parts(make_session, reference, monkeypatch):
    """No database takes any number of values in a statement."""
    monkeypatch.setattr("studies.database.bulk_insert.IDS_PER_STATEMENT", 2)
    session = make_session(**options_of())
    session.run()
    assert check_genetic(session) == reference


@SLOWLY_ON_POSTGRESQL
@pytest.mark.parametrize("chunk_size", [1, 3, 100])
def test_the_size_of_chunks_changes_nothing(make_session, reference, chunk_size):
    session = make_session(**options_of(), execution={"chunk_size": chunk_size})
    session.run()
    assert check_genetic(session) == reference
    largest = max(c["position_stop"] - c["position_start"] for c in chunks_of(session))
    assert largest == min(chunk_size, 8)


@SLOWLY_ON_POSTGRESQL
def test_chunks_are_half_a_generation_where_nothing_is_said(make_session):
    session = make_session(**options_of(genetic={"generation_size": 9}), execution={})
    assert session.row.snapshot.chunk_size == 5


def workers_of(session, n):
    """Workers as in processes of their own: each with a session and a connection."""
    made = []
    for _ in range(n):
        own = Session.open(url_of(session), session.row.session_id)
        pacer = WritePacer(own.engine)
        made.append(make_worker(own, own.objective(), pacer))
    return made


def close(workers):
    for worker in workers:
        worker.close()
        worker.session.engine.dispose()


@SLOWLY_ON_POSTGRESQL
@pytest.mark.parametrize("chunk_size", [1, 3])
def test_two_workers_step_by_step(make_session, reference, chunk_size):
    session = make_session(**options_of(), execution={"chunk_size": chunk_size})
    workers = workers_of(session, 2)
    while not is_over(session):
        for worker in workers:
            worker.step()
    close(workers)
    assert check_genetic(session) == reference
    assert len({c["worker"] for c in chunks_of(session)}) == 2


def expire(session, worker=None):
    running = work_chunks.c.state == "running"
    mine = sa.true() if worker is None else work_chunks.c.worker == worker.name
    with write_transaction(session.engine) as connection:
        connection.execute(
            work_chunks.update()
            .where(running, mine)
            .values(lease_expires_at=database_clock() - 1.0)
        )


@SLOWLY_ON_POSTGRESQL
@pytest.mark.parametrize(
    "seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(1, 4))]
)
def test_three_workers_in_any_order_some_of_which_die(make_session, reference, seed):
    rng = random.Random(seed)
    session = make_session(**options_of(), execution={"chunk_size": 2})
    workers = workers_of(session, 3)
    while not is_over(session):
        number = rng.randrange(3)
        if rng.random() < 0.1:  # dies with what it holds, and another one begins
            expire(session, workers[number])
            workers[number].held = None
            close([workers[number]])
            (workers[number],) = workers_of(session, 1)
        workers[number].step(claim_next=lambda: rng.random() < 0.7)
    close(workers)
    assert check_genetic(session) == reference


@pytest.mark.slow
def test_two_processes_through_dask(make_session, reference):
    session = make_session(**options_of(), execution={"chunk_size": 2})
    session.run(parallel=2)
    assert check_genetic(session) == reference


class Recording:
    """Events of a run in their order, as the fuse of the nursery counts them."""

    def __init__(self):
        self.events = []

    def statement(self, connection, cursor, statement, *rest):
        self.events.append(statement)

    def commit(self, connection):
        self.events.append("commit")

    def run(self, session):
        own = Session.open(url_of(session), session.row.session_id)
        objective = own.objective()
        evaluate = objective.evaluate

        def noted(points):
            self.events.append("evaluate")
            return evaluate(points)

        objective.evaluate = noted
        sa.event.listen(sa.Engine, "after_cursor_execute", self.statement)
        sa.event.listen(sa.Engine, "commit", self.commit)
        try:
            own.run(
                resume=True,
                objective=objective,
                on_progress=lambda progress: self.events.append("progress"),
            )
        finally:
            sa.event.remove(sa.Engine, "after_cursor_execute", self.statement)
            sa.event.remove(sa.Engine, "commit", self.commit)
            own.engine.dispose()
        return self.events

    def nth(self, n, *kinds):
        """Number of the event at which the n-th of a kind happened, then of the next kind."""
        found = 0
        for kind in kinds:
            places = [k for k, event in enumerate(self.events, start=1) if kind in event]
            found, n = [place for place in places if place > found][n - 1], 1
        return found


@pytest.fixture(scope="module")
def recorded(databases, market):
    """Events of the reference session."""
    url = databases.copy(market)
    options = options_of()
    session = Session.create(make_config(url, methods=options.pop("methods")), **options)
    recording = Recording()
    recording.run(session)
    session.engine.dispose()
    yield recording
    databases.drop(url)


ANY, BRED = "", "INSERT INTO search_generations"
CLOSED = "UPDATE tuning_sessions SET status"
DEATHS = {
    "after the first claim": (1, ["UPDATE work_chunks"], 0),
    "in the first breeding": (1, [BRED], 0),
    "after the first breeding": (1, [BRED, "commit", ANY], 1),
    "in a breeding": (3, [BRED], 2),
    "after its queue was written": (3, [BRED, "SELECT max(work_chunks"], 2),
    "after its chunks were written": (3, [BRED, "SELECT max(work_chunks", ANY], 2),
    "after a breeding": (3, [BRED, "commit", ANY], 3),
    "before a chunk is evaluated": (3, [BRED, "evaluate"], 3),
    "in the transaction of results": (3, [BRED, "hyperparameter_tuning_results"], 3),
    "after the transaction of results": (3, [BRED, "progress"], 3),
    "while the session is closed": (2, [CLOSED], None),
}
"""Which event of its kind, then the first one of another kind; generations that are left."""


SOME = ("in a breeding", "after a breeding", "in the transaction of results")


@pytest.mark.parametrize(
    ("database", "death"),
    [
        *(("sqlite", death) for death in DEATHS),
        *(
            pytest.param("postgresql", death, marks=() if death in SOME else pytest.mark.slow)
            for death in DEATHS
        ),
    ],
    indirect=["database"],
    scope="session",  # as the fixture: others of its database are kept
)
def test_killed_and_resumed(make_session, nursery, recorded, reference, death):
    n, kinds, n_generations = DEATHS[death]
    session = make_session(**options_of())
    after = recorded.nth(n, *kinds)
    job = nursery.do("run", url_of(session), session=session.row.session_id, after=after)
    assert job["code"] == -9
    assert session.refresh().status == "running"
    assert n_generations in (None, len(told_of(session)))
    session.run(resume=True)
    assert check_genetic(session) == reference


@ON_SQLITE
@pytest.mark.slow
@pytest.mark.parametrize("part", range(2))
def test_killed_anywhere_and_resumed(make_session, nursery, recorded, reference, part):
    for after in range(1 + 16 * part, len(recorded.events), 32):
        session = make_session(**options_of())
        job = nursery.do("run", url_of(session), session=session.row.session_id, after=after)
        assert job["code"] == -9
        session.run(resume=True)
        assert check_genetic(session) == reference, f"killed after event {after}"


@SLOWLY_ON_POSTGRESQL
def test_killed_again_and_again(make_session, nursery, reference):
    session = make_session(**options_of())
    n_kills = 0
    while True:
        job = nursery.do("run", url_of(session), session=session.row.session_id, after=90)
        if job["code"] == 0:
            break
        assert job["code"] == -9
        n_kills += 1
        assert n_kills < 60, "no progress"
    assert n_kills > 2
    assert check_genetic(session) == reference


@SLOWLY_ON_POSTGRESQL
def test_paused_and_resumed(make_session, reference):
    session = make_session(**options_of(), execution={"chunk_size": 2})
    for _ in range(5):
        stop = Stop()
        session.run(resume=True, stop=stop, on_progress=lambda progress, s=stop: s.set())
        assert session.row.status == "paused"
        assert {c["state"] for c in chunks_of(session)} <= {"completed", "pending"}
    with pytest.raises(SessionError, match="is paused; go on with"):
        session.run()
    session.run(resume=True)
    assert check_genetic(session) == reference


def test_a_breeding_that_was_taken_over_writes_nothing(make_session, reference):
    session = make_session(**options_of())
    slow, other = workers_of(session, 2)
    slow.held = slow.task.claim()
    assert slow.held.finishing
    expire(session)
    assert other.step() == WorkReport()
    assert other.held is not None
    assert slow.step() == WorkReport()
    assert slow.held is None
    assert len(told_of(session)) == 1
    close([slow, other])
    session.run()
    assert check_genetic(session) == reference


@SLOWLY_ON_POSTGRESQL
def test_the_end_is_taken_over_too(make_session, reference):
    """Two workers that hold the last chunk at the end: the session is closed once."""
    session = make_session(**options_of())
    slow, other = workers_of(session, 2)
    while True:
        slow.step()
        if session.refresh().completed + session.row.failed == SIZE:
            break
    slow.held = slow.held or slow.task.claim()
    assert slow.held.finishing
    expire(session)
    assert other.step() == WorkReport()
    assert session.refresh().status == "completed"
    assert slow.step() == WorkReport()
    close([slow, other])
    assert check_genetic(session) == reference


@SLOWLY_ON_POSTGRESQL
@pytest.mark.parametrize("moment", ["insert", "claim"])
def test_a_breeding_that_fails_is_rolled_back(make_session, reference, monkeypatch, moment):
    from studies.queue import chunks
    from studies.sessions import generations

    session = make_session(**options_of())
    stop = Stop()
    session.run(stop=stop, on_progress=lambda progress: stop.set())
    owner, name = {
        "insert": (generations.Generations, "insert"),
        "claim": (chunks, "insert_chunks"),
    }[moment]
    before = told_of(session)

    def full(*args, **options):
        raise ZeroDivisionError("odd")

    with monkeypatch.context() as patch:
        patch.setattr(owner, name, full)
        with pytest.raises(ZeroDivisionError, match="odd"):
            session.run(resume=True)
    assert session.refresh().status == "failed"
    assert told_of(session) == before
    assert len(queue_of(session)) == len(points_of(session))
    assert {c["state"] for c in chunks_of(session)} == {"completed", "pending"}
    session.run(resume=True)
    assert check_genetic(session) == reference


TINY = {
    "factors": ["SR", "DD"],
    "window_size": ["5", "10"],
    "rebalance_frequency": ["1", "7"],
    "data_period": ["10"],
    "selection_count": ["3"],
    "weight_method": ["EQ", "FS"],
}
"""16 strategies."""


@SLOWLY_ON_POSTGRESQL
def test_a_budget_beyond_the_space_is_the_whole_space(make_session):
    session = make_session(**options_of(size=1000, restrictions=TINY))
    assert session.row.total == len(session.space) == 16
    (note,) = [w for w in session.row.snapshot.warnings if "1,000" in w]
    assert "only 16 distinct points" in note
    session.run()
    check_genetic(session)
    assert sorted(points_of(session)) == list(range(16))


@ON_SQLITE
def test_constraints_are_obeyed(make_session):
    rules = ["window_size <= data_period", "size(factors) <= 1"]
    session = make_session(**options_of(constraints=rules, size=500))
    session.run()
    check_genetic(session)
    assert session.row.total == len(session.space) < 432
    assert all(row["window_size"] <= row["data_period"] for row in results_of(session))
    assert all("," not in row["factors"] for row in results_of(session))


@ON_SQLITE
@pytest.mark.parametrize("size", [1, 4, 8, 9])
def test_small_budgets_are_met_exactly(make_session, size):
    session = make_session(**options_of(size=size))
    session.run()
    check_genetic(session)
    assert len(results_of(session)) == size


def test_it_begins_with_the_best_of_another_session(make_session):
    source = make_session(method="random", size=60, seed=5)
    source.run()
    best = source.top(4)["strategy_id"].tolist()
    other = options_of(start_from=source.row.session_id, n_start=4)
    session = make_session(**other)
    session.run()
    check_genetic(session)
    names = session.space.strategy_ids(points_of(session))
    assert names[:4] == best
    first = told_of(session)[0]
    assert first[1] == 8  # the design fills up what they leave
    few = make_session(**{**other, "size": 2})
    few.run()
    assert few.space.strategy_ids(points_of(few)) == best[:2]


@ON_SQLITE
def test_the_best_of_another_session_obey_the_constraints(make_session):
    source = make_session()
    source.run()
    rules = ["window_size < data_period", "size(factors) <= 1"]
    session = make_session(
        **options_of(start_from=source.row.session_id, n_start=6, constraints=rules)
    )
    session.run()
    check_genetic(session)
    assert all(row["window_size"] < row["data_period"] for row in results_of(session))


TWO = {"net_sharpe_ratio": "maximize", "max_drawdown": "minimize"}


def test_two_objectives(make_session):
    options = options_of(genetic={"population_size": 40, "restart_after": 0}, size=60)
    options |= {"objective": {"metrics": TWO}, "restrictions": {"data_period": ["10"]}}
    session = make_session(**options)
    session.run()
    check_genetic(session)
    *_, (start, _, _, bred_from) = told_of(session)
    rows = {row["strategy_id"]: row for row in results_of(session)}
    older = session.space.strategy_ids(points_of(session)[:start])
    values = {tuple(rows[name][metric] for metric in TWO) for name in older}
    front = {p for p in values if not any(q != p and q[0] >= p[0] and q[1] <= p[1] for q in values)}
    parents = {tuple(told) for _, *told in bred_from["parents"]}
    assert 1 < len(front) <= 40
    assert front <= parents
    study = stock_study(session)
    assert [d.name for d in study.directions] == ["MAXIMIZE", "MINIMIZE"]
    workers = make_session(**options, execution={"chunk_size": 1})
    workers.run()
    assert told_of(workers) == told_of(session)


@ON_SQLITE
@pytest.mark.parametrize("selection", ["nsga3", "spea2"])
def test_the_selection_is_an_option_of_sessions(make_session, selection):
    found = {}
    for chosen in ("nsga2", selection):
        session = make_session(
            **options_of(genetic={"selection": chosen}),
            objective={"metrics": TWO},
            restrictions={"data_period": ["10"]},
        )
        session.run()
        found[chosen] = check_genetic(session)[0]
    assert found["nsga2"] != found[selection]


def test_positions_that_are_not_bred_yet(make_session):
    session = make_session(**options_of())
    assert session.design.indices().tolist() == []
    with pytest.raises(SpaceError, match=r"stop <= 0, which are bred so far; got start=0, stop=5"):
        session.design.indices(0, 5)
    session.run()
    design = Session.open(url_of(session), session.row.session_id).design
    points = points_of(session)
    assert design.indices().tolist() == points
    for start, stop in ((0, 8), (3, 4), (7, 9), (6, 31), (40, 40)):
        assert design.indices(start, stop).tolist() == points[start:stop]
    for start, stop in ((0, 41), (5, 3), (-1, 3)):
        with pytest.raises(SpaceError, match=f"got start={start}, stop={stop}$") as error:
            design.indices(start, stop)
        assert "\n" not in str(error.value)
    assert design.size == SIZE
    assert design.breed() is None


@SLOWLY_ON_POSTGRESQL
def test_a_search_in_which_every_strategy_fails_spends_its_budget(make_session, monkeypatch):
    monkeypatch.setattr(BacktestSettings, "refuse_hopeless", lambda *args: None)
    session = make_session(**options_of(restrictions={"data_period": ["140"]}))
    session.run()
    check_genetic(session)
    assert (session.row.completed, session.row.failed) == (0, SIZE)
    assert read_status(session, detailed=True).failures == {"insufficient_data": SIZE}
    assert all(told["parents"] == [] for *_, told in told_of(session))


def test_a_large_session_has_a_sample_and_the_best(make_session, reference):
    study = {"all_up_to": 5, "sample": 6, "running_best": 2, "final_best": 7}
    session = make_session(**options_of(), study=study)
    session.run()
    generations, results = told_of(session), results_of(session)
    assert (generations, results) == reference
    assert session.row.status == "completed"
    trials = stock_study(session).trials
    names = {trial.user_attrs["strategy_id"] for trial in trials}
    assert 7 <= len(names) == len(trials) < SIZE
    assert set(session.top(7)["strategy_id"]) <= names
    sampled = {i * SIZE // 6 for i in range(6)}
    points = points_of(session)
    measured = {row["strategy_id"] for row in results if row["net_sharpe_ratio"] is not None}
    sample = stock_study(session, session.studies.sample)
    assert {trial.user_attrs["strategy_id"] for trial in sample.trials} == measured & set(
        session.space.strategy_ids([points[k] for k in sampled])
    )
    attributes = sample._storage.get_study_system_attrs(sample._study_id)
    notes = [value for key, value in attributes.items() if key.startswith("dashboard:note_str")]
    assert "hold for what it tried, not for the whole space" in "".join(notes)


def test_what_failed_is_tried_again(make_session, reference):
    session = make_session(**options_of())
    session.run()
    n_failed = session.row.failed
    assert retry_failed(session) == n_failed > 0
    assert (session.row.status, session.row.failed) == ("paused", 0)
    session.run(resume=True)
    assert (told_of(session), results_of(session)) == reference
    assert session.row.status == "completed"
    assert (session.row.failed, session.row.completed) == (n_failed, SIZE - n_failed)
    assert {q["retry_count"] for q in queue_of(session)} == {0, 1}


@ON_SQLITE
def test_what_failed_is_tried_again_in_the_middle(make_session, reference):
    session = make_session(**options_of())
    stop = Stop()
    session.run(stop=stop, on_progress=lambda progress: stop.set() if progress.done > 20 else None)
    assert retry_failed(session) > 0
    session.run(resume=True)
    assert (told_of(session), results_of(session)) == reference
    assert session.row.status == "completed"


@ON_SQLITE
def test_rows_of_failed_strategies_may_be_deleted_on_the_way(make_session, reference):
    session = make_session(**options_of())
    stop = Stop()
    session.run(stop=stop, on_progress=lambda progress: stop.set() if progress.done > 20 else None)
    n_deleted = delete_failed(session.engine, session.row.session_id)
    assert n_deleted == session.row.failed > 0
    session.run(resume=True)
    generations, results = reference
    assert told_of(session) == generations
    left = results_of(session)
    assert len(left) == SIZE - n_deleted
    assert all(row in results for row in left)
    assert session.row.status == "completed"


def test_a_deleted_session_leaves_no_generations(make_session):
    session, other = make_session(**options_of()), make_session(**options_of(size=9))
    for each in (session, other):
        each.run()
    n_generations = len(told_of(other))
    assert delete_session(session.engine, session.row.session_id) == SIZE
    for table in (search_generations, work_chunks):
        assert table_rows(session, table) == []
    assert queue_of(session) == results_of(session) == []
    assert len(told_of(other)) == n_generations > 0
    check_genetic(other)


@ON_SQLITE
def test_results_can_be_exported(make_session, tmp_path):
    session = make_session(**options_of())
    session.run()
    assert export_results(session, tmp_path / "all.csv") == SIZE


def test_a_plan_that_was_interrupted_is_completed(make_session, url, monkeypatch, reference):
    from studies.planning import write_plan as planning

    def interrupted(*args):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(planning, "_write_chunks", interrupted)
        with pytest.raises(KeyboardInterrupt):
            make_session(**options_of())
    engine = make_session(size=5).engine
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE work_chunks SET lease_expires_at = 0")
    (session_id,) = complete_plans(engine)
    session = Session.open(url, session_id)
    session.run()
    assert check_genetic(session) == reference
    session.engine.dispose()


class Poisoned:
    """An objective that raises where a poisonous strategy is among its points."""

    def __init__(self, objective, poison):
        self._objective, self.poison = objective, set(poison)

    def __getattr__(self, name):
        return getattr(self._objective, name)

    def evaluate(self, points):
        if self.poison & set(np.asarray(points).tolist()):
            raise RuntimeError("division of nothing")
        return self._objective.evaluate(points)


@SLOWLY_ON_POSTGRESQL
def test_a_poisonous_strategy_fails_alone_and_has_no_offspring(make_session, reference):
    first = reference[0][0][2]
    found = []
    for chunk_size in (1, 4):
        session = make_session(**options_of(), execution={"chunk_size": chunk_size})
        session.run(objective=Poisoned(session.objective(), first[2:3]))
        found.append(check_genetic(session))
        labels = {label for *_, told in told_of(session) for label, *_ in told["parents"]}
        assert first[2] not in labels
    assert found[0][0] == found[1][0] != reference[0]
    (queued,) = [q for q in queue_of(session) if (q["error_message"] or "").startswith("error")]
    assert queued["error_message"] == "error: RuntimeError: division of nothing"


@ON_SQLITE
def test_an_objective_that_always_raises_stops_the_session(make_session, reference):
    session = make_session(**options_of())
    with pytest.raises(SessionError, match=r"every strategy of a chunk raised.*of nothing"):
        session.run(objective=Poisoned(session.objective(), range(432)))
    assert session.refresh().status == "failed"
    session.run(resume=True)
    assert check_genetic(session) == reference


@ON_SQLITE
def test_what_another_session_knows_is_looked_up(make_session, reference):
    execution = {"chunk_size": 3, "reuse": True}
    for attempt in range(2):
        session = make_session(**options_of(), execution=execution)
        poison = range(432) if attempt else ()
        session.run(objective=Poisoned(session.objective(), poison))
        assert check_genetic(session) == reference
    assert all(trial.user_attrs["cached"] for trial in stock_study(session).trials)


def test_bad_plans_create_nothing(url):
    one, two = {"net_sharpe_ratio": "maximize"}, TWO
    cases = [
        ({}, one, {"size": None}, "genetic needs a size"),
        ({}, one, {"size": 0}, "the size is at least 1, got 0"),
        ({"selection": "tournament"}, two, {}, "tournament compares by one metric, got 2"),
        ({"selection": "nsga3"}, one, {}, "nsga3 is for several metrics, got one"),
        ({}, one, {"start_from": "session_x"}, "no session 'session_x'"),
    ]
    for genetic, metrics, options, message in cases:
        config = make_config(url, methods={"genetic": genetic}, objective={"metrics": metrics})
        with pytest.raises((ConfigError, SessionError), match=message) as error:
            Session.create(config, **{"method": "genetic", "size": 9, **options})
        assert "\n" not in str(error.value)
    with pytest.raises(SessionError, match="there is no session yet"):
        Session.open(url)


@ON_SQLITE
def test_the_commands(url, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)

    def command(*args):
        capfd.readouterr()
        code = run([*args, "--database", url])
        told = capfd.readouterr()
        assert code == 0, told.err
        return told.out

    small = [f"{name}={','.join(values)}" for name, values in TINY.items() if name != "factors"]
    restrictions = [word for each in ("factors=SR,DD,TR,SR_DD", *small) for word in ("--set", each)]
    generate = ["generate", "--mode", "genetic", "--seed", "3", *restrictions]
    dates = ["--start-date", "2024-01-11", "--backtest", "min_active_days=30"]
    told = json.loads(command(*generate, *dates, "--size", "30", "--json"))
    assert (told["mode"], told["method"], told["total"]) == ("genetic", "genetic", 30)
    assert (told["space_size"], told["status"], told["seed"]) == (32, "created", 3)
    session_id = told["session_id"]
    assert "0 of 30" in command("status", "--session", session_id)
    done = json.loads(command("execute", "--session", session_id, "--json"))
    assert (done["status"], done["completed"] + done["failed"]) == ("completed", 30)
    shown = json.loads(command("status", "--session", session_id, "--json", "--detailed"))
    assert (shown["mode"], shown["completed"]) == ("genetic", done["completed"])
    assert "genetic, seed 3" in command("status", "--session", session_id)
    top = json.loads(command("top", "--session", session_id, "-n", "3", "--json"))
    session = Session.open(url, session_id)
    check_genetic(session)
    best = session.top(3)["strategy_id"].tolist()
    assert [row["strategy_id"] for row in top["strategies"]] == best
    command("export", "--session", session_id, "-o", "all.csv")
    assert len((tmp_path / "all.csv").read_text().splitlines()) == 31
    whole = json.loads(command(*generate, *dates, "--size", "60", "--json", "--from", session_id))
    assert whole["total"] == 32
    assert any("only 32 distinct points" in warning for warning in whole["warnings"])
    assert whole["warm_start"][:3] == best
    done = json.loads(command("execute", "--session", whole["session_id"], "--json"))
    assert done["completed"] + done["failed"] == 32
    command("clean", "--session", session_id, "--yes")
    with session.engine.connect() as connection:
        left = connection.execute(sa.select(search_generations.c.session_id).distinct())
        assert left.scalars().all() == [whole["session_id"]]
    session.engine.dispose()
