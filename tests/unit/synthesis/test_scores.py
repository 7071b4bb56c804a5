"""Scores of counts against closed forms and against their definitions."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import betabinom, binom, ttest_1samp

from aftercar.foundation import InputError
from aftercar.synthesis import (
    compare_scores,
    count_coverage,
    crps,
    estimate_proportion,
    interval_of,
    log_score,
    pit_range,
)


@pytest.mark.parametrize(("n", "p", "seen"), [(1, 0.3, 0), (10, 0.7, 7), (48, 0.5, 35), (56, 0.01, 2)])
def test_the_log_score_of_a_binomial_is_its_log_probability(n: int, p: float, seen: int) -> None:
    assert log_score(binom.pmf(range(n + 1), n, p), seen) == pytest.approx(binom.logpmf(seen, n, p))


def test_what_was_held_impossible_scores_minus_infinity() -> None:
    assert log_score([1.0, 0.0], 1) == -np.inf


@pytest.mark.parametrize("seen", [0, 3, 12])
@pytest.mark.parametrize("pmf", [binom.pmf(range(13), 12, 0.4), betabinom.pmf(range(13), 12, 2.0, 0.7)])
def test_the_crps_is_the_expected_distance_less_half_that_between_two_draws(pmf: np.ndarray, seen: int) -> None:
    # gneiting2007, eq. 21: E|X - x| - E|X - X'| / 2, here by double sum.
    x = np.arange(13.0)
    expected = pmf @ np.abs(x - seen) - 0.5 * pmf @ np.abs(x[:, None] - x) @ pmf
    assert crps(pmf, seen) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("p", [0.2, 0.9])
def test_the_crps_of_one_patient_is_the_brier_score(p: float) -> None:
    assert crps([1 - p, p], 1) == pytest.approx((1 - p) ** 2)
    assert crps([1 - p, p], 0) == pytest.approx(p**2)


def test_the_crps_of_an_even_law_is_that_of_its_closed_form() -> None:
    # Uniform on 0 .. n, seen 0: the sum of (1 - k/(n+1))^2 over k = 1 .. n, which is n (2n + 1) / (6 (n + 1)).
    n = 9
    assert crps(np.full(n + 1, 1 / (n + 1)), 0) == pytest.approx(n * (2 * n + 1) / (6 * (n + 1)))


@pytest.mark.parametrize("score", [log_score, lambda pmf, seen: -crps(pmf, seen)])
def test_nobody_gains_by_saying_something_else_than_what_he_believes(score) -> None:
    truth = binom.pmf(range(9), 8, 0.6)

    def expected(p: float) -> float:
        said = binom.pmf(range(9), 8, p)
        return float(sum(truth[k] * score(said, k) for k in range(9)))

    assert all(expected(0.6) > expected(p) for p in (0.3, 0.5, 0.55, 0.65, 0.9))


def test_the_randomised_transform_of_a_right_prediction_is_uniform() -> None:
    rng = np.random.default_rng(3)
    pmf = binom.pmf(range(6), 5, 0.3)
    draws = rng.binomial(5, 0.3, 40_000)
    ends = np.array([pit_range(pmf, k) for k in range(6)])[draws]
    u = ends[:, 0] + rng.random(draws.size) * (ends[:, 1] - ends[:, 0])
    shares = np.histogram(u, bins=10, range=(0, 1))[0] / u.size
    assert np.abs(shares - 0.1).max() < 4.5 * np.sqrt(0.09 / u.size)  # four and a half standard errors


def test_an_interval_holds_at_least_its_level() -> None:
    pmf = binom.pmf(range(29), 28, 0.25)
    low, high = interval_of(pmf, 0.9)
    assert pmf[low : high + 1].sum() >= 0.9
    assert pmf[:low].sum() <= 0.05 and pmf[high + 1 :].sum() <= 0.05
    assert interval_of([0.0, 1.0, 0.0], 0.9) == (1, 1)


def test_coverage_is_counted_with_its_exact_interval() -> None:
    found = count_coverage([0.01, 0.2, 0.5, 0.94, 0.96], 0.9)
    assert (found.events, found.total) == (3, 5)
    assert (found.ci_lb, found.ci_ub) == (estimate_proportion(3, 5).ci_lb, estimate_proportion(3, 5).ci_ub)


def test_one_cohort_a_study_gives_the_paired_t_test() -> None:
    rng = np.random.default_rng(1)
    first, second = rng.normal(size=12), rng.normal(size=12)
    found = compare_scores(first, second, range(12), rng=rng)
    limits = ttest_1samp(first - second, 0.0).confidence_interval(0.95)
    assert (found.ci_lb, found.ci_ub) == pytest.approx(tuple(limits))
    assert found.mean == pytest.approx((first - second).mean())


def test_cohorts_of_one_study_are_no_independent_witnesses() -> None:
    rng = np.random.default_rng(2)
    once = rng.normal(size=8)
    thrice = np.repeat(once, 3)
    found = compare_scores(thrice, np.zeros(24), np.repeat(np.arange(8), 3).tolist(), rng=np.random.default_rng(0))
    alone = compare_scores(once, np.zeros(8), range(8), rng=np.random.default_rng(0))
    for name in ("mean", "se", "ci_lb", "ci_ub", "bootstrap_lb", "bootstrap_ub"):
        assert getattr(found, name) == pytest.approx(getattr(alone, name)), name
    assert (found.pairs, found.clusters) == (24, 8)


def test_verdicts() -> None:
    rng = np.random.default_rng(4)
    noise = rng.normal(scale=0.1, size=10)

    def verdict(shift: float, k: int = 10) -> str:
        return compare_scores(noise[:k] + shift, np.zeros(k), range(k), rng=np.random.default_rng(0)).verdict

    assert [verdict(1.0), verdict(-1.0), verdict(0.0), verdict(1.0, 4)] == [
        "better", "worse", "not told apart", "too few",
    ]  # fmt: skip


def test_one_study_has_no_standard_error() -> None:
    found = compare_scores([1.0, 2.0], [0.0, 0.0], ["a", "a"], rng=np.random.default_rng(0))
    assert np.isnan(found.se) and found.mean == 1.5 and found.verdict == "too few"


@pytest.mark.parametrize(
    ("pmf", "seen", "message"),
    [([0.5, 0.6], 0, "sum to 1"), ([-0.1, 1.1], 0, ">= 0"), ([0.5, 0.5], 2, "2 of 1 patients"), ([], 0, "not prob")],
)
def test_what_is_no_prediction_is_refused(pmf: list[float], seen: int, message: str) -> None:
    with pytest.raises(InputError, match=message):
        log_score(pmf, seen)


def test_scores_that_cannot_be_compared_are_refused() -> None:
    with pytest.raises(InputError, match="not finite"):
        compare_scores([-np.inf], [0.0], ["a"], rng=np.random.default_rng(0))
    with pytest.raises(InputError, match="beside 1 clusters"):
        compare_scores([0.0, 1.0], [0.0, 1.0], ["a"], rng=np.random.default_rng(0))
    with pytest.raises(InputError, match="transforms"):
        count_coverage([1.2], 0.9)
