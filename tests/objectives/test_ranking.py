"""Ranking: eligibility, z-scores, order, and kernel == reference."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from objectives.factors import factor_values
from objectives.kernels import ranking as kernels
from objectives.ranking import (
    eligible_pairs,
    factor_moments,
    rank_pairs,
    rank_pairs_reference,
)
from search_spaces import FACTOR_CODES
from search_spaces.errors import DataError
from tests.helpers.panels import KINDS, return_arrays

NAN = math.nan


def one_day(*factors):
    """Factor values (n_factors, 1, n_pairs) of a single day on which all are eligible."""
    values = np.array(factors, dtype=float)[:, None, :]
    return values, np.ones((1, values.shape[2]), dtype=np.bool_)


def rank_one_day(*factors, selected=None, top=None):
    values, eligible = one_day(*factors)
    selected = range(len(factors)) if selected is None else selected
    ranking = rank_pairs(values, eligible, selected, top=top)
    plain = rank_pairs_reference(values, eligible, selected, top=top)
    assert_same(ranking, plain)
    return ranking


def assert_same(one, other):
    for name in ("order", "score", "rank", "n_ranked", "n_positive"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)


@given(return_arrays(), st.integers(1, 20), st.integers(0, 8))
@settings(max_examples=30, deadline=None)
def test_eligibility_by_brute_force(returns, data_period, max_stale_days):
    eligible = eligible_pairs(returns, data_period, max_stale_days)
    for t, i in np.ndindex(returns.shape):
        days = [d for d in range(t + 1) if not math.isnan(returns[d, i])]
        expected = bool(days) and t - days[0] >= data_period and t - days[-1] <= max_stale_days
        assert eligible[t, i] == expected


def test_edges_of_eligibility():
    returns = np.full((20, 1), NAN)
    returns[[2, 5, 8], 0] = 1e-4
    # three days after the first observation on day 2; seven days after the last on day 8
    expected = [5 <= t <= 15 for t in range(20)]
    assert eligible_pairs(returns, 3)[:, 0].tolist() == expected


def test_pair_without_observations_is_never_eligible():
    assert not eligible_pairs(np.full((30, 2), NAN), 1).any()


def test_z_scores_have_ddof_0():
    ranking = rank_one_day([1.0, 2.0, 3.0, 6.0])
    std = math.sqrt((4 + 1 + 0 + 9) / 4)
    assert ranking.order[0].tolist() == [3, 2, 1, 0]
    np.testing.assert_allclose(ranking.score[0], np.array([3, 0, -1, -2]) / std, rtol=1e-12)
    assert ranking.rank[0].tolist() == [4, 3, 2, 1]
    assert (ranking.n_ranked[0], ranking.n_positive[0]) == (4, 1)


def test_score_is_the_mean_over_factors():
    ranking = rank_one_day([1.0, 3.0], [5.0, 1.0], [0.0, 2.0])
    np.testing.assert_allclose(ranking.score[0], [1 / 3, -1 / 3], rtol=1e-12)
    assert ranking.order[0].tolist() == [1, 0]


def test_only_selected_factors_count():
    assert rank_one_day([1.0, 3.0], [5.0, 1.0], selected=[1]).order[0].tolist() == [0, 1]


def test_all_equal_factor_scores_zero():
    # the computed standard deviation of three times 0.1 is not 0
    ranking = rank_one_day([0.1, 0.1, 0.1])
    assert ranking.score[0].tolist() == [0.0, 0.0, 0.0]
    assert ranking.order[0].tolist() == [0, 1, 2]
    assert ranking.n_positive[0] == 0


def test_all_equal_factor_halves_the_other():
    ranking = rank_one_day([0.1, 0.1], [1.0, 3.0])
    np.testing.assert_allclose(ranking.score[0], [0.5, -0.5])


def test_unknown_factor_of_one_pair_is_left_out_of_its_mean():
    ranking = rank_one_day([1.0, 3.0, NAN], [2.0, 4.0, 6.0])
    z = math.sqrt(8 / 3)
    # pair 2 has the second factor only; the first is standardised over pairs 0 and 1
    expected = {0: (-1 - 2 / z) / 2, 1: (1 + 0) / 2, 2: 2 / z}
    assert ranking.order[0].tolist() == [2, 1, 0]
    np.testing.assert_allclose(ranking.score[0], [expected[i] for i in (2, 1, 0)], rtol=1e-12)


def test_pair_without_any_factor_is_not_ranked():
    ranking = rank_one_day([1.0, NAN, 2.0], [NAN, NAN, 1.0])
    assert ranking.rank[0].tolist() == [2, 0, 1]
    assert ranking.n_ranked[0] == 2


def test_unselected_unknown_does_not_matter():
    ranking = rank_one_day([1.0, 3.0, 2.0], [NAN, NAN, NAN], selected=[0])
    assert ranking.order[0].tolist() == [1, 2, 0]


def test_ineligible_pairs_do_not_enter_the_mean():
    values, eligible = one_day([1.0, 100.0, 3.0])
    eligible[0, 1] = False
    ranking = rank_pairs(values, eligible, [0])
    np.testing.assert_allclose(ranking.score[0, :2], [1.0, -1.0])
    assert ranking.rank[0].tolist() == [2, 0, 1]


def test_ties_go_by_pair():
    ranking = rank_one_day([1.0, 5.0, 1.0, 5.0, 5.0])
    assert ranking.order[0].tolist() == [1, 3, 4, 0, 2]


def test_scores_closer_than_ten_decimals_are_ties():
    assert rank_one_day([-1.0, 1.0, 1.0 + 1e-12]).order[0].tolist() == [1, 2, 0]
    assert rank_one_day([-1.0, 1.0, 1.0 + 1e-8]).order[0].tolist() == [2, 1, 0]


def test_score_that_rounds_to_zero_is_not_positive():
    ranking = rank_one_day([-1.0, 0.0, 1.0], [0.0, 1e-13, 0.0], selected=[0])
    assert ranking.n_positive[0] == 1
    ranking = rank_one_day([-1.0, 1e-13, 1.0])
    assert ranking.n_positive[0] == 1


@pytest.mark.parametrize("values", [[1.0], [NAN, 1.0, NAN], [NAN, NAN]])
def test_fewer_than_two_pairs_give_no_ranking(values):
    ranking = rank_one_day(values)
    assert ranking.n_ranked[0] == ranking.n_positive[0] == 0
    assert not ranking.rank.any()


@pytest.mark.parametrize("n_pairs", [2, 5, 13, 63, 64, 65, 130, 300])
@pytest.mark.parametrize("distinct", [3, 10_000])
def test_top_is_the_head_of_the_full_order(n_pairs, distinct):
    rng = np.random.default_rng(n_pairs)
    values = rng.integers(0, distinct, size=(2, 6, n_pairs)).astype(float)
    values[0, 3:][rng.random((3, n_pairs)) < 0.3] = NAN
    eligible = rng.random((6, n_pairs)) < 0.9
    full = rank_pairs(values, eligible, [0, 1])
    assert_same(full, rank_pairs_reference(values, eligible, [0, 1]))
    for top in {1, 2, 7, 12, 38, 64, 65, n_pairs - 1, n_pairs, n_pairs + 5} - {0}:
        head = rank_pairs(values, eligible, [0, 1], top=top)
        kept = min(top, n_pairs)
        np.testing.assert_array_equal(head.order, full.order[:, :kept])
        np.testing.assert_array_equal(head.score, full.score[:, :kept])
        np.testing.assert_array_equal(head.rank, np.where(full.rank <= top, full.rank, 0))
        np.testing.assert_array_equal(head.n_ranked, full.n_ranked)
        np.testing.assert_array_equal(head.n_positive, full.n_positive)


def random_days(seed=0, n_factors=4, n_days=12, n_pairs=20):
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(n_factors, n_days, n_pairs))
    values[:, 6:][rng.random((n_factors, n_days - 6, n_pairs)) < 0.3] = NAN
    return values, rng.random((n_days, n_pairs)) < 0.8


def test_shared_moments_change_nothing():
    values, eligible = random_days()
    moments = factor_moments(values, eligible)
    for selected in ([0], [1, 3], [0, 1, 2, 3]):
        shared = rank_pairs(values, eligible, selected, moments=moments)
        alone = rank_pairs(values[selected], eligible, range(len(selected)))
        assert_same(shared, alone)


def test_wanted_days():
    values, eligible = random_days()
    wanted = np.arange(12) % 3 == 1
    some, full = (
        rank_pairs(values, eligible, [0, 2], wanted=wanted),
        rank_pairs(values, eligible, [0, 2]),
    )
    np.testing.assert_array_equal(some.rank, np.where(wanted[:, None], full.rank, 0))
    np.testing.assert_array_equal(some.n_ranked, np.where(wanted, full.n_ranked, 0))
    np.testing.assert_array_equal(some.n_positive, np.where(wanted, full.n_positive, 0))
    assert_same(some, rank_pairs_reference(values, eligible, [0, 2], wanted=wanted))


def test_every_promised_output_is_written_over_garbage():
    values, eligible = random_days()
    eligible[4] = False
    moments = factor_moments(values, eligible)
    clean = rank_pairs(values, eligible, [0, 2], wanted=np.arange(12) != 7)
    order = np.full((12, 20), 77, dtype=np.int32)
    rank = np.full((12, 20), 77, dtype=np.int32)
    score = np.full((12, 20), NAN)
    n_ranked, n_positive = np.full(12, 77), np.full(12, 77)
    kernels._rank_njit(
        values, np.array([0, 2]), eligible, moments.mean, moments.std, moments.complete,
        np.arange(12) != 7, order, score, rank, n_ranked, n_positive,
    )  # fmt: skip
    np.testing.assert_array_equal(rank, clean.rank)
    np.testing.assert_array_equal(n_ranked, clean.n_ranked)
    np.testing.assert_array_equal(n_positive, clean.n_positive)
    for t, n in enumerate(n_ranked):
        np.testing.assert_array_equal(order[t, :n], clean.order[t, :n])
        np.testing.assert_array_equal(score[t, :n], clean.score[t, :n])


def test_inputs_may_be_strided_or_read_only_and_stay_as_they_were():
    values, eligible = random_days()
    expected = rank_pairs(values[:, ::2], eligible[::2], [0, 1])
    before = values.copy(), eligible.copy()
    values.setflags(write=False)
    eligible.setflags(write=False)
    assert_same(rank_pairs(values[:, ::2], eligible[::2], [0, 1]), expected)
    assert_same(rank_pairs(np.asfortranarray(values)[:, ::2], eligible[::2], [0, 1]), expected)
    np.testing.assert_array_equal(values, before[0])
    np.testing.assert_array_equal(eligible, before[1])


def test_arrays_that_do_not_fit_are_refused():
    values, eligible = random_days()
    with pytest.raises(DataError, match="eligible"):
        rank_pairs(values, eligible[:-1], [0])
    for selected in ([4], [-1], []):
        with pytest.raises(DataError, match="positions of 4 factors"):
            rank_pairs(values, eligible, selected)
    with pytest.raises(DataError, match="moments"):
        rank_pairs(values, eligible, [0], moments=factor_moments(values[:2], eligible))


@st.composite
def ranking_cases(draw):
    returns = draw(return_arrays(kinds=(*KINDS, "extreme"), max_pairs=14))
    codes = draw(st.lists(st.sampled_from(FACTOR_CODES), min_size=1, max_size=4, unique=True))
    values = factor_values(returns, draw(st.integers(2, 30)), FACTOR_CODES)
    eligible = eligible_pairs(returns, draw(st.integers(1, 20)))
    selected = [FACTOR_CODES.index(code) for code in codes]
    return values, eligible, selected, draw(st.none() | st.integers(1, 15))


def check_kernel(case):
    values, eligible, selected, top = case
    assert_same(
        rank_pairs(values, eligible, selected, top=top),
        rank_pairs_reference(values, eligible, selected, top=top),
    )


@given(ranking_cases())
@settings(max_examples=60, deadline=None)
def test_kernel_is_reference(case):
    check_kernel(case)


@pytest.mark.slow
@given(ranking_cases())
@settings(max_examples=1500, deadline=None)
def test_kernel_is_reference_deep(case):
    check_kernel(case)


@given(return_arrays(), st.integers(2, 30), st.integers(1, 15), st.data())
@settings(max_examples=30, deadline=None)
def test_prefix_property(returns, window, data_period, data):
    stop = data.draw(st.integers(1, len(returns)))

    def ranking(seen):
        return rank_pairs(
            factor_values(seen, window, FACTOR_CODES), eligible_pairs(seen, data_period), [0, 2, 5]
        )

    whole, cut = ranking(returns), ranking(returns[:stop])
    for name in ("order", "score", "rank", "n_ranked", "n_positive"):
        np.testing.assert_array_equal(getattr(whole, name)[:stop], getattr(cut, name))
