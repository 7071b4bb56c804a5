"""Virtual patients of a population: its laws over the catalogue's, correlated, with covariates, and only who may come.

Candidates have numbers, from 1 on; each has its own luck, whatever the population or the treatment. Those who do not
meet the criteria are passed over and keep their number, so that any patient can be drawn again alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from aftercar.catalogue.model_data import ModelData, load_model_data
from aftercar.catalogue.populations import Covariate, Population, load_populations
from aftercar.foundation import Fault, InputError
from aftercar.model.treatment import Course
from aftercar.patients.draws import draw_patients, draw_scores, draw_values
from aftercar.patients.parameter_sets import OMEGA, ParameterSets, check_sets

FloatArray = npt.NDArray[np.float64]
_BLOCK = 1024
# A population that accepts fewer than one candidate in a thousand has criteria that contradict its laws.
_FEWEST_ACCEPTED = 1e-3


@dataclass(frozen=True)
class VirtualPatients:
    """Virtual patients, one row each, indexed by their candidate number.

    Attributes
    ----------
    parameters
        What `aftercar.engine.simulate` is given: parameters of the system that differ from their default.
    covariates
        What is known of them besides.
    population
        Where they come from.
    candidates
        How many were looked at to find these.
    """

    parameters: pd.DataFrame
    covariates: pd.DataFrame
    population: Population
    candidates: int


def find_population(name: str, populations: Mapping[str, Population] | None = None) -> Population:
    """Return a population by its id.

    Raises
    ------
    InputError
        There is none of this name.
    """
    known = load_populations() if populations is None else populations
    if name not in known:
        mend = f"Known: {', '.join(sorted(known))}."
        raise InputError(Fault("population", f"there is no population '{name}'.", mend))
    return known[name]


def draw_population(
    population: Population,
    course: Course,
    *,
    n: int,
    seed: int,
    values: Mapping[str, float] | None = None,
    sets: ParameterSets | None = None,
    data: ModelData | None = None,
) -> VirtualPatients:
    """Draw `n` virtual patients of a population for a course of treatment.

    Parameters
    ----------
    course
        Its slots' parameters become columns too.
    values
        Parameters that are the same in all patients; they win over the population's and over the sets'.
    sets
        Parameter sets: patient number i belongs to set (i - 1) mod K, and is as lucky in every set. What a population
        says itself wins over the sets' value for the catalogue's number; a set moves it as ``karmma_like.prior_lines``.

    Raises
    ------
    InputError
        Impossible values, correlations that contradict each other, or criteria that hardly anybody meets.
    """
    data = data or load_model_data()
    if sets is not None:
        check_sets(sets, data, [population])
    blocks: list[VirtualPatients] = []
    found = looked = 0
    while found < n or not blocks:
        block = draw_candidates(
            population, course, first=looked, n=_BLOCK, seed=seed, values=values, sets=sets, data=data
        )
        blocks.append(block)
        found, looked = found + len(block.parameters), looked + _BLOCK
        check_acceptance(found, looked, population.id)
    table = pd.concat([block.parameters for block in blocks]).iloc[:n]
    known = pd.concat([block.covariates for block in blocks]).iloc[:n]
    return VirtualPatients(table, known, population, int(table.index[-1]) if n else 0)


def check_acceptance(found: int, looked: int, place: str) -> None:
    """Raise InputError where so few of the candidates looked at may be included that the search would not end."""
    if found < _FEWEST_ACCEPTED * looked and looked >= 2 / _FEWEST_ACCEPTED:
        what = f"{found} of {looked} candidates meet its criteria."
        raise InputError(Fault(place, what, "Widen its eligibility or correct its laws."))


def draw_candidates(
    population: Population,
    course: Course,
    *,
    first: int,
    n: int,
    seed: int,
    values: Mapping[str, float] | None = None,
    sets: ParameterSets | None = None,
    data: ModelData | None = None,
) -> VirtualPatients:
    """Draw `n` candidates from position `first` on (0 is the first of the seed) and return those who may be included.

    Raises
    ------
    InputError
        As `draw_population`.
    """
    data = data or load_model_data()
    laid = population_data(population, data)
    sets = None if sets is None else _sets_within(population, sets)
    scores = _Mixing.of(population).scores(seed, first, n)
    moved = set() if sets is None else set(sets.values.columns)
    alike = {
        k: number.value
        for k, number in population.parameters.items()
        if number.between_patients is None and k not in moved
    }
    fixed = values or {}
    table = draw_patients(
        course, n=n, seed=seed, first=first, values={**alike, **fixed}, scores=scores, sets=sets, data=laid
    )
    known = pd.DataFrame(
        {k: _draw_covariate(k, one, scores, seed, first, n) for k, one in population.covariates.items()},
        index=table.index,
    )
    table = _with_effects(table, known, population, fixed, laid)
    fit = meets_criteria(population, table, known, data)
    return VirtualPatients(table[fit], known[fit], population, first + n)


def meets_criteria(
    population: Population, parameters: pd.DataFrame, covariates: pd.DataFrame, data: ModelData
) -> npt.NDArray[np.bool_]:
    """Tell who meets all criteria of a population."""
    fit = np.ones(len(parameters), dtype=np.bool_)
    for criterion in population.eligibility:
        name = criterion.quantity
        column = covariates if name in covariates else parameters
        level = column[name].to_numpy() if name in column else np.full(len(fit), data.parameters[name].value)
        if criterion.at_least is not None:
            fit &= level >= criterion.at_least
        if criterion.at_most is not None:
            fit &= level <= criterion.at_most
    return fit


def population_data(population: Population, data: ModelData) -> ModelData:
    """Return the catalogue with a population's laws and typical values in place of its own."""
    own = {
        name: data.parameters[name].model_copy(update={f: getattr(number, f) for f in type(number).model_fields})
        for name, number in population.parameters.items()
    }
    return replace(data, parameters={**data.parameters, **own})


