"""``clean``, ``config`` and ``demo``."""

import sqlite3

import optuna
import pytest
import yaml

from studies import TuningConfig, load_config
from tests.studies.cli.conftest import N_STRATEGIES, SMALL_SPACE


def count(table, session_id):
    with sqlite3.connect("funding_rate.db") as connection:
        query = f"SELECT count(*) FROM {table} WHERE session_id = ?"
        return connection.execute(query, [session_id]).fetchone()[0]


@pytest.fixture
def session_id(cli, project):
    return cli("sessions", "--json").json[0]["session_id"]


def test_clean_deletes_a_session(cli, session_id):
    kept = cli("generate", *SMALL_SPACE, "--json").json["session_id"]
    told = cli("clean", "--session", session_id, "--yes", "--json").json
    assert told == {"session_id": session_id, "failed_only": False, "deleted": N_STRATEGIES}
    for table in ("hyperparameter_tuning_results", "strategy_queue", "work_chunks"):
        assert count(table, session_id) == 0
    assert [row["session_id"] for row in cli("sessions", "--json").json] == [kept]
    studies = optuna.get_all_study_names("sqlite:///funding_rate.db")
    assert session_id not in studies
    assert kept in studies
    assert f"there is no session '{session_id}'" in cli("clean", "--session", session_id).error


@pytest.mark.parametrize("option", ["--failed-only", "--failed_only"])
def test_clean_deletes_failed_strategies(cli, session_id, option):
    done = cli("clean", "--session", session_id, option, "--yes")
    assert done.code == 0
    assert done.out == f"deleted the rows of 120 failed strategies of {session_id}\n"
    assert count("hyperparameter_tuning_results", session_id) == N_STRATEGIES - 120
    assert cli("top").code == 0


def test_clean_asks_on_a_terminal_and_refuses_elsewhere(cli, session_id, monkeypatch):
    from studies.cli import clean

    refused = cli("clean", "--session", session_id)
    assert refused.code == 2
    assert refused.error.endswith("there is no terminal; add --yes")
    assert "Missing option '--session'; see: mass-tuning clean --help" in cli("clean").error

    class Terminal:
        @staticmethod
        def isatty():
            return True

    asked = []
    monkeypatch.setattr(clean.sys, "stdin", Terminal())

    def answer(yes):
        def prompt(text):
            asked.append(text)
            return "y" if yes else "n"

        monkeypatch.setattr("click.termui.visible_prompt_func", prompt)

    answer(False)
    stopped = cli("clean", "--session", session_id)
    assert (stopped.code, stopped.error) == (130, "stopped; nothing was deleted")
    assert count("strategy_queue", session_id) == N_STRATEGIES
    answer(True)
    assert cli("clean", "--session", session_id).code == 0
    assert count("strategy_queue", session_id) == 0


def test_an_interrupted_deletion_is_finished_by_the_next_command(cli, session_id, monkeypatch):
    from studies.upkeep import deletion

    with monkeypatch.context() as patch:

        def interrupted(*args):
            raise KeyboardInterrupt

        patch.setattr(deletion, "_delete_chunks", interrupted)
        stopped = cli("clean", "--session", session_id, "--yes")
    assert stopped.code == 130
    assert "finishes the deletion" in stopped.error
    done = cli("generate", *SMALL_SPACE)
    assert f"finished the interrupted deletion of {session_id}" in done.err
    assert count("hyperparameter_tuning_results", session_id) == 0


def test_cleaning_a_session_whose_deletion_was_interrupted(cli, session_id):
    with sqlite3.connect("funding_rate.db") as connection:
        connection.execute("UPDATE tuning_sessions SET status = 'deleting'")
    done = cli("clean", "--session", session_id, "--json")
    assert done.code == 0, done.err
    assert done.json["session_id"] == session_id
    assert cli("sessions", "--json").json == []


