"""What is looked up is what would have been computed, bit for bit, or it is not looked up."""

import contextlib
import json
from typing import ClassVar

import numpy as np
import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from objectives import BacktestSettings, Batch, FactorBacktest, ReturnPanel
from objectives import factors as factor_module
from objectives.base import Objective
from objectives.factor_backtest import INSUFFICIENT_DATA, NO_MARKET_CAPS, UNDEFINED_METRIC
from search_spaces import SearchSpace
from studies import Session
from studies.database.tables import hyperparameter_tuning_results, tuning_sessions, utc_now
from studies.database.transactions import write_transaction
from studies.market import import_panel
from studies.outcomes.outcome import Outcome
from studies.outcomes.row_writer import RowWriter
from studies.runs.stop import Stop
from studies.sessions.prepared_database import open_database
from studies.workers.known_outcomes import KnownOutcomes
from tests.helpers import sessions as helpers
from tests.helpers.sessions import BACKTEST, PARAMETERS

# A held pair leaves late, so that some strategies never close a position and lack a figure.
LOOSE = {**BACKTEST, "exit_threshold": 8, "split_date": "2024-04-20"}
RETURN = {"metrics": {"total_return": "maximize"}}
HOLDING = {"metrics": {"avg_holding_days": "maximize"}}
BOTH = {"metrics": {"total_return": "maximize", "avg_holding_days": "minimize"}}
ON_SQLITE = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
_results = hyperparameter_tuning_results


class Counting:
    """An objective that notes the points it is asked for."""

    def __init__(self, objective):
        self.objective, self.asked = objective, []

    def evaluate(self, points):
        self.asked += [int(point) for point in points]
        return self.objective.evaluate(points)


REUSING = {"chunk_size": 20, "reuse": True}


def make_config(url, **sections):
    return helpers.make_config(url, **{"execution": REUSING, **sections})


@pytest.fixture
def make_session(make_session):
    return lambda **options: make_session(**{"execution": REUSING, **options})


def same(one, other):
    """Assert that two batches are equal in every bit, whatever the bits of NaN."""
    assert one.names == other.names
    assert one.failure == other.failure
    for left, right in ((one.values, other.values), (one.objective, other.objective)):
        assert left.dtype == right.dtype == np.float64
        assert left.shape == right.shape
        holes = np.isnan(left)
        np.testing.assert_array_equal(holes, np.isnan(right))
        assert np.where(holes, 0.0, left).tobytes() == np.where(holes, 0.0, right).tobytes()


def every(session):
    return np.arange(len(session.space))


def known_of(session, **options):
    """What is known for a session, by its own objective."""
    return KnownOutcomes(session, session.objective(), **options)


def n_found(known):
    return int(known.find(every(known.session)).found.sum())


def of_ids(session, ids):
    return np.array([session.space.index(session.space.parse(name)) for name in ids])


def update_results(session, strategy_id, **values):
    with write_transaction(session.engine) as connection:
        changed = connection.execute(
            _results.update()
            .where(
                _results.c.session_id == session.row.session_id,
                _results.c.strategy_id == strategy_id,
            )
            .values(**values)
        )
    assert changed.rowcount == 1


def some_id(session, *, failed):
    """Id of a strategy of a session that failed, or that did not."""
    with session.engine.connect() as connection:
        query = sa.select(_results.c.strategy_id).where(
            _results.c.session_id == session.row.session_id,
            _results.c.raw_result.is_not(None) if failed else _results.c.raw_result.is_(None),
        )
        return connection.execute(query.order_by(_results.c.strategy_id)).scalars().first()


@contextlib.contextmanager
def queries_of(engine):
    """Collect the queries that the engine executes."""
    seen = []

    def note(connection, cursor, statement, *rest):
        if statement.startswith("SELECT"):
            seen.append(statement)

    sa.event.listen(engine, "before_cursor_execute", note)
    yield seen
    sa.event.remove(engine, "before_cursor_execute", note)


@pytest.fixture
def pair(make_session):
    """A completed session, and one of other metrics that may look up in it."""
    source = make_session(backtest=LOOSE, objective=HOLDING)
    source.run()
    return source, make_session(backtest=LOOSE, objective=RETURN)


