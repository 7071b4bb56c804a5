"""Convolution and quantiles on the grid against closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import expon, norm

from aftercar.synthesis._logit_grid import LogitGrid, binomial_kernels, quantiles

GRID = LogitGrid.build(0.0, 12.0, 0.05)


@pytest.mark.parametrize("sd", [0.0, 1e-3, 0.02, 0.3, 2.0])
def test_smoothing_a_normal_density_adds_the_variances(sd: float) -> None:
    """From far below the spacing of 0.05 to far above it; the limit is rounding."""
    spectrum = GRID.spectrum(norm.pdf(GRID.theta, 0.5, 0.2))
    found = GRID.invert(spectrum * GRID.kernel(sd))
    assert found == pytest.approx(norm.pdf(GRID.theta, 0.5, np.hypot(0.2, sd)), abs=1e-12)


def test_likelihoods_have_a_highest_value_of_one_and_the_right_ratio() -> None:
    kernels, peaks = binomial_kernels(GRID, np.array([0, 3, 7]), np.array([4, 9, 7]))
    inside = np.abs(GRID.theta) < 12
    rate = 1 / (1 + np.exp(-GRID.theta[inside]))
    assert kernels[1][inside] * np.exp(peaks[1]) == pytest.approx(rate**3 * (1 - rate) ** 6, abs=1e-12)
    assert kernels.max() <= 1.0 + 1e-12
    assert peaks[0] == peaks[2] == 0.0
    # A flat likelihood is led to zero before the period ends, so that it does not come round on the other side.
    assert kernels[0, 0] < 1e-30 and kernels[0][inside][0] == pytest.approx(1.0, abs=1e-4)


def test_quantiles_of_a_normal_are_exact_on_a_coarse_grid() -> None:
    points = np.linspace(-8, 8, 33)
    found = quantiles(points, norm.pdf(points), np.array([0.025, 0.5, 0.975]))
    # Error of the dense trapezoid rule below 1e-5; half of it is far beyond any rounding of a report.
    assert found == pytest.approx(norm.ppf([0.025, 0.5, 0.975]), abs=1e-4)


def test_quantiles_of_a_half_normal_start_at_zero() -> None:
    points = np.linspace(0, 8, 41)
    found = quantiles(points, norm.pdf(points), np.array([0.025, 0.5, 0.975]), from_zero=True)
    assert found == pytest.approx(norm.ppf([0.5125, 0.75, 0.9875]), abs=1e-4)


def test_quantiles_of_a_skewed_density() -> None:
    points = np.linspace(0, 30, 301)
    found = quantiles(points, expon.pdf(points), np.array([0.5, 0.975]))
    assert found == pytest.approx(expon.ppf([0.5, 0.975]), abs=1e-3)


def test_a_single_point_and_a_spike() -> None:
    assert quantiles(np.zeros(1), np.ones(1), np.array([0.1, 0.9])).tolist() == [0.0, 0.0]
    with pytest.raises(ValueError, match="too coarse"):
        quantiles(np.arange(5.0), np.array([0.0, 0, 1, 0, 0]), np.array([0.5]))


def test_mass_beyond_the_body_is_reported() -> None:
    inside, outside = norm.pdf(GRID.theta), norm.pdf(GRID.theta, 12.0, 1.0)
    assert GRID.edge_mass(np.array([inside])) < 1e-12
    assert GRID.edge_mass(np.array([inside, outside])) == pytest.approx(0.5, abs=0.05)
