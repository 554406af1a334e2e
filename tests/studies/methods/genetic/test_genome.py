"""Genes: what is written reads back, changes stay valid, and every value can be reached."""

import itertools
import random
from collections import Counter

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from search_spaces import Choice, FactorSpace, Fixed, Range, SearchSpace, Subsets
from studies.methods.genetic.deap_tools import DeapTools
from studies.methods.genetic.genome import Genome, PositionGene, RealGene, SubsetGene
from studies.methods.genetic.options import GeneticOptions

OPTIONS = GeneticOptions()
CATEGORICAL = [
    ("nominal", ("a", "b", "c", "d", "e")),
    ("ascending", (1, 2, 5, 10.5, 50)),
    ("descending", (30, 20, 10, 5, -1)),
    ("shuffled", (30, 5, 20, 10, 1)),
    ("bool", (True, False)),
    ("none", (None, 1, 2)),
    ("one", ("only",)),
]
DISCRETE = [
    *(CategoricalDistribution(values) for _, values in CATEGORICAL),
    IntDistribution(-3, 4),
    IntDistribution(10, 50, step=8),
    IntDistribution(7, 7),
    IntDistribution(1, 12, log=True),
    FloatDistribution(0.1, 0.5, step=0.1),
    FloatDistribution(-1.5, 2.25, step=0.75),
    FloatDistribution(2.0, 2.0),
]
CONTINUOUS = [
    FloatDistribution(-5.0, 5.0),
    FloatDistribution(1e-6, 1e3, log=True),
    FloatDistribution(100.0, 100.5),
]


def values_of(distribution):
    if isinstance(distribution, CategoricalDistribution):
        return list(distribution.choices)
    if isinstance(distribution, IntDistribution):
        return list(range(distribution.low, distribution.high + 1, distribution.step))
    if distribution.step is None:
        assert distribution.single()
        return [distribution.low]
    n = round((distribution.high - distribution.low) / distribution.step) + 1
    return [distribution.low + k * distribution.step for k in range(n)]


def gene_of(distribution):
    return Genome.of_distributions({"x": distribution}).genes[0]


def is_valid(distribution, value):
    return distribution._contains(distribution.to_internal_repr(value))


def ids(distributions):
    return [str(each) for each in distributions]


@pytest.mark.parametrize("distribution", DISCRETE, ids=ids(DISCRETE))
def test_every_value_reads_back(distribution):
    gene = gene_of(distribution)
    values = values_of(distribution)
    for position, value in enumerate(values):
        written = gene.encode(value)
        assert len(written) == gene.width
        read = gene.decode(written)
        assert type(read) is type(value)
        assert read == (pytest.approx(value, rel=1e-12) if isinstance(value, float) else value)
        assert gene.position(written) == position
        assert gene.decode(gene.at_position(position)) == read
    assert len({gene.position(gene.encode(value)) for value in values}) == len(values)


@given(st.sampled_from(CONTINUOUS), st.floats(0.0, 1.0))
def test_numbers_of_continuous_ranges_read_back(distribution, u):
    gene = gene_of(distribution)
    value = gene.decode([u])
    assert distribution.low <= value <= distribution.high
    (again,) = gene.encode(value)
    assert 0.0 <= again <= 1.0
    assert again == pytest.approx(u, abs=1e-9)
    assert gene.decode([again]) == pytest.approx(value, rel=1e-12, abs=1e-12)


@given(st.data())
def test_any_numeric_distribution_reads_back(data):
    low, n = data.draw(st.integers(-500, 500)), data.draw(st.integers(0, 60))
    step = data.draw(st.integers(1, 7))
    kind = data.draw(st.sampled_from(["int", "float", "log"]))
    if kind == "log":
        low = abs(low) + 1
        distribution, step = IntDistribution(low, low + n, log=True), 1
    elif kind == "int":
        distribution = IntDistribution(low, low + n * step, step=step)
    else:
        scale = data.draw(st.sampled_from([0.1, 0.25, 0.01]))
        high, low, step = (round(x * scale, 9) for x in (low + n * step, low, step))
        distribution = FloatDistribution(low, high, step=step)
    gene = gene_of(distribution)
    position = data.draw(st.integers(0, n))
    value = low + position * step
    assert gene.position(gene.encode(value)) == position
    read = gene.decode(gene.at_position(position))
    assert read == pytest.approx(value, rel=1e-9, abs=1e-9)
    assert is_valid(distribution, read)


