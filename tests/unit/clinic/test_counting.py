"""Counting responses, and the refusal to count two versions of the criteria together."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from aftercar.clinic import GradedPatients, Options, collect_best, count_responses, grade_response, load_criteria
from aftercar.clinic.categories import code_categories
from aftercar.foundation import InputError, NotPoolableError

BEST = code_categories(["sCR", "CR", "VGPR", "PR", "MR", "SD", "PD", "NE"])


def test_each_measure_counts_its_level_and_better() -> None:
    counts = {one.measure: one for one in count_responses(GradedPatients(BEST, "imwg2016", Options()))}
    assert {name: one.events for name, one in counts.items()} == {
        "ORR": 4, "CBR": 5, "VGPR or better": 3, "CR or better": 2, "sCR": 1,
    }  # fmt: skip
    assert {one.total for one in counts.values()} == {8}
    assert {one.not_evaluable for one in counts.values()} == {1}


def test_mr_and_pd_are_not_counted_as_response() -> None:
    orr = count_responses(GradedPatients(code_categories(["MR", "PD"]), "imwg2016", Options()))[0]
    assert (orr.measure, orr.events) == ("ORR", 0)


def test_two_versions_are_never_counted_together() -> None:
    old = GradedPatients(BEST, "imwg2016", Options())
    new = GradedPatients(BEST, "imwg2026", Options())
    with pytest.raises(NotPoolableError, match="imwg2016 and imwg2026"):
        count_responses(old, new)


def test_two_ways_of_confirming_are_never_counted_together() -> None:
    strict = GradedPatients(BEST, "imwg2016", Options(not_evaluable="break"))
    with pytest.raises(NotPoolableError, match="different options"):
        count_responses(GradedPatients(BEST, "imwg2016", Options()), strict)


def test_no_patients_is_refused() -> None:
    with pytest.raises(NotPoolableError, match="no graded patients"):
        count_responses(GradedPatients(BEST[:0], "imwg2016", Options()))


def test_groups_of_one_version_add_up() -> None:
    table = pd.DataFrame({"patient": "A", "day": [0, 28, 56], "serum_m_g_per_dl": [4.0, 1.0, 1.0]})
    grading = grade_response(table)
    orr = count_responses(grading, collect_best(grading))[0]
    assert (orr.events, orr.total, orr.criteria) == (2, 2, "imwg2016")


def test_the_version_stands_in_the_result() -> None:
    grading = grade_response(pd.DataFrame({"patient": "A", "day": [0.0]}))
    assert grading.criteria.id == "imwg2016"
    assert grading.best.dtype == np.int8


@pytest.mark.parametrize("version", ["imwg2025", "imwg2026"])
def test_a_revision_without_a_text_is_refused_with_the_reason(version: str) -> None:
    with pytest.raises(InputError, match="published text"):
        load_criteria(version)


def test_an_unknown_version_is_refused() -> None:
    with pytest.raises(InputError, match="imwg2016"):
        load_criteria("ebmt1998")


def test_every_threshold_names_its_place() -> None:
    criteria = load_criteria()
    assert len(criteria.thresholds) > 30
    assert all(one.locator and one.meaning and one.unit for one in criteria.thresholds.values())
    # Lines of the table that no open reproduction showed are owned up to.
    unread = {name for name, one in criteria.thresholds.items() if not one.read_in}
    assert all("to be read in the article" in criteria.thresholds[name].note for name in unread)
    assert unread == {
        "pd_circulating_rise", "pd_circulating", "relapse_calcium", "relapse_haemoglobin_fall",
        "relapse_creatinine_rise",
    }  # fmt: skip


@pytest.mark.parametrize(
    "wrong",
    [
        {"minimum_interval_days": -1},
        {"minimum_interval_days": float("nan")},
        {"minimum_interval_days": 30, "maximum_interval_days": 20},
        {"not_evaluable": "ignore"},
        {"nadir": "first"},
        {"missing_urine": "present"},
        {"mrd_threshold": 0.0},
        {"mrd_threshold": 2.0},
    ],
)
def test_options_that_cannot_be_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(InputError):
        Options(**wrong)  # type: ignore[arg-type]
