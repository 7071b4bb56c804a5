"""Predictive distributions of counts: against closed forms, and against the pooling that they come from."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import expit
from scipy.stats import binom, norm

from aftercar.foundation import InputError, NotPoolableError
from aftercar.synthesis import mix_binomials, pool_bayes, pool_hierarchical, predict_new_cohort, predict_new_cohort_in
from aftercar.synthesis.bayes import Priors

X, N = [7, 5, 21], [10, 5, 28]


def test_a_known_chance_gives_the_binomial_law() -> None:
    np.testing.assert_allclose(mix_binomials([0.4], 12), binom.pmf(range(13), 12, expit(0.4)), atol=1e-14)


def test_chances_are_equally_likely() -> None:
    halves = 0.5 * (binom.pmf(range(6), 5, expit(-1.0)) + binom.pmf(range(6), 5, expit(2.0)))
    np.testing.assert_allclose(mix_binomials([-1.0, 2.0], 5), halves, atol=1e-14)


@pytest.mark.parametrize(("total", "seen", "sd"), [(3, 3, 0.3), (56, 33, 0.3), (56, 33, 1.5), (4000, 2300, 0.5)])
def test_a_normal_law_of_the_logit_is_integrated(total: int, seen: int, sd: float) -> None:
    centre = 0.3
    peak = np.log((seen + 0.5) / (total - seen + 0.5))
    exact, _ = quad(
        lambda theta: binom.pmf(seen, total, expit(theta)) * norm.pdf(theta, centre, sd), centre - 9 * sd,
        centre + 9 * sd, points=[peak], limit=400, epsabs=1e-12,
    )  # fmt: skip
    assert mix_binomials([centre], total, sd=sd)[seen] == pytest.approx(exact, rel=1e-6)


def test_a_new_cohort_has_the_mean_that_the_hierarchy_gives_it() -> None:
    # The hierarchy of one strategy with sigma switched off is the pool of that strategy alone.
    posterior = pool_hierarchical(
        ["a"] * 3, X, N, priors=Priors(sigma_scale=0.0), draws=1, rng=np.random.default_rng(0)
    )  # fmt: skip
    pmf = predict_new_cohort(X, N, 40)
    assert pmf @ np.arange(41) / 40 == pytest.approx(posterior.strategies[0].new_cohort.mean, abs=1e-9)


def test_a_large_new_cohort_has_the_prediction_interval_of_pooling() -> None:
    pooled = pool_bayes(X, N, level=0.9)
    shares = np.cumsum(predict_new_cohort(X, N, 4000))
    # Chance among 4,000 patients moves a limit by less than a hundredth.
    assert np.searchsorted(shares, 0.05) / 4000 == pytest.approx(pooled.pi_lb, abs=0.01)
    assert np.searchsorted(shares, 0.95) / 4000 == pytest.approx(pooled.pi_ub, abs=0.01)


def test_one_other_cohort_is_enough_and_none_is_not() -> None:
    assert predict_new_cohort([5], [5], 3).sum() == pytest.approx(1.0)
    with pytest.raises(NotPoolableError):
        predict_new_cohort([], [], 3)


@pytest.mark.parametrize("group", ["a", "b", "new"])
def test_a_cohort_among_strategies_has_the_probability_by_which_it_would_raise_the_evidence(group: str) -> None:
    # p(x | others) = p(x and others) / p(others): two marginal likelihoods, of models with and without the cohort.
    groups, x, n = ["a", "a", "b", "c"], [7, 5, 2, 21], [10, 5, 9, 28]

    def evidence(groups: list[str], x: list[int], n: list[int]) -> float:
        return pool_hierarchical(groups, x, n, draws=1, rng=np.random.default_rng(0)).log_evidence

    pmf = predict_new_cohort_in(group, groups, x, n, 6)
    for seen in (0, 4):
        gain = evidence([*groups, group], [*x, seen], [*n, 6]) - evidence(groups, x, n)
        assert np.log(pmf[seen]) == pytest.approx(gain, abs=1e-5)


def test_strategies_that_do_not_differ_are_one() -> None:
    same = predict_new_cohort_in("new", ["a", "b", "c"], X, N, 6, priors=Priors(sigma_scale=0.0))
    np.testing.assert_allclose(same, predict_new_cohort(X, N, 6), atol=1e-9)
    with pytest.raises(InputError, match="2 strategies beside 3 cohorts"):
        predict_new_cohort_in("a", ["a", "b"], X, N, 6)


@pytest.mark.parametrize(("total", "sd"), [(0, 0.3), (1_000_000, 0.3), (5, -0.1), (5, np.nan)])
def test_impossible_requests_are_refused(total: int, sd: float) -> None:
    with pytest.raises(InputError):
        mix_binomials([0.0], total, sd=sd)
