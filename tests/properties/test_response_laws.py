"""Laws of response: no unit, order or neighbour changes a category, and no rule contradicts another."""

from __future__ import annotations

import numpy as np
import pandas as pd
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from aftercar.catalogue.laboratory_columns import load_laboratory_columns
from aftercar.clinic import Options, grade_response, tabulate_patients
from aftercar.clinic.categories import MR, NE, NOT_GRADED, PD, SD

MOST = settings(max_examples=40, deadline=None)
serum = st.lists(st.one_of(st.none(), st.integers(0, 90).map(lambda n: n / 10)), min_size=2, max_size=8)
urine = st.one_of(st.none(), st.integers(0, 30).map(lambda n: 50.0 * n))
sign = st.sampled_from([None, 0.0, 1.0])


@st.composite
def patients(draw: st.DrawFn) -> pd.DataFrame:
    """A patient with values or gaps at up to eight visits."""
    values = draw(serum)
    rows = [
        {
            "patient": "A", "day": 28.0 * n, "serum_m_g_per_dl": value, "urine_m_mg_per_24h": draw(urine),
            "kappa_mg_per_l": draw(st.sampled_from([None, 10.0, 60.0, 150.0, 400.0])), "lambda_mg_per_l": 10.0,
            "serum_ife": draw(sign), "urine_ife": draw(sign),
            "new_lesion": draw(st.sampled_from([None, 0.0, 0.0, 0.0, 1.0])),
            "marrow_plasma_cells_percent": draw(st.sampled_from([None, None, 2.0, 40.0])),
            "plasmacytoma_spd_mm2": draw(st.sampled_from([None, None, 0.0, 200.0, 900.0])),
        }
        for n, value in enumerate(values)
    ]  # fmt: skip
    return pd.DataFrame(rows).astype({name: float for name in rows[0] if name != "patient"})


@MOST
@given(patients())
def test_progression_by_serum_never_without_the_absolute_rise(table: pd.DataFrame) -> None:
    grading = grade_response(table)
    values = grading.laboratory.value("serum_m_g_per_dl")[0]
    for at in np.flatnonzero(grading.progression.signs["serum"][0]):
        assert values[at] - np.nanmin(values[:at]) >= 0.5 - 1e-9
        assert values[at] >= 0.5 - 1e-9


@MOST
@given(patients())
def test_grams_per_litre_and_per_decilitre_give_the_same(table: pd.DataFrame) -> None:
    columns = load_laboratory_columns()
    turned = table.copy()
    for name, unit in (("serum_m", "g/L"), ("kappa", "mg/dL"), ("urine_m", "g/24h")):
        column = columns[name]
        there = table[column.house_name] / column.units[unit]  # as a user's table in that unit would have it
        turned[column.house_name] = there * column.units[unit]
    pd.testing.assert_frame_equal(tabulate_patients(grade_response(table)), tabulate_patients(grade_response(turned)))


@MOST
@given(st.floats(1.0, 10.0), st.lists(st.floats(0.0, 10.0), min_size=2, max_size=2))
def test_less_m_protein_is_never_a_worse_response(baseline: float, levels: list[float]) -> None:
    low, high = sorted(levels)
    found = []
    for level in (low, high):
        table = pd.DataFrame({"patient": "A", "day": [0.0, 28.0], "serum_m_g_per_dl": [baseline, level]})
        code = int(grade_response(table.assign(urine_m_mg_per_24h=0.0)).visit[0, 1])
        found.append(-1 if code == PD else code)
    assert found[0] >= found[1]


@MOST
@given(patients())
def test_a_visit_without_values_is_never_stable_disease(table: pd.DataFrame) -> None:
    blank = table.copy()
    blank.loc[len(blank) - 1, [name for name in blank if name not in {"patient", "day"}]] = np.nan
    code = int(grade_response(blank).visit[0, -1])
    assert code in {NE, NOT_GRADED}


@MOST
@given(patients())
def test_without_baseline_there_is_no_response(table: pd.DataFrame) -> None:
    later = table.assign(day=table["day"] + 1.0)
    codes = grade_response(later).visit[0]
    assert set(codes.tolist()) <= {NE, PD}


@MOST
@given(patients())
def test_status_never_falls_and_progression_is_final(table: pd.DataFrame) -> None:
    grading = grade_response(table)
    status = grading.confirmation.status[0].astype(int)
    graded = status[status != NOT_GRADED]
    assert (np.diff(graded) >= 0).all()
    if grading.progression_visit[0] >= 0:
        assert (graded[grading.progression_visit[0] - (len(status) - len(graded)) :] == PD).all()


@MOST
@given(patients())
def test_confirmation_never_raises_a_category(table: pd.DataFrame) -> None:
    grading = grade_response(table)
    level, visit = grading.confirmation.level[0], grading.visit[0]
    assert ((level <= visit) | (level == NOT_GRADED)).all()
    lone = (visit >= MR) & (visit < PD) & (level < visit)
    assert (level[lone] >= SD).all()


@MOST
@given(patients())
def test_a_stricter_confirmation_never_gives_a_better_response(table: pd.DataFrame) -> None:
    # A progression that a stricter rule leaves unconfirmed lets later responses count, so patients without one.
    loose = grade_response(table)
    assume(not loose.progression.any.any())
    for strict in (
        Options(not_evaluable="break"),
        Options(maximum_interval_days=28),
        Options(minimum_interval_days=50),
    ):
        assert grade_response(table, options=strict).best[0] <= loose.best[0]


@MOST
@given(st.lists(patients(), min_size=2, max_size=4), st.randoms())
def test_neighbours_and_order_change_nothing(tables: list[pd.DataFrame], random: object) -> None:
    named = [table.assign(patient=f"P{n}") for n, table in enumerate(tables)]
    together = pd.concat(named).sample(frac=1.0, random_state=0)
    found = tabulate_patients(grade_response(together)).set_index("patient")
    for table in named:
        alone = tabulate_patients(grade_response(table)).set_index("patient")
        pd.testing.assert_series_equal(found.loc[alone.index[0]], alone.iloc[0], check_dtype=False)


@MOST
@given(patients())
def test_empty_columns_are_as_good_as_absent_ones(table: pd.DataFrame) -> None:
    spare = table.assign(calcium_mg_per_dl=np.nan, mrd_fraction=np.nan, plasmacytomas=np.nan)
    pd.testing.assert_frame_equal(tabulate_patients(grade_response(table)), tabulate_patients(grade_response(spare)))
