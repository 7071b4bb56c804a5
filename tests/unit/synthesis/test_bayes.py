"""Bayesian pooling: closed forms, special cases, the error of the quadrature, refusals."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import dblquad, quad
from scipy.special import comb, expit
from scipy.stats import norm

from aftercar.foundation import InputError, NotPoolableError
from aftercar.synthesis.bayes import HierarchicalPosterior, Priors, pool_bayes, pool_hierarchical

GROUPS = ["a", "a", "a", "b", "b", "c"]
EVENTS = [4, 5, 21, 6, 7, 2]
TOTAL = [4, 7, 28, 28, 22, 11]


def pool(groups: list[str], events: list[int], total: list[int], **options: object) -> HierarchicalPosterior:
    options = {"draws": 400, "rng": np.random.default_rng(1)} | options
    return pool_hierarchical(groups, events, total, **options)  # type: ignore[arg-type]


def probabilities(posterior: HierarchicalPosterior) -> np.ndarray:
    rows = [(row.rate, row.new_cohort) for row in posterior.strategies]
    return np.array([[s.lb, s.median, s.mean, s.ub] for pair in rows for s in pair])


def test_without_random_effects_it_is_the_binomial_with_a_logit_normal_prior() -> None:
    pooled = pool_bayes([6], [28], priors=Priors(tau_scale=0.0))

    def density(theta: float) -> float:
        return float(expit(theta) ** 6 * expit(-theta) ** 22 * norm.pdf(theta, 0, 2.0))

    mass = quad(density, -14, 10, points=[-1.3])[0]
    below = quad(density, -12, np.log(pooled.ci_lb / (1 - pooled.ci_lb)), points=[-3])[0] / mass
    to_median = quad(density, -12, np.log(pooled.estimate / (1 - pooled.estimate)), points=[-2])[0] / mass
    # 1e-5: an error of the quantiles of less than 1e-5 in probability, far inside the promised 1e-4.
    assert below == pytest.approx(0.025, abs=1e-5)
    assert to_median == pytest.approx(0.5, abs=1e-5)


def test_evidence_of_one_cohort_equals_a_double_integral() -> None:
    def inner(theta: float, tau: float) -> float:
        spread = np.hypot(2.0, tau)
        binomial = comb(7, 5) * expit(theta) ** 5 * expit(-theta) ** 2
        return float(binomial * norm.pdf(theta, 0, spread) * 2 * norm.pdf(tau))

    expected = np.log(dblquad(inner, 0, 7, -25, 25, epsabs=1e-10)[0])
    found = pool(["a"], [5], [7], priors=Priors(sigma_scale=0.0)).log_evidence
    assert found == pytest.approx(expected, abs=1e-6)


REFINED = {
    "one patient": (["a"], [0], [1]),
    "zeros and ones": (["a", "a", "b"], [0, 0, 4], [4, 20, 4]),
    "thirty alike": (["a"] * 30, [40] * 30, [100] * 30),
    "large alike": (["a"] * 5, [500] * 5, [1000] * 5),
    "thirty large in two camps": (["a"] * 30, [20, 980] * 15, [1000] * 30),
    "five strategies, no response": (list("abcde"), [0] * 5, [7] * 5),
    "extremes": (list("abcde"), [0, 4, 5, 0, 1000], [3, 4, 5, 500, 1000]),
    "ordinary": (GROUPS, EVENTS, TOTAL),
}


@pytest.mark.parametrize("name", REFINED)
def test_twice_the_grid_and_the_nodes_move_no_probability_by_1e_4(name: str) -> None:
    groups, events, total = REFINED[name]
    plain, fine = pool(groups, events, total, draws=8), pool(groups, events, total, draws=8, refine=2.0)
    assert np.abs(probabilities(plain) - probabilities(fine)).max() < 1e-4
    # The spreads are on the logit scale and less smooth; three decimals are more than is ever shown.
    for one, other in ((plain.tau, fine.tau), (plain.sigma, fine.sigma)):
        assert np.allclose([one.lb, one.median, one.ub], [other.lb, other.median, other.ub], atol=1e-3)
    assert plain.mass_error < 1e-10
    assert plain.edge_mass < 1e-3


def test_quantile_of_tau_near_zero_is_not_lost_between_nodes() -> None:
    """With evenly spaced nodes the lower limit of tau was 0.130 here instead of 0.122 (found by JAGS)."""
    groups = ["n", "n", "r", "r", "s", "l", "l"]
    posterior = pool(groups, [0, 0, 4, 12, 1, 43, 61], [4, 20, 4, 12, 1, 100, 100], draws=8)
    # Monte-Carlo error 0.0006: golden_bayes.csv, zeros_and_ones.
    assert posterior.tau.lb == pytest.approx(0.12177, abs=0.002)


def test_responders_and_the_others_are_mirror_images() -> None:
    one = probabilities(pool(GROUPS, EVENTS, TOTAL))
    other = probabilities(pool(GROUPS, [n - x for x, n in zip(EVENTS, TOTAL, strict=True)], TOTAL))
    assert np.allclose(one, 1 - other[:, [3, 1, 2, 0]], atol=1e-6)


def test_no_spread_of_strategies_pools_all_cohorts_as_one() -> None:
    posterior = pool(GROUPS, EVENTS, TOTAL, priors=Priors(sigma_scale=0.0))
    alone = pool_bayes(EVENTS, TOTAL)
    for row in posterior.strategies:
        found = (row.rate.median, row.rate.lb, row.rate.ub, row.new_cohort.lb, row.new_cohort.ub)
        assert found == pytest.approx((alone.estimate, alone.ci_lb, alone.ci_ub, alone.pi_lb, alone.pi_ub), abs=1e-6)


def test_many_patients_leave_the_prior_behind() -> None:
    pooled = pool_bayes([3_000] * 20, [10_000] * 20)
    # 60 000 responders in 200 000: one percent of the standard error 0.001 is far below the tolerance.
    assert pooled.estimate == pytest.approx(0.3, abs=1e-3)
    assert pooled.heterogeneity is not None and pooled.heterogeneity.tau2 < 1e-3


def test_small_strategies_are_drawn_towards_the_others_and_large_ones_are_not() -> None:
    posterior = pool(["small", "large", "other", "other"], [4, 200, 6, 7], [4, 400, 28, 22])
    rates = {row.strategy: row.rate.median for row in posterior.strategies}
    assert 0.4 < rates["small"] < 0.9
    assert rates["large"] == pytest.approx(0.5, abs=0.03)


def test_draws_follow_the_quadrature() -> None:
    posterior = pool(GROUPS, EVENTS, TOTAL, draws=20_000)
    for row, draws in zip(posterior.strategies, expit(posterior.draws), strict=True):
        shares = [np.mean(draws < limit) for limit in (row.rate.lb, row.rate.median, row.rate.ub)]
        # 5 000 independent runs at least: standard error 0.007 at one half and 0.0022 in the tails; four of them.
        assert shares == pytest.approx([0.025, 0.5, 0.975], abs=0.028)
        assert draws.mean() == pytest.approx(row.rate.mean, abs=0.012)


def test_draws_are_right_where_strategies_hardly_differ() -> None:
    """A sigma below the spacing of the grid is drawn from a parabola instead."""
    posterior = pool(GROUPS, EVENTS, TOTAL, priors=Priors(sigma_scale=0.01), draws=20_000)
    spread = posterior.draws.std(axis=0)
    assert 0 < np.median(spread) < 0.02
    shares = [np.mean(expit(d) < row.rate.median) for d, row in zip(posterior.draws, posterior.strategies, strict=True)]
    assert shares == pytest.approx([0.5, 0.5, 0.5], abs=0.028)


def test_the_same_stream_gives_the_same_draws_and_another_does_not_move_the_summaries() -> None:
    first, again = pool(GROUPS, EVENTS, TOTAL), pool(GROUPS, EVENTS, TOTAL)
    other = pool(GROUPS, EVENTS, TOTAL, rng=np.random.default_rng(2))
    assert np.array_equal(first.draws, again.draws)
    assert not np.array_equal(first.draws, other.draws)
    assert first.strategies == other.strategies
    assert first.draws.shape == (3, 400)


@pytest.mark.parametrize(
    ("events", "total"), [([0], [1]), ([1], [1]), ([0, 0], [4, 9]), ([4, 9], [4, 9]), ([0, 9], [9, 9])]
)
def test_degenerate_counts_have_an_answer_inside_the_unit_interval(events: list[int], total: list[int]) -> None:
    pooled = pool_bayes(events, total)
    assert pooled.pi_lb is not None and pooled.pi_ub is not None
    assert 0 < pooled.pi_lb <= pooled.ci_lb < pooled.estimate < pooled.ci_ub <= pooled.pi_ub < 1
    assert bool(pooled.notes) == (len(events) == 1 or sum(events) in (0, sum(total)))


def test_counts_that_are_none_are_refused() -> None:
    with pytest.raises(InputError, match="5 events in 4"):
        pool_bayes([5], [4])
    with pytest.raises(NotPoolableError, match="no cohorts"):
        pool([], [], [])
    with pytest.raises(InputError, match="2 names of strategies stand beside 1"):
        pool(["a", "b"], [1], [2])
    with pytest.raises(InputError, match="cohort 2 names no strategy"):
        pool(["a", " "], [1, 1], [2, 2])
    with pytest.raises(InputError, match="0 draws"):
        pool(["a"], [1], [2], draws=0)
    with pytest.raises(InputError, match="beyond the grid"):
        pool_bayes([5 * 10**6], [10**7])


def test_priors_that_are_none_are_refused_all_at_once() -> None:
    with pytest.raises(InputError) as caught:
        Priors(mu_sd=0.0, tau_scale=-1.0)
    assert len(caught.value.faults) == 2
