"""What Prometheus reads of a run, and that the dashboard and the page name nothing else."""

import http.client
import json
import re
import socket
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from search_spaces.errors import ConfigError
from studies.database.tables import work_chunks
from studies.database.transactions import write_transaction
from studies.runs.progress import Progress
from studies.watching import metrics as module
from studies.watching.metrics import METRICS, serve_metrics

ROOT = Path(__file__).parents[3]
ON_SQLITE = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@pytest.fixture(scope="module")
def port():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return listening.getsockname()[1]


def scrape(port):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", "/metrics")
    text = connection.getresponse().read().decode()
    connection.close()
    return {
        sample.name: (sample.value, sample.labels)
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


@ON_SQLITE
def test_the_figures_are_those_of_the_session(completed, port):
    row, seen = completed.row, Progress(432, 0, 0)
    seen.best_id, seen.best_value = "A", 1.5
    with write_transaction(completed.engine) as connection:
        values = {"attempt": 3, "crashes": 2, "state": "running", "lease_expires_at": 0.0}
        one = work_chunks.c.chunk_no == 0
        connection.execute(work_chunks.update().where(one).values(**values))
    with serve_metrics(completed, port) as metrics:
        metrics.follow(seen)
        found = scrape(port)
    values = {name: value for name, (value, _) in found.items()}
    assert values["mass_tuning_strategies"] == 432
    assert values["mass_tuning_strategies_completed_total"] == row.completed
    assert values["mass_tuning_strategies_failed_total"] == row.failed
    assert values["mass_tuning_strategies_per_second"] > 0
    assert values["mass_tuning_best_value"] == 1.5
    assert (values["mass_tuning_workers"], values["mass_tuning_leases"]) == (1, 0)
    assert values["mass_tuning_leases_expired"] == 1
    assert (values["mass_tuning_retries_total"], values["mass_tuning_crashes_total"]) == (2, 2)
    assert values["mass_tuning_process_memory_bytes"] > 10e6
    assert {labels["session"] for _, labels in found.values()} == {row.session_id}
    assert found["mass_tuning_best_value"][1]["metric"] == "net_sharpe_ratio"
    # its session is over
    assert set(values) == set(METRICS) - {"mass_tuning_eta_seconds"}


@ON_SQLITE
def test_a_run_is_followed(make_session, port, monkeypatch):
    monkeypatch.setattr(module, "_READ_SECONDS", 0.0)
    session, seen = make_session(), []

    with serve_metrics(session, port) as metrics:

        def look(progress):
            metrics.follow(progress)
            if not seen:
                progress.waited_seconds = 2.5
                progress.wait(4.0)
                seen.append(scrape(port))

        session.run(on_progress=look)
        seen.append(scrape(port))
    during, after = ({name: value for name, (value, _) in each.items()} for each in seen)
    assert during["mass_tuning_eta_seconds"] > 0
    assert 4.0 <= during["mass_tuning_database_waiting_seconds"] < 300
    assert during["mass_tuning_database_waited_seconds_total"] == 2.5
    assert set(during) == set(METRICS)
    done = ("mass_tuning_strategies_completed_total", "mass_tuning_strategies_failed_total")
    assert sum(during[name] for name in done) < sum(after[name] for name in done) == 432
    with pytest.raises(ConnectionRefusedError):
        scrape(port)


@ON_SQLITE
def test_figures_are_read_at_most_every_two_seconds(completed, monkeypatch):
    n_reads = []
    monkeypatch.setattr(module.RunMetrics, "_read", lambda self: n_reads.append(1) or {})
    metrics = module.RunMetrics(completed)
    for _ in range(3):
        list(metrics.collect())
    assert len(n_reads) == 1
    metrics._read_at -= module._READ_SECONDS
    list(metrics.collect())
    assert len(n_reads) == 2


@ON_SQLITE
def test_a_database_that_cannot_be_read_leaves_the_last_figures(completed, monkeypatch):
    monkeypatch.setattr(module, "_READ_SECONDS", 0.0)
    metrics = module.RunMetrics(completed)
    before = len(list(metrics.collect()))

    def broken(*_):
        raise OSError("gone")

    monkeypatch.setattr(module, "read_status", broken)
    assert len(list(metrics.collect())) == before > 5


@ON_SQLITE
def test_a_port_that_is_taken_is_one_line(completed):
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        with pytest.raises(ConfigError, match=rf"--metrics-port {port} of 127.0.0.1 cannot be"):
            serve_metrics(completed, port).__enter__()


def test_the_page_lists_exactly_what_is_served():
    page = (ROOT / "docs" / "watching.md").read_text(encoding="utf-8")
    assert dict(re.findall(r"^\| `(mass_tuning_\w+)` \| (.+?) \|$", page, re.MULTILINE)) == METRICS


def test_the_dashboard_asks_only_for_what_is_served():
    text = (ROOT / "docs" / "grafana_dashboard.json").read_text(encoding="utf-8")
    board = json.loads(text)
    queries = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    named = {name for query in queries for name in re.findall(r"mass_tuning_\w+", query)}
    assert named == set(METRICS)
    assert all('session=~"$session"' in query for query in queries)
    (variable,) = board["templating"]["list"]
    assert variable["query"] == "label_values(mass_tuning_strategies, session)"
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])
