"""What informs what, and profiles, against laws whose information, variances and profiles are known in closed form."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.special import expit
from scipy.stats import binom, chi2
from tests.unit.calibration import toy

from aftercar.calibration.emulator import Design, Emulator
from aftercar.calibration.identifiability import (
    Profile,
    find_correlations,
    leave_out_variances,
    measure_information,
    profile_parameters,
    profile_score,
    tabulate_information,
)
from aftercar.calibration.likelihood import EmulatedTargets

RNG = np.random.default_rng(5)
SQUARE = RNG.normal(size=(4, 4))
PRECISION = SQUARE @ SQUARE.T + 0.5 * np.eye(4)
COVARIANCE, MEAN = np.linalg.inv(PRECISION), np.array([0.3, -0.2, 0.1, 0.4])
WIDE = Design(np.zeros(4), np.eye(4))


def gaussian(z):
    return -0.5 * np.einsum("ni,ij,nj->n", z - MEAN, PRECISION, z - MEAN)


def lines(slopes, counts, *, level=0.0) -> EmulatedTargets:
    """Logits that are linear in the scores and known for certain."""
    slopes = np.asarray(slopes, dtype=float)
    d = slopes.shape[1]
    more = d + d * (d - 1) // 2
    emulators = {
        (f"t{k}", "one"): Emulator(
            np.concatenate([[level], row, np.zeros(more)]), np.zeros((1 + d + more,) * 2), 0.1, 9, 5
        )
        for k, row in enumerate(slopes)
    }
    targets = tuple(toy.target(k, events=x, n=n) for k, (x, n) in enumerate(counts))
    return EmulatedTargets(Design(np.zeros(d), np.eye(d)), targets, emulators)


@pytest.mark.parametrize("j", range(4))
def test_the_profile_of_a_normal_law_is_that_of_its_marginal(j: int) -> None:
    sd = np.sqrt(COVARIANCE[j, j])
    grid = MEAN[j] + sd * np.linspace(-3.5, 3.5, 29)
    found = profile_score(gaussian, j, design=WIDE, radius=400.0, start=np.zeros(4), grid=grid)
    np.testing.assert_allclose(found.value, -0.5 * ((found.grid - MEAN[j]) / sd) ** 2, atol=1e-3)
    assert not found.confined.any() and len(found.grid) > 20
    # Straight lines between grid points of a parabola: limits good to a hundredth of a standard deviation.
    assert found.limits() == pytest.approx((MEAN[j] - 1.96 * sd, MEAN[j] + 1.96 * sd), abs=0.01 * sd)
    assert found.limits(0.68)[1] < found.limits(0.95)[1]


def test_a_profile_that_does_not_fall_on_one_side_is_open_there() -> None:
    """exp(-exp(-3 z)): below zero it falls at once, above it stays."""
    found = profile_score(
        lambda z: -np.exp(-3 * z[:, 0]) - 0.5 * z[:, 1] ** 2, 0, design=Design(np.zeros(2), np.eye(2)), radius=100.0,
        start=np.array([1.0, 0.0]), grid=np.linspace(-3, 3, 61),
    )  # fmt: skip
    low, high = found.limits()
    assert high == np.inf
    assert low == pytest.approx(-np.log(0.5 * chi2.ppf(0.95, 1)) / 3, abs=0.02)


def test_a_ridge_is_open_until_the_region_ends_and_the_edge_is_told() -> None:
    """Only the sum of two scores is known: within |z| < 2 one may go to the root of two on its own."""
    found = profile_score(
        lambda z: -0.5 * ((z[:, 0] + z[:, 1]) / 0.1) ** 2, 0, design=Design(np.zeros(2), np.eye(2)), radius=4.0,
        start=np.zeros(2), grid=np.linspace(-1.5, 1.5, 31),
    )  # fmt: skip
    inside = np.abs(found.grid) < 1.3
    np.testing.assert_allclose(found.value[inside], 0.0, atol=1e-4)
    assert not found.confined[inside].any() and found.confined[np.abs(found.grid) > 1.42].all()


def test_limits_of_a_profile_given_by_hand() -> None:
    grid = np.array([0.0, 1.0, 2.0, 3.0])
    one = Profile(grid, np.array([-3.0, -1.0, 0.0, -0.5]), np.zeros(4, dtype=bool))
    low, high = one.limits()
    assert (low, high) == (pytest.approx((3.0 - 0.5 * chi2.ppf(0.95, 1)) / 2), np.inf)


def test_information_of_patients_is_that_of_the_binomial_law() -> None:
    """n p (1 - p) times the squared slope, whoever the patients are; averaged over the scores."""
    slopes = np.array([[1.0, 0.0, 2.0], [0.0, 0.5, 0.0]])
    emulated = lines(slopes, [(30, 60), (5, 20)], level=0.4)
    scores = RNG.normal(size=(7, 3))
    found = measure_information(emulated, scores, discrepancy=0.0)
    p = expit(0.4 + scores @ slopes.T)
    expected = ((np.array([60, 20]) * p * (1 - p)).mean(axis=0))[:, None] * slopes**2
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_a_discrepancy_bounds_what_many_patients_can_say() -> None:
    few, many = (lines([[1.0]], [(n / 2, n)]) for n in (20, 300))
    at = np.zeros((1, 1))
    bound = 1 / 0.3**2
    found = [measure_information(one, at, discrepancy=0.3)[0, 0] for one in (few, many)]
    for n, one in zip((20, 300), found, strict=True):
        assert one == pytest.approx(1 / (1 / (n * 0.25) + 0.3**2), rel=0.05)
    assert found[0] < found[1] < bound


def test_variances_without_a_figure_are_those_of_the_posterior_that_has_not_seen_it() -> None:
    """Normal prior, three measurements of single directions: every posterior is known."""
    slopes, sd = np.array([[1.0, 0.5], [0.0, 1.5], [0.7, -0.7]]), np.array([1.5, 2.0, 1.2])
    seen = np.array([0.5, -0.3, 0.2])

    def covariance(kept):
        return np.linalg.inv(np.eye(2) + (slopes[kept].T / sd[kept] ** 2) @ slopes[kept])

    whole = covariance([0, 1, 2])
    draws = RNG.multivariate_normal(whole @ (slopes.T / sd**2) @ seen, whole, size=200_000)
    terms = -0.5 * ((draws @ slopes.T - seen) / sd) ** 2
    found, effective = leave_out_variances(draws, terms)
    for k in range(3):
        np.testing.assert_allclose(
            found[k], np.diag(covariance([i for i in range(3) if i != k])), rtol=0.05, err_msg=str(k)
        )
    assert ((effective > 0.2) & (effective < 1)).all()


def test_weights_say_too_little_of_a_figure_that_says_nearly_all() -> None:
    """Without it the law is ten times as wide as the draws: the gain is a lower bound, and few draws count."""
    draws = RNG.normal(size=(50_000, 1)) / np.sqrt(101)
    (found,), (effective,) = leave_out_variances(draws, -0.5 * 100 * draws**2)
    assert draws.var() < found[0] < 0.5
    assert effective < 0.1


def test_a_figure_informs_the_parameter_that_it_hangs_on_and_no_other() -> None:
    emulated = lines([[0.35, 0.0], [0.0, 0.2]], [(30, 60), (30, 60)])
    precision = 1 + 1 / (1 / 15 + 0.09) * np.array([0.1225, 0.04])
    draws = RNG.normal(size=(40_000, 2)) / np.sqrt(precision)
    found = tabulate_information(emulated, draws, ["a", "b"], discrepancy=0.3, points=20)
    gain = found.pivot(index="target", columns="parameter", values="gain")
    expected = 1 - 1 / precision
    assert gain.loc["t0", "a"] == pytest.approx(expected[0], abs=0.03) and abs(gain.loc["t0", "b"]) < 0.03
    assert gain.loc["t1", "b"] == pytest.approx(expected[1], abs=0.03) and abs(gain.loc["t1", "a"]) < 0.03
    information = found.pivot(index="target", columns="parameter", values="information")
    assert information.loc["t0", "b"] == pytest.approx(0.0, abs=1e-9)
    assert information.loc["t0", "a"] == pytest.approx(precision[0] - 1, rel=0.1)


def test_correlated_pairs_are_named_strongest_first() -> None:
    mix = np.array([[1.0, 0.9, 0.0], [0.0, 0.436, 0.5], [0.0, 0.0, 0.866]])
    found = find_correlations(RNG.normal(size=(50_000, 3)) @ mix, ["a", "b", "c"], least=0.1)
    assert found[["parameter", "other"]].to_numpy().tolist() == [["b", "a"], ["c", "b"]]
    assert found["correlation"].tolist() == pytest.approx([0.9, 0.218], abs=0.02)


def test_the_profile_of_one_chance_gives_the_likelihood_ratio_interval() -> None:
    """One binomial figure whose logit is the score, and a second score that nothing hangs on."""
    emulated = lines([[1.0, 0.0]], [(42, 60)])
    draws = np.column_stack([RNG.normal(0.85, 0.28, 4000), RNG.normal(size=4000)])
    profiles, limits = profile_parameters(emulated, draws, ["chance", "idle"], discrepancy=0.0, radius=25.0, points=81)

    def above(logit: float) -> float:
        return 2 * (binom.logpmf(42, 60, 0.7) - binom.logpmf(42, 60, expit(logit))) - chi2.ppf(0.95, 1)

    row = limits.set_index("parameter").loc["chance"]
    assert row["closes"] == "both" and not row["confined"]
    assert (row["score_lb"], row["score_ub"]) == pytest.approx(
        (brentq(above, -1, 0.84), brentq(above, 0.85, 3)), abs=0.01
    )
    assert limits.set_index("parameter").loc["idle", "closes"] == "neither"
    idle = profiles[profiles["parameter"] == "idle"]
    np.testing.assert_allclose(idle["log_likelihood"], 0.0, atol=1e-4)
    assert profiles.loc[profiles["parameter"] == "chance", "marginal"].max() == 1.0
