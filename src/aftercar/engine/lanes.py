"""Moving one patient's numbers between the lanes of a batch and a flat array of its own.

The flat array of a lane holds [time, states, parameters, rules] from position `base`.
"""

from __future__ import annotations

import math

import numpy as np

from aftercar.engine.indices import (
    HOIST,
    N_CONSTANTS,
    N_PARAMETERS,
    N_STATES,
    N_STOPS,
    OBSERVE,
    ROW_CONSTANTS,
    ROW_DENSE,
    ROW_U,
    SLOPE,
    STOPS,
    WANTS_RULES,
    WIDTH,
)
from aftercar.engine.jit import call, loop

# mypy: allow-untyped-defs, allow-untyped-calls


@loop
def gather(ws, sizes, lane, a, base, t):
    """Copy a lane's states and time into its flat array."""
    width = sizes[WIDTH]
    a[base] = t
    for j in range(sizes[N_STATES]):
        a[base + 1 + j] = ws[j * width + lane]


@loop
def scatter(functions, sizes, ws, lane, a, base, scratch, renew):
    """Copy states from the flat array into the lane, and with `renew` compute again what depends on parameters."""
    width = sizes[WIDTH]
    for j in range(sizes[N_STATES]):
        ws[j * width + lane] = a[base + 1 + j]
    if not renew:
        return
    call(functions[HOIST], a, base, scratch, 0)
    first = sizes[ROW_CONSTANTS] * width + lane
    for k in range(sizes[N_CONSTANTS]):
        ws[first + k * width] = scratch[k]


@loop
def interpolate(ws, q, u, d, block, theta):
    """Return the dense output of the value at `q`, from the end of the step at `u` and three blocks from `d` on."""
    d += q
    inner = ws[d] + theta * (ws[d + block] + theta * ws[d + 2 * block])
    rest = 1.0 - theta
    return rest * ws[q] + theta * (ws[u + q] + rest * inner)


@loop
def dense_value(ws, sizes, lane, j, theta, floors):
    """Return state j at a fraction `theta` of the last step, not below its floor."""
    width = sizes[WIDTH]
    u, d, block = sizes[ROW_U] * width, sizes[ROW_DENSE] * width, sizes[N_STATES] * width
    return max(interpolate(ws, j * width + lane, u, d, block, theta), floors[j])


@loop
def dense_state(ws, sizes, lane, theta, a, base, t, floors):
    """Fill a flat array with all states at a fraction `theta` of the last step."""
    a[base] = t
    for j in range(sizes[N_STATES]):
        a[base + 1 + j] = dense_value(ws, sizes, lane, j, theta, floors)


@loop
def record(functions, sizes, a, base, columns, out, i, k):
    """Write the requested columns of one moment from the flat array."""
    if sizes[WANTS_RULES]:
        call(functions[OBSERVE], a, base, a, base + 1 + sizes[N_STATES] + sizes[N_PARAMETERS])
    for c in range(columns.shape[0]):
        out[i, k, c] = a[base + 1 + columns[c]]


@loop
def starting_step(functions, sizes, a, base, scratch, atol, rtol, span):
    """Guess a step over which the fastest state moves by a hundredth of its size (Hairer & Wanner I, II.4)."""
    call(functions[SLOPE], a, base, scratch, 0)
    size, speed = 0.0, 0.0
    for j in range(sizes[N_STATES]):
        scale = atol[j] + rtol * abs(a[base + 1 + j])
        size = max(size, abs(a[base + 1 + j]) / scale)
        speed = max(speed, abs(scratch[j]) / scale)
    if speed == 0.0:
        return span
    if not speed < 1e300:
        return 1e-6 * span
    return min(span, 0.01 * max(size, 1.0) / speed)


@loop
def next_stop(functions, sizes, a, base, scratch, t, end):
    """Return the next moment known in advance at which a condition changes; infinity if that is after `end`."""
    call(functions[STOPS], a, base, scratch, 0)
    found = np.inf
    for k in range(sizes[N_STOPS]):
        if scratch[k] > t and scratch[k] <= end:
            end, found = scratch[k], scratch[k]
    return found


@loop
def all_finite(a, base, n):
    """Tell whether n values are numbers."""
    for k in range(base, base + n):
        if not math.isfinite(a[k]):
            return False
    return True


@loop
def give_doses(a, base, t, times, row_t, amounts, row_x, position, slots, kinds):
    """Apply all doses up to `t`; return the position of the next one."""
    while position < times.shape[1] and times[row_t, position] <= t:
        k = base + 1 + slots[position]
        if kinds[position] == 0:
            a[k] += amounts[row_x, position]
        else:
            a[k] = amounts[row_x, position]
        position += 1
    return position
