"""ADLB: one row per subject, quantity and visit. Each line of treatment has its own baseline, its first visit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import pandas as pd

from aftercar.trials.adam.dataset import AdamDataset, Variable, make_dataset
from aftercar.trials.adam.study import CARRIED, IDENTIFIERS, SEQUENCE, YES, Study
from aftercar.trials.adam.visits import TIMING, place_visits

# column of the visits: code, text with the unit, category
PARAMETERS: Final[Mapping[str, tuple[str, str, str]]] = {
    "serum_m_g_per_dl": ("MPROT", "Serum M-Protein (g/dL)", "MYELOMA"),
    "kappa_mg_per_l": ("KLCFREE", "Serum Free Kappa Light Chain (mg/L)", "MYELOMA"),
    "lambda_mg_per_l": ("LLCFREE", "Serum Free Lambda Light Chain (mg/L)", "MYELOMA"),
    "marrow_plasma_cells_percent": ("BMPLASMA", "Plasma Cells in Bone Marrow (%)", "MYELOMA"),
    "mrd_fraction": ("MRDFRAC", "Residual Myeloma Cells in Bone Marrow (1)", "MYELOMA"),
    "plasmacytoma_spd_mm2": ("PLASMSPD", "Plasmacytomas, Sum of Products of Diameters (mm2)", "IMAGING"),
    "sbcma_ng_per_ml": ("SBCMA", "Soluble BCMA (ng/mL)", "BIOMARKER"),
    "copies_per_ug": ("CARCOPY", "CAR Transgene in Blood (copies/ug)", "KINETICS"),
}
VARIABLES: Final = (
    *IDENTIFIERS,
    SEQUENCE,
    *CARRIED,
    Variable("PARCAT1", "Parameter Category 1", "text", "by PARAMCD"),
    Variable("PARAM", "Parameter", "text", "one for each PARAMCD, with its unit"),
    Variable("PARAMCD", "Parameter Code", "text", "by column of visits", "parameters of ADLB"),
    Variable("PARAMN", "Parameter (N)", "number", "place of PARAMCD in the list"),
    Variable("AVAL", "Analysis Value", "number", "visits, with the noise of the assay"),
    Variable("BASE", "Baseline Value", "number", "AVAL where ABLFL is Y, by BASETYPE"),
    Variable("CHG", "Change from Baseline", "number", "AVAL - BASE; missing at baseline"),
    Variable(
        "PCHG", "Percent Change from Baseline", "number", "100 CHG / BASE; missing at baseline and where BASE is 0"
    ),
    Variable("BASETYPE", "Baseline Type", "text", "LINE and its number"),
    Variable("ABLFL", "Baseline Record Flag", "text", "Y at the first visit of a line", YES),
    *TIMING,
)


def build_adlb(study: Study) -> AdamDataset:
    """Return ADLB. Quantities that were not measured have no row; without visits it has none at all."""
    visits = place_visits(study)
    visits["BASETYPE"] = "LINE " + visits["line"].astype(str)
    visits["ABLFL"] = np.where(visits["baseline"], "Y", "")
    parts = []
    for place, (column, (code, text, category)) in enumerate(PARAMETERS.items(), start=1):
        rows = visits[visits[column].notna()]
        parts.append(rows.assign(PARCAT1=category, PARAM=text, PARAMCD=code, PARAMN=place, AVAL=rows[column]))
    frame = pd.concat(parts, ignore_index=True)
    at_baseline = frame["ABLFL"] == "Y"
    by_line = frame["AVAL"].where(at_baseline).groupby([frame["USUBJID"], frame["PARAMCD"], frame["BASETYPE"]])
    frame["BASE"] = by_line.transform("first").astype(float)
    frame["CHG"] = (frame["AVAL"] - frame["BASE"]).where(~at_baseline)
    frame["PCHG"] = 100 * frame["CHG"] / frame["BASE"].where(frame["BASE"] != 0)
    return make_dataset(
        frame, name="ADLB", label="Laboratory Analysis", structure="BASIC DATA STRUCTURE",
        keys=("STUDYID", "USUBJID", "PARAMN", "ADT", "AVISITN"), variables=VARIABLES,
    )  # fmt: skip
