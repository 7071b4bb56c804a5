"""How far a true value moves between sets of population parameters, apart from the luck of the patients drawn.

A run simulates K sets with some patients each. The values of the sets differ for two reasons: the parameters, and
the few patients of a set. The quantiles of the raw values hold both and are too wide. Here

1. variance within sets, pooled, and between sets are parted by one-way analysis of variance with random effects,
   on the plain scale, where the moments are unbiased whatever the law between sets (searle1992, section 3.6);
2. each set's value is drawn towards the mean by the square root of its reliability, τ² / (τ² + σ² / n), which gives the
   values the spread τ that the true ones have; the plain reliability would draw them too close (louis1984);
3. their quantiles are the interval.

Drawn values lie between the raw value and the mean: shares stay in [0, 1]. Where the sets differ no more than luck
explains, τ² is 0 and the interval is one point. Survival (`aftercar.trials.survival_spread`) is treated so at every
time, levels over time by their ranks.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import ndtr, ndtri

FloatArray = npt.NDArray[np.float64]


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
    return quantiles_of_sets(draw_together(share, share * (1 - share) / np.maximum(n - 1, 1), n), level)


def spread_of_levels(values: FloatArray, sets: npt.ArrayLike, *, level: float) -> tuple[FloatArray, FloatArray]:
    """Return the interval over parameter sets of the median of a level, at each time; NaN with a single set.

    Levels become normal scores of their ranks among all patients, whatever their scale and whatever lies below a limit.
    A set is taken to shift the scores: its mean score, with what is luck taken out, tells at which quantile of all
    patients its median lies.

    Parameters
    ----------
    values
        Shape (patients, times). Patients with a missing value are left out.
    sets
        Set of each patient, shape (patients,).
    """
    from scipy.stats import rankdata  # half a second that only who asks for it waits for

    whole = np.isfinite(values).all(axis=1)
    known, which = values[whole], np.asarray(sets)[whole]
    names, n = np.unique(which, return_counts=True)
    if len(names) < 2 or len(which) == len(names):
        return np.full(values.shape[1], np.nan), np.full(values.shape[1], np.nan)
    scores = ndtri((rankdata(known, axis=0) - 0.5) / len(known))
    groups = [scores[which == name] for name in names]
    mean = np.stack([group.mean(axis=0) for group in groups])
    variance = np.stack(
        [group.var(axis=0, ddof=1) / len(group) if len(group) > 1 else 0 * group[0] for group in groups]
    )
    tails = ((1 - level) / 2, (1 + level) / 2)
    ends = ndtr(np.quantile(draw_together(mean, variance, n), tails, axis=0, method="median_unbiased"))
    ordered, place = np.sort(known, axis=0), np.arange(len(known))
    lower, upper = (
        np.array([np.interp(u * (len(known) - 1), place, ordered[:, k]) for k, u in enumerate(end)]) for end in ends
    )
    return lower, upper


def quantiles_of_sets(values: FloatArray, level: float) -> tuple[float, float]:
    """Return the limits that leave out equal tails; infinite ones, of medians that are not reached, as NaN."""
    if len(values) < 2 or np.isnan(values).any():
        return np.nan, np.nan
    tails = ((1 - level) / 2, (1 + level) / 2)
    ordered = np.sort(values)
    method = "median_unbiased" if np.isfinite(ordered).all() else "higher"
    low, high = (float(np.quantile(ordered, tail, method=method)) for tail in tails)  # type: ignore[call-overload]
    return (low if np.isfinite(low) else np.nan), (high if np.isfinite(high) else np.nan)
