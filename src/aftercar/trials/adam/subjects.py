"""ADSL: one row per subject, that is per arm and virtual patient."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, Final

import numpy as np
import pandas as pd

from aftercar.trials.adam.dataset import LABEL_LENGTH, NAME_LENGTH, AdamDataset, Variable, make_dataset
from aftercar.trials.adam.study import IDENTIFIERS, VIRTUAL, YES, YES_NO, Study, date_on
from aftercar.trials.tables import SUBJECTS

_ENTRY = "date of entry (day 0): patients are allotted by the plan, not at random"

VARIABLES: Final = (
    *IDENTIFIERS,
    Variable("SUBJID", "Subject Identifier for the Study", "text", "number of the arm-outcomes.patient"),
    Variable("SITEID", "Study Site Identifier", "text", "VIRTUAL: there is no site"),
    *VIRTUAL,
    Variable("AGE", "Age", "number", "subjects.age, a covariate of the population; missing where it has none"),
    Variable("AGEU", "Age Units", "text", "YEARS where AGE is known", "AGEU"),
    Variable("SEX", "Sex", "text", "U: not simulated", "SEX"),
    Variable("RACE", "Race", "text", "UNKNOWN: not simulated", "RACE"),
    Variable("ARM", "Description of Planned Arm", "text", "outcomes.arm"),
    Variable("ARMCD", "Planned Arm Code", "text", "ARM and its number, in the order of the plan"),
    Variable("ACTARM", "Description of Actual Arm", "text", "ARM of those treated; null for others"),
    Variable("ACTARMCD", "Actual Arm Code", "text", "ARMCD of those treated; null for others"),
    Variable("ARMNRS", "Reason Arm and/or Actual Arm is Null", "text", "of those not treated", "ARMNULRS"),
    Variable("TRT01P", "Planned Treatment for Period 01", "text", "ARM"),
    Variable("TRT01PN", "Planned Treatment for Period 01 (N)", "number", "number of the arm"),
    Variable("TRT01A", "Actual Treatment for Period 01", "text", "ACTARM"),
    Variable("TRT01AN", "Actual Treatment for Period 01 (N)", "number", "number of the arm of those treated"),
    Variable("ITTFL", "Intent-To-Treat Population Flag", "text", "Y: everybody who entered", YES_NO),
    Variable("SAFFL", "Safety Population Flag", "text", "Y where outcomes.treated", YES_NO),
    Variable("RANDDT", "Date of Randomization", "date", _ENTRY),
    Variable("TRTSDT", "Date of First Exposure to Treatment", "date", "outcomes.start_day"),
    Variable("TRTEDT", "Date of Last Exposure to Treatment", "date", "last doses.day of line 1, where doses are kept"),
    Variable("NOTTRTRS", "Reason Not Treated", "text", "lines.why_not of the first line"),
    Variable("NXTTRTDT", "Date of Next Line of Treatment", "date", "outcomes.next_treatment_day"),
    Variable("EOSDT", "End of Study Date", "date", "outcomes.end_day"),
    Variable("EOSSTT", "End of Study Status", "text", "DISCONTINUED by death or drop-out, else COMPLETED", "SBJTSTAT"),
    Variable("DCSREAS", "Reason for Discontinuation from Study", "text", "outcomes.death_day, drop_out_day", "NCOMPLT"),
    Variable("DTHFL", "Subject Death Flag", "text", "Y where outcomes.death_day is known", YES),
    Variable("DTHDT", "Date of Death", "date", "outcomes.death_day"),
    Variable("DTHCAUS", "Cause of Death", "text", "outcomes.cause_of_death in capitals", "words of the simulation"),
    Variable("LSTALVDT", "Date Last Known Alive", "date", "outcomes.end_day"),
    Variable("ENTRYDAY", "Day of Entry since the Trial Opened", "number", "subjects.calendar_day, not rounded"),
    Variable("PARSET", "Set of Population Parameters", "number", "subjects.parameter_set"),
    Variable("MECHAN", "Mechanism of Relapse", "text", "subjects.mechanism", "words of the simulation"),
    Variable("IDXBOR", "Best Response to First Treatment", "text", "subjects.index_best_response", "ONCRSR"),
    Variable("IDXPDDY", "Progression after First Treatment (day)", "number", "subjects.index_progression_day"),
    Variable("SBCMABL", "Soluble BCMA at Entry (ng/mL)", "number", "subjects.sbcma_ng_per_ml"),
    Variable("CARCPBL", "CAR Transgene at Entry (copies/ug)", "number", "subjects.copies_per_ug"),
    Variable("ANTIBBL", "Antibodies against First CAR at Entry", "number", "subjects.antibody, 0 to 1"),
    Variable("MPROTBL", "M-Protein at Entry (g/dL)", "number", "subjects.m_protein_g_per_dl"),
    Variable("TUMORBL", "Myeloma Cells at Entry", "number", "subjects.tumour_total"),
)  # fmt: skip


def build_adsl(study: Study) -> AdamDataset:
    """Return ADSL. Covariates of the population follow as variables of their own."""
    people = study.subjects
    covariates = name_covariates(str(name) for name in study.tables.subjects if name not in SUBJECTS and name != "age")
    variables = (*VARIABLES, *(_describe(name, short, people[name]) for name, short in covariates.items()))
    frame = people.assign(**_demography(people), **_disposition(study))
    for name, short in covariates.items():
        frame[short] = np.where(people[name], "Y", "N") if people[name].dtype == bool else people[name]
    return make_dataset(
        frame, name="ADSL", label="Subject-Level Analysis", structure="SUBJECT LEVEL ANALYSIS DATASET",
        keys=("STUDYID", "USUBJID"), variables=variables,
    )  # fmt: skip


def _demography(people: pd.DataFrame) -> dict[str, Any]:
    age = people["age"] if "age" in people else pd.Series(np.nan, index=people.index)
    treated = people["SAFFL"] == "Y"
    code = "ARM" + people["TRTPN"].astype(str)
    return {
        "SITEID": "VIRTUAL", "AGE": age, "AGEU": pd.Series("YEARS", index=people.index).where(age.notna(), ""),
        "SEX": "U", "RACE": "UNKNOWN", "ARM": people["arm"], "ARMCD": code, "ACTARM": people["TRTA"],
        "ACTARMCD": code.where(treated, ""), "ARMNRS": np.where(treated, "", "ASSIGNED, NOT TREATED"),
        "TRT01P": people["TRTP"], "TRT01PN": people["TRTPN"], "TRT01A": people["TRTA"], "TRT01AN": people["TRTAN"],
        "ENTRYDAY": people["calendar_day"], "PARSET": people["parameter_set"], "MECHAN": people["mechanism"],
        "IDXBOR": people["index_best_response"], "IDXPDDY": people["index_progression_day"],
        "SBCMABL": people["sbcma_ng_per_ml"], "CARCPBL": people["copies_per_ug"], "ANTIBBL": people["antibody"],
        "MPROTBL": people["m_protein_g_per_dl"], "TUMORBL": people["tumour_total"],
    }  # fmt: skip


def _disposition(study: Study) -> dict[str, Any]:
    people = study.subjects
    died, left = people["death_day"].notna(), people["drop_out_day"].notna()
    reason = np.select([died, left], ["DEATH", "LOST TO FOLLOW-UP"], "")

    def on(day: pd.Series) -> pd.Series:
        return date_on(people["calendar_day"] + day, study.anchor)

    first = study.tables.lines[study.tables.lines["line"] == 1]
    doses = study.tables.doses[study.tables.doses["line"] == 1]
    last_dose = _look_up(people, doses.groupby(["arm", "patient"])["day"].max().astype(float))
    return {
        "TRTEDT": on(last_dose), "NOTTRTRS": _look_up(people, first.set_index(["arm", "patient"])["why_not"]),
        "NXTTRTDT": on(people["next_treatment_day"]), "EOSDT": on(people["end_day"]), "LSTALVDT": on(people["end_day"]),
        "EOSSTT": np.where(died | left, "DISCONTINUED", "COMPLETED"), "DCSREAS": reason,
        "DTHFL": np.where(died, "Y", ""), "DTHDT": on(people["death_day"]),
        "DTHCAUS": people["cause_of_death"].str.upper().where(died, ""),
    }  # fmt: skip


def _look_up(people: pd.DataFrame, known: pd.Series) -> pd.Series:
    """Return what is known of each arm and patient, in the order of the subjects."""
    found = known.reindex(pd.MultiIndex.from_frame(people[["arm", "patient"]]))
    return pd.Series(found.to_numpy(), index=people.index)


def name_covariates(names: Iterable[str]) -> dict[str, str]:
    """Return a SAS name of at most 8 characters for each covariate, the beginnings of its words; no two alike.

    Examples
    --------
    >>> name_covariates(["high_risk_cytogenetics", "prior_lines"])
    {'high_risk_cytogenetics': 'HIGRISCY', 'prior_lines': 'PRIOLINE'}
    """
    taken = {variable.name for variable in VARIABLES}
    short: dict[str, str] = {}
    for name in names:
        words = [word for word in "".join(c if c.isascii() and c.isalnum() else "_" for c in name).split("_") if word]
        share = math.ceil(NAME_LENGTH / max(len(words), 1))
        stem = ("".join(word[:share] for word in words).upper() or "COVAR").lstrip("0123456789") or "COVAR"
        candidate, number = stem[:NAME_LENGTH], 1
        while candidate in taken:
            number += 1
            candidate = f"{stem[: NAME_LENGTH - len(str(number))]}{number}"
        taken.add(candidate)
        short[name] = candidate
    return short


def _describe(name: str, short: str, column: pd.Series) -> Variable:
    label = f"Covariate: {name}"[:LABEL_LENGTH]
    if column.dtype == bool:
        return Variable(short, label, "text", f"subjects.{name}", YES_NO)
    kind = "number" if pd.api.types.is_numeric_dtype(column) else "text"
    return Variable(short, label, kind, f"subjects.{name}")  # type: ignore[arg-type]
