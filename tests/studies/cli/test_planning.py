"""``generate`` and ``estimate``."""

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from tests.studies.cli.conftest import N_STRATEGIES, SMALL_SPACE, environment


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


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ((), "no split: 153 days, and auto needs 259"),
        (("--split-date", "none"), "no split: all 153 days are in sample"),
        (("--backtest", "split_date=null"), "no split: all 153 days are in sample"),
        (("--split-date", "2024-05-20"), "out of sample from 2024-05-20 (20 days)"),
    ],
)
def test_it_is_said_which_days_are_out_of_sample(cli, project, asked, said):
    told = generated(cli, *SMALL_SPACE, "--size", 10, "--start-date", "2024-01-08", *asked)
    assert told["split"] == said
    assert told["backtest"]["split_date"] == (asked[1] if "2024-05-20" in asked else None)
    spoken = cli("generate", *SMALL_SPACE, "--size", 10, "--start-date", "2024-01-08", *asked)
    assert f"\n{said}\nrun it with" in spoken.out


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
        (
            ["--mode", "annealing"],
            "--mode 'annealing' is unknown; choose exhaustive, sampling, tpe,",
        ),
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


@pytest.fixture
def without_caps(project):
    """The project's folder, on a market without any market cap."""
    with sqlite3.connect("funding_rate.db") as connection:
        connection.execute("DELETE FROM market_caps")
        connection.execute("DELETE FROM market_cap_history")
    return project


def test_ic_without_caps_is_left_out_and_said_so(cli, without_caps):
    told = generated(cli, "--size", 50)
    assert (told["space_size"], told["left_out"]) == (291_200, {"weight_method": ["IC"]})
    line = (
        "the market has no market caps, so weight_method IC is left out: 291,200 strategies "
        "remain in the space"
    )
    assert told["warnings"][0] == line
    assert not any(name.endswith("_IC") for name in strategies(told["session_id"]))
    assert f"note: {line}" in " ".join(cli("generate", "--size", 5).err.split())
    assert cli("execute", "--session", told["session_id"]).code == 0
    estimated = cli("estimate", "--json").json
    assert (estimated["strategies"], estimated["warnings"][0]) == (291_200, line)


def test_ic_without_caps_is_left_out_of_the_file_that_holds_the_defaults(cli, without_caps):
    assert cli("config", "--write", "mass_tuning_config.yaml").code == 0
    assert generated(cli, "--size", 5)["left_out"] == {"weight_method": ["IC"]}


@pytest.mark.parametrize("command", ["generate", "estimate"])
def test_ic_without_caps_that_is_asked_for_names_the_fix(cli, without_caps, command):
    for asked in ("IC", "EQ,IC", "EQ,IC,FS"):
        refused = cli(command, "--set", f"weight_method={asked}")
        assert refused.code == 2
        assert "--set weight_method=EQ,FS" in refused.error
    from studies.config import default_config_text

    own = default_config_text().replace("max_size: 4", "max_size: 2")
    (without_caps / "own.yaml").write_text(own)
    assert "--set weight_method=EQ,FS" in cli("--config", "own.yaml", command).error
    (without_caps / "own.yaml").write_text(own.replace("[EQ, IC, FS]", "[EQ, FS]"))
    assert cli("--config", "own.yaml", command, "--size", 5).code == 0


def test_with_caps_nothing_is_left_out(cli, project):
    told = generated(cli, "--size", 5)
    assert (told["space_size"], told["left_out"]) == (436_800, {})


def test_values_that_cannot_be_active_enough_are_named(cli, project):
    told = generated(cli, "--size", 50)
    note = (
        "data_period=120 leaves at most 39 active days, fewer than the 60 of min_active_days=60 "
        "and min_active_share=0.5 x 79 days: those strategies fail"
    )
    assert note in told["warnings"]
    told = generated(cli, "--size", 50, "--backtest", "min_active_days=0",
                     "--backtest", "min_active_share=0.25")  # fmt: skip
    assert not any("data_period=120" in text for text in told["warnings"])
    assert any("data_period=150" in text for text in told["warnings"])


