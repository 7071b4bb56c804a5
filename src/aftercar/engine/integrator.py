"""The loop that takes patients through time, several at once, each with its own step size.

A lane is a place in the vector registers. It carries one patient; when that patient is done, the next one takes the
place. Lanes share nothing but the instruction stream: time, step, error and events are each patient's own, so that a
patient's result has the same bits in whatever company it is computed.

One round: free lanes take patients (`_admit`), every lane chooses its step, the generated `step` computes all of them,
each is judged on its own: what happened inside it, then what is due at its end (`_interrupt`).

`integrate` is one long function on purpose. Taken apart, it counts the arrays that it hands to its parts in and out at
every call; that made the whole integration 1.5 times slower (measured with plain arrays and with numba's inlining, 4
times with named tuples). What happens rarely has functions of its own.
"""

from __future__ import annotations

import math

import numpy as np

from aftercar.engine.events import earliest_change, forget_events, next_pending, process_events
from aftercar.engine.indices import (
    ACCEPTED,
    ACTED,
    BELOW_ZERO,
    COMMIT,
    CROSSINGS,
    DENSE,
    DONE,
    DOSE,
    DOSED,
    ERROR,
    FACTOR,
    FEW,
    FREE,
    INITIAL,
    KEEP_FINAL,
    LOSS,
    MAX_STEPS,
    N_ASSIGNMENTS,
    N_CONSTANTS,
    N_COUNTED,
    N_CROSSINGS,
    N_EVENTS,
    N_PARAMETERS,
    N_RULES,
    N_STATES,
    N_STOPS,
    N_WHOLE,
    NEGATIVE,
    NEGATIVES,
    NOT_FINITE,
    PATIENT,
    REFUSED,
    ROW_ATOL,
    ROW_CONTROL,
    ROW_DENSE,
    ROW_U,
    RTOL,
    SHOWN,
    STEP,
    STEP_BUDGET,
    STEP_TOO_SMALL,
    STREAK,
    TAKEN,
    WANTS_RULES,
    WIDTH,
    H,
    T,
)
from aftercar.engine.jit import call, loop
from aftercar.engine.lanes import (
    all_finite,
    dense_state,
    dense_value,
    gather,
    give_doses,
    interpolate,
    next_stop,
    record,
    scatter,
    starting_step,
)
from aftercar.engine.small_numbers import draw_small_numbers, few_heads

# mypy: allow-untyped-defs, allow-untyped-calls

# A pivot that lost ten of sixteen digits leaves six: as many as the tightest usual tolerance needs.
_PIVOT_LOSS_ALLOWED = 1e10
_ULP = 2.220446049250313e-16
# An error of less than this share of what is allowed says little about how long a step could have been.
_TELLING_ERROR = 1e-4
# The share of that step that the next dose begins with: with the whole of it, errors grew by a quarter.
_CAUTION = 0.6


