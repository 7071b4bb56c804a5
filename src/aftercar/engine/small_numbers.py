"""Few cells are whole cells: births, deaths and arrivals drawn from the exact law over a step.

Below its threshold a counted state is a whole number. Over an accepted step of the differential equations, the rates
per head and the arrivals are taken from the dense output, piecewise constant on `PIECES` parts of the step. On such
rates the law of a linear birth-death process is known in closed form for any length of time: each head at the
beginning leaves none with probability P0, else 1 + a geometric number. Heads that arrive within the step do so at
their own random moment and multiply from then on. No error is made that depends on the number of events in a step, as
in tau-leaping.

References
----------
kendall1948, Annals of Mathematical Statistics 19:1, eq. 9-12 (rates that vary with time).
"""

from __future__ import annotations

import math

import numpy as np

from aftercar.engine.draws import binomial, geometric_sum, negative_binomial, poisson, uniform
from aftercar.engine.indices import (
    COMERS,
    DRAWS,
    FEW,
    KEPT,
    PATIENT,
    PIECES,
    ROW_CONTROL,
    ROW_SHIFT,
    ROW_TURNOVER,
    ROW_U,
    TURNOVER,
    WIDTH,
)
from aftercar.engine.jit import call, loop

# mypy: allow-untyped-defs, allow-untyped-calls

# With more arrivals in one step than this their relative noise is below 0.3%: the mean path is taken.
_MANY_ARRIVALS = 1e5


@loop
def birth_death_law(birth, death, lengths):
    """Return (P0, eta) of one head after pieces of constant rates.

    P0 is the probability that it leaves none; a surviving line has k heads with probability (1-eta) * eta**(k-1).
    """
    rho, integral = 0.0, 0.0
    for k in range(lengths.shape[0]):
        length, net = lengths[k], death[k] - birth[k]
        if rho > 600.0:
            return 1.0, 0.0
        x = net * length
        if x > 600.0:
            return 1.0, 0.0
        part = length if abs(x) < 1e-12 else math.expm1(x) / net
        integral += math.exp(rho) * death[k] * part
        rho += x
    growth = math.exp(-rho) * (1.0 + integral)
    return 1.0 - 1.0 / (1.0 + integral), max(0.0, 1.0 - 1.0 / growth)


@loop
def draw_births_and_deaths(keys, i, n, heads, birth, death, lengths):
    """Return how many there are after the pieces, beginning with `heads`, and the next position in the stream."""
    if heads <= 0.0:
        return 0.0, n
    p0, eta = birth_death_law(birth, death, lengths)
    lines, n = binomial(keys, i, n, heads, 1.0 - p0)
    more, n = geometric_sum(keys, i, n, lines, eta)
    return lines + more, n


@loop
def draw_newcomers(keys, i, n, birth, death, arrival, length):
    """Return the heads at the end of a piece that descend from arrivals within it, and the next position.

    Arrivals at random moments whose lines live and die at constant rates leave a negative binomial number, of shape
    arrival / birth; without births a Poisson number.
    """
    if arrival <= 0.0 or length <= 0.0:
        return 0.0, n
    net = death - birth
    left = math.exp(-net * length)
    lasting = length if abs(net * length) < 1e-12 else (1.0 - left) / net
    if birth * length < 1e-9:
        return poisson(keys, i, n, arrival * lasting)
    return negative_binomial(keys, i, n, arrival / birth, birth * lasting)


@loop
def _draw_arrivals(keys, i, n, birth, death, arrival, lengths):
    """Return the heads at the end that descend from arrivals within the step, and the next position."""
    total = 0.0
    for k in range(lengths.shape[0]):
        if total > 0.0:
            total, n = draw_births_and_deaths(keys, i, n, total, birth[k : k + 1], death[k : k + 1], lengths[k : k + 1])
        came, n = draw_newcomers(keys, i, n, birth[k], death[k], arrival[k], lengths[k])
        total += came
    return total, n


@loop
def few_heads(sizes, ws, lane, slots, thresholds):
    """Tell whether a counted state is below its threshold at the beginning or the end of the step.

    One that is empty and stays empty, as nothing arrives, needs no draw.
    """
    width = sizes[WIDTH]
    for c in range(slots.shape[0]):
        q = slots[c] * width + lane
        old, end = ws[q], ws[sizes[ROW_U] * width + q]
        if (old < thresholds[c] or end < thresholds[c]) and (old > 0.0 or end > 0.0):
            return True
    return False


