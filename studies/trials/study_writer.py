"""Which strategies of a session become trials of its Optuna studies, and how.

A session of up to ``all_up_to`` strategies has all of them as trials of one study. A larger one has
by default two studies. One holds an even sample of design positions, so that what Optuna computes
of it (importances, slices) holds for the session. The other one holds strategies that enter the
running best as they come, and at the end the rest of the best, with several objectives the Pareto
front first; among them, strategies of equal figures are one. In one study the best would pass for
a part of the sample: every importance would be wrong.

Trials are only ever appended, finished, so a reader that is open sees each of them once.
"""

import datetime
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa
from optuna.storages._rdb import models
from optuna.trial import TrialState
from sqlalchemy.engine import Connection

from search_spaces import PARAMETER_NAMES, SearchSpace, StrategyParams
from studies.config import StudyConfig
from studies.database import hyperparameter_tuning_results
from studies.outcomes import (
    Outcome,
    ParetoFront,
    distinct_front,
    read_distinct_results,
    sign_of,
    simplicity,
)
from studies.trials.append import TrialBatch, append_trials, lock_study
from studies.trials.session_studies import stores_all
from studies.trials.trial_attributes import attributes_of_outcome, attributes_of_row

__all__ = ["StudyWriter"]

_trials = models.TrialModel.__table__
_values = models.TrialValueModel.__table__
_attributes = models.TrialUserAttributeModel.__table__
_results = hyperparameter_tuning_results


