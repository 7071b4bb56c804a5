"""ADEX and ADAE: doses and adverse events, one row each, as the trial's tables have them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import pandas as pd

from aftercar.foundation import Fault, InputError
from aftercar.trials.adam.dataset import AdamDataset, Variable, make_dataset
from aftercar.trials.adam.study import CARRIED, IDENTIFIERS, LINE, SEQUENCE, YES, Study, carry
from aftercar.trials.adam.visits import date_rows

_START: Final = (
    Variable("ASTDT", "Analysis Start Date", "date", "day of the source table"),
    Variable("ASTDY", "Analysis Start Relative Day", "number", "ASTDT - TRTSDT, + 1 from that day on"),
    LINE,
)
# unit of the doses: code of the parameter
DOSE_PARAMETERS: Final[Mapping[str, str]] = {
    "cell": "DOSECELL", "cell/kg": "DOSECLKG", "mg": "DOSEMG", "mg/kg": "DOSEMGKG", "standard dose": "DOSESTD",
}  # fmt: skip
EXPOSURE: Final = (
    *IDENTIFIERS,
    SEQUENCE,
    *CARRIED,
    Variable("EXTRT", "Name of Treatment", "text", "doses.therapy", "therapies of the catalogue"),
    Variable("EXDOSE", "Dose", "number", "doses.amount"),
    Variable("EXDOSU", "Dose Units", "text", "doses.unit"),
    Variable("PARAM", "Parameter", "text", "Dose Administered, with its unit"),
    Variable("PARAMCD", "Parameter Code", "text", "by doses.unit", "parameters of ADEX"),
    Variable("PARAMN", "Parameter (N)", "number", "place of PARAMCD in the list"),
    Variable("AVAL", "Analysis Value", "number", "doses.amount"),
    *_START,
)
EVENTS: Final = (
    *IDENTIFIERS,
    SEQUENCE,
    *CARRIED,
    Variable("AETERM", "Reported Term for the Adverse Event", "text", "events.event", "ids of the catalogue"),
    Variable("AEDECOD", "Dictionary-Derived Term", "text", "AETERM in capitals: not coded by MedDRA", "not MedDRA"),
    Variable("ATOXGR", "Analysis Toxicity Grade", "text", "events.grade", "1 to 5 (CTCAE, ASTCT)"),
    Variable("ATOXGRN", "Analysis Toxicity Grade (N)", "number", "events.grade"),
    Variable("AESDTH", "Results in Death", "text", "Y for grade 5, else N", "NY"),
    Variable("AETRT", "Therapy the Event is Counted for", "text", "events.therapy", "therapies of the catalogue"),
    Variable("TRTEMFL", "Treatment Emergent Analysis Flag", "text", "Y where ASTDT is not before TRTSDT", YES),
    *_START,
)


def build_adex(study: Study) -> AdamDataset:
    """Return ADEX: one row per administration."""
    rows = carry(study, study.tables.doses)
    unknown = sorted(set(rows["unit"]) - set(DOSE_PARAMETERS))
    if unknown:
        mend = f"Units of doses are {', '.join(DOSE_PARAMETERS)}."
        raise InputError(Fault("doses", f"'{unknown[0]}' is no unit of a dose.", mend, column="unit"))
    places = {unit: place for place, unit in enumerate(DOSE_PARAMETERS, start=1)}
    rows = rows.assign(
        EXTRT=rows["therapy"], EXDOSE=rows["amount"], EXDOSU=rows["unit"], AVAL=rows["amount"],
        PARAM="Dose Administered (" + rows["unit"].astype(str) + ")", PARAMCD=rows["unit"].map(DOSE_PARAMETERS),
        PARAMN=rows["unit"].map(places),
    )  # fmt: skip
    return make_dataset(
        _dated(study, rows), name="ADEX", label="Exposure Analysis", structure="BASIC DATA STRUCTURE",
        keys=("STUDYID", "USUBJID", "ASTDT", "LINE", "EXTRT", "PARAMN"), variables=EXPOSURE,
    )  # fmt: skip


def build_adae(study: Study) -> AdamDataset:
    """Return ADAE: one row per adverse event."""
    rows = carry(study, study.tables.events)
    term = rows["event"].astype(object)
    rows = rows.assign(
        AETERM=term, AEDECOD=pd.Series([text.upper() for text in term], index=rows.index, dtype=object),
        ATOXGR=rows["grade"].astype(str), ATOXGRN=rows["grade"], AESDTH=np.where(rows["grade"] == 5, "Y", "N"),
        AETRT=rows["therapy"],
    )  # fmt: skip
    rows = _dated(study, rows)
    rows["TRTEMFL"] = np.where(rows["ASTDT"] >= rows["TRTSDT"], "Y", "")
    return make_dataset(
        rows, name="ADAE", label="Adverse Event Analysis", structure="OCCURRENCE DATA STRUCTURE",
        keys=("STUDYID", "USUBJID", "ASTDT", "LINE", "AEDECOD", "AETRT"), variables=EVENTS,
    )  # fmt: skip


def _dated(study: Study, rows: pd.DataFrame) -> pd.DataFrame:
    return date_rows(study, rows, rows["day"]).rename(columns={"ADT": "ASTDT", "ADY": "ASTDY", "line": "LINE"})
