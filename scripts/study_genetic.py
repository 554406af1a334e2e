"""Breed strategies: DEAP's genetic operators, as an Optuna sampler.

    python scripts/study_genetic.py --trials 2000              in as many terminals as you like
    python scripts/study_genetic.py --trials 200 --synthetic   without a market of your own

The population lives in the study, and processes breed from the trials of all of them. One process
tries no point twice, and makes the same trials for the same seed; of several, two that breed at
the same instant may meet in a point. For many thousands of strategies use
`mass-tuning generate --mode genetic`, which breeds and evaluates whole generations at once.
"""

import argparse

from study_common import StudyParser, main, make_objective, open_study, report, run_trials

from studies import DeapSampler


def search(options: argparse.Namespace) -> None:
    objective = make_objective(options)
    sampler = DeapSampler(objective.space, seed=options.seed)
    study = open_study(options, objective, sampler)
    run_trials(study, objective, options)
    report(study, options)


if __name__ == "__main__":
    parser = StudyParser(
        __doc__,
        study="genetic",
        trials=500,
        seed=0,
        seed_help="of the breeding, the same in all terminals; default: %(default)s",
    )
    main(search, parser)