@dataclass(frozen=True)
class StudyWriter:
    """Writes the trials of one session in the caller's transactions.

    Attributes
    ----------
    session_id : str
    study_id : int
        The study with the best strategies; with all of them where the session has one study.
    space : SearchSpace
    directions : mapping of str to str
        Optimised metrics; the first one decides what is best.
    config : StudyConfig
    total : int
        Strategies of the session.
    sample_id : int, optional
        The study with the even sample. A session of an earlier release has none: its sample is in
        the study of the best.
    """

    session_id: str
    study_id: int
    space: SearchSpace
    directions: Mapping[str, str]
    config: StudyConfig
    total: int
    sample_id: int | None = None

    def prepare(self, outcome: Outcome) -> TrialBatch | None:
        """Arrange the trials of a chunk before its transaction, where all of them are stored."""
        if not stores_all(self.config, self.total):
            return None
        return self._batch(outcome, np.arange(len(outcome.batch)))

    def append(
        self, connection: Connection, outcome: Outcome, prepared: TrialBatch | None = None
    ) -> int:
        """Append the trials of a chunk that belong into the study; return how many.

        Parameters
        ----------
        connection : Connection
        outcome : Outcome
        prepared : TrialBatch, optional
            From :meth:`prepare`; of a large session the trials are chosen here: those of the
            sample that did not fail, and under the study's lock what enters the best.
        """
        batch = prepared if prepared is not None else self.prepare(outcome)
        if batch is not None:
            return self._append(connection, self.study_id, batch)
        sampled = np.flatnonzero(self._sampled(outcome.positions) & ~outcome.failed)
        n_sampled = 0
        if self.sample_id is not None:
            if sampled.size:
                batch = self._batch(outcome, sampled)
                n_sampled = self._append(connection, self.sample_id, batch)
            sampled = np.empty(0, dtype=np.int64)
        chosen = np.union1d(sampled, self._entering(connection, outcome, sampled))
        return n_sampled + self._append(
            connection, self.study_id, self._batch(outcome, chosen.astype(np.int64))
        )

    def missing_best(self, connection: Connection) -> list[str]:
        """Ids of the best strategies that are no trials at the end, in the order to add them.

        The best distinct results of the session by its objective, best first, each under the name
        of its simplest strategy. With several objectives the Pareto front, then the best by the
        first objective.
        """
        if stores_all(self.config, self.total):
            return []
        present = self.present(connection)
        return [name for name in self.final_best(connection) if name not in present]

    def final_best(self, connection: Connection) -> list[str]:
        """Return the best strategies that are to be trials at the end; see `missing_best`."""
        limit = self.config.final_best
        metric, direction = next(iter(self.directions.items()))
        if limit == 0:
            return []
        front: list[str] = []
        if len(self.directions) > 1:
            every = ParetoFront.read(connection, self.session_id, self.directions)
            front = distinct_front(connection, every)[0].spread(limit)
        best = read_distinct_results(connection, self.session_id, metric, direction, limit)
        chosen = dict.fromkeys([*front, *[result.strategy_id for result in best]])
        return list(chosen)[:limit]

    def present(self, connection: Connection) -> set[str]:
        """Ids of the strategies that are trials of the study of the best already."""
        known = (
            sa.select(_attributes.c.value_json)
            .join(_trials, _trials.c.trial_id == _attributes.c.trial_id)
            .where(_trials.c.study_id == self.study_id, _attributes.c.key == "strategy_id")
        )
        return {json.loads(text) for text in connection.execute(known).scalars()}

    def append_recorded(self, connection: Connection, strategy_ids: Sequence[str]) -> None:
        """Append strategies from their result rows."""
        rows = connection.execute(
            sa.select(_results).where(
                _results.c.session_id == self.session_id, _results.c.strategy_id.in_(strategy_ids)
            )
        ).mappings()
        by_id = {row["strategy_id"]: row for row in rows}
        ordered = [by_id[name] for name in strategy_ids if name in by_id]
        if not ordered:
            return
        indices = [self.space.index(self.space.parse(row["strategy_id"])) for row in ordered]
        moments = [_local(row["created_at"]) for row in ordered]
        lasted = [datetime.timedelta(seconds=row["execution_time"] or 0.0) for row in ordered]
        append_trials(
            connection,
            self.study_id,
            TrialBatch(
                states=[TrialState.COMPLETE] * len(ordered),
                values=np.array(
                    [[float(row[name]) for name in self.directions] for row in ordered]
                ),
                internal_params=self.space.internal_params(indices),
                distributions=self.space.distributions,
                user_attrs=[attributes_of_row(row, self.directions) for row in ordered],
                started=[m - d for m, d in zip(moments, lasted, strict=True)],
                completed=moments,
            ),
        )

    def _sampled(self, positions: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        """Whether positions are in the even sample: floor(i total / sample), i = 0..sample-1."""
        n, total = self.config.sample, self.total
        if n == 0:
            return np.zeros(len(positions), dtype=np.bool_)
        # the smallest i whose position is not below: is it this position?
        i = -((-positions * n) // total)
        return (i < n) & (i * total // n == positions)

    def _entering(
        self, connection: Connection, outcome: Outcome, sampled: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.int64]:
        """Rows that are among the best so far, this chunk included.

        Of strategies with an equal first objective one enters, the simplest of the chunk, unless
        one of that value is a trial already or sampled in this chunk.
        """
        limit = self.config.running_best
        sign = sign_of(next(iter(self.directions.values())))
        score = sign * outcome.batch.objective[:, 0]
        rows = np.flatnonzero(~np.isnan(score))
        if limit == 0 or not rows.size:
            return np.empty(0, dtype=np.int64)
        lock_study(connection, self.study_id)
        column = _values.c.value
        best = connection.execute(
            sa.select(column)
            .distinct()
            .join(_trials, _trials.c.trial_id == _values.c.trial_id)
            .where(
                _trials.c.study_id == self.study_id,
                _values.c.objective == 0,
                column.is_not(None),
            )
            .order_by(column.desc() if sign > 0 else column.asc())
            .limit(limit)
        )
        held = np.array([*(sign * value for value in best.scalars()), *score[sampled]])
        values = np.unique(np.concatenate([held[~np.isnan(held)], score[rows]]))[::-1][:limit]
        new = values[~np.isin(values, held)]
        return np.array(
            [self._simplest(outcome, np.flatnonzero(score == value)) for value in new],
            dtype=np.int64,
        )

    def _simplest(self, outcome: Outcome, rows: npt.NDArray[np.int64]) -> int:
        """Return the row of the simplest of some strategies of a chunk."""
        indices = outcome.indices[rows]
        ids, listed = self.space.strategy_ids(indices), self.space.params_list(indices)
        keys = [simplicity(*each) for each in zip(ids, map(_parameters, listed), strict=True)]
        return int(rows[keys.index(min(keys))])

    def _batch(self, outcome: Outcome, chosen: npt.NDArray[np.int64]) -> TrialBatch:
        indices = outcome.indices[chosen]
        ids = self.space.strategy_ids(indices)
        failed = outcome.failed[chosen].tolist()
        return TrialBatch(
            states=[TrialState.FAIL if bad else TrialState.COMPLETE for bad in failed],
            values=outcome.batch.objective[chosen],
            internal_params=self.space.internal_params(indices),
            distributions=self.space.distributions,
            user_attrs=attributes_of_outcome(outcome, chosen, ids, self.directions),
            started=_local(outcome.started),
            completed=_local(outcome.completed),
        )

    @staticmethod
    def _append(connection: Connection, study_id: int, batch: TrialBatch) -> int:
        if len(batch):
            append_trials(connection, study_id, batch)
        return len(batch)


def _parameters(params: Any) -> dict[str, Any]:
    """Return the six parameters of a factor strategy; of another one nothing."""
    if not isinstance(params, StrategyParams):
        return {}
    return {name: getattr(params, name) for name in PARAMETER_NAMES}


def _local(moment: datetime.datetime) -> datetime.datetime:
    """Return a naive UTC time with its zone, as `TrialBatch` takes it."""
    return moment.replace(tzinfo=datetime.UTC)
