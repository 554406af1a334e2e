"""A glance at the market refuses only what the market itself would refuse."""

import itertools

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa

from objectives import ReturnPanel
from search_spaces.errors import ConfigError, DataError, MassTuningError
from studies import Session
from studies.market import import_panel
from studies.planning.glance import refuse_impossible
from studies.sessions import open_database
from tests.helpers.panels import array_panel
from tests.helpers.sessions import PARAMETERS, make_config

SETTINGS = [
    dict(zip(("start_date", "end_date", "split_date", "min_active_share"), values, strict=True))
    for values in itertools.product(
        (None, "2023-12-31", "2024-01-02", "2024-02-01"),
        (None, "2024-03-10", "2024-03-11"),
        (None, "2024-02-02", "2024-02-20"),
        (0.0, 0.5, 1.0),
    )
]


@pytest.fixture(scope="module")
def late_panel():
    """70 days; one pair from the first day on, another from day 20 on, a third hardly at all."""
    returns = np.random.default_rng(1).normal(0, 1e-3, size=(70, 3))
    returns[:20, 1] = np.nan
    returns[:40, 2] = np.nan
    returns[45:, 2] = np.nan
    return array_panel(returns)


def outcome(create):
    try:
        create()
    except MassTuningError as error:
        return type(error), str(error)
    return None


@pytest.fixture
def market_of(empty_url):
    engine = open_database(empty_url)
    yield lambda panel: import_panel(panel, engine), engine
    engine.dispose()


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)  # a connection for each refusal
def test_it_refuses_nothing_else_and_in_the_same_words(empty_url, market_of, late_panel):
    write, engine = market_of
    write(late_panel)
    n_refused = 0
    parameters = {**PARAMETERS, "weight_method": {"choice": ["EQ", "FS"]}}
    for backtest in SETTINGS:
        for period in (5, 25, 60):
            chosen = {**parameters, "data_period": {"fixed": period}}
            try:
                config = make_config(
                    empty_url, backtest={"min_active_days": 0, **backtest}, parameters=chosen
                )
            except ConfigError:  # wrong whatever the market
                continue
            glance = outcome(lambda: refuse_impossible(config, engine, config.space(), False))  # noqa: B023
            full = outcome(lambda: Session.create(config, size=1, panel=late_panel))  # noqa: B023
            if glance is not None:
                assert full is not None
                assert full[0] is glance[0]
                n_refused += 1
                if "no strategy" not in glance[1]:  # where the bound may be a looser one
                    assert full == glance
    assert n_refused > 20


def test_dates_of_the_market(empty_url, market_of, late_panel):
    write, engine = market_of
    write(late_panel)
    config = make_config(empty_url, backtest={"end_date": "2024-03-11"})
    with pytest.raises(ConfigError, match="from 2024-01-01 to 2024-03-10"):
        refuse_impossible(config, engine, config.space(), False)
    late = {**PARAMETERS, "data_period": {"fixed": 60}}
    config = make_config(empty_url, backtest={"min_active_days": 0}, parameters=late)
    with pytest.raises(ConfigError, match="more than 0 days, fewer than the 17 of"):
        refuse_impossible(config, engine, config.space(), False)


def test_caps_of_whatever_symbol_count(empty_url, market_of, late_panel):
    write, engine = market_of
    write(late_panel)
    config = make_config(empty_url, backtest={"min_active_days": 0})
    with pytest.raises(DataError, match="needs market caps"):
        refuse_impossible(config, engine, config.space(), True)
    refuse_impossible(config, engine, config.space(), False)
    with engine.begin() as connection:
        connection.execute(sa.text("INSERT INTO market_caps (symbol, market_cap) VALUES ('X', 1)"))
    refuse_impossible(config, engine, config.space(), True)  # the market itself says more


def test_dates_that_a_query_cannot_order_are_left_to_the_market(tmp_path):
    url = f"sqlite:///{tmp_path}/own.db"
    engine = sa.create_engine(url)
    frame = pd.DataFrame(
        {"trading_pair": "A_x_y", "date": ["20240101", "2024-1-9"], "return_1d": [0.1, 0.2]}
    )
    frame.to_sql("return_metrics", engine)
    config = make_config(url, backtest={"end_date": "2030-01-01"})
    space = config.space()
    with pytest.raises(ConfigError, match="min_active_days"):
        refuse_impossible(make_config(url, backtest={"min_active_days": -1}), engine, space, False)
    refuse_impossible(config, engine, space, True)
    engine.dispose()


def test_a_market_of_its_own_database(tmp_path, empty_url, late_panel):
    other = open_database(f"sqlite:///{tmp_path}/market.db")
    import_panel(late_panel, other)
    other.dispose()
    market = {"database": f"sqlite:///{tmp_path}/market.db", "pairs": [late_panel.pairs[0]]}
    engine = open_database(empty_url)
    config = make_config(empty_url, market=market, backtest={"end_date": "2024-03-11"})
    with pytest.raises(ConfigError, match="from 2024-01-01 to 2024-03-10"):
        refuse_impossible(config, engine, config.space(), False)
    missing = make_config(empty_url, market={"database": "sqlite:////nowhere/market.db"})
    refuse_impossible(missing, engine, missing.space(), False)
    engine.dispose()


def test_the_panel_of_a_script_needs_no_market(empty_url):
    panel = ReturnPanel.synthetic(n_pairs=4, n_days=160)
    assert Session.create(make_config(empty_url), size=4, panel=panel).row.total == 4
