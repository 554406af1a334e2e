"""The space of factor strategies: its numbers, its ids, what it refuses."""

import copy
import dataclasses
import operator
import pickle
from pathlib import Path

import numpy as np
import optuna
import pytest
import yaml

from search_spaces import (
    FACTOR_CODES,
    WEIGHT_METHODS,
    Choice,
    FactorSpace,
    Fixed,
    Range,
    SearchSpace,
    SpaceError,
    StrategyParams,
    Subsets,
    make_design,
)

CONFIG_FILE = Path(__file__).parents[2] / "mass_tuning_config.yaml"
EXAMPLE = StrategyParams(
    factors=("SR", "ST"),
    window_size=30,
    rebalance_frequency=7,
    data_period=90,
    selection_count=5,
    weight_method="IC",
)


class TestNumbers:
    def test_the_default_space(self, default_space):
        assert len(default_space) == 436_800
        assert [len(p.values) for p in default_space.parameters] == [56, 13, 5, 8, 5, 3]
        assert isinstance(default_space, SearchSpace)

    def test_six_factors(self):
        assert len(FactorSpace.default(max_factors=6)) == 491_400

    def test_without_market_caps(self, default_space):
        smaller = default_space.restrict({"weight_method": ["EQ", "FS"]})
        assert type(smaller) is FactorSpace
        assert len(smaller) == 291_200

    def test_the_shipped_configuration_is_the_default(self, default_space):
        assert FactorSpace.from_config(CONFIG_FILE) == default_space
        assert FactorSpace.from_config(CONFIG_FILE).fingerprint == default_space.fingerprint

    def test_config_round_trip(self, default_space):
        smaller = default_space.restrict({"factors": ["SR", "SR_DD"], "window_size": [30]})
        for space in (default_space, smaller):
            text = yaml.safe_dump(space.to_config(), sort_keys=False)
            assert FactorSpace.from_config(yaml.safe_load(text)) == space


