"""Running a prepared model over arrays of patients: shared by `simulate` and the command line."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from aftercar.engine import indices as ix
from aftercar.engine.integrator import integrate
from aftercar.engine.model_code import ModelCode

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Doses:
    """Doses as arrays: one column per dose in the order of time; one row for all patients, or one each.

    `kinds`: 0 adds the amount to a slot, 1 sets the slot. Slots count states, then parameters.
    """

    times: FloatArray
    slots: IntArray
    kinds: IntArray
    amounts: FloatArray

    @staticmethod
    def none() -> Doses:
        """Return no doses."""
        empty = np.zeros(0, dtype=np.int64)
        return Doses(np.zeros((1, 0)), empty, empty, np.zeros((1, 0)))


@dataclass(frozen=True)
class Task:
    """What to integrate. Arrays with a first axis of length 1 are shared by all patients.

    Attributes
    ----------
    given
        Start values, shape (patients or 1, states + parameters); where `flags` is 0 and the network has an
        expression, that expression is used instead.
    flags
        1 for each of (time, states, parameters) whose `given` value is to be used, shape (1 + states + parameters,).
    starts, ends
        Times at which each patient begins and stops, shape (patients or 1,).
    times
        Output times, shape (patients or 1, times), ascending.
    columns
        Positions in `Network.names` of the outputs.
    """

    n_patients: int
    given: FloatArray
    flags: FloatArray
    starts: FloatArray
    ends: FloatArray
    times: FloatArray
    doses: Doses
    columns: IntArray
    atol: FloatArray
    rtol: float
    longest_step: float
    max_steps: int
    thresholds: FloatArray
    keys: npt.NDArray[np.uint64]
    keep_final: bool


@dataclass(frozen=True)
class Outcome:
    """What came of a task: outputs (patients, times, columns), and per patient how it ended."""

    values: FloatArray
    status: IntArray
    steps: IntArray
    stopped: FloatArray
    final: FloatArray


def empty_outcome(task: Task, code: ModelCode) -> Outcome:
    """Return arrays for the results of a task."""
    n = task.n_patients
    width = 1 + len(code.network.states) + len(code.network.parameters)
    return Outcome(
        values=np.empty((n, task.times.shape[1], len(task.columns))),
        status=np.zeros(n, dtype=np.int64),
        steps=np.zeros((n, 2), dtype=np.int64),
        stopped=np.zeros(n),
        final=np.empty((n if task.keep_final else 0, width)),
    )


def run_range(code: ModelCode, task: Task, outcome: Outcome, first: int, last: int, workspace: FloatArray) -> None:
    """Integrate patients `first` to `last` (exclusive) into `outcome`."""
    sizes = code.sizes.copy()
    n_plain = len(code.network.states) + len(code.network.parameters)
    sizes[ix.WANTS_RULES] = int(np.any(task.columns >= len(code.network.states)))
    sizes[ix.MAX_STEPS] = task.max_steps
    sizes[ix.KEEP_FINAL] = int(task.keep_final)
    assert task.given.shape[1] == n_plain
    integrate(
        code.functions, sizes, first, last, task.given, task.flags, task.starts, task.ends, task.times,
        task.doses.times, task.doses.slots, task.doses.kinds, task.doses.amounts, task.atol, code.floors, task.rtol,
        task.longest_step, task.columns, code.event_table, code.assignment_table, code.counted, task.thresholds,
        task.keys, workspace, outcome.values, outcome.status, outcome.steps, outcome.stopped, outcome.final,
    )  # fmt: skip
