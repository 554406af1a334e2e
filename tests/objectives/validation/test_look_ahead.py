"""What looks ahead is found and named; what does not is not."""

import datetime as dt
import itertools
import json

import numba
import numpy as np
import pandas as pd
import pytest

from objectives import (
    BacktestSettings,
    FactorBacktest,
    FactorCube,
    FrameObjective,
    ReturnPanel,
    factors,
    register_factor,
)
from objectives.base import Batch, Objective
from objectives.examples.momentum import MomentumObjective
from objectives.judge import judge
from objectives.validation import find_look_ahead
from search_spaces import Choice, ConfigError, FactorSpace, Range, SearchSpace
from tests.helpers.panels import array_panel, date_of, nasty_returns
from tests.helpers.plain import small_space, strategy

SPACE = small_space()
PANEL = ReturnPanel.synthetic(n_pairs=12, n_days=120, seed=4)
SETTINGS = BacktestSettings(start_date=PANEL.dates[20].date(), min_active_days=0)
POINTS = [
    strategy(window_size=4),
    strategy(factors=("DD",), weight_method="FS", data_period=8, window_size=9),
]
OWN_SPACE = SearchSpace([Choice("lookback", (5, 20)), Range("n_held", 1, 4)])


def backtest(panel, kind=FactorBacktest, space=SPACE, **settings):
    return kind(panel, BacktestSettings(**{**SETTINGS.to_dict(), **settings}), space=space)


def momentum(panel, kind=MomentumObjective, **settings):
    chosen = BacktestSettings(min_active_days=0, **settings)
    return kind(panel, chosen, space=OWN_SPACE, metrics=["total_return"])


def kinds(report):
    return {finding.kind for finding in report.findings}


class TestNothingToFind:
    @pytest.mark.parametrize(
        "settings",
        [
            {},
            {"split_date": PANEL.dates[80].date()},
            {"end_date": PANEL.dates[100].date()},
            {"factor_input": "roi_1d", "fee_rate": 0.0, "value_at_liquidation": False},
        ],
        ids=["plain", "split", "end", "roi"],
    )
    def test_factor_strategies(self, settings):
        report = find_look_ahead(lambda panel: backtest(panel, **settings), PANEL, POINTS)
        assert report.findings == ()
        assert report.ok
        assert report.unseen == ()
        assert len(report.days) == 5

    @pytest.mark.parametrize("kind", ["gaps", "lives", "ties", "ruin", "zeros"])
    def test_on_bad_data(self, kind):
        returns = nasty_returns(np.random.default_rng(0), 90, 8, kind)
        panel = array_panel(returns)
        report = find_look_ahead(
            lambda other: FactorBacktest(
                other, BacktestSettings(start_date=date_of(9), min_active_days=0), space=SPACE
            ),
            panel,
            POINTS,
        )
        assert report.findings == ()
        assert report.ok

    def test_dated_caps_of_pairs_that_are_all_known(self):
        caps = 10.0 ** np.random.default_rng(0).uniform(6, 11, (6, PANEL.n_pairs))
        panel = array_panel(PANEL.returns, caps, cap_days=np.arange(0, 120, 20))
        report = find_look_ahead(
            lambda other: FactorBacktest(other, BacktestSettings(min_active_days=0), space=SPACE),
            panel,
            [strategy(weight_method="IC")],
        )
        assert report.ok

    def test_an_objective_of_ones_own(self):
        report = find_look_ahead(momentum, PANEL, np.arange(OWN_SPACE.size), n_cuts=8)
        assert report.ok
        assert len(report.days) == 8


def centred(values):
    """Mean of the day before, the day and the day after: the last one is not known yet."""
    frame = pd.DataFrame(values)
    return frame.rolling(3, center=True, min_periods=1).mean().to_numpy()


def of_full_sample(values):
    return (values - np.nanmean(values)) / np.nanstd(values)


def leaking_cube(change, code):
    class Leaking(FactorBacktest):
        def compute_cube(self):
            cube = super().compute_cube()
            values = np.array(cube.values)
            column = cube.codes.index(code)
            for of_window in values:
                of_window[column] = change(of_window[column])
            return FactorCube(values, cube.windows, cube.codes, cube.key)

    return Leaking


@pytest.mark.parametrize("change", [centred, of_full_sample])
def test_a_factor_that_leaks_is_named(change):
    kind = leaking_cube(change, "TR")
    report = find_look_ahead(lambda panel: backtest(panel, kind), PANEL, POINTS, n_cuts=3)
    assert not report.ok
    (factor,) = [finding for finding in report.findings if finding.kind == "factor"]
    assert factor.what == "TR"
    assert "returns" in factor.cause
    assert 0.0 < factor.size < np.inf
    if change is centred:  # only the last day before the cut is wrong
        assert factor.day == report.days[0]
    else:
        assert factor.day == SETTINGS.start_date
    # the strategy of SR and TR is hit, the one of DD is not
    rankings = {finding.what for finding in report.findings if finding.kind == "ranking"}
    assert rankings <= {SPACE.strategy_id(POINTS[0])}
    if change is centred:
        assert rankings


