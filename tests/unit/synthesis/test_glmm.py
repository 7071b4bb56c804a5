from __future__ import annotations

import numpy as np
import pytest
from scipy.special import logit

from aftercar.foundation import NotPoolableError
from aftercar.synthesis.glmm import fit_glmm, maximise_beta, saturated_statistic
from aftercar.synthesis.weighted_regression import intercept

REVIEW = np.array([6.0, 4, 5, 5, 21, 2, 4, 7]), np.array([28.0, 4, 7, 5, 28, 11, 9, 10])


def test_slopes_vanish_at_the_maximum() -> None:
    fit = fit_glmm(*REVIEW, intercept(8))
    assert np.abs(fit.point.gradient).max() < 1e-8
    assert np.linalg.eigvalsh(fit.point.hessian).max() < 0


def test_alike_cohorts_are_the_summed_counts() -> None:
    x, n = np.array([3.0, 6, 10, 1]), np.array([11.0, 17, 21, 6])
    fit = fit_glmm(x, n, intercept(4))
    p = x.sum() / n.sum()
    assert fit.tau == 0
    assert fit.beta[0] == pytest.approx(logit(p), rel=1e-10)
    assert fit.covariance[0, 0] == pytest.approx(1 / (n.sum() * p * (1 - p)), rel=1e-9)


def test_mirrored_counts_mirror_the_fit() -> None:
    x, n = REVIEW
    fit, mirror = fit_glmm(x, n, intercept(8)), fit_glmm(n - x, n, intercept(8))
    assert mirror.beta[0] == pytest.approx(-fit.beta[0], rel=1e-8)
    assert mirror.tau == pytest.approx(fit.tau, rel=1e-8)


def test_large_cohorts_are_the_normal_normal_model() -> None:
    # With thousands of patients a cohort's logit is normal, and the GLMM is maximum likelihood by inverse variance.
    from aftercar.synthesis.pooling import pool_proportions

    n = np.array([40_000, 50_000, 60_000, 45_000, 52_000])
    x = np.round(n * np.array([0.3, 0.42, 0.5, 0.25, 0.38]))
    exact, normal = pool_proportions(x, n, interval="z"), pool_proportions(x, n, method="ml")
    # The next term is of order 1 / (n p), 1e-4 here.
    assert exact.estimate == pytest.approx(normal.estimate, rel=1e-4)
    assert exact.heterogeneity.tau2 == pytest.approx(normal.heterogeneity.tau2, rel=1e-3)


def test_years_do_not_spoil_the_fit() -> None:
    x, n = REVIEW
    year = np.array([2018.0, 2019, 2020, 2021, 2022, 2023, 2024, 2025])
    raw = fit_glmm(x, n, np.column_stack([np.ones(8), year]))
    centred = fit_glmm(x, n, np.column_stack([np.ones(8), year - 2021]))
    assert raw.log_likelihood == pytest.approx(centred.log_likelihood, abs=1e-9)
    assert raw.beta[1] == pytest.approx(centred.beta[1], rel=1e-7)
    assert raw.covariance[1, 1] == pytest.approx(centred.covariance[1, 1], rel=1e-6)


def test_separated_groups_are_refused() -> None:
    group = np.array([0.0, 0, 0, 1, 1])
    with pytest.raises(NotPoolableError, match="grows without end"):
        fit_glmm(np.array([3.0, 4, 1, 5, 7]), np.array([6.0, 9, 8, 5, 7]), np.column_stack([np.ones(5), group]))


def test_saturated_statistic_is_the_deviance() -> None:
    # G = 2 sum observed log(observed / expected) over responders and others, by hand for 2/4 and 8/10: p = 10/14.
    x, n = np.array([2.0, 8]), np.array([4.0, 10])
    p = 10 / 14
    by_hand = 2 * (2 * np.log(0.5 / p) + 2 * np.log(0.5 / (1 - p)) + 8 * np.log(0.8 / p) + 2 * np.log(0.2 / (1 - p)))
    assert saturated_statistic(fit_glmm(x, n, intercept(2))) == pytest.approx(by_hand, rel=1e-9)


def test_the_higher_of_two_tops_is_found() -> None:
    # One top at tau = 0 (-6.3183), a higher one near tau = 2.5 (-6.2115): by a grid over tau, beta maximised at each.
    x, n = np.array([0.0, 1, 1, 0, 1, 0]), np.array([4.0, 1, 6, 2, 1, 4])
    fit = fit_glmm(x, n, intercept(6))
    grid = [maximise_beta(fit.model, fit.beta, float(tau), None).value for tau in np.linspace(0, 8, 161)]
    assert fit.tau > 1
    assert max(grid) - 1e-9 <= fit.log_likelihood <= max(grid) + 1e-4  # the spacing of the grid
    assert fit.log_likelihood_common < fit.log_likelihood - 0.09
