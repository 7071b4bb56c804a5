"""Analysis visits: what ADRS and ADLB both say of a visit."""

from __future__ import annotations

import numpy as np
import pandas as pd

from aftercar.trials.adam.dataset import Variable
from aftercar.trials.adam.study import LINE, Study, carry, date_on, study_day

_PER_LINE = 10_000  # visits of the second line are numbered from 10,000; no line lasts that many days

TIMING = (
    Variable("ADT", "Analysis Date", "date", "day of the source table"),
    Variable("ADY", "Analysis Relative Day", "number", "ADT - TRTSDT, + 1 from that day on"),
    Variable("AVISIT", "Analysis Visit", "text", "Baseline of the line, or its day, rounded down"),
    Variable("AVISITN", "Analysis Visit (N)", "number", "day of the line; 10,000 more for each later line"),
    LINE,
)


def place_visits(study: Study) -> pd.DataFrame:
    """Return the visits with their subject, `TIMING`, and `baseline`: true at the first visit of a line."""
    visits = carry(study, study.tables.visits)
    visits = visits.sort_values(["arm", "patient", "line", "day"], kind="stable", ignore_index=True)
    starts = study.tables.lines[["arm", "patient", "line", "start_day"]]
    visits = visits.merge(starts, on=["arm", "patient", "line"], how="left", validate="m:1")
    visits["baseline"] = ~visits.duplicated(["arm", "patient", "line"])
    first = visits.groupby(["arm", "patient", "line"])["day"].transform("min")
    # A line that never began has no day 0: its visits count from the first of them.
    since = (visits["day"] - visits["start_day"].fillna(first)) // 1
    number = since.where(~visits["baseline"], 0.0)
    later = visits["line"] - 1
    of_line = pd.Series("Line " + visits["line"].astype(str) + " ", index=visits.index).where(later > 0, "")
    named = pd.Series("Day " + number.fillna(0).astype(np.int64).astype(str), index=visits.index)
    visits["AVISIT"] = of_line + named.where(~visits["baseline"], "Baseline")
    visits["AVISITN"] = number + later * _PER_LINE
    visits["LINE"] = visits["line"]
    return date_rows(study, visits, visits["day"])


def date_rows(study: Study, rows: pd.DataFrame, day: pd.Series) -> pd.DataFrame:
    """Return rows that know their subject with date and study day of `day` since entry."""
    when = date_on(rows["calendar_day"] + day, study.anchor)
    return rows.assign(ADT=when, ADY=study_day(when, rows["TRTSDT"]))
