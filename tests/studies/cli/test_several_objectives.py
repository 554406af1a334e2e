"""Commands that tell what came out of a session, where it has several objectives."""

import json
import re
import shutil

import pandas as pd
import pytest

from studies.cli.app import run
from tests.studies.cli.conftest import N_STRATEGIES, SMALL_SPACE

BY = "by net_sharpe_ratio (maximize), turnover (minimize)"


@pytest.fixture(scope="module")
def several(finished, tmp_path_factory):
    """A folder with the market and, after the session of one objective, one of two."""
    folder = tmp_path_factory.mktemp("several")
    for path in finished.iterdir():
        shutil.copy(path, folder)
    config = folder / "mass_tuning_config.yaml"
    config.write_text("objective: {metrics: {net_sharpe_ratio: maximize, turnover: minimize}}\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert run(["generate", *SMALL_SPACE]) == 0
        assert run(["execute"]) == 0
    return folder


@pytest.fixture
def here(several, monkeypatch):
    monkeypatch.chdir(several)
    return several


@pytest.fixture
def front(cli, here):
    """The front as ``top`` tells it to programs."""
    return cli("top", "-n", 999, "--json").json


def first_objective(cli):
    return [row["session_id"] for row in cli("sessions", "--json").json][1]


def test_top_is_the_front(cli, front):
    assert (front["pareto"], front["front_size"]) == (True, len(front["strategies"]))
    assert front["objectives"] == {"net_sharpe_ratio": "maximize", "turnover": "minimize"}
    assert (front["metric"], front["direction"]) == ("net_sharpe_ratio", "maximize")
    assert front["front_size"] > 10
    for name in front["objectives"]:  # of two objectives one costs the other
        values = [row["metrics"][name] for row in front["strategies"]]
        assert values == sorted(values, reverse=True)
    size = front["front_size"]
    text = cli("top", "-n", 999).out
    what = f"Pareto front of {size} distinct results {BY}"
    assert text.startswith(f"{front['session_id']}  {what}, 240 of 240 strategies done")
    head = next(line for line in text.splitlines() if line.startswith("rank"))
    titles = (
        r"rank  strategy +names +net sharpe +turnover +excess sharpe +return +drawdown +win rate"
    )
    assert re.match(titles, head)
    drawdown = front["strategies"][0]["metrics"]["max_drawdown"]
    assert f" -{100 * drawdown:.2f} %" in text
    assert "more on the front" not in text


def test_top_of_a_long_front_says_how_many_more(cli, front):
    told = cli("top", "-n", 2, "--json").json
    assert told["front_size"] == front["front_size"]
    assert told["strategies"] == front["strategies"][:2]
    text = cli("top", "-n", 2).out
    size = front["front_size"]
    assert text.endswith(
        f"{size - 2} more on the front: mass-tuning top --session {front['session_id']} -n {size}\n"
    )


def test_top_by_one_figure(cli, front):
    told = cli("top", "--metric", "net_sharpe_ratio", "--json").json
    assert (told["pareto"], told["front_size"], told["direction"]) == (False, None, "maximize")
    assert [row["rank"] for row in told["strategies"]] == list(range(1, 11))
    by_id = {row["strategy_id"]: row for row in told["strategies"]}
    assert any(row["strategy_id"] in by_id for row in front["strategies"])
    assert "by max_drawdown, 240" in cli("top", "--metric", "max_drawdown").out
    assert "name one with --metric" in cli("top", "--direction", "minimize").error


def test_one_objective_as_ever(cli, here):
    session_id = first_objective(cli)
    told = cli("top", "--session", session_id, "--json").json
    assert set(told) == {
        "session_id", "status", "metric", "direction", "filter", "warnings", "verdict",
        "strategies",
    }  # fmt: skip
    assert "Pareto" not in cli("top", "--session", session_id).out
    shown = cli("show", "best", "--session", session_id, "--no-chart", "--json").json
    assert "pareto" not in shown
    assert "Pareto" not in cli("show", "best", "--session", session_id, "--no-chart").out


def test_show_says_whether_a_strategy_is_on_the_front(cli, front):
    last = front["strategies"][-1]
    told = cli("show", last["strategy_id"], "--no-chart", "--json").json
    assert (told["pareto"], told["rank"]) == (True, last["rank"])
    text = cli("show", last["strategy_id"], "--no-chart").out
    place = f"rank {last['rank']} of {told['n_ranked']} values of net_sharpe_ratio, on the Pareto "
    assert text.startswith(f"{last['strategy_id']}  {place}")
    best = cli("show", "best", "--no-chart", "--json").json
    assert best["strategy_id"] == front["strategies"][0]["strategy_id"]
    worst = cli(
        "top", "-n", 1, "--metric", "net_sharpe_ratio", "--direction", "minimize", "--json"
    ).json["strategies"][0]["strategy_id"]
    assert " values of net_sharpe_ratio, not on the Pareto front" in cli("show", worst).out


def test_execute_ends_with_the_front(cli, several, tmp_path, monkeypatch):
    for path in several.iterdir():
        shutil.copy(path, tmp_path)
    monkeypatch.chdir(tmp_path)
    assert cli("generate", *SMALL_SPACE).code == 0
    done = cli("execute")
    assert f"\nPareto front {BY}, the first 3\n\nrank  strategy" in done.out
    front = cli("top", "-n", 3, "--json").json["strategies"]
    assert [row["strategy_id"] in done.out for row in front] == [True] * 3
    assert cli("generate", *SMALL_SPACE).code == 0
    told = cli("execute", "--json").json
    assert told["top"] == cli("top", "-n", 3, "--json").json["strategies"]


@pytest.mark.parametrize("chosen", ["csv", "json", "parquet"])
def test_export(cli, front, tmp_path, chosen):
    every = cli("top", "-n", 999, "--all-names", "--json").json["strategies"]
    ids = {row["strategy_id"] for row in every}
    assert {row["strategy_id"] for row in front["strategies"]} < ids
    path = tmp_path / f"all.{chosen}"
    assert cli("export", "-o", path, "--json").json["strategies"] == N_STRATEGIES
    frame = _read(path)
    assert set(frame.loc[frame["pareto"], "strategy_id"]) == ids
    told = cli("export", "-o", path, "--pareto", "--json").json
    assert told["strategies"] == len(ids)
    frame = _read(path)
    assert set(frame["strategy_id"]) == ids
    assert frame["pareto"].all()
    done = cli("export", "-o", path, "--pareto")
    assert f"{len(ids)} strategies of the Pareto front of {front['session_id']} in" in done.out


def test_no_front_of_one_objective_to_export(cli, here, tmp_path):
    session_id = first_objective(cli)
    path = tmp_path / "x.csv"
    done = cli("export", "--session", session_id, "--pareto", "-o", path)
    assert done.code == 2
    assert f"{session_id} has only net_sharpe_ratio; export everything" in done.error
    assert not path.exists()
    assert cli("export", "--session", session_id, "-o", path).code == 0
    assert "pareto" not in _read(path)


def _read(path):
    if path.suffix == ".json":
        return pd.DataFrame([json.loads(line) for line in path.read_text().splitlines()])
    return pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path)
