"""Programs of every bad habit: each the right outcome, and no process left."""

import shutil
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest

from objectives import BacktestSettings, ReturnPanel
from objectives.external import ExternalObjective
from objectives.external.daily import read_days
from search_spaces import Choice, Range, SearchSpace
from search_spaces.errors import ConfigError

PROGRAMS = Path(__file__).with_name("programs.py")
SPACE = SearchSpace([Range("a", 0, 9), Range("b", 1, 2)])
FIGURES = {
    "total_return": "performance.total_return",
    "sharpe_ratio": "performance.sharpe_ratio",
    "win_rate": {"path": "performance.win_rate", "scale": 0.01},
}


@pytest.fixture(scope="module")
def panel():
    return ReturnPanel.synthetic(n_pairs=4, n_days=30)


@pytest.fixture
def program(tmp_path):
    """The program under a name of this test's own, by which its processes are found."""
    return shutil.copy(PROGRAMS, tmp_path / "program.py")


@pytest.fixture
def make(panel, program):
    made = []

    def make(kind, **options):
        command = [sys.executable, str(program), kind]
        if kind != "server":
            command.append("{config}")
        chosen = {"command": command, "figures": FIGURES, "success": "success", "seconds": 20}
        objective = ExternalObjective(
            panel, space=SPACE, metrics=["total_return"], **{**chosen, **options}
        )
        made.append(objective)
        return objective

    yield make
    for objective in made:
        objective.close()


@pytest.fixture(autouse=True)
def no_process_is_left(program):
    yield
    deadline = time.monotonic() + 5
    while True:
        left = [
            each
            for each in psutil.process_iter(["cmdline"])
            if str(program) in (each.info["cmdline"] or [])
        ]
        if not left:
            return
        assert time.monotonic() < deadline, f"left over: {left}"
        time.sleep(0.05)


def of(points):
    a, b = SPACE.digits(np.array(points)).T
    return a + 10.0 * (b + 1)


def test_figures_are_read_by_their_paths_and_scaled(make):
    batch = make("plain").evaluate([0, 5, 19])
    assert batch.names == ("total_return", "sharpe_ratio", "win_rate")
    assert batch.failure == (None, None, None)
    np.testing.assert_array_equal(batch.values[:, 0], of([0, 5, 19]))
    np.testing.assert_array_equal(batch.values[:, 1], -of([0, 5, 19]))
    np.testing.assert_array_equal(batch.values[:, 2], 0.5)


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("broken", "error: no JSON object in its output of"),
        ("exit", "error: exit 1: ValueError: no such pair"),
        ("signal", "error: ended by signal 9"),
        ("nan", "undefined_metric"),
        ("null", "undefined_metric"),
        ("text", "error: performance.total_return is a number, got 'much'"),
        ("foreign", "error: the program says no success: it says no reason"),
        ("refused", "error: the program says no success: not enough history"),
    ],
)
def test_a_bad_run_fails_alone_with_its_reason(make, kind, reason):
    (found,) = make(kind).evaluate([3]).failure
    assert found is not None
    assert found.startswith(reason)


@pytest.mark.parametrize("kind", ["huge", "several", "utf16"])
def test_odd_output_is_read(make, kind):
    batch = make(kind).evaluate([3])
    assert batch.failure == (None,)
    assert batch.values[0, 0] == of([3])[0]


def test_a_program_that_hangs_is_ended(make):
    batch = make("hang", seconds=0.5, retries=0).evaluate([3])
    assert batch.failure == ("timeout: longer than 0.5 s",)


def test_children_end_with_their_parent(make):
    points = np.arange(20)
    waits = points[SPACE.digits(points)[:, 0] == 0][0]
    ends = points[SPACE.digits(points)[:, 0] == 1][0]
    batch = make("children", seconds=3, retries=0).evaluate([waits, ends])
    assert batch.failure == ("timeout: longer than 3 s", None)


def test_memory_is_limited(make):
    (reason,) = make("memory", memory_mb=512).evaluate([3]).failure
    assert reason == "error: exit 1: MemoryError"


def test_it_reads_nothing_from_the_terminal(make):
    batch = make("stdin").evaluate([3])
    assert batch.values[0, 0] == 0


def test_only_named_variables_reach_the_program(make, monkeypatch):
    monkeypatch.setenv("ALLOWED", "5")
    monkeypatch.setenv("SECRET", "6")
    batch = make("environment", environment=["ALLOWED"]).evaluate([3])
    assert batch.values[0, :2].tolist() == [5.0, -1.0]


