"""One line of therapy in patients who are alike in what they had: waiting, bridging, treatment, visits, its end.

A line starts at the visit that confirmed progression. Cells take their vein-to-vein time, other therapies a washout;
meanwhile the tumour grows and patients may die. Day 0 of the line is its first day of treatment, of infusion for CAR-T
cells. A line ends with confirmed progression, death, drop-out or the end of follow-up, whichever comes first: competing
events, none of which is drawn again by another arm with the same patients.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from aftercar.clinic.visits import SYSTEM_LEVELS
from aftercar.engine import Dose, Infusion, Snapshot, freeze_moments, simulate
from aftercar.model import Course, Treatment, build_system
from aftercar.patients.simulation import default_settings
from aftercar.trials.cohort import Cohort, Conduct, FloatArray, Line, LineResult, Run
from aftercar.trials.ends import draw_ends, draw_events
from aftercar.trials.relapse import TRUE_VALUES, describe_relapse, know_relapse, tabulate_clones
from aftercar.trials.sight import events_until, see, tabulate_administrations, tabulate_line, tabulate_visits
from aftercar.trials.waiting import draw_manufactured, end_treatment, fill_slots, go_on, vein_to_vein


def treat(cohort: Cohort, line: Line, *, until: FloatArray, conduct: Conduct) -> LineResult:
    """Give a line to patients in whom progression was just confirmed.

    Parameters
    ----------
    until
        Day since entry on which the follow-up of each patient ends, shape (patients,).

    Raises
    ------
    InputError
        An unknown therapy, or too few slots in the structure of the trial.
    """
    wait = max([conduct.washout_days, *(vein_to_vein(one.therapy, conduct.data) for one in line.treatments)])
    made = draw_manufactured(cohort, line.treatments, conduct)
    able, unable = np.flatnonzero(made), np.flatnonzero(~made)
    table = [_not_made(cohort.select(unable), line)] if len(unable) else []
    not_made = cohort.select(unable) if len(unable) else None
    if not len(able):
        return LineResult(pd.concat(table), {}, None, not_made)
    chosen, left = cohort.select(able), until[able] - cohort.elapsed[able]
    days = max(float(left.max()) - wait, conduct.schedule.first)
    both, doses, given = go_on(chosen, line, wait, days, conduct.data)
    snapshot = fill_slots(chosen, both, conduct)
    times = np.unique(np.concatenate([[0.0], wait + conduct.schedule.days(days)]))
    result = _simulate(snapshot, times, doses, _luck(line), conduct)
    run = Run(result, tuple(doses), wait, left, snapshot, cohort.lines + 1)
    found = end_line(run, line, chosen.known, conduct)
    after = replace(chosen, given=(*cohort.given, *given), course=both, lines=run.line)
    return _from_entry(found, after, table, not_made)


def treat_first(
    people: pd.DataFrame, covariates: pd.DataFrame, course: Course, plan: Sequence[Treatment], conduct: Conduct
) -> LineResult:
    """Give the first treatment; who progressed is who can enter a trial.

    Days count from its day 0 here: nobody has entered a trial yet.
    """
    line = Line("first treatment", tuple(plan))
    times = np.unique(np.concatenate([[course.start], conduct.schedule.days(course.end)]))
    result = _simulate(people, times, course.doses, "", conduct)
    run = Run(result, course.doses, 0.0, np.full(len(people), course.end), people, 1)
    found = end_line(run, line, covariates, conduct)
    if found.snapshot is None:
        return LineResult(found.table.reset_index(), found.details, None, None)
    ids = list(found.snapshot.patients)
    entered = Cohort(
        found.snapshot, people.loc[ids], found.known, found.truth, tuple(end_treatment(one) for one in plan), course, 1,
        np.zeros(len(ids)),
    )  # fmt: skip
    return LineResult(found.table.reset_index(), found.details, entered, None)


@dataclass(frozen=True)
class _Ended:
    """A line's end, days counted from the decision to give it: one row per patient, and who goes on."""

    table: pd.DataFrame
    details: dict[str, pd.DataFrame]
    snapshot: Snapshot | None
    known: pd.DataFrame
    truth: pd.DataFrame


