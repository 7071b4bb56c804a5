"""One run of a model file as it stands: what `python -m aftercar.engine run` does."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from aftercar.engine import indices as ix
from aftercar.engine.draws import stream_keys
from aftercar.engine.model_code import prepare
from aftercar.engine.network import Network
from aftercar.engine.run import Doses, FloatArray, Task, empty_outcome, run_range
from aftercar.foundation import AftercarError, Fault, InputError


class IntegrationError(AftercarError):
    """A single run could not be taken to its end."""


@dataclass(frozen=True, slots=True)
class TimeCourse:
    """When to look, and how exactly to compute."""

    start: float
    duration: float
    steps: int
    rtol: float = 1e-6
    atol: float = 1e-9
    max_steps: int = 1_000_000


def simulate_network(
    network: Network,
    course: TimeCourse,
    *,
    variables: Sequence[str],
    amounts: Sequence[str] = (),
    concentrations: Sequence[str] = (),
) -> pd.DataFrame:
    """Return a table of ``time`` and the variables.

    Parameters
    ----------
    variables
        Names in the order of the columns. A species is a concentration where it has one, unless it is also listed in
        `amounts`.

    Raises
    ------
    InputError
        A variable is not known, or the time course makes no sense.
    IntegrationError
        The model cannot be integrated to the end; the message says where it stopped and why.
    """
    _check_course(course)
    columns = np.array([_column(network, v, v in amounts, v in concentrations) for v in variables], dtype=np.int64)
    code = prepare(network, 1)
    n_states, n_parameters = len(network.states), len(network.parameters)
    times = course.start + np.arange(course.steps + 1) * course.duration / max(course.steps, 1)
    values = default_values(network)
    flags = np.zeros(1 + n_states + n_parameters)
    task = Task(
        n_patients=1, given=values[None], flags=flags, starts=np.array([course.start]), ends=times[-1:],
        times=times[None], doses=Doses.none(), columns=columns, atol=np.full(n_states, course.atol),
        rtol=course.rtol, longest_step=np.inf, max_steps=course.max_steps, thresholds=np.zeros(len(code.counted)),
        keys=stream_keys(0, "events", [0]), keep_final=False,
    )  # fmt: skip
    outcome = empty_outcome(task, code)
    run_range(code, task, outcome, 0, 1, code.workspace())
    if outcome.status[0] != ix.DONE:
        reason = ix.STATUS_WORDS[outcome.status[0]]
        raise IntegrationError(f"{network.name}: stopped at time {outcome.stopped[0]:.6g}: {reason}.")
    table = pd.DataFrame(outcome.values[0], columns=list(variables))
    table.insert(0, "time", times, allow_duplicates=True)  # a model may have a parameter of this name
    return table


def default_values(network: Network) -> FloatArray:
    """Return the default numbers of states (0: computed at the start) and parameters (0 where an expression rules)."""
    numbers = [p.value if isinstance(p.value, float | int) else 0.0 for p in network.parameters]
    return np.array([0.0] * len(network.states) + numbers, dtype=np.float64)


def _check_course(course: TimeCourse) -> None:
    faults = []
    if not (np.isfinite(course.start) and np.isfinite(course.duration) and course.duration >= 0):
        faults.append(Fault("--duration", f"{course.duration} is no length of time.", "Give a number of 0 or more."))
    if course.steps < 1:
        faults.append(Fault("--steps", f"{course.steps} steps.", "Give a whole number of 1 or more."))
    for option, value in (("--rtol", course.rtol), ("--atol", course.atol)):
        if not 0 < value < 1:
            faults.append(Fault(option, f"{value} is no tolerance.", "Give a number between 0 and 1."))
    if faults:
        raise InputError(faults)


def _column(network: Network, name: str, amount: bool, concentration: bool) -> int:
    names = network.names
    bracketed = f"[{name}]"
    if bracketed in names and not amount:
        return names.index(bracketed)
    if name in names:
        return names.index(name)
    close = difflib.get_close_matches(name, names, n=1)
    mend = f"Did you mean '{close[0]}'?" if close else "Name a species, compartment, parameter or reaction of ix."
    raise InputError(Fault(network.name, f"there is no variable '{name}' in the model.", mend))
