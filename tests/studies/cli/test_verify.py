"""``verify``, and the verdict wherever a winner is shown."""

import os
import re
import shutil
from pathlib import Path

import pytest

from studies.cli.app import run
from studies.cli.chart import sparkline

SMALL = (
    *("--set", "factors=SR,SR_DD,TR"),
    *("--set", "window_size=5,20"),
    *("--set", "data_period=10"),
    *("--set", "selection_count=10"),
    *("--set", "weight_method=EQ,FS"),
)
N_STRATEGIES = 3 * 2 * 5 * 2
CONFIG = "backtest: {start_date: 2024-03-01}\nverify: {resamples: 200}\n"


@pytest.fixture(scope="session")
def judged(tmp_path_factory):
    """A folder with a market of 40 pairs and 500 days, and a session run and judged on it."""
    folder = tmp_path_factory.mktemp("judged")
    before = Path.cwd()
    os.chdir(folder)
    try:
        (folder / "mass_tuning_config.yaml").write_text(CONFIG)
        market = ("--n-pairs", "40", "--n-days", "500", "--edge", "2")
        assert run(["import", "synthetic", *market]) == 0
        assert run(["generate", *SMALL]) == 0
        assert run(["execute"]) == 0
    finally:
        os.chdir(before)
    return folder


