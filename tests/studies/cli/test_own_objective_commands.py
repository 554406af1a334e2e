"""The commands on an objective of one's own."""

import pyarrow.parquet as pq
import yaml

OBJECTIVE = "objectives.examples.momentum:MomentumObjective"
SPACE = {"lookback": {"choice": [5, 10, 20, 40]}, "n_held": {"range": [1, 6]}}


def test_the_commands(cli, project):
    config = {
        "objective": {"type": OBJECTIVE, "metrics": {"total_return": "maximize"}},
        "parameters": SPACE,
        "backtest": {"start_date": "2024-02-01", "min_active_days": 30},
    }
    (project / "own.yaml").write_text(yaml.safe_dump(config))
    made = cli("--config", "own.yaml", "generate", "--mode", "exhaustive", "--json").json
    assert (made["total"], made["objective"]) == (24, {"total_return": "maximize"})
    assert cli("--config", "own.yaml", "execute").code == 0
    best = cli("--config", "own.yaml", "top", "-n", "2")
    assert best.code == 0
    assert "P" in best.out
    (first,) = cli("--config", "own.yaml", "top", "-n", "1", "--json").json["strategies"]
    assert set(first["parameters"]) == {"lookback", "n_held"}
    shown = cli("--config", "own.yaml", "show", "best")
    assert shown.code == 0
    assert "an objective of its own" in shown.err
    assert "lookback" in shown.out
    assert cli("--config", "own.yaml", "export", "-o", "all.csv").code == 0
    header = (project / "all.csv").read_text().splitlines()[0].split(",")
    assert header[:3] == ["strategy_id", "lookback", "n_held"]
    few = ("--columns", "n_held,total_return", "--top", "3")
    assert cli("--config", "own.yaml", "export", *few, "-o", "few.parquet").code == 0
    schema = pq.read_schema(project / "few.parquet")
    assert {field.name: str(field.type) for field in schema} == {
        "n_held": "int64",
        "total_return": "double",
    }
    assert (
        pq.read_table(project / "few.parquet")["n_held"][0].as_py() == first["parameters"]["n_held"]
    )
    assert cli("--config", "own.yaml", "export", "--best-config", "best.yaml").code == 0
    again = cli("backtest", "--config", "best.yaml")
    assert (again.code, again.err) == (0, "")
    assert "figures are identical" in again.out
    assert "lookback" in again.out