def _sets_within(population: Population, sets: ParameterSets) -> ParameterSets:
    """Return sets in the names that hold within a population: its own numbers stand for those of the catalogue."""
    table = sets.values
    catalogue = [c for c in table if str(c).removesuffix(OMEGA) in population.parameters]
    own = {c: str(c).removeprefix(f"{population.id}.") for c in table if str(c).startswith(f"{population.id}.")}
    return ParameterSets(table.drop(columns=catalogue).rename(columns=own), origin=sets.origin)


def _draw_covariate(
    name: str, covariate: Covariate, scores: Mapping[str, FloatArray], seed: int, first: int, n: int
) -> FloatArray:
    law = covariate.between_patients
    if law is None:
        return np.full(n, covariate.value)
    own = scores[name] if name in scores else draw_scores(name, n=n, seed=seed, first=first)
    return draw_values(law, covariate.value, own)


def _with_effects(
    table: pd.DataFrame, known: pd.DataFrame, population: Population, fixed: Mapping[str, float], data: ModelData
) -> pd.DataFrame:
    changed = table.copy()
    for name, covariate in population.covariates.items():
        for effect in covariate.effects:
            if effect.parameter in fixed:
                continue
            now = changed[effect.parameter] if effect.parameter in changed else data.parameters[effect.parameter].value
            above = (known[name] - effect.reference) / effect.per
            changed[effect.parameter] = now * effect.factor**above
    return changed


@dataclass(frozen=True)
class _Mixing:
    """Scores that depend on each other: each is a sum of independent ones, so that every margin stays normal."""

    names: tuple[str, ...]
    factor: FloatArray

    @staticmethod
    def of(population: Population) -> _Mixing:
        names = tuple(dict.fromkeys(name for one in population.correlations for name in one.between))
        matrix = np.eye(len(names))
        for one in population.correlations:
            i, j = (names.index(name) for name in one.between)
            matrix[i, j] = matrix[j, i] = one.rho
        try:
            return _Mixing(names, np.asarray(np.linalg.cholesky(matrix), dtype=np.float64))
        except np.linalg.LinAlgError:
            found = "its correlations contradict each other: no patients can have all of them."
            raise InputError(Fault(population.id, found, "Lower them, or give the missing pairs.")) from None

    def scores(self, seed: int, first: int, n: int) -> dict[str, FloatArray]:
        if not self.names:
            return {}
        free = np.array([draw_scores(name, n=n, seed=seed, first=first) for name in self.names])
        return dict(zip(self.names, self.factor @ free, strict=True))
