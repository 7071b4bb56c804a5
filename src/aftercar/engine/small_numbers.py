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
from aftercar.engine.jit import call, loop

PIECES = 4
_TURNOVER = 13
# With more arrivals in one step than this their relative noise is below 0.3%: the mean path is taken.
_MANY_ARRIVALS = 1e5


@loop
def birth_death_law(birth, death, lengths):  # type: ignore[no-untyped-def]
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
def draw_births_and_deaths(key, n, heads, birth, death, lengths):  # type: ignore[no-untyped-def]
    """Return how many there are after the pieces, beginning with `heads`, and the next position in the stream."""
    if heads <= 0.0:
        return 0.0, n
    p0, eta = birth_death_law(birth, death, lengths)
    lines, n = binomial(key, n, heads, 1.0 - p0)
    more, n = geometric_sum(key, n, lines, eta)
    return lines + more, n


@loop
def _draw_arrivals(key, n, birth, death, arrival, lengths):  # type: ignore[no-untyped-def]
    """Return the heads at the end that descend from arrivals within the step, and the next position."""
    total = 0.0
    pieces = lengths.shape[0]
    rest = np.zeros(pieces)
    for k in range(pieces):
        comers, n = poisson(key, n, arrival[k] * lengths[k])
        for _ in range(int(comers)):
            rest[:k] = 0.0
            rest[k] = lengths[k] * uniform(key, n)
            n += 1
            rest[k + 1 :] = lengths[k + 1 :]
            born, n = draw_births_and_deaths(key, n, 1.0, birth, death, rest)
            total += born
    return total, n


@loop
def _rates_along(functions, sizes, ws, a, lane, t, h, used, rates):  # type: ignore[no-untyped-def]
    """Fill rates[piece, :] with (birth, death, arrival) of all counted states at the middle of each piece."""
    width, n = sizes[0], sizes[1]
    u, d = sizes[9] * width + lane, sizes[10] * width + lane
    for piece in range(PIECES):
        theta = (piece + 0.5) / PIECES * h / used
        rest = 1.0 - theta
        a[0] = t + theta * used
        for j in range(n):
            q = j * width
            inner = ws[d + q] + theta * (ws[d + n * width + q] + theta * ws[d + 2 * n * width + q])
            a[1 + j] = rest * ws[q + lane] + theta * (ws[u + q] + rest * inner)
        call(functions[_TURNOVER], a, rates[piece])


@loop
def redraw_counted(functions, sizes, ws, a, lane, t, h, used, slots, thresholds, key, n, rates):  # type: ignore[no-untyped-def]
    """Replace the counted states at the end of a step by draws, where there are few. Returns the stream's position."""
    width = sizes[0]
    few = False
    for c in range(slots.shape[0]):
        few = few or ws[slots[c] * width + lane] < thresholds[c] or ws[(sizes[9] + slots[c]) * width + lane] < thresholds[c]
    if not few:
        return n
    _rates_along(functions, sizes, ws, a, lane, t, h, used, rates)
    lengths = np.full(PIECES, h / PIECES)
    birth, death, arrival = np.zeros(PIECES), np.zeros(PIECES), np.zeros(PIECES)
    for c in range(slots.shape[0]):
        old, new = ws[slots[c] * width + lane], (sizes[9] + slots[c]) * width + lane
        if old >= thresholds[c]:
            if ws[new] < thresholds[c]:
                ws[new], n = _round_at_random(key, n, ws[new])
            continue
        expected = 0.0
        for k in range(PIECES):
            birth[k] = max(0.0, rates[k, 3 * c])
            death[k] = max(0.0, rates[k, 3 * c + 1])
            arrival[k] = max(0.0, rates[k, 3 * c + 2])
            expected += arrival[k] * lengths[k]
        if expected > _MANY_ARRIVALS:
            ws[new], n = _round_at_random(key, n, ws[new])
            continue
        heads, n = _round_at_random(key, n, old)
        stayed, n = draw_births_and_deaths(key, n, heads, birth, death, lengths)
        came, n = _draw_arrivals(key, n, birth, death, arrival, lengths)
        ws[new] = stayed + came
    return n


@loop
def _round_at_random(key, n, value):  # type: ignore[no-untyped-def]
    """Return a neighbouring whole number whose mean is the value."""
    low = math.floor(max(0.0, value))
    if value == low:
        return low, n
    return (low + 1.0 if uniform(key, n) < value - low else low), n + 1
