"""The command: worlds in, error rates, JSON and the files of the page out."""

import argparse
import json
import os
import platform
import re
import sys
import time
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from trust.rates import summary
from trust.store import WorldStore, code_digest
from trust.worlds import FIXED_ON, KINDS, Sizes, measure_world, world_space

__all__ = ["add_options", "trust"]

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "trust"
DIGITS = 4
Worlds = dict[str, list[dict[str, Any]]]


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``trust``."""
    group = parser.add_argument_group(
        "trust",
        # lines as they are: the parser shows descriptions unwrapped
        "--parallel is the number of threads. All worlds take about half an hour, so it is not\n"
        "part of all. Measured worlds are kept: what was stopped goes on.",
    )
    group.add_argument("--worlds", type=_count, metavar="N", help="at most N worlds of a kind")
    group.add_argument(
        "--kinds", type=_kinds, default=tuple(KINDS), metavar="A,B", help=f"of {', '.join(KINDS)}"
    )
    group.add_argument(
        "--results",
        type=Path,
        metavar="FILE",
        help="where measured worlds are kept (default: trust/worlds.jsonl in the cache folder)",
    )
    group.add_argument(
        "--report",
        nargs="?",
        type=Path,
        const=FOLDER,
        metavar="FOLDER",
        help="write results.json and the figures (default folder: docs/trust)",
    )


def trust(arguments: argparse.Namespace, sizes: Sizes | None = None) -> dict[str, Any]:
    """Measure the worlds that are not measured yet, print tables, write files where asked.

    Parameters
    ----------
    arguments : argparse.Namespace
        Of `add_options`, with ``parallel``.
    sizes : Sizes, optional
        Of a world.

    Returns
    -------
    dict
        Plain values: what ran, and `trust.rates.summary` of it.
    """
    from studies.sessions import cache_folder
    from trust.page import report

    if arguments.report and find_spec("matplotlib") is None:
        raise SystemExit(
            "trust: --report draws with matplotlib, which is not installed; install it with: "
            "pip install 'mass-tuning[dev]'"
        )
    sizes = sizes or Sizes()
    path = arguments.results or cache_folder() / "trust" / "worlds.jsonl"
    store = WorldStore(path, code_digest(sizes))
    worlds = _measure(store, arguments, sizes)
    result = {"about": _about(store, sizes), "kinds": _columns(worlds)}
    # of the rounded figures, so that the page says the same from the file
    sums = summary(worlds_of(result))
    print(report(sums))
    if arguments.report:
        _write(result, arguments.report)
    return {**result["about"], **sums}


def worlds_of(result: Mapping[str, Any]) -> Worlds:
    """Return the records of a results.json, by kind."""
    return {
        kind: [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
        for kind, columns in result["kinds"].items()
    }


def _measure(store: WorldStore, arguments: argparse.Namespace, sizes: Sizes) -> Worlds:
    """Return all worlds asked for, in the order of their seeds."""
    seeds = {name: KINDS[name].seeds[: arguments.worlds] for name in arguments.kinds}
    most = max(len(each) for each in seeds.values())
    # kind by kind in turn: what is kept of a run that is stopped has every kind
    jobs = [(name, each[k]) for k in range(most) for name, each in seeds.items() if k < len(each)]
    missing = [job for job in jobs if store.get(*job) is None]
    _say(f"{len(jobs):,} worlds, {len(jobs) - len(missing):,} of them kept from before")
    progress = _Progress(missing)
    try:
        for kind, seed in missing:
            record = measure_world(KINDS[kind], seed, sizes, n_threads=arguments.parallel)
            store.add(kind, record)
            progress.done(kind, record)
    except KeyboardInterrupt:
        raise SystemExit(
            "trust: stopped; measured worlds are kept, the same command goes on"
        ) from None
    worlds: Worlds = {name: [] for name in seeds}
    for name, each in seeds.items():
        for seed in each:
            record_of = store.get(name, seed)
            assert record_of is not None
            worlds[name].append(record_of)
    return worlds


class _Progress:
    """Says on stderr what is done and when the rest will be."""

    def __init__(self, jobs: Sequence[tuple[str, int]]) -> None:
        self._n = len(jobs)
        self._n_done = 0
        self._began = time.perf_counter()

    def done(self, kind: str, record: Mapping[str, Any]) -> None:
        """Count a world."""
        self._n_done += 1
        passed = time.perf_counter() - self._began
        left = passed / self._n_done * (self._n - self._n_done)
        _say(
            f"{self._n_done}/{self._n}  {kind}, seed {record['seed']}: {record['word']}, "
            f"{record['seconds']:.1f} s, about {left:.0f} s left"
        )


def _about(store: WorldStore, sizes: Sizes) -> dict[str, Any]:
    from studies.analysis.verdict import RULE_VERSION

    return {
        "seeds_fixed_on": FIXED_ON,
        "rule_version": RULE_VERSION,
        "code": store.digest,
        "n_pairs": sizes.n_pairs,
        "n_strategies": len(world_space(sizes)),
        "n_draws": sizes.n_draws,
        "machine": f"{os.cpu_count()} cores ({platform.machine()})",
        "versions": {package: version(package) for package in ("numpy", "numba", "scipy")},
    }


def _columns(worlds: Worlds) -> dict[str, dict[str, list[Any]]]:
    """Return the records of every kind as columns, rounded to significant digits."""
    return {
        kind: {
            name: [_rounded(record[name]) for record in records]
            for name in records[0]
            if name not in ("strategy", "seconds")  # the seed gives the one, the machine the other
        }
        for kind, records in worlds.items()
    }


def _rounded(value: Any) -> Any:
    return float(f"{value:.{DIGITS}g}") if isinstance(value, float) else value


def _write(result: Mapping[str, Any], folder: Path) -> None:
    from trust.figures import draw_all

    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(result, indent=1)
    # a line for a list of numbers, not for every number
    text = re.sub(r"\[[^\[\]{}]*\]", lambda match: " ".join(match[0].split()), text)
    (folder / "results.json").write_text(text + "\n")
    draw_all(folder, worlds_of(result))
    _say(f"wrote results.json and the figures to {folder}; now run: make docs")


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"an integer >= 1 is expected; got {text!r}")
    return int(text)


def _kinds(text: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    unknown = [name for name in names if name not in KINDS]
    if unknown or not names:
        raise argparse.ArgumentTypeError(
            f"kinds are {', '.join(KINDS)}; got {', '.join(unknown) or repr(text)}"
        )
    return tuple(name for name in KINDS if name in names)
