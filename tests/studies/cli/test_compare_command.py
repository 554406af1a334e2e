"""``compare``: the table and the document."""

import pytest

from studies.cli import compare
from tests.studies.cli.conftest import N_STRATEGIES, SMALL_SPACE


@pytest.fixture
def two(cli, project):
    """Ids of the finished session and of a smaller one with higher fees."""
    (first,) = cli("sessions", "--json").json
    size = (
        "--mode",
        "sampling",
        "--method",
        "sobol",
        "--size",
        "60",
        "--backtest",
        "fee_rate=0.002",
    )
    assert cli("generate", *SMALL_SPACE, *size).code == 0
    assert cli("execute").code == 0
    second = cli("sessions", "--json").json[0]
    return first["session_id"], second["session_id"]


def test_the_document(cli, two):
    done = cli("compare", *two, "--json")
    assert (done.code, done.err) == (0, "")
    told = done.json
    assert told["settings"]["backtest.fee_rate"] == [0.001, 0.002]
    assert told["settings"]["method"] == ["exhaustive", "sobol"]
    assert "different conditions: fees (backtest.fee_rate)" in told["warnings"][0]
    for session_id, each in zip(two, told["sessions"], strict=True):
        best = cli("top", "-n", 1, "--session", session_id, "--json").json["strategies"][0]
        assert each["best"]["strategy_id"] == best["strategy_id"]
        assert best["metrics"].items() <= each["best"]["metrics"].items()
        assert each["best_so_far"]["by_evaluations"][0]["evaluations"] == 10
        spread = each["distribution"]
        quartiles = [spread[name] for name in ("lower_quartile", "median", "upper_quartile")]
        assert quartiles == sorted(quartiles)
        assert quartiles[-1] <= spread["best"] == best["metrics"]["net_sharpe_ratio"]
    assert [each["completed"] + each["failed"] for each in told["sessions"]] == [N_STRATEGIES, 60]
    (overlap,) = told["overlaps"]
    assert overlap["session_ids"] == list(two)
    assert overlap["same_figures"] == 0  # the fees differ


def test_the_table(cli, two):
    done = cli("compare", *two)
    assert "note: figures of the sessions do not compare" in done.err
    first, second, *rest = done.out.splitlines()
    assert first.startswith(f"A  {two[0]}  completed, exhaustive, {N_STRATEGIES} of")
    assert second.startswith(f"B  {two[1]}  completed, sobol, 60 of 60")
    words = [line.split() for line in rest]
    assert ["backtest.fee_rate", "0.001", "0.002"] in words
    assert ["method", "exhaustive", "sobol"] in words
    assert any(line[:2] == ["10", "results"] for line in words)
    assert any(line[:2] == ["100", "results"] and line[3] == "–" for line in words)
    assert rest[-1].startswith("A and B share of their best ")
    assert rest[-1].endswith(" by figures")  # and no remark on methods: the fees differ


def test_only_chosen_strategies_are_compared(cli, project):
    (first,) = cli("sessions", "--json").json
    assert cli("generate", *SMALL_SPACE, "--mode", "sampling", "--size", "60").code == 0
    assert cli("execute").code == 0
    second = cli("sessions", "--json").json[0]
    ids = first["session_id"], second["session_id"]
    options = ("--where", "window_size >= 10", "--factor", "SR", "--without", "DD")
    told = cli("compare", *ids, *options, "--json").json
    assert told["filter"] == "window_size >= 10, with SR, without DD"
    for session_id, each in zip(ids, told["sessions"], strict=True):
        listed = cli("top", "-n", 1_000, "--all-names", "--session", session_id, *options, "--json")
        best = listed.json["strategies"]
        assert each["best"]["strategy_id"] == best[0]["strategy_id"]
        assert each["distribution"]["n"] == len(best)
    table = cli("compare", *ids, *options)
    assert (
        "compared are strategies that fulfil: window_size >= 10, with SR, without DD" in table.out
    )
    refused = cli("compare", *ids, "--factor", "XX")
    assert (refused.code, refused.out) == (2, "")
    assert f"{ids[0]}: unknown factor 'XX'; there are " in refused.error


def test_a_page(cli, two, tmp_path):
    page = tmp_path / "compare.html"
    done = cli("compare", *two, "--factor", "SR", "-o", page)
    assert done.code == 0
    assert done.out.startswith(f"2 sessions side by side (with SR) in {page} (")
    assert "note: figures of the sessions do not compare" in done.err
    written = page.read_bytes()
    told = cli("report", *two, "--factor", "SR", "-o", page, "--language", "en", "--json").json
    assert (told["session_ids"], told["filter"]) == (list(two), "with SR")
    assert told["bytes"] == page.stat().st_size
    assert page.read_bytes() == written


def test_the_page_of_a_report_has_a_name_of_its_own(cli, two, project):
    done = cli("report", *two, "--language", "zh-Hant")
    assert done.out.startswith("2 sessions side by side in compare.html (")
    assert '<html lang="zh-Hant"' in (project / "compare.html").read_text(encoding="utf-8")


def test_files_that_are_not_written(cli, two, project):
    database = next(project.glob("*.db"))
    for name, message in (
        ("compare.txt", "is a file that ends in .html, .png, .svg, got"),
        ("none/compare.html", "does not exist; create it"),
    ):
        refused = cli("compare", *two, "-o", project / name)
        assert (refused.code, refused.out) == (2, "")
        assert message in refused.error
    (project / "link.html").symlink_to(database)
    before = database.read_bytes()
    refused = cli("compare", *two, "-o", project / "link.html")
    assert refused.code == 2
    assert "is not written over; name another file" in refused.error
    assert database.read_bytes() == before


def test_what_the_numbers_mean_is_said(cli, project):
    (first,) = cli("sessions", "--json").json
    assert cli("generate", *SMALL_SPACE, "--mode", "sampling", "--size", "60").code == 0
    assert cli("execute").code == 0
    second = cli("sessions", "--json").json[0]
    said = cli("compare", first["session_id"], second["session_id"]).out
    assert "that A measured, " in said
    assert "one seed only of " in said
    assert "the best of more strategies tends to be higher by luck alone" in said


def test_settings_that_are_the_same(cli, project):
    (first,) = cli("sessions", "--json").json
    assert cli("generate", *SMALL_SPACE).code == 0
    second = cli("sessions", "--json").json[0]["session_id"]
    done = cli("compare", first["session_id"], second)
    assert done.code == 0
    assert "the settings are the same" in done.out
    assert done.err == f"note: {second} has no results yet\n"


def test_sessions_that_cannot_be_compared(cli, project):
    (first,) = cli("sessions", "--json").json
    for args, message in (
        ([first["session_id"]], "at least two sessions"),
        ([first["session_id"]] * 2, "is named twice"),
        ([first["session_id"], "nothing"], "there is no session 'nothing'"),
        ([], "Missing argument"),
        ([first["session_id"], ""], "is empty"),
    ):
        refused = cli("compare", *args)
        assert refused.code == 2
        assert message in refused.error


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        ("plain", "plain"),
        ("台灣", "台灣"),
        (["<b>", "=cmd()"], '["<b>", "=cmd()"]'),
        ("\x1b[31mred\n", '"\\u001b[31mred\\n"'),
        ("a\u202eb", '"a\\u202eb"'),
        ("x" * 99, "x" * 47 + "…"),
    ],
)
def test_settings_are_written_as_text(value, text):
    assert compare._text(value) == text
