"""ADRS: response at every visit, and what follows from all of them, in the parameters of admiralonco for IMWG criteria.

Progression, response, best response and residual disease are those of the first line, as the trial's own outcomes have
them; nothing is graded anew here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import pandas as pd

from aftercar.clinic.counting import categories_of
from aftercar.trials.adam.dataset import AdamDataset, Variable, make_dataset
from aftercar.trials.adam.study import CARRIED, IDENTIFIERS, SEQUENCE, YES, Study, carry
from aftercar.trials.adam.visits import TIMING, date_rows, place_visits

# From worst to best, then NE: the order in which admiralonco numbers the responses of IMWG.
RESPONSE_NUMBER: Final[Mapping[str, int]] = {
    "PD": 1, "SD": 2, "MR": 3, "PR": 4, "VGPR": 5, "CR": 6, "sCR": 7, "NE": 8,
}  # fmt: skip
PARAMETERS: Final[Mapping[str, str]] = {
    "OVRLRESP": "Overall Response by IMWG, Not Confirmed",
    "COVR": "Confirmed Response at Time Point by IMWG",
    "CBOR": "Best Confirmed Overall Response by IMWG, First Line",
    "RSP": "Response by IMWG (PR or Better), First Line",
    "CB": "Clinical Benefit by IMWG (MR or Better), First Line",
    "VGPRRSP": "VGPR or Better by IMWG, First Line",
    "CRRSP": "CR or Better by IMWG, First Line",
    "MRDNEG": "Minimal Residual Disease Negative, First Line",
    "PD": "Disease Progression by IMWG, First Line",
    "PD2": "Disease Progression by IMWG, Second Line",
    "DEATH": "Death",
}
_DAYS: Final[Mapping[str, str]] = {
    "MRDNEG": "mrd_negative_day", "PD": "progression_day", "PD2": "second_progression_day", "DEATH": "death_day",
}  # fmt: skip
_LINE_OF: Final[Mapping[str, float]] = {"DEATH": np.nan, "PD2": 2}
VARIABLES: Final = (
    *IDENTIFIERS,
    SEQUENCE,
    *CARRIED,
    Variable("PARAM", "Parameter", "text", "one for each PARAMCD"),
    Variable("PARAMCD", "Parameter Code", "text", "as of admiralonco, IMWG", "parameters of ADRS"),
    Variable("PARAMN", "Parameter (N)", "number", "place of PARAMCD in the list"),
    Variable("AVALC", "Analysis Value (C)", "text", "response of the source, or Y and N", "ONCRSR, MISSING, NY"),
    Variable("AVAL", "Analysis Value", "number", "PD 1, SD 2, MR 3, PR 4, VGPR 5, CR 6, sCR 7, NE 8; Y 1, N 0"),
    *TIMING,
    Variable(
        "ANL01FL", "Analysis Flag 01", "text", "visits of line 1 after baseline up to PD; all other parameters", YES
    ),
)


def build_adrs(study: Study) -> AdamDataset:
    """Return ADRS: rows of visits where a run kept its visits, and one row a subject for each other parameter."""
    visits = place_visits(study)
    parts = [*_visit_rows(study, visits), _best_rows(study), *_yes_or_no(study, visits), _later_lines(study)]
    frame = pd.concat([part for part in parts if len(part)], ignore_index=True)
    codes = {code: place for place, code in enumerate(PARAMETERS, start=1)}
    later = sorted(set(frame["PARAMCD"]) - set(codes))
    codes |= {code: len(codes) + place for place, code in enumerate(later, start=1)}
    frame["PARAMN"] = frame["PARAMCD"].map(codes)
    numbers = {**RESPONSE_NUMBER, "Y": 1, "N": 0}
    frame["AVAL"] = frame["AVALC"].map(numbers)
    return make_dataset(
        frame, name="ADRS", label="Response Analysis", structure="BASIC DATA STRUCTURE",
        keys=("STUDYID", "USUBJID", "PARAMN", "ADT", "AVISITN"), variables=VARIABLES,
    )  # fmt: skip


def _visit_rows(study: Study, visits: pd.DataFrame) -> list[pd.DataFrame]:
    progression = _outcome(study, visits, "progression_day")
    seen = (visits["line"] == 1) & ~visits["baseline"] & ~(visits["day"] > progression)
    visits = visits.assign(ANL01FL=np.where(seen, "Y", ""))
    rows = []
    for code, column in (("OVRLRESP", "response"), ("COVR", "confirmed_response")):
        graded = visits[visits[column] != ""]
        rows.append(graded.assign(PARAMCD=code, PARAM=PARAMETERS[code], AVALC=graded[column]))
    return rows


def _best_rows(study: Study) -> pd.DataFrame:
    """Best response: NE where treated patients have none, MISSING (admiralonco's word) where nobody was treated."""
    people = study.subjects
    best = people["best_response"].where(people["best_response"] != "", "NE")
    best = best.where(people["treated"].astype(bool), "MISSING")
    first = study.tables.lines[study.tables.lines["line"] == 1]
    day = _merge(first, people, "best_response_day")
    return _subject_rows(study, "CBOR", best, day)


def _yes_or_no(study: Study, visits: pd.DataFrame) -> list[pd.DataFrame]:
    people = study.subjects
    found = []
    for code, measure in (("RSP", "ORR"), ("CB", "CBR"), ("VGPRRSP", "VGPR or better"), ("CRRSP", "CR or better")):
        reached = people["best_response"].isin(categories_of(measure))
        day = people["first_response_day"] if code == "RSP" else _first_visit(visits, people, measure)
        found.append((code, reached, day))
    for code, column in _DAYS.items():
        found.append((code, people[column].notna(), people[column]))
    return [
        _subject_rows(study, code, pd.Series(np.where(yes, "Y", "N"), people.index), day.where(yes))
        for code, yes, day in found
    ]


def _first_visit(visits: pd.DataFrame, people: pd.DataFrame, measure: str) -> pd.Series:
    """Return the first day on which a confirmed response of at least this level was seen, as far as visits are kept."""
    reached = visits[(visits["line"] == 1) & visits["confirmed_response"].isin(categories_of(measure))]
    first = reached.groupby(["arm", "patient"])["day"].min().reset_index()
    return _merge(first, people, "day")


def _later_lines(study: Study) -> pd.DataFrame:
    """Best responses to lines after the first, a parameter for each, of subjects who were treated in it."""
    lines = study.tables.lines
    later = lines[(lines["line"] > 1) & lines["treated"].astype(bool)]
    rows = carry(study, later)
    number = rows["line"].astype(str)
    rows = rows.assign(
        PARAMCD="CBORL" + number, PARAM="Best Confirmed Overall Response by IMWG, Line " + number, LINE=rows["line"],
        AVALC=rows["best_response"].where(rows["best_response"] != "", "NE"), AVISIT="", AVISITN=np.nan, ANL01FL="Y",
    )  # fmt: skip
    return date_rows(study, rows, rows["best_response_day"])


def _subject_rows(study: Study, code: str, value: pd.Series, day: pd.Series) -> pd.DataFrame:
    rows = study.subjects.assign(
        PARAMCD=code, PARAM=PARAMETERS[code], AVALC=value, AVISIT="", AVISITN=np.nan, ANL01FL="Y",
        LINE=_LINE_OF.get(code, 1),
    )  # fmt: skip
    return date_rows(study, rows, day)


def _outcome(study: Study, rows: pd.DataFrame, column: str) -> pd.Series:
    return _merge(study.subjects, rows, column)


def _merge(known: pd.DataFrame, rows: pd.DataFrame, column: str) -> pd.Series:
    """Return a column of `known` for each row, by arm and patient."""
    found = known.set_index(["arm", "patient"])[column].reindex(pd.MultiIndex.from_frame(rows[["arm", "patient"]]))
    return pd.Series(found.to_numpy(dtype=np.float64), index=rows.index)
