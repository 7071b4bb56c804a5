"""Response by the IMWG criteria: laboratory values in, categories with dates and signs out. One door for all data.

The same rules grade one real patient and ten thousand virtual ones. Rules stand in `response.py` (categories),
`progression.py`, `confirmation.py` and `mrd.py`, thresholds in `criteria/`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from aftercar.clinic.categories import CR, MR, NE, NOT_GRADED, PD, SCR, CodeArray, name_categories
from aftercar.clinic.comparison import BoolArray, FloatArray
from aftercar.clinic.confirmation import Confirmation, confirm_responses
from aftercar.clinic.criteria import Criteria, Options, load_criteria
from aftercar.clinic.disease import MARROW, PLASMACYTOMAS, Disease, describe_disease
from aftercar.clinic.laboratory import Laboratory, arrange_laboratory
from aftercar.clinic.mrd import ResidualDisease, find_residual_disease, first_day
from aftercar.clinic.progression import Progression, find_clinical_relapse, find_progression, find_reappearance
from aftercar.clinic.response import Evidence, grade_visits


@dataclass(frozen=True)
class Grading:
    """Responses of patients under one version of the criteria.

    Attributes
    ----------
    visit
        Category at each visit before confirmation, shape (patients, visits); see `categories`.
    confirmation
        What each visit establishes once its confirming assessment is heard.
    best, best_day, best_confirmed_day
        Best confirmed response before progression, its first day and the day that confirmed it, shape (patients,).
    progression_day, progression_confirmed_day
        Day of the first assessment of confirmed progression, and of what confirmed it; NaN for none.
    progression_visit
        Position of that visit, -1 for none.
    """

    criteria: Criteria
    options: Options
    laboratory: Laboratory
    disease: Disease
    progression: Progression
    evidence: Evidence
    visit: CodeArray
    confirmation: Confirmation
    best: CodeArray
    best_day: FloatArray
    best_confirmed_day: FloatArray
    progression_visit: npt.NDArray[np.int64]
    progression_day: FloatArray
    progression_confirmed_day: FloatArray
    clinical_relapse: Mapping[str, BoolArray]
    relapse_from_cr_day: FloatArray
    residual: ResidualDisease


def grade_response(
    laboratory: Laboratory | pd.DataFrame, *, criteria: Criteria | str = "imwg2016", options: Options | None = None
) -> Grading:
    """Grade responses.

    Nothing is filled in: a visit without the values that a category needs is NE, never SD. Progression is held against
    the lowest confirmed value, response against the last value at or before day 0.

    Parameters
    ----------
    laboratory
        Values of patients at visits, or a table of them (see `arrange_laboratory`): day 0 is the start of treatment.
    criteria
        A version of the criteria, or its id.
    options
        What the published text leaves open; see `Options`.

    Returns
    -------
    Grading
        Carries the version of the criteria, so that two versions cannot be counted together (`count_responses`).

    Raises
    ------
    InputError
        The table lacks a patient or a day, or the version does not exist.

    References
    ----------
    kumar2016, Table 4. Cases from the text: tests/verification/clinic.

    Examples
    --------
    >>> table = pd.DataFrame({"patient": "A", "day": [0, 28, 56], "serum_m_g_per_dl": [4.0, 1.6, 1.5]})
    >>> grading = grade_response(table)
    >>> name_categories(grading.best).tolist(), grading.best_day.tolist()
    (['PR'], [28.0])
    """
    if isinstance(laboratory, pd.DataFrame):
        laboratory = arrange_laboratory(laboratory)
    rules = load_criteria(criteria) if isinstance(criteria, str) else criteria
    options = options or Options()
    disease = describe_disease(laboratory, rules, options)
    progression = find_progression(laboratory, disease, rules, options)
    visit, evidence = grade_visits(laboratory, disease, progression, rules, options)
    death = np.where(_flag(laboratory.death_from_myeloma, len(visit)), laboratory.of_patients("death_day"), np.nan)
    confirmation = confirm_responses(
        visit, laboratory.day, needs_repeat=_needs_repeat(visit, disease, progression),
        new_therapy_day=laboratory.of_patients("new_therapy_day"), death_from_myeloma_day=death, options=options,
    )  # fmt: skip
    best, best_day, best_confirmed = find_best(confirmation, laboratory.day)
    progressed = confirmation.level == PD
    still_complete = (visit >= CR) & (visit != PD)
    reappearance = find_reappearance(laboratory, progression, rules) & ~still_complete
    in_cr = np.logical_or.accumulate((confirmation.status >= CR) & (confirmation.status != PD), axis=1)
    return Grading(
        criteria=rules, options=options, laboratory=laboratory, disease=disease, progression=progression,
        evidence=evidence, visit=visit, confirmation=confirmation,
        best=best, best_day=best_day, best_confirmed_day=best_confirmed,
        progression_visit=np.where(progressed.any(axis=1), progressed.argmax(axis=1), -1),
        progression_day=first_day(progressed, laboratory.day),
        progression_confirmed_day=first_day(progressed, confirmation.by_day),
        clinical_relapse=find_clinical_relapse(laboratory, progression, rules),
        relapse_from_cr_day=first_day(reappearance & in_cr, laboratory.day),
        residual=find_residual_disease(laboratory, confirmation.status, reappearance, rules, options),
    )  # fmt: skip


def _flag(values: BoolArray | None, n: int) -> BoolArray:
    return np.zeros(n, dtype=bool) if values is None else values


def _needs_repeat(visit: CodeArray, disease: Disease, progression: Progression) -> BoolArray:
    """Marrow and imaging need no second assessment; a complete response rests on immunofixation, which does."""
    by_sample = np.isin(disease.kind, (MARROW, PLASMACYTOMAS))[:, None] & (visit < CR)
    response = (visit >= MR) & (visit <= SCR) & ~by_sample
    return np.asarray(response | ((visit == PD) & progression.needs_repeat))


def find_best(confirmation: Confirmation, day: FloatArray) -> tuple[CodeArray, FloatArray, FloatArray]:
    """Return the best confirmed response before progression, its first day, and the day that confirmed it."""
    level = confirmation.level
    before = np.where((confirmation.status == PD) | (level == NOT_GRADED), np.int8(NE), level)
    best = before.max(axis=1, initial=NE)
    progressed = (level == PD).any(axis=1)
    best = np.where((best == NE) & progressed, PD, best).astype(np.int8)
    reached = (level == best[:, None]) & (best != NE)[:, None]
    return best, first_day(reached, day), first_day(reached, confirmation.by_day)


def tabulate_patients(grading: Grading) -> pd.DataFrame:
    """Return one patient a row: best confirmed response, progression, residual disease, with their days."""
    signs = grading.progression.signs
    rows = np.arange(len(grading.best))
    at = grading.progression_visit
    kinds = [" + ".join(name for name, met in signs.items() if at[i] >= 0 and met[i, at[i]]) for i in rows]
    relapse = {name: first_day(met, grading.laboratory.day) for name, met in grading.clinical_relapse.items()}
    clinical = np.fmin.reduce(list(relapse.values()))
    return pd.DataFrame(
        {
            "patient": grading.laboratory.patients,
            "best_response": name_categories(grading.best),
            "best_response_day": grading.best_day,
            "confirmed_day": grading.best_confirmed_day,
            "progression_day": grading.progression_day,
            "progression_confirmed_day": grading.progression_confirmed_day,
            "progression_by": kinds,
            "mrd_negative_day": grading.residual.negative_day,
            "mrd_imaging_negative_day": grading.residual.imaging_day,
            "mrd_sustained_day": grading.residual.sustained_day,
            "clinical_relapse_day": clinical,
            "relapse_from_cr_day": grading.relapse_from_cr_day,
            "relapse_from_mrd_negative_day": grading.residual.relapse_day,
            "criteria": grading.criteria.id,
        }
    )
