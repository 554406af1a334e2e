"""Kernel of the backtest: many strategies over one ranking, without allocation per strategy."""

import math

import numba
import numpy as np
from numba import types

from objectives.constants import DAYS_PER_YEAR, V5_DAYS_PER_YEAR, WEIGHT_CAP
from objectives.kernels.signatures import array_in, array_out

_EQ, _IC = 0, 1  # ordinals in search_spaces.WEIGHT_METHODS; the third is FS
_ANNUAL = math.sqrt(DAYS_PER_YEAR)
_V5_ANNUAL = math.sqrt(V5_DAYS_PER_YEAR)

# what a segment counts, indices into ``tally``
_PROFIT, _LOSS, _BREAK_EVEN, _ACTIVE, _CLOSED, _HOLDING, _TRADED, _FEES = range(8)
_N_TALLIED = 8

_BACKTEST_SIGNATURE = types.void(
    array_in(types.float64, 2),
    array_in(types.int32, 2),
    array_in(types.float64, 2),
    array_in(types.int32, 2),
    array_in(types.int64, 1),
    array_in(types.int64, 1),
    array_in(types.float64, 2),
    array_in(types.int64, 1),
    array_in(types.int64, 2),
    array_in(types.float64, 1),
    types.float64,
    types.float64,
    types.boolean,
    types.int64,
    types.boolean,
    array_in(types.float64, 1),
    array_out(types.float64, 3),
    array_out(types.float64, 2),
    array_out(types.float32, 2),
    array_out(types.float32, 2),
)


# inlined by Numba: as calls, these steps cost a tenth of the whole simulation
@numba.njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _funding_njit(returns, t, pair, amount, n_held):  # type: ignore[no-untyped-def]
    """Money the held pairs earn in a day."""
    pnl = 0.0
    for k in range(n_held):
        r = returns[t, pair[k]]
        if not np.isnan(r):
            pnl += amount[k] / 2.0 * r
    return pnl


@numba.njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _exit_njit(  # type: ignore[no-untyped-def]
    d, t, rank, limit, fee_rate, pair, entered, amount, held, n_held, cash, tally
):
    """Leave pairs that are unranked or ranked beyond ``limit``; returns (n_held, cash)."""
    kept = 0
    for k in range(n_held):
        i = pair[k]
        if 0 < rank[t, i] <= limit:
            pair[kept] = i
            entered[kept] = entered[k]
            amount[kept] = amount[k]
            kept += 1
        else:
            held[i] = False
            cash += amount[k] * (1.0 - fee_rate)
            tally[_CLOSED] += 1.0
            tally[_HOLDING] += d - entered[k]
            tally[_TRADED] += amount[k]
            tally[_FEES] += amount[k] * fee_rate
    return kept, cash


@numba.njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _enter_njit(  # type: ignore[no-untyped-def]
    d,
    top,
    score,
    max_positions,
    method,
    inverse_cap,
    weight,
    size,
    fixed_base,
    fee_rate,
    pair,
    entered,
    amount,
    held,
    n_held,
    cash,
    tally,
):
    """Enter pairs of ``top`` in order, while there is room; returns (n_held, cash).

    ``size`` 0 stands for 1 / len(top), ``fixed_base`` 0 for the cash left.
    """
    n_top = top.shape[0]
    if size == 0.0:
        size = 1.0 / n_top
    weighted = method == _EQ
    fraction = size
    for j in range(n_top):
        if n_held >= max_positions:
            break
        i = top[j]
        if held[i]:
            continue
        if not weighted:
            _weights_njit(method, top, score, inverse_cap, weight)
            weighted = True
        if method != _EQ:
            fraction = min(size * weight[j], WEIGHT_CAP)
        entry = (fixed_base if fixed_base > 0.0 else cash) * fraction
        cost = entry * (1.0 + fee_rate)
        if entry <= 0.0 or cost > cash:
            continue
        cash -= cost
        pair[n_held] = i
        entered[n_held] = d
        amount[n_held] = entry
        held[i] = True
        n_held += 1
        tally[_TRADED] += entry
        tally[_FEES] += entry * fee_rate
    return n_held, cash


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _weights_njit(method, top, score, inverse_cap, weight):  # type: ignore[no-untyped-def]
    """Weight multipliers of the entry set: n_top x share of the weight."""
    n_top = top.shape[0]
    total = 0.0
    for j in range(n_top):
        weight[j] = inverse_cap[top[j]] if method == _IC else max(score[j], 0.0)
        total += weight[j]
    for j in range(n_top):
        weight[j] = n_top * weight[j] / total if total > 0.0 else 1.0


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _measure_njit(  # type: ignore[no-untyped-def]
    capital, final, first_day, last_day, net_return, excess, v5_return, n_held, worst, tally, out
):
    """Metrics of the days after ``first_day`` to ``last_day``, in the order of METRICS."""
    n_recorded = v5_return.shape[0]
    # the first segment counts its opening day, the second starts the day after its capital
    n_days = last_day - first_day + (1 if first_day == 0 else 0)
    out[0] = final
    out[1] = final / capital - 1.0 if capital != 0.0 else np.nan
    out[2] = out[1] * DAYS_PER_YEAR / n_days
    out[3] = _mean_over_std_njit(net_return[first_day + 1 : last_day + 1]) * _ANNUAL
    out[4] = _mean_over_std_njit(v5_return) * _V5_ANNUAL
    out[5] = worst
    out[6] = tally[_PROFIT] / n_recorded if n_recorded > 0 else 0.0
    out[7] = tally[_CLOSED]
    out[8] = tally[_HOLDING] / tally[_CLOSED] if tally[_CLOSED] > 0.0 else np.nan
    out[9] = n_held
    out[10] = tally[_PROFIT]
    out[11] = tally[_LOSS]
    out[12] = tally[_BREAK_EVEN]
    out[13] = tally[_ACTIVE]
    out[14] = tally[_TRADED] / capital if capital != 0.0 else np.nan
    out[15] = tally[_FEES]
    of_segment = excess[first_day + 1 : last_day + 1]
    out[16] = _mean_over_std_njit(of_segment) * _ANNUAL
    grown = 1.0
    for k in range(of_segment.shape[0]):
        grown *= 1.0 + of_segment[k]
    out[17] = grown - 1.0


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _mean_over_std_njit(x):  # type: ignore[no-untyped-def]
    """Mean over sample standard deviation; 0 for fewer than two or equal values."""
    n = x.shape[0]
    if n < 2:
        return 0.0
    total = 0.0
    low = np.inf
    high = -np.inf
    for k in range(n):
        total += x[k]
        low = min(low, x[k])
        high = max(high, x[k])
    mean = total / n
    squares = 0.0
    for k in range(n):
        squares += (x[k] - mean) * (x[k] - mean)
    std = math.sqrt(squares / (n - 1))
    return mean / std if low != high and std != 0.0 else 0.0


