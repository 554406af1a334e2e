"""``generate`` and ``estimate``."""

import sqlite3

import pytest

from tests.studies.cli.conftest import N_STRATEGIES, SMALL_SPACE


def generated(cli, *args):
    done = cli("generate", *args, "--json")
    assert done.code == 0, done.err
    return done.json


def test_exhaustive_of_a_restricted_space(cli, project):
    told = generated(cli, *SMALL_SPACE)
    assert told["total"] == told["space_size"] == N_STRATEGIES
    assert (told["mode"], told["method"], told["status"]) == ("exhaustive", "exhaustive", "created")
    assert told["objective"] == {"net_sharpe_ratio": "maximize"}
    assert told["next"] == f"mass-tuning execute --session {told['session_id']}"
    assert any("data_period=150" in text for text in told["warnings"])
    with sqlite3.connect("funding_rate.db") as connection:
        query = "SELECT count(*) FROM strategy_queue WHERE session_id = ?"
        assert connection.execute(query, [told["session_id"]]).fetchone() == (N_STRATEGIES,)


@pytest.mark.parametrize("method", [None, "random", "latin_hypercube", "grid", "sobol", "halton"])
def test_sampling_methods(cli, project, method):
    chosen = () if method is None else ("--method", method)
    told = generated(cli, "--mode", "sampling", "--size", 40, "--seed", 3, *chosen)
    assert (told["mode"], told["method"]) == ("sampling", method or "random")
    assert (told["total"], told["seed"]) == (40, 3)


def test_the_seed_and_the_method_choose_the_strategies(cli, project):
    chosen = {}
    for seed in (1, 2):
        args = ("--mode", "sampling", "--size", 40, "--seed", seed)
        chosen[seed] = strategies(generated(cli, *args)["session_id"])
    assert chosen[1] != chosen[2]
    assert chosen[1] == strategies(
        generated(cli, "--mode", "sampling", "--size", 40, "--seed", 1)["session_id"]
    )


def strategies(session_id):
    with sqlite3.connect("funding_rate.db") as connection:
        query = "SELECT strategy_id FROM strategy_queue WHERE session_id = ? ORDER BY id"
        return [row[0] for row in connection.execute(query, [session_id])]


def test_settings_dates_notes_and_trials(cli, project):
    told = generated(
        cli,
        *("--size", 10, "--notes", "why", "--trials", "full"),
        *("--start-date", "2024-02-01", "--end-date", "2024-05-31", "--split-date", "2024-04-15"),
        *("--backtest", "fee_rate=0.0005", "--backtest", "max_positions=4"),
        *("--backtest", "position_mode=fixed_amount"),
    )
    backtest = told["backtest"]
    assert (backtest["start_date"], backtest["end_date"]) == ("2024-02-01", "2024-05-31")
    assert (backtest["split_date"], backtest["fee_rate"]) == ("2024-04-15", 0.0005)
    assert (backtest["max_positions"], backtest["position_mode"]) == (4, "fixed_amount")
    assert told["notes"] == "why"
    with sqlite3.connect("funding_rate.db") as connection:
        query = "SELECT config_data FROM tuning_sessions WHERE session_id = ?"
        (stored,) = connection.execute(query, [told["session_id"]]).fetchone()
    assert '"trials": "full"' in stored


def test_a_table_for_people_names_the_next_command(cli, project):
    done = cli("generate", "--size", 10)
    assert done.code == 0
    assert "10 strategies planned (exhaustive)" in done.out
    assert "run it with: mass-tuning execute --session session_" in done.out
    assert "note: data_period=" in done.err


def test_the_next_command_repeats_database_and_config(cli, project):
    (project / "my.yaml").write_text("backtest: {fee_rate: 0.002}\n")
    done = cli("--config", "my.yaml", "generate", "--size", 5, "--database", "funding_rate.db")
    assert "mass-tuning --config my.yaml --database sqlite:///funding_rate.db execute" in done.out