@pytest.fixture
def project(judged, tmp_path, monkeypatch):
    """Current folder: a copy of `judged` that may be changed."""
    for path in judged.iterdir():
        shutil.copy(path, tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def session_of(cli):
    return cli("sessions", "--json").json[0]["session_id"]


def test_execute_judges_by_itself_and_everything_shows_it(cli, project):
    (session,) = cli("sessions", "--json").json
    assert session["verdict"]["verdict"] == "strong"
    day = session["verdict"]["created_at"][:10]
    assert f"strong ({day})" in cli("sessions").out
    assert re.search(rf"verdict +strong \({day}\), of ", cli("status").out)
    assert f"verdict: strong ({day})" in cli("top").out
    assert re.search(rf"verdict +strong \({day}\)$", cli("show", "best").out, re.MULTILINE)
    best = cli("top", "--json").json["strategies"][0]["strategy_id"]
    for document in (cli("top", "--json"), cli("status", "--json"), cli("show", "best", "--json")):
        assert document.json["verdict"]["verdict"] == "strong"
        assert document.json["verdict"]["strategy_id"] == best


def test_why_nothing_can_be_said_stands_beside_the_word(cli, project):
    assert cli("generate", *SMALL, "--end-date", "2024-07-01", "--size", "20").code == 0
    told = cli("execute")
    (line,) = [line for line in told.out.splitlines() if line.startswith("verdict: ")]
    assert re.search(r"cannot tell \(.*\): 122 measured days; at least 180 are needed", line)


def test_a_strategy_that_was_not_judged_says_how(cli, project):
    second = cli("top", "--json").json["strategies"][1]["strategy_id"]
    told = cli("show", second)
    assert f"not given yet: mass-tuning verify {session_of(cli)} {second}" in told.out
    assert cli("show", second, "--json").json["verdict"] is None
    assert cli("verify", session_of(cli), second).code == 0
    assert "not given yet" not in cli("show", second).out


def test_verify_prints_reasons_and_figures(cli, project):
    told = cli("verify")
    assert told.code == 0
    lines = told.out.splitlines()
    assert lines[0].endswith("strong")
    assert "- it earns more than cash" in told.out
    assert "- it earns more than holding every pair alike" in told.out
    for name in (
        "p, cash", "p, basket", "beat cash", "beat the basket", "independent tries", "p, White",
        "walk-forward", "hold-out", "in sample", "overfitting", "probabilistic SR", "deflated SR",
        "track record", "the basket",
    ):  # fmt: skip
        assert any(line.strip().startswith(name) for line in lines), name
    assert f"all {N_STRATEGIES} strategies of the space, 200 resamples, seed 0" in told.out
    assert "windows with the commonest value, of" in " ".join(told.out.split())
    assert all(len(line) <= 80 for line in lines[1:]), max(lines[1:], key=len)


def test_verify_as_json(cli, project):
    told = cli("verify", "--json").json
    assert told["verdict"] == "strong"
    assert told["settings"]["n_population"] == N_STRATEGIES
    assert told["figures"]["p_cash"] < 0.05
    assert sum(told["figures"]["overfitting"]["net"]["logit_counts"]) == 12_870
    assert cli("verify", "--json").json == told  # from the table
    again = cli("verify", "--again", "--json").json
    assert again["n_before"] == 1
    assert again["figures"] == told["figures"]
    assert cli("verify", "--seed", 3, "--resamples", 300, "--json").json["settings"]["seed"] == 3
    assert "2 verdicts were given on this market before" in cli("verify").out.replace(
        "\n", " "
    ) or ("1 verdict was given" in cli("verify").out)


def test_a_session_and_a_strategy_in_any_form(cli, project):
    session_id = session_of(cli)
    best = cli("top", "--json").json["strategies"][0]["strategy_id"]
    same = cli("verify", "--json").out
    for words in (
        (session_id,), ("best",), (best,), (session_id, best), (best, "--session", session_id),
        ("--session", session_id),
    ):  # fmt: skip
        assert cli("verify", *words, "--json").out == same


def test_bad_questions(cli, project):
    session_id = session_of(cli)
    assert "one session and one strategy" in cli("verify", session_id, session_id).error
    assert "one session and one strategy" in cli("verify", "SR_W5", "best").error
    assert "leave it out" in cli("verify", "--robust", "--again").error
    assert "resamples nothing" in cli("verify", "--lookahead", "--resamples", 200).error
    assert cli("verify", "--resamples", 10_001).code == 2
    assert "no result of 'nothing'" in cli("verify", session_id, "nothing").error
    assert "session_unknown" in cli("verify", "session_unknown").error
    assert cli("verify", "--resamples", 99).code == 2
    assert cli("verify", "--seed", -1).code == 2


def test_it_is_not_judged_where_that_is_not_wanted(cli, project):
    (project / "mass_tuning_config.yaml").write_text(CONFIG[:-2] + ", auto: false}\n")
    assert cli("generate", *SMALL, "--size", "20").code == 0
    told = cli("execute")
    assert "verdict: not given yet: mass-tuning verify session_" in told.out
    assert cli("sessions", "--json").json[0]["verdict"] is None
    assert "–" in cli("sessions").out


def test_it_is_given_up_where_it_would_take_too_long(cli, project):
    (project / "mass_tuning_config.yaml").write_text(CONFIG[:-2] + ", seconds: 0.000001}\n")
    assert cli("generate", *SMALL, "--size", "20").code == 0
    told = cli("execute")
    assert told.code == 0
    assert "judging it takes more than" in told.err
    assert "verdict: not given yet" in told.out


def test_a_market_that_has_changed_is_a_note_and_the_results_stand(cli, project, monkeypatch):
    from search_spaces.errors import SessionError
    from studies import sessions
    from studies.analysis import verdict

    def refuse(*args, **options):
        raise SessionError("the market has changed")

    for module in (sessions, verdict):
        monkeypatch.setattr(module, "build_objective", refuse)
    assert cli("generate", *SMALL, "--size", "20").code == 0
    told = cli("execute")
    assert told.code == 0
    assert "not judged: SessionError: the market has changed" in told.err


def test_whatever_goes_wrong_the_results_stand(cli, project, monkeypatch):
    from studies.analysis import verdict

    def broken(*args, **options):
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr(verdict, "verify", broken)
    assert cli("generate", *SMALL, "--size", "20").code == 0
    told = cli("execute")
    assert told.code == 0
    assert "not judged: ZeroDivisionError: division by zero" in told.err


def test_ctrl_c_while_it_is_judged_leaves_the_session_completed(cli, project, monkeypatch):
    from studies.analysis import verdict

    def interrupted(*args, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(verdict, "verify", interrupted)
    assert cli("generate", *SMALL, "--size", "20").code == 0
    told = cli("execute")
    assert told.code == 130
    assert "the session is completed, judge it with: mass-tuning verify session_" in told.err
    newest = cli("sessions", "--json").json[0]
    assert (newest["status"], newest["verdict"]) == ("completed", None)


def test_a_sparkline_is_as_long_as_its_numbers(monkeypatch):
    assert sparkline([0, 1, 8]) == "·▂█"
    assert sparkline([0, 0]) == "··"
    assert sparkline([]) == ""


def test_robustness_and_look_ahead(cli, project):
    told = cli("verify", "--robust", "--resamples", 100)
    assert told.code == 0
    for line in ("as recorded", "fees x 2", "fees x 5", "one day later", "without ", "neighbours:"):
        assert line in told.out
    document = cli("verify", "--robust", "--resamples", 100, "--json").json
    assert document["strategy_id"] == cli("top", "--json").json["strategies"][0]["strategy_id"]
    told = cli("verify", "--lookahead")
    assert told.code == 0
    assert "no look-ahead found" in told.out
    assert cli("verify", "--lookahead", "--seed", 3, "--json").json["findings"] == []
    assert "two questions" in cli("verify", "--lookahead", "--robust").error


def test_what_looks_ahead_is_a_failure(cli, project, monkeypatch):
    from objectives.validation import Finding, LookAhead
    from studies.analysis import strategy_checks

    found = Finding("ranking", "SR_W5", None, 0.5, "returns")
    report = LookAhead((found,), (), 10, ())
    monkeypatch.setattr(strategy_checks, "find_look_ahead", lambda *args, **options: report)
    told = cli("verify", "--lookahead")
    assert told.code == 1
    assert "looks ahead" in told.out