@pytest.fixture(scope="module")
def history(databases, market):
    """A session that shares strategies with finished and paused ones of other spaces, and more."""
    url = databases.copy(market)
    sessions = []

    def make(*, size=None, seed=0, stop_at=None, backtest=LOOSE, objective=RETURN, **parameters):
        config = make_config(
            url,
            parameters={**PARAMETERS, **parameters},
            backtest=backtest,
            objective=objective,
        )
        method = "random" if size else "exhaustive"
        session = Session.create(config, method=method, size=size, seed=seed)
        sessions.append(session)
        stop = Stop()
        session.run(
            stop=stop, on_progress=lambda p: stop.set() if stop_at and p.done >= stop_at else None
        )
        return session

    turned = {"subsets": ["TR", "SR", "ST"], "max_size": 2}
    make(size=150, objective=HOLDING)
    make(size=120, seed=1, stop_at=60, factors=turned, window_size={"choice": [5, 20, 30]})
    assert sessions[-1].row.status == "paused"
    make(backtest={**LOOSE, "fee_rate": 0.01})  # other figures of the same strategies
    config = make_config(
        url,
        parameters={**PARAMETERS, "window_size": {"choice": [5, 10, 20, 30]}},
        backtest=LOOSE,
        objective=BOTH,
    )
    reader = Session.create(config)
    yield reader, reader.objective(), known_of(reader)
    for session in (*sessions, reader):
        session.engine.dispose()
    databases.drop(url)


def test_the_history_has_every_kind(history):
    reader, objective, known = history
    assert len(known.sources) == 2
    looked_up = known.find(every(reader))
    assert 150 < looked_up.found.sum() < len(reader.space) / 2
    assert {*looked_up.batch.failure} == {None, INSUFFICIENT_DATA, UNDEFINED_METRIC}
    same(looked_up.batch, objective.evaluate(every(reader)[looked_up.found]))


@settings(deadline=None, max_examples=40)
@given(points=st.lists(st.integers(0, 575), max_size=40))
def test_known_and_unknown_together_are_what_the_objective_says(history, points):
    _, objective, known = history
    indices = np.array(points, dtype=np.int64)
    counting = Counting(objective)
    looked_up = known.find(indices)
    batch, cached = looked_up.completed(indices, counting.evaluate), looked_up.found
    same(batch, objective.evaluate(indices))
    np.testing.assert_array_equal(cached, known.find(indices).found)
    assert counting.asked == indices[~cached].tolist()


def test_a_strategy_that_failed_for_other_metrics_is_complete(pair):
    source, reader = pair
    known = known_of(reader)
    assert known.sources == (source.row.session_id,)
    before = source.objective().evaluate(every(source))
    batch = known.find(every(reader)).batch
    freed = [k for k, reason in enumerate(before.failure) if reason == UNDEFINED_METRIC]
    assert freed
    assert {batch.failure[k] for k in freed} == {None}
    assert np.isfinite(batch.objective[freed]).all()


def test_and_one_that_was_complete_fails_for_other_metrics(make_session):
    make_session(backtest=LOOSE, objective=RETURN).run()
    reader = make_session(backtest=LOOSE, objective=HOLDING)
    batch = known_of(reader).find(every(reader)).batch
    assert UNDEFINED_METRIC in batch.failure
    same(batch, reader.objective().evaluate(every(reader)))


def test_nothing_is_evaluated_when_all_are_known(pair):
    _, reader = pair
    looked_up = known_of(reader).find(every(reader))
    batch, cached = looked_up.completed(every(reader), None), looked_up.found
    assert cached.all()
    same(batch, reader.objective().evaluate(every(reader)))


def test_missing_market_caps_are_known(databases, panel, empty_url, monkeypatch):
    engine = open_database(empty_url)
    without_caps = ReturnPanel.from_returns(panel.to_frame())
    import_panel(without_caps, engine)
    engine.dispose()
    monkeypatch.setattr(FactorBacktest, "check", lambda self: None)  # it refuses such a session
    source, reader = (
        Session.create(make_config(empty_url, objective=objective), panel=without_caps)
        for objective in (RETURN, BOTH)
    )
    source.run()
    looked_up = known_of(reader).find(every(reader))
    assert looked_up.found.all()
    assert looked_up.batch.failure.count(NO_MARKET_CAPS) == len(reader.space) / 3
    same(looked_up.batch, reader.objective().evaluate(every(reader)))
    name = next(n for n in reader.space.strategy_ids(every(reader)) if n.endswith("_IC"))
    figures = dict.fromkeys(looked_up.batch.names) | {"active_days": 50.0}
    told = {"failure": NO_MARKET_CAPS, "metrics": figures}  # it was not run: there are none
    update_results(source, name, raw_result=json.dumps(told))
    assert not known_of(reader).find(of_ids(reader, [name])).found.any()
    for session in (source, reader):
        session.engine.dispose()


