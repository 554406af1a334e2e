"""Kernel of the backtest: many strategies over one ranking, without allocation per strategy."""

import math

import numba
import numpy as np
from numba import types

from objectives.constants import DAYS_PER_YEAR, V5_DAYS_PER_YEAR, WEIGHT_CAP
from objectives.kernels.signatures import array_in, array_out

_EQ, _IC = 0, 1  # positions in search_spaces.WEIGHT_METHODS; the third is FS


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
    array_out(types.float64, 3),
    array_out(types.float64, 2),
)


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _weights_njit(method, order, score, n_top, inverse_cap, weight):  # type: ignore[no-untyped-def]
    total = 0.0
    for j in range(n_top):
        weight[j] = inverse_cap[order[j]] if method == _IC else max(score[j], 0.0)
        total += weight[j]
    for j in range(n_top):
        weight[j] = n_top * weight[j] / total if total > 0.0 else 1.0


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _segment_njit(  # type: ignore[no-untyped-def]
    wealth,
    first_day,
    last_day,
    net_return,
    v5_return,
    n_recorded,
    counts,
    worst,
    traded,
    fees,
    n_held,
    annual,
    v5_annual,
    out,
):
    """Metrics of the days after ``first_day`` to ``last_day``, in the order of METRICS."""
    capital = wealth[first_day]
    final = wealth[last_day]
    # the first segment counts its opening day, the second starts the day after its capital
    n_days = last_day - first_day + (1 if first_day == 0 else 0)
    out[0] = final
    out[1] = final / capital - 1.0
    out[2] = out[1] * DAYS_PER_YEAR / n_days
    out[3] = _mean_over_std_njit(net_return, first_day + 1, last_day + 1) * annual
    out[4] = _mean_over_std_njit(v5_return, 0, n_recorded) * v5_annual
    out[5] = worst
    out[6] = counts[0] / n_recorded if n_recorded > 0 else 0.0
    out[7] = counts[4]
    out[8] = counts[5] / counts[4] if counts[4] > 0.0 else np.nan
    out[9] = n_held
    out[10] = counts[0]
    out[11] = counts[1]
    out[12] = counts[2]
    out[13] = counts[3]
    out[14] = traded / capital
    out[15] = fees


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _mean_over_std_njit(x, start, stop):  # type: ignore[no-untyped-def]
    """Mean over sample standard deviation; 0 for fewer than two or equal values."""
    n = stop - start
    if n < 2:
        return 0.0
    total = 0.0
    low = np.inf
    high = -np.inf
    for k in range(start, stop):
        total += x[k]
        low = min(low, x[k])
        high = max(high, x[k])
    mean = total / n
    squares = 0.0
    for k in range(start, stop):
        squares += (x[k] - mean) * (x[k] - mean)
    std = math.sqrt(squares / (n - 1))
    return mean / std if low != high and std != 0.0 else 0.0