def test_clean_does_not_complete_a_plan_but_deletes_it(cli, session_id, monkeypatch):
    from studies.planning import write_plan
    from studies.queue import claims

    def interrupted(*args):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(write_plan, "_write_chunks", interrupted)
        assert cli("generate", "--mode", "tpe", "--size", "50").code == 130
    half_planned = cli("sessions", "--json").json[0]
    assert half_planned["status"] == "generating"
    monkeypatch.setattr(claims, "_is_dead", lambda worker: True)  # this process, in truth
    monkeypatch.setattr("studies.planning.complete_plans", interrupted)
    other = cli("clean", "--session", session_id, "--failed-only", "--yes")
    assert other.code == 0
    done = cli("clean", "--session", half_planned["session_id"], "--yes", "--json")
    assert done.code == 0, done.err
    assert [row["session_id"] for row in cli("sessions", "--json").json] == [session_id]


def test_a_long_plan_is_completed_only_for_its_own_session(cli, session_id, monkeypatch):
    from studies.cli import generate
    from studies.planning import plan, write_plan
    from studies.queue import claims

    def interrupted(*args):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(write_plan, "_write_chunks", interrupted)
        stopped = cli("generate", "--mode", "tpe", "--size", "50")
    assert stopped.code == 130
    assert "or delete it with clean" in stopped.error
    begun = cli("sessions", "--json").json[0]["session_id"]
    monkeypatch.setattr(claims, "_is_dead", lambda worker: True)  # this process, in truth
    monkeypatch.setattr(generate, "_QUICK_PLAN", 50)
    for words in (["generate", "--mode", "sampling", "--size", "3"], ["execute"]):
        other = cli(*words)
        assert other.code == 0
        assert f"complete it with: mass-tuning execute --session {begun}, or" in other.err
        assert f"clean --session {begun}" in other.err
        assert count("work_chunks", begun) == 1
    with monkeypatch.context() as patch:
        patch.setattr(plan, "CHUNK_LIMIT", 40)
        refused = cli("execute", "--session", begun)
        assert refused.code == 2
        assert f"delete it with: mass-tuning clean --session {begun}" in refused.error
    done = cli("execute", "--session", begun)
    assert done.code == 0
    assert f"completed the interrupted plan of {begun}" in done.err


@pytest.mark.parametrize("command", ["generate", "estimate"])
@pytest.mark.parametrize("mode", ["tpe", "genetic", "random"])
def test_a_size_that_no_search_can_have_is_refused_at_once(cli, empty, command, mode):
    refused = cli(command, "--mode", mode, "--size", 10**12)
    assert refused.code == 2
    assert "may try at most 10,000,000 strategies, got 1,000,000,000,000" in refused.error
    assert list(empty.iterdir()) == []


def test_config_prints_what_is_in_force(cli, empty):
    (empty / "mass_tuning_config.yaml").write_text("backtest: {fee_rate: 0.002}\n")
    text = cli("config", "--database", "mine.db").out
    values = yaml.safe_load(text)
    assert values["database"] == "sqlite:///mine.db"
    assert values["backtest"] == {"fee_rate": 0.002}
    assert TuningConfig.from_mapping(values).to_yaml().strip() == text.strip()
    assert cli("config", "--database", "mine.db", "--json").json == values


def test_config_check(cli, empty):
    told = cli("config", "--check", "--json").json
    assert (told["valid"], told["strategies"]) == (True, 436_800)
    assert told["parameters"]["factors"] == 56
    assert cli("config", "--check").out.startswith("valid: 436,800 strategies\n")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("databse: x", "unknown setting 'databse'"),
        ("backtest: {fee: 1}", "unknown backtest setting fee"),
        ("objective: {metrics: {luck: maximize}}", "unknown metric 'luck'"),
        ("objective: {metrics: {win_rate: up}}", "objective.metrics"),
        ("objective: {metrics: {}}", "objective.metrics is empty"),
        ("constraints: ['window_size <= data_perod']", "data_perod"),
        ("database: mysql://a/b", "'mysql' databases are not supported"),
        ("execution: {parallel: 0}", "execution.parallel"),
        ("[1, 2]", "is a mapping of sections"),
        ("a: [", "is not YAML"),
    ],
)
def test_config_check_refuses(cli, empty, text, message):
    (empty / "bad.yaml").write_text(text)
    done = cli("config", "--check", "--config", "bad.yaml")
    assert done.code in (1, 2)
    assert message in done.error


