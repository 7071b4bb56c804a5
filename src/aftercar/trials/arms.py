"""Salvage arms: every arm starts from the same patients at the same moment, with the same luck where it can.

A therapy of engineered cells needs time until its infusion; others begin after a washout. Day 0 of an arm is its first
day of treatment (of infusion for CAR-T cells), as in the cohorts that are compared with it. Whose cells cannot be made
is counted, and not treated.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr
from scipy.special import ndtr

from aftercar.catalogue.model_data import ModelData, load_model_data
from aftercar.clinic import Grading, Schedule
from aftercar.engine import Dose, Infusion, IntegrationWarning, Snapshot, simulate
from aftercar.foundation import Fault, InputError
from aftercar.model import Treatment, arrange_course, build_system
from aftercar.model.treatment import Course
from aftercar.patients.draws import draw_scores, draw_values
from aftercar.patients.simulation import default_settings
from aftercar.trials.relapsed import OBSERVED, Relapsed, grade_visits_of

FloatArray = npt.NDArray[np.float64]
# The arm's own calendar begins here while it is arranged beside the first treatment; days are shifted back afterwards.
_LATER = 100_000.0
WASHOUT_DAYS = 14.0


@dataclass(frozen=True)
class Arm:
    """What one arm gave. Simulated.

    Attributes
    ----------
    name
        What it is called.
    table
        One patient a row: `treated`, best response, progression and their days, counted from the arm's day 0;
        `last_day` is the last visit.
    grading
        Responses visit by visit of those who were treated.
    """

    name: str
    table: pd.DataFrame
    grading: Grading
    result: xr.Dataset


def simulate_arm(
    relapsed: Relapsed,
    salvage: Sequence[Treatment],
    *,
    name: str,
    days: float,
    washout_days: float = WASHOUT_DAYS,
    schedule: Schedule | None = None,
    criteria: str = "imwg2016",
    data: ModelData | None = None,
) -> Arm:
    """Treat relapsed patients and grade them.

    Parameters
    ----------
    salvage
        Treatments; their days count from the arm's day 0.
    days
        Last day, from day 0.
    washout_days
        From the visit that confirms progression to the first day of a therapy that is at hand; cells take their
        vein-to-vein time if that is longer.

    Raises
    ------
    InputError
        An unknown therapy, nobody whose product can be made, or too few slots in the structure of `relapsed`.
    """
    data = data or load_model_data()
    schedule = schedule or Schedule()
    wait = max([washout_days, *(_vein_to_vein(one.therapy, data) for one in salvage)])
    made = draw_manufactured(relapsed, salvage, data)
    if not made.any():
        found = f"no product can be made for any of {len(made)} patients."
        raise InputError(Fault(f"arm '{name}'", found, "Simulate more patients, or lower manufacturing_failure_share."))
    snapshot = relapsed.snapshot.select(np.flatnonzero(made).tolist())
    both, doses = _go_on(relapsed, salvage, wait, days, data)
    snapshot = _fill_slots(snapshot, relapsed, both, data)
    system = build_system(data, relapsed.course.structure)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", IntegrationWarning)  # counted in the table
        result = simulate(
            system, times=np.unique(np.concatenate([[0.0], wait + schedule.days(days)])), patients=snapshot,
            doses=doses, outputs=OBSERVED, seed=relapsed.seed, arm=name,
            settings=default_settings(relapsed.course.structure, data),
        )  # fmt: skip
    result = result.assign_coords(time=result["time"] - wait)
    grading, graded = grade_visits_of(result, schedule=schedule, criteria=criteria, seed=relapsed.seed)
    graded["last_day"] = np.nanmax(np.where(np.isnan(grading.laboratory.day), -np.inf, grading.laboratory.day), axis=1)
    graded["stopped_because"] = result["stopped_because"].to_numpy()
    table = graded.reindex(relapsed.table.index)
    table.insert(0, "treated", made)
    return Arm(name, table, grading, result)


def _vein_to_vein(therapy: str, data: ModelData) -> float:
    action = data.actions.get(therapy)
    if action is None:
        return 0.0
    own = action.vein_to_vein_days.value if action.vein_to_vein_days is not None else 0.0
    return max([own, *(_vein_to_vein(part.therapy, data) for part in action.parts)])


def draw_manufactured(relapsed: Relapsed, salvage: Sequence[Treatment], data: ModelData) -> npt.NDArray[np.bool_]:
    """Tell whose product can be made; everybody's, where no product is asked for.

    One draw a patient, whatever the product: arms are compared on the same apheresis.
    """
    ids = relapsed.table.index.to_numpy(dtype=np.int64)
    if not any(_vein_to_vein(one.therapy, data) > 0 for one in salvage):
        return np.ones(len(ids), dtype=np.bool_)
    failure = relapsed.table["manufacturing_failure"].to_numpy()
    luck = draw_scores("manufacturing", n=int(ids.max()), seed=relapsed.seed)[ids - 1]
    return np.asarray(ndtr(luck) >= failure)


def _go_on(
    relapsed: Relapsed, salvage: Sequence[Treatment], wait: float, days: float, data: ModelData
) -> tuple[Course, list[Dose | Infusion]]:
    """Arrange the salvage beside the first treatment, in the same slots; return its doses, counted from progression."""
    structure = relapsed.course.structure
    first = [*relapsed.plan]
    later = [
        Treatment(one.therapy, _LATER + wait + one.day, one.days, one.dose_factor, one.lymphodepletion, one.values)
        for one in salvage
    ]
    end = _LATER + wait + days
    before = set(arrange_course(first, days=end, data=data, structure=structure).doses)
    both = arrange_course([*first, *later], days=end, data=data, structure=structure)
    return both, [_earlier(dose) for dose in both.doses if dose not in before]


def _earlier(dose: Dose | Infusion) -> Dose | Infusion:
    return replace(dose, time=np.asarray(dose.time, dtype=np.float64).item() - _LATER)


def _fill_slots(snapshot: Snapshot, relapsed: Relapsed, both: Course, data: ModelData) -> Snapshot:
    """Write the salvage therapies' numbers into their slots, as they differ between patients."""
    ids = np.asarray(snapshot.patients, dtype=np.int64)
    people = relapsed.parameters.loc[list(snapshot.patients)]
    values: dict[str, FloatArray] = {}
    for name, typical in both.parameters.items():
        if name in relapsed.course.parameters:
            continue
        spread = both.spreads.get(name)
        if spread is None:
            values[name] = np.full(len(ids), typical)
        else:
            values[name] = draw_values(
                spread, typical, draw_scores(name, n=int(ids.max()), seed=relapsed.seed)[ids - 1]
            )
    for name, source in both.links.items():
        if name not in relapsed.course.links:
            column = people[source] if source in people else data.parameters[source].value
            values[name] = np.broadcast_to(np.asarray(column, dtype=np.float64), len(ids))
    new = [slot for slot in both.slots if slot not in relapsed.course.slots]
    for slot in new:
        if f"{slot}_start" in values:  # an engager's clearance falls from its first dose on
            values[f"{slot}_start"] = snapshot.times + both.parameters[f"{slot}_start"] - _LATER
        if f"{slot}_resistance_start" in values:  # wears off while the class is not given
            gone = np.exp(-values[f"{slot}_resistance_loss"] * snapshot.times)
            values[f"{slot}_resistance"] = values[f"{slot}_resistance_start"] * gone
    return snapshot.with_values(values)
