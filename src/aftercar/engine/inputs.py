"""Checking what users hand in, once, at the edge: patients, times, names, tolerances."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from aftercar.engine.network import Network
from aftercar.engine.run import FloatArray, IntArray
from aftercar.engine.run_file import default_values
from aftercar.foundation import Fault, InputError


@dataclass(frozen=True)
class Patients:
    """Start values and parameters of patients as arrays; `starts` is None where all begin together."""

    ids: tuple[Any, ...]
    values: FloatArray
    flags: FloatArray
    starts: FloatArray | None = None

    def parameters(self, network: Network) -> dict[str, FloatArray]:
        """Return the parameters by name, shape (patients,) or (1,)."""
        first = len(network.states)
        return {p.id: self.values[:, first + k] for k, p in enumerate(network.parameters)}


def read_patients(patients: int | Mapping[str, Any] | pd.DataFrame, network: Network) -> Patients:
    """Turn a number, a mapping or a table of patients into arrays.

    Raises
    ------
    InputError
        A name is not a state or parameter, a value is missing or not finite, a rate constant is negative, or the
        columns have different lengths. All faults are named.
    """
    defaults = default_values(network)
    flags = np.zeros(1 + len(defaults))
    flags[1 + len(network.states) :] = [isinstance(p.value, float | int) for p in network.parameters]
    if isinstance(patients, int):
        if patients < 1:
            raise InputError(Fault("patients", f"{patients} patients.", "Ask for at least one."))
        return Patients(tuple(range(patients)), defaults[None], flags)
    table = patients if isinstance(patients, pd.DataFrame) else _table(patients)
    slot = network.slots
    faults = _name_faults(table, slot)
    if table.index.has_duplicates:
        faults.append(Fault("patients", "an identifier stands twice.", "Give each patient its own."))
    if faults:
        raise InputError(faults)
    values = np.tile(defaults, (len(table), 1))
    for name in table.columns:
        column = pd.to_numeric(table[name], errors="coerce").to_numpy(dtype=np.float64)
        faults += value_faults(str(name), column, table.index, network)
        values[:, slot[str(name)]] = column
        flags[1 + slot[str(name)]] = 1.0
    if faults:
        raise InputError(faults)
    return Patients(tuple(table.index), values, flags)


def _table(patients: Mapping[str, Any]) -> pd.DataFrame:
    try:
        return pd.DataFrame({k: np.atleast_1d(np.asarray(v)) for k, v in patients.items()})
    except ValueError as error:
        lengths = ", ".join(f"{k}: {np.size(v)}" for k, v in patients.items())
        raise InputError(
            Fault("patients", f"columns have different lengths ({lengths}).", "Give one value for each patient.")
        ) from error


def _name_faults(table: pd.DataFrame, slot: Mapping[str, int]) -> list[Fault]:
    return [unknown_name("patients", str(name), slot) for name in table.columns if str(name) not in slot]


def unknown_name(place: str, name: str, known: Any) -> Fault:
    """Return the fault of a name that is not known, with the nearest known one."""
    close = difflib.get_close_matches(name, list(known), n=1)
    mend = f"Did you mean '{close[0]}'?" if close else f"Known: {', '.join(list(known)[:20])}."
    return Fault(place, f"the model has no '{name}'.", mend)


def value_faults(
    name: str, column: FloatArray, index: Sequence[Any] | pd.Index, network: Network, place: str = "patients"
) -> list[Fault]:
    """Return what is wrong with the numbers of one name, shape (patients,): not finite, or negative where illegal."""
    faults = []
    bad = np.flatnonzero(~np.isfinite(column))
    if len(bad):
        found = f"'{name}' is not a finite number for {len(bad)} patients, first patient {index[bad[0]]}."
        faults.append(Fault(place, found, "Give a number, or drop the patient."))
    negative = np.flatnonzero(column < 0)
    may_not = name in network.constraints or any(s.id == name and s.nonnegative for s in network.states)
    if len(negative) and may_not:
        found = f"'{name}' is negative for {len(negative)} patients, first patient {index[negative[0]]}"
        found += f" ({column[negative[0]]:g})."
        faults.append(Fault(place, found, "It may be 0 or more; see `may_be_negative` of trace_model."))
    return faults


def check_times(times: Any) -> npt.NDArray[np.float64]:
    """Return output times as an array, or raise InputError."""
    moments = np.atleast_1d(np.asarray(times, dtype=np.float64))
    if moments.ndim != 1 or len(moments) < 1 or not np.all(np.isfinite(moments)):
        raise InputError(Fault("times", "not a list of finite numbers.", "Give the times at which to look."))
    if np.any(np.diff(moments) <= 0):
        k = int(np.argmax(np.diff(moments) <= 0))
        found = f"time {moments[k + 1]:g} follows {moments[k]:g}."
        raise InputError(Fault("times", found, "Give each time once, in ascending order."))
    return moments


def find_columns(network: Network, names: Sequence[str]) -> IntArray:
    """Return the positions of outputs, or raise InputError that names all unknown ones."""
    position = {name: k for k, name in enumerate(network.names)}
    faults = [unknown_name("outputs", name, position) for name in names if name not in position]
    if faults:
        raise InputError(faults)
    return np.array([position[name] for name in names], dtype=np.int64)


def check_limits(*, rtol: float, longest_step: float, max_steps: int) -> None:
    """Raise InputError for a tolerance or a limit with which no step could be taken."""
    wrong = [
        name for name, value in (("rtol", rtol), ("longest_step", longest_step), ("max_steps", max_steps))
        if not value > 0
    ]  # fmt: skip
    if wrong:
        raise InputError([Fault("settings", f"{name} is not above zero.", "Give a positive number.") for name in wrong])


def tolerances(network: Network, atol: float | Mapping[str, float], default: float) -> FloatArray:
    """Return the absolute tolerance of each state."""
    own = atol if isinstance(atol, Mapping) else dict.fromkeys((s.id for s in network.states), atol)
    states = [s.id for s in network.states]
    faults = [unknown_name("atol", name, states) for name in own if name not in states]
    result = np.array([own.get(name, default) for name in states], dtype=np.float64)
    if np.any(~(result > 0)):
        faults.append(Fault("atol", "an absolute tolerance is not above zero.", "Give a small positive number."))
    if faults:
        raise InputError(faults)
    return result
