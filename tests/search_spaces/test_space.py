"""SearchSpace: configuration, points, ids, Optuna, restriction."""

import pickle
from pathlib import Path

import numpy as np
import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from optuna.distributions import check_distribution_compatibility

from search_spaces import Choice, Constraint, Fixed, Range, SearchSpace, SpaceError, Subsets

CONFIG = {
    "parameters": {
        "fast": {"choice": [5, 10, 20]},
        "slow": {"range": [10, 40], "step": 10},
        "codes": {"subsets": ["A", "B"], "max_size": 2, "min_size": 1},
        "label": {"fixed": "x"},
    },
    "constraints": ["fast < slow", {"few": "size(codes) <= 1"}],
}


@pytest.fixture
def space():
    return SearchSpace.from_config(CONFIG)


@pytest.fixture
def continuous():
    return SearchSpace([Range("rate", 0.0, 1.0), Choice("n", (1, 2))], ["rate < n"])


class TestConfiguration:
    def test_round_trip(self, space):
        assert space.to_config() == CONFIG
        assert SearchSpace.from_config(space.to_config()) == space

    @settings(deadline=None, max_examples=60)
    @given(data=st.data())
    def test_round_trip_of_any_space(self, small_spaces, data):
        space = data.draw(small_spaces)
        options = {"block_parameters": space.block_parameters}
        again = SearchSpace.from_config(space.to_config(), **options)
        assert again == space
        assert hash(again) == hash(space)
        assert again.fingerprint == space.fingerprint

    def test_other_sections_are_ignored(self, space):
        assert SearchSpace.from_config({**CONFIG, "backtest": {"fee_rate": 0.1}}) == space

    def test_constraints_may_be_left_out(self):
        for config in ({"parameters": {"a": {"fixed": 1}}},):
            assert SearchSpace.from_config(config).constraints == ()
            assert SearchSpace.from_config({**config, "constraints": None}).constraints == ()

    def test_a_file(self, space, tmp_path):
        path = tmp_path / "config.yaml"
        path.write_text(
            "parameters:\n  fast: {choice: [5, 10, 20]}\n  slow: {range: [10, 40], step: 10}\n"
            "  codes: {subsets: [A, B], max_size: 2}\n  label: {fixed: x}\n"
            "constraints: [fast < slow, {few: size(codes) <= 1}]\nother: {}\n"
        )
        assert SearchSpace.from_config(path) == space
        assert SearchSpace.from_config(str(path)) == space

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("", r"a configuration is a mapping of sections; got None"),
            ("- 1", r"a configuration is a mapping of sections; got \[1\]"),
            ("a: [1", r"is not YAML"),
            ("a: 1", r"`parameters` is a mapping of names.*got None"),
            ("parameters: []", r"`parameters` is a mapping of names.*got \[\]"),
            ("parameters: {}", r"`parameters` is a mapping of names.*got {}"),
            (
                "parameters: {a: {fixed: 1}, a: {fixed: 2}}",
                r"the key parameters.a is given twice, in lines 1 and 1",
            ),
            ("parameters: {a: {fixed: 1}}\nconstraints: a < 3", r"`constraints` is a list of"),
            ("parameters: {a: {fixed: 1}}\nconstraints: [a + 1]", r"two operands"),
            ("parameters: {a: {fixed: 1}}\nconstraints: [a > 1]", r"leave no point"),
            ("parameters: {a: {fixed: 1}}\nconstraints: [b > 1]", r"unknown parameter 'b'"),
            ("parameters: {a: 3}", r"parameter 'a' is described by a mapping"),
            ("parameters: {3: {fixed: 1}}", r"a parameter name begins with"),
            ("parameters: !!python/object:os.system {}", r"is not YAML"),
        ],
    )
    def test_bad_files(self, tmp_path, text, message):
        path = tmp_path / "config.yaml"
        path.write_text(text)
        with pytest.raises(SpaceError, match=message):
            SearchSpace.from_config(path)

    def test_unreadable_files(self, tmp_path):
        with pytest.raises(SpaceError, match=r"cannot read the configuration .*missing\.yaml"):
            SearchSpace.from_config(tmp_path / "missing.yaml")
        (tmp_path / "latin.yaml").write_bytes(b"a: \xff")
        with pytest.raises(SpaceError, match="cannot read the configuration"):
            SearchSpace.from_config(Path(tmp_path / "latin.yaml"))

    def test_fingerprints_differ_where_spaces_do(self, space):
        a, b = Choice("a", (1, 2)), Choice("b", (1, 2))
        spaces = [
            SearchSpace([a, b]),
            SearchSpace([b, a]),
            SearchSpace([a, Choice("b", (2, 1))]),
            SearchSpace([a, b], ["a <= b"]),
            SearchSpace([a, b], [Constraint.parse("a <= b", name="order")]),
            SearchSpace([a, Range("b", 1, 2)]),
        ]
        assert len({one.fingerprint for one in spaces}) == len(spaces)
        assert len(set(spaces)) == len(spaces)
        assert len(space.fingerprint) == 64


