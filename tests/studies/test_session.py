"""Creating, opening, running and resuming sessions, and what is refused."""

import json
import math
import re

import pandas as pd
import pytest
import sqlalchemy as sa

from objectives import ReturnPanel
from search_spaces.errors import ConfigError, DataError, SessionError, SpaceError
from studies import Session
from studies.database.bulk_insert import placeholder
from studies.database.engine import create_engine
from studies.database.tables import OOS_METRIC_COLUMNS, tuning_sessions
from studies.database.transactions import write_transaction
from studies.market import import_panel
from studies.runs.stop import Stop
from studies.sessions import load_panel, open_database, session_objective
from studies.sessions.pick_session import choose_session
from studies.sessions.prepared_database import prepare_database
from studies.sessions.session_row import list_sessions
from tests.helpers.sessions import PARAMETERS, check_completed, make_config, results_of


def stop_after(n_strategies):
    stop = Stop()

    def on_progress(progress):
        if progress.done_here >= n_strategies:
            stop.set()

    return {"stop": stop, "on_progress": on_progress}


def test_a_new_session_tells_what_it_is(make_session):
    made = make_session(method="random", size=50, seed=4, notes="first try")
    row = made.row
    assert re.fullmatch(r"session_\d{8}_\d{6}_\d{4}", row.session_id)
    assert (row.mode, row.method, row.seed, row.total) == ("sampling", "random", 4, 50)
    assert (row.status, row.completed, row.failed) == ("created", 0, 0)
    assert row.notes == "first try"
    assert row.created_at is not None
    assert row.started_at is row.completed_at is None
    assert row.space_fingerprint == made.space.fingerprint
    backtest = row.snapshot.config["backtest"]
    assert (backtest["start_date"], backtest["end_date"]) == ("2024-01-11", "2024-06-08")
    assert any("data_period=140 leaves at most" in text for text in row.snapshot.warnings)
    assert make_session().row.mode == "exhaustive"


def test_dates_left_out_are_resolved_once(make_session, url, panel):
    made = make_session(backtest={"min_active_days": 30})
    backtest = made.row.snapshot.config["backtest"]
    assert backtest["end_date"] == f"{panel.dates[-1]:%Y-%m-%d}"
    assert backtest["start_date"] < backtest["end_date"]
    import_panel(ReturnPanel.synthetic(n_pairs=12, n_days=170), made.engine)
    assert Session.open(url, made.row.session_id).config.backtest == backtest


def test_the_database_and_its_password_are_not_in_the_snapshot(make_session):
    made = make_session()
    assert "database" not in made.row.snapshot.config
    assert "sqlite" not in made.row.snapshot.to_json()


def test_opening_and_running_to_the_end(make_session, url, undisturbed_results):
    made = make_session()
    opened = Session.open(url, made.row.session_id)
    progress = opened.run()
    assert (progress.total, progress.done, progress.done_here) == (432, 432, 432)
    check_completed(opened, undisturbed_results)
    row = opened.row
    assert row.started_at <= row.completed_at
    assert opened.study().study_name == row.session_id
    assert len(opened.top(3)) == 3
    opened.engine.dispose()


def test_a_paused_session_needs_resume(make_session, undisturbed_results):
    made = make_session()
    made.run(**stop_after(100))
    assert made.row.status == "paused"
    started = made.row.started_at
    with pytest.raises(SessionError, match="is paused; go on with: mass-tuning execute --resume"):
        made.run()
    progress = made.run(resume=True)
    assert progress.done_here < 432
    assert progress.done == 432
    check_completed(made, undisturbed_results)
    assert made.row.started_at == started


def test_an_unknown_session_is_named(url):
    with pytest.raises(SessionError, match=r"no session 'session_1'.*mass-tuning sessions"):
        Session.open(url, "session_1")
    with pytest.raises(SessionError, match="no session yet; create one with: mass-tuning generate"):
        Session.open(url)


def test_the_newest_unfinished_session_is_opened(make_session, url):
    first, second, third = (make_session(size=20) for _ in range(3))
    third.run()
    third.run(resume=True)
    assert Session.open(url).row.session_id == second.row.session_id
    assert [s.session_id for s in list_sessions(first.engine)] == [
        s.row.session_id for s in (third, second, first)
    ]
    for made in (first, second):
        made.run()
    with pytest.raises(SessionError, match=f"the newest is {third.row.session_id} .completed."):
        Session.open(url)
    assert choose_session(first.engine, "newest").session_id == third.row.session_id


