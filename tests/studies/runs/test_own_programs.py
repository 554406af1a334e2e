"""Objectives of the user's own, by every method: two workers, one killed, the same results."""

import functools
import json
import signal
import sys
from pathlib import Path

import pytest

from objectives.examples.momentum import MomentumObjective
from search_spaces.errors import ConfigError, SessionError
from studies import Session
from studies.analysis import look_ahead_of, verify_session
from studies.analysis.verdict import verify_within
from studies.database.tables import execution_log
from tests.helpers.sessions import check_adaptive, make_config, results_of, table_rows
from tests.studies.runs.test_chaos import done, start_coordinator

ROOT = Path(__file__).parents[3]
SCRIPT = [sys.executable, str(ROOT / "scripts" / "example_backtest.py")]
FIGURES = {"sharpe_ratio": "performance.sharpe_ratio", "total_return": "performance.total_return"}
PROGRAM = {"lookback": {"choice": [2, 5, 9, 20]}, "floor": {"choice": [0.0, 0.0001, 0.0002, 1.0]}}
"""16 strategies; those with floor 1.0 buy nothing and fail."""

DATES = {"start_date": "2025-01-01", "end_date": "2025-03-31"}
OBJECTIVES = {
    "adapter": ("external", PROGRAM, {"command": SCRIPT, "preset": "backtest_v5"}),
    "server": (
        "external",
        PROGRAM,
        {
            "command": [*SCRIPT, "--server"],
            "mode": "server",
            "figures": FIGURES,
            "success": "success",
            "daily_returns": "daily_returns",
        },
    ),
    "pandas": (
        "objectives.examples.momentum:MomentumObjective",
        {"lookback": {"choice": [5, 10, 20, 40]}, "n_held": {"range": [1, 4]}},
        {},
    ),
}


def sections_of(name):
    kind, parameters, options = OBJECTIVES[name]
    metric = "sharpe_ratio" if kind == "external" else "net_sharpe_ratio"
    sections = {
        "objective": {"type": kind, "metrics": {metric: "maximize"}, "options": options},
        "parameters": parameters,
        "execution": {"chunk_size": 2, "lease_seconds": 1.0},
    }
    return sections | ({"backtest": DATES} if kind == "external" else {})


QUICK = [("adapter", "exhaustive"), ("server", "genetic"), ("pandas", "tpe")]
CASES = [
    pytest.param(name, method, marks=[] if (name, method) in QUICK else pytest.mark.slow)
    for name in OBJECTIVES
    for method in ("exhaustive", "tpe", "genetic")
]


@pytest.fixture(scope="module")
def make_url(databases, market):
    """URLs of databases of one's own: without a market for programs, which bring their data."""
    made = []

    def make_url(name):
        made.append(databases.copy(market) if name == "pandas" else databases.create())
        return made[-1]

    yield make_url
    for url in made:
        databases.drop(url)


@pytest.fixture(scope="module")
def reference_of(make_url):
    """Results of all strategies of an objective, undisturbed."""

    @functools.cache
    def reference_of(name):
        session = Session.create(make_config(make_url(name), **sections_of(name)))
        session.run()
        found = results_of(session)
        session.engine.dispose()
        return {row["strategy_id"]: row for row in found}

    return reference_of


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize(("name", "method"), CASES)
def test_one_worker_is_killed_and_two_go_on(make_url, reference_of, name, method):
    options = {} if method == "exhaustive" else {"method": method, "size": 16, "seed": 3}
    session = Session.create(make_config(make_url(name), **sections_of(name)), **options)
    killed = start_coordinator(session, parallel=1, die_after=3)
    killed.communicate(timeout=60)
    assert killed.returncode == -signal.SIGKILL
    assert 0 < done(session) < 16
    workers = [start_coordinator(session, parallel=1) for _ in range(2)]
    for worker in workers:
        _, errors = worker.communicate(timeout=60)
        assert worker.returncode == 0, errors
    assert session.refresh().status == "completed"
    expected = reference_of(name)
    found = {row["strategy_id"]: row for row in results_of(session)}
    assert found == {strategy_id: expected[strategy_id] for strategy_id in found}
    if method == "tpe":
        check_adaptive(session)
    else:
        assert found.keys() == expected.keys()
        assert done(session) == 16
    session.engine.dispose()


@pytest.fixture
def program_session(empty_url, tmp_path):
    """A session of a program that ends as its text says; it brings its data."""

    def make(text, **options):
        script = tmp_path / "program.py"
        script.write_text(text)
        figures = {"sharpe_ratio": "sharpe_ratio"}
        chosen = {"command": [sys.executable, str(script), "{config}"], "figures": figures}
        sections = sections_of("adapter")
        sections["objective"]["options"] = {**chosen, **options}
        return Session.create(make_config(empty_url, **sections))

    return make


def test_the_log_says_how_programs_ended(program_session):
    session = program_session(
        "import json, sys\n"
        "config = json.load(open(sys.argv[1]))\n"
        "if config['parameters']['lookback'] == 9:\n"
        "    print('no prices', file=sys.stderr)\n"
        "    sys.exit(4)\n"
        "print(json.dumps({'sharpe_ratio': 1.0}))\n"
    )
    session.run()
    entries = [row for row in table_rows(session, execution_log, "id") if row["strategy_id"]]
    failed = [row["strategy_id"] for row in results_of(session) if row["sharpe_ratio"] is None]
    assert sorted(row["strategy_id"] for row in entries) == sorted(failed)
    assert len(failed) == 4
    for row in entries:
        assert (row["log_level"], row["message"]) == ("WARNING", "error: exit 4: no prices")
        details = json.loads(row["details"])
        assert (details["exit_code"], details["stderr"]) == (4, "no prices")
        assert details["seconds"] > 0


def test_the_log_of_a_chunk_has_an_end(make_session):
    """Of many failures at once the first are listed, the others counted."""
    sections = sections_of("pandas")
    sections["objective"]["type"] = f"{__name__}:Broken"
    sections["parameters"]["n_held"] = {"range": [1, 20]}
    session = make_session(**sections | {"execution": {"chunk_size": 40}}, size=40)
    session.run()
    entries = [
        row for row in table_rows(session, execution_log, "id") if row["log_level"] != "INFO"
    ]
    assert len(entries) == 21
    assert entries[-1]["message"].startswith("20 more strategies")
    for row in entries[:-1]:
        assert row["message"] == "error: ValueError: no such column"
        assert "in measure" in json.loads(row["details"])["traceback"]


class Broken(MomentumObjective):
    """Raises."""

    def measure(self, params, returns):
        raise ValueError("no such column")


def test_without_a_market_a_program_needs_dates(empty_url):
    config = make_config(empty_url, **sections_of("adapter") | {"backtest": {}})
    with pytest.raises(ConfigError, match=r"set backtest\.start_date and backtest\.end_date"):
        Session.create(config)


def test_the_verdict_on_a_program_is_of_its_days(make_url, reference_of):
    sections = sections_of("server") | {"backtest": {**DATES, "end_date": "2025-12-31"}}
    session = Session.create(make_config(make_url("server"), **sections))
    session.run()
    stored = verify_session(session)
    assert stored.settings["n_population"] == 16
    assert stored.verdict.word in ("weak", "no evidence", "cannot tell")  # never against a basket
    assert stored.verdict.figures["p_cash"] is not None
    with pytest.raises(SessionError, match="a program of your own reads its own market"):
        look_ahead_of(session)
    # it would have to run all strategies again
    assert verify_within(session, 1e-6) is None
    session.engine.dispose()
