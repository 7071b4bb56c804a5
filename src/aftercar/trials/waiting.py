"""Between the decision to give a line and its day 0: waiting, manufacture, bridging, and slots for what is given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr

from aftercar.catalogue.model_data import ModelData
from aftercar.engine import Dose, Infusion, Snapshot
from aftercar.model import Course, Treatment, arrange_course
from aftercar.patients.draws import draw_slots, score_patients
from aftercar.trials.cohort import LATER, Cohort, Conduct, Line

BoolArray = npt.NDArray[np.bool_]
# Bridging ends before lymphodepletion, which begins on day -5 of the line in every regimen of the catalogue.
_BRIDGING_ENDS = 7.0


def vein_to_vein(therapy: str, data: ModelData) -> float:
    """Return the days from apheresis to infusion of a therapy, the longest of a combination; 0 without cells."""
    action = data.actions.get(therapy)
    if action is None:
        return 0.0
    own = action.vein_to_vein_days.value if action.vein_to_vein_days is not None else 0.0
    return max([own, *(vein_to_vein(part.therapy, data) for part in action.parts)])


def draw_manufactured(cohort: Cohort, treatments: Sequence[Treatment], conduct: Conduct) -> BoolArray:
    """Tell whose product can be made; everybody's, where no product is asked for.

    One draw a patient, whatever the product: arms are compared on the same apheresis.
    """
    ids = cohort.ids
    if not any(vein_to_vein(one.therapy, conduct.data) > 0 for one in treatments):
        return np.ones(len(ids), dtype=np.bool_)
    luck = score_patients("manufacturing", ids, seed=conduct.seed)
    return np.asarray(ndtr(luck) >= cohort.truth["manufacturing_failure"].to_numpy())


def schedule_line(line: Line, wait: float) -> tuple[list[Treatment], list[Treatment]]:
    """Return bridging, cut off before lymphodepletion, on the days since the decision; and treatments as they are."""
    room = wait - _BRIDGING_ENDS
    bridging = [replace(one, days=min(one.days or np.inf, room - one.day)) for one in line.bridging if one.day < room]
    return bridging, list(line.treatments)


def go_on(
    cohort: Cohort, line: Line, wait: float, days: float, data: ModelData
) -> tuple[Course, list[Dose | Infusion], list[Treatment]]:
    """Arrange a line beside the earlier ones, in the same slots; return its doses, counted from the decision."""
    base = cohort.lines * LATER
    bridging, treatments = schedule_line(line, wait)
    now = [replace(one, day=base + one.day) for one in bridging]
    now += [replace(one, day=base + wait + one.day) for one in treatments]
    end = base + wait + days
    before = set(arrange_course(cohort.given, days=end, data=data, structure=cohort.course.structure).doses)
    both = arrange_course([*cohort.given, *now], days=end, data=data, structure=cohort.course.structure)
    doses = [_earlier(dose, base) for dose in both.doses if dose not in before]
    return both, doses, [end_treatment(one) for one in now]


def end_treatment(one: Treatment) -> Treatment:
    """A treatment of an earlier line keeps its slot; its later doses are given to nobody."""
    return replace(one, days=1.0)


def _earlier(dose: Dose | Infusion, base: float) -> Dose | Infusion:
    return replace(dose, time=np.asarray(dose.time, dtype=np.float64).item() - base)


def fill_slots(cohort: Cohort, both: Course, conduct: Conduct) -> Snapshot:
    """Write the new therapies' numbers into their slots, as they differ between patients."""
    snapshot, ids, people = cohort.snapshot, cohort.ids, cohort.parameters
    drawn = draw_slots(both, ids, seed=conduct.seed, sets=conduct.sets, data=conduct.data)
    values = {str(name): drawn[name].to_numpy() for name in drawn if name not in cohort.course.parameters}
    for name, source in both.links.items():
        if name not in cohort.course.links:
            typical = conduct.data.parameters[source].value
            values[name] = people[source].to_numpy() if source in people else np.full(len(ids), typical)
    base = cohort.lines * LATER
    for slot in (slot for slot in both.slots if slot not in cohort.course.slots):
        if f"{slot}_start" in values:  # an engager's clearance falls from its first dose on
            values[f"{slot}_start"] = snapshot.times + both.parameters[f"{slot}_start"] - base
        if f"{slot}_resistance_start" in values:  # wears off while the class is not given
            gone = np.exp(-values[f"{slot}_resistance_loss"] * snapshot.times)
            values[f"{slot}_resistance"] = values[f"{slot}_resistance_start"] * gone
    return snapshot.with_values(values)