class TestIds:
    def test_every_id_leads_back(self, default_space):
        ids = default_space.strategy_ids(np.arange(436_800))
        assert len(set(ids)) == 436_800
        digits = default_space.digits(np.arange(436_800)).tolist()
        parameters = default_space.parameters
        read = operator.attrgetter(*default_space.names)
        for strategy_id, row in zip(ids, digits, strict=True):
            params = default_space.parse(strategy_id)
            assert read(params) == tuple(p.values[d] for p, d in zip(parameters, row, strict=True))

    def test_an_id_has_one_spelling(self, default_space):
        points = np.arange(0, 436_800, 997)
        for index, strategy_id in zip(points, default_space.strategy_ids(points), strict=True):
            params = default_space.params(int(index))
            assert default_space.strategy_id(params) == strategy_id
            assert default_space.strategy_id(int(index)) == strategy_id
            assert default_space.index(params) == index

    def test_the_example_of_the_definition(self, default_space):
        assert default_space.strategy_id(EXAMPLE) == "SR_ST_W30_7D_D90_S5_IC"
        assert default_space.parse("SR_ST_W30_7D_D90_S5_IC") == EXAMPLE

    def test_strategies_outside_the_space_have_an_id_but_no_index(self, default_space):
        outside = dataclasses.replace(EXAMPLE, window_size=31)
        assert default_space.strategy_id(outside) == "SR_ST_W31_7D_D90_S5_IC"
        with pytest.raises(SpaceError, match="31 is not a value of parameter 'window_size'"):
            default_space.index(outside)

    @pytest.mark.parametrize(
        ("strategy_id", "message"),
        [
            ("", r"has the parts FACTORS_W.*got ''"),
            (None, r"got None"),
            ("W30_7D_D90_S5_IC", r"has the parts FACTORS_W"),
            ("SR_W30_7D_D90_S5", r"has the parts FACTORS_W"),
            ("SR_30_7D_D90_S5_IC", r"'30' is not a window_size part, which is written W\.\."),
            ("SR_W30_7_D90_S5_IC", r"'7' is not a rebalance_frequency part, .* \.\.D"),
            ("SR_W30_7D_90_S5_IC", r"'90' is not a data_period part, .* D\.\."),
            ("SR_W30_7D_D90_5_IC", r"'5' is not a selection_count part, .* S\.\."),
            ("SR_W30_7D_D90_S5_ic", r"'ic' is not a weight_method part, .* EQ"),
            ("SR_W030_7D_D90_S5_IC", r"'W030' is not a window_size part"),
            ("SR_W+30_7D_D90_S5_IC", r"'W\+30' is not a window_size part"),
            ("SR_W٣0_7D_D90_S5_IC", r"is not a window_size part"),
            ("SR_W30_7D_D90_S5_IC\n", r"is not a weight_method part"),
            ("SR_W30_7D_D90_S5_IC ", r"is not a weight_method part"),
            ("sr_W30_7D_D90_S5_IC", r"'sr' is not a value of parameter 'factors'"),
            ("XX_W30_7D_D90_S5_IC", r"'XX' is not a value of parameter 'factors'; allowed: SR, DD"),
            ("ST_SR_W30_7D_D90_S5_IC", r"'ST_SR' is not a value of parameter 'factors'"),
            ("SR_SR_W30_7D_D90_S5_IC", r"'SR_SR' is not a value of parameter 'factors'"),
            ("SR_DD_TR_ST_WR_W30_7D_D90_S5_IC", r"'SR_DD_TR_ST_WR' is not a value"),
            ("_W30_7D_D90_S5_IC", r"'' is not a value of parameter 'factors'"),
            ("SR_W31_7D_D90_S5_IC", r"31 is not a value of parameter 'window_size'; allowed: 5, "),
            ("SR_W30_8D_D90_S5_IC", r"8 is not a value of parameter 'rebalance_frequency'"),
            ("SR_W30_7D_D91_S5_IC", r"91 is not a value of parameter 'data_period'"),
            ("SR_W30_7D_D90_S0_IC", r"0 is not a value of parameter 'selection_count'"),
            ("SR_W30_7D_D90_S5_XX", r"'XX' is not a value of parameter 'weight_method'"),
        ],
    )
    def test_foreign_ids(self, default_space, strategy_id, message):
        with pytest.raises(SpaceError, match=message):
            default_space.parse(strategy_id)

    def test_ids_that_break_a_constraint(self, default_space):
        space = FactorSpace(default_space.parameters, ["window_size <= data_period"])
        assert space.parse("SR_ST_W30_7D_D90_S5_IC") == EXAMPLE
        with pytest.raises(SpaceError, match="outside the space: window_size <= data_period is"):
            space.parse("SR_ST_W120_7D_D90_S5_IC")
        allowed = sum(
            w <= d for w in space.parameters[1].values for d in space.parameters[3].values
        )
        assert len(space) == 56 * allowed * 5 * 5 * 3


