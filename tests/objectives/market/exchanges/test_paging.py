"""Pages of every order cover the time asked for, and no exchange is asked for ever."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from objectives.market.exchanges.paging import (
    RULES,
    Answer,
    PageOrder,
    PageRules,
    page_rules,
    pages,
)

HOUR = 3_600_000
LIMIT = 5


class Exchange:
    """Settlements given in pages.

    Parameters
    ----------
    instants : iterable of int
    order : PageOrder
        Which of the time asked for a page holds; UNKNOWN: any, here the middle.
    """

    def __init__(self, instants, order):
        self.instants = sorted(instants)
        self.order = order
        self.asked = []

    def __call__(self, first, last):
        assert first <= last
        self.asked.append((first, last))
        inside = [k for k in self.instants if first <= k <= last]
        begin = {
            PageOrder.OLDEST: 0,
            PageOrder.NEWEST: max(len(inside) - LIMIT, 0),
            PageOrder.UNKNOWN: max((len(inside) - LIMIT) // 2, 0),
        }[self.order]
        given_now = inside[begin : begin + LIMIT]
        return Answer({k: k / 1e9 for k in given_now}, len(given_now))


def steps_of(exchange, first, last, *, newest_first=False, hours=1):
    rules = PageRules(order=exchange.order, limit=LIMIT, hours=hours)
    return list(pages(exchange, first, last, rules, newest_first=newest_first))


@pytest.mark.parametrize("order", PageOrder)
@pytest.mark.parametrize("newest_first", [False, True])
@pytest.mark.parametrize("n", [0, 1, 4, 5, 6, 23, 25])
def test_every_settlement_once(order, newest_first, n):
    instants = [k * HOUR for k in range(n)]
    steps = steps_of(Exchange(instants, order), 0, 24 * HOUR, newest_first=newest_first)
    found = [instant for step in steps for instant in step.found]
    assert sorted(found) == instants
    assert len(set(found)) == len(found)
    assert steps[-1].left == 0
    assert not any(step.repeated for step in steps)


@given(
    data=st.data(),
    order=st.sampled_from(PageOrder),
    newest_first=st.booleans(),
    hours=st.sampled_from([1, 4, 8]),
)
@settings(max_examples=150, deadline=None)
def test_no_step_leaves_a_hole(data, order, newest_first, hours):
    """Whatever the listing, the changes of interval and the limit."""
    changes = data.draw(st.lists(st.sampled_from([1, 4, 8]), max_size=60))
    listed = data.draw(st.integers(0, 200))
    instants = (listed + np.concatenate([[0], np.cumsum(changes)])) * HOUR
    instants = [int(each) for each in instants]
    last = instants[-1] + data.draw(st.integers(0, 30)) * HOUR
    exchange = Exchange(instants, order)
    known = []
    lefts = []
    for step in steps_of(exchange, 0, last, newest_first=newest_first, hours=hours):
        known += step.found
        lefts.append(step.left)
        side = instants[::-1] if newest_first else instants
        assert sorted(known) == sorted(side[: len(known)])
    assert sorted(known) == instants
    assert lefts == sorted(lefts, reverse=True)
    assert lefts[-1] == 0


def test_a_short_page_is_trusted_where_no_settlement_fits_behind_it():
    exchange = Exchange([0, 8 * HOUR], PageOrder.OLDEST)
    steps_of(exchange, 0, 17 * HOUR, hours=8)
    assert len(exchange.asked) == 1
    exchange = Exchange([0, 8 * HOUR], PageOrder.OLDEST)
    steps_of(exchange, 0, 20 * HOUR, hours=8)
    assert exchange.asked == [(0, 20 * HOUR), (8 * HOUR + 1, 20 * HOUR)]


def test_a_limit_that_an_exchange_lowered_loses_nothing():
    """The page is short by the rules, and yet there is more."""
    exchange = Exchange([k * HOUR for k in range(40)], PageOrder.OLDEST)
    rules = PageRules(order=PageOrder.OLDEST, limit=100, hours=1)
    found = [
        k for page in pages(exchange, 0, 39 * HOUR, rules, newest_first=False) for k in page.found
    ]
    assert found == exchange.instants


@pytest.mark.parametrize("order", PageOrder)
@pytest.mark.parametrize("newest_first", [False, True])
def test_the_same_page_for_ever_ends_and_is_noticed(order, newest_first):
    asked = []

    def ask(first, last):
        asked.append((first, last))
        return Answer({k * HOUR: 1.0 for k in range(40, 40 + LIMIT)}, LIMIT)

    rules = PageRules(order=order, limit=LIMIT, hours=1)
    steps = list(pages(ask, 0, 100 * HOUR, rules, newest_first=newest_first))
    found = [instant for step in steps for instant in step.found]
    assert sorted(found) == [k * HOUR for k in range(40, 40 + LIMIT)]
    assert any(step.repeated for step in steps)
    assert len(asked) < 40


def test_pages_that_overlap_count_once():
    instants = [k * HOUR for k in range(30)]

    def ask(first, last):
        inside = [k for k in instants if first - 3 * HOUR <= k <= last][:LIMIT]
        return Answer(dict.fromkeys(inside, 1.0), len(inside))

    rules = PageRules(order=PageOrder.OLDEST, limit=LIMIT, hours=1)
    steps = list(pages(ask, 0, 29 * HOUR, rules, newest_first=False))
    found = [instant for step in steps for instant in step.found]
    assert found == instants


def test_a_history_that_began_late_costs_one_request_to_find():
    exchange = Exchange([k * HOUR for k in range(1000, 1010)], PageOrder.OLDEST)
    steps_of(exchange, 0, 1009 * HOUR, newest_first=True)
    assert len(exchange.asked) <= 6


def test_nothing_at_all_is_one_request():
    exchange = Exchange([], PageOrder.OLDEST)
    steps = steps_of(exchange, 0, 1000 * HOUR)
    assert len(exchange.asked) == 1
    assert [step.left for step in steps] == [0]
    assert sum(step.left for step in steps_of(exchange, 0, 1000 * HOUR, newest_first=True)) == 0


def test_rules():
    assert page_rules("binance") is RULES["binance"]
    assert page_rules("woo").order is PageOrder.UNKNOWN
    assert RULES["bybit"].window == 199 * 8 * HOUR
