"""One strategy run again from a file, or with a configuration."""

import pytest
import sqlalchemy as sa

from search_spaces.errors import ConfigError, SessionError, SpaceError
from studies import Session, load_config
from studies.analysis.backtest import backtest_strategy
from studies.analysis.best_config import (
    config_of_strategy,
    export_best_config,
    url_without_password,
)
from studies.analysis.leaderboard import result_row, top
from studies.config import TuningConfig
from studies.database.tables import METRIC_COLUMNS
from tests.helpers.sessions import BACKTEST, make_config, results_of, url_of


def saved(session, tmp_path, strategy_id=None):
    """The configuration as it is read back from the file."""
    path = tmp_path / "best.yaml"
    export_best_config(session, path, strategy_id)
    return load_config(path)


def test_the_best_strategy_gives_its_recorded_figures_to_the_last_bit(completed, tmp_path):
    config = saved(completed, tmp_path)
    assert config.strategy.id == top(completed, 1)["strategy_id"].iloc[0]
    assert config.strategy.session == completed.row.session_id
    done = backtest_strategy(config, completed.engine)
    recorded = result_row(completed, config.strategy.id)
    assert {name: done.figures[name] for name in METRIC_COLUMNS} == {
        name: recorded[name] for name in METRIC_COLUMNS
    }
    assert config.strategy.figures == {name: recorded[name] for name in completed.figures}
    assert (done.has_changed, done.different, done.failure) == (False, (), None)
    assert done.result.equity.iloc[-1] == recorded["final_balance"]
    assert str(done.settings.end_date) == completed.config.backtest["end_date"]
    assert done.parameters["factors"] == recorded["parameters"]["factors"]


def test_so_do_others_and_failed_ones(completed, tmp_path):
    results = results_of(completed)
    failed = [row["strategy_id"] for row in results if row["net_sharpe_ratio"] is None]
    others = [row["strategy_id"] for row in results if row["net_sharpe_ratio"] is not None]
    for strategy_id in [failed[0], *others[::60]]:
        done = backtest_strategy(saved(completed, tmp_path, strategy_id), completed.engine)
        assert (done.has_changed, done.different) == (False, ())
        assert done.failure == ("insufficient_data" if strategy_id == failed[0] else None)
    with pytest.raises(SessionError, match="no result of 'nothing'"):
        saved(completed, tmp_path, "nothing")


def test_dates_that_were_left_out_are_those_of_the_session(make_session, tmp_path):
    session = make_session(
        size=40, backtest={"min_active_days": 10}, restrictions={"data_period": ["10"]}
    )
    session.run()
    config = saved(session, tmp_path)
    assert config.backtest["start_date"] is not None
    assert backtest_strategy(config, session.engine).different == ()
    # the same without the file: the configuration as it was before the session resolved its dates
    today = make_config(url_of(session), backtest={"min_active_days": 10})
    restricted = today.model_copy(update={"parameters": session.config.parameters})
    done = backtest_strategy(restricted, session.engine, config.strategy.id)
    assert (done.recorded, done.has_changed) == (None, None)
    assert {name: done.figures[name] for name in METRIC_COLUMNS} == config.strategy.figures


def test_out_of_sample_figures_too(make_session, tmp_path):
    session = make_session(size=20, backtest={**BACKTEST, "split_date": "2024-04-20"})
    session.run()
    config = saved(session, tmp_path)
    done = backtest_strategy(config, session.engine)
    assert config.strategy.figures["oos_total_return"] is not None
    assert (done.has_changed, done.different) == (False, ())


def test_a_changed_market_is_said_and_run_all_the_same(completed, tmp_path):
    config = saved(completed, tmp_path)
    with completed.engine.begin() as connection:
        connection.execute(sa.text("UPDATE return_metrics SET return_1d = 1.5 * return_1d"))
    done = backtest_strategy(config, completed.engine)
    assert done.has_changed is True
    assert "total_return" in done.different
    assert done.figures["total_return"] != config.strategy.figures["total_return"]
    other = config.strategy.model_copy(update={"figures": {"luck": 1.0}})
    odd = backtest_strategy(config.model_copy(update={"strategy": other}), completed.engine)
    assert odd.different == ("luck",)


def test_another_strategy_than_that_of_the_file_is_not_compared(completed, tmp_path):
    config = saved(completed, tmp_path)
    other = next(row["strategy_id"] for row in results_of(completed))
    done = backtest_strategy(config, completed.engine, other)
    assert (done.strategy_id, done.recorded, done.has_changed) == (other, None, None)


def test_the_file_is_a_configuration_that_makes_the_same_session(completed, tmp_path):
    config = saved(completed, tmp_path)
    again = Session.create(config)
    assert again.row.space_fingerprint == completed.row.space_fingerprint
    assert again.row.data_fingerprint == completed.row.data_fingerprint
    assert "strategy" not in again.row.snapshot.config
    assert again.config == completed.config
    again.engine.dispose()


def test_an_objective_of_ones_own(make_session, tmp_path):
    session = make_session(
        size=6,
        parameters={"lookback": {"choice": [5, 10]}, "n_held": {"choice": [2, 3, 4]}},
        objective={"type": "objectives.examples.momentum:MomentumObjective"},
    )
    session.run()
    config = saved(session, tmp_path)
    done = backtest_strategy(config, session.engine)
    assert (done.result, done.has_changed, done.different) == (None, False, ())
    assert done.figures["net_sharpe_ratio"] == top(session, 1)["net_sharpe_ratio"].iloc[0]
    assert set(done.parameters) == {"lookback", "n_held"}


def test_impossible_backtests(completed):
    with pytest.raises(ConfigError, match=r"give an id, or .* --best-config"):
        backtest_strategy(completed.config, completed.engine)
    with pytest.raises(SpaceError, match="SR_W7_1D"):
        backtest_strategy(completed.config, completed.engine, "SR_W7_1D_D10_S3_EQ")


def test_a_strategy_written_by_hand_has_nothing_to_be_compared_with(completed):
    config = config_of_strategy(completed)
    by_hand = TuningConfig.from_mapping(
        {**config.model_dump(), "strategy": {"id": config.strategy.id}}
    )
    done = backtest_strategy(by_hand, completed.engine)
    assert (done.has_changed, done.different) == (None, ())


@pytest.mark.parametrize(
    ("url", "bare"),
    [
        ("postgresql+psycopg://me:s3cret@host/db", "postgresql+psycopg://me@host/db"),
        ("postgresql://host/db?user=me&password=s3cret", "postgresql://host/db?user=me"),
        ("sqlite:///funding_rate.db", "sqlite:///funding_rate.db"),
    ],
)
def test_no_password_goes_into_the_file(url, bare):
    assert url_without_password(sa.make_url(url)) == bare