@loop
def integrate(
    functions, sizes, first, last, given, flags, starts, ends, times, dose_times, dose_slots, dose_kinds,
    dose_amounts, atol, floors, rtol, longest, columns, event_table, assignment_table, counted, thresholds, keys,
    ws, out, status, counts, stopped, final,
):  # fmt: skip
    """Take patients `first` to `last` (exclusive) from their start to their end. See `run.Task` for the arguments."""
    width, n = sizes[WIDTH], sizes[N_STATES]
    n_a = 1 + n + sizes[N_PARAMETERS] + sizes[N_RULES]
    n_events, n_counted = sizes[N_EVENTS], sizes[N_COUNTED]
    control = sizes[ROW_CONTROL] * width
    row_u, row_d = sizes[ROW_U] * width, sizes[ROW_DENSE] * width
    a, trial = np.zeros(width * n_a), np.zeros(n_a)
    scratch = np.zeros(max(sizes[N_CONSTANTS], n, sizes[N_STOPS]) + 1)
    t, h, used, end, target = np.zeros(width), np.ones(width), np.ones(width), np.zeros(width), np.zeros(width)
    after_dose = np.zeros(width)
    edge = np.full(width, np.inf)
    whole = np.zeros((width, N_WHOLE), np.int64)
    was, crossed = np.zeros((width, n_events + 1)), np.zeros((width, sizes[N_CROSSINGS] + 1))
    places = 32 + 4 * n_events if n_events > 0 else 1
    due_at, due_event = np.full((width, places), np.inf), np.full((width, places), -1)
    due_value = np.zeros((width, places, sizes[N_ASSIGNMENTS] + 1))
    work = np.zeros((4, max(n_events, sizes[N_ASSIGNMENTS], sizes[N_CROSSINGS]) + 1))
    few, ends_counted = np.zeros((width, n_counted + 1)), np.zeros((width, n_counted + 1))
    cut = np.full(width, 2.0)
    plain = sizes[WANTS_RULES] == 0
    for lane in range(width):
        for j in range(n):
            ws[(sizes[ROW_ATOL] + j) * width + lane] = atol[j]
        ws[control + RTOL * width + lane] = rtol
        ws[control + H * width + lane] = 1.0
        whole[lane, FREE] = 1
        whole[lane, PATIENT] = -1
    following, active = first, 0
    while True:
        for lane in range(width):
            while whole[lane, FREE] == 1 and following < last:
                i = following
                following += 1
                code = _admit(
                    functions, sizes, lane, i, given, flags, starts, ends, times, dose_times, dose_slots, dose_kinds,
                    dose_amounts, atol, rtol, columns, event_table, assignment_table, keys, ws, out, a, scratch, t, h,
                    after_dose, end, whole, was, crossed, due_at, due_event, due_value, work,
                )  # fmt: skip
                if code == DONE and t[lane] < end[lane]:
                    active += 1
                else:
                    _finish(i, code, lane, t, whole, a, lane * n_a, sizes, status, counts, stopped, final, out)
            if whole[lane, FREE] == 1:
                ws[control + H * width + lane] = 1.0
        if active == 0:
            break
        for lane in range(width):
            i = whole[lane, PATIENT]
            if i < 0:
                continue
            stop = end[lane]
            if whole[lane, DOSE] < dose_times.shape[1]:
                stop = min(stop, dose_times[i if dose_times.shape[0] > 1 else 0, whole[lane, DOSE]])
            if n_events > 0:
                stop = min(stop, next_pending(due_at, lane))
            if n_counted > 0 and whole[lane, SHOWN] < times.shape[1]:
                # Whole numbers are drawn at the end of a step: outputs are wanted there, not between.
                stop = min(stop, times[i if times.shape[0] > 1 else 0, whole[lane, SHOWN]])
            edge[lane] = np.inf
            if sizes[N_STOPS] > 0:
                # Up to a moment at which the equations change, then on from just behind it: no stage may see the
                # other side.
                change = next_stop(functions, sizes, a, lane * n_a, scratch, t[lane], stop)
                if change <= stop:
                    edge[lane] = change
                    before = change - 4.0 * _ULP * abs(change)
                    stop = before if before > t[lane] else change
            step, room = min(h[lane], longest), stop - t[lane]
            if step * 1.0000001 >= room:
                step = room
                target[lane] = stop
            else:
                if 2.0 * step > room:  # two equal steps instead of one long and one short
                    step = 0.5 * room
                target[lane] = t[lane] + step
            used[lane] = step
            ws[control + T * width + lane] = t[lane]
            ws[control + H * width + lane] = step
        call(functions[STEP], ws, 0, scratch, 0)
        need_dense, any_few = n_events > 0, False
        for lane in range(width):
            i = whole[lane, PATIENT]
            q = control + lane
            good = (
                i >= 0
                and ws[q + ERROR * width] <= 1.0
                and ws[q + NEGATIVE * width] <= 0.0
                and ws[q + LOSS * width] <= _PIVOT_LOSS_ALLOWED
            )
            ws[q + ACCEPTED * width] = 1.0 if good else 0.0
            cut[lane] = 2.0
            whole[lane, FEW] = 0
            if good and n_counted > 0 and few_heads(sizes, ws, lane, counted, thresholds):
                whole[lane, FEW] = 1
                any_few = True
            if good and whole[lane, SHOWN] < times.shape[1]:
                need_dense |= times[i if times.shape[0] > 1 else 0, whole[lane, SHOWN]] < target[lane]
        if need_dense or any_few:
            call(functions[DENSE], ws, 0, scratch, 0)
        for lane in range(width):
            if ws[control + ACCEPTED * width + lane] == 0.0:
                continue
            i = whole[lane, PATIENT]
            if n_events > 0:
                cut[lane] = earliest_change(
                    functions,
                    sizes,
                    ws,
                    lane,
                    t[lane],
                    used[lane],
                    target[lane],
                    trial,
                    crossed,
                    a,
                    lane * n_a,
                    work,
                    floors,
                )
                if cut[lane] < 1.0:
                    target[lane] = t[lane] + cut[lane] * used[lane]
            row, k = (i if times.shape[0] > 1 else 0), whole[lane, SHOWN]
            while k < times.shape[1] and times[row, k] < target[lane]:
                theta = (times[row, k] - t[lane]) / used[lane]
                if plain:
                    for c in range(columns.shape[0]):
                        value = interpolate(ws, columns[c] * width + lane, row_u, row_d, n * width, theta)
                        out[i, k, c] = max(value, floors[columns[c]])
                else:
                    dense_state(ws, sizes, lane, theta, a, lane * n_a, times[row, k], floors)
                    record(functions, sizes, a, lane * n_a, columns, out, i, k)
                k += 1
            whole[lane, SHOWN] = k
            if whole[lane, FEW] == 1:
                for c in range(n_counted):
                    ends_counted[lane, c] = dense_value(ws, sizes, lane, counted[c], min(cut[lane], 1.0), floors)
        if any_few:
            draw_small_numbers(
                functions, sizes, ws, scratch, t, used, target, counted, thresholds, keys, whole, few, ends_counted
            )
        for lane in range(width):
            if cut[lane] < 1.0:
                # The very state at which the condition was seen to differ: another rounding might miss it again.
                dense_state(ws, sizes, lane, cut[lane], trial, 0, target[lane], floors)
                for j in range(n):
                    ws[(sizes[ROW_U] + j) * width + lane] = trial[1 + j]
            if whole[lane, FEW] == 1:
                for c in range(n_counted):
                    ws[(sizes[ROW_U] + counted[c]) * width + lane] = ends_counted[lane, c]
        call(functions[COMMIT], ws, 0, scratch, 0)
        for lane in range(width):
            i = whole[lane, PATIENT]
            if i < 0:
                continue
            whole[lane, TAKEN] += 1
            code, q = DONE, control + lane
            factor = ws[q + FACTOR * width]
            if whole[lane, DOSED] == 1 and ws[q + ERROR * width] > _TELLING_ERROR:
                after_dose[lane] = used[lane] * factor
                whole[lane, DOSED] = 1 if ws[q + ACCEPTED * width] == 0.0 else 0
            if ws[q + ACCEPTED * width] > 0.0:
                if whole[lane, STREAK] > 0:
                    factor = min(factor, 1.0)
                # A step that was cut short for a dose or an output does not shorten the next one.
                h[lane] = max(used[lane] * factor, h[lane] if used[lane] < h[lane] else 0.0)
                whole[lane, STREAK] = 0
                t[lane] = target[lane]
                if t[lane] >= edge[lane] - 8.0 * _ULP * abs(edge[lane]):
                    t[lane] = edge[lane]
                row = i if dose_times.shape[0] > 1 else 0
                due = whole[lane, DOSE] < dose_times.shape[1] and dose_times[row, whole[lane, DOSE]] <= t[lane]
                if due or n_events > 0:
                    code = _interrupt(
                        functions, sizes, lane, i, due, dose_times, dose_slots, dose_kinds, dose_amounts, atol, rtol,
                        event_table, assignment_table, keys, ws, a, scratch, t, h, after_dose, end, whole, was, crossed,
                        due_at, due_event, due_value, work,
                    )  # fmt: skip
                row, k = (i if times.shape[0] > 1 else 0), whole[lane, SHOWN]
                if k < times.shape[1] and times[row, k] <= t[lane]:
                    gather(ws, sizes, lane, a, lane * n_a, t[lane])
                    while k < times.shape[1] and times[row, k] <= t[lane]:
                        record(functions, sizes, a, lane * n_a, columns, out, i, k)
                        k += 1
                    whole[lane, SHOWN] = k
                if t[lane] == edge[lane]:
                    t[lane] += max(_ULP * abs(t[lane]), 1e-300)
                    h[lane] = min(h[lane], used[lane])
                    if n_events > 0 and code == DONE:
                        code = _interrupt(
                            functions, sizes, lane, i, False, dose_times, dose_slots, dose_kinds, dose_amounts, atol,
                            rtol, event_table, assignment_table, keys, ws, a, scratch, t, h, after_dose, end, whole,
                            was, crossed, due_at, due_event, due_value, work,
                        )  # fmt: skip
            else:
                whole[lane, REFUSED] += 1
                if ws[q + ERROR * width] <= 1.0 and ws[q + NEGATIVE * width] > 0.0:
                    whole[lane, NEGATIVES] += 1
                whole[lane, STREAK] += 1
                error = ws[q + ERROR * width]
                h[lane] = used[lane] * (factor if error > 1.0 else 0.25)
                if h[lane] <= 1e-15 * abs(t[lane]) or h[lane] < 1e-280:
                    code = STEP_TOO_SMALL
                    if not math.isfinite(error):
                        code = NOT_FINITE
                    elif error <= 1.0 and ws[q + NEGATIVE * width] > 0.0:
                        code = BELOW_ZERO
            over = t[lane] >= end[lane]
            if code == DONE and not over and whole[lane, TAKEN] >= sizes[MAX_STEPS]:
                code = BELOW_ZERO if 4 * whole[lane, NEGATIVES] > whole[lane, TAKEN] else STEP_BUDGET
            if over or code != DONE:
                gather(ws, sizes, lane, a, lane * n_a, t[lane])
                _finish(i, code, lane, t, whole, a, lane * n_a, sizes, status, counts, stopped, final, out)
                active -= 1


