"""ADTTE: times to events, exactly the trial's own, with the date and the reason of each end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from aftercar.foundation import Fault, InputError
from aftercar.trials.adam.dataset import AdamDataset, Variable, make_dataset
from aftercar.trials.adam.study import CARRIED, IDENTIFIERS, SEQUENCE, Study, carry, date_on
from aftercar.trials.endpoint_records import CountFrom, take_records


@dataclass(frozen=True, slots=True)
class _End:
    """A way in which a time can end: the day that says so, how it is described, and where it stands in ADaM."""

    column: str
    described: str
    dataset: str
    variable: str


_PROGRESSION = _End("progression_day", "Disease Progression", "ADRS", "ADT")
_DEATH = _End("death_day", "Death", "ADSL", "DTHDT")
_NEXT = _End("next_treatment_day", "Start of Next Line of Treatment", "ADSL", "NXTTRTDT")
_SECOND = _End("second_progression_day", "Disease Progression after Next Line", "ADRS", "ADT")
_ALIVE = _End("end_day", "Last Day Known Alive", "ADSL", "LSTALVDT")
_SEEN = _End("last_visit_day", "Last Disease Assessment", "ADRS", "ADT")
_UNSEEN = _End("day_one", "Day 1, No Assessment after Baseline", "", "")
_SEEN_AGAIN = _End("second_visit_day", "Last Disease Assessment under Next Line", "ADRS", "ADT")
_BEGUN_AGAIN = _End("second_start_day", "Start of Next Line of Treatment", "ADSL", "NXTTRTDT")


@dataclass(frozen=True, slots=True)
class _Parameter:
    text: str
    events: tuple[_End, ...]
    censored: tuple[_End, ...]


# Where two ends fall on one day, the first of the list names it.
PARAMETERS: Final[Mapping[str, _Parameter]] = {
    "PFS": _Parameter("Progression-Free Survival (days)", (_PROGRESSION, _DEATH), (_SEEN, _NEXT, _UNSEEN)),
    "OS": _Parameter("Overall Survival (days)", (_DEATH,), (_ALIVE,)),
    "PFS2": _Parameter(
        "Progression-Free Survival on Next Line (days)", (_SECOND, _DEATH), (_SEEN_AGAIN, _BEGUN_AGAIN, _ALIVE)
    ),
    "TTNT": _Parameter("Time to Next Treatment (days)", (_NEXT, _DEATH), (_ALIVE,)),
    "DOR": _Parameter("Duration of Response (days)", (_PROGRESSION, _DEATH), (_SEEN, _NEXT, _UNSEEN)),
}
VARIABLES: Final = (
    *IDENTIFIERS,
    SEQUENCE,
    *CARRIED,
    Variable("PARAM", "Parameter", "text", "one for each PARAMCD, with its unit"),
    Variable("PARAMCD", "Parameter Code", "text", "endpoint of the trial", "parameters of ADTTE"),
    Variable("PARAMN", "Parameter (N)", "number", "place of PARAMCD in the list"),
    Variable("AVAL", "Analysis Value", "number", "duration by the trial's endpoints, not rounded, no day added"),
    Variable("CNSR", "Censor", "number", "0 event, 1 censored", "0, 1"),
    Variable("STARTDT", "Time-to-Event Origin Date for Subject", "date", "TRTSDT or RANDDT; DOR: first response"),
    Variable("ADT", "Analysis Date", "date", "date on which the time ends: origin + AVAL, rounded down"),
    Variable("EVNTDESC", "Event or Censoring Description", "text", "which day of outcomes ended the time"),
    Variable("CNSDTDSC", "Censor Date Description", "text", "of censored rows: which day it is"),
    Variable("SRCDOM", "Source Data", "text", "dataset that has the date", "ADSL, ADRS"),
    Variable("SRCVAR", "Source Variable", "text", "its variable"),
)
_SAME_DAY = 0.5  # [day]: the shortest duration of an endpoint
BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.intp]
FloatArray = npt.NDArray[np.float64]
ObjectArray = npt.NDArray[np.object_]


def build_adtte(study: Study, *, count_from: CountFrom = "treatment") -> AdamDataset:
    """Return ADTTE: one row per subject and endpoint of those whom the endpoint counts.

    Raises
    ------
    InputError
        A time ended by an event of which the outcomes have no day.
    """
    days = _with_days(study)
    parts = [
        _parameter_rows(study, days, code, place=place, count_from=count_from)
        for place, code in enumerate(PARAMETERS, start=1)
    ]
    frame = pd.concat([part for part in parts if len(part)], ignore_index=True)
    return make_dataset(
        frame, name="ADTTE", label="Time-to-Event Analysis",
        structure="BASIC DATA STRUCTURE", keys=("STUDYID", "USUBJID", "PARAMN"), variables=VARIABLES,
    )  # fmt: skip


def _with_days(study: Study) -> pd.DataFrame:
    """Return outcomes with the days of the second line that its endpoint is censored at."""
    lines = study.tables.lines
    second = lines[(lines["line"] == 2) & lines["treated"].astype(bool)]
    second = second[["arm", "patient", "start_day", "last_visit_day"]]
    second = second.rename(columns={"start_day": "second_start_day", "last_visit_day": "second_visit_day"})
    return study.tables.outcomes.merge(second, on=["arm", "patient"], how="left", validate="1:1")


def _parameter_rows(study: Study, days: pd.DataFrame, code: str, *, place: int, count_from: CountFrom) -> pd.DataFrame:
    records = take_records(study.tables, code, count_from=count_from)
    rows = records.merge(days, on=["arm", "patient"], how="left", validate="1:1")
    by_treatment = rows["start_day"] if count_from == "treatment" else pd.Series(0.0, index=rows.index)
    origin = rows["first_response_day"] if code == "DOR" else by_treatment
    ends = origin + rows["duration"]
    rows["day_one"] = origin + 1.0
    parameter = PARAMETERS[code]
    event = rows["event"].to_numpy(dtype=bool)
    described = _describe(rows, ends, parameter, event)
    rows = carry(study, rows.drop(columns=["start_day"]).assign(**described))
    return rows.assign(
        PARAM=parameter.text, PARAMCD=code, PARAMN=place, AVAL=rows["duration"], CNSR=np.where(event, 0, 1),
        STARTDT=date_on(rows["calendar_day"] + origin, study.anchor),
        ADT=date_on(rows["calendar_day"] + ends, study.anchor),
    )  # fmt: skip


def _describe(rows: pd.DataFrame, ends: pd.Series, parameter: _Parameter, event: BoolArray) -> dict[str, ObjectArray]:
    days = _days(rows, parameter.events)
    happened = days.argmin(axis=1)  # every endpoint ends by the first of its events
    nothing = event & np.isinf(days.min(axis=1, initial=np.inf))
    if nothing.any():
        row = rows[nothing].iloc[0]
        found = f"{parameter.text} of patient {row['patient']} in arm '{row['arm']}' ends by an event that has no day."
        raise InputError(Fault("outcomes", found, "Run the trial again: its tables contradict each other."))
    last = np.abs(_days(rows, parameter.censored) - ends.to_numpy()[:, None]).argmin(axis=1)
    left = np.where(rows["drop_out_day"].notna(), "Censored: Lost to Follow-up", "Censored: End of Follow-up")
    changed = rows["next_treatment_day"].le(ends + _SAME_DAY) & (parameter.events[0] is _PROGRESSION)
    reason = np.where(changed, "Censored: Next Line of Treatment", left)
    return {
        "EVNTDESC": np.where(event, _words(parameter.events, happened, "described"), reason),
        "CNSDTDSC": np.where(event, "", _words(parameter.censored, last, "described")),
        "SRCDOM": _either(parameter, event, happened, last, "dataset"),
        "SRCVAR": _either(parameter, event, happened, last, "variable"),
    }


def _either(parameter: _Parameter, event: BoolArray, happened: IntArray, last: IntArray, what: str) -> ObjectArray:
    return np.where(event, _words(parameter.events, happened, what), _words(parameter.censored, last, what))


def _days(rows: pd.DataFrame, candidates: tuple[_End, ...]) -> FloatArray:
    """Return the day of each candidate, shape (rows, candidates); infinite where it did not happen."""
    found = rows[[end.column for end in candidates]].to_numpy(dtype=np.float64)
    return np.where(np.isfinite(found), found, np.inf)


def _words(candidates: tuple[_End, ...], chosen: IntArray, what: str) -> ObjectArray:
    """Return a word of each chosen candidate."""
    return np.array([getattr(end, what) for end in candidates], dtype=object)[chosen]
