"""Patients who relapse after a first treatment: simulated, seen by the clinic, kept at the moment of progression.

The index treatment is simulated once. At the visit that confirms progression the whole state of a patient is kept:
clones, residual CAR-T cells, antibodies, microenvironment. Every salvage arm starts from there.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from aftercar.catalogue.model_data import ModelData, load_model_data
from aftercar.catalogue.populations import Population
from aftercar.clinic import Grading, Schedule, grade_response, observe_visits, tabulate_patients
from aftercar.clinic.assays import load_assays
from aftercar.engine import IntegrationWarning, Network, Snapshot, freeze_moments, simulate
from aftercar.foundation import Fault, InputError
from aftercar.model import Structure, Treatment, arrange_course, build_system
from aftercar.model.treatment import Course
from aftercar.patients.populations import draw_population
from aftercar.patients.readouts import share_with_variant
from aftercar.patients.simulation import default_settings

FloatArray = npt.NDArray[np.float64]
_CHUNK = 256
OBSERVED = ("m_protein_g_per_dl", "free_light_chain", "mrd_level", "emd_total", "sbcma_ng_per_ml", "copies_per_ug")
_KNOWN = ("bcma_density", "tumour_total", "manufacturing_failure")
ANTIGEN_KEPT, ANTIGEN_KEPT_NO_CAR_T = "antigen kept, CAR-T cells present", "antigen kept, CAR-T cells gone"


@dataclass(frozen=True)
class Relapsed:
    """Virtual patients at progression after a first treatment. Everything here is simulated.

    Attributes
    ----------
    snapshot
        Their whole state when progression was confirmed; patients in the order of `table`.
    table
        One relapsed patient a row, indexed by patient: best response, days, mechanism of relapse, residual CAR-T
        cells, antibodies, soluble BCMA; with the covariates of the population.
    index
        One treated patient a row: response and progression after the first treatment.
    parameters
        Parameters of the relapsed patients as drawn.
    course
        The first treatment, in a structure that holds the salvage arms too.
    """

    population: Population
    plan: tuple[Treatment, ...]
    course: Course
    snapshot: Snapshot
    table: pd.DataFrame
    index: pd.DataFrame
    parameters: pd.DataFrame
    seed: int


def simulate_relapsed(
    population: Population,
    plan: Sequence[Treatment],
    *,
    n: int,
    days: float,
    seed: int,
    structure: Structure | None = None,
    schedule: Schedule | None = None,
    criteria: str = "imwg2016",
    data: ModelData | None = None,
    advance: Callable[[int], None] = lambda n: None,
) -> Relapsed:
    """Treat `n` virtual patients and keep those who progress within `days`, at the visit that confirms it.

    Parameters
    ----------
    plan
        The first treatment; day 0 is the infusion of CAR-T cells.
    structure
        Slots that hold the salvage arms too: `aftercar.model.structure_for`.
    advance
        Called with the number of patients done.

    Raises
    ------
    InputError
        Nobody relapses, or the request is impossible.
    """
    data = data or load_model_data()
    schedule = schedule or Schedule()
    course = arrange_course(plan, days=days, data=data, structure=structure)
    people = draw_population(population, course, n=n, seed=seed, data=data)
    system = build_system(data, course.structure)
    parts = []
    for first in range(0, n, _CHUNK):
        rows = people.parameters.iloc[first : first + _CHUNK]
        parts.append(_treat(system, course, rows, schedule, criteria, seed, data))
        advance(len(rows))
    index = pd.concat([part[0] for part in parts])
    if not index["progressed"].any():
        raise InputError(Fault(population.id, f"none of {n} patients progresses in {days:g} days.", "Follow longer."))
    table = pd.concat([part[1] for part in parts])
    snapshot = _join([part[2] for part in parts if len(part[2].patients)])
    table = table.join(people.covariates.loc[table.index])
    return Relapsed(
        population, tuple(plan), course, snapshot, table, index.join(people.covariates),
        people.parameters.loc[table.index], seed,
    )  # fmt: skip


def visit_times(course: Course, schedule: Schedule, end: float) -> FloatArray:
    """Return the moments that are simulated: the start, and every visit."""
    return np.unique(np.concatenate([[course.start], schedule.days(end)]))


def grade_visits_of(
    result: xr.Dataset, *, schedule: Schedule, criteria: str, seed: int
) -> tuple[Grading, pd.DataFrame]:
    """Let the clinic see simulated patients; return its grading, and one patient a row, indexed by patient."""
    grading = grade_response(observe_visits(result, seed=seed, schedule=schedule), criteria=criteria)
    return grading, tabulate_patients(grading).set_index("patient")


def _treat(
    system: Network, course: Course, rows: pd.DataFrame, schedule: Schedule, criteria: str, seed: int, data: ModelData
) -> tuple[pd.DataFrame, pd.DataFrame, Snapshot]:
    """Return the first treatment's outcomes, who relapsed with what is known of them, and their states."""
    states = [s.id for s in system.states]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", IntegrationWarning)  # counted in the table
        result = simulate(
            system, times=visit_times(course, schedule, course.end), patients=rows, doses=list(course.doses),
            outputs=[*states, *(name for name in (*OBSERVED, *_KNOWN) if name not in states)], seed=seed,
            settings=default_settings(course.structure, data),
        )  # fmt: skip
    _, index = grade_visits_of(result, schedule=schedule, criteria=criteria, seed=seed)
    index["progressed"] = np.isfinite(index["progression_confirmed_day"])
    index["stopped_because"] = result["stopped_because"].to_numpy()
    when = index["progression_confirmed_day"].to_numpy()
    position = np.searchsorted(result["time"].to_numpy(), np.nan_to_num(when))
    kept = np.flatnonzero(index["progressed"].to_numpy())
    snapshot = freeze_moments(
        system, result, patients=rows, positions=position.tolist(), kept=kept.tolist(), doses=course.doses
    )
    table = index.iloc[kept].assign(**_describe(result, position, kept, course.structure))
    return index, table, snapshot


