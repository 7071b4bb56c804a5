"""The loop that takes patients through time, several at once, each with its own step size.

A lane is a place in the vector registers. It carries one patient; when that patient is done, the next one takes the
place. Lanes share nothing but the instruction stream: time, step, error and events are each patient's own, so that a
patient's result has the same bits in whatever company it is computed.
"""

from __future__ import annotations

import math

import numpy as np

from aftercar.engine.events import earliest_change, enqueue_start, next_pending, process_events
from aftercar.engine.jit import call, loop
from aftercar.engine.small_numbers import PIECES, redraw_counted

# Why a patient stopped. 0 is the end of the time asked for.
DONE, STEP_BUDGET, STEP_TOO_SMALL, NOT_FINITE, BELOW_ZERO, EVENT_STORM = range(6)

STATUS_WORDS = (
    "end of time",
    "step budget spent",
    "step size fell below the resolution of time",
    "a value is not finite",
    "a state that may not be negative is driven below zero",
    "events trigger each other without end",
)

# Positions in the array of function addresses.
(STEP, DENSE, COMMIT, HOIST, SLOPE, INITIAL, OBSERVE, STOPS, TRIGGERS, DELAYS, PRIORITIES, ASSIGNED, SCALES,
 TURNOVER, CROSSINGS) = range(15)  # fmt: skip
FUNCTIONS = (
    "step", "dense", "commit", "hoist", "slope", "initial", "observe", "stops", "triggers", "delays", "priorities",
    "assigned", "scales", "turnover", "crossings",
)  # fmt: skip

# Positions in the array of sizes.
(WIDTH, N_STATES, N_PARAMETERS, N_RULES, N_CONSTANTS, N_STOPS, N_EVENTS, N_ASSIGNMENTS, N_COUNTED, ROW_U, ROW_DENSE,
 ROW_ATOL, ROW_CONSTANTS, ROW_CONTROL, N_ROWS, WANTS_RULES, MAX_STEPS, KEEP_FINAL, N_CROSSINGS) = range(19)  # fmt: skip

# Rows of the control block: see layout.CONTROL.
_T, _H, _RTOL, _ERROR, _NEGATIVE, _LOSS, _ACCEPTED = range(7)

_SAFETY = 0.9
_GROW_AT_MOST = 8.0
_SHRINK_AT_MOST = 0.1
# A pivot that lost ten of sixteen digits leaves six: as many as the tightest usual tolerance needs.
_PIVOT_LOSS_ALLOWED = 1e10


@loop
def gather(ws, a, lane, width, n_states, t):  # type: ignore[no-untyped-def]
    """Copy a lane's states and time into its scalar array."""
    a[0] = t
    for j in range(n_states):
        a[1 + j] = ws[j * width + lane]


@loop
def scatter(functions, sizes, ws, a, scratch, lane):  # type: ignore[no-untyped-def]
    """Copy states from the scalar array into the lane, and renew what depends on parameters."""
    width, n_states = sizes[WIDTH], sizes[N_STATES]
    for j in range(n_states):
        ws[j * width + lane] = a[1 + j]
    call(functions[HOIST], a, scratch)
    base = sizes[ROW_CONSTANTS] * width + lane
    for k in range(sizes[N_CONSTANTS]):
        ws[base + k * width] = scratch[k]


@loop
def dense_state(ws, sizes, lane, theta, a, t):  # type: ignore[no-untyped-def]
    """Fill the scalar array with the states at a fraction `theta` of the last step."""
    width, n = sizes[WIDTH], sizes[N_STATES]
    u, d = sizes[ROW_U] * width + lane, sizes[ROW_DENSE] * width + lane
    rest = 1.0 - theta
    a[0] = t
    for j in range(n):
        q = j * width
        inner = ws[d + q] + theta * (ws[d + n * width + q] + theta * ws[d + 2 * n * width + q])
        a[1 + j] = rest * ws[q + lane] + theta * (ws[u + q] + rest * inner)


@loop
def record(functions, sizes, a, columns, out):  # type: ignore[no-untyped-def]
    """Write the requested columns of one moment."""
    if sizes[WANTS_RULES]:
        call(functions[OBSERVE], a, a[1 + sizes[N_STATES] + sizes[N_PARAMETERS] :])
    for k in range(columns.shape[0]):
        out[k] = a[1 + columns[k]]


@loop
def record_dense(ws, sizes, lane, theta, columns, out):  # type: ignore[no-untyped-def]
    """Write requested states at a fraction of the last step, where no rule is asked for."""
    width, n = sizes[WIDTH], sizes[N_STATES]
    u, d = sizes[ROW_U] * width + lane, sizes[ROW_DENSE] * width + lane
    rest = 1.0 - theta
    for k in range(columns.shape[0]):
        q = columns[k] * width
        inner = ws[d + q] + theta * (ws[d + n * width + q] + theta * ws[d + 2 * n * width + q])
        out[k] = rest * ws[q + lane] + theta * (ws[u + q] + rest * inner)