def test_which_kind_of_gene_is_which():
    real = [
        FloatDistribution(0, 1),
        FloatDistribution(1, 9, log=True),
        IntDistribution(1, 9, log=True),
    ]
    positions = [
        CategoricalDistribution(("a", "b")),
        CategoricalDistribution((1, 2)),
        IntDistribution(0, 9),
        IntDistribution(3, 3, log=True),
        FloatDistribution(0, 1, step=0.5),
        FloatDistribution(3, 3),
    ]
    assert all(type(gene_of(each)) is RealGene for each in real)
    assert all(type(gene_of(each)) is PositionGene for each in positions)
    space = SearchSpace([Subsets("s", ("A", "B"), 2), Fixed("f", "x"), Range("r", 1, 3)])
    genome = Genome.of_space(space)
    assert [type(gene) for gene in genome.genes] == [SubsetGene, PositionGene, PositionGene]
    assert genome.places == [slice(0, 2), slice(2, 3), slice(3, 4)]
    assert (genome.other_elements, genome.real_elements) == ([0, 1, 2, 3], [])
    mixed = Genome.of_distributions({"a": IntDistribution(0, 3), "b": FloatDistribution(0, 1)})
    assert (mixed.other_elements, mixed.real_elements) == ([0], [1])


ORDERED = {"ascending": True, "descending": True, "one": None}


@pytest.mark.parametrize(("name", "values"), CATEGORICAL)
def test_numbers_in_order_are_ordered(name, values):
    expected = ORDERED.get(name, False)
    ordered = gene_of(CategoricalDistribution(values)).is_ordered
    assert expected is None or ordered == expected


@pytest.mark.parametrize("distribution", [d for d in DISCRETE if not d.single()], ids=str)
def test_equal_shares_of_the_unit_interval(distribution):
    """Integers of a logarithmic range have shares of it on that scale, all others the same."""
    gene, n = gene_of(distribution), len(values_of(distribution))
    shares = Counter(gene.position(gene.from_unit((k + 0.5) / 5040)) for k in range(5040))
    assert set(shares) == set(range(n))
    if gene.is_real:
        assert list(shares.values()) == sorted(shares.values(), reverse=True)
    else:
        assert max(shares.values()) - min(shares.values()) <= 1
    assert gene.position(gene.from_unit(np.nextafter(1.0, 0.0))) == n - 1


def walk(gene, start, n, options, seed=0):
    """Positions, or numbers, that n mutations in a row lead to."""
    tools = DeapTools(seed)
    written, seen = start, []
    for _ in range(n):
        written = gene.mutate(list(written), tools, options)
        assert is_valid(gene.distribution, gene.decode(written))
        seen.append(gene.position(written))
    return seen


@pytest.mark.parametrize("distribution", DISCRETE, ids=ids(DISCRETE))
@pytest.mark.parametrize("jump_prob", [0.0, 0.05, 1.0])
def test_mutation_is_valid_and_reaches_every_value(distribution, jump_prob):
    options = GeneticOptions(jump_prob=jump_prob, mutation_eta=1.0)
    gene = gene_of(distribution)
    values = values_of(distribution)
    for start in (values[0], values[-1]):
        assert set(walk(gene, gene.encode(start), 1500, options)) == set(range(len(values)))


@pytest.mark.parametrize("distribution", CONTINUOUS, ids=ids(CONTINUOUS))
def test_mutated_numbers_reach_every_part_of_their_range(distribution):
    gene, tools, written = gene_of(distribution), DeapTools(1), [0.5]
    tenths = set()
    for _ in range(6000):
        written = gene.mutate(written, tools, OPTIONS)
        assert 0.0 <= written[0] <= 1.0
        assert is_valid(distribution, gene.decode(written))
        tenths.add(min(int(written[0] * 10), 9))
    assert tenths == set(range(10))