@loop
def _admit(
    functions, sizes, lane, i, given, flags, starts, ends, times, dose_times, dose_slots, dose_kinds, dose_amounts,
    atol, rtol, columns, event_table, assignment_table, keys, ws, out, a, scratch, t, h, after_dose, end, whole, was,
    crossed, due_at, due_event, due_value, work,
):  # fmt: skip
    """Put patient i into a lane: start values, doses and events at the start, first outputs, first step size."""
    n, n_a = sizes[N_STATES], a.shape[0] // sizes[WIDTH]
    base = lane * n_a
    t[lane] = starts[i if starts.shape[0] > 1 else 0]
    end[lane] = ends[i if ends.shape[0] > 1 else 0]
    a[base] = t[lane]
    row = i if given.shape[0] > 1 else 0
    for k in range(given.shape[1]):
        a[base + 1 + k] = given[row, k]
    call(functions[INITIAL], a, base, flags, 0)
    whole[lane, :] = 0
    whole[lane, PATIENT] = i
    row_t, row_x = (i if dose_times.shape[0] > 1 else 0), (i if dose_amounts.shape[0] > 1 else 0)
    whole[lane, DOSE] = give_doses(a, base, t[lane], dose_times, row_t, dose_amounts, row_x, 0, dose_slots, dose_kinds)
    code = DONE
    if sizes[N_EVENTS] > 0:
        forget_events(event_table, lane, was, due_at, due_event)
        code = process_events(
            functions, event_table, assignment_table, a, base, lane, was, due_at, due_event, due_value, work, keys, i,
            whole,
        )  # fmt: skip
        code = max(code, DONE)
        call(functions[CROSSINGS], a, base, crossed, lane * crossed.shape[1])
    row, k = (i if times.shape[0] > 1 else 0), 0
    while k < times.shape[1] and times[row, k] <= t[lane]:
        record(functions, sizes, a, base, columns, out, i, k)
        k += 1
    whole[lane, SHOWN] = k
    if code == DONE and not all_finite(a, base, 1 + n):
        code = NOT_FINITE
    if code == DONE:
        after_dose[lane] = 0.0
        scatter(functions, sizes, ws, lane, a, base, scratch, True)
        h[lane] = starting_step(functions, sizes, a, base, scratch, atol, rtol, end[lane] - t[lane])
    return code