def change(engine, statement):
    with write_transaction(engine) as connection:
        assert connection.exec_driver_sql(statement).rowcount >= 1


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE return_metrics SET return_1d = return_1d + 1e-6 WHERE date = '2024-03-01'",
        "DELETE FROM return_metrics WHERE date = '2024-03-01'",
        "DELETE FROM return_metrics WHERE date >= '2024-06-01'",
        "UPDATE market_cap_history SET market_cap = market_cap * 2",
    ],
)
def test_changed_data_are_refused(make_session, undisturbed_results, statement):
    made = make_session()
    made.run(**stop_after(100))
    n_results = len(results_of(made))
    with made.engine.connect() as connection:
        before = [
            connection.exec_driver_sql(f"SELECT * FROM {table}").all()
            for table in ("return_metrics", "market_cap_history")
        ]
    change(made.engine, statement)
    with pytest.raises(SessionError, match=r"changed since session_.*; restore .* new session"):
        made.run(resume=True)
    assert len(results_of(made)) == n_results
    assert made.refresh().status == "paused"
    with write_transaction(made.engine) as connection:
        for table, rows in zip(("return_metrics", "market_cap_history"), before, strict=True):
            connection.exec_driver_sql(f"DELETE FROM {table}")
            places = ", ".join([placeholder(connection)] * len(rows[0]))
            connection.exec_driver_sql(
                f"INSERT INTO {table} VALUES ({places})", [tuple(row) for row in rows]
            )
    made.run(resume=True)
    check_completed(made, undisturbed_results)


def test_newer_days_and_pairs_change_nothing(make_session, undisturbed_results, panel):
    made = make_session()
    made.run(**stop_after(100))
    frame = panel.to_frame()
    last = frame[frame["date"] == frame["date"].max()]
    newer = [last.assign(date=last["date"] + pd.Timedelta(days=n)) for n in range(1, 11)]
    listed = newer[-1].head(1).assign(trading_pair="AAANEWUSDT_binance_bybit")
    import_panel(ReturnPanel.from_returns(pd.concat([*newer, listed])), made.engine)
    assert len(load_panel(made.config, made.engine).dates) == 170
    made.run(resume=True)
    check_completed(made, undisturbed_results)


def test_a_changed_definition_is_refused(make_session, monkeypatch):
    made = make_session(size=20)
    monkeypatch.setattr(session_objective, "SEMANTICS_VERSION", 99)
    with pytest.raises(SessionError, match=r"version 2 of the strategy .* has 99, .* create a new"):
        made.run()


def test_a_changed_space_is_refused(make_session, url):
    made = make_session(size=20)
    told = json.loads(made.row.snapshot.to_json())
    told["config"]["parameters"]["window_size"] = {"choice": [5, 10, 21]}
    with write_transaction(made.engine) as connection:
        connection.execute(tuning_sessions.update().values(config_data=json.dumps(told)))
    with pytest.raises(SessionError, match=r"search space .* is not the one it was created with"):
        Session.open(url, made.row.session_id).run()


def test_a_split_date_adds_out_of_sample_figures(make_session, url, panel):
    backtest = {"start_date": "2024-01-11", "min_active_days": 30, "split_date": "2024-04-20"}
    made = make_session(backtest=backtest, size=40)
    made.run()
    rows = [row for row in results_of(made) if row["net_sharpe_ratio"] is not None]
    objective = made.objective()
    for row in rows[::7]:
        metrics = objective.run(made.space.parse(row["strategy_id"])).metrics
        for name in ("net_sharpe_ratio", "oos_net_sharpe_ratio", "oos_total_return"):
            assert row[name] == pytest.approx(metrics[name], rel=1e-9)
    assert set(OOS_METRIC_COLUMNS) <= set(made.top(1).columns)
    best = made.study().best_trial.user_attrs
    assert best["oos_net_sharpe_ratio"] == made.top(1)["oos_net_sharpe_ratio"].iloc[0]
    plain = make_session(size=40)
    plain.run()
    assert all(row[name] is None for row in results_of(plain) for name in OOS_METRIC_COLUMNS)
    assert not set(OOS_METRIC_COLUMNS) & set(plain.top(1).columns)


def test_a_session_keeps_its_automatic_split_when_the_market_grows(empty_url):
    longer = ReturnPanel.synthetic(n_pairs=8, n_days=400)
    frame = longer.to_frame()
    engine = open_database(empty_url)
    days = sorted(frame["date"].unique())
    import_panel(ReturnPanel.from_returns(frame[frame["date"] <= days[299]]), engine)
    config = make_config(
        empty_url, backtest={"start_date": str(days[20])[:10], "split_date": "auto"}
    )
    restricted = {"weight_method": ["EQ"], "data_period": ["10"]}
    made = Session.create(config, size=20, restrictions=restricted)
    # 280 days: 196 in sample
    assert made.config.backtest["split_date"] == str(days[216])[:10]
    assert set(OOS_METRIC_COLUMNS) <= set(made.figures)
    import_panel(ReturnPanel.from_returns(frame[frame["date"] > days[299]]), engine)
    again = Session.open(empty_url, made.row.session_id)
    assert again.objective().settings.to_dict() == made.config.backtest
    again.run()
    assert again.row.status == "completed"
    (value,) = again.top(1)["oos_total_return"]
    assert math.isfinite(value)
    engine.dispose()


@pytest.fixture
def capless_url(empty_url, panel):
    engine = open_database(empty_url)
    import_panel(ReturnPanel.from_returns(panel.to_frame()), engine)
    engine.dispose()
    return empty_url