class TestConstruction:
    @pytest.mark.parametrize(
        ("parameters", "rules", "blocks", "message"),
        [
            ([], (), (), "at least one parameter"),
            ([Fixed("a", 1), Fixed("a", 2)], (), (), "parameter named twice: a"),
            ([Fixed("a", 1)], ["b < 1"], (), "unknown parameter 'b'; there are a"),
            ([Fixed("a", 1)], (), ("b",), "block parameters are distinct parameters of a; got b"),
            ([Fixed("a", 1)], (), ("a", "a"), "block parameters are distinct"),
        ],
    )
    def test_refusals(self, parameters, rules, blocks, message):
        with pytest.raises(SpaceError, match=message):
            SearchSpace(parameters, rules, blocks)

    def test_constraints_as_text_or_objects(self):
        parameters = [Choice("a", (1, 2)), Choice("b", (1, 2))]
        rule = Constraint.parse("a <= b")
        assert SearchSpace(parameters, ["a <= b"]) == SearchSpace(parameters, [rule])

    def test_what_it_says_of_itself(self, space):
        assert space.names == ("fast", "slow", "codes", "label")
        assert space.size == len(space) == 18
        assert repr(space) == "<SearchSpace of fast, slow, codes, label: 18 points>"
        assert set(space.distributions) == set(space.names)

    def test_equality_with_something_else(self, space):
        assert space != 5

    def test_a_pickle_leaves_the_tables_behind(self, billion_space):
        assert billion_space.size == 10**9
        data = pickle.dumps(billion_space)
        assert len(data) < 5_000
        assert pickle.loads(data) == billion_space


class TestPoints:
    def test_round_trips(self, space):
        for index in range(len(space)):
            params = space.params(index)
            assert space.index(params) == index
            assert space.parse(space.strategy_id(params)) == params
            assert space.strategy_id(index) == f"P{index}"
            assert space.from_trial_params(space.trial_params(params)) == params
            assert space.violation(params) is None
        assert space.params_list(np.arange(18)) == [space.params(k) for k in range(18)]
        assert space.strategy_ids(range(18)) == [f"P{k}" for k in range(18)]

    def test_stored_values(self, space):
        params = {"fast": 5, "slow": 40, "codes": ("B",), "label": "x"}
        assert space.trial_params(params) == {"fast": 5, "slow": 40, "codes": "B", "label": "x"}

    def test_values_are_made_canonical(self, space):
        params = {"fast": np.int64(5), "slow": 40.0, "codes": ["B"], "label": "x"}
        stored = space.trial_params(params)
        assert [type(value) for value in stored.values()] == [int, int, str, str]

    def test_violations(self, space):
        params = {"fast": 20, "slow": 10, "codes": ("A",), "label": "x"}
        assert space.violation(params) == "fast < slow is broken by fast=20, slow=10"
        with pytest.raises(SpaceError, match="point outside the space: fast < slow is broken by"):
            space.index(params)
        params = {"fast": 5, "slow": 10, "codes": ("A", "B"), "label": "x"}
        assert space.violation(params) == "few (size(codes) <= 1) is broken by codes=A_B"

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"fast": 6}, "6 is not a value of parameter 'fast'; allowed: 5, 10, 20"),
            ({"codes": "A"}, "'A' is not a value of parameter 'codes'; allowed: A, B, A_B"),
            ({"codes": ("B", "A")}, "is not a value of parameter 'codes'"),
            ({"codes": None}, "None is not a value of parameter 'codes'"),
            ({"extra": 1}, "unknown: extra"),
        ],
    )
    def test_foreign_points(self, space, change, message):
        params = {**space.params(0), **change}
        for method in (space.index, space.trial_params, space.violation, space.strategy_id):
            with pytest.raises(SpaceError, match=message):
                method(params)

    def test_incomplete_points(self, space):
        with pytest.raises(SpaceError, match="missing: slow, codes, label, unknown: none"):
            space.index({"fast": 5})
        with pytest.raises(SpaceError, match="missing: slow, codes, label"):
            space.from_trial_params({"fast": 5})
        with pytest.raises(SpaceError, match="a point of this space is a mapping"):
            space.index((5, 10))

    @pytest.mark.parametrize("index", [-1, 18, 1.0, True, "3", None])
    def test_foreign_indices(self, space, index):
        with pytest.raises(SpaceError, match="index"):
            space.params(index)

    @pytest.mark.parametrize(
        ("strategy_id", "message"),
        [
            ("", "like P12; got ''"),
            ("P", "like P12; got 'P'"),
            ("7", "like P12; got '7'"),
            ("P-1", "like P12"),
            ("P01", "like P12"),
            ("P1 ", "like P12"),
            ("PP1", "like P12"),
            ("P٣", "like P12"),
            (None, "like P12; got None"),
            ("P18", "index 18 is outside the space, whose 18 points"),
            ("P" + "9" * 30, "is outside the space"),
        ],
    )
    def test_foreign_ids(self, space, strategy_id, message):
        with pytest.raises(SpaceError, match=message):
            space.parse(strategy_id)


