"""The study that a trial becomes when it is exported: its subjects, and dates on a calendar of its own.

The same virtual patient in two arms is two subjects, as in a trial on paper; `PATIENT` tells which are one patient.
Dates are virtual: an anchor, plus the day on which the patient entered, plus the day since entry, rounded down. A time
of `ADTTE` is the program's own and not a difference of these dates.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import numpy as np
import pandas as pd

from aftercar.foundation import Fault, InputError
from aftercar.trials.adam.dataset import Variable
from aftercar.trials.folder import check_tables
from aftercar.trials.tables import TrialTables

ANCHOR: Final = date(2000, 1, 1)
_ID = re.compile(r"[A-Z0-9][A-Z0-9_-]{0,19}\Z")
_LAST_DAY = 2_000_000  # [day]: a calendar of five thousand years holds any trial and stays within dates of SAS

YES_NO = "NY"
YES = "NY (Y or null)"

IDENTIFIERS: Final = (
    Variable("STUDYID", "Study Identifier", "text", "option --study"),
    Variable("USUBJID", "Unique Subject Identifier", "text", "STUDYID-number of the arm-outcomes.patient"),
)
VIRTUAL: Final = (
    Variable("PATIENT", "Number of the Virtual Patient", "number", "outcomes.patient; the same patient in every arm"),
    Variable("SIMFL", "Simulated Record Flag", "text", "Y: every record is simulated", YES),
)
CARRIED: Final = (
    *VIRTUAL,
    Variable("TRTP", "Planned Treatment", "text", "ADSL.TRT01P"),
    Variable("TRTPN", "Planned Treatment (N)", "number", "ADSL.TRT01PN"),
    Variable("TRTA", "Actual Treatment", "text", "ADSL.TRT01A"),
    Variable("TRTAN", "Actual Treatment (N)", "number", "ADSL.TRT01AN"),
    Variable("ITTFL", "Intent-To-Treat Population Flag", "text", "ADSL.ITTFL", YES_NO),
    Variable("SAFFL", "Safety Population Flag", "text", "ADSL.SAFFL", YES_NO),
    Variable("RANDDT", "Date of Randomization", "date", "ADSL.RANDDT"),
    Variable("TRTSDT", "Date of First Exposure to Treatment", "date", "ADSL.TRTSDT"),
)
"""Variables of ADSL that every other dataset carries after its identifiers."""
SEQUENCE: Final = Variable("ASEQ", "Analysis Sequence Number", "number", "number of the row within USUBJID")
LINE: Final = Variable("LINE", "Line of the Trial", "number", "line of the source table; 1 for the first")


@dataclass(frozen=True, slots=True, eq=False)
class Study:
    """A trial with the names and the calendar of its export.

    Attributes
    ----------
    arms
        Names of the arms; their place, from 1, is their number.
    subjects
        One row per arm and patient: the columns of `outcomes` and `subjects` of the trial, `IDENTIFIERS` and `CARRIED`.
    """

    id: str
    anchor: date
    tables: TrialTables
    arms: tuple[str, ...]
    subjects: pd.DataFrame


def make_study(tables: TrialTables, *, study: str, anchor: date = ANCHOR) -> Study:
    """Return the study of a trial's tables.

    Raises
    ------
    InputError
        The name of the study is not of the form of a `STUDYID`, the tables are not what they should be, or nobody
        entered.
    """
    if not _ID.match(study):
        found = f"'{study}' is no identifier of a study."
        raise InputError(Fault("study", found, "Use up to 20 of A-Z, 0-9, _ and -, beginning with a letter or digit."))
    check_tables(tables)
    if tables.outcomes.empty:
        raise InputError(Fault("outcomes", "no patient entered the trial.", "Export a trial that has patients."))
    arms = tuple(str(arm) for arm in pd.unique(tables.outcomes["arm"]))
    people = tables.outcomes.merge(tables.subjects, on="patient", how="left", validate="m:1")
    number = people["arm"].map({arm: place for place, arm in enumerate(arms, start=1)})
    treated = people["treated"].astype(bool)
    subject = number.astype(str) + "-" + people["patient"].astype(str)
    begin = people["calendar_day"] + people["start_day"]
    identity: dict[str, Any] = {
        "STUDYID": study, "USUBJID": f"{study}-" + subject, "SUBJID": subject, "PATIENT": people["patient"],
        "SIMFL": "Y", "TRTP": people["arm"], "TRTPN": number, "TRTA": people["arm"].where(treated, ""),
        "TRTAN": number.where(treated), "ITTFL": "Y", "SAFFL": np.where(treated, "Y", "N"),
        "RANDDT": date_on(people["calendar_day"], anchor), "TRTSDT": date_on(begin, anchor),
    }  # fmt: skip
    return Study(study, anchor, tables, arms, people.assign(**identity))


def carry(study: Study, rows: pd.DataFrame) -> pd.DataFrame:
    """Return rows that have `arm` and `patient` with the identifiers of their subject and its day of entry."""
    names = [variable.name for variable in (*IDENTIFIERS, *CARRIED)]
    known = study.subjects[["arm", "patient", "calendar_day", "start_day", *names]]
    known = known.rename(columns={"start_day": "first_day"})
    return rows.merge(known, on=["arm", "patient"], how="left", validate="m:1")


def date_on(day: pd.Series, anchor: date) -> pd.Series:
    """Return the virtual date of days since the trial opened; NaT where the day is missing."""
    if (day.abs() > _LAST_DAY).any():
        found = f"day {day.abs().max():g} lies outside every calendar."
        raise InputError(Fault("tables", found, f"Days count from entry and stay below {_LAST_DAY:,}."))
    start = np.datetime64(anchor, "s").astype(np.int64)
    seconds = np.floor(day.to_numpy(dtype=np.float64)) * 86_400 + start
    dates = pd.Series(np.datetime64("NaT", "s"), index=day.index, dtype="datetime64[s]")
    known = np.isfinite(seconds)
    dates[known] = seconds[known].astype(np.int64).astype("datetime64[s]")
    return dates


def study_day(when: pd.Series, reference: pd.Series) -> pd.Series:
    """Return the day relative to a reference date, which is day 1; the day before it is -1."""
    days = (when - reference).dt.days
    return days + (days >= 0)