def test_asking_for_more_than_there_is_says_so(cli, project):
    told = generated(cli, *SMALL_SPACE, "--size", 100_000)
    assert told["total"] == N_STRATEGIES
    assert any("only 240 distinct points" in text for text in told["warnings"])


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--mode", "annealing"], "--mode annealing is unknown; choose exhaustive, sampling, tpe,"),
        (["--mode", "sampling"], "needs --size"),
        (["--method", "sobol"], "exhaustive takes no --method"),
        (["--mode", "sampling", "--method", "lhs", "--size", "3"], "'lhs' is not one of"),
        (["--size", "0"], "0 is not in the range"),
        (["--size", "many"], "'many' is not a valid integer"),
        (["--seed", "-1"], "-1 is not in the range"),
        (["--set", "factors"], "--set is NAME=VALUE"),
        (["--set", "colour=red"], "unknown parameter 'colour'"),
        (["--set", "factors=XX"], "factors"),
        (["--set", "window_size=5", "--set", "window_size=10"], "names 'window_size' twice"),
        (["--backtest", "fee=1"], "unknown backtest setting fee"),
        (["--backtest", "fee_rate=high"], "fee_rate is a number, got 'high'"),
        (["--backtest", "fee_rate="], "--backtest is NAME=VALUE"),
        (["--start-date", "2024-02-01", "--backtest", "start_date=2024-03-01"], "given twice"),
        (["--start-date", "soon"], "start_date is a date"),
        (["--end-date", "2030-01-01"], "is outside the data"),
        (["--trials", "some"], "'some' is not one of"),
        (["--config", "missing.yaml"], "missing.yaml cannot be read"),
    ],
)
def test_bad_input_is_one_line(cli, project, args, message):
    done = cli("generate", *args)
    assert (done.code, done.out) == (2, "")
    assert message in done.error


def test_ic_without_caps_names_the_fix(cli, project):
    with sqlite3.connect("funding_rate.db") as connection:
        connection.execute("DELETE FROM market_caps")
        connection.execute("DELETE FROM market_cap_history")
    assert "--set weight_method=EQ,FS" in cli("generate").error
    assert generated(cli, "--set", "weight_method=EQ,FS", "--size", 5)["total"] == 5


def test_estimate(cli, project):
    done = cli("estimate", *SMALL_SPACE, "--json")
    assert done.code == 0, done.err
    told = done.json
    assert told["strategies"] == told["trials"] == N_STRATEGIES
    assert told["seconds"]["total"] > 0
    assert told["database_bytes"] > 50_000
    assert told["memory_bytes"] > 50_000_000
    assert told["sample"]["executed"] == N_STRATEGIES
    assert len(told["sources"]) == 2
    assert cli("sessions", "--json").json[0]["notes"] == "first"  # nothing was written


def test_estimate_of_the_whole_space(cli, project):
    done = cli("estimate", "--set", "data_period=10,20")
    assert done.code == 0, done.err
    assert done.out.startswith("109,200 strategies\n")
    for word in ("time", "database", "memory", "trials", "2,020 in the Optuna study"):
        assert word in done.out
    full = cli("estimate", "--set", "data_period=10,20", "--trials", "full", "--json")
    assert full.json["trials"] == 109_200


def test_an_interrupted_plan_is_completed_by_the_next_command(cli, project, monkeypatch):
    from studies.planning import write_plan as planning

    written = planning._write_chunks

    def interrupted(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(planning, "_write_chunks", interrupted)
    stopped = cli("generate", *SMALL_SPACE, "--notes", "second")
    assert stopped.code == 130
    assert "completed by the next generate or execute" in stopped.error
    monkeypatch.setattr(planning, "_write_chunks", written)
    with sqlite3.connect("funding_rate.db") as connection:
        connection.execute("UPDATE work_chunks SET lease_expires_at = 0")
    (session_id,) = [
        row["session_id"] for row in cli("sessions", "--json").json if row["notes"] == "second"
    ]
    done = cli("generate", "--size", 5)
    assert done.code == 0
    assert f"completed the interrupted plan of {session_id}" in done.err
    statuses = {row["session_id"]: row["status"] for row in cli("sessions", "--json").json}
    assert statuses[session_id] == "created"