def test_failures_that_say_nothing_of_the_strategy_are_not_reused(pair):
    source, reader = pair
    name = some_id(source, failed=True)
    (known,) = known_of(reader).find(of_ids(reader, [name])).batch.values
    figures = dict(zip(known_of(reader)._names, known.tolist(), strict=True))
    for kind in ("timeout", "error", "crashed", "constraint"):
        told = {"failure": f"{kind}: something", "metrics": figures}
        update_results(source, name, raw_result=json.dumps(told))
        assert not known_of(reader).find(of_ids(reader, [name])).found.any(), kind
    assert n_found(known_of(reader)) == 431


def edited(change):
    def damage(raw):
        told = json.loads(raw)
        change(told)
        return json.dumps(told)

    return damage


DAMAGE = {
    "lost": lambda raw: None,
    "empty": lambda raw: "",
    "cut off": lambda raw: raw[:-20],
    "not a mapping": lambda raw: "[1, 2]",
    "no metrics": edited(lambda told: told.pop("metrics")),
    "null metrics": edited(lambda told: told.update(metrics=None)),
    "one figure fewer": edited(lambda told: told["metrics"].pop("turnover")),
    "a figure is null": edited(lambda told: told["metrics"].update(turnover=None)),
    "a figure is text": edited(lambda told: told["metrics"].update(turnover="much")),
    "a figure is a list": edited(lambda told: told["metrics"].update(turnover=[1.0])),
    "no float holds it": edited(lambda told: told["metrics"].update(turnover=10**400)),
    "no reason": edited(lambda told: told.pop("failure")),
    "an odd reason": edited(lambda told: told.update(failure=["insufficient_data"])),
    "enough data": edited(lambda told: told["metrics"].update(active_days=100.0)),
}


def test_damaged_rows_of_failures_are_not_used(pair):
    source, reader = pair
    name = next(
        name
        for name, reason in zip(
            reader.space.strategy_ids(every(reader)),
            known_of(reader).find(every(reader)).batch.failure,
            strict=True,
        )
        if reason == INSUFFICIENT_DATA
    )
    with source.engine.connect() as connection:
        raw = connection.execute(
            sa.select(_results.c.raw_result).where(_results.c.strategy_id == name)
        ).scalar_one()
    for damage in DAMAGE.values():
        update_results(source, name, raw_result=damage(raw))
        known = known_of(reader)
        assert not known.find(of_ids(reader, [name])).found.any(), damage(raw)
    assert n_found(known) == 431
    update_results(source, name, raw_result=raw)
    assert n_found(known) == 432


MAY_BE_NULL = (
    "avg_holding_days",
    "oos_avg_holding_days",
    "oos_total_return",
    "oos_annual_return",
    "oos_turnover",
)


def test_damaged_rows_of_results_are_not_used(pair):
    source, reader = pair
    name = some_id(source, failed=False)
    figures = known_of(reader)._names
    with source.engine.connect() as connection:
        row = connection.execute(sa.select(_results).where(_results.c.strategy_id == name)).one()
    for figure in figures:
        update_results(source, name, **{figure: None})
        known = known_of(reader)
        assert n_found(known) == (432 if figure in MAY_BE_NULL else 431), figure
        update_results(source, name, **{figure: row._mapping[figure]})
    update_results(source, name, active_days=3)  # then it would have failed
    assert n_found(known) == 431


def test_a_damaged_row_is_looked_up_in_the_next_session(make_session, pair):
    source, reader = pair
    twin = make_session(backtest=LOOSE, objective=RETURN)
    twin.run()
    name = some_id(twin, failed=False)
    for session in (source, twin):
        assert n_found(known_of(reader)) == 432
        update_results(session, name, raw_result="{", final_balance=None)
    assert n_found(known_of(reader)) == 431


def test_other_data_or_settings_are_not_looked_up(make_session, panel):
    reader = make_session(backtest=LOOSE)
    for changes in (
        {"fee_rate": 0.002},
        {"min_active_days": 31},
        {"end_date": "2024-06-01"},
        {"split_date": None},
    ):
        make_session(size=20, backtest={**LOOSE, **changes}).run()
    make_session(size=20, backtest=LOOSE, market={"pairs": list(panel.pairs[:11])}).run()
    assert known_of(reader).sources == ()
    make_session(size=20, backtest=LOOSE).run()
    assert len(known_of(reader).sources) == 1


def test_another_version_of_the_definition_is_not_looked_up(make_session, monkeypatch):
    make_session(size=20).run()
    monkeypatch.setattr("objectives.factor_backtest.objective.SEMANTICS_VERSION", 99)
    monkeypatch.setattr("studies.sessions.session_objective.SEMANTICS_VERSION", 99)
    monkeypatch.setattr("studies.planning.plan.SEMANTICS_VERSION", 99)
    assert known_of(make_session()).sources == ()


