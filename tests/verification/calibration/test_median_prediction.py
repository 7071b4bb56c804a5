"""Do intervals of a predicted median cover what they say where the truth is known? Cohorts from the law predicted.

A truth: an arm has a hazard under each parameter set; a cohort belongs to one of them and has its patients, whose
progression shows at visits, on other days than the prediction's. A virtual trial of few patients per set is all that
the prediction sees.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from aftercar.calibration.median_prediction import predict_median
from aftercar.calibration.salvage_arms import Counterpart, Start
from aftercar.synthesis.predictive_medians import ReportedMedian, bounds, log_error, predict_new_median
from aftercar.trials.plan import ArmEntry

ARMS, SETS, PER_SET, VISIT = 160, 40, 7, 28 / 30.4375
ARM = Counterpart(
    ArmEntry(name="a", treatments=({"therapy": "talquetamab"},)), "", ((Start("karmma_like", "ide_cel"), 1.0),)
)


def draw_times(rng: np.random.Generator, medians: np.ndarray) -> np.ndarray:
    """Return times of an exponential law, shown at the visit after."""
    return np.ceil(rng.exponential(medians / np.log(2)) / VISIT) * VISIT


def kaplan_meier_median(times: np.ndarray) -> float:
    """Return the first time by which half or more had the event; all are followed."""
    return float(np.sort(times)[(times.size + 1) // 2 - 1])


def transforms(spread: float) -> np.ndarray:
    rng, found = np.random.default_rng(8), []
    for _ in range(ARMS):
        medians = 6.0 * np.exp(rng.normal(0, 0.3) + spread * rng.standard_normal(SETS))
        times = draw_times(rng, np.repeat(medians, PER_SET))
        patients = pd.DataFrame(
            {
                "population": "karmma_like", "first": "ide_cel", "arm": "a",
                "set": np.repeat(np.arange(SETS), PER_SET), "months": np.minimum(times, 22.0), "event": times <= 22.0,
            }
        )  # fmt: skip
        n = int(rng.integers(4, 60))
        seen = kaplan_meier_median(draw_times(rng, np.full(n, rng.choice(medians))))
        law = predict_median(patients, ARM, n, discrepancy=0.0)
        low, high = bounds(law, ReportedMedian(seen + (rng.random() - 0.5) * VISIT, log_error(n)))
        found.append(low + rng.random() * (high - low))
    return np.array(found)


def test_intervals_of_a_median_cover_what_they_say() -> None:
    for spread in (0.0, 0.5):
        u = transforms(spread)
        for level in (0.5, 0.8, 0.9):
            share = float(np.mean(np.abs(u - 0.5) <= level / 2))
            # Four standard errors; above also what smoothing by 15% adds to the intervals of large cohorts.
            room = 4 * np.sqrt(level * (1 - level) / ARMS)
            assert level - room < share < level + room + 0.05, (spread, level, share)


def test_baselines_cover_cohorts_of_the_law_that_they_assume() -> None:
    rng, u = np.random.default_rng(9), []
    for _ in range(1500):
        mean, tau = np.log(6) + 1.5 * rng.standard_normal(), abs(rng.standard_normal())
        sizes = rng.integers(5, 80, 7)
        errors = np.array([log_error(int(n)) for n in sizes])
        medians = np.exp(mean + np.hypot(tau, errors) * rng.standard_normal(7))
        others = [
            ReportedMedian(m, s) if m < 12 else ReportedMedian(None, s, 12.0)
            for m, s in zip(medians[:-1].tolist(), errors[:-1].tolist(), strict=True)
        ]
        law = predict_new_median(others, errors[-1])
        low, high = bounds(law, ReportedMedian(float(medians[-1]), errors[-1]))
        u.append(low + rng.random() * (high - low))
    for level in (0.5, 0.8, 0.9, 0.95):
        share = float(np.mean(np.abs(np.array(u) - 0.5) <= level / 2))
        assert abs(share - level) < 4 * np.sqrt(level * (1 - level) / 1500), (level, share)
