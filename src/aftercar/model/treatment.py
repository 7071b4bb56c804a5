"""From a plan of treatment to doses and parameters: which therapy takes which slot, when it is given, what it changes.

A plan is a list of `Treatment`. Each therapy of the catalogue says what it does (`Action`); here its numbers become
parameters of a slot and its schedule becomes doses. No therapy has code of its own.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from aftercar.catalogue.biology import Action, Administration, Spread
from aftercar.catalogue.limits import find_fault
from aftercar.catalogue.model_data import ModelData, load_model_data
from aftercar.catalogue.regimens import TreatmentEntry
from aftercar.engine import Dose, Infusion
from aftercar.foundation import Fault, InputError
from aftercar.model.building import SLOTS, build_structure
from aftercar.model.structure import Structure

_PER_KG = "/kg"
# Slots by kind that a structure has. Each shape is compiled once, in seconds, so there are few; an empty slot costs at
# every step of every patient.
ROOM = {"product": (1, 2), "engager": (0, 1, 2), "drug": (0, 2, 4)}


@dataclass(frozen=True, slots=True)
class Treatment:
    """A therapy of the catalogue from a day on.

    `day`: of the first dose, of the infusion for CAR-T cells (lymphodepletion comes before). `days`: how long repeated
    doses go on; by default as the therapy says. `dose_factor`: multiplies every dose. `lymphodepletion`: another
    regimen than the therapy's own, or ``none``. `values`: parameters of the slot that differ from the therapy's.
    """

    therapy: str
    day: float = 0.0
    days: float | None = None
    dose_factor: float = 1.0
    lymphodepletion: str | None = None
    values: Mapping[str, float] = field(default_factory=dict)

    @staticmethod
    def of(entry: TreatmentEntry) -> Treatment:
        """Return a treatment as a plan of the catalogue writes it."""
        return Treatment(
            entry.therapy, entry.day, entry.days, entry.dose_factor, entry.lymphodepletion, dict(entry.values)
        )


@dataclass(frozen=True, slots=True)
class Administered:
    """One administration of a therapy: `amount` in `unit` on a day."""

    therapy: str
    day: float
    amount: float
    unit: str


@dataclass(frozen=True)
class Course:
    """A plan arranged for the engine.

    Attributes
    ----------
    structure
        The shape of the system that holds it.
    slots
        Therapy by slot name.
    parameters
        Typical values of the slots' parameters.
    spreads
        How these differ between patients.
    links
        Slot parameters that take the value of a parameter of the patient.
    doses
        Schedule in days.
    start
        First day of the simulation: the first dose or 0, whichever is earlier.
    end
        Last day.
    given
        Slot parameters that the plan itself set.
    """

    structure: Structure
    slots: Mapping[str, str]
    parameters: Mapping[str, float]
    spreads: Mapping[str, Spread]
    links: Mapping[str, str]
    doses: tuple[Dose | Infusion, ...]
    start: float
    end: float
    given: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class _Given:
    """One therapy with an action of its own, after combinations are taken apart."""

    therapy: str
    action: Action
    day: float
    until: float
    factor: float
    values: Mapping[str, float]


def arrange_course(
    plan: Sequence[Treatment], *, days: float, data: ModelData | None = None, structure: Structure | None = None
) -> Course:
    """Arrange a plan into slots, parameters and doses.

    The same product, engager or drug given again takes the slot it had, so that it meets the antibodies, or the
    resistance, that it left.

    Parameters
    ----------
    days
        Last day of the simulation; repeated doses end there.
    structure
        Slots to use. By default those that the plan needs, rounded up to few shapes (`ROOM`). A course that goes on
        from a snapshot of another plan needs a structure that holds both: `structure_for`.

    Raises
    ------
    InputError
        Unknown therapies, therapies without a described action, negative durations, too few slots; all at once.
    """
    data = data or load_model_data()
    if not 0 < days < math.inf:
        raise InputError(Fault("plan", f"it lasts {days} days.", "Give a length above zero."))
    faults: list[Fault] = []
    given = [one for k, treatment in enumerate(plan) for one in _take_apart(treatment, k, data, days, faults)]
    if faults:
        raise InputError(faults)
    slots = _assign(given)
    if structure is not None:
        _check_room(structure, slots)
    structure = structure or build_structure(data, **_sizes(slots))
    parameters: dict[str, float] = {}
    spreads: dict[str, Spread] = {}
    links: dict[str, str] = {}
    doses: list[Dose | Infusion] = []
    for one in given:
        slot = slots.get((one.action.kind, one.therapy), "")
        if slot:
            _fill_slot(slot, one, data, parameters, spreads, links)
        doses += list(_doses(one, slot, data))
    doses.sort(key=lambda dose: dose.time if isinstance(dose.time, float) else dose.time[0])
    first = min((float(d.time) for d in doses if isinstance(d.time, float)), default=0.0)
    used = {slot: therapy for (_, therapy), slot in slots.items()}
    # A therapy that is given again has the numbers of the last time.
    last = {slots.get((one.action.kind, one.therapy), ""): one.values for one in given}
    own = frozenset(f"{slot}_{name}" for slot, values in last.items() if slot for name in values)
    return Course(structure, used, parameters, spreads, links, tuple(doses), min(0.0, first), float(days), own)


def list_administrations(
    plan: Sequence[Treatment], *, days: float, data: ModelData | None = None
) -> list[Administered]:
    """Return every administration of a plan up to a day, in order: parts of combinations and lymphodepletion by name.

    Raises
    ------
    InputError
        As `arrange_course`.
    """
    data = data or load_model_data()
    faults: list[Fault] = []
    given = [one for k, treatment in enumerate(plan) for one in _take_apart(treatment, k, data, days, faults)]
    if faults:
        raise InputError(faults)
    found = [
        Administered(one.therapy, day, entry.amount * one.factor, entry.unit)
        for one in given
        for entry in one.action.schedule
        for day in _days(entry, one)
    ]
    return sorted(found, key=lambda one: (one.day, one.therapy))


def _take_apart(
    treatment: Treatment, position: int, data: ModelData, end: float, faults: list[Fault]
) -> Iterator[_Given]:
    """Yield the single therapies of a treatment: parts of a combination, and lymphodepletion before a product."""
    place = f"treatment {position + 1} ({treatment.therapy})"
    action = data.actions.get(treatment.therapy)
    if action is None:
        known = ", ".join(sorted(data.actions))
        faults.append(Fault(place, "no therapy of this name has a described action.", f"Known: {known}."))
        return
    if treatment.days is not None and not treatment.days > 0:
        faults.append(Fault(place, f"it lasts {treatment.days:g} days.", "Give a length above zero."))
    if not math.isfinite(treatment.day):
        faults.append(Fault(place, f"it begins on day {treatment.day}.", "Give a day."))
    if not 0 < treatment.dose_factor < math.inf:
        faults.append(Fault(place, f"the dose factor is {treatment.dose_factor:g}.", "Give a factor above zero."))
    if action.kind == "combination":
        if treatment.values:
            faults.append(Fault(place, "values were given for a combination.", "Give them to one of its parts."))
        for part in action.parts:
            single = replace(treatment, therapy=part.therapy, day=treatment.day + part.day, values={})
            yield from _take_apart(single, position, data, end, faults)
        return
    slot = data.slot_parameters(action.kind)
    faults += [
        Fault(place, f"a {action.kind} has no parameter '{name}'.", f"Known: {', '.join(sorted(slot))}.")
        for name in treatment.values
        if name not in slot
    ]
    wrong = [find_fault(f"{action.kind}_{name}", value) for name, value in treatment.values.items() if name in slot]
    faults += [Fault(place, *one) for one in wrong if one is not None]
    lasts = treatment.days or action.duration_days
    until = end if lasts is None else min(end, treatment.day + lasts)
    yield _Given(treatment.therapy, action, treatment.day, until, treatment.dose_factor, treatment.values)
    regimen = treatment.lymphodepletion or action.lymphodepletion
    if regimen is not None and regimen != "none":
        yield from _take_apart(Treatment(regimen, treatment.day), position, data, end, faults)


def _assign(given: Sequence[_Given]) -> dict[tuple[str, str], str]:
    slots: dict[tuple[str, str], str] = {}
    count = dict.fromkeys(SLOTS, 0)
    for one in given:
        key = (one.action.kind, one.therapy)
        if one.action.kind in count and key not in slots:
            count[one.action.kind] += 1
            slots[key] = f"{one.action.kind}{count[one.action.kind]}"
    return slots


def structure_for(plans: Iterable[Sequence[Treatment]], *, days: float, data: ModelData | None = None) -> Structure:
    """Return the smallest structure that holds each of several plans, so that one can go on where another stopped.

    Results do not hang on it: an empty slot stays at zero, draws nothing, and changes the others by rounding only.
    """
    data = data or load_model_data()
    found = [arrange_course(plan, days=days, data=data).structure for plan in plans]
    most = {f"{kind}s": max((len(one.slot_names(kind)) for one in found), default=0) for kind in SLOTS}
    return build_structure(data, **most)


def _sizes(slots: Mapping[tuple[str, str], str]) -> dict[str, int]:
    sizes = {}
    for kind, rooms in ROOM.items():
        needed = sum(1 for k, _ in slots if k == kind)
        sizes[f"{kind}s"] = next((room for room in rooms if room >= needed), needed)
    return sizes


def _check_room(structure: Structure, slots: Mapping[tuple[str, str], str]) -> None:
    faults = []
    for kind in SLOTS:
        therapies = [therapy for k, therapy in slots if k == kind]
        has = len(structure.slot_names(kind))
        if len(therapies) > has:
            needs = f"the plan needs {len(therapies)} slots for a {kind} ({', '.join(therapies)})"
            faults.append(
                Fault("structure", f"{needs}, the structure has {has}.", "Give it more slots, or leave it out.")
            )
    if faults:
        raise InputError(faults)


def _fill_slot(
    slot: str, one: _Given, data: ModelData, parameters: dict[str, float], spreads: dict[str, Spread],
    links: dict[str, str],
) -> None:  # fmt: skip
    """Write a therapy's numbers into its slot; the slot's defaults stand where it has none."""
    began = parameters.get(f"{slot}_start")
    for name, (_, number) in data.slot_numbers(one.therapy).items():
        parameters[f"{slot}_{name}"] = one.values.get(name, number.value)
        default = data.slot_parameters(one.action.kind)[name]
        spread = number.between_patients or default.between_patients
        if spread is not None:
            spreads[f"{slot}_{name}"] = spread
    for antigen, strength in one.action.binds.items():
        parameters[f"{slot}_binds_{antigen.lower()}"] = strength
    if one.action.kind == "engager":
        parameters[f"{slot}_start"] = one.day if began is None else min(began, one.day)
    resistance = f"resistance_{one.action.drug_class}"
    if resistance in data.parameters and "resistance_start" not in one.values:
        links[f"{slot}_resistance_start"] = resistance


def _doses(one: _Given, slot: str, data: ModelData) -> Iterator[Dose | Infusion]:
    for entry in one.action.schedule:
        per_kg = entry.unit.endswith(_PER_KG)
        for day in _days(entry, one):
            for target, share in _targets(one, slot, data):
                amount = entry.amount * one.factor * share
                what: float | str = "body_weight" if per_kg else amount
                factor = amount if per_kg else 1.0
                if entry.infusion_days is not None:
                    lasts = min(entry.infusion_days, max(one.until - day, 0.0))
                    yield Infusion(day, target, what, lasts, factor * lasts / entry.infusion_days)
                else:
                    yield Dose(day, target, what, factor)


def _days(entry: Administration, one: _Given) -> Iterator[float]:
    """Yield the days of a schedule's entry, up to the end of the therapy."""
    day, given = one.day + entry.day, 0
    most = entry.times if entry.times is not None else (1 if entry.every is None else None)
    while (most is None or given < most) and (day < one.until or (given == 0 and entry.day <= 0)):
        yield float(day)
        day += entry.every or 0.0
        given += 1


def _targets(one: _Given, slot: str, data: ModelData) -> list[tuple[str, float]]:
    """Return the states that a dose enters, with the share of the amount."""
    if one.action.kind == "product":
        return [(f"{slot}_infused", 1.0)]
    if one.action.kind == "engager":
        return [(f"{slot}_{'depot' if one.action.route == 'subcutaneous' else 'central'}", 1.0)]
    if one.action.kind == "drug":
        return [(f"{slot}_amount", 1.0)]
    numbers = {**data.slot_parameters("lymphodepletion"), **one.action.values}
    return [(name, numbers[name].value) for name in ("t_depletion", "b_depletion") if numbers[name].value > 0]