def test_ic_without_market_caps_is_refused_with_the_way_out(capless_url):
    with pytest.raises(DataError, match=r"IC needs market caps.*--set weight_method=EQ,FS"):
        Session.create(make_config(capless_url))
    made = Session.create(
        make_config(capless_url), restrictions={"weight_method": ["EQ", "FS"]}, size=40
    )
    made.run()
    assert {row["weight_method"] for row in results_of(made)} == {"EQ", "FS"}
    assert [s.session_id for s in list_sessions(made.engine)] == [made.row.session_id]
    made.engine.dispose()


def test_no_returns_at_all(empty_url):
    with pytest.raises(DataError, match=r"return_metrics|no returns|import"):
        Session.create(make_config(empty_url))


def test_restrictions_limit_the_space(make_session, url):
    made = make_session(restrictions={"weight_method": ["EQ"], "window_size": ["5", "20"]})
    assert made.row.total == 432 // 3 * 2 // 3
    made.run()
    assert {row["weight_method"] for row in results_of(made)} == {"EQ"}
    assert {row["window_size"] for row in results_of(made)} == {5, 20}
    reopened = Session.open(url, made.row.session_id)
    assert reopened.space.fingerprint == made.row.space_fingerprint


@pytest.mark.parametrize(
    ("restrictions", "named"),
    [({"weight": ["EQ"]}, "weight_method"), ({"weight_method": ["XX"]}, "EQ, IC, FS")],
)
def test_impossible_restrictions(make_session, restrictions, named):
    with pytest.raises(SpaceError, match=named):
        make_session(restrictions=restrictions)


@pytest.mark.parametrize(
    ("sections", "error", "message"),
    [
        ({"backtest": {"fee": 0.1}}, ConfigError, "unknown backtest setting fee; known are"),
        ({"backtest": {"fee_rate": 2}}, ConfigError, "fee_rate is a fraction"),
        ({"backtest": {"end_date": "2030-01-01"}}, ConfigError, "2030-01-01"),
        ({"objective": {"metrics": {"luck": "maximize"}}}, ConfigError, "unknown metric 'luck'"),
        ({"parameters": {"window": {"choice": [1]}}}, SpaceError, "window"),
        ({"method": "guess"}, SpaceError, "guess"),
        ({"method": "random", "size": 0}, ConfigError, "0"),
        ({"market": {"pairs": ["NOPE"]}}, DataError, "NOPE"),
    ],
)
def test_impossible_settings_leave_no_session(make_session, url, sections, error, message):
    with pytest.raises(error, match=message):
        make_session(**sections)
    engine = create_engine(url)
    assert list_sessions(engine) == []
    engine.dispose()


def test_fewer_points_than_asked_is_said(make_session):
    made = make_session(method="random", size=10_000)
    assert made.row.total == 432
    assert any("432" in text for text in made.row.snapshot.warnings)


def test_constraints_are_kept(make_session, url):
    made = make_session(constraints=["window_size <= data_period", "size(factors) <= 1"])
    assert 0 < made.row.total < 432
    reopened = Session.open(url, made.row.session_id)
    reopened.run()
    assert all(row["window_size"] <= row["data_period"] for row in results_of(reopened))
    assert {row["factors"] for row in results_of(reopened)} == {'["SR"]', '["DD"]', '["TR"]'}
    reopened.engine.dispose()


def test_another_market_database_and_some_pairs(empty_url, url, panel):
    market = {"database": url, "pairs": list(panel.pairs[:6])}
    made = Session.create(make_config(empty_url, market=market), size=20)
    assert made.objective().panel.pairs == panel.pairs[:6]
    made.run()
    assert made.row.status in {"completed", "paused"}
    made.engine.dispose()


def test_a_session_of_an_earlier_system_is_read_and_runs_only_when_it_is_planned(url):
    engine = create_engine(url)
    prepare_database(engine)
    with write_transaction(engine) as connection:
        connection.execute(
            tuning_sessions.insert().values(
                session_id="session_20250702_143022_9432",
                mode="sampling",
                total_strategies=3,
                status="running",
            )
        )
    for choice in ("unfinished", "newest", "results"):  # by itself it is never meant
        with pytest.raises(SessionError, match=r"no session yet of this system \(1 of an earlier"):
            choose_session(engine, choice)
    opened = Session.open(url, "session_20250702_143022_9432")
    assert opened.top().empty
    for action in (opened.run, opened.objective):
        with pytest.raises(SessionError, match=r"session_20250702_143022_9432 .*earlier system"):
            action()
    opened.engine.dispose()
    engine.dispose()


def test_a_session_being_deleted_is_not_run(make_session):
    made = make_session(size=20)
    with write_transaction(made.engine) as connection:
        connection.execute(sa.update(tuning_sessions).values(status="deleting"))
    with pytest.raises(SessionError, match="is being deleted"):
        made.run()


def test_the_same_space_and_seed_plan_the_same(make_session):
    first, second = (make_session(method="sobol", size=64, seed=9) for _ in range(2))
    indices = [s.design.indices(0, 64).tolist() for s in (first, second)]
    assert indices[0] == indices[1]
    assert first.row.session_id != second.row.session_id
    assert first.space.fingerprint == second.space.fingerprint
    assert set(PARAMETERS) == set(first.space.names)
