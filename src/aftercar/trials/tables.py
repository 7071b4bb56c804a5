"""What a virtual trial leaves behind: seven tables, with what each column means.

Everything downstream (endpoints, analysis, figures, ADaM) reads these tables and nothing else, whether a trial was run
a moment ago or lies in a folder. All of it is simulated. Days count from a patient's entry: the visit that confirmed
progression after the first treatment. Missing days are NaN: it did not happen, or not yet.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

# name: (unit or kind, meaning)
Columns = Mapping[str, tuple[str, str]]

SUBJECTS: Columns = {
    "patient": ("id", "number of the virtual patient; the same patient in every arm"),
    "parameter_set": ("id", "set of population parameters that the patient belongs to, from 1"),
    "calendar_day": ("day", "day of entry since the trial opened; 0 where nobody waits for accrual"),
    "index_best_response": ("category", "best confirmed response to the first treatment"),
    "index_progression_day": ("day", "progression after the first treatment, from its day 0"),
    "mechanism": ("category", "mechanism of relapse, as far as cells tell"),
    "sbcma_ng_per_ml": ("ng/mL", "soluble BCMA at entry"),
    "copies_per_ug": ("copies/ug", "CAR transgene at entry"),
    "antibody": ("1", "antibodies against the first CAR at entry, 0 to 1"),
    "m_protein_g_per_dl": ("g/dL", "M-protein at entry"),
    "tumour_total": ("cell", "myeloma cells at entry"),
}
"""One row per patient who entered; covariates of the population (age, high_risk_cytogenetics ...) follow."""

LINES: Columns = {
    "arm": ("category", "name of the arm"),
    "patient": ("id", "number of the virtual patient"),
    "line": ("count", "1 for the first line of the trial"),
    "name": ("category", "name of the line"),
    "therapies": ("category", "ids of the therapies given, joined by '; '"),
    "start_day": (
        "day",
        "day 0 of the line: first day of treatment, infusion of CAR-T cells; NaN where it never began",
    ),
    "treated": ("flag", "whether treatment began"),
    "why_not": ("category", "why not: product not made, died, dropped out; empty if treated"),
    "best_response": ("category", "best confirmed response"),
    "best_response_day": ("day", "its first day"),
    "first_response_day": ("day", "first day of a confirmed partial response or better"),
    "progression_day": ("day", "first assessment of confirmed progression"),
    "progression_confirmed_day": ("day", "what confirmed it"),
    "progression_by": ("category", "signs of progression"),
    "mrd_negative_day": ("day", "first negative residual disease"),
    "last_visit_day": ("day", "last assessment under this line"),
    "end_day": ("day", "end of the line"),
    "ended_by": ("category", "progression, death, drop-out, end of follow-up, product not made"),
    "stopped_because": ("category", "why the integration stopped early; empty if it went to the end"),
}
"""One row per arm, patient and line that was due (also where it never began)."""

OUTCOMES: Columns = {
    "arm": ("category", "name of the arm"),
    "patient": ("id", "number of the virtual patient"),
    "treated": ("flag", "whether the first line began"),
    "start_day": ("day", "day 0 of the first line"),
    "best_response": ("category", "best confirmed response to the first line"),
    "first_response_day": ("day", "first confirmed partial response or better, first line"),
    "mrd_negative_day": ("day", "first negative residual disease, first line"),
    "progression_day": ("day", "progression under the first line"),
    "second_progression_day": ("day", "progression under the second line"),
    "next_treatment_day": ("day", "start of the second line"),
    "last_visit_day": ("day", "last assessment under the first line"),
    "death_day": ("day", "death"),
    "cause_of_death": ("category", "myeloma, infection, treatment, other; empty if alive"),
    "drop_out_day": ("day", "lost from follow-up"),
    "end_day": ("day", "last day known alive, or of death"),
}
"""One row per arm and patient."""

VISITS: Columns = {
    "arm": ("category", "name of the arm"),
    "patient": ("id", "number of the virtual patient"),
    "line": ("count", "line under which the visit took place"),
    "day": ("day", "day of the visit"),
    "response": ("category", "response at this visit before confirmation"),
    "confirmed_response": ("category", "what the visit establishes once confirmed"),
    "serum_m_g_per_dl": ("g/dL", "M-protein in serum"),
    "kappa_mg_per_l": ("mg/L", "free kappa light chains"),
    "lambda_mg_per_l": ("mg/L", "free lambda light chains"),
    "marrow_plasma_cells_percent": ("%", "plasma cells in marrow"),
    "mrd_fraction": ("1", "residual myeloma cells in marrow"),
    "plasmacytoma_spd_mm2": ("mm2", "sum of the products of diameters of plasmacytomas"),
    "sbcma_ng_per_ml": ("ng/mL", "soluble BCMA"),
    "copies_per_ug": ("copies/ug", "CAR transgene in blood"),
}
"""One row per arm, patient and visit; the first of a line is its baseline."""

EVENTS: Columns = {
    "arm": ("category", "name of the arm"),
    "patient": ("id", "number of the virtual patient"),
    "line": ("count", "line under which it happened"),
    "therapy": ("category", "therapy that it is counted for"),
    "event": ("category", "kind of event, by its id in the catalogue"),
    "grade": ("count", "highest grade, CTCAE or ASTCT; 5 is fatal"),
    "day": ("day", "onset"),
}
"""One row per adverse event."""

DOSES: Columns = {
    "arm": ("category", "name of the arm"),
    "patient": ("id", "number of the virtual patient"),
    "line": ("count", "line to which it belongs"),
    "therapy": ("category", "therapy"),
    "day": ("day", "day of administration"),
    "amount": ("number", "amount in `unit`"),
    "unit": ("category", "cell, cell/kg, mg, mg/kg, standard dose"),
}
"""One row per administration."""

CLONES: Columns = {
    "arm": ("category", "name of the arm; empty for the state at entry"),
    "patient": ("id", "number of the virtual patient"),
    "line": ("count", "0 at entry; else at progression under this line"),
    "clone": ("category", "clone by its antigens"),
    "cells": ("cell", "its myeloma cells at all sites"),
}
"""One row per arm, patient, moment and clone that has a cell."""

TABLES: Mapping[str, Columns] = {
    "subjects": SUBJECTS, "lines": LINES, "outcomes": OUTCOMES, "visits": VISITS, "events": EVENTS, "doses": DOSES,
    "clones": CLONES,
}  # fmt: skip


@dataclass(frozen=True)
class TrialTables:
    """The tables of a trial. Simulated. `visits`, `doses` and `clones` are empty where a run did not keep them."""

    subjects: pd.DataFrame
    lines: pd.DataFrame
    outcomes: pd.DataFrame
    visits: pd.DataFrame
    events: pd.DataFrame
    doses: pd.DataFrame
    clones: pd.DataFrame


def set_types(name: str, table: pd.DataFrame) -> pd.DataFrame:
    """Return a table whose columns have the type of their kind, so that an empty one has the types of a full one."""
    return table.astype({title: _type_of(kind) for title, (kind, _) in TABLES[name].items()})


def _type_of(kind: str) -> str:
    if kind == "category":
        return "str"
    if kind == "flag":
        return "bool"
    return "int64" if kind in ("id", "count") else "float64"