def test_what_the_measurement_fingerprint_is_of(panel):
    space = make_config("sqlite:///x.db").space()
    chosen = BacktestSettings(**BACKTEST)

    def of(**options):
        return FactorBacktest(panel, **{"settings": chosen, "space": space, **options})

    mark = of().measurement_fingerprint
    assert mark != of().fingerprint
    assert mark == of(metrics=("total_return",)).measurement_fingerprint
    assert mark == of(metrics={"net_sharpe_ratio": "minimize"}).measurement_fingerprint
    assert mark == of(space=space.restrict({"window_size": ["5"]})).measurement_fingerprint
    other = BacktestSettings(**{**BACKTEST, "fee_rate": 0.01})
    assert mark != of(settings=other).measurement_fingerprint


def test_the_setting_that_turns_it_off(make_session, pair):
    source, _ = pair
    reader = make_session(backtest=LOOSE, execution={"reuse": False})
    assert known_of(reader).sources == ()
    assert n_found(known_of(reader)) == 0
    reader = make_session(backtest=LOOSE, execution={"reuse": True})
    assert known_of(reader).sources == (source.row.session_id,)


def test_the_session_itself_only_on_request(make_session):
    session = make_session(size=40, execution={"reuse": False, "chunk_size": 20})
    session.run()
    assert n_found(known_of(session)) == 0
    own = known_of(session, own=True)
    done = session.design.indices(0, 40)
    assert own.find(done).found.all()
    assert n_found(own) == 40
    same(own.find(done).batch, session.objective().evaluate(done))


def test_without_a_source_nothing_is_asked(make_session):
    make_session(size=20)  # has no outcome yet
    reader = make_session(size=20)
    objective = reader.objective()
    with queries_of(reader.engine) as seen:
        known = KnownOutcomes(reader, objective)
        assert len(seen) == 1
        looked_up = known.find(every(reader))
        assert len(seen) == 1
    assert known.sources == ()
    assert not looked_up.found.any()
    assert len(looked_up.batch) == 0


def test_no_strategies_are_no_question(pair):
    _, reader = pair
    known = known_of(reader)
    nothing = np.array([], dtype=np.int64)
    with queries_of(reader.engine) as seen:
        looked_up = known.find(nothing)
    assert seen == []
    same(looked_up.batch, reader.objective().evaluate(nothing))


def test_sources_with_most_outcomes_first_and_no_more_than_needed(make_session):
    small, big = make_session(size=40), make_session()
    for session in (small, big):
        session.run()
    reader = make_session()
    known = known_of(reader)
    assert known.sources == (big.row.session_id, small.row.session_id)
    with queries_of(reader.engine) as seen:
        assert known.find(every(reader)).found.all()
        assert len(seen) == 2  # which strategies a small source holds, and their rows
        assert known.find(every(reader)).found.all()
        assert len(seen) == 3


def test_a_small_source_that_holds_nothing_of_a_chunk_is_not_asked(make_session):
    source = make_session(size=40)
    source.run()
    known = known_of(make_session())
    others = np.setdiff1d(every(known.session), source.design.indices())
    with queries_of(known.session.engine) as seen:
        assert not known.find(others[:100]).found.any()
        assert not known.find(others[100:]).found.any()
    assert len(seen) == 1


def test_large_sources_are_asked_for_every_chunk(make_session, monkeypatch):
    monkeypatch.setattr("studies.workers.known_outcomes._SMALL_SOURCE", 39)
    source = make_session(size=40)
    source.run()
    known = known_of(make_session())
    with queries_of(known.session.engine) as seen:
        assert known.find(source.design.indices()).found.all()
        assert known.find(source.design.indices()).found.all()
    assert len(seen) == 2


def test_refresh_sees_sessions_that_began_since(make_session):
    reader, source = make_session(), make_session()
    known = known_of(reader)
    stop = Stop()
    source.run(stop=stop, on_progress=lambda progress: stop.set())
    assert n_found(known) == 0
    known.refresh()
    done = source.refresh().completed + source.row.failed
    assert 0 < n_found(known) == done < 432
    source.run(resume=True)
    assert n_found(known) == done  # what a small source held at the first look
    known.refresh()
    assert n_found(known) == 432


def test_sessions_of_any_status_are_sources(make_session):
    source, reader = make_session(size=20), make_session()
    source.run()
    for status in ("running", "paused", "failed", "completed"):
        with write_transaction(source.engine) as connection:
            connection.execute(tuning_sessions.update().values(status=status))
        assert n_found(known_of(reader)) == 20, status


