"""How far an arm's true value moves between sets of population parameters, apart from the luck of the patients drawn.

A trial simulates K sets with some patients each. The values of the sets differ for two reasons: the parameters, and
the few patients of a set. The quantiles of the raw values hold both and are too wide. Here

1. variance within sets, pooled, and between sets are parted by one-way analysis of variance with random effects,
   on the plain scale, where the moments are unbiased whatever the law between sets (searle1992, section 3.6);
2. each set's value is drawn towards the mean by the square root of its reliability, τ² / (τ² + σ² / n), which gives the
   values the spread τ that the true ones have; the plain reliability would draw them too close (louis1984);
3. their quantiles are the interval.

Drawn values lie between the raw value and the mean: shares stay in [0, 1]. Where the sets differ no more than luck
explains, τ² is 0 and the interval is one point. Survival is treated so at every time, with Greenwood's variance, and
medians are read off the drawn curves, so that medians which some sets do not reach need no rule of their own.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from aftercar.trials.endpoint_records import fit_curve

FloatArray = npt.NDArray[np.float64]
_HALF = 0.5 + float(np.sqrt(np.finfo(float).eps))  # as `median_survival` reads it


def draw_together(values: npt.ArrayLike, variances: npt.ArrayLike, sizes: npt.ArrayLike) -> FloatArray:
    """Return the values of the sets with what is luck of their patients taken out.

    Parameters
    ----------
    values
        Estimate of each set, shape (K,) or (K, T) for T quantities side by side.
    variances
        Sampling variance of each of them, the same shape; sets of one patient do not count here.
    sizes
        Patients of each set, shape (K,), >= 1.

    Returns
    -------
    array
        Like `values`; NaN with a single set.

    Examples
    --------
    >>> draw_together([0.2, 0.4, 0.3], [0.02, 0.02, 0.02], [10, 10, 10]).round(3).tolist()  # luck explains it all
    [0.3, 0.3, 0.3]
    """
    y = np.asarray(values, dtype=np.float64)
    centre, keep = part_luck(values, variances, sizes)
    return np.asarray(centre + keep * (y - centre))


def part_luck(values: npt.ArrayLike, variances: npt.ArrayLike, sizes: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Return the mean over sets, and by which factor each set's distance from it is to be kept; see `draw_together`."""
    y, v = np.asarray(values, dtype=np.float64), np.asarray(variances, dtype=np.float64)
    n = np.asarray(sizes, dtype=np.float64).reshape((-1,) + (1,) * (y.ndim - 1))
    freedom = n.sum() - len(n)
    if len(n) < 2 or freedom < 1:
        return np.full(y.shape[1:], np.nan), np.full_like(y, np.nan)
    sigma2 = np.sum((n - 1) * n * np.where(n > 1, v, 0.0), axis=0) / freedom
    pooled = np.sum(n * y, axis=0) / n.sum()
    between = np.sum(n * (y - pooled) ** 2, axis=0) - (len(n) - 1) * sigma2
    tau2 = np.maximum(between / (n.sum() - np.sum(n**2) / n.sum()), 0.0)
    total = tau2 + sigma2 / n
    known = total > 0
    weight = np.where(known, 1 / np.where(known, total, 1.0), n)
    centre = np.sum(weight * y, axis=0) / weight.sum(axis=0)
    return centre, np.sqrt(np.where(known, tau2 / np.where(known, total, 1.0), 0.0))


def spread_of_share(event: npt.ArrayLike, sets: npt.ArrayLike, *, level: float) -> tuple[float, float]:
    """Return the interval over parameter sets of a share, from who had the event; NaN with a single set."""
    counts = pd.DataFrame({"event": np.asarray(event, dtype=np.float64), "set": np.asarray(sets)})
    found = counts.groupby("set")["event"].agg(["mean", "size"])
    share, n = found["mean"].to_numpy(), found["size"].to_numpy()
    return _quantiles(draw_together(share, share * (1 - share) / np.maximum(n - 1, 1), n), level)


def spread_of_median(records: pd.DataFrame, sets: npt.ArrayLike, *, level: float) -> tuple[float, float]:
    """Return the interval over parameter sets of a median [day]; a limit that is not reached is NaN."""
    time, survival, variance, n = _curves(records, np.asarray(sets))
    if len(n) < 2:
        return np.nan, np.nan
    drawn = np.minimum.accumulate(draw_together(survival, variance, n), axis=1)
    reached = drawn <= _HALF
    if not time.size or np.isnan(drawn).any():
        return np.nan, np.nan
    return _quantiles(np.where(reached.any(axis=1), time[reached.argmax(axis=1)], np.inf), level)


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
    return _quantiles(np.hstack([np.ones((len(n), 1)), drawn]) @ steps, level)


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


def _quantiles(values: FloatArray, level: float) -> tuple[float, float]:
    """Return the limits that leave out equal tails; infinite ones, of medians that are not reached, as NaN."""
    if len(values) < 2 or np.isnan(values).any():
        return np.nan, np.nan
    tails = ((1 - level) / 2, (1 + level) / 2)
    ordered = np.sort(values)
    method = "median_unbiased" if np.isfinite(ordered).all() else "higher"
    low, high = (float(np.quantile(ordered, tail, method=method)) for tail in tails)  # type: ignore[call-overload]
    return (low if np.isfinite(low) else np.nan), (high if np.isfinite(high) else np.nan)
