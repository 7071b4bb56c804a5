"""Every rule of the IMWG criteria of 2016, on cases written by hand from the published text."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd
import pytest
from tests.verification.clinic.cases import CASES, make_table

from aftercar.clinic import Options, explain_visit, grade_response, name_categories, tabulate_patients

# Days that a case expects; what it does not name must not be there.
DAYS = ("progression_day", "mrd_negative_day", "mrd_imaging_negative_day", "mrd_sustained_day", "relapse_from_cr_day",
        "relapse_from_mrd_negative_day", "clinical_relapse_day")  # fmt: skip
WHERE_NAMED = {"best_day": "best_response_day", "confirmed_day": "confirmed_day",
               "progression_confirmed_day": "progression_confirmed_day"}  # fmt: skip
# A lesion that shows progression is also a sign of clinical relapse; those cases are about the former.
ALSO_CLINICAL = ("new_lesion", "plasmacytoma")


def test_there_are_more_than_sixty_cases_each_with_its_rule_and_place() -> None:
    assert len({case["id"] for case in CASES}) == len(CASES) >= 60
    assert all(case["rule"] and case["place"] for case in CASES)


@pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])
def test_case(case: dict[str, Any]) -> None:
    grading = grade_response(make_table(case), options=Options(**case.get("options", {})))
    row = tabulate_patients(grading).iloc[0]
    if "visit" in case:
        assert [name for name in name_categories(grading.visit[0]).tolist() if name] == case["visit"]
    if "best" in case:
        assert row["best_response"] == case["best"]
    for name, column in WHERE_NAMED.items():
        if name in case:
            assert row[column] == case[name], name
    for name in DAYS:
        expected = case.get(name, math.nan)
        if name == "clinical_relapse_day" and row["progression_by"] in ALSO_CLINICAL:
            continue
        if name == "relapse_from_cr_day" and name not in case and case.get("progression_by") == "plasmacytoma":
            continue
        if name == "relapse_from_cr_day" and "relapse_from_mrd_negative_day" in case:
            continue
        assert row[name] == expected or (math.isnan(row[name]) and math.isnan(expected)), (name, row[name])
    if "progression_by" in case:
        assert row["progression_by"] == case["progression_by"]
    if "reason" in case:
        first = int((grading.laboratory.day[0] > 0).argmax())
        assert explain_visit(grading, 0, first) == case["reason"]


def test_all_cases_in_one_table_are_graded_as_one_by_one() -> None:
    plain = [case for case in CASES if "options" not in case]
    together = grade_response(pd.concat([make_table(case) for case in plain], ignore_index=True))
    best = dict(zip(together.laboratory.patients, name_categories(together.best).tolist(), strict=True))
    for case in plain:
        alone = grade_response(make_table(case))
        assert best[case["id"]] == name_categories(alone.best)[0]
