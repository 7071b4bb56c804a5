"""Do predictions cover what they say where the truth is known? Cohorts are drawn from the law that is predicted.

A truth: an arm has a rate under each parameter set; a cohort belongs to one of them, differs from it by the
discrepancy, and has its patients. A virtual trial of few patients per set is all that the prediction sees.
"""

from __future__ import annotations

import numpy as np
from scipy.special import expit, logit

from aftercar.calibration.prediction import fit_rate
from aftercar.synthesis import crps, log_score, mix_binomials, pit_range

ARMS, SETS, PER_SET, DISCREPANCY = 1500, 40, 6, 0.3


def simulate_arm(rng: np.random.Generator, spread: float) -> tuple[np.ndarray, np.ndarray, int, int]:
    """Return the sets' true logits, the trial's counts, and one cohort (events, patients)."""
    logits = rng.normal(0.3, 0.5) + spread * rng.standard_normal(SETS)
    counts = rng.binomial(PER_SET, expit(logits))
    n = int(rng.integers(2, 50))
    truth = rng.choice(logits) + DISCREPANCY * rng.standard_normal()
    return logits, counts, int(rng.binomial(n, expit(truth))), n


def predict_raw(counts: np.ndarray, n: int) -> np.ndarray:
    return mix_binomials(logit((counts + 0.5) / (PER_SET + 1)), n, sd=DISCREPANCY)


def transforms(spread: float, *, raw: bool = False) -> np.ndarray:
    rng, found = np.random.default_rng(20), []
    for _ in range(ARMS):
        _, counts, x, n = simulate_arm(rng, spread)
        if raw:  # values of the sets as they are, luck of six patients included
            pmf = predict_raw(counts, n)
        else:
            pmf = fit_rate(counts, np.full(SETS, PER_SET)).predict(n, discrepancy=DISCREPANCY)
        below, at_most = pit_range(pmf, x)
        found.append(below + rng.random() * (at_most - below))
    return np.array(found)


def coverage(u: np.ndarray, level: float) -> float:
    return float(np.mean(np.abs(u - 0.5) <= level / 2))


def test_intervals_cover_what_they_say_whatever_the_parameters_leave_open() -> None:
    for spread in (0.0, 0.4, 1.0):
        u = transforms(spread)
        for level in (0.5, 0.8, 0.9, 0.95):
            # Four standard errors of the share, and one point for a spread that is estimated from forty sets.
            room = 4 * np.sqrt(level * (1 - level) / ARMS) + 0.01
            assert abs(coverage(u, level) - level) < room, (spread, level, coverage(u, level))


def test_without_taking_out_the_luck_of_patients_intervals_are_too_wide() -> None:
    assert coverage(transforms(0.0, raw=True), 0.5) > 0.6


def test_the_prediction_scores_nearly_as_the_law_that_the_cohorts_came_from() -> None:
    rng, lost, lost_raw, lost_crps = np.random.default_rng(4), [], [], []
    for _ in range(600):
        logits, counts, x, n = simulate_arm(rng, 0.5)
        best = mix_binomials(logits, n, sd=DISCREPANCY)
        mine = fit_rate(counts, np.full(SETS, PER_SET)).predict(n, discrepancy=DISCREPANCY)
        lost.append(log_score(best, x) - log_score(mine, x))
        lost_raw.append(log_score(best, x) - log_score(predict_raw(counts, n), x))
        lost_crps.append((crps(mine, x) - crps(best, x)) / n)
    # 240 simulated patients are not endless ones; what they cost is less than half of what luck left in would.
    assert -0.02 < np.mean(lost) < 0.5 * np.mean(lost_raw)
    assert -0.005 < np.mean(lost_crps) < 0.01