@pytest.mark.parametrize("mode", ["batch", "server"])
def test_many_strategies_in_one_process_are_equal_to_one_each(make, mode):
    points = np.arange(20)
    assert make(mode, mode=mode, seconds=3, retries=0).evaluate(points[:7]).failure == (None,) * 7
    found = make(mode, mode=mode, seconds=3, retries=0).evaluate(points)
    expected = make("plain").evaluate(points)
    good = [row for row, reason in enumerate(found.failure) if reason is None]
    np.testing.assert_array_equal(found.values[good], expected.values[good])
    if mode == "batch":  # those without an answer ran again alone
        assert found.failure == (None,) * 20
    else:
        bad = {reason for reason in found.failure if reason is not None}
        assert bad == {"error: exit 3", "timeout: longer than 3 s"}


def test_a_program_that_is_missing_is_no_strategys_failure(make, tmp_path):
    for command, text in [
        (["no-such-program-at-all", "{config}"], "there is no program no-such-program-at-all"),
        (["./missing", "{config}"], "there is no program"),
    ]:
        with pytest.raises(ConfigError, match=text):
            make("plain", command=command).check()
        with pytest.raises(ConfigError, match=text):
            make("plain", command=command).evaluate([0])
    script = tmp_path / "script.py"
    script.write_text("print(1)")
    with pytest.raises(ConfigError, match="cannot be executed; allow it with chmod"):
        make("plain", command=[str(script), "{config}"]).check()


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"command": "python x.py {config}"}, "command is a list, one item an argument"),
        ({"command": []}, "not empty"),
        ({"command": ["python"]}, r"no \{config\}"),
        ({"figures": {"sharp": "a"}}, "unknown metric 'sharp'"),
        ({"figures": {}}, "figures says where"),
        ({"figures": {"total_return": 3}}, "is a path with dots"),
        ({"mode": "fork"}, "mode is one of process, batch, server"),
        ({"seconds": 0}, "seconds is a number from 0.01"),
        ({"memory_mb": True}, "memory_mb is a number"),
        ({"retries": 11}, "retries is a number from 0 to 10"),
        ({"environment": "PATH"}, "environment is a list of names"),
        ({"shell": True}, "unknown option 'shell'"),
        ({"mode": "batch", "command": ["p", "{config}", "{strategy_id}"]}, "needs mode: process"),
        ({"mode": "server", "command": ["p", "{config}"]}, "needs mode: process or batch"),
    ],
)
def test_impossible_options_are_refused(make, options, text):
    with pytest.raises(ConfigError, match=text):
        make("plain", **options)


def test_the_fingerprint_follows_the_program(panel, tmp_path):
    script = tmp_path / "program.py"
    prints = []
    for text in ("print(1)", "print(1)", "print(2)"):
        script.write_text(text)
        prints.append(
            ExternalObjective(
                panel,
                space=SPACE,
                metrics=["total_return"],
                command=[sys.executable, str(script), "{config}"],
                figures=FIGURES,
            ).fingerprint
        )
    assert prints[0] == prints[1] != prints[2]


def test_a_server_survives_its_end(make):
    objective = make("server", mode="server", seconds=5, retries=0)
    a7 = next(i for i in range(20) if SPACE.params(i)["a"] == 7)
    assert objective.evaluate([0]).failure == (None,)
    assert objective.evaluate([a7]).failure == ("error: exit 3",)
    assert objective.evaluate([1]).failure == (None,)


def test_the_log_hears_how_a_program_ended(make):
    for kind, expected in [
        ("exit", {"exit_code": 1, "stderr": "Traceback ...\nValueError: no such pair"}),
        ("broken", {"exit_code": 0}),
        ("signal", {"signal": 9, "tries": 2, "earlier": "error: ended by signal 9"}),
    ]:
        (details,) = make(kind).evaluate([3]).details.values()
        assert expected.items() <= details.items()
        assert details["seconds"] > 0
    assert make("broken").evaluate([3]).details[0]["output"].startswith('{"strategy_id"')
    assert make("plain").evaluate([3]).details == {}


