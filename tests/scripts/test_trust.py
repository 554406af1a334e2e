"""`benchmark.py trust`: frozen seeds, tiny worlds, rates by hand, a run that was killed."""

import argparse
import hashlib
import importlib
import json
import math
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def scripts(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))


def part(name):
    return importlib.import_module(f"trust.{name}")


@pytest.fixture
def tiny():
    """A world of ten pairs and 48 strategies."""
    return part("worlds").Sizes(n_pairs=10, n_draws=2, factors=("SR", "DD"), windows=("10",))


def record(word="weak", **figures):
    plain = {
        "seed": 0,
        "word": word,
        "net_sharpe": 1.0,
        "excess_sharpe": 1.0,
        "n_closed": 30.0,
        "n_open": 5.0,
        "block": 10.0,
        "p_cash": 0.5,
        "p_basket": 0.5,
        "walk_net": 1.0,
        "walk_excess": 1.0,
        "reality_check": 0.5,
        "deflated": 0.5,
        "probabilistic": 0.5,
        "pbo": 0.5,
        "deflation": 0.5,
        "n_independent": 50.0,
        "hold_out": 1.0,
        "true_net": None,
        "true_excess": None,
        "true_net_sharpe": None,
        "seconds": 1.0,
    }
    return plain | figures


def arguments(tmp_path, *words):
    parser = argparse.ArgumentParser()
    parser.add_argument("--parallel", type=int, default=1)
    part("command").add_options(parser)
    return parser.parse_args([*words, "--results", str(tmp_path / "worlds.jsonl")])


class TestKinds:
    def test_the_table_is_frozen(self):
        """Kinds and seeds are never changed to make a number better."""
        text = "\n".join(f"{name} {kind}" for name, kind in part("worlds").KINDS.items())
        digest = hashlib.sha256(text.encode()).hexdigest()
        assert (part("worlds").FIXED_ON, digest[:16]) == ("2026-11-28", "7ba5018b48c9d085")

    def test_no_world_is_in_two_kinds(self):
        seeds = [seed for kind in part("worlds").KINDS.values() for seed in kind.seeds]
        assert len(set(seeds)) == len(seeds)

    def test_there_are_enough_worlds_for_the_goals(self):
        kinds = part("worlds").KINDS
        for goal in part("rates").GOALS:
            assert sum(kinds[name].n_worlds for name in goal.kinds) >= goal.least_worlds

    def test_the_space(self):
        worlds = part("worlds")
        assert len(worlds.world_space(worlds.Sizes())) == 5_376


class TestMarkets:
    @pytest.mark.parametrize("name", ["noise", "noise_119_days", "noise_59_days"])
    def test_days(self, name, tiny):
        worlds = part("worlds")
        kind = worlds.KINDS[name]
        panel = worlds.draw_market(kind, 1, tiny)
        found = worlds.measure_world(kind, 1, tiny)
        assert panel.n_days == 91 + kind.n_measured
        assert found["hold_out"] is not None

    def test_a_premium_is_earned_by_every_pair(self, tiny):
        draw, kinds = part("worlds").draw_market, part("worlds").KINDS
        extra = draw(kinds["premium"], 1, tiny).returns - draw(kinds["noise"], 1, tiny).returns
        known = np.isfinite(extra)
        np.testing.assert_allclose(extra[known], kinds["premium"].premium, atol=1e-15)

    def test_swings_are_common_to_all_pairs_and_last(self, tiny):
        draw, kinds = part("worlds").draw_market, part("worlds").KINDS
        found = []
        for seed in range(40):
            extra = draw(kinds["swings"], seed, tiny).returns
            extra = extra - draw(kinds["noise"], seed, tiny).returns
            swing = np.nanmean(extra, axis=1)
            np.testing.assert_allclose(
                extra, np.where(np.isnan(extra), np.nan, swing[:, None]), atol=1e-15
            )
            found.append(swing)
        found = np.array(found)
        assert found.std() == pytest.approx(kinds["swings"].swings, rel=0.3)
        at_half_life = np.mean(found[:, :-60] * found[:, 60:]) / np.mean(found**2)
        assert at_half_life == pytest.approx(0.5, abs=0.25)

    def test_a_draw_is_another_history_of_the_same_world(self, tiny):
        draw, edge = part("worlds").draw_market, part("worlds").KINDS["edge_1"]
        world, first, second = (draw(edge, 1, tiny, number).returns for number in (None, 0, 1))
        np.testing.assert_array_equal(np.isnan(world), np.isnan(first))
        known = np.isfinite(world)
        for one, other in ((world, first), (first, second)):
            assert (one[known] != other[known]).all()


