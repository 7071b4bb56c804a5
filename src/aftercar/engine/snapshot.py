"""Patients at a moment of their own: one history from which any number of arms can branch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
import sympy as sp
import xarray as xr

from aftercar.engine.inputs import Patients, unknown_name, value_faults
from aftercar.engine.network import Network, inflow_name
from aftercar.engine.run import FloatArray
from aftercar.engine.schedule import Administration, Infusion
from aftercar.foundation import Fault, InputError


@dataclass(frozen=True, slots=True)
class Snapshot:
    """States and parameters of patients at a moment of their own, from which any number of arms can start.

    Attributes
    ----------
    patients
        Identifiers.
    times
        Moment of each patient, shape (patients,).
    values
        Shape (patients, states + parameters), columns as `names`.
    running
        For each state into which an infusion was running: when it ends, shape (patients,), in the time of `times`;
        patients without it have their own moment there. Arms carry on with it to its end.
    part
        How many pieces of a history lie before this moment; chance is drawn anew in each.
    """

    model: Network
    patients: tuple[Any, ...]
    times: FloatArray
    values: FloatArray
    names: tuple[str, ...] = field(default=())
    running: Mapping[str, FloatArray] = field(default_factory=dict)
    part: int = 1

    def select(self, positions: Sequence[int]) -> Snapshot:
        """Return the snapshot of some patients, by position."""
        chosen = np.asarray(positions, dtype=np.int64)
        return replace(
            self,
            patients=tuple(self.patients[k] for k in chosen),
            times=self.times[chosen],
            values=self.values[chosen],
            running={state: ends[chosen] for state, ends in self.running.items()},
        )

    def with_values(self, values: Mapping[str, Any]) -> Snapshot:
        """Return a snapshot in which states or parameters have other values; this one stays as it is.

        Nothing else moves: what was computed from a parameter at the start (start values, parameters of a model file
        that follow from others) keeps its value.

        Parameters
        ----------
        values
            For each name one number for all patients, or one for each, shape (patients,), in the order of `patients`;
            a pandas Series is matched by its index. In the units of the model.

        Raises
        ------
        InputError
            A name is not a state or parameter, a value is missing or not finite, a value that may not be negative is,
            or there are not as many values as patients. All faults are named.
        """
        slot = self.model.slots
        faults = [unknown_name("snapshot", str(name), slot) for name in values if name not in slot]
        changed = self.values.copy()
        for name in (name for name in values if name in slot):
            column = self._column(values[name])
            if column.ndim > 1 or column.size not in (1, len(self.patients)):
                found = f"{column.size} values of '{name}' for {len(self.patients)} patients."
                faults.append(Fault("snapshot", found, "Give one number, or one for each patient."))
                continue
            column = np.broadcast_to(column, len(self.patients))
            faults += value_faults(name, column, self.patients, self.model, "snapshot")
            changed[:, slot[name]] = column
        if faults:
            raise InputError(faults)
        return replace(self, values=changed)

    def _column(self, value: Any) -> FloatArray:
        if isinstance(value, pd.Series):
            value = value.reindex(list(self.patients))
        return np.asarray(pd.to_numeric(np.atleast_1d(np.asarray(value)).ravel(), errors="coerce"), dtype=np.float64)


def freeze_moments(
    model: Network,
    result: xr.Dataset,
    *,
    patients: pd.DataFrame | Snapshot,
    positions: Sequence[int],
    kept: Sequence[int] | None = None,
    doses: Sequence[Administration] = (),
) -> Snapshot:
    """Return the snapshot of patients at moments chosen after they were simulated, each at an output time of its own.

    `take_snapshot` integrates up to moments that are known before; this one keeps the very course in which something
    was seen, chance included.

    Parameters
    ----------
    result
        What `simulate` returned for `patients`, with all states of the model among its outputs.
    patients
        The table of parameters that was simulated, or the snapshot from which it went on.
    positions
        Position of the output time of each patient, shape (patients,).
    kept
        Positions of the patients to keep; all if not given.
    doses
        The schedule that was simulated: an infusion that runs at the moment goes on.

    Raises
    ------
    InputError
        A state is missing from the result, a patient had stopped before, or a parameter follows from others.
    """
    before = patients if isinstance(patients, Snapshot) else None
    given = patients if not isinstance(patients, Snapshot) else _table_of(patients)
    chosen = np.arange(len(given)) if kept is None else np.asarray(kept, dtype=np.int64)
    at = np.asarray(positions, dtype=np.int64)[chosen]
    missing = [s.id for s in model.states if s.id not in result]
    if missing:
        found = f"the result lacks the states {', '.join(missing[:5])}."
        raise InputError(Fault("snapshot", found, "Simulate with all states among the outputs."))
    derived = [p.id for p in model.parameters if isinstance(p.value, sp.Expr) and p.id not in given.columns]
    if derived:
        raise InputError(Fault("snapshot", f"{derived[0]} follows from other values.", "Use take_snapshot."))
    values = np.empty((len(chosen), len(model.states) + len(model.parameters)))
    for k, state in enumerate(model.states):
        values[:, k] = result[state.id].to_numpy()[chosen, at]
    for k, parameter in enumerate(model.parameters, len(model.states)):
        values[:, k] = given[parameter.id].to_numpy()[chosen] if parameter.id in given else float(parameter.value)
    stopped = ~np.isfinite(values).all(axis=1)
    if stopped.any():
        who = result["patient"].to_numpy()[chosen[stopped][0]]
        raise InputError(Fault("snapshot", f"patient {who} had stopped by then.", "Leave such patients out."))
    begun = np.zeros(len(chosen)) if before is None else before.times[chosen]
    now = begun + result["time"].to_numpy()[at].astype(np.float64)
    running = find_running(doses, begun, now)
    for target, ends in before.running.items() if before is not None else ():
        running[target] = np.maximum(running.get(target, now), ends[chosen])
    return Snapshot(
        model=model, patients=tuple(result["patient"].to_numpy()[chosen].tolist()), times=now, values=values,
        names=model.names, running={state: ends for state, ends in running.items() if np.any(ends > now)},
        part=1 if before is None else before.part + 1,
    )  # fmt: skip


def _table_of(snapshot: Snapshot) -> pd.DataFrame:
    return pd.DataFrame(snapshot.values, columns=list(snapshot.model.slots))


def go_on(snapshot: Snapshot, model: Network) -> Patients:
    """Return every state and parameter as it was; inflow parameters that the model has in addition start at zero.

    Raises
    ------
    InputError
        The model has names that the snapshot does not know.
    """
    known = snapshot.model.slots
    inflows = {inflow_name(s.id) for s in model.states}
    wanted = list(model.slots)
    missing = [name for name in wanted if name not in known and name not in inflows]
    if missing:
        found = f"it was taken of a model without {', '.join(missing)}."
        raise InputError(Fault("snapshot", found, "Go on with the model that the snapshot was taken of."))
    values = np.zeros((len(snapshot.patients), len(wanted)))
    for k, name in enumerate(wanted):
        if name in known:
            values[:, k] = snapshot.values[:, known[name]]
    flags = np.ones(1 + len(wanted))
    return Patients(snapshot.patients, values, flags, snapshot.times)


def find_running(schedule: Sequence[Administration], begun: FloatArray, now: FloatArray) -> dict[str, FloatArray]:
    """Return for each state into which an infusion runs at `now` when that ends, shape (patients,).

    `begun`: the moment of each patient from which the schedule counts.
    """
    ends: dict[str, FloatArray] = {}
    for a in schedule:
        if isinstance(a, Infusion):
            first = begun + np.asarray(a.time, dtype=np.float64)
            last = first + a.duration
            runs = (first <= now) & (now < last)
            if np.any(runs):
                ends[a.target] = np.where(runs, last, ends.get(a.target, now))
    return ends
