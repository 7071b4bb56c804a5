"""Virtual cohorts: the index treatment in patients of whom each belongs to a parameter set, and what a trial saw.

Many sets and one patient for each cost the same as few sets and many patients, and say more about how an outcome hangs
on the parameters. The patients' luck is keyed by seed and number: all cohorts, and all sets, have the same.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from aftercar import __version__
from aftercar.catalogue.calibration import VirtualCohort
from aftercar.catalogue.model_data import ModelData
from aftercar.catalogue.populations import Population
from aftercar.clinic import Schedule, grade_response, observe_visits, tabulate_patients
from aftercar.clinic.categories import PD, PR
from aftercar.clinic.visits import SYSTEM_LEVELS
from aftercar.engine import IntegrationWarning, simulate
from aftercar.foundation import hash_bytes
from aftercar.model import Structure, Treatment, arrange_course, build_system
from aftercar.model.structure import PROGENITOR, SITES
from aftercar.patients import ParameterSets, draw_population
from aftercar.patients.readouts import reading_limits, share_with_variant
from aftercar.patients.simulation import default_settings

FloatArray = npt.NDArray[np.float64]
# Copies are read each day of the four weeks in which the peak lies.
_DAILY = np.arange(0.0, 29.0)
_BLOCK = 500  # patients whose states are held at once
_SCHEDULE = Schedule()
# Raised when what is read from a patient changes, so that old files are not taken for new ones.
_READING = "1"


@dataclass(frozen=True)
class CohortRequest:
    """A cohort to simulate: `n` patients, dealt to the sets in turn."""

    cohort: VirtualCohort
    population: Population
    sets: ParameterSets
    n: int
    seed: int


def request_key(request: CohortRequest, data: ModelData) -> str:
    """Return the hash of everything that the facts of a cohort hang on."""
    parts = (
        _READING, __version__, data.hash, request.cohort.model_dump_json(), request.population.model_dump_json(),
        request.sets.hash, repr((request.n, request.seed)),
    )  # fmt: skip
    return hash_bytes(*(part.encode() for part in parts))


def simulate_cohort(request: CohortRequest, data: ModelData) -> pd.DataFrame:
    """Simulate a cohort and return what its trial saw, one row per patient.

    Columns: `set` (from 1), `best` (category), `response_day`, `progression_day` (NaN for none), `peak` [copies/ug],
    `quantified_day` (last with copies above the limit of quantification; -inf for none), `antigen_lost` (share of cells
    at progression that lost BCMA or its epitope; NaN without progression), `antibody` (highest index of antibodies
    against the CAR, 0 to 1), `emd` (plasmacytomas at the start).
    Patients whose integration stopped early are left out; `attrs["stopped"]` counts them.
    """
    cohort = request.cohort
    course = arrange_course(
        [Treatment(cohort.therapy, dose_factor=cohort.dose_factor)], days=float(cohort.days), data=data
    )
    people = draw_population(
        request.population, course, n=request.n, seed=request.seed, sets=request.sets, data=data
    ).parameters
    system, settings = build_system(data, course.structure), default_settings(course.structure, data)
    clones = [f"{site}_{clone.id}" for clone in course.structure.clones for site in SITES]
    antibodies = [f"{slot}_antibody" for slot in course.structure.slot_names("product")]
    times = np.unique(np.concatenate([[course.start], _SCHEDULE.days(course.end), _DAILY]))
    parts = []
    for first in range(0, len(people), _BLOCK):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", IntegrationWarning)  # counted below
            result = simulate(
                system, times=times, patients=people.iloc[first : first + _BLOCK], doses=list(course.doses),
                outputs=[*SYSTEM_LEVELS, *clones, PROGENITOR, *antibodies], seed=request.seed, settings=settings,
            )  # fmt: skip
        parts.append(read_facts(result, structure=course.structure, seed=request.seed))
    facts = pd.concat(parts)
    facts.insert(0, "set", request.sets.sets_of(facts.index))
    facts["emd"] = people.loc[facts.index, "emd_share"].to_numpy() > 0 if "emd_share" in people else False
    facts.attrs["stopped"] = len(people) - len(facts)
    return facts


def read_facts(result: xr.Dataset, *, structure: Structure, seed: int) -> pd.DataFrame:
    """Return what a trial would write down of each patient whose integration went through."""
    whole = np.isfinite(result["m_protein_g_per_dl"].to_numpy()).all(axis=1)
    result = result.isel(patient=np.flatnonzero(whole))
    grading = grade_response(observe_visits(result, seed=seed, schedule=_SCHEDULE))
    table = tabulate_patients(grading).set_index("patient").loc[result["patient"].to_numpy()]
    level = grading.confirmation.level
    first = np.where((level >= PR) & (level != PD), grading.laboratory.day, np.inf).min(axis=1)
    copies, times = result["copies_per_ug"].to_numpy(), result["time"].to_numpy()
    quantified = (copies >= reading_limits()["copies_lloq"]) & (times >= 0)
    by_patient = pd.Series(first, index=pd.Index(grading.laboratory.patients)).loc[table.index].to_numpy()
    return pd.DataFrame(
        {
            "best": table["best_response"].to_numpy(),
            "response_day": by_patient,
            "progression_day": table["progression_day"].to_numpy(),
            "peak": np.where(times >= 0, copies, 0.0).max(axis=1),
            "quantified_day": np.where(quantified, times, -np.inf).max(axis=1),
            "antibody": _highest_antibody(result, structure),
            "antigen_lost": _lost(result, structure, table["progression_confirmed_day"].to_numpy()),
        },
        index=table.index,
    )


def _highest_antibody(result: xr.Dataset, structure: Structure) -> FloatArray:
    found = [result[f"{slot}_antibody"].to_numpy().max(axis=1) for slot in structure.slot_names("product")]
    return np.asarray(np.max(found, axis=0), dtype=np.float64)


def _lost(result: xr.Dataset, structure: Structure, day: FloatArray) -> FloatArray:
    """Return the share of cells without BCMA, or without its epitope, on the day; NaN where there is none."""
    shares: Mapping[str, FloatArray] = share_with_variant(result, structure)
    bcma = next(antigen for antigen in structure.antigens if antigen.id == "BCMA")
    lost = sum((shares[v.name] for v in bcma.variants if not v.reversible), np.zeros(1))
    position = np.searchsorted(result["time"].to_numpy(), np.nan_to_num(day))
    return np.where(np.isfinite(day), lost[np.arange(len(day)), position], np.nan)
