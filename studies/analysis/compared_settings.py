"""What sessions were created with, side by side, and whether their figures compare."""

from collections.abc import Mapping, Sequence
from typing import Any

from studies.analysis.readable import flat_settings, objectives_text
from studies.language import Message, message
from studies.sessions import StoredSession

__all__ = ["comparability", "deciding_settings", "different_settings", "settings_of"]

_DATES = ("start_date", "end_date", "split_date")
_KINDS = {
    "dates": message("dates"),
    "fees": message("fees"),
    "rules of the backtest": message("rules of the backtest"),
    "market data": message("market data"),
    "definition of a strategy": message("definition of a strategy"),
    "objective": message("objective"),
    "space": message("space"),
}


def settings_of(session: StoredSession) -> dict[str, Any]:
    """Everything a session was created with, but for the database, which is the same."""
    row, snapshot = session.row, session.row.snapshot
    config = session.config.model_dump(mode="json", exclude={"database", "strategy"})
    config["objective"]["metrics"] = objectives_text(session.directions)  # their order matters
    return {
        "mode": row.mode,
        "method": row.method,
        "seed": row.seed,
        "size": row.total,
        "semantics": snapshot.semantics,
        "warm_start": None if not snapshot.warm_start else list(snapshot.warm_start),
        **config,
    }


def different_settings(settings: Sequence[Mapping[str, Any]]) -> dict[str, tuple[Any, ...]]:
    """Return the settings that are not the same everywhere, nested ones by dotted names.

    Parameters
    ----------
    settings : sequence of mapping, length n_sessions

    Returns
    -------
    dict of str to tuple, each of length n_sessions
        None where a name is missing.
    """
    flat = [flat_settings(values) for values in settings]
    names = dict.fromkeys(name for values in flat for name in values)
    rows = {name: tuple(values.get(name) for values in flat) for name in names}
    return {name: row for name, row in rows.items() if any(value != row[0] for value in row)}


def deciding_settings(
    sessions: Sequence[StoredSession], settings: Mapping[str, Sequence[Any]]
) -> list[str]:
    """Return those of the settings that differ which decide what a figure is.

    Of objectives of one's own the space is one of them: there an id such as ``P12`` means another
    strategy in another space.
    """
    is_own = any(session.config.objective.type != "factor_backtest" for session in sessions)
    return [name for name in settings if _kind(name, is_own) is not None]


def comparability(
    sessions: Sequence[StoredSession], settings: Mapping[str, Sequence[Any]]
) -> tuple[tuple[tuple[str, ...], ...], list[Message]]:
    """Tell which sessions were measured alike.

    Parameters
    ----------
    sessions : sequence of StoredSession
    settings : mapping of str to sequence
        Those that differ.

    Returns
    -------
    groups : tuple of tuple of str
        Ids of sessions whose figures compare with each other; one group if all do.
    warnings : list of Message
        Why they do not compare, if they do not.
    """
    groups: dict[str | None, list[str]] = {}
    for session in sessions:
        row = session.row
        measured = row.session_id if row.is_of_earlier_system else row.snapshot.measurement
        groups.setdefault(measured, []).append(row.session_id)
    warnings = []
    if len(groups) > 1:
        warnings.append(_conditions_warning(sessions, settings))
        for alike in groups.values():
            if len(alike) > 1:
                warnings.append(
                    message(
                        "among them only these were measured alike and compare with each other: "
                        "{sessions}",
                        sessions=", ".join(alike),
                    )
                )
    if "objective.metrics" in settings:
        warnings.append(
            message(
                "the sessions have different objectives: {objectives}; best, distribution and "
                "convergence of each are by its own first one",
                objectives="; ".join(
                    f"{session.row.session_id} {objectives_text(session.directions)}"
                    for session in sessions
                ),
            )
        )
    return tuple(map(tuple, groups.values())), warnings


def _conditions_warning(
    sessions: Sequence[StoredSession], settings: Mapping[str, Sequence[Any]]
) -> Message:
    if any(session.row.is_of_earlier_system for session in sessions):
        return message(
            "figures of the sessions do not compare: nobody knows how an earlier system measured"
        )
    is_own = any(session.config.objective.type != "factor_backtest" for session in sessions)
    names: dict[str, list[str]] = {}
    for name in settings:
        kind = _kind(name, is_own)
        if kind is not None:
            names.setdefault(kind, []).append(name)
    if not names:
        return message(
            "figures of the sessions do not compare, they were measured under different "
            "conditions: the returns or market caps were changed between them"
        )
    reasons: Message | None = None
    for kind, listed in names.items():
        one = message("{kind} ({settings})", kind=_KINDS[kind], settings=", ".join(listed))
        reasons = (
            one if reasons is None else message("{first}, {second}", first=reasons, second=one)
        )
    return message(
        "figures of the sessions do not compare, they were measured under different conditions: "
        "{reasons}",
        reasons=reasons,
    )


def _kind(name: str, is_own: bool) -> str | None:
    """Return which sort of condition a setting is; None if it does not decide a figure."""
    section, _, rest = name.partition(".")
    if section == "backtest":
        if rest in _DATES:
            return "dates"
        return "fees" if rest == "fee_rate" else "rules of the backtest"
    if section == "market":
        return "market data"
    if name == "semantics":
        return "definition of a strategy"
    if name.startswith(("objective.type", "objective.options")):
        return "objective"
    return "space" if is_own and section in ("parameters", "constraints") else None
