"""One plan of treatment in one or many virtual patients."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from aftercar.catalogue.model_data import ModelData, load_model_data
from aftercar.engine import Settings, simulate
from aftercar.foundation import DEFAULT_SEED, Fault, InputError
from aftercar.model.building import build_system
from aftercar.model.structure import Structure
from aftercar.model.treatment import Course, Treatment, arrange_course
from aftercar.patients.draws import draw_patients, typical_patient
from aftercar.patients.parameter_sets import ParameterSets

# Cells below one hundredth and amounts below a billionth of their unit are beyond every assay.
_ATOL_CELLS, _ATOL_OTHER = 1e-2, 1e-9


def simulate_plan(
    plan: Sequence[Treatment],
    *,
    days: float,
    patients: int = 0,
    seed: int = DEFAULT_SEED,
    values: Mapping[str, float] | None = None,
    switched_off: Sequence[str] = (),
    every: float = 1.0,
    outputs: Sequence[str] | None = None,
    counted: bool = True,
    sets: ParameterSets | None = None,
    data: ModelData | None = None,
    settings: Settings | None = None,
) -> xr.Dataset:
    """Simulate a plan of treatment. Every figure is simulated, from parameters of which many are assumed.

    Parameters
    ----------
    days
        Last day, counted from the plan's day 0.
    patients
        Number of virtual patients; 0 is the typical patient alone.
    seed
        Key of all random draws. The same seed gives the same patients whatever the plan.
    values
        Parameters to set for all patients, by name.
    switched_off
        Mechanisms to switch off, by id (see `aftercar model --mechanisms`).
    every
        Interval of the output times [day].
    outputs
        Names of states, parameters and observables; by default every clone, product, level and observable.
    counted
        Whether small populations are whole cells that live and die at random. False gives the deterministic system.
    sets
        Parameter sets to which the patients belong in turn, the coordinate `parameter_set`; `values` win over them. The
        typical patient stands at their medians. None is the catalogue's typical values.

    Returns
    -------
    xarray.Dataset
        Dims (patient, time), units in the attributes; the course in the attributes `slots` and `plan`.

    Raises
    ------
    InputError
        Anything in the request that is unknown or impossible.

    Examples
    --------
    >>> data = simulate_plan([Treatment("ide_cel")], days=100)  # doctest: +SKIP
    """
    data = data or load_model_data()
    if not (np.isfinite(days) and days > 0 and np.isfinite(every) and every > 0):
        raise InputError(Fault("simulate", f"{days} days, one value every {every}.", "Give lengths above zero."))
    course = arrange_course(plan, days=days, data=data)
    course = replace(course, structure=replace(course.structure, counted=counted))
    fixed = {**switch_values(switched_off, data), **(values or {})}
    people = (
        draw_patients(course, n=patients, seed=seed, values=fixed, sets=sets, data=data)
        if patients
        else typical_patient(course, values=fixed, sets=None if sets is None else sets.medians(), data=data)
    )
    result = simulate_course(course, people, seed=seed, every=every, outputs=outputs, data=data, settings=settings)
    if sets is not None and patients:
        result = result.assign_coords(parameter_set=("patient", sets.sets_of(people.index)))
    return result.assign_attrs(
        kind="simulated", plan="; ".join(f"{t.therapy} from day {t.day:g}" for t in plan),
        slots="; ".join(f"{k}: {v}" for k, v in course.slots.items()), switched_off=", ".join(switched_off),
    )  # fmt: skip


def simulate_course(
    course: Course,
    people: pd.DataFrame,
    *,
    seed: int,
    every: float = 1.0,
    outputs: Sequence[str] | None = None,
    data: ModelData | None = None,
    settings: Settings | None = None,
) -> xr.Dataset:
    """Simulate an arranged course in patients given as a table of parameters (one row each)."""
    system = build_system(data, course.structure)
    times = output_times(course, every)
    return simulate(
        system,
        times=times,
        patients=people,
        doses=list(course.doses),
        outputs=outputs if outputs is not None else [*(s.id for s in system.states), *(r.id for r in system.rules)],
        seed=seed,
        settings=settings or default_settings(course.structure, data),
    )


def output_times(course: Course, every: float) -> npt.NDArray[np.float64]:
    """Return the first day, every multiple of `every` (day 0 among them) and the last day, shape (times,)."""
    regular = every * np.arange(np.ceil(course.start / every), np.floor(course.end / every) + 1)
    return np.unique(np.concatenate([[course.start], regular, [course.end]]))


def default_settings(structure: Structure, data: ModelData | None = None, **changes: object) -> Settings:
    """Return how the system is integrated: relative 1e-5, absolute by the kind of state."""
    cells = {s.id: _ATOL_CELLS for s in build_system(data, structure).states if s.unit == "cell"}
    return replace(Settings(rtol=1e-5, atol=cells, atol_default=_ATOL_OTHER), **changes)  # type: ignore[arg-type]


def switch_values(mechanisms: Sequence[str], data: ModelData) -> dict[str, float]:
    """Return the parameters that switch mechanisms off.

    Raises
    ------
    InputError
        A mechanism is unknown.
    """
    unknown = [m for m in mechanisms if m not in data.mechanisms]
    if unknown:
        known = ", ".join(data.mechanisms)
        raise InputError([Fault("switched_off", f"there is no mechanism '{m}'.", f"Known: {known}.") for m in unknown])
    return {data.mechanisms[m].switch: 0.0 for m in mechanisms}
