"""One system for all cohorts: what differs between them, doses too, are parameters that conditions set.

PEtab (version 1) has no doses. The file of the system gives them by events, as `with_schedule` writes them; how much is
given at each moment is a parameter of its own, zero in cohorts that get nothing then.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import sympy as sp

from aftercar.catalogue.calibration import Calibration
from aftercar.catalogue.model_data import ModelData
from aftercar.catalogue.populations import Population
from aftercar.engine import Dose, Infusion, Network
from aftercar.engine.dosed import with_schedule
from aftercar.engine.network import Parameter, State, symbol
from aftercar.foundation import Fault, InputError
from aftercar.model import Course, Treatment, arrange_course, build_structure, build_system
from aftercar.patients import typical_patient

EXPOSURE = "copies_exposure"
_Given = tuple[float, str, float | None]  # moment, state, days of an infusion


@dataclass(frozen=True)
class TypicalCohort:
    """The typical patient of a cohort under its plan: parameters by name in the system, doses by what they are."""

    id: str
    meaning: str
    course: Course
    parameters: Mapping[str, float]
    doses: Mapping[_Given, float]


def describe_cohorts(
    calibration: Calibration, data: ModelData, populations: Mapping[str, Population]
) -> tuple[TypicalCohort, ...]:
    """Return the typical patient of each cohort of a calibration.

    Raises
    ------
    InputError
        Cohorts whose treatment begins on different days or takes several slots: one file cannot hold them.
    """
    found = []
    for name, one in calibration.cohorts.items():
        course = arrange_course([Treatment(one.therapy, dose_factor=one.dose_factor)], days=float(one.days), data=data)
        own = {place: number.value for place, number in populations[one.population].parameters.items()}
        table = typical_patient(course, values=own, data=data)
        values = {str(place): float(table[place].iloc[0]) for place in table}
        doses = _add_up(course, {k: p.value for k, p in data.parameters.items()} | values)
        found.append(TypicalCohort(name, one.meaning, course, values, doses))
    first = found[0]
    faults = [
        Fault("PEtab", f"cohorts '{first.id}' and '{one.id}' begin on different days or fill different slots.",
              "Name one of them alone in a calibration file.")
        for one in found
        if one.course.start != first.course.start or set(one.course.slots) != set(first.course.slots)
    ]  # fmt: skip
    if faults:
        raise InputError(faults)
    return tuple(found)


def _add_up(course: Course, values: Mapping[str, float]) -> dict[_Given, float]:
    """Return the amounts of a course in numbers, doses per kilogram for the typical weight."""
    amounts: dict[_Given, float] = {}
    for dose in course.doses:
        assert not isinstance(dose.time, tuple) and not isinstance(dose.amount, tuple)
        key = (float(dose.time), dose.target, float(dose.duration) if isinstance(dose, Infusion) else None)
        what = values[dose.amount] if isinstance(dose.amount, str) else float(dose.amount)
        amounts[key] = amounts.get(key, 0.0) + what * dose.factor
    return amounts


def dose_parameters(cohorts: tuple[TypicalCohort, ...]) -> dict[_Given, str]:
    """Return the name of the parameter that holds each amount, in the order of the days."""
    given = sorted({key for one in cohorts for key in one.doses}, key=lambda key: (key[0], key[1], key[2] or 0.0))
    return {key: _dose_name(key) for key in given}


def _dose_name(key: _Given) -> str:
    day, target, duration = key
    words = f"{'before_' if day < 0 else ''}{abs(day):g}".replace(".", "_")
    return f"dose_{target}_day_{words}" + ("" if duration is None else f"_over_{duration:g}".replace(".", "_"))


def build_dosed_system(cohorts: tuple[TypicalCohort, ...], data: ModelData) -> Network:
    """Return the deterministic system with the doses of all cohorts, and the area under the copies as a state."""
    slots = cohorts[0].course.slots
    sizes = {f"{kind}s": sum(slot.startswith(kind) for slot in slots) for kind in ("product", "engager", "drug")}
    system = build_system(data, build_structure(data, counted=False, **sizes), intermediates=True)
    exposure = State(EXPOSURE, sp.S.Zero, symbol("copies_per_ug"), f"day*{system.units['copies_per_ug']}")
    doses = dose_parameters(cohorts)
    amounts = tuple(Parameter(name, 0.0, system.units[key[1]]) for key, name in doses.items())
    system = replace(system, states=(*system.states, exposure), parameters=(*system.parameters, *amounts))
    schedule = [
        Dose(day, target, name) if duration is None else Infusion(day, target, name, duration)
        for (day, target, duration), name in doses.items()
    ]
    return with_schedule(system, schedule, start=cohorts[0].course.start)
