from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import chi2

from aftercar.synthesis.binomial_normal import evaluate_likelihood
from aftercar.synthesis.glmm import GlmmFit, fit_glmm, maximise_beta
from aftercar.synthesis.glmm_profile import profile_mean, profile_tau2
from aftercar.synthesis.weighted_regression import intercept

DROP = chi2.ppf(0.95, 1) / 2


def fit(x: list[float], n: list[float]) -> GlmmFit:
    return fit_glmm(np.array(x, float), np.array(n, float), intercept(len(x)))


def best_over_tau(found: GlmmFit, mean: float) -> float:
    taus = np.concatenate([[0.0], np.geomspace(1e-3, 30, 400)])
    return max(evaluate_likelihood(found.model, np.array([mean]), float(tau)).value for tau in taus)


@pytest.mark.parametrize(
    ("x", "n"),
    [
        ([6, 4, 5, 5, 21, 2, 4, 7], [28, 4, 7, 5, 28, 11, 9, 10]),
        ([3, 6, 10, 1], [11, 17, 21, 6]),
        ([0, 0, 3, 1], [20, 31, 40, 12]),
        ([4, 21, 2], [16, 52, 6]),
    ],
)
def test_limits_are_where_the_profile_has_fallen(x: list[float], n: list[float]) -> None:
    found = fit(x, n)
    for limit in profile_mean(found, level=0.95):
        # The grid of tau misses the top by its spacing, squared.
        assert found.log_likelihood - best_over_tau(found, limit) == pytest.approx(DROP, abs=1e-3)
    lower, upper = profile_tau2(found, level=0.95)
    assert upper is not None
    fallen = found.log_likelihood - maximise_beta(found.model, found.beta, np.sqrt(upper), None).value
    assert fallen == pytest.approx(DROP, abs=1e-6)
    if lower > 0:
        fallen = found.log_likelihood - maximise_beta(found.model, found.beta, np.sqrt(lower), None).value
        assert fallen == pytest.approx(DROP, abs=1e-6)
    else:
        assert found.log_likelihood - found.log_likelihood_common <= DROP


def test_the_upper_limit_of_tau2_is_not_the_lower_root() -> None:
    lower, upper = profile_tau2(fit([6, 4, 5, 5, 21, 2, 4, 7], [28, 4, 7, 5, 28, 11, 9, 10]), level=0.95)
    assert upper is not None and lower < 1.664 < upper


def test_data_that_set_no_upper_limit_to_tau2() -> None:
    assert profile_tau2(fit([0, 0, 9], [10, 10, 10]), level=0.95)[1] is None


def test_a_wider_level_gives_a_wider_interval() -> None:
    found = fit([6, 4, 5, 5, 21, 2, 4, 7], [28, 4, 7, 5, 28, 11, 9, 10])
    (a, b), (c, d) = profile_mean(found, level=0.8), profile_mean(found, level=0.99)
    assert c < a < b < d