@numba.njit(_BACKTEST_SIGNATURE, cache=True, nogil=True, error_model="numpy")
def _backtest_njit(  # type: ignore[no-untyped-def]
    returns,
    order,
    order_score,
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
    metrics,
    equity,
):
    """Simulate ``strategies`` (rows of integers) on the days of ``returns``.

    Shapes, units and instants are those of :func:`objectives.backtest.simulate`.
    """
    n_days, n_pairs = returns.shape
    pair = np.empty(n_pairs, dtype=np.int64)
    entered = np.empty(n_pairs, dtype=np.int64)
    amount = np.empty(n_pairs)
    held = np.zeros(n_pairs, dtype=np.bool_)
    weight = np.empty(n_pairs)
    net_return = np.empty(n_days + 1)
    v5_return = np.empty(n_days)
    counts = np.empty(6)
    annual = math.sqrt(DAYS_PER_YEAR)
    v5_annual = math.sqrt(V5_DAYS_PER_YEAR)
    for s in range(strategies.shape[0]):
        every = strategies[s, 0]
        method = strategies[s, 1]
        max_positions = strategies[s, 2] if strategies[s, 2] > 0 else n_pairs
        entry_top_n = strategies[s, 3]  # 0: every pair with a positive score
        exit_threshold = strategies[s, 4]  # 0: leave with a score that is not positive
        size = position_size[s]  # 0: 1 / number of pairs in the entry set
        wealth = equity[min(s, equity.shape[0] - 1)]
        cash = initial_capital
        invested = 0.0
        total = initial_capital
        peak = total
        worst = 0.0
        wealth[0] = total
        n_held = 0
        first_day = 0
        segment = 0
        n_recorded = 0
        counts[:] = 0.0  # profit, loss, break-even, active, closed, holding days
        traded = 0.0
        fees = 0.0
        for d in range(1, n_days + 1):
            t = d - 1
            if d == split_day:
                _segment_njit(wealth, first_day, d - 1, net_return, v5_return, n_recorded, counts, worst, traded, fees, n_held, annual, v5_annual, metrics[s, 0])  # noqa: E501
                first_day = d - 1
                segment = 1
                n_recorded = 0
                counts[:] = 0.0
                peak = total
                worst = 0.0
                traded = 0.0
                fees = 0.0
            if n_held > 0:
                pnl = 0.0
                for k in range(n_held):
                    r = returns[t, pair[k]]
                    if not np.isnan(r):
                        pnl += amount[k] / 2.0 * r
                cash += pnl
                v5_return[n_recorded] = pnl / total if total != 0.0 else 0.0
                n_recorded += 1
                counts[0 if pnl > 0.0 else (1 if pnl < 0.0 else 2)] += 1.0
            if t % every == 0 and n_ranked[t] > 0:
                changed = False
                kept = 0
                for k in range(n_held):
                    i = pair[k]
                    position = rank[t, i]
                    if exit_threshold > 0:
                        stays = 0 < position <= exit_threshold
                    else:
                        stays = 0 < position <= n_positive[t]
                    if stays:
                        pair[kept] = i
                        entered[kept] = entered[k]
                        amount[kept] = amount[k]
                        kept += 1
                    else:
                        changed = True
                        held[i] = False
                        cash += amount[k] * (1.0 - fee_rate)
                        traded += amount[k]
                        fees += amount[k] * fee_rate
                        counts[4] += 1.0
                        counts[5] += d - entered[k]
                n_held = kept
                n_top = min(entry_top_n, n_ranked[t]) if entry_top_n > 0 else n_positive[t]
                if n_top > 0 and n_held < max_positions:
                    base_size = size if size > 0.0 else 1.0 / n_top
                    weighted = False
                    for j in range(n_top):
                        if n_held >= max_positions:
                            break
                        i = order[t, j]
                        if held[i]:
                            continue
                        fraction = base_size
                        if method != _EQ:
                            if not weighted:
                                _weights_njit(method, order[t], order_score[t], n_top, inverse_cap[cap_row[t]], weight)  # noqa: E501
                                weighted = True
                            fraction = min(base_size * weight[j], WEIGHT_CAP)
                        entry = (initial_capital if fixed_amount else cash) * fraction
                        cost = entry * (1.0 + fee_rate)
                        if entry <= 0.0 or cost > cash:
                            continue
                        changed = True
                        cash -= cost
                        traded += entry
                        fees += entry * fee_rate
                        pair[n_held] = i
                        entered[n_held] = d
                        amount[n_held] = entry
                        held[i] = True
                        n_held += 1
                if changed:
                    invested = 0.0
                    for k in range(n_held):
                        invested += amount[k]
            before = total
            total = cash + invested
            wealth[d] = total
            net_return[d] = total / before - 1.0 if before != 0.0 else 0.0
            if total > peak:
                peak = total
            fall = (peak - total) / peak if peak != 0.0 else 0.0
            if fall > worst:
                worst = fall
            if n_held > 0:
                counts[3] += 1.0
        _segment_njit(wealth, first_day, n_days, net_return, v5_return, n_recorded, counts, worst, traded, fees, n_held, annual, v5_annual, metrics[s, segment])  # noqa: E501
        for k in range(n_held):
            held[pair[k]] = False
