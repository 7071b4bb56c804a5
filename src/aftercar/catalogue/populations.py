"""Populations of virtual patients as data: laws, covariates with their effects, correlations, who may be included.

A population stands in a TOML file under `populations/`. It lies over the catalogue: a parameter that it does not name
keeps the law it has there. A user's directory with a folder `populations/` is laid over the built-in ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Annotated

from pydantic import Field, model_validator

from aftercar.catalogue.biology import Finite, Id, ModelParameter, Number, Record, Spread
from aftercar.catalogue.limits import find_fault
from aftercar.catalogue.model_data import ModelData, load_model_data, read_records
from aftercar.catalogue.regimens import Days, TreatmentEntry
from aftercar.foundation import Fault, InputError
from aftercar.foundation.tables import read_text

_HERE = Path(__file__).parent


class Effect(Record):
    """What a covariate does to a parameter: its value is multiplied by `factor` for each `per` above `reference`."""

    parameter: Id
    factor: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    per: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1.0
    reference: Finite = 0.0
    grade: str
    source: str
    note: str = ""


class Covariate(Number):
    """Something that is known of a patient and is no parameter of the system, with what it does to parameters."""

    meaning: str
    effects: tuple[Effect, ...] = ()


class Correlation(Record):
    """Rank-like dependence between two drawn quantities: the correlation of their normal scores."""

    between: tuple[Id, Id]
    rho: Annotated[float, Field(gt=-1, lt=1)]
    grade: str
    source: str
    note: str = ""


class Criterion(Record):
    """Who may be included: a parameter or covariate with a limit."""

    quantity: Id
    at_least: Finite | None = None
    at_most: Finite | None = None
    source: str = ""

    @model_validator(mode="after")
    def _has_a_limit(self) -> Criterion:
        if self.at_least is None and self.at_most is None:
            raise ValueError("give at_least, at_most or both")
        return self


class Origin(Record):
    """Where a share of a population comes from: another population, treated, and progressed within `days`."""

    population: Id
    treatments: Annotated[tuple[TreatmentEntry, ...], Field(min_length=1)]
    days: Days = 1095.0
    share: Annotated[float, Field(gt=0, le=1)] = 1.0
    source: str
    note: str = ""


class Population(Record):
    """Virtual patients of one kind. `index`: the therapy that the population's trial gave.

    With `came_from` nobody is drawn from laws: its patients are those of other populations who progressed after a
    treatment, in the state of that day (`aftercar.trials`).
    """

    id: Id
    name: str
    meaning: str
    source: str
    index: Id | None = None
    parameters: Mapping[Id, Number] = Field(default_factory=dict)
    covariates: Mapping[Id, Covariate] = Field(default_factory=dict)
    correlations: tuple[Correlation, ...] = ()
    eligibility: tuple[Criterion, ...] = ()
    came_from: tuple[Origin, ...] = ()
    note: str = ""


def load_populations(directory: Path | None = None, data: ModelData | None = None) -> Mapping[str, Population]:
    """Load populations by id.

    Parameters
    ----------
    directory
        A user's folder that holds a folder ``populations/``; None gives the built-in ones.

    Raises
    ------
    InputError
        Every fault, with file, entry and field.
    """
    if directory is None and data is None:
        return _built_in()
    return _load((_HERE,) if directory is None else (_HERE, Path(directory)), data or load_model_data())


@lru_cache(maxsize=1)
def _built_in() -> Mapping[str, Population]:
    return _load((_HERE,), load_model_data())


def _load(roots: tuple[Path, ...], data: ModelData) -> Mapping[str, Population]:
    faults: list[Fault] = []
    texts = [
        (path, text)
        for root in roots
        for path in sorted((root / "populations").glob("*.toml"))
        if (text := read_text(path, faults)) is not None
    ]
    files: dict[str, str] = {}
    found = read_records(texts, Population, faults, files, with_id=True)
    for population in found.values():
        faults += check_population(population, data, file=files[population.id])
        faults += check_origins(population, found, data, file=files[population.id])
    if faults:
        raise InputError(faults)
    return found


def check_population(population: Population, data: ModelData, *, file: str) -> list[Fault]:
    """Return what does not fit: names that lead nowhere, values that cannot be."""
    faults: list[Fault] = []

    def complain(field: str, found: str, mend: str) -> None:
        faults.append(Fault(file, found, mend, None, f"{population.id}.{field}"))

    own = {k: p for k, p in data.parameters.items() if not p.slot}
    drawn = {**own, **population.covariates}
    if population.index is not None and population.index not in data.actions:
        complain("index", f"there is no therapy '{population.index}'.", "`aftercar model --therapies` lists them.")
    for name, number in population.parameters.items():
        wrong = _parameter_fault(name, number, own)
        if wrong is not None:
            complain(f"parameters.{name}", *wrong)
    for name, covariate in population.covariates.items():
        if name in own:
            complain(f"covariates.{name}", "a parameter has this name.", "Set it under parameters.")
        for effect in covariate.effects:
            if effect.parameter not in own:
                complain(f"covariates.{name}", f"there is no parameter '{effect.parameter}'.", "Correct the name.")
    for k, one in enumerate(population.correlations):
        for name in one.between:
            if name not in drawn:
                complain(f"correlations.{k}", f"there is no parameter or covariate '{name}'.", "Correct the name.")
            elif _law(name, population, own) is None:
                complain(f"correlations.{k}", f"'{name}' is the same in all patients.", "Give it a law.")
    for k, criterion in enumerate(population.eligibility):
        if criterion.quantity not in drawn:
            found = f"there is no parameter or covariate '{criterion.quantity}'."
            complain(f"eligibility.{k}", found, "Correct the name.")
        low, high = criterion.at_least, criterion.at_most
        if low is not None and high is not None and low > high:
            complain(f"eligibility.{k}", f"at_least {low:g} lies above at_most {high:g}.", "Exchange them.")
    return faults


def check_origins(
    population: Population, known: Mapping[str, Population], data: ModelData, *, file: str
) -> list[Fault]:
    """Return what does not fit in where a population comes from."""
    faults: list[Fault] = []

    def complain(field: str, found: str, mend: str) -> None:
        faults.append(Fault(file, found, mend, None, f"{population.id}.{field}"))

    for k, origin in enumerate(population.came_from):
        base = known.get(origin.population)
        if base is None:
            mend = f"Known: {', '.join(sorted(known))}."
            complain(f"came_from.{k}", f"there is no population '{origin.population}'.", mend)
        elif base.came_from:
            found = f"'{base.id}' comes from other populations itself."
            complain(f"came_from.{k}", found, "Name a population that is drawn from laws, and all its treatments.")
        for entry in origin.treatments:
            if entry.therapy not in data.actions:
                found = f"there is no therapy '{entry.therapy}'."
                complain(f"came_from.{k}", found, "`aftercar model --therapies` lists them.")
    total = sum(origin.share for origin in population.came_from)
    if population.came_from and abs(total - 1.0) > 1e-6:
        complain("came_from", f"the shares add up to {total:g}.", "Make them add up to 1.")
    own = (population.parameters, population.covariates, population.correlations, population.eligibility)
    if population.came_from and any(own):
        found = "it has laws of its own beside where it comes from."
        complain("came_from", found, "Write the laws into the population that it comes from.")
    return faults


def _parameter_fault(name: str, number: Number, own: Mapping[str, ModelParameter]) -> tuple[str, str] | None:
    if name not in own:
        return f"there is no parameter '{name}'.", "`aftercar model --parameters` lists them."
    if number.unit != own[name].unit:
        return f"the unit is '{number.unit}', the parameter's is '{own[name].unit}'.", "Convert the number."
    return find_fault(name, number.value, may_be_negative=own[name].may_be_negative)


def _law(name: str, population: Population, own: Mapping[str, ModelParameter]) -> Spread | None:
    number = population.parameters.get(name) or population.covariates.get(name) or own[name]
    return number.between_patients
