"""What cannot be meant is refused: one line, the right exit code, nothing half-written, no waiting.

Each row of the tables beside this file is one input.
"""

import shlex
import shutil
import signal
import sqlite3
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest

from objectives import FactorBacktest, ReturnPanel
from studies import Session, TuningConfig
from tests.helpers.databases import closing_connections
from tests.studies.cli.conftest import command, environment
from tests.studies.cli.inputs.calls import CALLS
from tests.studies.cli.inputs.command_lines import COMMAND_LINES
from tests.studies.cli.inputs.configurations import CONFIGURATIONS
from tests.studies.cli.inputs.damaged_databases import DAMAGED_DATABASES
from tests.studies.cli.inputs.environments import ENVIRONMENTS
from tests.studies.cli.inputs.files import FILES

DATABASE = "funding_rate.db"
LIMIT_S = 60
"""Of a busy machine; what hangs takes longer."""
TABLES = (
    *("tuning_sessions", "strategy_queue", "work_chunks", "hyperparameter_tuning_results"),
    *("return_metrics", "market_caps", "backtest_results", "verdicts"),
)


@pytest.fixture(autouse=True)
def nothing_hangs():
    """End what hangs."""

    def end(number, frame):
        raise TimeoutError(f"no answer in {LIMIT_S} s")

    before = signal.signal(signal.SIGALRM, end)
    signal.alarm(LIMIT_S)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture(scope="module")
def shared(finished, tmp_path_factory):
    """A project that every refused input leaves as it is."""
    folder = tmp_path_factory.mktemp("inputs")
    for path in finished.iterdir():
        shutil.copy(path, folder)
    (folder / "probe.txt").write_text("hello")
    return folder


@pytest.fixture
def unchanged(shared, monkeypatch):
    """Current folder: `shared`, in which the test must leave nothing and change nothing."""
    monkeypatch.chdir(shared)
    before = state()
    yield shared
    assert state() == before


def state():
    """Names in the current folder, the log of the database left out, and rows by table."""
    names = {path.name for path in Path().iterdir()} - {f"{DATABASE}-wal", f"{DATABASE}-shm"}
    with sqlite3.connect(DATABASE) as connection:
        counts = [connection.execute(f"SELECT count(*) FROM {name}").fetchone() for name in TABLES]
    connection.close()
    return names, counts


def refused(done, said):
    """Check that a command was refused in one line, with nothing printed before."""
    assert (done.code, done.out) == (2, "")
    assert said in done.error
    assert "\n" not in done.error


def test_there_are_enough():
    tables = (
        *(CONFIGURATIONS, COMMAND_LINES, FILES),
        *(DAMAGED_DATABASES, ENVIRONMENTS, CALLS),
    )
    assert sum(map(len, tables)) >= 300


@pytest.mark.parametrize(("text", "said"), CONFIGURATIONS, ids=range(len(CONFIGURATIONS)))
def test_configurations(cli, tmp_path, monkeypatch, text, said):
    monkeypatch.chdir(tmp_path)
    Path("mine.yaml").write_text(text)
    refused(cli("config", "--check", "--config", "mine.yaml"), said)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.yaml"]


def test_a_configuration_that_is_nested_without_end(cli, empty):
    Path("mine.yaml").write_text("a: " + "[" * 100_000)
    refused(cli("config", "--check", "--config", "mine.yaml"), "nested too deeply")


@pytest.mark.parametrize(("line", "said"), COMMAND_LINES, ids=range(len(COMMAND_LINES)))
def test_command_lines(cli, unchanged, line, said):
    done = cli(*shlex.split(line))
    refused(done, said)
    assert len(done.err) < 4_000


@pytest.mark.parametrize(("line", "content", "said"), FILES, ids=range(len(FILES)))
def test_files(cli, unchanged, line, content, said):
    name = Path(shlex.split(line)[-1] if "--strict" not in line else shlex.split(line)[-2])
    name.write_bytes(content if isinstance(content, bytes) else content.encode())
    try:
        refused(cli(*shlex.split(line)), said)
        assert not Path("new.db").exists()
    finally:
        name.unlink()


@pytest.mark.parametrize(
    ("damage", "line", "code"), DAMAGED_DATABASES, ids=range(len(DAMAGED_DATABASES))
)
def test_damaged_databases(cli, shared, tmp_path, monkeypatch, damage, line, code):
    monkeypatch.chdir(tmp_path)
    connection = sqlite3.connect(DATABASE)
    whole = sqlite3.connect(shared / DATABASE)
    whole.backup(connection)  # a copy of the file would lack what is in its log
    whole.close()
    connection.executescript(damage)
    connection.close()
    with closing_connections():
        done = cli(*line.split())
    assert done.code == code, done.err
    assert "unexpected" not in done.err
    if code and done.err:
        assert done.error


@pytest.fixture(scope="module")
def on(shared):
    """What the calls of the table are about."""
    url = f"sqlite:///{shared / DATABASE}"
    values = {
        "factors": {"subsets": ["SR", "DD"], "max_size": 1},
        "window_size": {"choice": [5]},
        "rebalance_frequency": {"choice": [1]},
        "data_period": {"choice": [10]},
        "selection_count": {"choice": [3]},
        "weight_method": {"choice": ["EQ"]},
    }
    with sqlite3.connect(shared / DATABASE) as connection:
        (session_id,) = connection.execute("SELECT session_id FROM tuning_sessions").fetchone()
    connection.close()
    panel = ReturnPanel.synthetic(n_pairs=6, n_days=100)
    session = Session.open(url, session_id)
    yield SimpleNamespace(
        url=url,
        panel=panel,
        session=session,
        backtest=FactorBacktest(panel),
        config=TuningConfig.from_mapping({"database": url, "parameters": values}),
    )
    session.engine.dispose()


@pytest.mark.parametrize(("call", "kind", "said"), CALLS, ids=range(len(CALLS)))
def test_calls(on, unchanged, call, kind, said):
    with closing_connections(), pytest.raises(kind) as error:
        call(on)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("shell", "code", "said"), ENVIRONMENTS, ids=[shell for shell, _, _ in ENVIRONMENTS]
)
def test_environments(shared, tmp_path, shell, code, said):
    """A shell that sets the scene, MASS_TUNING in place of the program."""
    for path in shared.iterdir():
        shutil.copy(path, tmp_path)
    program = shlex.join(command())
    done = subprocess.run(
        ["bash", "-c", shell.replace("MASS_TUNING", program)],
        env={**environment(), "NO_COLOR": "1"},
        cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    assert "unexpected" not in done.stderr
    assert said in done.stdout + done.stderr
    assert not (tmp_path / "~").exists()