@pytest.mark.parametrize(
    "distribution",
    [
        IntDistribution(0, 19),
        FloatDistribution(0, 1.9, step=0.1),
        CategoricalDistribution(tuple(range(20))),
        CategoricalDistribution(tuple(range(20, 0, -1))),
    ],
    ids=str,
)
def test_ordered_values_move_by_steps(distribution):
    gene = gene_of(distribution)

    def moves(**options):
        tools, chosen = DeapTools(3), GeneticOptions(**options)
        return Counter(abs(gene.mutate([10], tools, chosen)[0] - 10) for _ in range(3000))

    assert set(moves(jump_prob=0.0, step_continue_prob=0.0)) == {1}
    some = moves(jump_prob=0.0, step_continue_prob=0.5)
    assert some[1] / 3000 == pytest.approx(0.5, abs=0.05)
    assert some[2] / 3000 == pytest.approx(0.25, abs=0.05)
    far = moves(jump_prob=1.0)
    assert min(far[k] for k in range(1, 10)) > 0.06 * 3000
    rare = moves(jump_prob=0.2, step_continue_prob=0.0)
    assert 0.1 < 1 - rare[1] / 3000 < 0.25


def test_unordered_values_jump_anywhere():
    gene = gene_of(CategoricalDistribution(tuple("abcdefgh")))
    tools, options = DeapTools(0), GeneticOptions(jump_prob=0.0, step_continue_prob=0.0)
    found = Counter(gene.mutate([0], tools, options)[0] for _ in range(4000))
    assert min(found[k] for k in range(8)) > 350


def test_a_higher_eta_makes_smaller_moves():
    gene = gene_of(FloatDistribution(0, 1))

    def spread(eta):
        tools, options = DeapTools(0), GeneticOptions(mutation_eta=eta)
        return np.std([gene.mutate([0.5], tools, options)[0] for _ in range(500)])

    assert spread(1.0) > 2 * spread(20.0) > 4 * spread(200.0)


SUBSETS = [
    Subsets("s", ("A", "B", "C", "D"), 4),
    Subsets("s", ("A", "B", "C", "D", "E"), 2),
    Subsets("s", ("A", "B", "C", "D"), 4, min_size=3),
    Subsets("s", ("A", "B", "C", "D", "E"), 3, min_size=2),
    Subsets("s", ("A", "B", "C", "D", "E"), 5, only=(("A",), ("B", "C"), ("A", "C", "D", "E"))),
    Subsets("s", ("A",), 1),
]


@pytest.mark.parametrize("parameter", SUBSETS, ids=ids(SUBSETS))
def test_subsets_are_bits(parameter):
    gene = SubsetGene(parameter)
    assert gene.width == len(parameter.of)
    seen = set()
    for position, value in enumerate(parameter.values):
        written = gene.encode("_".join(value))
        assert written == [int(code in value) for code in parameter.of]
        assert gene.decode(written) == "_".join(value)
        assert gene.position(written) == position
        assert gene.at_position(position) == written
        seen.add(tuple(written))
    n = len(parameter.values)
    assert len(seen) == n
    shares = Counter(gene.position(gene.from_unit((k + 0.5) / 2520)) for k in range(2520))
    assert set(shares) == set(range(n))
    assert max(shares.values()) - min(shares.values()) <= 1


@pytest.mark.parametrize("parameter", SUBSETS, ids=ids(SUBSETS))
def test_repair_takes_a_nearest_subset_and_any_of_them(parameter):
    gene, tools = SubsetGene(parameter), DeapTools(0)
    valid = [gene.at_position(position) for position in range(len(parameter.values))]
    for bits in itertools.product([0, 1], repeat=gene.width):
        distance = {tuple(v): sum(a != b for a, b in zip(bits, v, strict=True)) for v in valid}
        nearest = {v for v, d in distance.items() if d == min(distance.values())}
        found = {tuple(gene.repair(list(bits), tools)) for _ in range(40 * len(nearest))}
        assert found == nearest


@pytest.mark.parametrize("parameter", SUBSETS, ids=ids(SUBSETS))
def test_mutated_subsets_are_valid_and_all_are_reached(parameter):
    gene = SubsetGene(parameter)
    seen = walk(gene, gene.at_position(0), 2500, OPTIONS)
    assert set(seen) == set(range(len(parameter.values)))