@loop
def starting_step(functions, sizes, a, scratch, atol, rtol, span):  # type: ignore[no-untyped-def]
    """Guess a step over which the fastest state moves by a hundredth of its size (Hairer & Wanner I, II.4)."""
    call(functions[SLOPE], a, scratch)
    size, speed = 0.0, 0.0
    for j in range(sizes[N_STATES]):
        scale = atol[j] + rtol * abs(a[1 + j])
        size = max(size, abs(a[1 + j]) / scale)
        speed = max(speed, abs(scratch[j]) / scale)
    if speed == 0.0:
        return span
    if not speed < 1e300:
        return 1e-6 * span
    return min(span, 0.01 * max(size, 1.0) / speed)


@loop
def next_stop(functions, sizes, a, scratch, t, end):  # type: ignore[no-untyped-def]
    """Return the next moment known in advance at which a condition changes, or `end`."""
    if sizes[N_STOPS] == 0:
        return end
    call(functions[STOPS], a, scratch)
    for k in range(sizes[N_STOPS]):
        if scratch[k] > t and scratch[k] < end:
            end = scratch[k]
    return end


@loop
def all_finite(a, n):  # type: ignore[no-untyped-def]
    """Tell whether the first n values are numbers."""
    for k in range(n):
        if not math.isfinite(a[k]):
            return False
    return True


@loop
def give_doses(a, t, schedule, row_t, row_x, position, times, slots, kinds, amounts):  # type: ignore[no-untyped-def]
    """Apply all doses up to `t`; return the position of the next one."""
    while position < schedule and times[row_t, position] <= t:
        k = slots[position]
        if kinds[position] == 0:
            a[1 + k] += amounts[row_x, position]
        else:
            a[1 + k] = amounts[row_x, position]
        position += 1
    return position