def _describe(
    result: xr.Dataset, position: npt.NDArray[np.int64], kept: npt.NDArray[np.int64], structure: Structure
) -> dict[str, npt.NDArray[np.generic]]:
    """Return what a laboratory could find out about a relapse."""
    rows = result.isel(patient=xr.DataArray(kept, dims="patient"), time=xr.DataArray(position[kept], dims="patient"))
    known: dict[str, npt.NDArray[np.generic]] = {
        name: rows[name].to_numpy() for name in ("sbcma_ng_per_ml", "copies_per_ug", "m_protein_g_per_dl", *_KNOWN)
    }
    antibodies = [rows[f"{slot}_antibody"].to_numpy() for slot in structure.slot_names("product")]
    known["antibody"] = np.max(antibodies, axis=0) if antibodies else np.zeros(len(kept))
    known["mechanism"] = name_mechanisms(rows, structure)
    return known


def name_mechanisms(rows: xr.Dataset, structure: Structure) -> npt.NDArray[np.str_]:
    """Return why each patient relapsed, as far as cells tell: the antigen variant that most of them carry, else
    whether CAR-T cells are still found."""
    found = np.full(rows.sizes["patient"], ANTIGEN_KEPT, dtype=object)
    gone = rows["copies_per_ug"].to_numpy() < load_assays()["copies_limit"].value
    found[gone] = ANTIGEN_KEPT_NO_CAR_T
    for name, share in share_with_variant(rows, structure).items():
        found[share > 0.5] = name
    return found.astype(np.str_)


def _join(parts: Sequence[Snapshot]) -> Snapshot:
    first = parts[0]
    running: dict[str, FloatArray] = {}
    for state in {state for part in parts for state in part.running}:
        running[state] = np.concatenate([part.running.get(state, part.times) for part in parts])
    return Snapshot(
        model=first.model,
        patients=tuple(p for part in parts for p in part.patients),
        times=np.concatenate([part.times for part in parts]),
        values=np.concatenate([part.values for part in parts]),
        names=first.names,
        running=running,
        part=first.part,
    )


def count_relapses(relapsed: Relapsed) -> pd.DataFrame:
    """Return mechanisms of relapse with their number and share, most frequent first."""
    counts = relapsed.table["mechanism"].value_counts()
    return pd.DataFrame({"patients": counts, "share": counts / counts.sum()})