class TestParams:
    def test_the_order_of_factors_is_canonical(self):
        params = dataclasses.replace(EXAMPLE, factors=["ST", "SR"])
        assert params == EXAMPLE
        assert hash(params) == hash(EXAMPLE)
        own = dataclasses.replace(EXAMPLE, factors=("ZZ", "SO", "AA", "SR"))
        assert own.factors == ("SR", "SO", "ZZ", "AA")

    def test_numbers_become_plain_integers(self):
        params = dataclasses.replace(EXAMPLE, window_size=np.int64(30))
        assert type(params.window_size) is int

    def test_it_is_frozen_and_copies(self):
        with pytest.raises(dataclasses.FrozenInstanceError):
            EXAMPLE.window_size = 3
        with pytest.raises(TypeError):
            StrategyParams(("SR",), 30, 7, 90, 5, "EQ")
        assert pickle.loads(pickle.dumps(EXAMPLE)) == copy.deepcopy(EXAMPLE) == EXAMPLE

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"factors": ()}, r"one or more codes"),
            ({"factors": "SR_DD"}, r"like \('SR', 'DD'\); got 'SR_DD'"),
            ({"factors": ("SR", "SR")}, r"every factor is listed once; got SR, SR"),
            ({"factors": ("S_R",)}, r"letters and digits only; got 'S_R'"),
            ({"factors": (1,)}, r"letters and digits only; got 1"),
            ({"window_size": 0}, r"window_size is an integer >= 1; got 0"),
            ({"window_size": 1.5}, r"window_size is an integer >= 1; got 1.5"),
            ({"rebalance_frequency": "7"}, r"rebalance_frequency is an integer >= 1; got '7'"),
            ({"data_period": True}, r"data_period is an integer >= 1; got True"),
            ({"selection_count": -1}, r"selection_count is an integer >= 0; got -1"),
            ({"weight_method": "eq"}, r"one of EQ, IC, FS; got 'eq'"),
        ],
    )
    def test_impossible_values(self, change, message):
        with pytest.raises(SpaceError, match=message):
            dataclasses.replace(EXAMPLE, **change)

    def test_no_cap_on_the_number_of_pairs(self):
        assert dataclasses.replace(EXAMPLE, selection_count=0).selection_count == 0


class TestConstruction:
    def parameters(self, **changes):
        return [
            changes.get(parameter.name, parameter) for parameter in FactorSpace.default().parameters
        ]

    def test_the_order_in_the_configuration_does_not_matter(self, default_space):
        assert FactorSpace(self.parameters()[::-1]) == default_space

    def test_the_order_of_the_codes_does_not_matter(self, default_space):
        backwards = Subsets("factors", FACTOR_CODES[::-1], 4)
        assert FactorSpace(self.parameters(factors=backwards)) == default_space

    def test_factors_as_a_choice_or_fixed(self):
        space = FactorSpace(self.parameters(factors=Choice("factors", ("SR", "DD_SR"))))
        assert space.parameters[0].values == (("SR",), ("SR", "DD"))
        space = FactorSpace(self.parameters(factors=Fixed("factors", "ST_TR")))
        assert space.parameters[0].values == (("TR", "ST"),)
        assert FactorSpace.from_config(space.to_config()) == space

    def test_ranges_and_fixed_values(self):
        space = FactorSpace(
            self.parameters(
                window_size=Range("window_size", 10, 30, step=10),
                selection_count=Range("selection_count", 0, 3),
                weight_method=Fixed("weight_method", "EQ"),
            )
        )
        assert len(space) == 56 * 3 * 5 * 8 * 4
        assert space.strategy_id(0) == "SR_W10_1D_D10_S0_EQ"
        assert space.parse("SR_W10_1D_D10_S0_EQ") == space.params(0)

    def test_a_registered_factor(self):
        own = Subsets("factors", ("SR", "MO"), 2)
        with pytest.raises(SpaceError, match="unknown factor 'MO' in `factors`; there are SR, DD"):
            FactorSpace(self.parameters(factors=own))
        codes = (*FACTOR_CODES, "MO")
        space = FactorSpace(self.parameters(factors=own), factor_codes=codes)
        params = space.parse("SR_MO_W30_7D_D90_S5_IC")
        assert space.params(space.index(params)) == params
        assert FactorSpace.from_config(space.to_config(), factor_codes=codes) == space
        assert space.restrict({"factors": ["MO"]}).parameters[0].values == (("MO",),)
        again = pickle.loads(pickle.dumps(space))
        assert again == space
        assert again.factor_codes == codes

    def test_several_registered_factors_in_any_order(self):
        own = Subsets("factors", ("ZZ", "AA"), 2)
        space = FactorSpace(self.parameters(factors=own), factor_codes=("ZZ", "AA"))
        params = dataclasses.replace(EXAMPLE, factors=("AA", "ZZ"))
        assert space.params(space.index(params)).factors == ("ZZ", "AA")
        assert space.strategy_id(params) == "ZZ_AA_W30_7D_D90_S5_IC"

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            (Subsets("factors", ("SR", "XX"), 1), "unknown factor 'XX' in `factors`"),
            (Choice("factors", ("SR", "XX")), "unknown factor 'XX' in `factors`"),
            (Choice("factors", ("SR_SR",)), "`factors` lists a factor twice in 'SR_SR'"),
            (Range("factors", 1, 2), "`factors` are subsets"),
            (Choice("window_size", (0, 5)), "window_size is an integer >= 1; got 0"),
            (Choice("window_size", (5.0, 6)), "window_size is an integer >= 1; got 5.0"),
            (Choice("window_size", (True,)), "window_size is an integer >= 1; got True"),
            (Choice("data_period", ("x",)), "data_period is an integer >= 1; got 'x'"),
            (Range("window_size", 1.0, 2.0), "`window_size` is a list or a stepped range"),
            (Range("selection_count", -1, 2), "selection_count is an integer >= 0; got -1"),
            (Choice("weight_method", ("EQ", "MV")), "one of EQ, IC, FS; got 'MV'"),
        ],
    )
    def test_impossible_values(self, change, message):
        with pytest.raises(SpaceError, match=message):
            FactorSpace(self.parameters(**{change.name: change}))

    def test_exactly_the_six_parameters(self):
        with pytest.raises(SpaceError, match="missing: weight_method, unknown: none"):
            FactorSpace(self.parameters()[:-1])
        with pytest.raises(SpaceError, match="missing: none, unknown: colour"):
            FactorSpace([*self.parameters(), Fixed("colour", "red")])
        with pytest.raises(SpaceError, match="each once"):
            FactorSpace([*self.parameters(), Fixed("factors", "SR")])

    @pytest.mark.parametrize("max_factors", [0, 7])
    def test_max_factors(self, max_factors):
        with pytest.raises(SpaceError, match="max_size <= 6"):
            FactorSpace.default(max_factors=max_factors)


