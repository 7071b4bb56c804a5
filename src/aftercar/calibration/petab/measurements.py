"""Published figures as measurements of the typical patient, with the noise that the calibration's likelihood implies.

A median of n patients, where patients differ log-normally with the standard deviation s, has the standard error
s * sqrt(pi / (2 n)) on the log scale: that is the binomial error of "half of the patients lie above it". The
calibration's discrepancy d on the logit of that half is, at the half, a shift of d * sqrt(2 pi) / 4 standard deviations
of a normal law. Both together are the noise, so that one figure weighs here as much as there.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy.stats import norm

from aftercar.catalogue.model_data import ModelData
from aftercar.catalogue.petab import PetabMeasurement, PetabPlan
from aftercar.catalogue.targets import KineticTarget, Targets
from aftercar.patients.readouts import reading_limits


@dataclass(frozen=True, slots=True)
class Measured:
    """A level on a day after the infusion, and its noise on the natural logarithmic scale.

    `spread`: standard deviation between patients on that scale; `n` patients.
    """

    id: str
    cohort: str
    observable: str
    day: float
    level: float
    noise: float
    spread: float
    n: int
    row: KineticTarget
    note: str


def read_measurements(
    plan: PetabPlan, targets: Targets, data: ModelData, *, discrepancy: float
) -> tuple[Measured, ...]:
    """Return the measurements of a plan. `discrepancy`: of the calibration, on the logit scale."""
    return tuple(_read(name, one, targets, data, discrepancy) for name, one in plan.measurements.items())


def _read(name: str, one: PetabMeasurement, targets: Targets, data: ModelData, discrepancy: float) -> Measured:
    row = targets.kinetic[one.shows]
    n = int(one.n or row.n or 0)
    day = one.day if one.day is not None else float(row.timepoint_days or 0.0)
    if one.day_of is not None:
        day = targets.kinetic[one.day_of].value
    level = row.value
    if one.reads == "mean":
        ratio = 1.0 + ((row.sd or 0.0) / row.value) ** 2
        level, spread = row.value / math.sqrt(ratio), math.sqrt(math.log(ratio))
    elif one.reads == "median":
        law = data.parameters[str(one.spread_of)].between_patients
        spread = float(law.omega or 0.0) if law is not None else 0.0
    else:
        day, level = row.value, reading_limits()["copies_lloq"]
        days = row.value * spread_of_range(float(row.low or 0.0), float(row.high or 0.0), n)
        spread = days * math.log(2.0) / targets.kinetic[str(one.slope_of)].value
    noise = spread * math.sqrt(math.pi / (2.0 * n) + (discrepancy * math.sqrt(2.0 * math.pi) / 4.0) ** 2)
    return Measured(name, one.cohort, one.observable, day, level, noise, spread, n, row, one.note)


def spread_of_range(low: float, high: float, n: int) -> float:
    """Return the standard deviation of the logarithm whose range in n patients is low to high.

    The greatest of n normal values has the median quantile 0.5^(1/n), the least its mirror.
    """
    return math.log(high / low) / (2.0 * float(norm.ppf(0.5 ** (1.0 / n))))
