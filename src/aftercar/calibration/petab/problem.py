"""The tables of a PEtab problem, version 1, and where each of their numbers is from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from aftercar.calibration.petab.cohorts import (
    EXPOSURE,
    TypicalCohort,
    build_dosed_system,
    describe_cohorts,
    dose_parameters,
)
from aftercar.calibration.petab.measurements import Measured, read_measurements
from aftercar.calibration.petab.parameters import Estimated, find_estimated
from aftercar.calibration.waves import Material
from aftercar.catalogue.biology import Number
from aftercar.catalogue.petab import PetabPlan
from aftercar.catalogue.targets import Targets
from aftercar.engine import Network, write_sbml
from aftercar.foundation import Fault, InputError

ASSAY_FACTOR = "sbcma_assay_factor"
_OBSERVABLES = {
    "copies": ("CAR-T transgene copies [copy/ug DNA]", "copies_per_ug"),
    "exposure": ("area under the copies since the start [day*copy/ug DNA]", EXPOSURE),
    "sbcma": ("soluble BCMA, by the assay of the source [ng/mL]", f"{ASSAY_FACTOR} * sbcma_ng_per_ml"),
}  # fmt: skip


@dataclass(frozen=True)
class PetabProblem:
    """A PEtab problem of version 1 in memory.

    Attributes
    ----------
    system
        The deterministic system with the doses of all cohorts as events. Its time 0 is the first day of treatment.
    conditions, observables, measurements, parameters
        The tables as PEtab defines them. Conditions give every cohort its parameters and doses.
    sources
        Value, unit, source, locator, grade and note of each measurement and estimated parameter.
    estimated, measured
        The same as records.
    left
        What is not in the problem, with the reason, by a name.
    start
        Day of treatment at time 0; days count from the infusion.
    """

    system: Network
    conditions: pd.DataFrame
    observables: pd.DataFrame
    measurements: pd.DataFrame
    parameters: pd.DataFrame
    sources: pd.DataFrame
    estimated: tuple[Estimated, ...]
    measured: tuple[Measured, ...]
    left: Mapping[str, str]
    start: float

    def sbml(self) -> str:
        """Return the system as SBML level 3 version 2."""
        return write_sbml(self.system)


def build_petab(material: Material, plan: PetabPlan, targets: Targets) -> PetabProblem:
    """Return a calibration as a PEtab problem: the typical patient of each cohort against published levels.

    Figures that count patients are not in it: one trajectory has no share of patients.

    Raises
    ------
    InputError
        No measurement is of a cohort of the calibration, or the cohorts do not fit into one file.
    """
    calibration = material.calibration
    cohorts = describe_cohorts(calibration, material.data, material.populations)
    system = build_dosed_system(cohorts, material.data)
    estimated, left = find_estimated(material, cohorts, system)
    read = read_measurements(plan, targets, material.data, discrepancy=calibration.discrepancy.value)
    measured = tuple(one for one in read if one.cohort in calibration.cohorts)
    if not measured:
        known = ", ".join(dict.fromkeys(one.cohort for one in read))
        raise InputError(Fault("PEtab", "no published level is of a cohort of this calibration.", f"Name {known}."))
    start = cohorts[0].course.start
    factor = plan.assay_factor if any(one.observable == "sbcma" for one in measured) else None
    return PetabProblem(
        system=system, conditions=_conditions(cohorts, system, estimated),
        observables=_observables(measured), measurements=_measurements(measured, start),
        parameters=_parameters(estimated, factor), sources=_sources(measured, estimated, factor),
        estimated=estimated, measured=measured, left={**plan.left_out, **left}, start=start,
    )  # fmt: skip


def _conditions(cohorts: tuple[TypicalCohort, ...], system: Network, estimated: tuple[Estimated, ...]) -> pd.DataFrame:
    """Return one row per cohort; a column for what differs from the file of the system or is estimated."""
    default = {p.id: p.value for p in system.parameters}
    named = {(cohort, name): one.id for one in estimated for cohort, names in one.moves.items() for name in names}
    doses = dose_parameters(cohorts)
    rows = []
    for one in cohorts:
        row: dict[str, object] = {"conditionId": one.id, "conditionName": one.meaning}
        for name in sorted({name for other in cohorts for name in other.parameters} | {name for _, name in named}):
            row[name] = named.get((one.id, name), one.parameters.get(name, default[name]))
        rows.append(row | {name: one.doses.get(key, 0.0) for key, name in doses.items()})
    table = pd.DataFrame(rows)
    kept = {*doses.values(), *(name for _, name in named)}
    differing = [c for c in table.columns[2:] if c in kept or any(value != default[c] for value in table[c])]
    return table[["conditionId", "conditionName", *differing]]


def _observable_ids(measured: tuple[Measured, ...]) -> dict[str, str]:
    """Return the observable of each measurement. What is measured with one noise is one observable.

    PEtab lets the noise differ from row to row, but its library refuses to map parameters of such a table.
    """
    alike: dict[tuple[str, float], list[str]] = {}
    for one in measured:
        alike.setdefault((one.observable, one.noise), []).append(one.id)
    names = {key: f"obs_{ids[0] if len(ids) == 1 else key[0]}" for key, ids in alike.items()}
    return {one: names[key] for key, ids in alike.items() for one in ids}


def _observables(measured: tuple[Measured, ...]) -> pd.DataFrame:
    ids = _observable_ids(measured)
    rows = {ids[one.id]: (*_OBSERVABLES[one.observable], "log", one.noise, "normal") for one in measured}
    names = ["observableName", "observableFormula", "observableTransformation", "noiseFormula", "noiseDistribution"]
    return pd.DataFrame([(name, *row) for name, row in rows.items()], columns=["observableId", *names])


def _measurements(measured: tuple[Measured, ...], start: float) -> pd.DataFrame:
    ids = _observable_ids(measured)
    rows = [(ids[one.id], one.cohort, one.level, one.day - start, one.id) for one in measured]
    return pd.DataFrame(rows, columns=["observableId", "simulationConditionId", "measurement", "time", "datasetId"])


def _parameters(estimated: tuple[Estimated, ...], factor: Number | None) -> pd.DataFrame:
    rows = [
        (
            one.id, one.label.replace("_", " "), one.prior.scale, one.number.low, one.number.high, one.number.value, 1,
            "parameterScaleNormal", f"{one.prior.mean:g};{one.prior.sd:g}",
        )
        for one in estimated
    ]  # fmt: skip
    if factor is not None:
        rows.append((ASSAY_FACTOR, "assay of soluble BCMA over the catalogue's", "log", factor.low, factor.high,
                     factor.value, 1, "parameterScaleUniform", ""))  # fmt: skip
    return pd.DataFrame(
        rows,
        columns=["parameterId", "parameterName", "parameterScale", "lowerBound", "upperBound", "nominalValue",
                 "estimate", "objectivePriorType", "objectivePriorParameters"],
    )  # fmt: skip


def _sources(measured: tuple[Measured, ...], estimated: tuple[Estimated, ...], factor: Number | None) -> pd.DataFrame:
    rows: list[tuple[object, ...]] = [
        (
            one.id, "measurement", one.row.target_id, one.row.value, one.row.unit, one.row.statistic, one.n, one.spread,
            one.row.citation, one.row.locator, f"{one.note} {one.row.note}".strip(), one.row.quote, "",
        )
        for one in measured
    ]  # fmt: skip
    numbers = [(one.id, one.label, one.number, one.prior.distance) for one in estimated]
    numbers += [(ASSAY_FACTOR, "assay_factor", factor, 0.0)] if factor is not None else []
    rows += [
        (
            name, "parameter", label, number.value, number.unit, number.grade, "", "", number.source, number.locator,
            number.note, "", distance,
        )
        for name, label, number, distance in numbers
    ]  # fmt: skip
    return pd.DataFrame(
        rows,
        columns=["id", "kind", "entry", "value", "unit", "statistic_or_grade", "patients", "spread_log", "source",
                 "locator", "note", "quote", "prior_distance"],
    )  # fmt: skip
