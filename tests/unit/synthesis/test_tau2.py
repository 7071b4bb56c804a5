from __future__ import annotations

import numpy as np
import pytest

from aftercar.synthesis.tau2 import TAU2_METHODS, estimate_tau2, interval_tau2
from aftercar.synthesis.weighted_regression import fit_weighted, intercept, log_likelihoods

EQUAL = np.full(5, 0.2)
SPREAD = np.array([-1.0, 0.5, 0.0, 2.0, 1.0])


@pytest.mark.parametrize("method", ["dl", "he", "pm", "reml"])
def test_equal_variances_give_the_excess_of_the_sample_variance(method: str) -> None:
    # With vi = v for all, these estimators are var(yi) - v.
    found = estimate_tau2(SPREAD, EQUAL, method=method, design=intercept(5))  # type: ignore[arg-type]
    assert found == pytest.approx(np.var(SPREAD, ddof=1) - 0.2, rel=1e-10)


def test_maximum_likelihood_with_equal_variances_divides_by_k() -> None:
    found = estimate_tau2(SPREAD, EQUAL, method="ml", design=intercept(5))
    assert found == pytest.approx(np.var(SPREAD) - 0.2, rel=1e-10)


@pytest.mark.parametrize("method", TAU2_METHODS)
def test_effects_all_alike_have_no_tau2(method: str) -> None:
    yi, vi = np.full(4, 0.7), np.array([0.1, 0.2, 0.3, 0.4])
    assert estimate_tau2(yi, vi, method=method, design=intercept(4)) == 0  # type: ignore[arg-type]


def test_reml_is_the_global_maximum_of_two_hills() -> None:
    # One precise outlier beside imprecise studies gives the likelihood two maxima.
    yi = np.array([0.0, 0.05, -0.05, 4.0, 0.1])
    vi = np.array([0.001, 0.001, 0.001, 2.0, 0.5])
    found = estimate_tau2(yi, vi, method="reml", design=intercept(5))
    grid = np.concatenate([[0.0], np.geomspace(1e-8, 50, 20_000)])
    best = grid[np.argmax(log_likelihoods(yi, vi, intercept(5), grid, restricted=True))]
    # The spacing of the grid, and its first step beside zero.
    assert found == pytest.approx(best, rel=2e-3, abs=1e-6)


def test_q_profile_limits_solve_their_equations() -> None:
    from scipy.stats import chi2

    vi = np.array([0.1, 0.2, 0.05, 0.3, 0.1])
    lower, upper = interval_tau2(SPREAD, vi, design=intercept(5), level=0.9)
    for tau2, quantile in ((lower, chi2.ppf(0.95, 4)), (upper, chi2.ppf(0.05, 4))):
        assert fit_weighted(SPREAD, 1 / (vi + tau2), intercept(5)).q == pytest.approx(quantile, rel=1e-9)


def test_variation_below_chance_gives_the_interval_zero() -> None:
    assert interval_tau2(np.full(6, 1.0), np.full(6, 1.0), design=intercept(6), level=0.95) == (0.0, 0.0)
