"""Scores of predicted counts against those that were seen: log score, CRPS, calibration, and paired differences.

A prediction is an array of probabilities of 0, 1 ... n events. Numbers in, numbers out: who predicted does not matter.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import stdtrit

from aftercar.foundation import Fault, InputError
from aftercar.synthesis.counts import check_level
from aftercar.synthesis.exact import CohortProportion, estimate_proportion
from aftercar.synthesis.results import FloatArray

_ROUNDING = 1e-8
LEAST_CLUSTERS = 5
"""Fewer independent studies give no interval of a difference."""


def log_score(pmf: Any, seen: int) -> float:
    """Return the log of the probability that was given to the count seen; higher is better, 0 the best (good1952).

    Examples
    --------
    >>> round(log_score([0.25, 0.5, 0.25], 1), 3)
    -0.693
    """
    p = _check(pmf, seen)
    return float(np.log(p[seen])) if p[seen] > 0 else -np.inf


def crps(pmf: Any, seen: int) -> float:
    """Return the continuous ranked probability score of a count [events]; lower is better, 0 the best.

    For whole numbers it is the ranked probability score, a finite sum and exact (czado2009, eq. 5). A prediction that
    is certain of one number scores its absolute error.

    Examples
    --------
    >>> crps([0.0, 0.0, 1.0], 0)
    2.0
    """
    p = _check(pmf, seen)
    beyond = np.arange(p.size) >= seen
    return float(np.sum((np.cumsum(p) - beyond) ** 2))


def pit_range(pmf: Any, seen: int) -> tuple[float, float]:
    """Return the probabilities of fewer than the count seen, and of at most it.

    A number drawn evenly between the two, the randomised probability integral transform, is uniform if the prediction
    is right, which a count's own distribution function is not (czado2009, eq. 1). Their middle is the mid-probability.
    """
    p = _check(pmf, seen)
    below = float(p[:seen].sum())
    return below, min(below + float(p[seen]), 1.0)


def interval_of(pmf: Any, level: float) -> tuple[int, int]:
    """Return the counts between which the middle `level` of the distribution lies; it holds at least that much."""
    check_level(level)
    p = _check(pmf, 0)
    reached = np.cumsum(p) + _ROUNDING
    low, high = (int(np.argmax(reached >= tail)) for tail in ((1 - level) / 2, (1 + level) / 2))
    return low, high


def count_coverage(transforms: Any, level: float, *, interval: float = 0.95) -> CohortProportion:
    """Return how many predictions covered what was seen at a level, with the exact interval of their share.

    Parameters
    ----------
    transforms
        Randomised probability integral transforms, shape (k,), in [0, 1].
    level
        Of the central intervals that are looked at, as 0.9.
    interval
        Level of the exact (Clopper-Pearson) interval of the share.
    """
    check_level(level)
    u = np.asarray(transforms, dtype=np.float64)
    if not u.size or not np.all((u >= 0) & (u <= 1)):
        raise InputError(Fault("transforms", "none, or one outside of 0 to 1.", "Give one for each prediction."))
    return estimate_proportion(int(np.sum(np.abs(u - 0.5) <= level / 2)), u.size, level=interval)


@dataclass(frozen=True, slots=True)
class ScoreDifference:
    """Mean difference of paired scores, with its uncertainty.

    Attributes
    ----------
    mean
        Over pairs.
    se
        Robust to pairs of one cluster going together; NaN with fewer than two clusters.
    ci_lb, ci_ub
        By Student's t on `clusters` less one degrees of freedom; NaN with fewer than `LEAST_CLUSTERS`.
    bootstrap_lb, bootstrap_ub
        Percentiles of the mean over clusters drawn anew; NaN likewise.
    """

    pairs: int
    clusters: int
    mean: float
    se: float
    ci_lb: float
    ci_ub: float
    bootstrap_lb: float
    bootstrap_ub: float
    level: float

    @property
    def verdict(self) -> str:
        """Whether the first of the pair scored better: ``better``, ``worse``, ``not told apart`` or ``too few``.

        Both intervals must say so: with few studies neither is exact.
        """
        if self.clusters < LEAST_CLUSTERS:
            return "too few"
        if min(self.ci_lb, self.bootstrap_lb) > 0:
            return "better"
        return "worse" if max(self.ci_ub, self.bootstrap_ub) < 0 else "not told apart"


def compare_scores(
    first: Any, second: Any, clusters: Sequence[Hashable], *, level: float = 0.95, draws: int = 10_000,
    rng: np.random.Generator,
) -> ScoreDifference:  # fmt: skip
    """Return the mean of `first` minus `second`, of scores where more is better.

    Parameters
    ----------
    first, second
        Scores of two predictions of the same cohorts, shape (k,).
    clusters
        What pairs that are not independent have in common, such as their study, shape (k,).
    draws
        Of the bootstrap.
    """
    check_level(level)
    difference = np.asarray(first, dtype=np.float64) - np.asarray(second, dtype=np.float64)
    if not difference.size or len(clusters) != difference.size or not np.all(np.isfinite(difference)):
        found = f"{difference.size} differences, or one that is not finite, beside {len(clusters)} clusters."
        raise InputError(Fault("scores", found, "Give a finite score of both and a cluster for every cohort."))
    place = {name: k for k, name in enumerate(dict.fromkeys(clusters))}
    member = np.array([place[name] for name in clusters])
    sums = np.bincount(member, weights=difference)
    sizes = np.asarray(np.bincount(member), dtype=np.float64)
    k, mean = len(place), float(difference.mean())
    # The mean is a ratio of sums over clusters, and this its linearised variance.
    se = float(np.sqrt(k / (k - 1) * np.sum((sums - mean * sizes) ** 2)) / sizes.sum()) if k > 1 else np.nan
    half = low = high = np.nan
    if k >= LEAST_CLUSTERS:
        half = float(stdtrit(k - 1, (1 + level) / 2)) * se
        chosen = rng.integers(k, size=(draws, k))
        again = sums[chosen].sum(axis=1) / sizes[chosen].sum(axis=1)
        low, high = (float(np.quantile(again, tail)) for tail in ((1 - level) / 2, (1 + level) / 2))
    return ScoreDifference(difference.size, k, mean, se, mean - half, mean + half, low, high, level)


def _check(pmf: Any, seen: int) -> FloatArray:
    p = np.asarray(pmf, dtype=np.float64)
    faults = []
    if p.ndim != 1 or not p.size or not np.all(p >= 0) or abs(p.sum() - 1.0) > _ROUNDING:
        faults.append(Fault("pmf", "these are not probabilities of 0, 1 ... events.", "They are >= 0 and sum to 1."))
    elif not 0 <= seen < p.size:
        faults.append(Fault("seen", f"{seen} of {p.size - 1} patients.", "Give a count from 0 to the patients."))
    if faults:
        raise InputError(faults)
    return p