@pytest.fixture
def registry(monkeypatch):
    monkeypatch.setattr(factors, "_FACTORS", dict(factors._FACTORS))


@pytest.mark.skipif(numba.config.DISABLE_JIT, reason="kernels are plain functions then")
@pytest.mark.usefixtures("registry")
def test_a_registered_factor_that_knows_the_mean_of_all_days():
    numbers = itertools.count()

    def make(panel):
        whole = float(np.nanmean(panel.returns))

        @numba.njit
        def kernel(r):
            return abs(r.mean() - whole)

        code = f"LEAK{next(numbers)}"
        register_factor(code, "leak", lambda r: abs(np.mean(r) - whole), kernel)
        parameters = small_space().to_config()["parameters"]
        parameters["factors"] = {"subsets": ["SR", code], "max_size": 1}
        space = FactorSpace.from_config({"parameters": parameters}, factor_codes=("SR", code))
        return backtest(panel, space=space)

    report = find_look_ahead(make, PANEL, [0, len(make(PANEL).space) - 1], n_cuts=1)
    (factor,) = [finding for finding in report.findings if finding.kind == "factor"]
    assert factor.what == "LEAK1"
    assert factor.cause == "returns, listings"
    assert {"ranking"} < kinds(report)
    assert all("LEAK1" in finding.what for finding in report.findings)


class FullSample(MomentumObjective):
    """Ranks by how far a pair is above its mean over all days."""

    def _held(self, params, returns):
        return super()._held(params, returns - returns.mean())


class NoShift(MomentumObjective):
    """Holds over a day what was best at its close."""

    def _held(self, params, returns):
        trailing = returns.rolling(params["lookback"], min_periods=params["lookback"]).mean()
        return trailing.rank(axis=1, ascending=False, method="first") <= params["n_held"]


class Sizing(MomentumObjective):
    """Says to hold as much as the market earns on a day: the same one, or later ones."""

    n_days_ahead = 0

    def daily(self, params, returns):
        frame = super().daily(params, returns)
        frame["exposure"] *= 1.0 + returns.mean(axis=1).shift(-self.n_days_ahead).fillna(0.0)
        return frame


class SizingByTheNextDay(Sizing):
    n_days_ahead = 1


class Survivors(MomentumObjective):
    """Looks at pairs only that are still there at the end."""

    def _held(self, params, returns):
        return (
            super()
            ._held(params, returns.loc[:, returns.iloc[-1].notna()])
            .reindex(columns=returns.columns, fill_value=False)
        )


def test_a_mean_over_all_days_is_found():
    report = find_look_ahead(lambda panel: momentum(panel, FullSample), PANEL, [3])
    (net,) = [finding for finding in report.findings if finding.kind == "net return"]
    assert net.what == "P3"
    assert net.cause == "returns, listings"
    assert net.day < report.days[-1]
    assert net.size > 0.0


def test_holding_over_a_day_what_was_best_at_its_close_is_found():
    report = find_look_ahead(lambda panel: momentum(panel, NoShift), PANEL, [0, 3])
    assert kinds(report) == {"same day"}
    assert {finding.what for finding in report.findings} == {"P0", "P3"}
    assert all(finding.size > 0.01 for finding in report.findings)


@pytest.mark.parametrize("kind", [Sizing, SizingByTheNextDay])
def test_a_size_that_depends_on_the_day_itself_or_a_later_one_is_found(kind):
    report = find_look_ahead(lambda panel: momentum(panel, kind), PANEL, [3])
    (finding,) = report.findings
    assert (finding.kind, finding.cause) == ("exposure", "returns, listings")
    # decided at the close of the first cut at the latest, held the day after it
    ahead = kind.n_days_ahead
    assert finding.day == report.days[0] + dt.timedelta(days=1 - ahead)


def test_choosing_pairs_that_survive_is_found_and_its_cause_named():
    returns = PANEL.returns.copy()
    returns[60:, :4] = np.nan
    panel = array_panel(returns)
    report = find_look_ahead(lambda other: momentum(other, Survivors), panel, [3])
    (net,) = [finding for finding in report.findings if finding.kind == "net return"]
    assert net.cause == "listings"


class NoDays(FrameObjective):
    """Figures only; with `peeks` they are of the whole market instead of the period."""

    names = ("total_return",)
    default_options = {"peeks": False}  # noqa: RUF012

    def measure(self, params, returns):
        source = pd.DataFrame(self.panel.returns) if self.options["peeks"] else returns
        return {"total_return": float(source.mean().mean() * params["n_held"])}


