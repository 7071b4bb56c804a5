"""Counts of responses: how many patients reached each level, under one version of the criteria only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from aftercar.clinic.categories import CATEGORIES, CR, MR, NE, PD, PR, SCR, VGPR, CodeArray
from aftercar.clinic.criteria import Options
from aftercar.clinic.imwg import Grading
from aftercar.foundation import NotPoolableError

# measure: the least category that counts
MEASURES = {"ORR": PR, "CBR": MR, "VGPR or better": VGPR, "CR or better": CR, "sCR": SCR}


def categories_of(measure: str) -> tuple[str, ...]:
    """Return the names of the categories that count for a measure.

    Examples
    --------
    >>> categories_of("ORR")
    ('PR', 'VGPR', 'CR', 'sCR')
    """
    return CATEGORIES[MEASURES[measure] : PD]


@dataclass(frozen=True, slots=True)
class ResponseCount:
    """How many of how many patients reached a level. Patients who could not be evaluated stay in the total."""

    measure: str
    events: int
    total: int
    not_evaluable: int
    criteria: str


@dataclass(frozen=True, slots=True)
class GradedPatients:
    """Best confirmed responses of patients with the criteria and options that they were graded under."""

    best: CodeArray
    criteria: str
    options: Options


def collect_best(grading: Grading) -> GradedPatients:
    """Return the best responses of a grading, to be counted with others."""
    return GradedPatients(grading.best, grading.criteria.id, grading.options)


def count_responses(*groups: Grading | GradedPatients) -> list[ResponseCount]:
    """Count patients by level over one or several groups.

    Raises
    ------
    NotPoolableError
        Groups graded under different versions of the criteria, or with different options: a CR of one is no CR of the
        other. Or there are no patients.
    """
    graded = [collect_best(one) if isinstance(one, Grading) else one for one in groups]
    check_same_criteria(graded)
    best = np.concatenate([one.best for one in graded])
    unknown = int((best == NE).sum())
    return [
        ResponseCount(name, int(((best >= least) & (best != PD)).sum()), len(best), unknown, graded[0].criteria)
        for name, least in MEASURES.items()
    ]


def check_same_criteria(graded: Sequence[GradedPatients]) -> None:
    """Raise NotPoolableError unless all were graded under one version with the same options."""
    if not graded or not sum(len(one.best) for one in graded):
        raise NotPoolableError("There are no graded patients to count.")
    versions = sorted({one.criteria for one in graded})
    if len(versions) > 1:
        raise NotPoolableError(
            f"Responses by {' and '.join(versions)} cannot be counted together: their categories differ. "
            "Grade all patients by one version."
        )
    if len({one.options for one in graded}) > 1:
        raise NotPoolableError(
            "The groups were graded with different options (confirmation, nadir, missing urine). Grade them alike."
        )
