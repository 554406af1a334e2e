"""The rule, case by case, and sentences that say which number decided."""

import pytest

from objectives.validation.verdict import (
    CANNOT_TELL,
    NO_EVIDENCE,
    STRONG,
    WEAK,
    WORDS,
    Evidence,
    decide,
    too_few_positions,
    too_short,
)


def evidence(**changes):
    values = {
        "n_strategies": 5_376,
        "n_resamples": 1_000,
        "p_cash": 0.01,
        "p_basket": 0.02,
        "walk_net": 1.0,
        "walk_excess": 0.5,
    }
    return Evidence(**{**values, **changes})


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({}, STRONG),
        ({"p_cash": 0.05}, WEAK),  # below 0.05 is wanted, and both are below 0.20
        ({"p_basket": 0.05}, WEAK),
        ({"p_basket": 0.9}, WEAK),  # it earns, as every basket may
        ({"walk_net": 0.0}, WEAK),
        ({"walk_excess": -0.1}, WEAK),
        ({"p_cash": 0.19, "p_basket": 0.19}, WEAK),
        ({"p_cash": 0.20, "p_basket": 0.01}, NO_EVIDENCE),
        ({"p_cash": 0.19, "p_basket": 0.20}, NO_EVIDENCE),
        ({"p_basket": None, "walk_excess": None}, WEAK),  # nobody knows what was held
        ({"p_cash": 0.1, "p_basket": None, "walk_excess": None}, NO_EVIDENCE),
    ],
)
def test_the_rule(changes, word):
    verdict = decide(evidence(**changes))
    assert verdict.word == word
    assert len(verdict.reasons) == 3
    assert word in WORDS


def test_the_reasons_say_which_number_decided():
    told = " | ".join(decide(evidence()).reasons)
    assert "5,376 strategies" in told
    assert "1 % of the cases" in told
    assert "2 % of the cases" in told
    assert "net Sharpe 1.00, beyond the basket 0.50" in told
    assert "less than 0.1 %" in " ".join(decide(evidence(p_cash=0.0)).reasons)
    assert "may earn nothing" in decide(evidence(p_cash=0.3)).reasons[0]
    assert (
        "may earn what holding every pair alike earns" in decide(evidence(p_basket=0.3)).reasons[1]
    )
    assert "does not say what was held" in decide(evidence(p_basket=None)).reasons[1]
    assert "lost" in decide(evidence(walk_net=-0.2)).reasons[2]
    assert "no more than the basket" in decide(evidence(walk_excess=-0.2)).reasons[2]


def test_a_history_that_is_long_enough():
    assert too_short(n_days=180, n_windows=3, block=15.0) == ()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"n_days": 179, "block": 10.0}, "179 measured days; at least 180"),
        ({"n_windows": 2}, "room for 2 walk-forward windows; at least 3"),
        ({"block": 15.1}, "depends on the 15 days before, and 180 days hold fewer than 12"),
    ],
)
def test_a_history_that_is_too_short(changes, said):
    (reason,) = too_short(**{"n_days": 180, "n_windows": 3, "block": 15.0, **changes})
    assert said in reason


def test_a_strategy_that_decided_too_little():
    assert too_few_positions(n_active_days=60, n_closed=5, n_open=5) == ()
    assert too_few_positions(n_active_days=60, n_closed=10, n_open=None) == ()
    assert too_few_positions(n_active_days=None, n_closed=None, n_open=None) == ()
    (days,) = too_few_positions(n_active_days=59, n_closed=None, n_open=None)
    assert "59 days; at least 60" in days
    (taken,) = too_few_positions(n_active_days=None, n_closed=6, n_open=3)
    assert "took 9 positions; at least 10" in taken
    (closed,) = too_few_positions(n_active_days=None, n_closed=4, n_open=15)
    assert "closed 4 positions; at least 5" in closed


def test_the_words():
    assert (STRONG, WEAK, NO_EVIDENCE, CANNOT_TELL) == WORDS
