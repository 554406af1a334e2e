"""`mass-tuning doctor`: everything that can be checked, one finding after the other."""

from collections.abc import Callable, Iterator
from pathlib import Path

from objectives import FactorBacktest, Objective, ReturnPanel
from objectives.external import ExternalObjective
from search_spaces.errors import NoMarketError
from studies.config import TuningConfig
from studies.market import is_missing
from studies.sessions import cache_folder, load_panel, objective_of
from studies.upkeep.check_config import checked_config
from studies.upkeep.check_database import check_database, patient_engine
from studies.upkeep.check_machine import (
    check_cache,
    check_clock,
    check_disk,
    check_machine,
    check_packages,
)
from studies.upkeep.finding import Finding, guarded, ok, problem, warning

__all__ = ["examine"]

N_CUTS = 2
"""Days after which the check of look-ahead replaces the future."""


def examine(
    load: Callable[[], TuningConfig], *, database: str | None = None, quick: bool = False
) -> tuple[Finding, ...]:
    """Check this machine, the configuration, the database, the cache, the kernels, the objective.

    Nothing is changed, no database is created or upgraded. A check that breaks is a problem of
    that check, the others go on.

    Parameters
    ----------
    load : callable
        Returns the configuration, or raises what is wrong with it.
    database : str, optional
        URL to be examined if there is no valid configuration.
    quick : bool
        Leave out the kernels and the look-ahead, and check a SQLite file without its indexes.

    Returns
    -------
    tuple of Finding
        In the order of the checks.
    """
    found = [*guarded("packages", check_packages), *guarded("machine", check_machine)]
    loaded: list[TuningConfig] = []
    found += guarded("configuration", lambda: _configuration(load, loaded))
    config = loaded[0] if loaded else None
    url = database if config is None else config.database
    folder = Path()
    if url is not None:
        found += guarded("database", lambda: _database(url, quick))
        found += guarded("disk", lambda: _database_disk(url))
        folder = _folder(url)
    cache = cache_folder(None if config is None else config.execution.cache)
    found += guarded("disk", lambda: check_disk("cache", cache))
    found += guarded("cache", lambda: check_cache(cache))
    found += guarded("clock", lambda: check_clock(folder))
    if not quick:
        found += guarded("kernels", _kernels)
        if config is not None and not any(
            each.level == "problem" for each in found if each.check in ("database", "integrity")
        ):
            found += guarded("look-ahead", lambda: _look_ahead(config))
    return tuple(found)


def _configuration(
    load: Callable[[], TuningConfig], loaded: list[TuningConfig]
) -> Iterator[Finding]:
    config = load()
    loaded.append(config)
    checked = checked_config(config)
    yield ok("configuration", f"valid, {checked.strategies:,} strategies")


def _database(url: str, quick: bool) -> list[Finding]:
    engine = patient_engine(url)
    try:
        return list(check_database(engine, quick=quick))
    finally:
        engine.dispose()


def _database_disk(url: str) -> Iterator[Finding]:
    engine = patient_engine(url)
    if engine.dialect.name == "sqlite":
        yield from check_disk("database", Path(str(engine.url.database)).absolute().parent)


def _folder(url: str) -> Path:
    """Folder of a SQLite file; the current one of other and of impossible databases."""
    return Path(url.partition("sqlite:///")[2]).parent if url.startswith("sqlite:///") else Path()


def _kernels() -> Iterator[Finding]:
    from objectives.reference_chain import compare_with_reference  # numba takes a while

    test = compare_with_reference()
    if test.differing:
        yield problem(
            "kernels",
            f"compiled and plain figures differ of {', '.join(test.differing)}",
            "delete the folder objectives/kernels/__pycache__, and report it if that is no help",
        )
    else:
        yield ok("kernels", f"{test.n_figures} figures are those of plain Python, bit for bit")


def _look_ahead(config: TuningConfig) -> Iterator[Finding]:
    from objectives.validation import find_look_ahead
    from objectives.validation.stress import space_of_one

    engine = patient_engine(config.database)
    try:
        if config.market.database is None and is_missing(engine):
            return
        try:
            panel = load_panel(config, engine)
        except NoMarketError:
            return
    finally:
        engine.dispose()
    space = config.space()
    objective = objective_of(config, panel, space)
    if isinstance(objective, ExternalObjective):
        return  # it reads its own market
    point = space.params(len(space) // 2)
    small = space_of_one(point) if isinstance(objective, FactorBacktest) else space

    def make(other: ReturnPanel) -> Objective:
        return objective_of(config, other, small)

    report = find_look_ahead(make, panel, [point], n_cuts=N_CUTS, seed=config.verify.seed)
    name = space.strategy_id(point)
    more = "look closer with: mass-tuning verify --lookahead"
    serious = [each for each in report.findings if each.kind != "undated market caps"]
    if serious:
        kinds = ", ".join(sorted({f"{each.kind} {each.what}" for each in serious}))
        yield problem("look-ahead", f"{name} decides with what was not known yet: {kinds}", more)
    elif report.findings:
        yield warning("look-ahead", f"{name} weighs past days by today's market caps", more)
    elif report.n_compared == 0:
        yield warning("look-ahead", f"nothing of {name} could be compared", more)
    else:
        yield ok("look-ahead", f"{report.n_compared:,} decisions of {name} know no later day")
