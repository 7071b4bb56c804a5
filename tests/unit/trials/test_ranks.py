"""The law of simulated arms' means, and the order that it identifies."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from aftercar.foundation import NotPoolableError
from aftercar.synthesis.ranking import identify_order, rank_strategies
from aftercar.trials.ranks import ArmMeans, _take_values, fit_arm_means

ARMS = ["a", "b"]


def draw_patients(
    rng: np.random.Generator, *, sets: int, each: int, mean: tuple[float, float], tau: float, sigma: float, rho: float
) -> tuple[pd.DataFrame, np.ndarray]:
    """Return values of two arms: sets spread by `tau`, patients within by `sigma`, both correlated by `rho`."""
    shared = np.array([[1.0, rho], [rho, 1.0]])
    of_set = rng.multivariate_normal(np.zeros(2), tau**2 * shared, size=sets)
    own = rng.multivariate_normal(np.zeros(2), sigma**2 * shared, size=(sets, each))
    values = (np.asarray(mean) + of_set[:, None] + own).reshape(-1, 2)
    return pd.DataFrame(values, columns=ARMS), np.repeat(np.arange(sets), each)


def test_covariance_is_that_of_parameters_and_of_luck() -> None:
    rng = np.random.default_rng(2)
    sets, each, tau, sigma, rho = 40, 5, 0.5, 1.0, 0.6
    found = [
        fit_arm_means(*draw_patients(rng, sets=sets, each=each, mean=(0, 1), tau=tau, sigma=sigma, rho=rho))
        for _ in range(1_000)
    ]
    mean = np.mean([one.covariance for one in found], axis=0)
    variance = tau**2 * (1 + 1 / sets) + sigma**2 / (sets * each)
    # Each replicate has a relative error of 0.4: four standard errors of 1,000 are 5%.
    assert mean == pytest.approx(variance * np.array([[1, rho], [rho, 1]]), rel=0.05)


def test_the_order_of_two_arms_has_the_closed_form() -> None:
    means = ArmMeans(("a", "b"), np.array([0.40, 0.30]), np.array([[0.010, 0.006], [0.006, 0.008]]))
    draws = means.draw(40_000, np.random.default_rng(2))
    exact = norm.cdf(0.10 / np.sqrt(0.010 + 0.008 - 2 * 0.006))
    found = rank_strategies(means.arms, draws, run=1).pairwise[0, 1]
    assert found == pytest.approx(exact, abs=4 * np.sqrt(exact * (1 - exact) / 40_000))


def test_what_arms_share_cancels() -> None:
    """Sets that move both arms alike say nothing against the order, however far they move them."""
    rng = np.random.default_rng(3)
    common = np.repeat(rng.normal(0, 5, size=30), 10)
    table = pd.DataFrame({"a": common + 1.0, "b": common}) + rng.normal(0, 0.1, size=(300, 2))
    means = fit_arm_means(table, np.repeat(np.arange(30), 10))
    assert means.covariance[0, 0] > 5
    ranking = rank_strategies(means.arms, means.draw(2_000, rng), run=1)
    assert identify_order(means.arms, ranking.pairwise).best == "a"


def test_luck_of_few_patients_identifies_nothing() -> None:
    """Sets that do not differ: with 20 patients a share of 0.5 and one of 0.6 are not told apart."""
    a = np.tile([1.0, 0.0], 10)
    b = np.array([1.0] * 12 + [0.0] * 8)
    means = fit_arm_means(pd.DataFrame({"a": a, "b": b}), np.repeat(np.arange(5), 4))
    ranking = rank_strategies(means.arms, means.draw(4_000, np.random.default_rng(4)), run=1)
    found = identify_order(means.arms, ranking.pairwise)
    assert (found.apart, found.best) == (0, "")


def test_patients_missing_in_an_arm_count_for_the_mean_alone() -> None:
    table = pd.DataFrame({"a": [1.0, 0.0, 1.0, 0.0, 1.0], "b": [0.0, 1.0, 1.0, 0.0, np.nan]})
    means = fit_arm_means(table, np.zeros(5))
    assert means.mean.tolist() == [0.6, 0.5]
    whole = fit_arm_means(table.iloc[:4], np.zeros(4))
    assert means.covariance == pytest.approx(whole.covariance)
    with pytest.raises(NotPoolableError, match="Simulate more"):
        fit_arm_means(table.iloc[:1], np.zeros(1))


def test_values_of_pfs_are_times_up_to_the_common_horizon(monkeypatch: pytest.MonkeyPatch) -> None:
    records = pd.DataFrame({
        "arm": ["a"] * 4 + ["b"] * 4, "patient": [1, 2, 3, 4] * 2,
        "duration": [3.0, 5.0, 12.0, 20.0, 7.0, 7.0, 15.0, 15.0],
        "event": [True, True, True, False, True, True, False, False],
    })  # fmt: skip
    monkeypatch.setattr("aftercar.trials.ranks.take_records", lambda tables, measure: records)
    values = _take_values(object(), "PFS")  # type: ignore[arg-type]
    assert values.to_numpy().T == pytest.approx(np.array([[3.0, 5.0, 12.0, 15.0], [7.0, 7.0, 15.0, 15.0]]))
