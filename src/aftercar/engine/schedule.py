"""Dosing: what is given to whom and when.

A schedule is a list of `Dose` and `Infusion`; `repeat` makes courses, and a step-up is a list with rising amounts.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from aftercar.engine.network import Network, inflow_name
from aftercar.engine.run import Doses
from aftercar.engine.unit_texts import same_unit
from aftercar.foundation import Fault, InputError

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Dose:
    """An amount that enters a state at once.

    `amount`: a number, one number for each patient (a tuple), or the name of a parameter whose value is given,
    times `factor`. A `time` may also be a tuple, one for each patient. A `unit` that is given must be the state's
    (see `check_units`); nothing is converted.
    """

    time: float | tuple[float, ...]
    target: str
    amount: float | str | tuple[float, ...]
    factor: float = 1.0
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Infusion:
    """An amount that enters a state evenly over `duration`. Amounts as for `Dose`."""

    time: float
    target: str
    amount: float | str | tuple[float, ...]
    duration: float
    factor: float = 1.0
    unit: str = ""


Administration = Dose | Infusion
_NOTHING: Mapping[str, FloatArray] = MappingProxyType({})


def repeat(what: Administration, *, every: float, times: int) -> list[Administration]:
    """Return the same administration `times` times, `every` so many units of time.

    Raises
    ------
    InputError
        The interval is not positive, or infusions would overlap.
    """
    faults = []
    if times < 1:
        faults.append(Fault("repeat", f"{times} administrations are asked for.", "Ask for at least one."))
    if not (math.isfinite(every) and every > 0):
        faults.append(Fault("repeat", f"the interval is {every}.", "Give a length of time above zero."))
    elif isinstance(what, Infusion) and times > 1 and what.duration > every:
        found = f"infusions of length {what.duration:g} every {every:g} overlap."
        faults.append(Fault("repeat", found, "Shorten the infusion or lengthen the interval."))
    if faults:
        raise InputError(faults)
    if isinstance(what.time, tuple):
        return [replace(what, time=tuple(t + k * every for t in what.time)) for k in range(times)]
    return [replace(what, time=what.time + k * every) for k in range(times)]


def infused_states(schedule: Sequence[Administration]) -> set[str]:
    """Return the states that receive infusions."""
    return {a.target for a in schedule if isinstance(a, Infusion)}


def check_schedule(
    schedule: Sequence[Administration],
    network: Network,
    n_patients: int,
    running: Mapping[str, FloatArray] = _NOTHING,
) -> None:
    """Raise InputError that lists everything wrong with a schedule.

    `running`: when infusions end that run at the beginning, by state, shape (patients,).
    """
    states = {s.id for s in network.states}
    parameters = {p.id for p in network.parameters}
    faults: list[Fault] = []

    def complain(position: int, found: str, mend: str) -> None:
        faults.append(Fault(f"dose {position + 1}", found, mend))

    for k, a in enumerate(schedule):
        if a.target not in states:
            complain(k, f"there is no state '{a.target}'.", f"Known states: {', '.join(sorted(states))}.")
        if isinstance(a.amount, str) and a.amount not in parameters:
            complain(k, f"there is no parameter '{a.amount}' to take the amount from.", "Name a parameter.")
        for word, value in (("time", a.time), ("amount", a.amount)):
            if isinstance(value, tuple) and len(value) != n_patients:
                complain(k, f"{len(value)} values of {word} for {n_patients} patients.", "Give one for each.")
            if not isinstance(value, str) and not np.all(np.isfinite(value)):
                complain(k, f"the {word} is not a finite number.", "Correct it.")
        if isinstance(a, Infusion) and not (math.isfinite(a.duration) and a.duration > 0):
            complain(k, f"the infusion lasts {a.duration}.", "Give a length above zero, or use Dose.")
        if a.unit and a.target in states and not same_unit(a.unit, network.units[a.target]):
            found = f"its amount is in '{a.unit}', the state '{a.target}' in '{network.units[a.target]}'."
            complain(k, found, "Convert the amount to the unit of the state.")
    faults += _overlaps(schedule)
    for k, a in enumerate(schedule):
        if isinstance(a, Infusion) and a.target in running and np.any(np.asarray(a.time) < running[a.target]):
            found = f"its infusion into '{a.target}' begins before that ends which was running at the snapshot."
            complain(k, found, "Begin later, or take the snapshot at another moment.")
    if faults:
        raise InputError(faults)


def _overlaps(schedule: Sequence[Administration]) -> list[Fault]:
    """Infusions into one state that overlap are most often a mistake in the schedule."""
    faults = []
    last: dict[str, tuple[int, float]] = {}
    ordered = sorted(((k, a) for k, a in enumerate(schedule) if isinstance(a, Infusion)), key=lambda item: item[1].time)
    for k, a in ordered:
        before = last.get(a.target)
        if before is not None and a.time < before[1] - 1e-12 * abs(before[1]):
            found = f"its infusion into '{a.target}' begins at {a.time:g}, before that of dose {before[0] + 1} ends."
            faults.append(Fault(f"dose {k + 1}", found, "Move one of them, or add their rates into one infusion."))
        last[a.target] = (k, a.time + a.duration)
    return faults


def arrange(
    schedule: Sequence[Administration],
    network: Network,
    values: Mapping[str, FloatArray],
    n_patients: int,
    running: Mapping[str, FloatArray] = _NOTHING,
) -> Doses:
    """Return a schedule as arrays in the order of time. `values`: parameters by name, shape (patients,) or ().

    `running`: as for `check_schedule`; these infusions end when they end.
    """
    slot = network.slots
    rows: list[tuple[FloatArray, int, int, FloatArray]] = []
    for state, ends in running.items():
        same = ends[:1] if np.all(ends == ends[0]) else ends
        rows.append((same, slot[inflow_name(state)], 1, np.zeros(1)))
    for a in schedule:
        amount = np.atleast_1d(np.asarray(values[a.amount] if isinstance(a.amount, str) else a.amount, float))
        amount = amount * a.factor
        time = np.atleast_1d(np.asarray(a.time, float))
        if isinstance(a, Infusion):
            inflow = slot[inflow_name(a.target)]
            rows.append((time, inflow, 1, amount / a.duration))
            rows.append((time + a.duration, inflow, 1, np.zeros(1)))
        else:
            rows.append((time, slot[a.target], 0, amount))
    if not rows:
        return Doses.none()
    # Ends of infusions first: one that begins when another ends has the last word on the rate.
    rows.sort(key=lambda row: not (row[2] == 1 and not row[3].any()))
    n_times = max(len(r[0]) for r in rows)
    if n_times > 1:
        return _per_patient(rows, n_patients)
    rows.sort(key=lambda row: row[0][0])
    n_amounts = max(len(r[3]) for r in rows)
    return Doses(
        times=np.array([[r[0][0] for r in rows]]),
        slots=np.array([r[1] for r in rows], dtype=np.int64),
        kinds=np.array([r[2] for r in rows], dtype=np.int64),
        amounts=np.ascontiguousarray(np.array([np.broadcast_to(r[3], n_amounts) for r in rows]).T),
    )


def _per_patient(rows: list[tuple[FloatArray, int, int, FloatArray]], n_patients: int) -> Doses:
    """Doses at each patient's own times must come in the same order for all of them."""
    times = np.array([np.broadcast_to(r[0], n_patients) for r in rows]).T
    order = np.argsort(times[0], kind="stable")
    times = np.ascontiguousarray(times[:, order])
    if np.any(np.diff(times, axis=1) < 0):
        raise InputError(
            Fault("schedule", "the order of doses differs between patients.", "Simulate the groups separately.")
        )
    rows = [rows[k] for k in order]
    return Doses(
        times=times,
        slots=np.array([r[1] for r in rows], dtype=np.int64),
        kinds=np.array([r[2] for r in rows], dtype=np.int64),
        amounts=np.ascontiguousarray(np.array([np.broadcast_to(r[3], n_patients) for r in rows]).T),
    )