def test_sessions_that_noted_no_fingerprint_are_left_alone(pair):
    source, reader = pair
    measurement = source.row.snapshot.measurement
    mine = tuning_sessions.c.session_id == source.row.session_id
    nameless = {
        k: v for k, v in json.loads(source.row.snapshot.to_json()).items() if k != "measurement"
    }
    for config_data in (
        json.dumps(nameless),
        json.dumps({**nameless, "notes": measurement}),
        f"{{'measurement': '{measurement}'}}",
        json.dumps([measurement]),
        None,
    ):
        with write_transaction(source.engine) as connection:
            connection.execute(tuning_sessions.update().where(mine).values(config_data=config_data))
        assert known_of(reader).sources == ()
    with write_transaction(source.engine) as connection:
        connection.execute(
            tuning_sessions.update()
            .where(tuning_sessions.c.session_id == reader.row.session_id)
            .values(
                config_data=json.dumps(
                    {**json.loads(reader.row.snapshot.to_json()), "measurement": None}
                )
            )
        )
    reader.refresh()
    assert known_of(reader).sources == ()
    assert known_of(reader, own=True).sources == (reader.row.session_id,)


def test_registered_factors_are_looked_up_in_the_session_itself_only(make_session, monkeypatch):
    mine = factor_module.get_factor("SO")
    monkeypatch.setitem(factor_module._FACTORS, "MINE", mine)
    parameters = {**PARAMETERS, "factors": {"subsets": ["SR", "MINE"], "max_size": 2}}
    sessions = [make_session(parameters=parameters) for _ in range(2)]
    sessions[0].run()
    for session, own, expected in ((sessions[1], False, 72), (sessions[0], True, 216)):
        looked_up = known_of(session, own=own).find(every(session))
        assert looked_up.found.sum() == expected
        same(looked_up.batch, session.objective().evaluate(every(session)[looked_up.found]))
    ids = np.array(sessions[1].space.strategy_ids(every(sessions[1])))
    found = known_of(sessions[1]).find(every(sessions[1])).found
    assert not any("MINE" in name for name in ids[found])


class Alphabet(Objective):
    """An objective on a space of one parameter; whether its ids are portable is not said."""

    directions: ClassVar = {"net_sharpe_ratio": "maximize"}
    names = ("net_sharpe_ratio", "profit")
    fingerprint = "alphabet"

    def __init__(self):
        values = [0.1, 0.2, 0.3]
        self.space = SearchSpace.from_config({"parameters": {"alpha": {"choice": values}}})
        self.settings = BacktestSettings()

    def evaluate(self, points):
        raise AssertionError("not asked for")


def test_ids_that_are_not_portable_are_known_in_their_own_session_only(make_session):
    """`P7` means something only in the space that it comes from."""
    source, reader = make_session(size=20), make_session(size=20)
    objective = Alphabet()
    values = np.arange(6.0).reshape(3, 2) + 100.0
    failure = (None, "error: RuntimeError: no", None)
    batch = Batch(objective.names, values, values[:, :1], failure)
    outcome = Outcome(np.arange(3), np.arange(3), batch, utc_now(), utc_now(), 1.0)
    writer = RowWriter(source.row.session_id, objective.space)
    rows = writer.prepare_results(outcome, objective.columns(outcome.indices))
    with write_transaction(source.engine) as connection:
        writer.insert_results(connection, rows, outcome)
        mark = tuning_sessions.update().where(tuning_sessions.c.session_id == source.row.session_id)
        connection.execute(mark.values(completed_strategies=2))
    for session in (source, reader):
        vars(session)["space"] = objective.space
    assert KnownOutcomes(reader, objective).sources == (source.row.session_id,)
    assert not KnownOutcomes(reader, objective).find(np.arange(3)).found.any()
    assert not KnownOutcomes(reader, objective, own=True).find(np.arange(3)).found.any()
    looked_up = KnownOutcomes(source, objective, own=True).find(np.arange(3))
    assert looked_up.found.tolist() == [True, False, True]
    np.testing.assert_array_equal(looked_up.batch.values, values[[0, 2]])
    np.testing.assert_array_equal(looked_up.batch.objective, values[[0, 2], :1])


@ON_SQLITE
def test_rows_are_found_by_the_index(pair):
    _, reader = pair
    known = known_of(reader)
    with queries_of(reader.engine) as seen:
        n_found(known)
    with reader.engine.connect() as connection:
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {seen[-1]}", ("s", "[]")).all()
    assert "INDEX" in plan[0].detail
    assert "(session_id=? AND strategy_id=?)" in plan[0].detail
