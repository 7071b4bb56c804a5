"""Events of one patient: finding when a trigger changes, waiting, and acting in the order of priorities.

The rules are those of SBML level 3 version 2, section 4.11. All functions are compiled and work on arrays; a row of
`event_table` is (has delay, has priority, persistent, initial value, values from trigger time, first assignment,
number of assignments), a row of `assignment_table` is (slot of the target, has scale).
"""

from __future__ import annotations

import math

import numpy as np

from aftercar.engine.draws import uniform
from aftercar.engine.jit import call, loop

HAS_DELAY, HAS_PRIORITY, PERSISTENT, INITIAL_VALUE, FROM_TRIGGER, FIRST, COUNT = range(7)

_TRIGGERS, _DELAYS, _PRIORITIES, _ASSIGNED, _SCALES, _CROSSINGS = 8, 9, 10, 11, 12, 14
# Looks within a step, so that a trigger that is true for a part of it is not missed.
_LOOKS = 8
_AT_MOST = 10_000
ACTED = -1
_STORM = 5
_NOT_FINITE = 3


@loop
def enqueue_start(event_table, was, pending_time, pending_event):  # type: ignore[no-untyped-def]
    """Set the triggers to what they are held to be before the start, and empty the queue."""
    for e in range(event_table.shape[0]):
        was[e] = 1.0 if event_table[e, INITIAL_VALUE] else 0.0
    pending_time[:] = np.inf
    pending_event[:] = -1


@loop
def next_pending(pending_time):  # type: ignore[no-untyped-def]
    """Return when the next waiting event is due."""
    soonest = np.inf
    for k in range(pending_time.shape[0]):
        soonest = min(soonest, pending_time[k])
    return soonest


@loop
def _state_at(ws, sizes, lane, theta, t, a):  # type: ignore[no-untyped-def]
    width, n = sizes[0], sizes[1]
    u, d = sizes[9] * width + lane, sizes[10] * width + lane
    rest = 1.0 - theta
    a[0] = t
    for j in range(n):
        q = j * width
        inner = ws[d + q] + theta * (ws[d + n * width + q] + theta * ws[d + 2 * n * width + q])
        a[1 + j] = rest * ws[q + lane] + theta * (ws[u + q] + rest * inner)


@loop
def _differs(functions, ws, sizes, lane, theta, t, a, was, now):  # type: ignore[no-untyped-def]
    _state_at(ws, sizes, lane, theta, t, a)
    call(functions[_CROSSINGS], a, now)
    for e in range(sizes[18]):
        if now[e] != was[e]:
            return True
    return False


@loop
def earliest_change(functions, sizes, ws, lane, t, h, target, trial, was, mine, work):  # type: ignore[no-untyped-def]
    """Return the fraction of the step at which a condition first has another value than before; 2 if none has."""
    for k in range(1 + sizes[1], 1 + sizes[1] + sizes[2]):
        trial[k] = mine[k]
    low, high = 0.0, 2.0
    for look in range(1, _LOOKS + 1):
        theta = look / _LOOKS
        moment = target if look == _LOOKS else t + theta * h
        if _differs(functions, ws, sizes, lane, theta, moment, trial, was, work[0]):
            high = theta
            break
        low = theta
    if high > 1.0:
        return 2.0
    resolution = 4e-16 * max(abs(t), h) / h
    while high - low > resolution:
        middle = 0.5 * (low + high)
        if middle <= low or middle >= high:
            break
        if _differs(functions, ws, sizes, lane, middle, t + middle * h, trial, was, work[0]):
            high = middle
        else:
            low = middle
    return high


@loop
def process_events(functions, table, assignments, a, was, pending_time, pending_event, pending_value, work, key, counters, lane):  # type: ignore[no-untyped-def]
    """Let everything happen that is due at this moment. Returns ACTED, 0 if nothing happened, or a status code."""
    t = a[0]
    result = 0
    for _ in range(_AT_MOST):
        code = _read_triggers(functions, table, a, was, pending_time, pending_event, pending_value, work)
        if code != 0:
            return code
        chosen = _choose(functions, table, a, t, pending_time, pending_event, work, key, counters, lane)
        if chosen < 0:
            return result
        e = pending_event[chosen]
        if table[e, FROM_TRIGGER]:
            work[1, : assignments.shape[0]] = pending_value[chosen, : assignments.shape[0]]
        else:
            call(functions[_ASSIGNED], a, work[1])
        pending_time[chosen] = np.inf
        pending_event[chosen] = -1
        _assign(functions, table, assignments, e, a, work)
        result = ACTED
    return _STORM


@loop
def _read_triggers(functions, table, a, was, pending_time, pending_event, pending_value, work):  # type: ignore[no-untyped-def]
    now = work[0]
    call(functions[_TRIGGERS], a, now)
    for e in range(table.shape[0]):
        if now[e] > was[e]:
            delay = 0.0
            if table[e, HAS_DELAY]:
                call(functions[_DELAYS], a, work[2])
                delay = work[2, e]
                if not (math.isfinite(delay) and delay >= 0.0):
                    return _NOT_FINITE
            place = -1
            for k in range(pending_event.shape[0]):
                if pending_event[k] < 0:
                    place = k
                    break
            if place < 0:
                return _STORM
            pending_event[place] = e
            pending_time[place] = a[0] + delay
            if table[e, FROM_TRIGGER]:
                call(functions[_ASSIGNED], a, work[2])
                pending_value[place, :] = work[2, : pending_value.shape[1]]
        elif now[e] < was[e] and not table[e, PERSISTENT]:
            for k in range(pending_event.shape[0]):
                if pending_event[k] == e:
                    pending_event[k] = -1
                    pending_time[k] = np.inf
        was[e] = now[e]
    return 0


@loop
def _choose(functions, table, a, t, pending_time, pending_event, work, key, counters, lane):  # type: ignore[no-untyped-def]
    """Return the place of the waiting event that acts next, or -1. Equal priorities are drawn by lot."""
    chosen, best, equals = -1, -np.inf, 0
    asked = False
    for k in range(pending_event.shape[0]):
        e = pending_event[k]
        if e < 0 or pending_time[k] > t:
            continue
        if not asked:
            call(functions[_PRIORITIES], a, work[3])
            asked = True
        priority = work[3, e] if table[e, HAS_PRIORITY] else -np.inf
        if chosen < 0 or priority > best:
            chosen, best, equals = k, priority, 1
        elif priority == best:
            equals += 1
            counters[lane] += 1
            if uniform(key, counters[lane] - 1) * equals < 1.0:
                chosen = k
    return chosen


@loop
def _assign(functions, table, assignments, e, a, work):  # type: ignore[no-untyped-def]
    """Give all targets of an event their values at once; a concentration counts in the volume before the event."""
    first, count = table[e, FIRST], table[e, COUNT]
    for k in range(first, first + count):
        if assignments[k, 1]:
            call(functions[_SCALES], a, work[2])
            break
    for k in range(first, first + count):
        a[1 + assignments[k, 0]] = work[1, k] * work[2, k] if assignments[k, 1] else work[1, k]