def end_line(run: Run, line: Line, known: pd.DataFrame, conduct: Conduct) -> _Ended:
    """Let the clinic see a simulated line, and let competing events end it."""
    ids = run.result["patient"].to_numpy().astype(np.int64)
    events = draw_events(run, line, ids, conduct)
    ends = draw_ends(run, ids, known, events, conduct)
    treated = (ends["end_day"].to_numpy() >= run.wait) & (run.until > run.wait) & bool(line.treatments)
    visits, grading = see(run, treated, ends, conduct)
    table = tabulate_line(run, line, treated, ends, grading)
    details = {"events": events_until(events, table)}
    if conduct.details:
        details["doses"] = tabulate_administrations(run, line, table, conduct)
        if grading is not None:
            details["visits"] = tabulate_visits(visits, grading, run, table)
    goes_on = np.flatnonzero(table["ended_by"] == "progression")
    if grading is None or not len(goes_on):
        return _Ended(table, details, None, pd.DataFrame(), pd.DataFrame())
    position = np.searchsorted(run.result["time"].to_numpy(), table["end_day"].to_numpy())
    position = np.minimum(position, run.result.sizes["time"] - 1)
    snapshot = freeze_moments(
        build_system(conduct.data, conduct.structure), run.result, patients=run.start, positions=position.tolist(),
        kept=goes_on.tolist(), doses=run.doses,
    )  # fmt: skip
    rows = _take_moments(run.result, goes_on, position)
    progressed = table.iloc[goes_on]
    days = {k: progressed[k] - run.wait for k in ("progression_day", "progression_confirmed_day")}
    now = know_relapse(rows, visits, progressed.assign(**days), conduct.structure, line=run.line, seed=conduct.seed)
    covariates = known.loc[now.index, [c for c in known if c not in now]]
    if conduct.details:
        details["clones"] = tabulate_clones(rows, conduct.structure, run.line - 1)
    return _Ended(table, details, snapshot, now.join(covariates), describe_relapse(rows, conduct.structure))


def _take_moments(result: xr.Dataset, patients: npt.NDArray[np.int64], position: npt.NDArray[np.int64]) -> xr.Dataset:
    """Return some patients, each at an output time of its own, dims (patient,)."""
    return result.isel(
        patient=xr.DataArray(patients, dims="patient"), time=xr.DataArray(position[patients], dims="patient")
    )


def _simulate(
    patients: pd.DataFrame | Snapshot, times: FloatArray, doses: Sequence[Dose | Infusion], arm: str, conduct: Conduct
) -> xr.Dataset:
    system = build_system(conduct.data, conduct.structure)
    states = [s.id for s in system.states]
    further = [name for name in dict.fromkeys((*SYSTEM_LEVELS, *TRUE_VALUES)) if name not in states]
    return simulate(
        system, times=times, patients=patients, doses=list(doses), outputs=[*states, *further], seed=conduct.seed,
        arm=arm, settings=default_settings(conduct.structure, conduct.data),
    )  # fmt: skip


def _from_entry(found: _Ended, after: Cohort, others: list[pd.DataFrame], not_made: Cohort | None) -> LineResult:
    """Count days from entry instead of from the decision."""
    shift = pd.Series(after.elapsed, index=pd.Index(after.ids, name="patient"))
    table = found.table
    table = table.assign(**{str(name): table[name] + shift for name in table if str(name).endswith("_day")})
    details = {
        name: part.assign(day=part["day"] + shift.loc[part["patient"].to_numpy()].to_numpy()) if "day" in part else part
        for name, part in found.details.items()
    }
    progressed = None
    if found.snapshot is not None:
        ids = list(found.snapshot.patients)
        progressed = replace(
            after, snapshot=found.snapshot, parameters=after.parameters.loc[ids], known=found.known,
            truth=found.truth, elapsed=table.loc[ids, "end_day"].to_numpy(),
        )  # fmt: skip
    return LineResult(pd.concat([table.reset_index(), *others], ignore_index=True), details, progressed, not_made)


def _not_made(cohort: Cohort, line: Line) -> pd.DataFrame:
    """Return rows of patients for whom no product could be made; they are followed no further in this line."""
    table = pd.DataFrame({"patient": cohort.ids, "line": cohort.lines, "name": line.name, "therapies": line.therapies})
    table["treated"], table["why_not"] = False, "product not made"
    for name in ("best_response", "progression_by", "cause_of_death", "stopped_because"):
        table[name] = ""
    table["ended_by"] = "product not made"
    table["end_day"] = table["last_alive_day"] = cohort.elapsed
    return table


def _luck(line: Line) -> str:
    """Name the chance of counted cells after what is given: the same line has the same luck in every arm."""
    return "; ".join(f"{one.therapy}@{one.day:g}" for one in (*line.bridging, *line.treatments))
