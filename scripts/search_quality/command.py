"""The command: market and options in, tables, JSON and figure out."""

import argparse
import json
import os
import platform
import re
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from importlib.metadata import version
from importlib.util import find_spec
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from search_quality.methods import METHODS, chosen_methods
from search_quality.runs import TRIALS_PER_EVALUATION, Run, search
from search_quality.scores import Runs, Truth, score

__all__ = ["add_options", "search_quality"]

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "search_quality"
BUDGETS = (100, 300, 1000)
_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
Job = tuple[str, int, int]  # method, seed, distinct strategies


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``search-quality``."""
    group = parser.add_argument_group(
        "search-quality",
        # lines as they are: the parser shows descriptions unwrapped
        "--parallel is the number of processes, --seed the first seed. With its defaults it takes\n"
        "about ten minutes on two cores, so it is not part of all. Finished runs are kept in the\n"
        "user's cache folder: what was stopped goes on, more seeds or methods add to it.",
    )
    group.add_argument("--market", default="synthetic", metavar="synthetic|FILE")
    group.add_argument(
        "--exchanges", type=_names, metavar="A,B", help="of FILE, Parquet or CSV of funding events"
    )
    group.add_argument("--start", metavar="DATE", help="first day of FILE to use")
    group.add_argument("--end", metavar="DATE", help="last day of FILE to use")
    group.add_argument(
        "--set",
        action="append",
        default=[],
        type=_restriction,
        metavar="NAME=A,B",
        help="restrict a parameter of the space",
    )
    group.add_argument("--seeds", type=_count, default=20, metavar="N", help="runs of a method")
    group.add_argument(
        "--methods", metavar="A,B", help=f"of {', '.join(METHODS)} (default: all installed)"
    )
    group.add_argument(
        "--budgets", type=_budgets, default=BUDGETS, metavar="N,M", help="distinct strategies"
    )
    group.add_argument(
        "--name",
        dest="file_name",
        type=_name,
        metavar="NAME",
        help="of the files (default: synthetic or real)",
    )
    group.add_argument(
        "--write",
        nargs="?",
        type=Path,
        const=FOLDER,
        metavar="FOLDER",
        help="write NAME.json and NAME.svg (default folder: docs/search_quality)",
    )


def search_quality(
    arguments: argparse.Namespace, standard_market: Mapping[str, Any]
) -> dict[str, Any]:
    """Compare the methods, print tables, and write files where asked.

    Parameters
    ----------
    arguments : argparse.Namespace
        Of `add_options`, with ``parallel`` and ``seed``.
    standard_market : mapping
        Arguments of `ReturnPanel.synthetic`.

    Returns
    -------
    dict
        What is written to NAME.json.
    """
    from search_quality.page import report
    from search_quality.store import Store
    from search_spaces.errors import MassTuningError
    from studies.sessions import cache_folder

    if arguments.write and find_spec("matplotlib") is None:
        raise SystemExit(
            "search-quality: --write draws with matplotlib, which is not installed; install it "
            "with: pip install 'mass-tuning[dev]'"
        )
    try:
        names, left_out = chosen_methods(arguments.methods)
        objective, market = _market(arguments, standard_market)
    except (MassTuningError, ValueError) as error:
        raise SystemExit(f"search-quality: {error}") from None
    for name in left_out:
        _say(f"{name} is left out, because {METHODS[name].package} is not installed")
    budgets = _affordable(names, arguments)
    store = Store(objective, cache_folder() / "search-quality")
    _say(f"{len(objective.space):,} strategies; their table is computed at the first time")
    values = store.table()
    if np.isnan(values).all():
        raise SystemExit(
            "search-quality: every strategy fails on this market, so there is nothing to find; "
            "use a longer history (--start, --end) or shorter data periods (--set data_period=..)"
        )
    seeds = list(range(arguments.seed, arguments.seed + arguments.seeds))
    runs = _runs(store, values, {name: budgets[name][-1] for name in names}, seeds, arguments)
    truth = Truth(values)
    result = {
        "market": market,
        "backtest": [str(objective.settings.start_date), str(objective.settings.end_date)],
        "metric": next(iter(objective.directions)),
        "n_strategies": len(values),
        "n_failed": int(np.isnan(values).sum()),
        "n_top": truth.n_top,
        "machine": f"{os.cpu_count()} cores ({platform.machine()})",
        "versions": {package: version(package) for package in ("optuna", "deap")},
        "first_seed": arguments.seed,
        "n_seeds": arguments.seeds,
        "trials_per_evaluation": TRIALS_PER_EVALUATION,
        "all_budgets": list(arguments.budgets),
        **score(runs, truth, budgets),
    }
    print(report(result))
    if arguments.write:
        _write(result, arguments.write, arguments.file_name or _default_name(arguments.market))
    return result


def _affordable(names: Sequence[str], arguments: argparse.Namespace) -> dict[str, list[int]]:
    """Return the budgets of every method; one without any is left out, or refused if chosen."""
    budgets = {name: METHODS[name].budgets(arguments.budgets) for name in names}
    for name in [name for name in names if not budgets[name]]:
        reason = f"{name} takes too long for more than {METHODS[name].most_evaluations} strategies"
        if arguments.methods is not None:
            raise SystemExit(f"search-quality: {reason}; add a smaller one to --budgets")
        _say(f"{name} is left out, because it {reason.removeprefix(f'{name} ')}")
        del budgets[name]
    return budgets


def _market(
    arguments: argparse.Namespace, standard_market: Mapping[str, Any]
) -> tuple[Any, dict[str, Any]]:
    """Return the objective, and what is told of its market."""
    from objectives import BacktestSettings, FactorBacktest, ReturnPanel
    from search_spaces import FactorSpace

    space = FactorSpace.default()
    restricted: dict[str, list[str]] = dict(arguments.set)
    if arguments.market == "synthetic":
        for option in ("exchanges", "start", "end"):
            if getattr(arguments, option) is not None:
                raise ValueError(f"--{option} selects from a file; name one with --market FILE")
        panel = ReturnPanel.synthetic(**standard_market)
        market: dict[str, Any] = {"source": "synthetic", **standard_market}
    else:
        panel = ReturnPanel.from_funding_events(
            arguments.market,
            exchanges=arguments.exchanges,
            start_date=arguments.start,
            end_date=arguments.end,
        )
        market = {
            "source": "funding events",
            "exchanges": arguments.exchanges,
            "start": arguments.start,
            "end": arguments.end,
            "n_pairs": panel.n_pairs,
            "n_days": panel.n_days,
        }
    if not panel.has_market_caps:
        restricted.setdefault("weight_method", ["EQ", "FS"])
    if restricted:
        space = space.restrict(restricted)
    market["days"] = [f"{panel.dates[0]:%Y-%m-%d}", f"{panel.dates[-1]:%Y-%m-%d}"]
    market["restricted"] = restricted
    # all days: the page is about how well a table is searched, not about what holds later
    objective = FactorBacktest(panel, BacktestSettings(split_date=None), space=space)
    objective.check()
    return objective, market


def _runs(
    store: Any,
    values: npt.NDArray[np.float64],
    budgets: Mapping[str, int],
    seeds: Sequence[int],
    arguments: argparse.Namespace,
) -> Runs:
    """Return all runs, those that are not kept yet from processes of their own."""
    # seed by seed: what is kept of a run that is stopped has every method
    jobs = [
        (method, seed, budgets[method])
        for seed in seeds
        for method in budgets
        if seed in METHODS[method].seeds(seeds)
    ]
    # before anything runs: code that is edited meanwhile is not what ran
    paths = {job: store.run_path(*job) for job in jobs}
    runs = {job: Run.load(path) for job, path in paths.items()}
    missing = [job for job in jobs if runs[job] is None]
    _say(f"{len(jobs)} runs, {len(jobs) - len(missing)} of them kept from before")
    progress = _Progress(missing, arguments.parallel)
    for name in _ONE_THREAD:  # inherited by the processes: one core for each
        os.environ[name] = "1"
    pool = ProcessPoolExecutor(
        max(1, min(arguments.parallel, len(missing))),
        mp_context=get_context("spawn"),
        initializer=_begin_worker,
        initargs=(values, store.objective.space),
    )
    try:
        futures = {pool.submit(_work, job): job for job in missing}
        for future in as_completed(futures):
            job = futures[future]
            run, seconds = future.result()
            run.save(paths[job])
            runs[job] = run
            progress.done(job, seconds)
        pool.shutdown()
    except BaseException as error:
        pool.shutdown(wait=False, cancel_futures=True)
        if isinstance(error, KeyboardInterrupt):
            raise SystemExit(
                "search-quality: stopped; finished runs are kept, the same command goes on"
            ) from None
        raise
    return {
        method: {seed: runs[name, seed, b] for name, seed, b in jobs if name == method}
        for method in budgets
    }


_worker: dict[str, Any] = {}


def _begin_worker(values: npt.NDArray[np.float64], space: Any) -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C is answered once, by the command
    _worker.update(values=values, space=space)


def _work(job: Job) -> tuple[Any, float]:
    if METHODS[job[0]].package == "torch":
        import torch

        torch.set_num_threads(1)
    began = time.perf_counter()
    method, seed, budget = job
    run = search(method, _worker["values"], _worker["space"], seed, budget)
    return run, time.perf_counter() - began


class _Progress:
    """Says on stderr what is done and when the rest will be."""

    def __init__(self, jobs: Sequence[Job], n_processes: int) -> None:
        self._open = list(jobs)
        self._n = len(jobs)
        self._n_processes = n_processes
        self._seconds: dict[str, list[float]] = {}

    def done(self, job: Job, seconds: float) -> None:
        self._open.remove(job)
        self._seconds.setdefault(job[0], []).append(seconds)
        every = [each for times in self._seconds.values() for each in times]
        left = sum(np.mean(self._seconds.get(method, every)) for method, _, _ in self._open)
        _say(
            f"{self._n - len(self._open)}/{self._n}  {job[0]}, seed {job[1]}: {seconds:.1f} s, "
            f"about {left / min(self._n_processes, max(1, len(self._open))):.0f} s left"
        )


def _write(result: Mapping[str, Any], folder: Path, name: str) -> None:
    from search_quality.chart import draw

    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(result, indent=1)
    # a line for a list of numbers, not for every number
    text = re.sub(r"\[[^\[\]{}]*\]", lambda match: " ".join(match[0].split()), text)
    (folder / f"{name}.json").write_text(text + "\n")
    draw(result, folder / f"{name}.svg")
    _say(f"wrote {name}.json and {name}.svg to {folder}; now run: make docs")


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _default_name(market: str) -> str:
    return "synthetic" if market == "synthetic" else "real"


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _restriction(text: str) -> tuple[str, list[str]]:
    name, _, values = text.partition("=")
    if not values:
        raise argparse.ArgumentTypeError(f"a restriction is NAME=A,B; got {text!r}")
    return name, _names(values)


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"an integer >= 1 is expected; got {text!r}")
    return int(text)


def _budgets(text: str) -> tuple[int, ...]:
    budgets = tuple(sorted({_count(part) for part in _names(text)}))
    if not budgets:
        raise argparse.ArgumentTypeError("budgets are numbers of strategies, like 100,300")
    return budgets


def _name(text: str) -> str:
    if not re.fullmatch("[a-z0-9-]+", text):
        raise argparse.ArgumentTypeError(f"a name is small letters, digits and -; got {text!r}")
    return text
