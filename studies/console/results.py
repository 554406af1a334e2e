"""What a session has found: how it ended, its best results, the verdict, one session closely."""

from studies.analysis import (
    StoredVerdict,
    figure,
    is_drawdown,
    latest_verdict,
    local_time,
    metric_units,
    objectives_text,
    shown,
    statistics_of,
    verify_session,
)
from studies.console.background_runs import BackgroundRun
from studies.console.project import Project
from studies.console.screen import Screen, Text
from studies.console.session_choice import state_text
from studies.language import Message, message
from studies.reports import figure_name, word_text
from studies.session import Session
from studies.sessions import SessionState
from studies.upkeep import status_with_warnings

__all__ = [
    "judge",
    "print_best",
    "print_details",
    "print_outcome",
    "print_sessions",
    "print_statistics",
]

_FIGURES = ("total_return", "max_drawdown", "trade_count", "win_rate")
_NARROW = 100
"""Columns of a terminal that has no room for the last figure."""
_PHASES = {"strategies": message("strategies"), "splits": message("splits of the days")}
"""Of a verdict."""
_COLORS = {"strong": "green", "weak": "yellow", "no evidence": "red"}


def print_outcome(
    screen: Screen, project: Project, session: Session, run: BackgroundRun | None
) -> None:
    """Say where a session stands after it was watched, and show its best."""
    row = session.refresh()
    if run is not None and run.exit_code not in (None, 0, 130):
        screen.error(message("the run ended with an error; the last it said:"))
        for line in run.last_lines():
            screen.say(f"  {screen.sentence(line)}")
    elif row.status == SessionState.RUNNING:
        screen.say(message("The run goes on in the background; look at it with 3 (monitoring)."))
    screen.say(
        message(
            "{session}: {state}, {done:,} of {total:,} strategies done, {failed:,} failed",
            session=row.session_id,
            state=state_text(row),
            done=row.completed + row.failed,
            total=row.total,
            failed=row.failed,
        ),
        "bold",
    )
    if row.completed:
        print_best(screen, session, 5)
        _print_verdict_line(screen, project, session)


def print_best(screen: Screen, session: Session, n: int = 10) -> None:
    """Print the best results of a session."""
    frame = session.top(n)
    if frame.empty:
        screen.say(message("no strategy has a result yet"))
        return
    units = metric_units()
    objectives = list(session.directions)
    oos = [f"oos_{name}" for name in objectives]
    figures = _FIGURES if screen.console.width >= _NARROW else _FIGURES[:-1]
    wanted = dict.fromkeys([*objectives, *oos, *figures])
    names = [name for name in wanted if name in frame and frame[name].notna().any()]
    titles: list[Text] = [message("strategy"), *(_title(name) for name in names)]
    rows = [
        [row["strategy_id"], *(shown(name, row[name], units) for name in names)]
        for row in frame.to_dict("records")
    ]
    screen.table(titles, rows)


def _title(name: str) -> Text:
    return message("drawdown") if is_drawdown(name) else figure_name(name)


def judge(screen: Screen, session: Session) -> None:
    """Judge the best strategy, or read the stored verdict, and print it with its reasons."""
    screen.say(message("judging how much of the best result is luck; Ctrl-C stops it"))
    with screen.phases() as advance:

        def show(phase: str, done: int, total: int) -> None:
            advance(_PHASES.get(phase, phase), done, total)

        stored = verify_session(session, on_progress=show)
    screen.say(_verdict_text(stored), _COLORS.get(stored.verdict.word, ""))
    for reason in stored.verdict.reasons:
        screen.say(f"  - {screen.sentence(reason)}")


def _verdict_text(stored: StoredVerdict) -> Message:
    return message(
        "verdict: {word}, on {strategy}, given on {date}",
        word=word_text(stored.verdict.word),
        strategy=stored.strategy_id,
        date=f"{stored.created_at:%Y-%m-%d}",
    )


def _print_verdict_line(screen: Screen, project: Project, session: Session) -> None:
    stored = latest_verdict(session.engine, session.row.session_id)
    if stored is None:
        command = project.command(f"verify {session.row.session_id}")
        screen.say(
            message(
                "verdict: not given yet; get it with 3 (monitoring), or {command}", command=command
            )
        )
    else:
        screen.say(_verdict_text(stored), _COLORS.get(stored.verdict.word, ""))


def print_sessions(screen: Screen, project: Project) -> None:
    """List all sessions."""
    rows = project.sessions()
    if not rows:
        screen.say(message("no session yet; plan one with 1 (strategy generator)"))
        return
    screen.table(
        [
            message("session"),
            message("status"),
            message("method"),
            message("done"),
            message("in all"),
            message("failed"),
        ],
        [
            [
                row.session_id,
                state_text(row),
                row.method,
                f"{row.completed + row.failed:,}",
                f"{row.total:,}",
                f"{row.failed:,}",
            ]
            for row in rows
        ],
        left=3,
    )


def print_details(screen: Screen, project: Project, session: Session) -> None:
    """Print everything about one session."""
    now = status_with_warnings(session, detailed=True)
    row = session.row
    rows: list[tuple[Text, Text]] = [
        (message("session"), now.session_id),
        (message("status"), state_text(row)),
        (
            message("strategies"),
            message(
                "{completed:,} completed, {failed:,} failed, {pending:,} to go",
                completed=now.completed,
                failed=now.failed,
                pending=now.pending,
            ),
        ),
        (message("method"), message("{method}, seed {seed}", method=now.method, seed=now.seed)),
        (message("objective"), objectives_text(now.directions)),
        (message("created"), local_time(now.created_at)),
        (message("finished"), local_time(now.completed_at)),
    ]
    if now.rate:
        rate = message("{rate:,.0f} strategies a second", rate=now.rate)
        rows.append((message("rate"), rate))
    rows += [
        (message("worker"), f"{each.host or each.worker} {each.pid or ''}") for each in now.workers
    ]
    rows += [
        (message("failures"), f"{screen.sentence(reason)}: {count:,}")
        for reason, count in now.failures.items()
    ]
    if now.notes:
        rows.append((message("notes"), now.notes))
    screen.pairs(rows)
    for text in now.warnings:
        screen.warn(text)
    for entry in now.log:
        said = screen.sentence(entry.message)
        screen.say(f"  {local_time(entry.created_at)}  {said}", "dim")
    if row.completed:
        screen.say()
        print_best(screen, session)
        _print_verdict_line(screen, project, session)


def print_statistics(screen: Screen, session: Session) -> None:
    """Print how the figures of all results are spread, and what decides them."""
    with screen.working(message("reading all results")):
        found = statistics_of(session)
    units = metric_units()
    screen.table(
        [
            message("figure"),
            message("strategies"),
            message("share above 0"),
            message("median"),
            message("mean"),
            message("best"),
        ],
        [
            [
                _title(name),
                f"{each.n:,}",
                figure(each.share_above_zero, "fraction"),
                shown(name, each.median, units),
                shown(name, each.mean, units),
                shown(name, each.best, units),
            ]
            for name, each in found.figures.items()
        ],
    )
    if found.importance is not None:
        screen.say(message("What decides the result"), "bold")
        screen.table(
            [message("parameter"), message("share of the variance")],
            [
                [name, figure(share, "fraction")]
                for name, share in found.importance.parameters.items()
            ],
        )