def test_one_bit_flips_on_average():
    gene, tools = SubsetGene(SUBSETS[0]), DeapTools(0)
    start = [1, 1, 0, 0]
    flips = [
        sum(a != b for a, b in zip(start, gene.mutate(list(start), tools, OPTIONS), strict=True))
        for _ in range(2000)
    ]
    assert np.mean(flips) == pytest.approx(1.0, abs=0.1)


SPACES = {
    "everything": SearchSpace(
        [
            Choice("nominal", ("x", "y", None, True)),
            Choice("numbers", (50, 20, 5)),
            Subsets("codes", ("A", "B", "C"), 2),
            Fixed("fixed", 7),
            Range("steps", 0.1, 0.5, step=0.1),
            Range("log", 1, 6, log=True),
        ]
    ),
    "constraints": SearchSpace(
        [
            Subsets("codes", ("A", "B", "C", "D"), 3, min_size=2),
            Range("fast", 1, 6),
            Range("slow", 2, 10, step=2),
            Fixed("fixed", "x"),
        ],
        ["fast < slow", "size(codes) <= 2"],
    ),
    "restricted": SearchSpace(
        [Subsets("codes", ("A", "B", "C", "D"), 3), Range("n", 1, 9)]
    ).restrict({"codes": ["A_C", "D", "B_C_D"], "n": [2, 3, 7]}),
    "factors": FactorSpace.default().restrict({"window_size": ["30", "60"]}),
}


@pytest.mark.parametrize("space", SPACES.values(), ids=SPACES)
def test_genes_positions_and_lattice_indices_agree(space):
    genome = Genome.of_space(space)
    chosen = np.arange(space.size)
    if space.size > 2000:
        chosen = np.random.default_rng(0).choice(space.size, 500, replace=False)
    keys = set()
    for index, digits in zip(chosen.tolist(), space.digits(chosen).tolist(), strict=True):
        params = space.trial_params(space.params(index))
        written = genome.encode(params)
        assert genome.positions(written) == tuple(digits)
        assert genome.positions(genome.at_positions(digits)) == tuple(digits)
        assert space.index(space.from_trial_params(genome.decode(written))) == index
        assert genome.is_allowed(written)
        keys.add(genome.key(written))
    assert len(keys) == len(chosen)


def test_exactly_the_points_of_a_constrained_space_are_allowed():
    space = SPACES["constraints"]
    genome = Genome.of_space(space)
    lattice = {tuple(row) for row in space.digits(np.arange(space.size)).tolist()}
    sizes = [len(parameter.finite_values()) for parameter in space.parameters]
    allowed = {
        digits
        for digits in itertools.product(*map(range, sizes))
        if genome.is_allowed(genome.at_positions(digits))
    }
    assert allowed == lattice
    assert 0 < len(lattice) < np.prod(sizes)


def test_constraints_hold_while_what_is_left_out_has_one_value():
    space = SPACES["constraints"]
    without_fixed = Genome.of_space(space, ["codes", "fast", "slow"])
    assert [gene.name for gene in without_fixed.genes] == ["codes", "fast", "slow"]
    bad = {"codes": "A_B", "fast": 5, "slow": 4}
    assert not without_fixed.is_allowed(without_fixed.encode(bad))
    assert without_fixed.is_allowed(without_fixed.encode({**bad, "fast": 3}))
    unknown = Genome.of_space(space, ["codes", "fast"])  # what slow is, others decide
    assert unknown.is_allowed(unknown.encode({"codes": "A_B", "fast": 6}))


@given(st.integers(0, 2**32 - 1), st.sampled_from(sorted(SPACES)))
def test_whatever_crossover_and_mutation_write_is_a_point(seed, name):
    space = SPACES[name]
    genome, tools, draw = Genome.of_space(space), DeapTools(seed), random.Random(seed)
    one, other = (genome.from_unit([draw.random() for _ in genome.genes]) for _ in range(2))
    child = [draw.choice(pair) for pair in zip(one, other, strict=True)]
    for gene, place in zip(genome.genes, genome.places, strict=True):
        child[place] = gene.repair(child[place], tools)
        child[place] = gene.mutate(child[place], tools, OPTIONS)
    assume(genome.is_allowed(child))
    params = space.from_trial_params(genome.decode(child))
    assert tuple(space.digits([space.index(params)])[0].tolist()) == genome.positions(child)
