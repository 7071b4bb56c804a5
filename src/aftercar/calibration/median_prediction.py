"""What simulated arms predict for the median progression-free survival that a cohort of a given size reports.

The Kaplan-Meier median of n patients who are all followed is at most t if half of them or more had their event by t. So
the prediction of a count serves: at each visit, of how many of n have had progression or death.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from aftercar.calibration.prediction import fit_counted
from aftercar.calibration.salvage_arms import Counterpart
from aftercar.calibration.salvage_trials import DAYS_A_MONTH, CountedSets, count_by_set
from aftercar.synthesis.predictive_medians import FIRST_MONTH, LAST_MONTH, MedianLaw, make_law

_VISIT: Final = 28.0 / DAYS_A_MONTH
_VISITS: Final = np.arange(_VISIT, LAST_MONTH + _VISIT, _VISIT)
_BETWEEN: Final = np.concatenate([[FIRST_MONTH], np.arange(0.5 * _VISIT, LAST_MONTH, _VISIT), [LAST_MONTH]])
_ROUNDING = 1e-9
_SMOOTH: Final = 0.15


def predict_median(patients: pd.DataFrame, counterpart: Counterpart, n: int, *, discrepancy: float) -> MedianLaw:
    """Return the law of the median that a cohort of `n` patients reports.

    Progression shows at visits, every 28 days; visits of a cohort fall on other days. So what shows at a visit is
    spread over the fortnights before and after, and the law is smoothed by 15% of the time (0.15 in log months).

    Parameters
    ----------
    patients
        As `simulate_trials` returns them. Who is censored before a time does not count at it: nearly nobody is before
        follow-up ends.
    discrepancy
        Standard deviation [logit] by which a cohort's share with an event differs from its arm's, the same at all
        times.
    """
    half = (n + 1) // 2
    below = []
    for month in _BETWEEN:
        pmf = fit_counted(_counted(patients, counterpart, month)).predict(n, discrepancy=discrepancy)
        below.append(float(pmf[half:].sum()))
    return make_law(_BETWEEN, np.minimum(below, 1.0), smooth=_SMOOTH)


def find_median(patients: pd.DataFrame, counterpart: Counterpart) -> float:
    """Return the visit by which half of an arm's patients had progression or death [months]; infinite if later."""
    for month in _VISITS:
        counted = _counted(patients, counterpart, month)
        if counted.events.sum() >= counted.n.sum() / 2:
            return float(month)
    return float(np.inf)


def _counted(patients: pd.DataFrame, counterpart: Counterpart, month: float) -> CountedSets:
    had = patients["event"] & (patients["months"] <= month + _ROUNDING)
    known = had | (patients["months"] > month - _ROUNDING)
    return count_by_set(patients, counterpart, had[known])
