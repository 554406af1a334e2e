"""What every worker process of a cluster imports: once, in the process that they are forks of."""

import distributed
import optuna

import objectives.kernels.backtest
import objectives.kernels.factors
import objectives.kernels.ranking
import studies.runs.cluster_task
from objectives import FactorBacktest
from studies.outcomes import RowWriter
from studies.sessions import cached_objective
from studies.trials import StudyWriter
from studies.workers import Worker, make_worker

__all__ = [
    "FactorBacktest",
    "RowWriter",
    "StudyWriter",
    "Worker",
    "cached_objective",
    "distributed",
    "make_worker",
    "objectives",
    "optuna",
    "studies",
]
