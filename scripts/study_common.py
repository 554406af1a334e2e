"""What the study scripts share: options, market, the shared study, its end, and errors in one line.

A study has a goal, its number of trials. Whoever runs the script with the same `--study` helps to
reach it: in other terminals, on other hosts (PostgreSQL), after a stop. Strategies that failed
count. Processes that look for a trial to begin at the same instant may exceed the goal, by less
than their number; none leaves before the last trial has ended.

A process that is killed leaves a trial RUNNING for ever. Optuna's heartbeat sees only what died
after it first beat, and costs a thread and a write per trial; a strategy takes milliseconds, so
a trial that another process has seen running for `--dead-after` seconds is set to FAIL by it, does
not count, and is made up for.
"""

import argparse
import contextlib
import logging
import shlex
import sys
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NoReturn

import optuna
from optuna.exceptions import ExperimentalWarning, StorageInternalError, UpdateFinishedTrialError
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy.exc import SQLAlchemyError

from objectives import BacktestSettings, FactorBacktest, ReturnPanel
from search_spaces.errors import ConfigError, MassTuningError
from studies import load_config
from studies.database import create_engine, display_url
from studies.runs import Stop
from studies.trials import open_optuna_storage

SYNTHETIC_MARKET = {"n_pairs": 60, "n_days": 420, "seed": 7}
_CONDITIONS = "conditions"
_POLL_S = 0.2


class StudyParser(argparse.ArgumentParser):
    """Options that every study script has.

    Parameters
    ----------
    doc : str
        Docstring of the script, shown by ``--help``.
    study : str
        Default name of the study.
    trials : int or None
        Default goal.
    seed : int or None
        Default seed.
    seed_help : str
        Whether other terminals need the same seed, or another one.
    """

    def __init__(
        self, doc: str, *, study: str, trials: int | None, seed: int | None, seed_help: str
    ) -> None:
        kind = argparse.RawDescriptionHelpFormatter
        super().__init__(description=doc, formatter_class=kind, allow_abbrev=False)
        add = self.add_argument
        add(
            "--database",
            type=_not_empty,
            metavar="URL",
            help="market and studies; default: as in mass_tuning_config.yaml, where there is one, "
            "else sqlite:///funding_rate.db",
        )
        add(
            "--synthetic",
            action="store_true",
            help="try it on an invented market; the study still goes to the database",
        )
        add("--study", type=_not_empty, default=study, metavar="NAME", help="default: %(default)s")
        goal = "all points" if trials is None else "%(default)s"
        add(
            "--trials",
            type=_at_least(1),
            default=trials,
            metavar="N",
            help=f"how many the study shall have in the end; default: {goal}",
        )
        add("--seed", type=_at_least(0), default=seed, metavar="N", help=seed_help)
        add(
            "--set",
            action=_Restrict,
            type=_restriction,
            default={},
            dest="restrictions",
            metavar="NAME=VALUES",
            help="limit a parameter, like weight_method=EQ,FS; may be repeated",
        )
        add(
            "--dead-after",
            type=_at_least(1),
            default=60,
            metavar="SECONDS",
            help="a trial of another process that runs so long is a dead one's; "
            "default: %(default)s",
        )

    def error(self, message: str) -> NoReturn:
        """Say in one line what is wrong."""
        self.exit(2, f"error: {message}; see: {self.prog} --help\n")


def _not_empty(text: str) -> str:
    """Refuse the value of a variable that is not set; it would mean the default."""
    if not text.strip():
        raise argparse.ArgumentTypeError("is empty; give a value, or leave it out")
    return text


