"""Learn from the trials so far which values are good: Optuna's tree-structured Parzen estimator.

    python scripts/study_tpe.py --trials 300               in as many terminals as you like
    python scripts/study_tpe.py --trials 100 --synthetic   without a market of your own

The estimator models all parameters together, as is Optuna's default with one objective. Strategies
that other processes are evaluating count as bad ones (constant liar), so that processes do not
propose the same. It may still come back to a point it knows: where no point shall be tried twice,
use study_genetic.py. Proposing takes longer the more trials there are: up to some thousands.
"""

import argparse

from optuna.samplers import TPESampler
from study_common import StudyParser, main, make_objective, open_study, report, run_trials


def search(options: argparse.Namespace) -> None:
    objective = make_objective(options)
    sampler = TPESampler(constant_liar=True, seed=options.seed)
    study = open_study(options, objective, sampler)
    run_trials(study, objective, options)
    report(study, options)


if __name__ == "__main__":
    parser = StudyParser(
        __doc__,
        study="tpe",
        trials=200,
        seed=None,
        seed_help="of the sampler; another one in every terminal, or their first draws are the "
        "same; default: drawn",
    )
    main(search, parser)
