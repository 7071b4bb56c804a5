"""Arranging laboratory tables into arrays."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from aftercar.catalogue.laboratory_columns import load_laboratory_columns
from aftercar.clinic import arrange_laboratory
from aftercar.clinic.laboratory import QUANTITIES, SIGNS, last_known, previous_known
from aftercar.foundation import InputError

GAPS = np.array([[np.nan, 1.0, np.nan, 3.0, np.nan]])


def test_gaps_are_filled_with_the_last_value_before() -> None:
    np.testing.assert_array_equal(last_known(GAPS), [[np.nan, 1.0, 1.0, 3.0, 3.0]])
    np.testing.assert_array_equal(previous_known(GAPS), [[np.nan, np.nan, 1.0, 1.0, 3.0]])


def test_rows_in_any_order_become_visits_in_order() -> None:
    table = pd.DataFrame(
        {"patient": ["B", "A", "A", "B", "A"], "day": [28, 28, 0, 0, 56], "serum_m_g_per_dl": [1.0, 2, 3, 4, 5]}
    )
    laboratory = arrange_laboratory(table)
    assert laboratory.patients.tolist() == ["B", "A"]
    np.testing.assert_array_equal(laboratory.day, [[0, 28, np.nan], [0, 28, 56]])
    np.testing.assert_array_equal(laboratory.value("serum_m_g_per_dl"), [[4, 1, np.nan], [3, 2, 5]])
    np.testing.assert_array_equal(laboratory.baseline("serum_m_g_per_dl"), [4, 3])


@pytest.mark.parametrize(
    ("table", "match"),
    [
        (pd.DataFrame({"day": [0]}), "no column 'patient'"),
        (pd.DataFrame({"patient": ["A"]}), "no column 'day'"),
        (pd.DataFrame({"patient": [], "day": []}), "no visits"),
        (pd.DataFrame({"patient": ["A"], "day": [np.nan]}), "no day"),
        (pd.DataFrame({"patient": ["A", "A"], "day": [1, 1]}), "two visits on day 1"),
    ],
)
def test_tables_that_cannot_be_arranged_are_refused(table: pd.DataFrame, match: str) -> None:
    with pytest.raises(InputError, match=match):
        arrange_laboratory(table)


def test_the_reader_and_the_grading_know_the_same_columns() -> None:
    columns = load_laboratory_columns().values()
    house = {one.house_name for one in columns if one.kind in {"quantity", "count"}}
    signs = {one.name for one in columns if one.kind == "sign"}
    assert house == set(QUANTITIES)
    assert signs == {*SIGNS, "death_from_myeloma"}