@loop
def draw_small_numbers(functions, sizes, ws, scratch, t, used, target, slots, thresholds, keys, whole, few, ends):
    """Draw the counted states of all lanes with few heads at the end of the step.

    On entry `ends` holds the continuous values at the end of what is kept of the step, shape (lanes, counted), on
    return the drawn ones. Rates are read for all lanes at once; twice, because arrivals follow the drawn path.
    """
    width, shift = sizes[WIDTH], sizes[ROW_SHIFT] * sizes[WIDTH]
    lengths, birth, death, arrival = np.zeros(PIECES), np.zeros(PIECES), np.zeros(PIECES), np.zeros(PIECES)
    for lane in range(width):
        ws[(sizes[ROW_CONTROL] + KEPT) * width + lane] = (target[lane] - t[lane]) / used[lane]
        for c in range(slots.shape[0]):
            ws[shift + c * width + lane] = 0.0
    call(functions[TURNOVER], ws, 0, scratch, 0)
    again = False
    for lane in range(width):
        if whole[lane, FEW] == 1:
            lengths[:] = (target[lane] - t[lane]) / PIECES
            again |= _draw_survivors(
                sizes, ws, lane, lengths, birth, death, arrival, slots, thresholds, keys, whole, few, ends
            )
    if again:
        call(functions[TURNOVER], ws, 0, scratch, 0)
    for lane in range(width):
        if whole[lane, COMERS] == 1:
            lengths[:] = (target[lane] - t[lane]) / PIECES
            _draw_comers(sizes, ws, lane, lengths, birth, death, arrival, slots, keys, whole, few, ends)


@loop
def _draw_survivors(sizes, ws, lane, lengths, birth, death, arrival, slots, thresholds, keys, whole, few, ends):
    """Draw who is left of those there at the beginning; return whether arrivals must see how they differ from the mean.

    A single counted state has nobody whose arrivals could depend on it.
    """
    width, i, n = sizes[WIDTH], whole[lane, PATIENT], whole[lane, DRAWS]
    comers, moved = 0.0, 0.0
    for c in range(slots.shape[0]):
        few[lane, c] = 0.0
        old = ws[slots[c] * width + lane]
        expected = _of_state(sizes, ws, lane, c, slots.shape[0], birth, death, arrival, lengths)
        if old >= thresholds[c] or expected > _MANY_ARRIVALS:
            if ends[lane, c] < thresholds[c]:
                ends[lane, c], n = _round_at_random(keys, i, n, ends[lane, c])
            continue
        heads, n = _round_at_random(keys, i, n, old)
        ends[lane, c], n = draw_births_and_deaths(keys, i, n, heads, birth, death, lengths)
        few[lane, c] = 1.0
        change = ends[lane, c] - heads * math.exp(np.dot(birth - death, lengths))
        if slots.shape[0] > 1:
            ws[(sizes[ROW_SHIFT] + c) * width + lane] = change
            moved += abs(change)
        comers += expected
    whole[lane, DRAWS] = n
    whole[lane, COMERS] = 1 if comers > 0.0 else 0
    return comers > 0.0 and moved > 0.0


@loop
def _draw_comers(sizes, ws, lane, lengths, birth, death, arrival, slots, keys, whole, few, ends):
    """Add the heads that descend from arrivals within the step."""
    i, n = whole[lane, PATIENT], whole[lane, DRAWS]
    for c in range(slots.shape[0]):
        if few[lane, c] > 0.0:
            _of_state(sizes, ws, lane, c, slots.shape[0], birth, death, arrival, lengths)
            came, n = _draw_arrivals(keys, i, n, birth, death, arrival, lengths)
            ends[lane, c] += came
    whole[lane, DRAWS] = n
    whole[lane, COMERS] = 0


@loop
def _of_state(sizes, ws, lane, c, n_counted, birth, death, arrival, lengths):
    """Fill in the rates of counted state c in each piece; return how many arrivals are expected."""
    width, expected = sizes[WIDTH], 0.0
    for k in range(PIECES):
        q = (sizes[ROW_TURNOVER] + 3 * (k * n_counted + c)) * width + lane
        birth[k] = max(0.0, ws[q])
        death[k] = max(0.0, ws[q + width])
        arrival[k] = max(0.0, ws[q + 2 * width])
        expected += arrival[k] * lengths[k]
    return expected


@loop
def _round_at_random(keys, i, n, value):
    """Return a neighbouring whole number whose mean is the value."""
    low = math.floor(max(0.0, value))
    if value == low:
        return low, n
    return (low + 1.0 if uniform(keys, i, n) < value - low else low), n + 1
