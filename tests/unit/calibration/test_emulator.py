"""Chances learnt from single patients, and the likelihood that counts patients."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate, stats
from scipy.special import expit
from tests.unit.calibration import toy

from aftercar.calibration.emulator import Design, Emulator, fit_emulator, quadratic_features
from aftercar.calibration.likelihood import EmulatedTargets, log_counts


def test_learnt_chances_are_the_true_ones_within_their_own_error() -> None:
    emulated = toy.emulate(12_000)
    z = np.random.default_rng(5).standard_normal((400, toy.D)) * 0.8
    mean, variance = emulated.logits(z)
    p = toy.chance(z)
    error = (mean - np.log(p / (1 - p))) / np.sqrt(variance)
    assert np.abs(error.mean()) < 0.3 and 0.7 < error.std() < 1.4
    assert np.abs(expit(mean) - p).mean() < 0.02


def test_more_patients_make_the_error_smaller_as_they_should() -> None:
    z = np.random.default_rng(5).standard_normal((200, toy.D)) * 0.8
    few, many = (toy.emulate(n).logits(z)[1].mean() for n in (2000, 8000))
    assert 2.5 < few / many < 5.5  # four times the patients; the ridge holds the few back a little


def test_features_are_orthonormal_in_the_design() -> None:
    design = Design(np.array([1.0, -2.0, 0.5]), np.array([[2.0, 0, 0], [0.5, 1, 0], [-1, 0.2, 0.3]]))
    x = quadratic_features(design.whiten(design.draw(200_000, np.random.default_rng(1))))
    np.testing.assert_allclose(x.T @ x / len(x), np.eye(x.shape[1]), atol=0.05)


def test_a_plane_without_bends_is_not_given_bends() -> None:
    rng = np.random.default_rng(4)
    w = rng.standard_normal((6000, 4))
    y = rng.random(6000) < expit(-0.5 + w @ np.array([1.0, -0.5, 0.0, 0.2]))
    found = fit_emulator(quadratic_features(w), y, 4)
    np.testing.assert_allclose(found.coefficients[:5], [-0.5, 1.0, -0.5, 0.0, 0.2], atol=0.12)
    assert found.curvature <= 0.025 and np.abs(found.coefficients[5:]).max() < 0.1


def test_an_outcome_of_nobody_stays_finite() -> None:
    w = np.random.default_rng(4).standard_normal((500, 3))
    found = fit_emulator(quadratic_features(w), np.zeros(500, dtype=bool), 3)
    assert np.isfinite(found.coefficients).all() and found.coefficients[0] < -3


@pytest.mark.parametrize(("x", "n", "eta", "sd"), [(44, 54, 0.9, 0.35), (95, 97, 2.0, 0.5), (0, 16, -1.0, 0.3),
                                                     (218.9, 267, 1.2, 0.4)])  # fmt: skip
def test_the_count_is_binomial_over_a_normal_logit(x: float, n: float, eta: float, sd: float) -> None:
    """Against the integral by adaptive quadrature. A hundredth of a log likelihood moves no posterior."""

    def integrand(e: float) -> float:
        p = expit(e)
        return float(np.exp(x * np.log(p) + (n - x) * np.log1p(-p)) * stats.norm.pdf(e, eta, sd))

    from scipy.special import gammaln

    choose = gammaln(n + 1) - gammaln(x + 1) - gammaln(n - x + 1)
    direct = np.log(integrate.quad(integrand, eta - 8 * sd, eta + 8 * sd, points=[eta], limit=200)[0]) + choose
    found = log_counts([toy.target(0, events=x, n=n)], np.array([[eta]]), np.array([[sd**2]]), 0.0)[0, 0]
    assert found == pytest.approx(direct, abs=1e-2)


def test_without_any_doubt_the_count_is_binomial() -> None:
    found = log_counts([toy.target(0, events=7, n=20)], np.array([[-0.4]]), np.zeros((1, 1)), 0.0)[0, 0]
    assert found == pytest.approx(stats.binom.logpmf(7, 20, expit(-0.4)), abs=1e-9)


def test_cohorts_are_put_together_by_their_weights() -> None:
    design = Design(np.zeros(1), np.eye(1))

    def flat(level: float, variance: float) -> Emulator:
        return Emulator(np.array([level, 0, 0]), np.diag([np.sqrt(variance), 0, 0]), 0.1, 10, 5)

    pooled = toy.target(0, cohorts=("a", "b"), weights=(0.75, 0.25))
    emulated = EmulatedTargets(design, (pooled,), {("t0", "a"): flat(0.0, 0.04), ("t0", "b"): flat(2.0, 0.04)})
    mean, variance = emulated.logits(np.zeros((1, 1)))
    p = 0.75 * 0.5 + 0.25 * expit(2.0)
    assert expit(mean[0, 0]) == pytest.approx(p)
    rng = np.random.default_rng(1)
    drawn = 0.75 * expit(0.2 * rng.standard_normal(10**5)) + 0.25 * expit(2 + 0.2 * rng.standard_normal(10**5))
    assert np.sqrt(variance[0, 0]) == pytest.approx(np.std(np.log(drawn / (1 - drawn))), rel=0.02)
