"""Who enters a trial: virtual patients who got a first treatment, progressed, and are kept in the state of that day.

Patients have numbers from 1 on, in the order of candidates. Where a population comes from several others, each number
belongs to one of them by its own luck; who does not meet the criteria there is passed over.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import ndtr

from aftercar.catalogue.model_data import ModelData
from aftercar.catalogue.populations import Population
from aftercar.foundation import Fault, InputError
from aftercar.model import Course, Structure, Treatment, arrange_course
from aftercar.patients import ParameterSets
from aftercar.patients.draws import draw_scores
from aftercar.patients.parameter_sets import check_sets
from aftercar.patients.populations import VirtualPatients, check_acceptance, draw_candidates, find_population
from aftercar.trials.cohort import Cohort, Conduct
from aftercar.trials.lines import treat_first

_WINDOW = 1024


@dataclass(frozen=True)
class FirstTreatment:
    """A population, what its patients get first, and within how many days they must progress to enter."""

    population: Population
    plan: tuple[Treatment, ...]
    days: float
    share: float = 1.0

    def arrange(self, data: ModelData, structure: Structure | None = None) -> Course:
        """Return the first treatment, arranged."""
        return arrange_course(self.plan, days=self.days, data=data, structure=structure)


@dataclass(frozen=True)
class Entered:
    """Some of a trial's patients: who entered, by what they had first, and all who got the first treatment.

    `index`: one row per patient with the first treatment, columns as the table `lines`, days from its day 0.
    `subjects`, `clones`: rows of these tables for those who entered.
    """

    cohorts: tuple[Cohort, ...]
    index: pd.DataFrame
    subjects: pd.DataFrame
    clones: pd.DataFrame


def find_first_treatments(
    population: str, plan: Sequence[Treatment], days: float, populations: Mapping[str, Population]
) -> tuple[FirstTreatment, ...]:
    """Return what patients of a population get first: what a trial says, or where the population comes from.

    Raises
    ------
    InputError
        There is no such population; or a first treatment was named for patients who had theirs, or none for others.
    """
    found = find_population(population, populations)
    if bool(found.came_from) == bool(plan):
        what = (
            "had its first treatment; the trial names another" if plan else "had no treatment, and the trial names none"
        )
        raise InputError(Fault("population", f"'{population}' {what}.", "Leave [[index]] out, or write it."))
    if plan:
        return (FirstTreatment(found, tuple(plan), days),)
    return tuple(
        FirstTreatment(
            find_population(one.population, populations), tuple(Treatment.of(entry) for entry in one.treatments),
            one.days, one.share,
        )
        for one in found.came_from
    )  # fmt: skip


def number_patients(
    firsts: Sequence[FirstTreatment], *, n: int, seed: int, data: ModelData, sets: ParameterSets | None = None
) -> npt.NDArray[np.int64]:
    """Return the numbers of the first `n` candidates who may be included.

    Raises
    ------
    InputError
        Hardly any candidate meets the criteria.
    """
    courses = [one.arrange(data) for one in firsts]
    if sets is not None:
        check_sets(sets, data, [one.population for one in firsts])
    found: list[npt.NDArray[np.int64]] = []
    count = looked = 0
    while count < n:
        parts = draw_window(firsts, courses, first=looked, n=_WINDOW, seed=seed, data=data, sets=sets)
        fit = np.sort(np.concatenate([part.parameters.index.to_numpy(dtype=np.int64) for part in parts]))
        found.append(fit)
        count, looked = count + len(fit), looked + _WINDOW
        check_acceptance(count, looked, "population")
    return np.concatenate(found)[:n]


def draw_window(
    firsts: Sequence[FirstTreatment],
    courses: Sequence[Course],
    *,
    first: int,
    n: int,
    seed: int,
    data: ModelData,
    sets: ParameterSets | None,
) -> list[VirtualPatients]:
    """Return candidates `first` to `first + n - 1` who may be included, by where they come from."""
    ends = np.cumsum([one.share for one in firsts])[:-1]
    luck = (
        ndtr(draw_scores("where a patient comes from", n=n, seed=seed, first=first)) if len(firsts) > 1 else np.zeros(n)
    )
    group = np.searchsorted(ends, luck, side="right")
    parts = []
    for k, (one, course) in enumerate(zip(firsts, courses, strict=True)):
        people = draw_candidates(one.population, course, first=first, n=n, seed=seed, sets=sets, data=data)
        mine = group[people.parameters.index.to_numpy() - first - 1] == k
        parts.append(VirtualPatients(people.parameters[mine], people.covariates[mine], one.population, n))
    return parts


def enter(firsts: Sequence[FirstTreatment], numbers: npt.NDArray[np.int64], conduct: Conduct) -> Entered:
    """Give the first treatment to the patients of these numbers; return who progressed, and everybody's outcome."""
    first, last = int(numbers[0]) - 1, int(numbers[-1])
    courses = [one.arrange(conduct.data, conduct.structure) for one in firsts]
    parts = draw_window(
        firsts, courses, first=first, n=last - first, seed=conduct.seed, data=conduct.data, sets=conduct.sets
    )
    cohorts, index, subjects, clones = [], [], [], []
    for one, course, people in zip(firsts, courses, parts, strict=True):
        if not len(people.parameters):
            continue
        result = treat_first(people.parameters, people.covariates, course, one.plan, conduct)
        table = result.table.merge(people.covariates, left_on="patient", right_index=True, how="left")
        index.append(table)
        if result.progressed is None:
            continue
        cohorts.append(result.progressed)
        subjects.append(_subjects(result.progressed, table, people.covariates, conduct.sets))
        if "clones" in result.details:
            clones.append(result.details["clones"].assign(arm=""))
    return Entered(
        tuple(cohorts), pd.concat(index, ignore_index=True).sort_values("patient", ignore_index=True),
        _sorted(subjects), _sorted(clones),
    )  # fmt: skip


def _subjects(
    cohort: Cohort, table: pd.DataFrame, covariates: pd.DataFrame, sets: ParameterSets | None
) -> pd.DataFrame:
    mine = table.set_index("patient").loc[cohort.ids]
    own_set = np.ones(len(cohort), dtype=np.int64) if sets is None else sets.sets_of(cohort.ids)
    subjects = pd.DataFrame({"patient": cohort.ids, "parameter_set": own_set, "calendar_day": 0.0})
    subjects["index_best_response"] = mine["best_response"].to_numpy()
    subjects["index_progression_day"] = mine["progression_day"].to_numpy()
    columns = [name for name in cohort.truth if name != "manufacturing_failure"]
    known = pd.concat([cohort.truth[columns], covariates.loc[cohort.ids]], axis=1)
    return pd.concat([subjects.set_index("patient"), known], axis=1).reset_index(names="patient")


def _sorted(parts: Sequence[pd.DataFrame]) -> pd.DataFrame:
    if not parts:
        return pd.DataFrame()
    return pd.concat(parts, ignore_index=True).sort_values("patient", ignore_index=True, kind="stable")
