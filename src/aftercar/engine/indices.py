"""Positions in the arrays that the compiled loops share. Names instead of numbers; numba folds them in."""

from __future__ import annotations

# Why a patient stopped. 0 is the end of the time asked for.
DONE, STEP_BUDGET, STEP_TOO_SMALL, NOT_FINITE, BELOW_ZERO, EVENT_STORM = range(6)
# Only within the loops: events have acted and all is well.
ACTED = -1

STATUS_WORDS = (
    "end of time",
    "step budget spent",
    "step size fell below the resolution of time",
    "a value is not finite",
    "a state that may not be negative is driven below zero",
    "events trigger each other without end",
)

# Addresses of generated functions.
(STEP, DENSE, COMMIT, HOIST, SLOPE, INITIAL, OBSERVE, STOPS, TRIGGERS, DELAYS, PRIORITIES, ASSIGNED, SCALES,
 TURNOVER, CROSSINGS) = range(15)  # fmt: skip
FUNCTIONS = (
    "step", "dense", "commit", "hoist", "slope", "initial", "observe", "stops", "triggers", "delays", "priorities",
    "assigned", "scales", "turnover", "crossings",
)  # fmt: skip

# Sizes of the model, rows of the workspace, and settings of the run.
(WIDTH, N_STATES, N_PARAMETERS, N_RULES, N_CONSTANTS, N_STOPS, N_EVENTS, N_ASSIGNMENTS, N_COUNTED, N_CROSSINGS,
 ROW_U, ROW_K, ROW_DENSE, ROW_ATOL, ROW_CONSTANTS, ROW_CONTROL, N_ROWS, WANTS_RULES, MAX_STEPS,
 KEEP_FINAL, ROW_SHIFT, ROW_TURNOVER) = range(22)  # fmt: skip
N_SIZES = 22

# Rows of the control block: see layout.CONTROL.
T, H, RTOL, ERROR, NEGATIVE, LOSS, ACCEPTED, FACTOR, INVERSE_H, KEPT = range(10)

# Parts of a step on which births, deaths and arrivals of counted states are taken as constant.
PIECES = 2

# Whole numbers of a lane: its patient (-1: none), next dose, next output, steps taken and refused, refusals in a row,
# position in its random stream, whether it waits for a patient, steps refused for a negative state, and whether a dose
# has been given and no step since has said how long the first one could have been, whether counted states are few, and
# whether arrivals among them are possible.
PATIENT, DOSE, SHOWN, TAKEN, REFUSED, STREAK, DRAWS, FREE, NEGATIVES, DOSED, FEW, COMERS = range(12)
N_WHOLE = 12

# Columns of the table of events.
HAS_DELAY, HAS_PRIORITY, PERSISTENT, INITIAL_VALUE, FROM_TRIGGER, FIRST, COUNT = range(7)
