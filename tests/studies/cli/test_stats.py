"""``stats``, and filters and columns of ``top`` and ``export``."""

import csv
import re
import sqlite3
import statistics
from pathlib import Path

import pytest

from studies.cli.app import run
from tests.studies.cli.conftest import N_STRATEGIES, SMALL_SPACE

GOOD = "FROM hyperparameter_tuning_results WHERE net_sharpe_ratio IS NOT NULL"


def rows(query):
    with sqlite3.connect("funding_rate.db") as connection:
        return connection.execute(query).fetchall()


@pytest.mark.usefixtures("project")
def test_stats(cli):
    found = cli("stats", "--json").json
    returns = [value for (value,) in rows(f"SELECT total_return {GOOD}")]
    assert (found["recorded"], found["strategies"]) == (N_STRATEGIES, N_STRATEGIES)
    assert found["filter"] is None
    assert found["failed"] == N_STRATEGIES - len(returns)
    assert found["failures"] == {"insufficient_data": found["failed"]}
    summary = found["figures"]["total_return"]
    assert summary["n"] == len(returns)
    assert summary["mean"] == pytest.approx(statistics.mean(returns))
    assert summary["median"] == pytest.approx(statistics.median(returns))
    assert summary["share_above_zero"] == sum(r > 0 for r in returns) / len(returns)
    importance = found["importance"]
    assert importance["method"] == "functional ANOVA"
    assert importance["strategies"] == len(returns)  # one data_period failed as a whole
    assert set(importance["parameters"]) >= {"factors", "window_size"}
    assert 0 < sum(importance["parameters"].values()) <= 1
    assert found["values"] == []
    text = cli("stats").out
    assert f"{N_STRATEGIES} of {N_STRATEGIES} strategies done, {found['failed']} failed" in text
    assert f"insufficient_data: {found['failed']}" in text
    shown = re.escape(f"{100 * summary['median']:.2f} %")
    assert re.search(rf"^return +{len(returns)} .* {shown} ", text, re.MULTILINE)
    first, share = next(iter(importance["parameters"].items()))
    assert f"net sharpe is decided by {first} {100 * share:.0f} %, " in text
    assert "of the variance" in text


@pytest.mark.usefixtures("project")
def test_stats_by_a_parameter_of_what_a_filter_leaves(cli):
    options = ("--by", "factors", "--where", "window_size = 5", "--without", "IC")
    found = cli("stats", *options, "--json").json
    assert found["filter"] == "window_size = 5, without IC"
    assert found["strategies"] == N_STRATEGIES / 2 * 2 / 3
    values = {(v["value"], v["contains"]): v for v in found["values"]}
    assert set(values) == {("SR", True), ("DD", True), ("SR", False), ("SR_DD", False)}
    assert values["SR", True]["strategies"] == found["strategies"]
    assert values["DD", True] | {"value": "SR_DD", "contains": False} == values["SR_DD", False]
    where = """AND window_size = 5 AND weight_method != 'IC' AND factors = '["SR"]'"""
    sharpes = [value for (value,) in rows(f"SELECT net_sharpe_ratio {GOOD} {where}")]
    summary = values["SR", False]["figures"]["net_sharpe_ratio"]
    assert (summary["n"], summary["largest"]) == (len(sharpes), max(sharpes))
    text = cli("stats", *options).out
    assert "(window_size = 5, without IC)" in text
    line = next(line for line in text.splitlines() if line.startswith("with SR "))
    assert line.split()[2] == str(int(found["strategies"]))
    nothing = cli("stats", "--where", "window_size > 1000")
    assert nothing.code == 0
    assert "cannot be said" in nothing.out


@pytest.mark.usefixtures("project")
def test_refusals_are_one_line(cli):
    for command in ("stats", "top", "export"):
        refused = cli(command, "--where", "window_size < 20 and")
        assert refused.code == 2
        assert "character 21, at its end: a name, a number" in refused.error
        assert (
            cli(command, "--factor", "XX").error
            == "unknown factor 'XX'; there are SR, DD, TR, ST, WR, SO"
        )
        assert cli(command, "--without", "XX").code == 2
    assert "unknown parameter 'window'" in cli("stats", "--by", "window").error
    assert "--columns: there is no 'nothing'" in cli("top", "--columns", "nothing").error
    assert "unknown column 'nothing'" in cli("export", "--columns", "nothing").error
    for command in ("top", "export"):
        assert "a comma between two" in cli(command, "--columns", "total_return,,").error