class TestAWorld:
    def test_it_is_what_verify_says_of_the_best(self, tiny):
        from objectives import FactorBacktest
        from objectives.validation import verify

        worlds = part("worlds")
        kind = worlds.KINDS["edge_1"]
        found = worlds.measure_world(kind, 1, tiny)
        panel, space = worlds.draw_market(kind, 1, tiny), worlds.world_space(tiny)
        settings = worlds._settings(kind, panel)
        objective = FactorBacktest(panel, settings, space=space)
        points = np.arange(len(space))
        sharpes = objective.evaluate(points).objective[:, 0]
        best = space.index(space.parse(found["strategy"]))
        assert sharpes[best] == np.nanmax(sharpes) == found["net_sharpe"]
        verdict = verify(objective, best, points, n_threads=2)
        assert verdict.word == found["word"]
        assert verdict.figures["p_basket"] == found["p_basket"]

    def test_the_truth_is_the_mean_over_new_histories(self, tiny):
        from objectives import FactorBacktest

        worlds = part("worlds")
        kind, space = worlds.KINDS["edge_1"], worlds.world_space(tiny)
        found = worlds.measure_world(kind, 1, tiny)
        net = []
        for number in range(tiny.n_draws):
            panel = worlds.draw_market(kind, 1, tiny, number)
            settings = worlds._settings(kind, panel)
            objective = FactorBacktest(panel, settings, space=space)
            net.append(objective.daily_returns([space.parse(found["strategy"])]).net[0])
        assert found["true_net"] == pytest.approx(np.mean(net), rel=1e-5)
        assert worlds.measure_world(worlds.KINDS["noise"], 1, tiny)["true_net"] is None

    def test_the_same_seed_gives_the_same_world(self, tiny):
        worlds = part("worlds")
        one, other = (
            worlds.measure_world(worlds.KINDS["noise_fees"], 3, tiny, n_threads=n) for n in (1, 2)
        )
        assert {**one, "seconds": 0} == {**other, "seconds": 0}

    def test_a_history_that_is_too_short_has_no_p(self, tiny):
        worlds = part("worlds")
        found = worlds.measure_world(worlds.KINDS["noise_59_days"], 1, tiny)
        assert found["word"] == "cannot tell"
        assert found["p_cash"] is None
        assert found["pbo"] is None


class TestRates:
    @pytest.mark.parametrize(("count", "n"), [(0, 260), (1, 40), (9, 20), (47, 50), (50, 50)])
    def test_clopper_pearson(self, count, n):
        expected = stats.binomtest(count, n).proportion_ci(0.95, method="exact")
        assert part("rates").clopper_pearson(count, n) == pytest.approx(tuple(expected), abs=1e-9)

    def test_nothing_is_known_without_worlds(self):
        assert part("rates").clopper_pearson(0, 0) == (0.0, 1.0)
        assert math.isnan(part("rates").rate_of([]).share)

    def test_words_by_hand(self):
        worlds = {"noise": [record("strong")] + [record("no evidence")] * 3}
        noise = part("rates").summary(worlds)["kinds"]["noise"]
        assert noise["words"]["strong"]["share"] == 0.25
        assert noise["words"]["weak"]["count"] == 0

    @pytest.mark.parametrize(
        ("rule", "good", "bad"),
        [
            ("strong", {"word": "strong"}, {"word": "weak"}),
            ("p_cash", {"p_cash": 0.049}, {"p_cash": 0.05}),
            ("p_basket", {"p_basket": 0.049}, {"p_basket": 0.05}),
            ("walk_forward", {}, {"walk_net": 0.0}),
            ("walk_forward", {}, {"walk_excess": 0.0}),
            ("hold_out", {}, {"hold_out": 0.0}),
            ("probabilistic", {"probabilistic": 0.951}, {"probabilistic": 0.95}),
            ("deflated", {"deflated": 0.951}, {"deflated": 0.95}),
            ("pbo", {"pbo": 0.199}, {"pbo": 0.2}),
            ("reality_check", {"reality_check": 0.049}, {"reality_check": 0.05}),
        ],
    )
    def test_what_a_rule_accepts(self, rule, good, bad):
        says = part("rates").RULES[rule].says
        assert (says(record(**good)), says(record(**bad))) == (True, False)

    def test_a_rule_without_its_figure_says_nothing(self):
        worlds = {"noise": [record(p_cash=None), record(p_cash=0.01)]}
        rate = part("rates").summary(worlds)["kinds"]["noise"]["rules"]["p_cash"]
        assert (rate["count"], rate["n"]) == (1, 1)

    def test_reasons_are_counted_where_nothing_could_be_said(self):
        silent = "cannot tell"
        worlds = {
            "noise": [record(silent, n_closed=4.0), record(silent, block=28.0), record(block=28.0)],
            "noise_59_days": [record(silent, block=4.0)],
        }
        kinds = part("rates").summary(worlds)["kinds"]
        assert kinds["noise"]["cannot_tell"] == {"days": 0, "blocks": 1, "positions": 1}
        assert kinds["noise_59_days"]["cannot_tell"] == {"days": 1, "blocks": 0, "positions": 0}

    def test_what_truly_earns(self):
        earning = [
            record("strong", true_net=1e-5, true_excess=1e-5),
            record("strong", true_net=1e-5, true_excess=-1e-5),
            record("weak", true_net=-1e-5, true_excess=1e-5),
        ]
        true = part("rates").summary({"edge_1": earning})["kinds"]["edge_1"]["true"]
        assert true["strong"] == {"n": 2, "net": 2, "excess": 1, "both": 1}
        assert true["all"] == {"n": 3, "net": 2, "excess": 2, "both": 1}


