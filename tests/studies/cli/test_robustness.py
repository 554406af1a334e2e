"""The printed report on robustness."""

from dataclasses import replace

import pytest

from objectives import BacktestSettings, FactorBacktest, ReturnPanel
from objectives.validation import measure_robustness
from studies.cli.robustness import print_robustness
from tests.helpers.plain import small_space, strategy

PANEL = ReturnPanel.synthetic(n_pairs=10, n_days=120, seed=4)
PARAMS = strategy(window_size=9, data_period=8, rebalance_frequency=3)


@pytest.fixture(scope="module")
def report():
    settings = BacktestSettings(start_date=PANEL.dates[20].date(), min_active_days=0)
    objective = FactorBacktest(PANEL, settings, space=small_space())
    return measure_robustness(objective, PARAMS, n_resamples=50, threshold=0.5)


@pytest.fixture
def printed(capsys):
    def of(report):
        print_robustness(report)
        return capsys.readouterr()

    return of


def test_a_line_for_each_condition_and_no_wide_line(report, printed):
    out = printed(report).out
    lines = out.splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[0].startswith("SR_TR_W9_3D_D8_S3_EQ")
    beginnings = [
        "as recorded", "fees x 2 (0.2 %)", "fees x 5 (0.5 %)", "one day later",
        *(f"without {removal.pair}" for removal in report.pairs.costliest),
        f"without {report.months.best.month}, its best",
        "resampled: 5 % are worse", "resampled: 5 % are better",
        f"pairs: it held {report.pairs.n_held}", "months: 4;", "resampled: 50 histories",
        f"neighbours: {report.neighbours.n_succeeded} of {report.neighbours.n_neighbours} succeed",
    ]  # fmt: skip
    for beginning in beginnings:
        assert sum(line.startswith(beginning) for line in lines) == 1, beginning
    (recorded,) = [line for line in lines if line.startswith("as recorded")]
    assert f"{report.recorded.net_sharpe_ratio:.3f}" in recorded
    assert f"-{100 * report.recorded.max_drawdown:.2f} %" in recorded


def test_what_speaks_against_it(report, printed):
    assert report.concerns
    lines = printed(report).out.splitlines()
    assert "Against it:" in lines
    assert [line.removeprefix("- ") for line in lines[-len(report.concerns) :]] == [
        *report.concerns
    ]


def test_nothing_speaks_against_it(report, printed):
    fine = replace(report.recorded, net_sharpe_ratio=2.0)
    costliest = tuple(replace(each, figures=fine) for each in report.pairs.costliest)
    good = replace(
        report,
        recorded=fine,
        fees=(),
        delay=replace(report.delay, figures=fine),
        pairs=replace(report.pairs, costliest=costliest),
        months=None,
        intervals=None,
        neighbours=None,
    )
    out = printed(good).out
    assert "Nothing here speaks against it. That is no evidence of skill" in out
    for word in ("months:", "resampled", "neighbours:"):
        assert word not in out


def test_what_could_not_be_measured(report, printed):
    lacking = replace(report.delay, figures=None, reason="no day before it")
    streams = printed(replace(report, delay=lacking, notes=("a note",)))
    assert "one day later: no day before it" in streams.out
    assert "–" in streams.out
    assert streams.err == "a note\n"


def test_the_worse_resamples_fall_deeper(report, printed):
    lines = printed(report).out.splitlines()
    (worse,) = [line for line in lines if line.startswith("resampled: 5 % are worse")]
    (better,) = [line for line in lines if line.startswith("resampled: 5 % are better")]
    assert worse.endswith(f"-{100 * report.intervals.high.max_drawdown:.2f} %")
    assert better.endswith(f"-{100 * report.intervals.low.max_drawdown:.2f} %")
