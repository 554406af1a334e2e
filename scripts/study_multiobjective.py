"""Trade two objectives off: a high net Sharpe ratio and a small drawdown, as a Pareto front.

    python scripts/study_multiobjective.py --trials 1000              in several terminals
    python scripts/study_multiobjective.py --trials 200 --synthetic   without a market of your own

The front is every strategy that no other one surpasses in one objective without loss in the other.
Bred by DEAP's operators with the selection of NSGA-II; or, with `--sampler nsga2`, by Optuna's own
NSGAIISampler, which begins with 50 random strategies and may come back to a point.
"""

import argparse

from optuna.samplers import BaseSampler, NSGAIISampler
from study_common import StudyParser, main, make_objective, open_study, report, run_trials

from studies import DeapSampler

METRICS = ("net_sharpe_ratio", "max_drawdown")


def search(options: argparse.Namespace) -> None:
    objective = make_objective(options, METRICS)
    sampler: BaseSampler = NSGAIISampler(seed=options.seed)
    if options.sampler == "deap":
        sampler = DeapSampler(objective.space, seed=options.seed)
    study = open_study(options, objective, sampler)
    run_trials(study, objective, options)
    report(study, options)

    front = {trial.user_attrs["strategy_id"]: trial.values for trial in study.best_trials}
    ranked = sorted(front.items(), key=lambda each: (-each[1][0], each[1][1], each[0]))
    print(f"\n{'Pareto front':<40}{METRICS[0]:>18}{METRICS[1]:>14}")
    for strategy_id, (sharpe, drawdown) in ranked:
        print(f"{strategy_id:<40}{sharpe:>18.3f}{drawdown:>14.3%}")


if __name__ == "__main__":
    parser = StudyParser(
        __doc__,
        study="multiobjective",
        trials=500,
        seed=None,
        seed_help="of the sampler; the same in all terminals for deap, another one in each for "
        "nsga2; default: drawn",
    )
    parser.add_argument(
        "--sampler", choices=("deap", "nsga2"), default="deap", help="default: %(default)s"
    )
    main(search, parser)
