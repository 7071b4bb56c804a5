"""Events of one patient: finding when a trigger changes, waiting, and acting in the order of priorities.

The rules are those of SBML level 3 version 2, section 4.11. All functions are compiled and work on arrays; the columns
of `table` are listed in `indices`, a row of `assignments` is (slot of the target, has scale).
"""

from __future__ import annotations

import math

import numpy as np

from aftercar.engine.draws import uniform
from aftercar.engine.indices import (
    ACTED,
    ASSIGNED,
    COUNT,
    CROSSINGS,
    DELAYS,
    DONE,
    DRAWS,
    EVENT_STORM,
    FIRST,
    FROM_TRIGGER,
    HAS_DELAY,
    HAS_PRIORITY,
    INITIAL_VALUE,
    N_CROSSINGS,
    N_PARAMETERS,
    N_STATES,
    NOT_FINITE,
    PERSISTENT,
    PRIORITIES,
    SCALES,
    TRIGGERS,
)
from aftercar.engine.jit import call, loop
from aftercar.engine.lanes import dense_state

# mypy: allow-untyped-defs, allow-untyped-calls

# Looks within a step, so that a condition that holds for a part of it is not missed.
_LOOKS = 8
# So many actions at one moment mean that events trigger each other for ever.
_AT_MOST = 10_000


@loop
def forget_events(table, lane, was, due_at, due_event):
    """Set the triggers of a lane to what they are held to be before the start, and empty its queue."""
    for e in range(table.shape[0]):
        was[lane, e] = 1.0 if table[e, INITIAL_VALUE] else 0.0
    for k in range(due_at.shape[1]):
        due_at[lane, k] = np.inf
        due_event[lane, k] = -1


@loop
def next_pending(due_at, lane):
    """Return when the next waiting event of a lane is due."""
    soonest = np.inf
    for k in range(due_at.shape[1]):
        soonest = min(soonest, due_at[lane, k])
    return soonest


@loop
def _differs(functions, ws, sizes, lane, theta, t, trial, crossed, now, floors):
    dense_state(ws, sizes, lane, theta, trial, 0, t, floors)
    call(functions[CROSSINGS], trial, 0, now, 0)
    for e in range(sizes[N_CROSSINGS]):
        if now[0, e] != crossed[lane, e]:
            return True
    return False


@loop
def earliest_change(functions, sizes, ws, lane, t, h, target, trial, crossed, a, base, work, floors):
    """Return the fraction of the step at which a condition first has another value than before; 2 if none has."""
    for k in range(1 + sizes[N_STATES], 1 + sizes[N_STATES] + sizes[N_PARAMETERS]):
        trial[k] = a[base + k]
    low, high = 0.0, 2.0
    for look in range(1, _LOOKS + 1):
        theta = look / _LOOKS
        moment = target if look == _LOOKS else t + theta * h
        if _differs(functions, ws, sizes, lane, theta, moment, trial, crossed, work, floors):
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
        if _differs(functions, ws, sizes, lane, middle, t + middle * h, trial, crossed, work, floors):
            high = middle
        else:
            low = middle
    return high


@loop
def process_events(
    functions, table, assignments, a, base, lane, was, due_at, due_event, due_value, work, keys, i, whole
):
    """Let everything happen that is due at this moment. Returns ACTED, DONE if nothing happened, or why it failed."""
    result = DONE
    for _ in range(_AT_MOST):
        code = _read_triggers(functions, table, a, base, lane, was, due_at, due_event, due_value, work)
        if code != DONE:
            return code
        chosen = _choose(functions, table, a, base, lane, due_at, due_event, work, keys, i, whole)
        if chosen < 0:
            return result
        e = due_event[lane, chosen]
        if table[e, FROM_TRIGGER]:
            for k in range(assignments.shape[0]):
                work[1, k] = due_value[lane, chosen, k]
        else:
            call(functions[ASSIGNED], a, base, work, work.shape[1])
        due_at[lane, chosen] = np.inf
        due_event[lane, chosen] = -1
        _assign(functions, table, assignments, e, a, base, work)
        result = ACTED
    return EVENT_STORM


@loop
def _read_triggers(functions, table, a, base, lane, was, due_at, due_event, due_value, work):
    width = work.shape[1]
    call(functions[TRIGGERS], a, base, work, 0)
    for e in range(table.shape[0]):
        if work[0, e] > was[lane, e]:
            delay = 0.0
            if table[e, HAS_DELAY]:
                call(functions[DELAYS], a, base, work, 2 * width)
                delay = work[2, e]
                if not (math.isfinite(delay) and delay >= 0.0):
                    return NOT_FINITE
            place = 0
            while place < due_event.shape[1] and due_event[lane, place] >= 0:
                place += 1
            if place == due_event.shape[1]:
                return EVENT_STORM
            due_event[lane, place] = e
            due_at[lane, place] = a[base] + delay
            if table[e, FROM_TRIGGER]:
                call(functions[ASSIGNED], a, base, work, 2 * width)
                for k in range(table[e, FIRST], table[e, FIRST] + table[e, COUNT]):
                    due_value[lane, place, k] = work[2, k]
        elif work[0, e] < was[lane, e] and not table[e, PERSISTENT]:
            for k in range(due_event.shape[1]):
                if due_event[lane, k] == e:
                    due_event[lane, k] = -1
                    due_at[lane, k] = np.inf
        was[lane, e] = work[0, e]
    return DONE


@loop
def _choose(functions, table, a, base, lane, due_at, due_event, work, keys, i, whole):
    """Return the place of the waiting event that acts next, or -1. Equal priorities are drawn by lot."""
    chosen, best, equals = -1, -np.inf, 0
    asked = False
    for k in range(due_event.shape[1]):
        e = due_event[lane, k]
        if e < 0 or due_at[lane, k] > a[base]:
            continue
        if not asked:
            call(functions[PRIORITIES], a, base, work, 3 * work.shape[1])
            asked = True
        priority = work[3, e] if table[e, HAS_PRIORITY] else -np.inf
        if chosen < 0 or priority > best:
            chosen, best, equals = k, priority, 1
        elif priority == best:
            equals += 1
            whole[lane, DRAWS] += 1
            if uniform(keys, i, whole[lane, DRAWS] - 1) * equals < 1.0:
                chosen = k
    return chosen


@loop
def _assign(functions, table, assignments, e, a, base, work):
    """Give all targets of an event their values at once; a concentration counts in the volume before the event."""
    first, count = table[e, FIRST], table[e, COUNT]
    for k in range(first, first + count):
        if assignments[k, 1]:
            call(functions[SCALES], a, base, work, 2 * work.shape[1])
            break
    for k in range(first, first + count):
        a[base + 1 + assignments[k, 0]] = work[1, k] * work[2, k] if assignments[k, 1] else work[1, k]
