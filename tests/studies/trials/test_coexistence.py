"""A session beside plain Optuna: scripts on other studies, readers, command line, dashboard."""

import io
import json
import subprocess
import sys
import warnings

import optuna
import pytest
from optuna.trial import TrialState

from studies.runs.stop import Stop
from tests.helpers import forks
from tests.helpers.sessions import check_completed, results_of, stock_study, url_of

STOCK_SCRIPT = """
import sys, optuna
optuna.logging.set_verbosity(optuna.logging.WARNING)
study = optuna.create_study(storage=sys.argv[1], study_name=sys.argv[2], load_if_exists=True)
print("ready", flush=True)
sys.stdin.readline()
study.optimize(lambda trial: trial.suggest_float("x", -1, 1) ** 2, n_trials=int(sys.argv[3]))
"""


def start_scripts(url, n_trials):
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    scripts = [
        forks.Popen(
            [sys.executable, "-c", STOCK_SCRIPT, url, f"other{i}", str(n_trials)],
            text=True,
            **pipes,
        )
        for i in range(2)
    ]
    for script in scripts:
        assert script.stdout.readline() == "ready\n"
    for script in scripts:
        script.stdin.write("go\n")
        script.stdin.flush()
    return scripts


@pytest.mark.parametrize(
    ("n_trials", "chunk_size"), [(15, 4), pytest.param(100, 2, marks=pytest.mark.slow)]
)
def test_plain_scripts_on_other_studies_see_no_error(make_session, url, n_trials, chunk_size):
    session = make_session(execution={"chunk_size": chunk_size})
    reader = stock_study(session)  # opened before the run
    assert reader.trials == []
    scripts = start_scripts(url, n_trials)
    seen = []

    def look(progress):
        if progress.done % 80 == 0:
            seen.append(len(reader.trials))

    session.run(on_progress=look)
    n_sessions = 1
    while any(script.poll() is None for script in scripts):  # work on while they work
        make_session(execution={"chunk_size": 50}).run()
        n_sessions += 1
    errors = [script.communicate(timeout=120)[1] for script in scripts]
    assert [script.returncode for script in scripts] == [0, 0], errors
    assert errors == ["", ""]
    for i in range(2):
        trials = optuna.load_study(study_name=f"other{i}", storage=url).trials
        assert [(t.number, t.state) for t in trials] == [
            (number, TrialState.COMPLETE) for number in range(n_trials)
        ]
    assert seen == sorted(seen)
    check_completed(session, results_of(session))
    assert len(reader.trials) == 432
    fresh = {t.number: t for t in stock_study(session).trials}
    assert {t.number: t for t in reader.trials} == fresh


def test_a_reader_of_two_studies_sees_every_trial(make_session):
    study = {"all_up_to": 0, "sample": 40, "running_best": 5, "final_best": 60}
    session = make_session(study=study)
    readers = [stock_study(session, name) for name in session.studies.names]
    session.run(on_progress=lambda progress: [len(reader.trials) for reader in readers])
    for reader, least in zip(readers, (15, 60), strict=True):
        expected = [
            t.user_attrs["strategy_id"] for t in stock_study(session, reader.study_name).trials
        ]
        assert [t.user_attrs["strategy_id"] for t in reader.trials] == expected
        assert len(expected) >= least


def test_the_optuna_command_finds_the_best(completed):
    url = url_of(completed)
    script = "import sys; from optuna.cli import main; sys.exit(main())"
    command = [sys.executable, "-W", "ignore", "-c", script, "best-trial"]
    command += ["--storage", url, "--study-name", completed.study_name, "--format", "json"]
    told = forks.run(command, timeout=60, check=True)
    trial = json.loads(told.stdout)
    best = completed.top(1).iloc[0]
    # what it calls the value depends on the number of objectives and their names
    (value,) = [v for k, v in trial.items() if k in {"value", "values"}]
    value = value["net_sharpe_ratio"] if isinstance(value, dict) else value
    assert value == best["net_sharpe_ratio"]
    assert trial["user_attrs"]["strategy_id"] == best["strategy_id"]


def ask(app, path, query=""):
    """Answer of a WSGI application."""
    status = []
    environ = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "80",
        "wsgi.input": io.BytesIO(),
        "wsgi.errors": io.StringIO(),
        "wsgi.url_scheme": "http",
    }
    body = b"".join(app(environ, lambda code, headers, *rest: status.append(code)))
    return status[0], json.loads(body)


def test_the_dashboard_opens_the_study(completed):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from optuna_dashboard._app import create_app

        storage = optuna.storages.RDBStorage(url_of(completed))
        app = create_app(storage)
        code, listed = ask(app, "/api/studies")
        assert code.startswith("200")
        (summary,) = listed["study_summaries"]
        assert summary["study_name"] == completed.study_name
        code, detail = ask(app, f"/api/studies/{summary['study_id']}", "after=0")
    assert code.startswith("200")
    assert len(detail["trials"]) == 432
    assert detail["note"]["body"].startswith("All 432 strategies")
    failed = [trial for trial in detail["trials"] if trial["state"] == "Fail"]
    assert len(failed) == completed.row.failed
    best = completed.top(1).iloc[0]
    values = {
        next(a["value"] for a in trial["user_attrs"] if a["key"] == "strategy_id"): trial["values"]
        for trial in detail["trials"]
        if trial["state"] == "Complete"
    }
    assert [float(v) for v in values[f"{best['strategy_id']}"]] == [best["net_sharpe_ratio"]]


def test_plain_optimize_continues_beside_a_paused_session(make_session, url):
    session = make_session()
    stop = Stop()
    session.run(stop=stop, on_progress=lambda p: stop.set())
    other = optuna.create_study(storage=url, study_name="mine", direction="maximize")
    objective = session.objective()
    other.optimize(objective, n_trials=5)
    rows = {row["strategy_id"]: row for row in results_of(session)}
    for trial in other.trials:
        row = rows.get(trial.user_attrs["strategy_id"])
        if row is not None and trial.value is not None:
            assert trial.value == pytest.approx(row["net_sharpe_ratio"], rel=1e-12)
    session.run(resume=True)
    assert session.row.status == "completed"
    assert len(optuna.load_study(study_name="mine", storage=url).trials) == 5