@pytest.mark.parametrize("peeks", [False, True])
def test_an_objective_without_days(peeks):
    def make(panel):
        return NoDays(panel, space=OWN_SPACE, metrics=["total_return"], peeks=peeks)

    report = find_look_ahead(make, PANEL, [0, 3])
    assert kinds(report) == ({"figures"} if peeks else set())
    assert report.ok is not peeks
    (sentence,) = report.unseen
    assert "NoDays does not say what strategies earned" in sentence


class Bare(Objective):
    """The least an objective is: figures of all days of the panel."""

    names = ("total_return",)
    fingerprint = "x"

    def __init__(self, panel, end_date=None):
        self.panel, self.space, self.directions = panel, OWN_SPACE, {"total_return": "maximize"}
        self.settings = BacktestSettings(end_date=end_date).resolve(
            panel.dates[0].date(), panel.dates[-1].date()
        )

    def evaluate(self, points) -> Batch:
        values = np.full((len(points), 1), np.nanmean(self.panel.returns))
        measurable = np.ones(len(points), dtype=bool)
        return judge(self.names, values, measurable, metrics=self.names, least_active_days=0)


def test_figures_that_depend_on_days_after_the_end_are_found():
    end = PANEL.dates[90].date()
    report = find_look_ahead(lambda panel: Bare(panel, end), PANEL, [0, 1])
    assert kinds(report) == {"figures"}
    assert {finding.day for finding in report.findings} == {end}


def test_where_nothing_can_be_compared_it_is_not_ok():
    report = find_look_ahead(Bare, PANEL, [0])
    assert (report.findings, report.n_compared, report.ok) == ((), 0, False)


def test_undated_market_caps_are_a_finding_of_the_strategies_that_use_them():
    panel = array_panel(PANEL.returns, np.geomspace(1e6, 1e11, 12))
    both = [strategy(), strategy(weight_method="IC")]
    report = find_look_ahead(
        lambda other: FactorBacktest(other, BacktestSettings(min_active_days=0), space=SPACE),
        panel,
        both,
    )
    (finding,) = report.findings
    assert (finding.kind, finding.day) == ("undated market caps", None)
    assert finding.what == SPACE.strategy_id(both[1])


def test_the_median_cap_of_pairs_that_are_listed_later_is_found():
    """SEMANTICS section 8: unknown caps take the median of the pairs listed by end_date."""
    returns = PANEL.returns.copy()
    returns[:100, :5] = np.nan  # listed after most days
    caps = np.full((1, 12), 1e9)
    caps[0, :5] = np.geomspace(1e5, 1e6, 5)
    caps[0, 5:8] = np.nan
    panel = array_panel(returns, caps, cap_days=np.array([0]))
    report = find_look_ahead(
        lambda other: FactorBacktest(other, BacktestSettings(min_active_days=0), space=SPACE),
        panel,
        [strategy(weight_method="IC", data_period=8)],
        n_cuts=8,
    )
    assert not report.ok
    assert {finding.cause for finding in report.findings} == {"listings"}


def test_days_that_depend_on_later_ones_are_found():
    def make(panel):
        last = panel.dates[20 + int(np.nansum(np.abs(panel.returns)) * 1e6) % 7].date()
        return momentum(panel, start_date=last)

    report = find_look_ahead(make, PANEL, [0], n_cuts=3)
    assert "period" in kinds(report)
    assert not report.ok


def test_same_seed_same_report():
    reports = [
        find_look_ahead(lambda panel: momentum(panel, FullSample), PANEL, [3], seed=seed).to_dict()
        for seed in (0, 0, 1)
    ]
    assert reports[0] == reports[1]
    assert reports[0] != reports[2]


def test_progress_and_json():
    seen = []
    report = find_look_ahead(
        lambda panel: momentum(panel, FullSample),
        PANEL,
        [3],
        n_cuts=2,
        on_progress=lambda done, of: seen.append((done, of)),
    )
    assert seen == [(1, 2), (2, 2)]
    document = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert document["ok"] is False
    assert document["findings"][0]["day"] == report.findings[0].day.isoformat()
    assert document["days"] == [str(day) for day in report.days]
    assert document["n_compared"] == report.n_compared


def test_a_short_backtest_is_cut_on_the_days_it_has():
    end = PANEL.dates[22].date()
    report = find_look_ahead(lambda panel: backtest(panel, end_date=end), PANEL, POINTS)
    assert report.days == (PANEL.dates[20].date(), PANEL.dates[21].date())
    assert report.ok


@pytest.mark.parametrize(("points", "n_cuts", "end"), [([], 5, 60), ([0], 0, 60), ([0], 5, 21)])
def test_what_cannot_be_looked_at_is_refused(points, n_cuts, end):
    def make(panel):
        return backtest(panel, end_date=PANEL.dates[end].date())

    with pytest.raises(ConfigError, match=r"at least one cut and one point|fewer than three days"):
        find_look_ahead(make, PANEL, points, n_cuts=n_cuts)