class _Restrict(argparse.Action):
    """Collect values by parameter."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        name, listed = values
        if name in namespace.restrictions:
            parser.error(f"--set names {name!r} twice; give all its values at once")
        namespace.restrictions = {**namespace.restrictions, name: listed}


def main(script: Callable[[argparse.Namespace], None], parser: StudyParser) -> None:
    """Run a script; an error is one line on stderr, with exit code 2 for bad input."""
    warnings.simplefilter("ignore", ExperimentalWarning)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    # two lines for every failed strategy; the report counts them by reason instead
    logging.getLogger("optuna.study._optimize").setLevel(logging.CRITICAL)
    try:
        script(parser.parse_args())
    except KeyboardInterrupt:
        _leave("stopped; the same command goes on", 130)
    except MassTuningError as error:
        _leave(f"error: {error}", 2)
    except (StorageInternalError, SQLAlchemyError) as error:
        reason = getattr(error.__cause__ or error, "orig", None) or error
        _leave(f"error: the database failed: {reason}; the same command goes on", 1)


def make_objective(
    options: argparse.Namespace, metrics: tuple[str, ...] = ("net_sharpe_ratio",)
) -> FactorBacktest:
    """Read the market, and the space and backtest settings of the configuration, if any."""
    config = load_config()
    options.database = config.database if options.database is None else options.database
    if options.synthetic:
        panel = ReturnPanel.synthetic(**SYNTHETIC_MARKET)
    else:
        source = config.market.database or options.database
        panel = ReturnPanel.from_database(source, pairs=config.market.pairs)
    objective = FactorBacktest(
        panel,
        BacktestSettings.from_dict(config.backtest),
        space=config.space(options.restrictions),
        metrics=metrics,
    )
    for warning in objective.warnings:
        print(f"note: {warning}", file=sys.stderr)
    # compiles and computes the factors here, not in a first trial that seems to be dead
    objective.evaluate([objective.space.params(0)])
    return objective


def open_study(
    options: argparse.Namespace, objective: FactorBacktest, sampler: optuna.samplers.BaseSampler
) -> optuna.Study:
    """Create the study, or join it if it compares the same things.

    Raises
    ------
    ConfigError
        If the study has trials of another market, space, settings or metrics.
    """
    study = objective.create_study(
        storage=open_optuna_storage(options.database),
        study_name=options.study,
        sampler=sampler,
        load_if_exists=True,
    )
    conditions = [objective.fingerprint, objective.space.fingerprint]
    # in this order: who begins a trial has noted the conditions before
    has_trials = bool(study.get_trials(deepcopy=False))
    known = study.user_attrs.get(_CONDITIONS)
    if known is None and not has_trials:
        study.set_user_attr(_CONDITIONS, conditions)
    elif known != conditions:
        raise ConfigError(
            f"the study {options.study!r} is about another market, space, backtest or metric, so "
            "new trials would not compare with its own; give another name with --study"
        )
    return study


def run_trials(
    study: optuna.Study,
    objective: FactorBacktest,
    options: argparse.Namespace,
    on_dead: Callable[[optuna.Study, FrozenTrial], None] | None = None,
) -> None:
    """Run trials until the study has as many as it shall have, whoever runs them.

    Parameters
    ----------
    study : optuna.Study
    objective : FactorBacktest
    options : argparse.Namespace
        ``trials``: the goal; ``dead_after``: seconds.
    on_dead : callable, optional
        Called with a trial that this process found to be of a dead one.

    Raises
    ------
    KeyboardInterrupt
        After Ctrl-C or SIGTERM, when the trial in hand has ended.
    """
    seen: dict[int, float] = {}

    def still_to_come() -> tuple[int, int]:
        """Trials to be begun, and running ones."""
        trials = study.get_trials(deepcopy=False)
        running = [trial for trial in trials if trial.state == TrialState.RUNNING]
        _end_dead(study, running, seen, options.dead_after, on_dead)
        return options.trials - n_counted(trials) - len(running), len(running)

    def stop_in_time(study: optuna.Study, trial: FrozenTrial) -> None:
        if stop.is_set() or still_to_come()[0] <= 0:
            study.stop()

    # not KeyboardInterrupt: Optuna would end the trial as a failed one
    with Stop().on_signals(lambda: SystemExit(130)) as stop:
        while not stop.is_set():
            n_to_begin, n_running = still_to_come()
            if n_to_begin > 0:
                with _surviving_a_verdict():
                    study.optimize(objective, callbacks=[stop_in_time])
            elif n_running > 0:
                time.sleep(_POLL_S)  # others have the last trials in hand
            else:
                return
    raise KeyboardInterrupt


def n_counted(trials: Sequence[FrozenTrial]) -> int:
    """Count the trials that were measured or are of failed strategies."""
    return sum(
        trial.state == TrialState.COMPLETE
        or (trial.state == TrialState.FAIL and "failure" in trial.user_attrs)
        for trial in trials
    )


def report(study: optuna.Study, options: argparse.Namespace) -> None:
    """Print what the study holds and how to look at it; with one objective also the best."""
    trials = study.get_trials(deepcopy=False)
    failures = Counter(
        trial.user_attrs["failure"] for trial in trials if "failure" in trial.user_attrs
    )
    reasons = ", ".join(f"{reason} {count:,}" for reason, count in failures.most_common())
    failed = f", {failures.total():,} of failed strategies ({reasons})" if failures else ""
    print(f"study  {study.study_name}: {n_counted(trials):,} trials{failed}")
    if len(study.directions) == 1 and any(t.state == TrialState.COMPLETE for t in trials):
        best = study.best_trial
        print(f"best   {best.user_attrs['strategy_id']}  net_sharpe_ratio {best.value:.3f}")
    url = display_url(create_engine(options.database))
    print(f"look   mass-tuning dashboard --database {shlex.quote(url)}")


@contextlib.contextmanager
def _surviving_a_verdict() -> Iterator[None]:
    """Drop the trial in hand if others ended it: we slept, with the machine perhaps."""
    try:
        yield
    except UpdateFinishedTrialError:
        pass
    except (ValueError, AssertionError) as error:
        # Study.optimize has an assertion fail while it handles the refusal of Study.tell
        if "Cannot tell a FAIL trial." not in (str(error), str(error.__context__)):
            raise


def _end_dead(
    study: optuna.Study,
    running: Sequence[FrozenTrial],
    seen: dict[int, float],
    dead_after: int,
    on_dead: Callable[[optuna.Study, FrozenTrial], None] | None,
) -> None:
    """End trials that we have seen running for too long; `seen` notes since when.

    By our own clock alone: hosts differ in theirs, and Optuna notes local times.
    """
    now = time.monotonic()
    for number in set(seen) - {trial.number for trial in running}:
        del seen[number]
    for trial in running:
        if now - seen.setdefault(trial.number, now) <= dead_after:
            continue
        # study.tell would have the sampler learn from it, and GridSampler stop the study
        with contextlib.suppress(UpdateFinishedTrialError):
            ended = study._storage.set_trial_state_values(trial._trial_id, TrialState.FAIL)
            if ended and on_dead is not None:
                on_dead(study, trial)


def _at_least(least: int) -> Callable[[str], int]:
    def number(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = least - 1
        if value < least:
            raise argparse.ArgumentTypeError(f"a whole number of at least {least}, got {text!r}")
        return value

    return number


def _restriction(text: str) -> tuple[str, list[str]]:
    name, sign, values = text.partition("=")
    listed = [part.strip() for part in values.split(",") if part.strip()]
    if not (sign and name.strip() and listed):
        raise argparse.ArgumentTypeError(
            f"it is NAME=VALUES, like weight_method=EQ,FS, got {text!r}"
        )
    return name.strip(), listed


def _leave(message: str, code: int) -> NoReturn:
    print(" ".join(message.split()), file=sys.stderr)
    sys.exit(code)
