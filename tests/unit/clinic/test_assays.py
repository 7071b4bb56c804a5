"""Assays: noise of the stated size, limits, counts of few cells, and luck that nothing reshuffles."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from aftercar.clinic.assays import (
    Luck,
    count_plasma_cells,
    count_residual_cells,
    detect,
    load_assays,
    measure_plasmacytoma,
    report_level,
)

MANY = Luck(7, range(1, 2001), 10)


def test_luck_is_standard_normal_and_uniform() -> None:
    # 20,000 numbers: a Kolmogorov-Smirnov test at 1e-3.
    assert stats.kstest(MANY.draw_normal("serum").ravel(), "norm").pvalue > 1e-3
    assert stats.kstest(MANY.draw_uniform("marrow").ravel(), "uniform").pvalue > 1e-3


def test_neither_more_patients_nor_visits_nor_assays_reshuffle_luck() -> None:
    few = Luck(7, [3, 9], 4)
    few.draw_uniform("another")
    np.testing.assert_array_equal(few.draw_normal("serum"), MANY.draw_normal("serum")[[2, 8], :4])


def test_assays_and_seeds_have_luck_of_their_own() -> None:
    serum = MANY.draw_normal("serum")
    assert abs(np.corrcoef(serum.ravel(), MANY.draw_normal("urine").ravel())[0, 1]) < 0.03  # 4 standard errors
    assert not np.array_equal(serum, Luck(8, range(1, 2001), 10).draw_normal("serum"))


def test_noise_has_mean_one_and_the_stated_cv() -> None:
    seen = report_level(np.full((2000, 10), 3.0), cv=0.284, limit=0.0, luck=MANY.draw_normal("x"), as_zero=True).value
    assert seen.mean() == pytest.approx(3.0, rel=4 * 0.284 / np.sqrt(20_000))
    assert seen.std() / seen.mean() == pytest.approx(0.284, rel=0.04)  # 4 standard errors of a log-normal's CV


def test_below_the_limit_is_flagged_and_never_quantified() -> None:
    level, luck = np.array([[0.05, 0.3, np.nan]]), np.zeros((1, 3))
    spike = report_level(level, cv=0.0, limit=0.1, luck=luck, as_zero=True)
    np.testing.assert_array_equal(spike.value, [[0.0, 0.3, np.nan]])
    np.testing.assert_array_equal(spike.below, [[True, False, False]])
    chain = report_level(level, cv=0.0, limit=0.1, luck=luck, as_zero=False)
    np.testing.assert_array_equal(chain.value, [[0.1, 0.3, np.nan]])


def test_immunofixation_sees_ten_times_less_than_electrophoresis() -> None:
    numbers = load_assays()
    assert numbers["serum_m_limit"].value == 10 * numbers["serum_ife_limit"].value
    level = np.array([[0.02, 0.005]])
    sign = detect(level, cv=0.0, limit=numbers["serum_ife_limit"].value, luck=np.zeros((1, 2)))
    np.testing.assert_array_equal(sign, [[1.0, 0.0]])


def test_a_smear_of_500_cells_is_binomial() -> None:
    percent = count_plasma_cells(np.full((2000, 10), 0.04), counted=500, luck=MANY.draw_uniform("m"))
    assert percent.mean() == pytest.approx(4.0, abs=4 * 100 * np.sqrt(0.04 * 0.96 / 500 / 20_000))
    assert percent.var() == pytest.approx(100**2 * 0.04 * 0.96 / 500, rel=0.05)
    # With 4% of plasma cells a smear still shows 5% or more in this share of patients.
    assert np.mean(percent >= 5.0) == pytest.approx(stats.binom.sf(24, 500, 0.04), abs=0.01)


def test_residual_cells_are_poisson_and_negative_below_twenty() -> None:
    few = count_residual_cells(np.full((2000, 10), 2e-6), cells=1e7, least=20, luck=MANY.draw_uniform("r"))
    assert few.below.mean() == pytest.approx(stats.poisson.cdf(19, 20), abs=0.015)
    np.testing.assert_allclose(few.value[few.below], 2e-6)
    none = count_residual_cells(np.zeros((1, 1)), cells=1e7, least=20, luck=np.full((1, 1), 0.999))
    assert none.below.all()


def test_a_plasmacytoma_is_a_sphere() -> None:
    # 1e9 cells at 1e6 per mm3 are 1000 mm3: diameter 12.407 mm, product 153.9 mm2.
    spd = measure_plasmacytoma(np.array([[1e9, 1e6]]), density=1e6, limit=5.0, cv=0.0, luck=np.zeros((1, 2)))
    np.testing.assert_allclose(spd, [[153.93, 0.0]], atol=0.01)


def test_every_number_has_a_source_and_a_grade() -> None:
    numbers = load_assays().values()
    assert all(one.source and one.unit and one.meaning for one in numbers)
    assert {one.grade for one in numbers} <= {"measured", "in_vitro", "assumed"}
    assert all(one.locator for one in numbers if one.source != "aftercar")
    assert all(one.grade == "assumed" for one in numbers if one.source == "aftercar")
