"""What the clinic sees of a simulated line: visits, responses, administrations, as rows of the trial's tables."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from aftercar.clinic import Grading, grade_response, name_categories, observe_visits, tabulate_patients
from aftercar.clinic.categories import PD, PR
from aftercar.clinic.visits import SYSTEM_LEVELS
from aftercar.foundation import draw_stream
from aftercar.model import list_administrations
from aftercar.trials.cohort import Conduct, Line, Run
from aftercar.trials.tables import DOSES, EVENTS, VISITS
from aftercar.trials.waiting import schedule_line

BoolArray = npt.NDArray[np.bool_]
_GRADED_DAYS = (
    "best_response_day", "first_response_day", "progression_day", "progression_confirmed_day", "mrd_negative_day",
    "last_visit_day",
)  # fmt: skip


def see(run: Run, treated: BoolArray, ends: pd.DataFrame, conduct: Conduct) -> tuple[pd.DataFrame, Grading | None]:
    """Return the visits of those treated, up to each patient's end, and their responses (None for nobody's).

    Days of both count from the line's day 0.
    """
    if not treated.any():
        return pd.DataFrame(), None
    seen = run.result[list(SYSTEM_LEVELS)].isel(patient=np.flatnonzero(treated))
    seen = seen.assign_coords(time=seen["time"] - run.wait)
    # Line 1 is the first treatment: each line has noise of its own.
    seed = conduct.seed if run.line == 1 else int(draw_stream(conduct.seed, "visits", str(run.line)).integers(2**63))
    visits = observe_visits(seen, seed=seed, schedule=conduct.schedule)
    mine = ends.loc[visits["patient"].to_numpy()]
    visits["death_day"] = mine["death_day"].to_numpy() - run.wait
    visits["death_from_myeloma"] = (mine["cause_of_death"] == "myeloma").to_numpy().astype(np.float64)
    visits = visits[visits["day"].to_numpy() <= mine["end_day"].to_numpy() - run.wait]
    return visits, grade_response(visits, criteria=conduct.criteria)


def tabulate_line(
    run: Run, line: Line, treated: BoolArray, ends: pd.DataFrame, grading: Grading | None
) -> pd.DataFrame:
    """Return one row per patient, indexed by patient; days count from the decision to give the line."""
    table = pd.DataFrame(index=ends.index)
    table["line"], table["name"], table["therapies"] = run.line - 1, line.name, line.therapies
    table["start_day"] = np.where(treated, run.wait, np.nan)
    table["treated"] = treated
    died, lost = ends["death_day"].notna().to_numpy(), ends["drop_out_day"].notna().to_numpy()
    table["why_not"] = np.select([treated, died, lost], ["", "died", "dropped out"], "follow-up ended")
    graded = _graded(grading, run.wait).reindex(table.index)
    for name in ("best_response", "progression_by"):
        table[name] = graded[name].astype(object).where(graded[name].notna(), "")
    for name in _GRADED_DAYS:
        table[name] = graded[name].astype(np.float64)
    confirmed = table["progression_confirmed_day"]
    progressed = confirmed.notna() & ~(ends["death_day"] <= confirmed) & (confirmed < run.until)
    table["end_day"] = confirmed.where(progressed, ends["end_day"])
    table["last_visit_day"] = table[["last_visit_day", "end_day"]].min(axis=1).where(treated)
    other = np.select([died, lost], ["death", "drop-out"], "end of follow-up")
    table["ended_by"] = np.where(progressed, "progression", other)
    table["stopped_because"] = run.result["stopped_because"].to_numpy()
    return table.join(ends.rename(columns={"end_day": "last_alive_day"}))


def _graded(grading: Grading | None, wait: float) -> pd.DataFrame:
    if grading is None:
        return pd.DataFrame(columns=["best_response", "progression_by", *_GRADED_DAYS])
    table = tabulate_patients(grading).set_index("patient")
    level, day = grading.confirmation.level, grading.laboratory.day
    responded = np.where((level >= PR) & (level != PD), day, np.inf).min(axis=1)
    table["first_response_day"] = np.where(
        table["best_response"].isin(name_categories(range(PR, PD))), responded, np.nan
    )
    table["last_visit_day"] = np.nanmax(day, axis=1)
    for name in _GRADED_DAYS:
        table[name] = table[name].replace(np.inf, np.nan) + wait
    return table


def events_until(events: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
    """Return the adverse events up to the end of each patient's line."""
    last = table["end_day"].reindex(events["patient"].to_numpy()).to_numpy()
    kept = events[np.ceil(events["day"].to_numpy()) <= last]
    found: pd.DataFrame = kept[[name for name in EVENTS if name != "arm"]].reset_index(drop=True)
    return found


def tabulate_administrations(run: Run, line: Line, table: pd.DataFrame, conduct: Conduct) -> pd.DataFrame:
    """Return administrations up to the end of each patient's line; nobody untreated has any."""
    bridging, treatments = schedule_line(line, run.wait)
    given = [*bridging, *(replace(one, day=one.day + run.wait) for one in treatments)]
    rows = list_administrations(given, days=max(float(run.until.max()), 1.0), data=conduct.data)
    last = table["end_day"].where(table["treated"], -np.inf).to_numpy()
    day = np.array([row.day for row in rows])[None, :]
    patient, one = np.nonzero((last[:, None] >= day) & (day < run.until[:, None]))
    columns = {name: np.array([getattr(row, name) for row in rows], dtype=object)[one]
               for name in ("therapy", "day", "amount", "unit")}  # fmt: skip
    found = pd.DataFrame({"patient": table.index.to_numpy()[patient], "line": run.line - 1} | columns)
    found["unit"] = found["unit"].replace("dose", "standard dose")
    return found.astype({"day": np.float64, "amount": np.float64})[[name for name in DOSES if name != "arm"]]


def tabulate_visits(visits: pd.DataFrame, grading: Grading, run: Run, table: pd.DataFrame) -> pd.DataFrame:
    """Return the table `visits` without the arm, up to the end of each patient's line."""
    laboratory = grading.laboratory
    patient, visit = np.nonzero(np.isfinite(laboratory.day))
    graded = pd.DataFrame({
        "patient": laboratory.patients[patient], "day": laboratory.day[patient, visit],
        "response": name_categories(grading.visit[patient, visit]),
        "confirmed_response": name_categories(grading.confirmation.status[patient, visit]),
    })  # fmt: skip
    found = graded.merge(visits, on=["patient", "day"], how="left")
    found["line"], found["day"] = run.line - 1, found["day"] + run.wait
    found = found[found["day"].to_numpy() <= table["end_day"].loc[found["patient"].to_numpy()].to_numpy()]
    return found.reindex(columns=[name for name in VISITS if name != "arm"]).reset_index(drop=True)