class TestPoints:
    def test_optuna_round_trip(self, default_space):
        study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1))
        for _ in range(20):
            trial = study.ask()
            params = default_space.suggest(trial)
            assert isinstance(params, StrategyParams)
            assert default_space.from_trial_params(trial.params) == params
            assert default_space.trial_params(params) == trial.params
            index = default_space.index(params)
            internal = default_space.internal_params([index])[0].tolist()
            distributions = default_space.distributions
            assert trial.distributions == distributions
            assert internal == [
                distributions[name].to_internal_repr(trial.params[name])
                for name in default_space.names
            ]

    def test_mappings_are_understood(self, default_space):
        values = dataclasses.asdict(EXAMPLE)
        assert default_space.index(values) == default_space.index(EXAMPLE)
        assert default_space.strategy_id(values) == default_space.strategy_id(EXAMPLE)

    def test_foreign_points(self, default_space):
        with pytest.raises(SpaceError, match="a point of this space is a StrategyParams; got 'SR'"):
            default_space.index("SR")
        with pytest.raises(SpaceError, match=r"exactly the parameters factors, .*; got factors"):
            default_space.index({"factors": ("SR",)})
        with pytest.raises(SpaceError, match="a point of this space is a StrategyParams"):
            default_space.strategy_id(2.5)
        with pytest.raises(SpaceError, match="unknown: colour"):
            default_space.from_trial_params({**default_space.trial_params(EXAMPLE), "colour": 1})

    def test_strategies_of_a_block_share_a_ranking(self, default_space):
        """Factors, window and data period are equal within a block of 75 neighbours."""
        order = make_design(default_space, "exhaustive", 750).indices()
        digits = default_space.digits(order)[:, [0, 1, 3]].reshape(10, 75, 3)
        assert (digits == digits[:, :1]).all()
        assert len({tuple(block[0]) for block in digits.tolist()}) == 10


def test_weight_methods_and_codes():
    assert WEIGHT_METHODS == ("EQ", "IC", "FS")
    assert FACTOR_CODES == ("SR", "DD", "TR", "ST", "WR", "SO")