@numba.njit(_BACKTEST_SIGNATURE, cache=True, nogil=True, error_model="numpy")
def _backtest_njit(  # type: ignore[no-untyped-def]
    returns,
    order,
    score,
    rank,
    n_ranked,
    n_positive,
    inverse_cap,
    cap_row,
    strategies,
    position_size,
    initial_capital,
    fee_rate,
    fixed_amount,
    split_day,
    value_at_liquidation,
    basket,
    metrics,
    equity,
    daily,
    exposure,
):
    """Simulate ``strategies`` (rows of integers) on the days of ``returns``.

    Shapes, units and instants are those of :func:`objectives.backtest.simulate`.
    """
    n_days, n_pairs = returns.shape
    pair = np.empty(n_pairs, dtype=np.int64)  # held pairs in order of entry
    entered = np.empty(n_pairs, dtype=np.int64)
    amount = np.empty(n_pairs)
    held = np.zeros(n_pairs, dtype=np.bool_)
    weight = np.empty(n_pairs)
    net_return = np.empty(n_days + 1)
    excess = np.empty(n_days + 1)
    keeps_daily = daily.shape[1] > 0
    v5_return = np.empty(n_days)
    tally = np.empty(_N_TALLIED)
    for s in range(strategies.shape[0]):
        every, method, max_positions, entry_top_n, exit_threshold = strategies[s]
        if max_positions == 0:
            max_positions = n_pairs
        wealth = equity[min(s, equity.shape[0] - 1)]
        cash = total = peak = capital = wealth[0] = initial_capital
        invested = worst = 0.0
        n_held = n_recorded = first_day = segment = 0
        tally[:] = 0.0
        for d in range(1, n_days + 1):
            t = d - 1
            exposed = 0.0
            if n_held > 0:
                exposed = invested / 2.0 / total if total != 0.0 else 0.0
                pnl = _funding_njit(returns, t, pair, amount, n_held)
                cash += pnl
                v5_return[n_recorded] = pnl / total if total != 0.0 else 0.0
                n_recorded += 1
                tally[_PROFIT if pnl > 0.0 else (_LOSS if pnl < 0.0 else _BREAK_EVEN)] += 1.0
            if t % every == 0 and n_ranked[t] > 0:
                limit = exit_threshold if exit_threshold > 0 else n_positive[t]
                n_kept, cash = _exit_njit(
                    d, t, rank, limit, fee_rate, pair, entered, amount, held, n_held, cash, tally
                )
                changed = n_kept < n_held
                n_held = n_kept
                n_top = min(entry_top_n, n_ranked[t]) if entry_top_n > 0 else n_positive[t]
                if n_top > 0 and n_held < max_positions:
                    n_held, cash = _enter_njit(
                        d,
                        order[t, :n_top],
                        score[t, :n_top],
                        max_positions,
                        method,
                        inverse_cap[cap_row[t]],
                        weight,
                        position_size[s],
                        initial_capital if fixed_amount else 0.0,
                        fee_rate,
                        pair,
                        entered,
                        amount,
                        held,
                        n_held,
                        cash,
                        tally,
                    )
                if changed or n_held > n_kept:
                    invested = 0.0
                    for k in range(n_held):
                        invested += amount[k]
            before = total
            total = cash + invested
            measured = d == n_days or d + 1 == split_day
            worth = total
            if measured and value_at_liquidation:
                worth -= fee_rate * invested
                tally[_TRADED] += invested
                tally[_FEES] += fee_rate * invested
            change = worth / before - 1.0 if before != 0.0 else 0.0
            net_return[d] = change
            excess[d] = change - exposed * basket[t]
            if keeps_daily:
                daily[s, t] = change
                exposure[s, t] = exposed
            if worth > peak:
                peak = worth
            fall = (peak - worth) / peak if peak != 0.0 else 0.0
            if fall > worst:
                worst = fall
            if n_held > 0:
                tally[_ACTIVE] += 1.0
            wealth[d] = worth if d == n_days else total
            if measured:
                _measure_njit(
                    capital,
                    worth,
                    first_day,
                    d,
                    net_return,
                    excess,
                    v5_return[:n_recorded],
                    n_held,
                    worst,
                    tally,
                    metrics[s, segment],
                )
                segment = 1
                first_day = d
                n_recorded = 0
                capital = peak = total
                worst = 0.0
                tally[:] = 0.0
        for k in range(n_held):
            held[pair[k]] = False
