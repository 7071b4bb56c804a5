"""Which published figures are levels of one trajectory, and so measurements of a PEtab problem, as data.

The file `petab/index_treatment.toml` holds no figure of a trial: those stand in `targets/`, and a measurement names the
row that shows it.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from aftercar.catalogue.biology import Finite, Id, Number, Record
from aftercar.catalogue.model_data import ModelData, load_model_data
from aftercar.catalogue.targets import KineticTarget, Targets, load_targets
from aftercar.foundation import Fault, InputError
from aftercar.foundation.tables import read_text

_FILE = Path(__file__).parent / "petab" / "index_treatment.toml"
Observable = Literal["copies", "exposure", "sbcma"]
# The unit in which a target must stand to be a measurement of an observable.
OBSERVABLE_UNITS: dict[str, str] = {"copies": "copy/ug", "exposure": "day*copy/ug", "sbcma": "ng/mL"}


class PetabMeasurement(Record):
    """A published figure as the level of an observable on a day after the infusion.

    `reads`: a mean with its standard deviation, as the median of a log-normal law; a median, with the spread of the
    number `spread_of` between patients; or the day of the last quantified value, on which the level is the limit of
    quantification and the half-life `slope_of` turns days into levels. The day is `day`, the value of the target
    `day_of`, or the target's own. `n`: patients where the source prints none.
    """

    cohort: Id
    observable: Observable
    reads: Literal["mean", "median", "last_quantified"]
    shows: Id
    note: str
    day: Annotated[Finite, Field(ge=0)] | None = None
    day_of: Id | None = None
    slope_of: Id | None = None
    spread_of: Id | None = None
    n: Annotated[int, Field(gt=0)] | None = None


class PetabPlan(Record):
    """Measurements by id, the factor between assays of soluble BCMA, and what stays out with its reason."""

    meaning: str
    measurements: Annotated[dict[Id, PetabMeasurement], Field(min_length=1)]
    assay_factor: Number
    left_out: dict[Id, str]


def load_petab_plan(*, data: ModelData | None = None, targets: Targets | None = None) -> PetabPlan:
    """Load and check which figures become measurements.

    Raises
    ------
    InputError
        Every fault, with the field.
    """
    faults: list[Fault] = []
    text = read_text(_FILE, faults)
    if text is None:
        raise InputError(faults)
    try:
        plan = PetabPlan.model_validate(tomllib.loads(text))
    except ValidationError as error:
        raise InputError([_fault(one) for one in error.errors()]) from None
    faults = check_petab_plan(plan, data or load_model_data(), targets or load_targets())
    if faults:
        raise InputError(faults)
    return plan


def _fault(error: Any) -> Fault:
    return Fault(_FILE.name, f"{error['msg']}.", "Correct the field.", None, ".".join(map(str, error["loc"])))


def check_petab_plan(plan: PetabPlan, data: ModelData, targets: Targets) -> list[Fault]:
    """Return what does not fit together: figures that are not there, or say too little to be a measurement."""
    faults = []
    for name, one in plan.measurements.items():
        faults += [
            Fault(_FILE.name, found, "Correct it, or leave the measurement out.", None, f"measurements.{name}")
            for found in _find_faults(one, data, targets)
        ]
    return faults


def _find_faults(one: PetabMeasurement, data: ModelData, targets: Targets) -> list[str]:
    named = [x for x in (one.shows, one.day_of, one.slope_of) if x is not None]
    missing = [f"there is no kinetic target '{x}'." for x in named if x not in targets.kinetic]
    if missing:
        return missing
    row = targets.kinetic[one.shows]
    if one.n is None and row.n is None:
        return [f"'{one.shows}' does not say how many patients."]
    if one.reads == "last_quantified":
        return _faults_of_last(one, row, targets)
    found = []
    if row.unit != OBSERVABLE_UNITS[one.observable]:
        found.append(f"'{one.shows}' is in {row.unit}, {one.observable} in {OBSERVABLE_UNITS[one.observable]}.")
    if row.statistic != one.reads:
        found.append(f"'{one.shows}' is a {row.statistic}, no {one.reads}.")
    if one.reads == "mean" and not row.sd:
        found.append(f"'{one.shows}' has no standard deviation.")
    if one.day is None and one.day_of is None and row.timepoint_days is None:
        found.append("it has no day.")
    if one.day_of is not None and targets.kinetic[one.day_of].unit != "day":
        found.append(f"'{one.day_of}' is not in days.")
    if one.reads == "median":
        number = data.parameters.get(one.spread_of or "")
        law = None if number is None else number.between_patients
        if law is None or law.law != "lognormal":
            found.append(f"'{one.spread_of}' is no number that differs log-normally between patients.")
    return found


def _faults_of_last(one: PetabMeasurement, row: KineticTarget, targets: Targets) -> list[str]:
    found = []
    if row.unit != "day" or one.observable != "copies":
        found.append("the last quantified value is a day, of copies.")
    if row.interval != "range" or not row.low or row.high is None:
        found.append(f"'{one.shows}' has no range.")
    if one.slope_of is None or targets.kinetic[one.slope_of].unit != "day":
        found.append("it needs a half-life in days.")
    return found
