"""The sampler gives the laws that are known in closed form, and says so when it has not."""

from __future__ import annotations

import numpy as np
import pytest

from aftercar.calibration.sampling import diagnose, draw_posterior


def test_a_normal_likelihood_gives_the_normal_posterior() -> None:
    """Prior N(0, I), y = A z + noise: the posterior is normal with precision I + A'A/s^2 (closed form)."""
    rng = np.random.default_rng(1)
    a, noise, y = rng.standard_normal((4, 3)), 0.5, rng.standard_normal(4)
    precision = np.eye(3) + a.T @ a / noise**2
    mean, covariance = np.linalg.solve(precision, a.T @ y / noise**2), np.linalg.inv(precision)

    def log_likelihood(z):
        return -0.5 * np.square((y - z @ a.T) / noise).sum(axis=1)

    chains = draw_posterior(log_likelihood, rng.standard_normal((20, 3)), steps=600, rng=rng)
    draws, error = chains.flat(), np.sqrt(np.diag(covariance) / chains.effective)
    assert chains.r_hat.max() < 1.02 and chains.effective.min() > 2000
    np.testing.assert_array_less(np.abs(draws.mean(axis=0) - mean), 4 * error)
    # Variance of a sample variance of a normal law: 2 s^4 / n.
    spread = np.abs(draws.var(axis=0) / np.diag(covariance) - 1.0)
    np.testing.assert_array_less(spread, 4 * np.sqrt(2 / chains.effective))


def test_a_cut_off_half_space_is_kept_out_and_its_law_met() -> None:
    """A standard normal cut off at 0.5: mean phi(0.5) / (1 - Phi(0.5)) = 1.14108."""
    rng = np.random.default_rng(2)

    def log_likelihood(z):
        return np.where(z[:, 0] > 0.5, 0.0, -np.inf)

    start = 0.6 + np.abs(rng.standard_normal((16, 2)))
    chains = draw_posterior(log_likelihood, start, steps=800, rng=rng)
    draws = chains.flat()
    assert draws[:, 0].min() > 0.5
    assert draws[:, 0].mean() == pytest.approx(1.14108, abs=4 * 0.52 / np.sqrt(chains.effective[0]))
    assert draws[:, 1].mean() == pytest.approx(0.0, abs=4 / np.sqrt(chains.effective[1]))


def test_chains_that_disagree_are_told_from_chains_that_agree() -> None:
    rng = np.random.default_rng(3)
    good = rng.standard_normal((8, 400, 1))
    r_hat, effective = diagnose(good)
    assert r_hat[0] < 1.02 and 2500 < effective[0] < 4000
    apart = good + np.repeat([0.0, 2.0], 4)[:, None, None]
    assert diagnose(apart)[0][0] > 1.3
    slow = good.copy()
    for k in range(1, 400):  # an AR(1) with 0.9: effective size n (1 - 0.9) / (1 + 0.9)
        slow[:, k] = 0.9 * slow[:, k - 1] + np.sqrt(1 - 0.81) * good[:, k]
    assert diagnose(slow)[1][0] == pytest.approx(8 * 400 / 19, rel=0.35)


def test_a_start_without_likelihood_is_refused() -> None:
    with pytest.raises(ValueError, match="density is zero"):
        draw_posterior(lambda z: np.full(len(z), -np.inf), np.zeros((2, 2)), steps=20, rng=np.random.default_rng(1))
