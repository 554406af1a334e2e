"""``export --best-config`` and ``backtest``."""

import sqlite3
from pathlib import Path

import pytest
import yaml

from studies.analysis.export_files import EXPORT_FORMATS
from studies.cli.export import export_command
from tests.studies.cli.conftest import SMALL_SPACE


@pytest.fixture
def best(cli, project):
    """The best strategy in best.yaml, as the command says it."""
    done = cli("export", "--best-config", "best.yaml", "--json")
    assert done.code == 0, done.err
    return done.json


def test_the_figures_are_those_of_top(cli, best):
    first = cli("top", "-n", 1, "--json").json["strategies"][0]
    assert best["strategy_id"] == first["strategy_id"]
    done = cli("backtest", "--config", "best.yaml", "--json")
    assert (done.code, done.err) == (0, "")
    told = done.json
    assert told["strategy_id"] == first["strategy_id"]
    assert told["metrics"] == first["metrics"]
    assert told["parameters"] == first["parameters"]
    assert (told["market_or_settings_changed"], told["different"]) == (False, [])
    assert told["equity"][-1]["total"] == first["metrics"]["final_balance"]
    assert told["verdict"] == cli("top", "--json").json["verdict"]
    assert "equity" not in cli("backtest", "--config", "best.yaml", "--no-chart", "--json").json


def test_for_people(cli, best):
    done = cli("backtest", "--config", "best.yaml")
    assert done.out.startswith(f"{best['strategy_id']}\n")
    assert f"  recorded  by {best['session_id']}; all 18 figures are identical\n" in done.out
    assert "  verdict   " in done.out
    assert "every pair alike" in done.out
    assert "⣀" in done.out
    assert "⣀" not in cli("backtest", "--config", "best.yaml", "--no-chart").out


def test_a_changed_market(cli, best):
    with sqlite3.connect("funding_rate.db") as connection:
        connection.execute("UPDATE return_metrics SET return_1d = 1.5 * return_1d")
    done = cli("backtest", "--config", "best.yaml")
    assert done.code == 0
    assert "has changed since the figures of the file were recorded; " in done.err
    assert "figures that differ from the record" in done.out
    told = cli("backtest", "--config", "best.yaml", "--json").json
    assert told["market_or_settings_changed"] is True
    assert "total_return" in told["different"]
    assert told["warnings"]


def test_figures_that_differ_on_the_same_market_are_an_error_of_ours(cli, best):
    values = yaml.safe_load(Path("best.yaml").read_text())
    values["strategy"]["figures"]["total_return"] = 0.5
    Path("wrong.yaml").write_text(yaml.safe_dump(values))
    done = cli("backtest", "--config", "wrong.yaml", "--no-chart")
    assert "total_return differs; please report this" in done.err
    assert "1 of 18 differ" in done.out


def test_a_strategy_with_the_configuration_of_today(cli, project):
    done = cli("backtest", "--strategy", "SR_W5_1D_D10_S3_EQ", "--no-chart")
    assert done.code == 0, done.err
    assert "  verdict   is one of a session: mass-tuning generate, execute, verify\n" in done.out
    assert "recorded" not in done.out
    refused = cli("backtest")
    assert refused.code == 2
    assert "give an id, or best, or with --config a file" in refused.error
    refused = cli("backtest", "--strategy", "nothing")
    assert refused.code == 2
    assert "'nothing'" in refused.error


def test_a_strategy_that_fails_says_so(cli, project):
    done = cli("backtest", "--strategy", "SR_W5_1D_D150_S3_EQ", "--no-chart")
    assert done.code == 0
    assert "it counts as failed: insufficient_data" in done.err


def test_the_file_is_a_configuration_of_every_other_command(cli, best):
    assert cli("--config", "best.yaml", "top", "--json").json["session_id"] == best["session_id"]
    assert cli("--config", "best.yaml", "generate", *SMALL_SPACE, "--size", 5).code == 0
    told = yaml.safe_load(cli("--config", "best.yaml", "config").out)
    assert told["strategy"]["id"] == best["strategy_id"]


def test_another_strategy_and_where_it_is_written(cli, project):
    other = cli("top", "-n", 9, "--json").json["strategies"][-1]["strategy_id"]
    assert cli("export", "--best-config", "x.yaml", "--strategy", other).code == 0
    assert yaml.safe_load(Path("x.yaml").read_text())["strategy"]["id"] == other
    written = cli("export", "--best-config", "-", "--strategy", other)
    assert written.out == Path("x.yaml").read_text()
    assert other in written.err
    for target, message in (
        ("funding_rate.db", "is part of the database"),
        ("nowhere/x.yaml", "does not exist"),
    ):
        refused = cli("export", "--best-config", target)
        assert refused.code == 2
        assert message in refused.error
    refused = cli("--config", "x.yaml", "export", "--best-config", "x.yaml")
    assert "is the configuration and is not written over" in refused.error
    assert cli("top").code == 0


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--best-config", "x.yaml", "--top", 3], "--best-config writes one strategy"),
        (["--best-config", "x.yaml", "-o", "y.csv"], "--best-config writes one strategy"),
        (["--best-config", "x.yaml", "--pareto"], "--best-config writes one strategy"),
        (["--strategy", "SR_W5_1D_D10_S3_EQ"], "add --best-config FILE, or see one strategy with"),
        (["--best-config", "-", "--json"], "leave one of them out"),
        (["--best-config", "x.yaml", "--strategy", "nothing"], "no result of 'nothing'"),
    ],
)
def test_options_that_do_not_go_together(cli, project, args, message):
    refused = cli("export", *args)
    assert refused.code == 2
    assert message in refused.error
    assert not Path("x.yaml").exists()


def test_every_format_can_be_asked_for():
    (option,) = [param for param in export_command.params if param.name == "file_format"]
    assert tuple(option.type.choices) == EXPORT_FORMATS


def test_the_best_and_some_columns(cli, project):
    shown = cli("top", "-n", 4, "--metric", "total_return", "--json").json["strategies"]
    names = "rank,strategy_id,total_return"
    args = ("--top", 4, "--metric", "total_return", "--columns", names, "--format", "json")
    written = cli("export", *args, "-o", "-")
    lines = [yaml.safe_load(line) for line in written.out.splitlines()]
    assert [line["strategy_id"] for line in lines] == [row["strategy_id"] for row in shown]
    assert [line["rank"] for line in lines] == [row["rank"] for row in shown]
    assert list(lines[0]) == names.split(",")
    assert "4 distinct results of session_" in written.err
    done = cli("export", *args[:4], "--all-names", "-o", "x.xlsx")
    assert "4 strategies of session_" in done.out
    assert Path("x.xlsx").read_bytes().startswith(b"PK")
    assert cli("export", "--metric", "total_return").code == 2
    assert "unknown column 'luck'" in cli("export", "--columns", "luck", "-o", "y.csv").error
