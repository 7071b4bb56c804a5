"""Medians and restricted means of survival over parameter sets, without the luck of the patients drawn.

The rule is that of `aftercar.patients.parameter_spread`, at every time of the curves, with Greenwood's variance.
Medians are read off the drawn curves, so that medians which some sets do not reach need no rule of their own.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from aftercar.patients.parameter_spread import draw_together, quantiles_of_sets
from aftercar.trials.endpoint_records import fit_curve

FloatArray = npt.NDArray[np.float64]
_HALF = 0.5 + float(np.sqrt(np.finfo(float).eps))  # as `median_survival` reads it


def spread_of_median(records: pd.DataFrame, sets: npt.ArrayLike, *, level: float) -> tuple[float, float]:
    """Return the interval over parameter sets of a median [day]; a limit that is not reached is NaN."""
    time, survival, variance, n = _curves(records, np.asarray(sets))
    if len(n) < 2:
        return np.nan, np.nan
    drawn = np.minimum.accumulate(draw_together(survival, variance, n), axis=1)
    reached = drawn <= _HALF
    if not time.size or np.isnan(drawn).any():
        return np.nan, np.nan
    return quantiles_of_sets(np.where(reached.any(axis=1), time[reached.argmax(axis=1)], np.inf), level)


def spread_of_restricted_mean(
    records: pd.DataFrame, sets: npt.ArrayLike, *, tau: float, level: float
) -> tuple[float, float]:
    """Return the interval over parameter sets of a restricted mean up to `tau` [day]."""
    time, survival, variance, n = _curves(records, np.asarray(sets))
    if len(n) < 2:
        return np.nan, np.nan
    inside = time < tau
    steps = np.diff(time[inside], prepend=0.0, append=tau)
    drawn = draw_together(survival[:, inside], variance[:, inside], n)
    return quantiles_of_sets(np.hstack([np.ones((len(n), 1)), drawn]) @ steps, level)


def _curves(
    records: pd.DataFrame, sets: npt.NDArray[np.generic]
) -> tuple[FloatArray, FloatArray, FloatArray, npt.NDArray[np.int64]]:
    """Return event times, and survival of each set at them with its variance, and the sizes of the sets.

    Past the last patient of a set its curve stays where it was.
    """
    time = np.unique(records.loc[records["event"], "duration"].to_numpy())
    parts: Sequence[pd.DataFrame] = [part for _, part in records.groupby(sets)]
    survival, variance = np.ones((len(parts), len(time))), np.zeros((len(parts), len(time)))
    for row, part in enumerate(parts):
        curve = fit_curve(part)
        place = np.searchsorted(curve.time, time, side="right")
        survival[row] = np.append(1.0, curve.survival)[place]
        # Greenwood's variance is the binomial one where nobody is censored: n / (n − 1) makes it unbiased there.
        greenwood = np.nan_to_num(curve.std_err) ** 2 * len(part) / max(len(part) - 1, 1)
        variance[row] = np.append(0.0, greenwood)[place]
    return time, survival, variance, np.array([len(part) for part in parts], dtype=np.int64)