class TestOptuna:
    @settings(deadline=None, max_examples=40)
    @given(data=st.data())
    def test_internal_params_are_those_of_optuna(self, small_spaces, data):
        space = data.draw(small_spaces)
        points = np.arange(min(space.size, 50))
        internal = space.internal_params(points)
        for index, row in zip(points.tolist(), internal, strict=True):
            stored = space.trial_params(space.params(index))
            expected = [space.distributions[n].to_internal_repr(v) for n, v in stored.items()]
            assert row.tolist() == expected

    def test_suggest_round_trip(self, space):
        study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=3))
        for _ in range(30):
            trial = study.ask()
            params = space.suggest(trial)
            assert space.from_trial_params(trial.params) == params
            assert space.trial_params(params) == trial.params
            if space.violation(params) is None:
                assert space.params(space.index(params)) == params
            for name, distribution in space.distributions.items():
                check_distribution_compatibility(trial.distributions[name], distribution)

    def test_a_fixed_trial(self, space):
        stored = {"fast": 5, "slow": 40, "codes": "A_B", "label": "x"}
        params = space.suggest(optuna.trial.FixedTrial(stored))
        assert params == {"fast": 5, "slow": 40, "codes": ("A", "B"), "label": "x"}

    def test_an_enqueued_point_comes_back(self, space):
        study = optuna.create_study()
        params = space.params(7)
        study.enqueue_trial(space.trial_params(params))
        assert space.suggest(study.ask()) == params


class TestContinuous:
    def test_it_can_be_searched(self, continuous):
        assert not continuous.finite
        params = continuous.suggest(optuna.create_study().ask())
        assert continuous.from_trial_params(continuous.trial_params(params)) == params
        assert continuous.violation({"rate": 0.5, "n": 1}) is None
        assert continuous.violation({"rate": 1.0, "n": 1}) == "rate < n is broken by rate=1.0, n=1"
        assert repr(continuous) == "<SearchSpace of rate, n: continuous>"
        assert bool(continuous)

    def test_it_cannot_be_counted(self, continuous):
        for use in (
            lambda: len(continuous),
            lambda: continuous.lattice,
            lambda: continuous.index({"rate": 0.5, "n": 1}),
            lambda: continuous.params(0),
        ):
            with pytest.raises(SpaceError, match=r"continuous in 'rate'.*`step`.*adaptive"):
                use()

    def test_restricting_makes_it_finite(self, continuous):
        finite = continuous.restrict({"rate": [0.25, "0.75"]})
        assert finite.size == 4


class TestRestriction:
    def test_it_keeps_the_rest(self, space):
        smaller = space.restrict({"fast": ["5"], "codes": ["B"]})
        assert type(smaller) is SearchSpace
        assert smaller.constraints == space.constraints
        assert {p["slow"] for p in smaller.params_list(range(4))} == {10, 20, 30, 40}
        assert smaller.size == 4
        assert space.size == 18
        assert SearchSpace.from_config(smaller.to_config()) == smaller

    def test_nothing_to_restrict(self, space):
        assert space.restrict({}) == space

    def test_a_bare_value(self, space):
        assert space.restrict({"fast": 5}) == space.restrict({"fast": [5]})

    @settings(deadline=None, max_examples=60)
    @given(data=st.data())
    def test_it_keeps_exactly_the_points_with_these_values(self, small_spaces, data):
        space = data.draw(small_spaces)
        name = data.draw(st.sampled_from(space.names))
        point = space.params(data.draw(st.integers(0, space.size - 1)))
        smaller = space.restrict({name: [point[name]]})
        expected = [p for p in space.params_list(range(space.size)) if p[name] == point[name]]
        assert smaller.params_list(range(smaller.size)) == expected
        assert smaller.block_parameters == space.block_parameters

    @pytest.mark.parametrize(
        ("values", "message"),
        [
            ({"fsat": [5]}, "unknown parameter 'fsat'; did you mean fast"),
            ({"fast": [6]}, "6 is not a value of parameter 'fast'; allowed: 5, 10, 20"),
            ({"slow": ["x"]}, "'x' is not a value .*integers from 10 to 40 in steps of 10"),
            ({"label": ["y"]}, "'y' is not a value of parameter 'label'; allowed: x"),
            ({"codes": ["C"]}, "'C' is not a value of parameter 'codes'; allowed: A, B, A_B"),
            ({"fast": []}, "cannot be restricted to no value"),
            ({"fast": [20], "slow": [20]}, "leave no point"),
        ],
    )
    def test_refusals(self, space, values, message):
        with pytest.raises(SpaceError, match=message):
            space.restrict(values)


def test_the_order_of_parameters_is_the_order_of_the_lattice():
    a, b = Choice("a", (1, 2)), Subsets("b", ("A", "B"), 1)
    assert SearchSpace([a, b]).params(1) == {"a": 1, "b": ("B",)}
    assert SearchSpace([b, a]).params(1) == {"b": ("A",), "a": 2}
