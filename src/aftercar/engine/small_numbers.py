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

from aftercar.engine.draws import binomial, geometric_sum, poisson, uniform
from aftercar.engine.indices import ROW_U, TURNOVER, WIDTH
from aftercar.engine.jit import call, loop
from aftercar.engine.lanes import dense_state

# mypy: allow-untyped-defs, allow-untyped-calls

PIECES = 4
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
def _draw_arrivals(keys, i, n, birth, death, arrival, lengths):
    """Return the heads at the end that descend from arrivals within the step, and the next position."""
    total = 0.0
    pieces = lengths.shape[0]
    rest = np.zeros(pieces)
    for k in range(pieces):
        comers, n = poisson(keys, i, n, arrival[k] * lengths[k])
        for _ in range(int(comers)):
            for later in range(pieces):
                rest[later] = lengths[later] if later > k else 0.0
            rest[k] = lengths[k] * uniform(keys, i, n)
            n += 1
            born, n = draw_births_and_deaths(keys, i, n, 1.0, birth, death, rest)
            total += born
    return total, n


@loop
def few_heads(sizes, ws, lane, slots, thresholds):
    """Tell whether a counted state is below its threshold at the beginning or the end of the step."""
    width = sizes[WIDTH]
    for c in range(slots.shape[0]):
        q = slots[c] * width + lane
        if ws[q] < thresholds[c] or ws[sizes[ROW_U] * width + q] < thresholds[c]:
            return True
    return False


@loop
def redraw_counted(
    functions, sizes, ws, a, base, lane, t, length, used, slots, thresholds, keys, i, n, rates, ends, floors
):
    """Draw the counted states at the end of a step where there are few.

    `length` is the part of the step of size `used` that is kept. On entry `ends` holds the continuous values at its
    end, on return the drawn ones. Returns the position in the patient's stream.
    """
    width = sizes[WIDTH]
    row = 3 * slots.shape[0]
    for piece in range(PIECES):
        theta = (piece + 0.5) / PIECES * length / used
        dense_state(ws, sizes, lane, theta, a, base, t + theta * used, floors)
        call(functions[TURNOVER], a, base, rates, piece * row)
    lengths = np.full(PIECES, length / PIECES)
    birth, death, arrival = np.zeros(PIECES), np.zeros(PIECES), np.zeros(PIECES)
    for c in range(slots.shape[0]):
        old = ws[slots[c] * width + lane]
        expected = 0.0
        for k in range(PIECES):
            birth[k] = max(0.0, rates[k * row + 3 * c])
            death[k] = max(0.0, rates[k * row + 3 * c + 1])
            arrival[k] = max(0.0, rates[k * row + 3 * c + 2])
            expected += arrival[k] * lengths[k]
        if old >= thresholds[c] or expected > _MANY_ARRIVALS:
            if ends[c] < thresholds[c]:
                ends[c], n = _round_at_random(keys, i, n, ends[c])
            continue
        heads, n = _round_at_random(keys, i, n, old)
        stayed, n = draw_births_and_deaths(keys, i, n, heads, birth, death, lengths)
        came, n = _draw_arrivals(keys, i, n, birth, death, arrival, lengths)
        ends[c] = stayed + came
    return n


@loop
def _round_at_random(keys, i, n, value):
    """Return a neighbouring whole number whose mean is the value."""
    low = math.floor(max(0.0, value))
    if value == low:
        return low, n
    return (low + 1.0 if uniform(keys, i, n) < value - low else low), n + 1