@loop
def integrate(  # type: ignore[no-untyped-def]
    functions, sizes, first, last, given, flags, starts, ends, times, dose_times, dose_slots, dose_kinds,
    dose_amounts, atol, rtol, longest, columns, event_table, assignment_table, counted_table, thresholds, keys,
    ws, out, status, counts, stopped, final,
):  # fmt: skip
    """Take patients `first` to `last` (exclusive) from their start to their end. See `simulate` for the arguments."""
    width, n = sizes[WIDTH], sizes[N_STATES]
    n_a = 1 + n + sizes[N_PARAMETERS] + sizes[N_RULES]
    n_times, n_doses = times.shape[1], dose_times.shape[1]
    n_events = sizes[N_EVENTS]
    control = sizes[ROW_CONTROL] * width
    a = np.zeros((width, n_a))
    trial = np.zeros(n_a)
    scratch = np.zeros(max(sizes[N_CONSTANTS], n, sizes[N_STOPS], 1) + 8)
    t, h, used, end = np.zeros(width), np.ones(width), np.ones(width), np.zeros(width)
    target = np.zeros(width)
    patient = np.full(width, -1)
    dose, shown = np.zeros(width, np.int64), np.zeros(width, np.int64)
    taken, refused = np.zeros(width, np.int64), np.zeros(width, np.int64)
    streak = np.zeros(width, np.int64)
    fresh = np.zeros(width, np.int64)
    was, crossed = np.zeros((width, n_events + 1)), np.zeros((width, sizes[N_CROSSINGS] + 1))
    places = 32 + 4 * n_events if n_events > 0 else 1
    pending_time = np.full((width, places), np.inf)
    pending_event = np.full((width, places), -1)
    pending_value = np.zeros((width, places, sizes[N_ASSIGNMENTS] + 1))
    work = np.zeros((4, max(n_events, sizes[N_ASSIGNMENTS], sizes[N_CROSSINGS]) + 1))
    rates = np.zeros((PIECES, 3 * sizes[N_COUNTED] + 1))
    counters = np.zeros(width, np.int64)
    following = first
    active = 0
    for lane in range(width):
        for j in range(n):
            ws[(sizes[ROW_ATOL] + j) * width + lane] = atol[j]
        ws[control + _RTOL * width + lane] = rtol
        ws[control + _H * width + lane] = 1.0
        fresh[lane] = 1
    while True:
        # Places that are free take the next patient.
        for lane in range(width):
            while fresh[lane] == 1:
                patient[lane] = -1
                if following >= last:
                    fresh[lane] = 0
                    ws[control + _H * width + lane] = 1.0
                    break
                i = following
                following += 1
                fresh[lane] = 0
                row = i if starts.shape[0] > 1 else 0
                t[lane] = starts[row]
                end[lane] = ends[row]
                mine = a[lane]
                mine[0] = t[lane]
                given_row = i if given.shape[0] > 1 else 0
                for k in range(n + sizes[N_PARAMETERS]):
                    mine[1 + k] = given[given_row, k]
                call(functions[INITIAL], mine, flags)
                dose[lane], shown[lane], taken[lane], refused[lane], streak[lane] = 0, 0, 0, 0, 0
                counters[lane] = 0
                code = DONE
                row_t, row_x = (i if dose_times.shape[0] > 1 else 0), (i if dose_amounts.shape[0] > 1 else 0)
                dose[lane] = give_doses(
                    mine, t[lane], n_doses, row_t, row_x, 0, dose_times, dose_slots, dose_kinds, dose_amounts
                )
                if n_events > 0:
                    enqueue_start(event_table, was[lane], pending_time[lane], pending_event[lane])
                    code = process_events(
                        functions, event_table, assignment_table, mine, was[lane], pending_time[lane],
                        pending_event[lane], pending_value[lane], work, keys[i], counters, lane,
                    )  # fmt: skip
                    code = max(code, DONE)
                    call(functions[CROSSINGS], mine, crossed[lane])
                row_o = i if times.shape[0] > 1 else 0
                while shown[lane] < n_times and times[row_o, shown[lane]] <= t[lane]:
                    record(functions, sizes, mine, columns, out[i, shown[lane]])
                    shown[lane] += 1
                if code == DONE and not all_finite(mine, 1 + n):
                    code = NOT_FINITE
                if code != DONE or t[lane] >= end[lane]:
                    _finish(i, code, lane, t, taken, refused, mine, sizes, status, counts, stopped, final, out, shown)
                    fresh[lane] = 1
                    continue
                scatter(functions, sizes, ws, mine, scratch, lane)
                h[lane] = starting_step(functions, sizes, mine, scratch, atol, rtol, end[lane] - t[lane])
                patient[lane] = i
                active += 1
        if active == 0:
            break
        # Choose the steps.
        for lane in range(width):
            i = patient[lane]
            if i < 0:
                continue
            stop = end[lane]
            if dose[lane] < n_doses:
                stop = min(stop, dose_times[i if dose_times.shape[0] > 1 else 0, dose[lane]])
            if n_events > 0:
                stop = min(stop, next_pending(pending_time[lane]))
            stop = next_stop(functions, sizes, a[lane], scratch, t[lane], stop)
            step = min(h[lane], longest)
            room = stop - t[lane]
            if step * 1.0000001 >= room:
                step = room
                target[lane] = stop
            else:
                if 2.0 * step > room:
                    step = 0.5 * room
                target[lane] = t[lane] + step
            used[lane] = step
            ws[control + _T * width + lane] = t[lane]
            ws[control + _H * width + lane] = step
        call(functions[STEP], ws, scratch)
        # Judge them.
        need_dense = n_events > 0 or sizes[N_COUNTED] > 0
        for lane in range(width):
            i = patient[lane]
            ok = 0.0
            if i >= 0:
                error = ws[control + _ERROR * width + lane]
                if (
                    error <= 1.0
                    and ws[control + _NEGATIVE * width + lane] <= 0.0
                    and ws[control + _LOSS * width + lane] <= _PIVOT_LOSS_ALLOWED
                ):
                    ok = 1.0
                    row_o = i if times.shape[0] > 1 else 0
                    if shown[lane] < n_times and times[row_o, shown[lane]] < target[lane]:
                        need_dense = True
            ws[control + _ACCEPTED * width + lane] = ok
        if need_dense:
            call(functions[DENSE], ws, scratch)
        # What happened within the accepted steps.
        for lane in range(width):
            if ws[control + _ACCEPTED * width + lane] == 0.0:
                continue
            i = patient[lane]
            reached = target[lane]
            mine_before = a[lane]
            cut = 2.0
            if n_events > 0:
                cut = earliest_change(
                    functions, sizes, ws, lane, t[lane], used[lane], reached, trial, crossed[lane], mine_before, work
                )
                if cut < 1.0:
                    reached = t[lane] + cut * used[lane]
            row_o = i if times.shape[0] > 1 else 0
            while shown[lane] < n_times and times[row_o, shown[lane]] < reached:
                moment = times[row_o, shown[lane]]
                fraction = (moment - t[lane]) / used[lane]
                if sizes[WANTS_RULES] or columns.shape[0] == 0:
                    dense_state(ws, sizes, lane, fraction, a[lane], moment)
                    record(functions, sizes, a[lane], columns, out[i, shown[lane]])
                else:
                    record_dense(ws, sizes, lane, fraction, columns, out[i, shown[lane]])
                shown[lane] += 1
            if cut < 1.0:
                # The very state at which the trigger was seen to differ: another rounding might miss it again.
                dense_state(ws, sizes, lane, cut, trial, reached)
                for j in range(n):
                    ws[(sizes[ROW_U] + j) * width + lane] = trial[1 + j]
                target[lane] = reached
            if sizes[N_COUNTED] > 0:
                counters[lane] = redraw_counted(
                    functions, sizes, ws, a[lane], lane, t[lane], target[lane] - t[lane], used[lane], counted_table,
                    thresholds, keys[i], counters[lane], rates,
                )  # fmt: skip
        call(functions[COMMIT], ws, scratch)
        for lane in range(width):
            i = patient[lane]
            if i < 0:
                continue
            mine = a[lane]
            error = ws[control + _ERROR * width + lane]
            taken[lane] += 1
            code = DONE
            over = False
            if ws[control + _ACCEPTED * width + lane] > 0.0:
                factor = _GROW_AT_MOST
                if error > 0.0:
                    factor = min(_GROW_AT_MOST, max(0.2, _SAFETY * error ** (-0.2)))
                if streak[lane] > 0:
                    factor = min(factor, 1.0)
                h[lane] = max(used[lane] * factor, h[lane] if used[lane] < h[lane] else 0.0)
                streak[lane] = 0
                t[lane] = target[lane]
                before = dose[lane]
                row_t, row_x = (i if dose_times.shape[0] > 1 else 0), (i if dose_amounts.shape[0] > 1 else 0)
                due = before < n_doses and dose_times[row_t, before] <= t[lane]
                if due or n_events > 0:
                    gather(ws, mine, lane, width, n, t[lane])
                    dose[lane] = give_doses(
                        mine, t[lane], n_doses, row_t, row_x, before, dose_times, dose_slots, dose_kinds, dose_amounts
                    )
                    changed = due
                    if n_events > 0:
                        code = process_events(
                            functions, event_table, assignment_table, mine, was[lane], pending_time[lane],
                            pending_event[lane], pending_value[lane], work, keys[i], counters, lane,
                        )  # fmt: skip
                        if code < 0:
                            changed = True
                            code = DONE
                        call(functions[CROSSINGS], mine, crossed[lane])
                    if changed:
                        if code == DONE and not all_finite(mine, 1 + n):
                            code = NOT_FINITE
                        scatter(functions, sizes, ws, mine, scratch, lane)
                        h[lane] = min(
                            h[lane],
                            starting_step(functions, sizes, mine, scratch, atol, rtol, end[lane] - t[lane]),
                        )
                row_o = i if times.shape[0] > 1 else 0
                if shown[lane] < n_times and times[row_o, shown[lane]] <= t[lane]:
                    gather(ws, mine, lane, width, n, t[lane])
                    while shown[lane] < n_times and times[row_o, shown[lane]] <= t[lane]:
                        record(functions, sizes, mine, columns, out[i, shown[lane]])
                        shown[lane] += 1
                over = t[lane] >= end[lane]
            else:
                refused[lane] += 1
                streak[lane] += 1
                factor = 0.25
                if error > 1.0 and error < 1e30:
                    factor = max(_SHRINK_AT_MOST, _SAFETY * error ** (-0.2))
                h[lane] = used[lane] * factor
                if h[lane] <= 1e-15 * abs(t[lane]) or h[lane] < 1e-280:
                    code = STEP_TOO_SMALL
                    if not math.isfinite(error):
                        code = NOT_FINITE
                    elif error <= 1.0 and ws[control + _NEGATIVE * width + lane] > 0.0:
                        code = BELOW_ZERO
            if code == DONE and not over and taken[lane] >= sizes[MAX_STEPS]:
                code = STEP_BUDGET
            if over or code != DONE:
                gather(ws, mine, lane, width, n, t[lane])
                _finish(i, code, lane, t, taken, refused, mine, sizes, status, counts, stopped, final, out, shown)
                patient[lane] = -1
                fresh[lane] = 1
                active -= 1


@loop
def _finish(i, code, lane, t, taken, refused, a, sizes, status, counts, stopped, final, out, shown):  # type: ignore[no-untyped-def]
    """Note how a patient ended. What was not reached stays NaN and the status says why."""
    status[i] = code
    counts[i, 0] = taken[lane]
    counts[i, 1] = refused[lane]
    stopped[i] = t[lane]
    if sizes[KEEP_FINAL]:
        for k in range(1 + sizes[N_STATES] + sizes[N_PARAMETERS]):
            final[i, k] = a[k]
    for k in range(shown[lane], out.shape[1]):
        for c in range(out.shape[2]):
            out[i, k, c] = np.nan
