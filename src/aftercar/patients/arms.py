"""One plan in the same patients, with and without mechanisms: arms that share patients and luck."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from aftercar.catalogue.model_data import ModelData, load_model_data
from aftercar.engine import IntegrationWarning, Network, Settings, simulate
from aftercar.foundation import Fault, InputError
from aftercar.model.building import SLOTS, build_system
from aftercar.model.treatment import Course, Treatment, arrange_course
from aftercar.patients.draws import draw_patients, typical_patient
from aftercar.patients.parameter_sets import ParameterSets
from aftercar.patients.simulation import default_settings, switch_values

FloatArray = npt.NDArray[np.float64]
AS_PLANNED = "as planned"
_READING_DAYS = (0, 7, 14, 28, 60, 90, 180, 365, 540, 730)
_AFTER_TREATMENT = (0, 28, 90)
_APART = 7  # days: nearer to a usual visit, a day of its own would say nothing new
_DAILY_AFTER_PRODUCT = 28  # days: the peak of CAR-T cells lies there
_CHUNK = 32  # patients between two movements of a progress bar
_MOST_VALUES = 200_000_000  # 1.6 GB


@dataclass(frozen=True)
class Arm:
    """The patients under one setting of the switches.

    `people`: parameters, one row per patient. `data`: dims (patient, time), from `aftercar.engine.simulate`.
    `under_sets`: the typical patient under each parameter set, with the same luck, numbered by set where `data` numbers
    patients; None for many patients, or without sets.
    """

    name: str
    switched_off: tuple[str, ...]
    people: pd.DataFrame
    data: xr.Dataset
    under_sets: Arm | None = None


@dataclass(frozen=True)
class Trajectories:
    """A plan of treatment simulated in one or many patients, in one or several arms.

    `single`: the typical patient alone, at the medians of the sets if there are any. `values`: parameters that the user
    set. `reading_days`: days that tables show; `irregular_days`: those of them that lie off the regular times, where a
    level between two doses would stand out. `sets`: parameter sets; None is the catalogue's typical values.
    """

    plan: tuple[Treatment, ...]
    course: Course
    model_data: ModelData
    arms: tuple[Arm, ...]
    seed: int
    single: bool
    values: Mapping[str, float]
    reading_days: tuple[float, ...]
    irregular_days: tuple[float, ...]
    sets: ParameterSets | None = None

    def sets_of(self, arm: Arm) -> npt.NDArray[np.int64] | None:
        """Return the parameter set of each patient, from 1, 0 being the medians of the sets; None without sets."""
        ids = arm.data["patient"].to_numpy()
        if self.sets is None:
            return None
        return np.zeros(len(ids), dtype=np.int64) if self.single else self.sets.sets_of(ids)


def simulate_arms(
    plan: Sequence[Treatment],
    *,
    days: float,
    patients: int = 0,
    seed: int,
    values: Mapping[str, float] | None = None,
    switched_off: Sequence[str] = (),
    compare_off: Sequence[str] = (),
    every: float = 1.0,
    workers: int = 1,
    sets: ParameterSets | None = None,
    data: ModelData | None = None,
    advance: Callable[[int], None] = lambda n: None,
) -> Trajectories:
    """Simulate a plan, and again without each mechanism of `compare_off`, in the same patients with the same luck.

    Parameters
    ----------
    days
        Last day, counted from the plan's day 0.
    patients
        Number of virtual patients; 0 is the typical patient alone.
    values, switched_off
        Parameters set and mechanisms switched off in all arms; they win over sets.
    every
        Interval of output times [day]. Days of tables, and every day of the four weeks after an infusion of CAR-T
        cells, are added.
    workers
        Threads; results do not depend on it.
    sets
        Parameter sets to which the patients belong in turn. The typical patient is simulated at their medians, and
        under each of them.
    advance
        Called with the number of patients that are done.

    Raises
    ------
    InputError
        Anything in the request that is unknown or impossible.
    """
    data = data or load_model_data()
    course = arrange_course(plan, days=days, data=data)
    switches = {name: data.parameters[name].value for name in switch_values(compare_off, data)}
    fixed = {**switches, **switch_values(switched_off, data), **(values or {})}
    reading = reading_days(plan, days)
    times = output_times(course, every=every, reading=reading)
    outputs = wanted_outputs(course, data)
    rows = patients or 1 + (0 if sets is None else len(sets.values))
    _check_size((1 + len(compare_off)) * rows * len(times) * len(outputs))
    system, settings = build_system(data, course.structure), default_settings(course.structure, data)
    run = _Runner(course, system, settings, times, outputs, seed, workers, advance)
    arms = []
    for name, off in _arm_names(compare_off, data).items():
        own = {**fixed, **switch_values(off, data)}
        people = (
            draw_patients(course, n=patients, seed=seed, values=own, sets=sets, data=data)
            if patients
            else typical_patient(course, values=own, sets=None if sets is None else sets.medians(), data=data)
        )
        arm = Arm(name, (*switched_off, *off), people, run.many(people))
        if sets is not None and not patients:
            under = typical_patient(course, values=own, sets=sets, data=data)
            arm = replace(arm, under_sets=replace(arm, people=under, data=run.alike(under)))
        arms.append(arm)
    regular = output_times(course, every=every, reading=())
    return Trajectories(
        plan=tuple(plan), course=course, model_data=data, arms=tuple(arms), seed=seed, single=not patients,
        values=dict(values or {}), reading_days=reading,
        irregular_days=tuple(sorted(set(reading) - set(regular.tolist()) - {one.day for one in plan})), sets=sets,
    )  # fmt: skip


def reading_days(plan: Sequence[Treatment], days: float) -> tuple[float, ...]:
    """Return the days that tables show: usual visits, the days of treatments and four weeks and three months later."""
    later = {one.day + after for one in plan for after in _AFTER_TREATMENT}
    usual = {float(day) for day in (*_READING_DAYS, *np.arange(1095, days, 365))}
    apart = {day for day in later if min(abs(day - other) for other in usual) >= _APART or day in {o.day for o in plan}}
    return tuple(sorted(day for day in usual | apart | {float(days)} if 0 <= day <= days))


def output_times(course: Course, *, every: float, reading: Sequence[float]) -> FloatArray:
    """Return the times of the output, ascending: multiples of `every`, days of tables, daily after products."""
    regular = np.arange(np.ceil(course.start / every), np.floor(course.end / every) + 1) * every
    infused = {float(np.min(dose.time)) for dose in course.doses if dose.target.endswith("_infused")}
    daily = [day + np.arange(_DAILY_AFTER_PRODUCT + 1.0) for day in infused]
    times = np.unique(np.concatenate([regular, *daily, list(reading), [course.start, course.end]]))
    return times[(times >= course.start) & (times <= course.end)]


def wanted_outputs(course: Course, data: ModelData) -> list[str]:
    """Return the states and observables of a course, without those of slots that hold no therapy."""
    system = build_system(data, course.structure)
    unused = tuple(
        f"{slot}_" for kind in SLOTS for slot in course.structure.slot_names(kind) if slot not in course.slots
    )
    names = [*(s.id for s in system.states), *(r.id for r in system.rules)]
    return [name for name in names if not name.startswith(unused or ("\0",))]


def _arm_names(compare_off: Sequence[str], data: ModelData) -> dict[str, tuple[str, ...]]:
    names: dict[str, tuple[str, ...]] = {AS_PLANNED: ()}
    for mechanism in compare_off:
        known = data.mechanisms.get(mechanism)
        names[f"without: {known.name if known else mechanism}"] = (mechanism,)
    return names


def _check_size(values: int) -> None:
    if values > _MOST_VALUES:
        found = f"{values:.2g} values would be kept, more than {_MOST_VALUES:.2g}."
        raise InputError(Fault("simulate", found, "Ask for fewer patients or arms, or rarer values: --every 14."))


@dataclass(frozen=True)
class _Runner:
    """Simulates a course in tables of patients, chunk by chunk on threads, whose number changes nothing."""

    course: Course
    system: Network
    settings: Settings
    times: FloatArray
    outputs: list[str]
    seed: int
    workers: int
    advance: Callable[[int], None]

    def many(self, people: pd.DataFrame) -> xr.Dataset:
        """Simulate patients of whom each has a luck of its own."""
        return self._joined([people.iloc[first : first + _CHUNK] for first in range(0, len(people), _CHUNK)])

    def alike(self, people: pd.DataFrame) -> xr.Dataset:
        """Simulate each row as patient 1, so that rows differ by parameters alone; rows are numbered in the result."""
        first = [people.iloc[[k]].set_axis([1], axis=0) for k in range(len(people))]
        return self._joined(first).assign_coords(patient=people.index.to_numpy())

    def _joined(self, tables: Sequence[pd.DataFrame]) -> xr.Dataset:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", IntegrationWarning)  # who stopped early is counted in every table
            parts = [self._one(tables[0])]  # compiles, so that no two threads do
            if self.workers > 1 and len(tables) > 2:
                with ThreadPoolExecutor(self.workers) as pool:
                    parts += pool.map(self._one, tables[1:])
            else:
                parts += map(self._one, tables[1:])
        return xr.concat(parts, dim="patient")

    def _one(self, people: pd.DataFrame) -> xr.Dataset:
        result = simulate(
            self.system, times=self.times, patients=people, doses=list(self.course.doses), outputs=self.outputs,
            seed=self.seed, settings=self.settings,
        )  # fmt: skip
        self.advance(len(people))
        return result