def test_the_log_hears_how_a_server_ended(make):
    objective = make("server", mode="server", seconds=0.5, retries=0)
    a7, a8 = (next(i for i in range(20) if SPACE.params(i)["a"] == a) for a in (7, 8))
    batch = objective.evaluate([a7, 0, a8])
    assert batch.failure == ("error: exit 3", None, "timeout: longer than 0.5 s")
    assert batch.details == {0: {"exit_code": 3}}


def test_a_strategy_that_succeeds_at_the_second_try_is_worth_an_entry(make, tmp_path):
    batch = make("once", retries=1, directory=str(tmp_path)).evaluate([3])
    assert batch.failure == (None,)
    assert batch.details == {0: {"tries": 2, "earlier": "error: ended by signal 9"}}


@pytest.mark.parametrize("mode", ["process", "batch", "server"])
def test_daily_returns(make, mode):
    kind = "plain" if mode == "process" else mode
    objective = make(kind, mode=mode, daily_returns="days")
    daily = objective.daily_returns([0, 3])
    assert daily.dates[[0, -1]].tolist() == [
        objective.settings.start_date,
        objective.settings.end_date,
    ]
    a = SPACE.digits(np.array([0, 3]))[:, 0]
    expected = np.zeros((2, len(daily.dates)), dtype=np.float32)
    expected[:, 1] = a / 100
    np.testing.assert_array_equal(daily.net, expected)
    assert daily.failed.tolist() == [False, False]
    assert daily.exposure is daily.basket is None
    assert make(kind, mode=mode).daily_returns([0]) is None


@pytest.mark.parametrize(
    "days",
    [
        None,
        [],
        {},
        {"2024-02-30": 0.1},
        {"1999-01-01": 0.1},
        {"2024-01-02": "x"},
        {"2024-01-02": True},
        {"2024-01-02": 0.1, "2024-01-02T08:00": 0.1},
    ],
)
def test_days_that_cannot_be_read_are_unknown(days):
    dates = np.arange("2024-01-01", "2024-02-01", dtype="datetime64[D]")
    assert np.isnan(read_days(days, dates)).all()


def test_days_left_out_earned_nothing():
    dates = np.arange("2024-01-01", "2024-01-05", dtype="datetime64[D]")
    found = read_days({"2024-01-02": 0.25, "2024-01-04T00:00:00Z": -1}, dates)
    assert found.tolist() == [0.0, 0.25, 0.0, -1.0]


def test_a_drawdown_has_one_sign(make):
    objective = make("plain", figures={**FIGURES, "max_drawdown": "performance.sharpe_ratio"})
    batch = objective.evaluate([3])
    np.testing.assert_array_equal(batch.metrics["max_drawdown"], of([3]))
    np.testing.assert_array_equal(batch.metrics["sharpe_ratio"], -of([3]))


def test_a_preset_brings_arguments_and_figures(panel):
    script = PROGRAMS.parents[3] / "scripts" / "example_backtest.py"
    options = {"command": [sys.executable, str(script)], "preset": "backtest_v5"}
    space = SearchSpace([Choice("lookback", (5, 20)), Choice("floor", (0.0, 1.0))])
    settings = BacktestSettings(start_date="2025-01-01", end_date="2025-06-30")
    market = ReturnPanel.without_pairs("2025-01-01", "2025-06-30")
    objective = ExternalObjective(
        market, settings, space=space, metrics=["sharpe_ratio"], **options
    )
    batch = objective.evaluate(np.arange(4))
    assert batch.names == (
        "final_balance",
        "total_return",
        "annual_return",
        "sharpe_ratio",
        "max_drawdown",
        "win_rate",
        "avg_holding_days",
    )
    assert batch.failure[0] is batch.failure[2] is None
    reason = "error: the program says no success: nothing was ever bought"
    assert batch.failure[1] == batch.failure[3] == reason
    assert (batch.metrics["final_balance"][[0, 2]] > 10_000).all()
    own = {"total_return": "performance.total_return"}
    named = ExternalObjective(market, space=space, metrics=["total_return"], figures=own, **options)
    assert named.names == ("total_return",)
    with pytest.raises(ConfigError, match="preset is one of backtest_v5"):
        ExternalObjective(market, space=space, metrics=["total_return"], preset="v6", command=["p"])


def test_what_it_asks_of_a_run(make):
    process, server = make("plain", seconds=3, retries=2), make("server", mode="server", seconds=3)
    assert (process.chunk_size, server.chunk_size) == (1, 50)
    assert process.longest_seconds(2) == 2 * (3 * 3 + 1)
