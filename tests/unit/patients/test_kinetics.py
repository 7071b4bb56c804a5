"""Noncompartmental figures on curves whose answer is known in closed form."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from aftercar.foundation import InputError
from aftercar.model.published.values import load_numbers
from aftercar.patients.kinetics import area_until, fit_terminal_phase, summarise_kinetics

# Stein et al. 2019, Table 1, typical patient, in the form of equation 1 there: growth to the peak, two falling terms.
STEIN = load_numbers("stein2019")
C_MAX, T_MAX, FB = STEIN["c_max"], STEIN["t_max"], STEIN["memory_fraction"]
ALPHA, BETA = STEIN["contraction_rate"], STEIN["memory_decline_rate"]
GROWTH = np.log(STEIN["fold_expansion"]) / T_MAX
# The peak is an output time, or the grid would cut it.
TIMES = np.unique(np.concatenate([np.arange(0.0, 731.0), [T_MAX], np.arange(0.0, 30.0, 0.05)]))


def stein(times: np.ndarray) -> np.ndarray:
    fall = (1 - FB) * np.exp(-ALPHA * (times - T_MAX)) + FB * np.exp(-BETA * (times - T_MAX))
    return C_MAX * np.where(times <= T_MAX, np.exp(GROWTH * (times - T_MAX)), fall)


def area_of_stein(end: float) -> float:
    rise = (1 - np.exp(-GROWTH * T_MAX)) / GROWTH
    fall = sum(
        part * (1 - np.exp(-rate * (end - T_MAX))) / rate for part, rate in ((1 - FB, ALPHA), (FB, BETA))
    )  # fmt: skip
    return float(C_MAX * (rise + fall))


def dataset(*curves: np.ndarray, times: np.ndarray = TIMES, name: str = "copies_per_ug") -> xr.Dataset:
    coords = {"patient": np.arange(1, len(curves) + 1), "time": times}
    return xr.Dataset({name: (("patient", "time"), np.array(curves))}, coords=coords)


def test_steins_curve_gives_its_own_peak_area_and_half_life() -> None:
    row = summarise_kinetics(dataset(stein(TIMES))).iloc[0]
    assert (row["c_max"], row["t_max"]) == (C_MAX, T_MAX)
    # The trapezoid on a grid of 0.05 and then 1 day: h^2/12 times the curvature, below 0.3% of the area.
    assert row["auc_0_28"] == pytest.approx(area_of_stein(28.0), rel=3e-3)
    assert row["auc_0_180"] == pytest.approx(area_of_stein(180.0), rel=3e-3)
    # The rule keeps every point that does not lower adjusted R2 by 1e-4, so some of the first phase remains in it.
    assert row["half_life"] == pytest.approx(np.log(2) / BETA, rel=0.05)
    # Quantifiable until FB * C_MAX * exp(-BETA (t - T_MAX)) = 50, on the day before.
    assert row["t_last"] == np.floor(T_MAX + np.log(FB * C_MAX / 50.0) / BETA)
    assert row["t_below_quantification"] == row["t_last"] + 1
    assert row["c_last"] == pytest.approx(50.0, rel=BETA)


def test_the_day_of_infusion_shifts_every_time_and_nothing_else() -> None:
    at_0 = summarise_kinetics(dataset(stein(TIMES))).iloc[0]
    later = summarise_kinetics(dataset(stein(TIMES), times=TIMES + 100.0), infusion_day=100.0).iloc[0]
    assert later.to_numpy() == pytest.approx(at_0.to_numpy(), rel=1e-9, nan_ok=True)


def test_what_is_before_the_infusion_is_not_read() -> None:
    times = np.arange(-10.0, 60.0)
    row = summarise_kinetics(dataset(np.where(times < 0, 1e9, 100.0 + times), times=times)).iloc[0]
    assert row["c_max"] == 159.0


def test_figures_that_cannot_be_had_are_missing() -> None:
    times = np.arange(0.0, 100.0)
    never = np.full(100, 49.0)
    rising = 100.0 + times
    short = np.where(times < 50, 1000.0 * np.exp(-0.05 * times), np.nan)
    table = summarise_kinetics(dataset(never, rising, short, times=times))
    assert table.loc[1, ["c_max", "t_max", "t_last", "half_life"]].isna().all()
    assert np.isnan(table.loc[2, "half_life"]) and np.isnan(table.loc[2, "t_below_quantification"])
    assert table["auc_0_180"].isna().all(), "the curves end at day 99"
    assert np.isnan(table.loc[3, "t_below_quantification"]), "a patient who stopped did not fall below the limit"
    assert table.loc[3, "half_life"] == pytest.approx(np.log(2) / 0.05)


def test_a_lower_limit_of_quantification_sees_cells_for_longer() -> None:
    sensitive, dull = (summarise_kinetics(dataset(stein(TIMES)), lloq=x)["t_last"].iloc[0] for x in (50.0, 500.0))
    assert sensitive > 3 * dull


def test_the_terminal_phase_is_taken_from_the_last_points() -> None:
    times = np.array([14.0, 21, 28, 56, 84, 112, 140])
    values = np.where(times < 28, 1e5 * np.exp(-0.3 * times), 200.0 * np.exp(-0.01 * times))
    phase = fit_terminal_phase(times, values)
    assert phase == (pytest.approx(np.log(2) / 0.01), 5, pytest.approx(1.0))
    row = summarise_kinetics(dataset(values, times=times), lloq=1.0).iloc[0]
    assert row["half_life_span"] == pytest.approx((140 - 28) * 0.01 / np.log(2))


def test_two_points_are_no_phase_and_a_flat_line_has_no_half_life() -> None:
    assert fit_terminal_phase(np.array([30.0, 60.0]), np.array([200.0, 100.0]))[1] == 0
    assert np.isnan(fit_terminal_phase(np.arange(5.0), np.full(5, 80.0))[0])


def test_an_area_ends_between_two_points() -> None:
    assert area_until(np.array([0.0, 10.0]), np.array([0.0, 10.0]), 5.0) == 12.5


def test_soluble_bcma_on_months_and_its_nadir() -> None:
    times = np.arange(0.0, 400.0)
    level = 500.0 * np.exp(-0.05 * times) + 0.05 * times
    row = summarise_kinetics(dataset(level, times=times, name="sbcma_ng_per_ml")).iloc[0]
    # d/dt = 0 at 20 ln(500), day 124.3.
    assert row["t_sbcma_nadir"] == pytest.approx(20 * np.log(500), abs=0.5)
    assert row["sbcma_month_1"] == pytest.approx(500 * np.exp(-0.05 * 30.4375) + 0.05 * 30.4375, rel=1e-3)
    assert row["sbcma_month_0"] == 500.0


def test_nothing_to_read_is_refused() -> None:
    with pytest.raises(InputError, match="nothing to read"):
        summarise_kinetics(dataset(stein(TIMES), name="m_protein"))
    with pytest.raises(InputError, match="nothing to read"):
        summarise_kinetics(dataset(stein(TIMES)), infusion_day=1000.0)
