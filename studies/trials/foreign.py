"""Trials in a session's studies that no worker of the session wrote."""

import sqlalchemy as sa
from optuna.storages._rdb import models
from optuna.trial import TrialState
from sqlalchemy.engine import Connection

from studies.database import hyperparameter_tuning_results
from studies.trials.running import SLOT
from studies.trials.session_studies import existing_studies

__all__ = ["count_foreign_trials"]

_trials = models.TrialModel.__table__
_user = models.TrialUserAttributeModel.__table__
_system = models.TrialSystemAttributeModel.__table__
_results = hyperparameter_tuning_results


def count_foreign_trials(connection: Connection, session_id: str) -> int:
    """Count the trials that somebody else added to the studies of a session.

    They have neither a ``strategy_id`` nor a slot of the session; or they are complete, and their
    strategy is none of the session's results.

    Parameters
    ----------
    connection : Connection
        In one snapshot with whatever else is compared.
    session_id : str
    """
    study_ids = list(existing_studies(connection.engine, session_id).values())
    if not study_ids:
        return 0
    named = sa.and_(_user.c.trial_id == _trials.c.trial_id, _user.c.key == "strategy_id")
    slot = sa.exists().where(_system.c.trial_id == _trials.c.trial_id, _system.c.key == SLOT)
    text = _user.c.value_json
    strategy_id = sa.func.substr(text, 2, sa.func.length(text) - 2)
    recorded = sa.exists().where(
        _results.c.session_id == session_id, _results.c.strategy_id == strategy_id
    )
    nameless = sa.and_(text.is_(None), ~slot)
    unrecorded = sa.and_(text.is_not(None), _trials.c.state == TrialState.COMPLETE, ~recorded)
    query = (
        sa.select(sa.func.count())
        .select_from(_trials.outerjoin(_user, named))
        .where(_trials.c.study_id.in_(study_ids), sa.or_(nameless, unrecorded))
    )
    return int(connection.execute(query).scalar_one())
