"""The Optuna studies of a new session: created, named, and what each of them holds."""

import warnings
from typing import Any

from studies.sessions import StoredSession
from studies.trials import NOTE_VERSION, open_optuna_storage

__all__ = ["create_studies", "study_contents"]


def create_studies(session: StoredSession) -> None:
    """Create the Optuna studies of a session, unless an interrupted start already did."""
    import optuna
    from optuna.exceptions import ExperimentalWarning
    from optuna_dashboard import save_note

    row = session.row
    directions: list[Any] = list(session.directions.values())
    storage = open_optuna_storage(session.engine)
    for name, text in study_contents(session).items():
        study = optuna.create_study(
            study_name=name, storage=storage, directions=directions, load_if_exists=True
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            study.set_metric_names(list(session.directions))
        settings = {"mode": row.mode, "method": row.method, "seed": row.seed}
        study.set_user_attr("mass_tuning", settings)
        save_note(study, text)
        # so that it is replaced at the end, unless somebody edits it until then
        attributes = storage.get_study_system_attrs(study._study_id)
        version = attributes["dashboard:note_ver"]
        storage.set_study_system_attr(study._study_id, NOTE_VERSION, version)
    storage.engine.dispose()


def study_contents(session: StoredSession) -> dict[str, str]:
    """Say in a few sentences which strategies each study of a session holds, by its name."""
    row, studies = session.row, session.studies
    session_id, total = row.session_id, row.total
    if row.is_adaptive:
        return {
            studies.best: f"All strategies that {row.method} proposes in session {session_id}, up "
            f"to {total:,}, are trials here; what it proposes again is looked up (cached)."
        }
    if session.stores_all:
        return {studies.best: f"All {total:,} strategies of session {session_id} are trials here."}
    if studies.sample is None:
        return {
            studies.best: f"{_sample(session)} Besides them {_best(session)}. It is a biased "
            "sample: look for the best, but do not fit or search on it, and read no importance "
            f"from it. {_EVERYTHING}"
        }
    return {
        studies.sample: f"{_sample(session)} {_use_of_sample(session)} What won is in the study "
        f"{studies.best}. {_EVERYTHING}",
        studies.best: f"The best of session {session_id}: {_best(session)}. They are no sample: "
        "their importances and slices say what the best have in common with each other, not what "
        f"decides the result; for that there is the study {studies.sample}. {_EVERYTHING}",
    }


_EVERYTHING = "All results are in the table hyperparameter_tuning_results."


def _sample(session: StoredSession) -> str:
    row = session.row
    size = min(session.config.study.sample, row.total)
    return (
        f"An even sample of session {row.session_id}: {size:,} of its {row.total:,} strategies, "
        "evenly spread over the order they are tried in. Those of them that fail are not trials "
        "here."
    )


def _use_of_sample(session: StoredSession) -> str:
    if session.row.is_genetic:
        return (
            "The genetic search tries more of what was good before, so importances and slices "
            "hold for what it tried, not for the whole space."
        )
    return "Importances and slices of it hold for the session."


def _best(session: StoredSession) -> str:
    """Say which of the best strategies become trials."""
    settings = session.config.study
    first = next(iter(session.directions))
    entered = f"those that entered the running best {settings.running_best:,} by {first} as they "
    entered += "came, and at the end "
    if len(session.directions) == 1:
        return f"{entered}the best {settings.final_best:,} distinct results"
    ways = ", ".join(f"{name} ({way})" for name, way in session.directions.items())
    return (
        f"{entered}{settings.final_best:,} of the best distinct results (first the Pareto front by "
        f"{ways}, evenly thinned along {first} if it is larger, then the best by {first})"
    )