class TestGoals:
    @staticmethod
    def goals(worlds):
        goals = part("rates").summary(worlds)["goals"]
        return {goal["what"]: (goal["value"], goal["reached"]) for goal in goals}

    def test_reached(self):
        good = record("strong", true_net=1e-5, true_excess=1e-5)
        worlds = {
            "noise": [record()] * 100,
            "noise_fees": [record()] * 98 + [record("strong")] * 2,
            "premium": [record()] * 50,
            "edge_1": [good] * 45 + [record()] * 5,
        }
        goals = self.goals(worlds)
        assert all(reached for _, reached in goals.values())
        assert goals["*strong* at edge 1"][0] == 0.9
        assert goals["*strong* in noise"][0] == 0.01

    def test_missed(self):
        worlds = {
            "noise": [record()] * 190 + [record("strong")] * 10,
            "premium_fees": [record("strong")] * 4 + [record()] * 46,
            "edge_1": [record("strong", true_net=1e-5, true_excess=-1e-6)] * 39 + [record()] * 11,
        }
        assert {what for what, (_, reached) in self.goals(worlds).items() if not reached} == {
            "upper end of its 95 % interval",
            "*strong* where a carry without skill is earned",
            "*strong* at edge 1",
            "of these, truly earning net and excess",
        }

    def test_too_few_worlds_reach_nothing(self):
        goals = self.goals({"noise": [record()] * 199})
        assert goals["*strong* in noise"] == (0.0, False)
        assert goals["*strong* at edge 1"] == (None, False)


class TestARun:
    def test_a_killed_one_goes_on(self, tmp_path, tiny, monkeypatch, capsys):
        command = part("command")
        asked = arguments(tmp_path, "--worlds", "2", "--kinds", "noise,noise_59_days")
        measure, measured = command.measure_world, []

        def dies(kind, seed, sizes, *, n_threads):
            if len(measured) == 3:
                raise RuntimeError("killed")
            measured.append(seed)
            return measure(kind, seed, sizes, n_threads=n_threads)

        monkeypatch.setattr(command, "measure_world", dies)
        with pytest.raises(RuntimeError, match="killed"):
            command.trust(asked, tiny)
        assert measured == [110_000, 200_000, 110_001]
        with asked.results.open("a") as file:
            file.write('{"kind": "noise_59_')  # what it was writing
        measured.clear()
        result = command.trust(asked, tiny)
        assert measured == [200_001]
        assert "4 worlds, 3 of them kept" in capsys.readouterr().err
        measured.clear()
        again = command.trust(asked, tiny)
        assert measured == []
        assert again == result
        assert result["kinds"]["noise"]["n_worlds"] == 2

    def test_stopping_it_says_that_it_goes_on(self, tmp_path, tiny, monkeypatch):
        def stopped(*_, **__):
            raise KeyboardInterrupt

        monkeypatch.setattr(part("command"), "measure_world", stopped)
        with pytest.raises(SystemExit, match="the same command goes on"):
            part("command").trust(arguments(tmp_path), tiny)

    def test_worlds_of_other_code_or_sizes_are_measured_again(self, tmp_path, tiny):
        store = part("store")
        other = store.WorldStore(tmp_path / "worlds.jsonl", store.code_digest(tiny))
        other.add("noise", record())
        assert store.WorldStore(other.path, other.digest).get("noise", 0) == record()
        larger = part("worlds").Sizes()
        assert store.code_digest(larger) != other.digest
        assert store.WorldStore(other.path, store.code_digest(larger)).get("noise", 0) is None

    def test_the_files_of_the_page(self, tmp_path, tiny):
        command = part("command")
        words = ("--worlds", "1", "--kinds", "noise,edge_0.5", "--report", str(tmp_path / "out"))
        result = command.trust(arguments(tmp_path, *words), tiny)
        written = json.loads((tmp_path / "out" / "results.json").read_text())
        assert part("rates").summary(command.worlds_of(written))["kinds"] == result["kinds"]
        assert written["about"]["n_strategies"] == 48
        assert json.dumps(result)  # plain values
        figures = {file.stem for file in (tmp_path / "out").glob("*.svg")}
        assert figures == set(part("figures").FIGURES)
        before = {file.name: file.read_bytes() for file in (tmp_path / "out").glob("*.svg")}
        part("figures").draw_all(tmp_path / "out", command.worlds_of(written))
        for name, drawn in before.items():
            assert (tmp_path / "out" / name).read_bytes() == drawn, name

    def test_unknown_kinds_are_refused(self, tmp_path, capsys):
        with pytest.raises(SystemExit):
            arguments(tmp_path, "--kinds", "noise,luck")
        assert "got luck" in capsys.readouterr().err

    def test_drawing_needs_matplotlib_before_an_hour_of_work(self, tmp_path, monkeypatch):
        monkeypatch.setattr(part("command"), "find_spec", lambda name: None)
        with pytest.raises(SystemExit, match="matplotlib"):
            part("command").trust(arguments(tmp_path, "--report"))