@pytest.mark.usefixtures("project")
def test_top_of_what_a_filter_leaves(cli):
    options = ("--where", "window_size = 10", "--factor", "DD", "--without", "IC")
    document = cli("top", *options, "--all-names", "-n", 999, "--json").json
    where = """AND window_size = 10 AND factors = '["SR", "DD"]' AND weight_method != 'IC'"""
    assert document["filter"] == "window_size = 10, with DD, without IC"
    assert sorted(row["strategy_id"] for row in document["strategies"]) == sorted(
        strategy_id for (strategy_id,) in rows(f"SELECT strategy_id {GOOD} {where}")
    )
    text = cli("top", *options).out
    assert "by net_sharpe_ratio (window_size = 10, with DD, without IC), " in text
    assert "no selected strategy has a" in cli("top", "--where", "window_size > 99").out


@pytest.mark.usefixtures("project")
def test_top_by_neighbours_in_columns_of_ones_own(cli):
    columns = "neighbours,window_size,turnover"
    text = cli("top", "--sort", "neighbours", "--columns", columns).out
    head = next(line for line in text.splitlines() if line.startswith("rank"))
    assert re.sub(" +", " ", head).endswith("neighbours window size turnover")
    document = cli("top", "--metric", "neighbours", "--columns", columns, "--json").json
    assert (document["metric"], document["direction"]) == ("neighbours", "maximize")
    medians = [row["neighbours"] for row in document["strategies"]]
    assert medians == sorted(medians, reverse=True)
    assert {tuple(row["parameters"]) for row in document["strategies"]} == {("window_size",)}
    assert {tuple(row["metrics"]) for row in document["strategies"]} == {("turnover",)}
    assert set(cli("top", "--json").json["strategies"][0]["parameters"]) > {"window_size"}


@pytest.mark.usefixtures("project")
def test_export_of_what_a_filter_leaves(cli):
    options = ("--where", "trade_count >= 1", "--columns", "strategy_id, trade_count")
    document = cli("export", *options, "-o", "x.csv", "--json").json
    with Path("x.csv").open(newline="") as file:
        written = list(csv.DictReader(file))
    kept = rows(f"SELECT strategy_id, trade_count {GOOD} AND trade_count >= 1 ORDER BY id")
    assert [(row["strategy_id"], int(row["trade_count"])) for row in written] == kept
    assert [*written[0]] == ["strategy_id", "trade_count"]
    assert (document["strategies"], document["filter"]) == (len(kept), "trade_count >= 1")
    assert "(trade_count >= 1) in x.csv" in cli("export", *options, "-o", "x.csv").out


def test_four_lines_after_a_run_and_what_spends_the_days_out_of_sample(cli, project):
    (project / "mass_tuning_config.yaml").write_text(
        "backtest: {split_date: 2024-05-15, min_active_days: 20}\n"
    )
    assert run(["generate", *SMALL_SPACE]) == 0
    lines = cli("execute").out.splitlines()
    place = next(i for i, line in enumerate(lines) if line.startswith("net sharpe: median "))
    number = r"-?[\d.]+"
    half = rf"half of \d+ between {number} and {number}, {number} % above 0"
    assert re.fullmatch(rf"net sharpe: median {number}, {half}", lines[place])
    medians = rf"return {number} %, drawdown {number} %, win rate {number} %"
    bars = "[▁▂▃▄▅▆▇█·]{32}"
    assert re.fullmatch(rf"net sharpe: {number} {bars} {number}", lines[place + 1])
    assert re.fullmatch(f"medians: {medians}", lines[place + 2])
    assert lines[place + 3].startswith("net sharpe is decided by ")
    assert any(line.startswith("rank") for line in lines[place + 4 :])
    spent = cli("top", "--where", "oos_total_return > -1")
    assert "choosing by oos_total_return spends the out-of-sample days" in spent.err
    assert "spends" not in cli("top", "--where", "total_return > -1").err
    correlation = cli("stats", "--json").json["rank_correlation_out_of_sample"]
    text = f"net sharpe in against out of sample: rank correlation {correlation:.2f}"
    assert text in cli("stats").out
    assert run(["generate", *SMALL_SPACE]) == 0
    document = cli("execute", "--json").json
    assert document["statistics"]["recorded"] == N_STRATEGIES