def test_config_write(cli, empty):
    done = cli("config", "--write", "new.yaml")
    assert done.code == 0
    written = load_config("new.yaml")
    default = TuningConfig()
    assert written.space() == default.space()
    assert written.model_dump(exclude={"parameters", "backtest"}) == default.model_dump(
        exclude={"parameters", "backtest"}
    )
    from objectives import BacktestSettings

    assert BacktestSettings.from_dict(written.backtest) == BacktestSettings()
    raw = yaml.safe_load((empty / "new.yaml").read_text())
    for name, section in default.model_dump().items():  # every setting is there to be seen
        assert name in raw
        if isinstance(section, dict) and name not in ("parameters", "backtest", "objective"):
            assert set(raw[name]) == set(section)
    assert set(raw["backtest"]) == set(BacktestSettings().to_dict())
    before = (empty / "new.yaml").read_bytes()
    refused = cli("config", "--write", "new.yaml")
    assert refused.code == 2
    assert "is not overwritten" in refused.error
    assert (empty / "new.yaml").read_bytes() == before
    assert "No such file" in cli("config", "--write", "nowhere/new.yaml").error
    assert "give one of them" in cli("config", "--write", "x.yaml", "--check").error
    assert cli("config", "--write", "other.yaml", "--json").json == {"file": "other.yaml"}


def test_demo_twice(cli, empty, monkeypatch):
    from objectives import ReturnPanel

    small = ReturnPanel.synthetic(n_pairs=12, n_days=160)
    monkeypatch.setattr(ReturnPanel, "synthetic", lambda: small)
    first = cli("demo", "--size", 300, "--folder", "here")
    assert first.code == 0, first.err
    for text in (
        "mass-tuning --database sqlite:///here/funding_rate.db show best",
        "mass-tuning --database sqlite:///here/funding_rate.db dashboard",
        "Session.open(",
        "optuna.load_study(",
    ):
        assert text in first.out
    with sqlite3.connect("here/funding_rate.db") as connection:
        n_returns = connection.execute("SELECT count(*) FROM return_metrics").fetchone()
    second = cli("demo", "--size", 20, "--folder", "here", "--json").json
    assert (second["total"], second["status"]) == (20, "completed")
    assert second["database"] == "sqlite:///here/funding_rate.db"
    assert len(second["top"]) == 10
    with sqlite3.connect("here/funding_rate.db") as connection:
        assert connection.execute("SELECT count(*) FROM return_metrics").fetchone() == n_returns
    assert len(cli("sessions", "--database", "here/funding_rate.db", "--json").json) == 2
    assert sorted(path.name for path in empty.iterdir()) == ["here"]


@pytest.mark.parametrize("size", [20, 2_100])
def test_the_python_that_demo_prints_finds_the_best(cli, empty, monkeypatch, size):
    """Of a small session, which has one study, and of a large one, which has two."""
    from objectives import ReturnPanel

    small = ReturnPanel.synthetic(n_pairs=12, n_days=160)
    monkeypatch.setattr(ReturnPanel, "synthetic", lambda: small)
    done = cli("demo", "--size", size, "--folder", "here")
    assert done.code == 0, done.err
    lines = done.out.partition("in Python\n")[2].splitlines()
    names = {}
    exec("\n".join(line.strip() for line in lines[:3]), names)
    table = eval(lines[2].strip(), names)
    best = eval(lines[3].strip(), names)
    assert best.user_attrs["strategy_id"] == table["strategy_id"].iloc[0]


def test_demo_has_a_database_of_its_own(cli, empty):
    done = cli("--database", "mine.db", "demo")
    assert done.code == 2
    assert "--folder" in done.error