def test_a_plan_in_which_none_can_be_active_enough_is_refused(cli, project):
    refused = cli("generate", "--set", "data_period=150,210")
    assert refused.code == 2
    assert "no strategy of this space can be active on more than 9 days" in refused.error
    assert "--start-date" in refused.error
    assert generated(cli, "--set", "data_period=150", "--backtest", "min_active_days=9",
                     "--backtest", "min_active_share=0.1")["total"] > 0  # fmt: skip
    # values of both kinds: refused only if the plan draws none that can
    chosen = (*SMALL_SPACE, "--mode", "sampling", "--size", 1)
    outcomes = {
        cli("generate", *chosen, "--seed", seed).err.partition("every strategy of this plan")[1]
        for seed in range(8)
    }
    assert outcomes == {"", "every strategy of this plan"}


def test_how_many_strategies_are_distinct_is_said(cli, project):
    told = generated(cli, "--start-date", "2024-05-01", "--backtest", "min_active_days=10",
                     "--size", 20)  # fmt: skip
    n_distinct = told["n_distinct_by_construction"]
    assert 0 < n_distinct < told["space_size"] == 436_800
    assert n_distinct % (436_800 // 8) == 0
    asked = ("--session", told["session_id"])
    line = f"{n_distinct:,} of 436,800 strategies of the space, by construction"
    assert line in cli("status", *asked, "--detailed").out
    assert cli("status", *asked, "--json").json["n_distinct_by_construction"] == n_distinct
    said = cli("generate", "--start-date", "2024-05-01", "--backtest", "min_active_days=10",
               "--size", 20).out  # fmt: skip
    assert f"{n_distinct:,} of the 436,800 strategies of the space are distinct" in said


def test_the_new_settings_from_the_command_line(cli, project):
    told = generated(cli, "--size", 5, "--backtest", "value_at_liquidation=false",
                     "--backtest", "min_active_share=0.25")  # fmt: skip
    assert told["backtest"]["value_at_liquidation"] is False
    assert told["backtest"]["min_active_share"] == 0.25
    refused = cli("generate", "--backtest", "value_at_liquidation=maybe")
    assert "value_at_liquidation is true or false, got 'maybe'" in refused.error


REFUSED_WITHOUT_THE_MARKET = [
    ["--set", "colour=red"],
    ["--backtest", "fee_rate=7"],
    ["--start-date", "2020-01-01"],
    ["--end-date", "2030-01-01"],
    ["--split-date", "2020-01-01"],
    ["--set", "weight_method=IC"],
    ["--set", "data_period=150,210"],
    ["--mode", "tpe", "--size", "9", "--from", "nothing"],
]


@pytest.mark.parametrize("args", REFUSED_WITHOUT_THE_MARKET, ids=" ".join)
def test_refusals_read_no_market_and_compile_nothing(without_caps, args):
    code = (
        "import sys; from studies.cli.app import run; assert run(sys.argv[1:]) == 2\n"
        "print(sorted({'numba', 'pandas', 'deap', 'distributed'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "generate", *args],
        capture_output=True, text=True, check=True, env=environment(),
    )  # fmt: skip
    assert done.stdout.splitlines()[-1] == "[]"


def test_a_plan_compiles_nothing(project):
    code = (
        "import sys; from studies.cli.app import run; assert run(sys.argv[1:]) == 0\n"
        "print(sorted({'numba', 'deap', 'distributed'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "generate", "--size", "20"],
        capture_output=True, text=True, check=True, env=environment(),
    )  # fmt: skip
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.slow
def test_the_command_lines_of_the_requirements_run_on_a_market_without_caps(without_caps):
    """Section 6.1: as they are written there, on a market that was imported without caps."""
    program = Path(__file__).resolve().parents[3] / "scripts" / "mass_tuning_system.py"
    for line in (
        "generate --mode sampling --size 1000",
        "execute --parallel 4",
        "status --detailed",
        "generate --mode exhaustive --size 10000",
        "execute --parallel 8 --resume",
    ):
        done = subprocess.run(
            [sys.executable, program, *line.split()],
            capture_output=True, text=True, check=False, env=environment(), timeout=300,
        )  # fmt: skip
        assert done.returncode == 0, (line, done.stderr)
    with sqlite3.connect("funding_rate.db") as connection:
        query = "SELECT total_strategies, status FROM tuning_sessions ORDER BY session_id"
        rows = connection.execute(query).fetchall()
    assert rows[-2:] == [(1_000, "completed"), (10_000, "completed")]


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
