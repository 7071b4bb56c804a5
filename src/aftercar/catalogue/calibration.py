"""What a calibration fits, as data: parameters to move, virtual cohorts, and the published figures that each must give.

A calibration is a TOML file under `calibration/`. It holds no figure of a trial: those stand in `targets/`, and a
target here names the row that shows it.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from aftercar.catalogue.biology import Finite, Id, Number, Record
from aftercar.catalogue.model_data import ModelData, load_model_data, to_tuples
from aftercar.catalogue.populations import Population, load_populations
from aftercar.catalogue.targets import Target, Targets, load_targets
from aftercar.foundation import Fault, InputError
from aftercar.foundation.tables import read_text

_HERE = Path(__file__).parent / "calibration"
BUILT_IN = "index_treatment"
# Quantities that a simulated cohort is held against, and the statistics in which each may be given.
READABLE: Mapping[str, tuple[str, ...]] = {
    "ORR": ("share",), "VGPR": ("share",), "CR": ("share",), "sCR": ("share",),
    "PFS_rate": ("estimate",), "relapse_free": ("share",), "PFS": ("median",), "DOR": ("median",),
    "c_max": ("mean",), "t_last": ("median",), "antigen_negative_share": ("share", "range"),
}  # fmt: skip


class CalibratedParameter(Record):
    """Numbers of the catalogue that move together, by place (see `aftercar.patients.ParameterSets`).

    `value`, `low` and `high` replace the catalogue's; a spread (``~omega``) has none there and must give them.
    """

    places: Annotated[tuple[str, ...], Field(min_length=1)]
    why: str
    value: Finite | None = None
    low: Finite | None = None
    high: Finite | None = None


class VirtualCohort(Record):
    """One arm: a population, a therapy and its dose, followed for `days` from the infusion."""

    population: Id
    therapy: Id
    meaning: str
    days: Annotated[float, Field(gt=100, allow_inf_nan=False)] | Annotated[int, Field(gt=100)]
    dose_factor: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1.0


class FittedTarget(Record):
    """A published figure and the cohorts that must give it.

    `shows`: a row of the targets. `given`: the target here whose patients are the denominator (CR among those with
    VGPR); `weights`: patients by cohort, where several are put together. `use`: fitted, or held back and predicted.
    """

    cohorts: Annotated[tuple[Id, ...], Field(min_length=1)]
    shows: Id
    given: Id | None = None
    weights: tuple[float | int, ...] | None = None
    subgroup: Literal["", "emd", "no_emd"] = ""
    use: Literal["fit", "check"] = "fit"
    note: str = ""


class Calibration(Record):
    """Everything that a calibration fits. `discrepancy`: see the file."""

    meaning: str
    discrepancy: Number
    parameters: Annotated[dict[Id, CalibratedParameter], Field(min_length=1)]
    cohorts: Annotated[dict[Id, VirtualCohort], Field(min_length=1)]
    targets: Annotated[dict[Id, FittedTarget], Field(min_length=1)]


def load_calibration(
    file: Path | None = None, *, data: ModelData | None = None, targets: Targets | None = None,
    populations: Mapping[str, Population] | None = None,
) -> Calibration:  # fmt: skip
    """Load and check a calibration; None gives the built-in one of the index treatment.

    Raises
    ------
    InputError
        Every fault, with file and field.
    """
    path = _HERE / f"{BUILT_IN}.toml" if file is None else Path(file)
    faults: list[Fault] = []
    text = read_text(path, faults)
    if text is None:
        raise InputError(faults)
    try:
        found = Calibration.model_validate(to_tuples(tomllib.loads(text)))
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        mend = f"Compare it with calibration/{BUILT_IN}.toml of the package."
        raise InputError(Fault(path.name, f"this is not TOML: {error}.", mend)) from None
    except ValidationError as error:
        raise InputError([_fault(path.name, one) for one in error.errors()]) from None
    faults = check_calibration(
        found, data or load_model_data(), targets or load_targets(), populations or load_populations(), file=path.name
    )
    if faults:
        raise InputError(faults)
    return found


def _fault(file: str, error: Any) -> Fault:
    place = ".".join(str(part) for part in error["loc"])
    return Fault(file, f"{error['msg']}.", "Correct the field.", None, place)


def check_calibration(
    one: Calibration, data: ModelData, targets: Targets, populations: Mapping[str, Population], *, file: str
) -> list[Fault]:
    """Return what does not fit together: names that lead nowhere, figures that no cohort gives."""
    faults: list[Fault] = []

    def complain(field: str, found: str, mend: str) -> None:
        faults.append(Fault(file, found, mend, None, field))

    if one.discrepancy.value < 0:
        complain("discrepancy.value", "it is below zero.", "Give a standard deviation.")
    for name, parameter in one.parameters.items():
        ends = (parameter.low, parameter.value, parameter.high)
        if any(end is None for end in ends) and any("~" in place for place in parameter.places):
            complain(f"parameters.{name}", "a spread has no range in the catalogue.", "Give value, low and high.")
        elif None not in ends and not ends[0] <= ends[1] <= ends[2]:  # type: ignore[operator]
            complain(f"parameters.{name}", "value lies outside of low to high.", "Correct them.")
    for name, cohort in one.cohorts.items():
        if cohort.population not in populations:
            complain(f"cohorts.{name}.population", f"there is no population '{cohort.population}'.", "Correct it.")
        if cohort.therapy not in data.actions or data.actions[cohort.therapy].kind != "product":
            complain(f"cohorts.{name}.therapy", f"'{cohort.therapy}' is no product of cells.", "Name a CAR-T therapy.")
    rows: dict[str, Target] = {**targets.kinetic, **targets.response}
    for name, target in one.targets.items():
        _check_target(name, target, one, rows, complain)
    return faults


def _check_target(
    name: str, target: FittedTarget, one: Calibration, rows: Mapping[str, Target],
    complain: Callable[[str, str, str], None],
) -> None:  # fmt: skip
    row = rows.get(target.shows)
    if row is None:
        complain(f"targets.{name}.shows", f"there is no target '{target.shows}'.", "Name a row of targets/*.csv.")
    elif row.statistic not in READABLE.get(row.quantity, ()):
        complain(f"targets.{name}.shows", f"a {row.statistic} of {row.quantity} is not read from cohorts.",
                 f"Read are: {', '.join(f'{k} ({v[0]})' for k, v in READABLE.items())}.")  # fmt: skip
    elif row.n is None and row.interval == "":
        complain(f"targets.{name}.shows", f"'{target.shows}' says neither patients nor an interval.", "Choose another.")
    if target.given is not None and target.given not in {*one.targets, *rows}:
        complain(f"targets.{name}.given", f"there is no target '{target.given}'.", "Name one of this file or a row.")
    if target.given == name:
        complain(f"targets.{name}.given", "it is its own denominator.", "Name the target of the denominator.")
    for cohort in target.cohorts:
        if cohort not in one.cohorts:
            complain(f"targets.{name}.cohorts", f"there is no cohort '{cohort}'.", f"Known: {', '.join(one.cohorts)}.")
    if target.weights is not None and (len(target.weights) != len(target.cohorts) or min(target.weights) <= 0):
        complain(f"targets.{name}.weights", "each cohort needs a weight above zero.", "Give as many as cohorts.")
