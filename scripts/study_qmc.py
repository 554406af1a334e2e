"""Cover the space evenly: a scrambled Sobol sequence, by Optuna's QMCSampler.

    python scripts/study_qmc.py --trials 512               in as many terminals as you like
    python scripts/study_qmc.py --trials 128 --synthetic   without a market of your own

Nothing is learned from the trials, so this is a fair sample of the space: good for a first look
and for what a parameter is worth. A power of two of trials is best balanced. All processes take
from one sequence, which the study counts; two that ask at the same instant may take the same
point. `mass-tuning generate --mode sampling --method sobol` plans distinct points instead, and
evaluates thousands a second.
"""

import argparse
from typing import Any

import optuna
from optuna.samplers import QMCSampler
from study_common import StudyParser, main, make_objective, open_study, report, run_trials

from search_spaces import SearchSpace


class SpaceQMCSampler(QMCSampler):
    """Knows the space; the parent draws the first trial at random to find out about it."""

    def __init__(self, space: SearchSpace, seed: int) -> None:
        super().__init__(qmc_type="sobol", scramble=True, seed=seed)
        self._space = space

    def infer_relative_search_space(
        self, study: optuna.Study, trial: optuna.trial.FrozenTrial
    ) -> dict[str, Any]:
        return self._space.distributions


def search(options: argparse.Namespace) -> None:
    objective = make_objective(options)
    sampler = SpaceQMCSampler(objective.space, options.seed)
    study = open_study(options, objective, sampler)
    run_trials(study, objective, options)
    report(study, options)


if __name__ == "__main__":
    parser = StudyParser(
        __doc__,
        study="qmc",
        trials=256,
        seed=0,
        seed_help="of the scrambling, the same in all terminals; default: %(default)s",
    )
    main(search, parser)