@loop
def _interrupt(
    functions, sizes, lane, i, due, dose_times, dose_slots, dose_kinds, dose_amounts, atol, rtol, event_table,
    assignment_table, keys, ws, a, scratch, t, h, after_dose, end, whole, was, crossed, due_at, due_event, due_value,
    work,
):  # fmt: skip
    """Give the doses and let the events act that are due; where something jumped, start with a new step size.

    After a dose that is the step that the last dose of this patient would have borne: doses come in courses.
    """
    n, n_a = sizes[N_STATES], a.shape[0] // sizes[WIDTH]
    base, code, jumped, renew = lane * n_a, DONE, due, False
    gather(ws, sizes, lane, a, base, t[lane])
    if due:
        row_t, row_x = (i if dose_times.shape[0] > 1 else 0), (i if dose_amounts.shape[0] > 1 else 0)
        first = whole[lane, DOSE]
        whole[lane, DOSE] = give_doses(
            a, base, t[lane], dose_times, row_t, dose_amounts, row_x, first, dose_slots, dose_kinds
        )
        for k in range(first, whole[lane, DOSE]):
            renew |= dose_slots[k] >= n
    if sizes[N_EVENTS] > 0:
        code = process_events(
            functions, event_table, assignment_table, a, base, lane, was, due_at, due_event, due_value, work, keys, i,
            whole,
        )  # fmt: skip
        if code == ACTED:
            jumped, renew, code = True, True, DONE
        call(functions[CROSSINGS], a, base, crossed, lane * crossed.shape[1])
    if jumped:
        if code == DONE and not all_finite(a, base, 1 + n):
            code = NOT_FINITE
        scatter(functions, sizes, ws, lane, a, base, scratch, renew)
        start = _CAUTION * after_dose[lane] if due else 0.0
        if start == 0.0:
            start = starting_step(functions, sizes, a, base, scratch, atol, rtol, end[lane] - t[lane])
        h[lane] = min(h[lane], start)
        whole[lane, DOSED] = 1 if due else 0
    return code


@loop
def _finish(i, code, lane, t, whole, a, base, sizes, status, counts, stopped, final, out):
    """Note how a patient ended and free its lane. What was not reached stays NaN, and the status says why."""
    status[i] = code
    counts[i, 0] = whole[lane, TAKEN]
    counts[i, 1] = whole[lane, REFUSED]
    stopped[i] = t[lane]
    if sizes[KEEP_FINAL]:
        for k in range(1 + sizes[N_STATES] + sizes[N_PARAMETERS]):
            final[i, k] = a[base + k]
    for k in range(whole[lane, SHOWN], out.shape[1]):
        for c in range(out.shape[2]):
            out[i, k, c] = np.nan
    whole[lane, PATIENT] = -1
    whole[lane, FREE] = 1
