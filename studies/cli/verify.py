"""``verify``: how much of the best result is luck."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from studies.cli.context import Command, Context, command_options, session_option
from studies.cli.exit_codes import FAILED
from studies.cli.output import note, print_json, warn
from studies.cli.progress import counting, phases
from studies.cli.saved_best import save_when_completed
from studies.cli.study_pages import describe_when_completed

if TYPE_CHECKING:
    from objectives import Objective
    from studies.analysis import StoredVerdict
    from studies.session import Session

__all__ = ["describe_and_judge", "verify"]


@click.command(
    cls=Command,
    short_help="How much of the best result is luck: the verdict.",
    examples="""
    mass-tuning verify
    mass-tuning verify SR_ST_W30_7D_D90_S5_EQ
    mass-tuning verify --session session_20250131_120000_1234
    mass-tuning verify --robust
    mass-tuning verify --lookahead
    """,
)
@click.argument("words", metavar="[SESSION] [STRATEGY]", nargs=-1)
@session_option("the newest with results")
@click.option(
    "--resamples",
    type=click.IntRange(100, 10_000),
    metavar="N",
    help="Resamples of the bootstrap; default: verify.resamples, 1,000.",
)
@click.option("--seed", type=click.IntRange(min=0), metavar="N", help="Seed of the resamples.")
@click.option(
    "--robust",
    is_flag=True,
    help="Instead: other fees, a day's delay, without each pair and month, its neighbours.",
)
@click.option(
    "--lookahead", is_flag=True, help="Instead: whether it uses what it could not know yet."
)
@click.option("--again", is_flag=True, help="Compute a verdict anew that is stored already.")
@command_options
@click.pass_obj
def verify(
    context: Context,
    words: tuple[str, ...],
    session_id: str | None,
    resamples: int | None,
    seed: int | None,
    robust: bool,
    lookahead: bool,
    again: bool,
) -> None:
    """Judge the best strategy of a session, or another one, and say why.

    The verdict is strong, weak, no evidence or cannot tell. The strategy is compared with
    everything the search could have returned in its place, against cash and against holding every
    pair alike (the basket), on the days the search has seen. It is stored; the same question is
    answered from there. SESSION is by default the newest with results, STRATEGY its best.

    With --lookahead the exit code is 1 where something looks ahead.
    """
    _refuse_useless(robust, lookahead, again, resamples)
    session_id, strategy_id = _meant(words, session_id)
    from studies.analysis import verify_session

    session = context.session(session_id, "results")
    if robust:
        _robustness(context, session, strategy_id, resamples, seed)
        return
    if lookahead:
        _look_ahead(context, session, strategy_id, seed)
        return
    with phases() as advance:
        stored = verify_session(
            session,
            strategy_id,
            n_resamples=resamples,
            seed=seed,
            again=again,
            on_progress=advance,
        )
    if stored.not_stored is not None:
        warn(f"the verdict is not stored: {stored.not_stored}")
    elif strategy_id is None:
        describe_when_completed(context, session)
    if context.as_json:
        print_json(stored.to_dict())
        return
    from studies.cli.verdict_table import print_verdict

    print_verdict(session, stored)


def _refuse_useless(robust: bool, lookahead: bool, again: bool, resamples: int | None) -> None:
    """Refuse options that would change nothing."""
    if robust and lookahead:
        raise click.ClickException("--robust and --lookahead are two questions; ask one of them")
    if again and (robust or lookahead):
        raise click.ClickException("--again is about the stored verdict; leave it out")
    if resamples is not None and lookahead:
        raise click.ClickException("--lookahead resamples nothing; leave out --resamples")


def _meant(words: tuple[str, ...], session_id: str | None) -> tuple[str | None, str | None]:
    """Tell a session and a strategy apart; the best strategy is None."""
    sessions = [word for word in words if word.startswith("session_")]
    if session_id is not None:
        sessions.append(session_id)
    strategies = [word for word in words if not word.startswith("session_")]
    if len(sessions) > 1 or len(strategies) > 1:
        raise click.ClickException(
            f"one session and one strategy at most, got {' '.join(words)}; see: mass-tuning verify "
            "--help"
        )
    strategy_id = strategies[0] if strategies and strategies[0] != "best" else None
    return (sessions[0] if sessions else None), strategy_id


def _robustness(
    context: Context,
    session: Session,
    strategy_id: str | None,
    resamples: int | None,
    seed: int | None,
) -> None:
    from studies.analysis import robustness_of

    with counting("simulating") as advance:
        report = robustness_of(
            session, strategy_id, n_resamples=resamples, seed=seed, on_progress=advance
        )
    if context.as_json:
        print_json(report.to_dict())
        return
    from studies.cli.robustness import print_robustness

    print_robustness(report)


def _look_ahead(
    context: Context, session: Session, strategy_id: str | None, seed: int | None
) -> None:
    from studies.analysis import look_ahead_of

    with counting("other futures") as advance:
        report = look_ahead_of(session, strategy_id, seed=seed, on_progress=advance)
    if context.as_json:
        print_json(report.to_dict())
    else:
        from studies.cli.look_ahead import print_look_ahead

        print_look_ahead(report)
    if not report.ok:
        raise click.exceptions.Exit(FAILED)


def describe_and_judge(context: Context, session: Session) -> None:
    """Do what a completed session ends with: studies described, best judged, best saved.

    Described first, and once more with the verdict: a judgement may take a minute, and be stopped.
    What it computes of the market makes saving quick.
    """
    objective = _objective_at_the_end(session)
    figures = describe_when_completed(context, session, objective=objective)
    if judge_if_quick(context, session, objective) is not None and figures is not None:
        describe_when_completed(context, session, figures)
    save_when_completed(context, session, objective)


def _objective_at_the_end(session: Session) -> Objective | None:
    """Read the market once for all that a completed session ends with.

    None if nothing needs it or it cannot be read, which each step says for itself.
    """
    from studies.sessions import build_objective

    config, row = session.config, session.row
    wanted = config.study.figures or config.verify.auto or config.execution.save_top
    if row.status != "completed" or not row.completed or not wanted:
        return None
    try:
        return build_objective(session)
    except Exception:  # whatever an objective of one's own raises
        return None


def judge_if_quick(
    context: Context, session: Session, objective: Objective | None = None
) -> StoredVerdict | None:
    """Judge a completed session's best strategy, if that is wanted and quick.

    Parameters
    ----------
    context : Context
    session : Session
    objective : Objective, optional
        Of the session, if it is built already.

    Returns
    -------
    StoredVerdict or None
        None if it is not wanted (``verify.auto``), would take longer than ``verify.seconds``, or
        there is nothing to judge. An error is a note: the session's results stand.
    """
    from search_spaces.errors import MassTuningError
    from studies.analysis import verify_within

    rules = session.config.verify
    row = session.row
    if not rules.auto or row.status != "completed" or not row.completed:
        return None
    by_hand = context.command(f"verify {row.session_id}")
    context.hint = f"; the session is completed, judge it with: {by_hand}"
    try:
        with phases() as advance:
            stored = verify_within(session, rules.seconds, objective=objective, on_progress=advance)
    except Exception as error:  # whatever an objective of one's own raises, the results stand
        if context.debug and not isinstance(error, MassTuningError):
            raise
        warn(f"not judged: {type(error).__name__}: {error}; try it with: {by_hand}")
        return None
    if stored is None:
        note(f"judging it takes more than {rules.seconds:.0f} s; do it with: {by_hand}")
    return stored
