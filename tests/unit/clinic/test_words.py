"""The reasons name the values, the rule and the confirmation."""

from __future__ import annotations

import pandas as pd

from aftercar.clinic import explain_patient, explain_visit, grade_response, tabulate_visits


def reasons(**columns: list[float | None]) -> list[str]:
    return tabulate_visits(grade_response(pd.DataFrame({"patient": "A", **columns})))["reason"].tolist()


def test_progression_names_the_rise_and_the_lowest_value() -> None:
    found = reasons(day=[0, 28, 56, 84, 112], serum_m_g_per_dl=[4.0, 1.6, 1.6, 2.2, 2.4])
    assert found[3] == "serum M-protein up 0.6 g/dL (38%) from its lowest 1.6 to 2.2: PD; confirmed on day 112"
    assert found[4].endswith("PD; progression stands already")


def test_a_lone_progression_says_that_it_was_not_confirmed() -> None:
    found = reasons(day=[0, 28, 56, 84, 112], serum_m_g_per_dl=[4.0, 1.6, 1.6, 2.2, 1.6])
    assert found[3].endswith("PD; not confirmed by a later assessment")


def test_what_is_missing_is_named() -> None:
    assert reasons(day=[0, 28], serum_m_g_per_dl=[4.0, None])[1] == "serum M-protein missing: NE"
    urine = reasons(day=[0, 28], serum_m_g_per_dl=[4.0, 1.6], urine_m_mg_per_24h=[900.0, None])[1]
    assert urine == "serum M-protein down 60.0% from 4 to 1.6 g/dL; urine M-protein missing: NE"
    nothing = reasons(day=[0, 28], serum_m_g_per_dl=[0.4, 0.1])
    assert nothing[0] == "baseline: nothing measurable"
    assert nothing[1] == "nothing was measurable at baseline: NE"


def test_why_not_complete_is_said() -> None:
    found = reasons(
        day=[0, 28], serum_m_g_per_dl=[4.0, 0.0], urine_m_mg_per_24h=[0.0, 0.0], serum_ife=[1, 0], urine_ife=[0, 0]
    )
    assert "not CR: marrow plasma cells not examined: VGPR" in found[1]


def test_a_value_below_its_limit_is_written_as_one() -> None:
    table = pd.DataFrame(
        {"patient": "A", "day": [0, 28], "serum_m_g_per_dl": [4.0, 0.2], "serum_m_g_per_dl_below": [0, 1]}
    )
    found = explain_visit(grade_response(table), 0, 1)
    assert found.startswith("serum M-protein down by more than 95.0% from 4 to < 0.2 g/dL")


def test_a_response_after_new_therapy_says_so() -> None:
    found = reasons(day=[0, 28, 56], serum_m_g_per_dl=[4.0, 1.6, 1.6], new_therapy_day=[10, 10, 10])
    assert found[1].endswith("after the start of new therapy: not counted")


def test_a_patient_is_explained_by_best_response_and_progression() -> None:
    table = pd.DataFrame(
        {"patient": "A", "day": [0, 28, 56], "serum_m_g_per_dl": [4.0, 1.6, 1.5], "new_lesion": [0, 0, 1]}
    )
    text = explain_patient(grade_response(table), 0)
    assert text.startswith("best SD on day 28") and "progression on day 56: a new lesion: PD" in text
    empty = explain_patient(grade_response(pd.DataFrame({"patient": "A", "day": [0.0]})), 0)
    assert empty == "no response could be evaluated"
