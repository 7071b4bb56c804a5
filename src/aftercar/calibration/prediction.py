"""What simulated arms predict for cohorts of a given size, as distributions of the number of responders.

An arm has a true rate under each set of population parameters. Virtual trials know it with the noise of their patients,
which is taken out of the spread between sets (`aftercar.patients.parameter_spread`) and comes back once, for the arm
as a whole: what is not simulated is not known. Around it lies what a cohort differs by from its virtual twin.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import betaincinv, expit, logit

from aftercar.calibration.salvage_arms import Counterpart
from aftercar.calibration.salvage_trials import CountedSets, count_by_set
from aftercar.foundation import NotPoolableError
from aftercar.patients.parameter_spread import draw_together
from aftercar.synthesis.predictive_counts import mix_binomials

FloatArray = npt.NDArray[np.float64]
_QUANTILES = 41
_HALF_PATIENT = 0.5  # added to both outcomes of an arm, so that one that nobody responds in has a finite logit


@dataclass(frozen=True)
class ArmRate:
    """What a virtual trial says of the true rate of an arm. Simulated.

    Attributes
    ----------
    logits
        Of the rate under each parameter set, luck of the patients taken out, shape (sets,).
    shifts
        By how much the arm as a whole may lie elsewhere, for want of simulated patients: equally likely, shape (q,).
    patients
        How many were treated; of a mixture, how many would say as much.
    """

    logits: FloatArray
    shifts: FloatArray
    patients: int

    def predict(self, total: int, *, discrepancy: float) -> FloatArray:
        """Return the distribution of responders among `total` patients, shape (total + 1,)."""
        return mix_binomials(self.logits[:, None] + self.shifts, total, sd=discrepancy)

    @property
    def noise(self) -> float:
        """Standard deviation of `shifts`: the error of simulation [logit]."""
        return float(np.std(self.shifts))

    @property
    def rate(self) -> float:
        """Mean of the rate over the parameter sets."""
        return float(np.mean(expit(self.logits)))


def fit_rates(patients: pd.DataFrame, counterparts: Mapping[str, Counterpart], measure: str) -> Mapping[str, ArmRate]:
    """Return what simulated patients (`simulate_trials`) say of the rate of each cohort's arm, by cohort."""
    return {cohort: fit_counted(count_by_set(patients, one, patients[measure])) for cohort, one in counterparts.items()}


def fit_counted(counted: CountedSets) -> ArmRate:
    """Return what counts by parameter set say of an arm's rate."""
    return fit_rate(counted.events, counted.n)


def fit_rate(events: npt.ArrayLike, n: npt.ArrayLike) -> ArmRate:
    """Return what the counts of one arm by parameter set, shape (sets,), say of its rate.

    Raises
    ------
    NotPoolableError
        Nobody was treated.
    """
    x, sizes = np.asarray(events, dtype=np.float64), np.asarray(n, dtype=np.float64)
    total = float(sizes.sum())
    if total < 1:
        raise NotPoolableError("Nobody of the simulated patients was treated. Simulate more.")
    share = x / sizes
    drawn = draw_together(share, share * (1 - share) / np.maximum(sizes - 1, 1), sizes)
    if np.isnan(drawn).any():  # one set, or sets of one patient: nothing is known of their spread
        drawn = np.full(1, x.sum() / total)
    rate = (drawn * total + _HALF_PATIENT) / (total + 2 * _HALF_PATIENT)
    middle = (x.sum() + _HALF_PATIENT) / (total + 2 * _HALF_PATIENT)
    # What N patients say of one rate (Jeffreys' posterior), which also holds for an arm in which nobody responds.
    levels = (np.arange(_QUANTILES) + 0.5) / _QUANTILES
    shifts = logit(betaincinv(x.sum() + _HALF_PATIENT, total - x.sum() + _HALF_PATIENT, levels)) - logit(middle)
    return ArmRate(logit(rate), shifts, round(total))
