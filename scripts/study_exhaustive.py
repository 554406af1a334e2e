"""Try every point of a small part of the space, by Optuna's GridSampler.

    python scripts/study_exhaustive.py --set factors=SR,DD_ST --set data_period=45,90
    python scripts/study_exhaustive.py --synthetic         without a market of your own

In as many terminals as you like. A parameter not named by --set keeps the few values below.
GridSampler lists the whole grid in memory and reads all trials for every new one: that is right up
to some thousands of points. Beyond, use `mass-tuning generate --mode exhaustive`, which runs all
436,800 in half a minute, each exactly once; here the last points may be tried twice where
several processes look for one at the same instant.
"""

import argparse

import optuna
from optuna.samplers import GridSampler
from optuna.trial import FrozenTrial, TrialState
from study_common import StudyParser, main, make_objective, open_study, report, run_trials

from search_spaces.errors import ConfigError

FEW_VALUES = {
    "factors": ["SR", "ST", "SR_ST", "DD_ST"],
    "window_size": ["30", "60", "90"],
    "rebalance_frequency": ["7", "14"],
    "data_period": ["45", "90"],
    "selection_count": ["3", "5", "10"],
    "weight_method": ["EQ", "FS"],
}
"""288 points; none needs market caps."""

MOST_POINTS = 10_000


def search(options: argparse.Namespace) -> None:
    options.restrictions = {**FEW_VALUES, **options.restrictions}
    objective = make_objective(options)
    grid = {
        parameter.name: [parameter.to_stored(value) for value in parameter.finite_values()]
        for parameter in objective.space.parameters
    }
    n_points = len(objective.space)
    if n_points > MOST_POINTS:
        raise ConfigError(
            f"a study by GridSampler has at most {MOST_POINTS:,} points, got {n_points:,}; limit "
            "more parameters with --set, or use: mass-tuning generate --mode exhaustive"
        )
    options.trials = min(options.trials or n_points, n_points)
    study = open_study(options, objective, GridSampler(grid, seed=options.seed))
    run_trials(study, objective, options, on_dead=try_again)
    report(study, options)


def try_again(study: optuna.Study, dead: FrozenTrial) -> None:
    """Queue the point of a dead process: GridSampler holds it to be visited."""
    study.add_trial(optuna.create_trial(state=TrialState.WAITING, system_attrs=dead.system_attrs))


if __name__ == "__main__":
    parser = StudyParser(
        __doc__,
        study="exhaustive",
        trials=None,
        seed=0,
        seed_help="of the order, the same in all terminals; default: %(default)s",
    )
    main(search, parser)
