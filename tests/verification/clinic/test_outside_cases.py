"""Other programs on the same rules: admiralonco's confirmation, and the rule set of openEHR. See sources.md."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from aftercar.clinic import Options, code_categories, grade_response, name_categories
from aftercar.clinic.categories import MR, NE, PD, SCR
from aftercar.clinic.confirmation import confirm_responses

DATA = pd.read_csv(Path(__file__).parent / "pharmaverse_imwg.csv", parse_dates=["date", "new_therapy"])
# The cross-table of categories before and after confirmation of the vignette's own run.
TURNED_INTO = {
    "CR": {"CR": 2, "MR": 2, "PD": 1, "PR": 1, "sCR": 1, "SD": 2, "VGPR": 1},
    "MR": {"MR": 11},
    "NE": {"MR": 1, "NE": 1, "SD": 1},
    "PD": {"MR": 1, "NE": 3, "PD": 5},
    "PR": {"MR": 4, "PR": 7, "SD": 2},
    "sCR": {"CR": 1, "MR": 2, "PR": 1, "sCR": 2, "VGPR": 2},
    "SD": {"MR": 2, "SD": 1},
    "VGPR": {"MR": 2, "PR": 1, "VGPR": 5},
}


def confirm_subject(rows: pd.DataFrame, options: Options) -> list[str]:
    codes = code_categories(rows["response"].to_numpy(str))[None, :]
    day = (rows["date"] - pd.Timestamp("2012-01-01")).dt.days.to_numpy(float)[None, :]
    new_therapy = (rows["new_therapy"] - pd.Timestamp("2012-01-01")).dt.days.max()
    death = day[0, (rows["death_from_pd"] == "Y").to_numpy()]
    needs = ((codes >= MR) & (codes <= SCR)) | ((codes == PD) & (rows["imaging_pd"] != "Y").to_numpy())
    found = confirm_responses(
        codes, day, needs_repeat=needs, new_therapy_day=np.array([new_therapy], dtype=float),
        death_from_myeloma_day=np.array([death.max() if len(death) else np.nan]), options=options,
    )  # fmt: skip
    return name_categories(found.status[0]).tolist()


@pytest.mark.parametrize("subject", sorted(DATA["subject"].unique()))
def test_confirmed_responses_are_those_of_admiralonco(subject: str) -> None:
    rows = DATA[DATA["subject"] == subject].sort_values("date")
    assert confirm_subject(rows, Options()) == rows["confirmed"].tolist()


def test_the_cross_table_is_that_of_the_vignette() -> None:
    found = [
        pair
        for _, rows in DATA.sort_values("date").groupby("subject")
        for pair in zip(rows["response"], confirm_subject(rows, Options()), strict=True)
    ]
    assert len(found) == 65
    found_table = {one: dict(Counter(after for before, after in found if before == one)) for one in TURNED_INTO}
    assert found_table == TURNED_INTO


def test_not_evaluable_breaks_confirmation_by_option() -> None:
    # Subject 1415: PR, NE, MR, MR. Passed over, the PR is confirmed as MR; otherwise it stays unconfirmed.
    rows = DATA[DATA["subject"] == "01-701-1415"].sort_values("date")
    assert confirm_subject(rows, Options()) == ["MR", "MR", "MR", "MR"]
    assert confirm_subject(rows, Options(not_evaluable="break"))[0] == "SD"


def one_patient(baseline: dict[str, float], *visits: dict[str, float]) -> str:
    table = pd.DataFrame([{"day": 0, **baseline}, *({"day": 28 * n, **v} for n, v in enumerate(visits, start=1))])
    return str(name_categories(grade_response(table.assign(patient="A")).visit)[0, 1])


BASELINE = {"serum_m_g_per_dl": 4.0, "urine_m_mg_per_24h": 2000.0, "kappa_mg_per_l": 200.0, "lambda_mg_per_l": 10.0,
            "marrow_plasma_cells_percent": 60.0, "plasmacytoma_spd_mm2": 900.0}  # fmt: skip
COMPLETE = {"serum_m_g_per_dl": 0.0, "urine_m_mg_per_24h": 0.0, "serum_ife": 0.0, "urine_ife": 0.0,
            "marrow_plasma_cells_percent": 2.0, "plasmacytoma_spd_mm2": 0.0}  # fmt: skip


def test_openehr_empty_input_is_ne_here_and_sd_there() -> None:
    assert one_patient(BASELINE, {}) == "NE"


def test_openehr_stringent_complete_response() -> None:
    clear = {**COMPLETE, "kappa_mg_per_l": 10.0, "lambda_mg_per_l": 10.0, "marrow_clonal": 0.0}
    assert one_patient(BASELINE, clear) == "sCR"


def test_openehr_very_good_partial_response() -> None:
    seen = {"serum_m_g_per_dl": 0.4, "urine_m_mg_per_24h": 90.0, "serum_ife": 1.0, "plasmacytoma_spd_mm2": 100.0}
    assert one_patient(BASELINE, seen) == "VGPR"


def test_openehr_partial_response() -> None:
    seen = {"serum_m_g_per_dl": 2.0, "urine_m_mg_per_24h": 190.0, "serum_ife": 1.0, "plasmacytoma_spd_mm2": 450.0}
    assert one_patient(BASELINE, seen) == "PR"


def test_openehr_progressive_disease_with_serum_not_risen() -> None:
    # Flags there: serum no; urine, FLC, marrow and lesions yes; calcium no.
    seen = {"serum_m_g_per_dl": 4.0, "urine_m_mg_per_24h": 2600.0, "kappa_mg_per_l": 600.0, "lambda_mg_per_l": 10.0,
            "marrow_plasma_cells_percent": 80.0, "new_lesion": 1.0}  # fmt: skip
    assert one_patient(BASELINE, seen) == "PD"


def test_openehr_complete_response_and_a_new_lesion_is_pd_here() -> None:
    assert one_patient(BASELINE, COMPLETE) == "CR"
    # There the flag of CR outranks flags of progression in the same case; in the criteria a new lesion is progression.
    assert one_patient(BASELINE, {**COMPLETE, "new_lesion": 1.0}) == "PD"


def test_stable_disease_is_never_given_without_values() -> None:
    table = pd.DataFrame({"patient": "A", "day": [0.0, 28.0]})
    assert grade_response(table).visit[0, 1] == NE
