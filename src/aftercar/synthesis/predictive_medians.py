"""Predictive distributions of the median time that a cohort reports, and their scores against what was reported.

A distribution is known at the edges of 44 bins of equal width in log months (`EDGES`), and even in log time between.
What lies beyond the last edge, or was not reached, is scored as what it is: an interval.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from scipy.special import log_ndtr, ndtr

from aftercar.foundation import Fault, InputError, NotPoolableError
from aftercar.synthesis.counts import check_level
from aftercar.synthesis.results import FloatArray

FIRST_MONTH: Final = 0.25
LAST_MONTH: Final = 21.0
EDGES: Final = np.geomspace(FIRST_MONTH, LAST_MONTH, 45)
_WIDTH = math.log(LAST_MONTH / FIRST_MONTH) / 44
_LEAST = 1e-12  # of a bin: differences of probabilities are not known better
_FINE = np.geomspace(FIRST_MONTH, LAST_MONTH, 4401)
_NODES_MU, _NODES_TAU = 241, 81


@dataclass(frozen=True, slots=True)
class MedianPriors:
    """Priors of the random-effects model of log medians [log months].

    Attributes
    ----------
    mu_mean, mu_sd
        Normal prior of the typical cohort's log median: by default 6 months, 0.3 to 114 within two deviations.
    tau_scale
        Half-normal scale of the spread of cohorts; 0 lets them share one median. 1 is as for rates (`Priors`), and
        wide: cohorts may lie apart by factors of seven.
    """

    mu_mean: float = math.log(6.0)
    mu_sd: float = 1.5
    tau_scale: float = 1.0


@dataclass(frozen=True, slots=True)
class ReportedMedian:
    """A median as a cohort reports it [months].

    Attributes
    ----------
    median
        None where it was not reached within `follow_up` months.
    se_log
        Standard error of its logarithm.
    """

    median: float | None
    se_log: float
    follow_up: float | None = None


@dataclass(frozen=True, slots=True)
class MedianLaw:
    """Probabilities that the median is at most each of `EDGES`, shape (45,)."""

    below: FloatArray

    def at(self, months: Any) -> Any:
        """Return the probability of a median of at most `months`; within the edges."""
        return np.interp(np.log(months), np.log(EDGES), self.below)

    def quantile(self, level: float) -> float:
        """Return the median below which a share lies [months]; infinite beyond the last edge, 0 before the first."""
        if level > self.below[-1]:
            return math.inf
        if level < self.below[0]:
            return 0.0
        return float(np.exp(np.interp(level, self.below, np.log(EDGES))))


def make_law(months: Any, probabilities: Any, *, smooth: float = 0.0) -> MedianLaw:
    """Return the law that has these probabilities of a median of at most `months`, even in log time between them.

    Noise that makes a probability fall with time is ironed out, and no bin is impossible.

    Parameters
    ----------
    smooth
        Standard deviation [log months] of a normal kernel: for a law that comes in steps, of visits or of few patients.
        What lies beyond the edges stays there.
    """
    t, p = np.asarray(months, dtype=np.float64), np.asarray(probabilities, dtype=np.float64)
    if t.ndim != 1 or t.shape != p.shape or not np.all(t > 0) or not np.all((p >= 0) & (p <= 1 + 1e-9)):
        raise InputError(Fault("law", "these are not times with probabilities.", "Give one probability a time."))
    edges = np.log(EDGES)
    reached = np.interp(edges, np.log(t), np.maximum.accumulate(p))
    if smooth > 0:
        centres = 0.5 * (edges[1:] + edges[:-1])
        reached = reached[0] + ndtr((edges[:, None] - centres) / smooth) @ np.diff(reached)
    mass = np.maximum(np.diff(reached, prepend=0.0, append=1.0), _LEAST)
    return MedianLaw(np.cumsum(mass / mass.sum())[:-1])


def log_error(n: int) -> float:
    """Return the standard error of the log median of n patients without censoring, if their hazard is constant.

    1 / (ln 2 · √n): that of a sample median, 1 / (2 f √n), at the density f = ln 2 / (2 · median).
    """
    if n < 1:
        raise InputError(Fault("n", f"a cohort of {n} patients.", "Give 1 or more."))
    return 1 / (math.log(2) * math.sqrt(n))


def predict_new_median(
    others: Sequence[ReportedMedian], new_error: float, *, priors: MedianPriors | None = None
) -> MedianLaw:
    """Return the law of the median that a new cohort reports, from other cohorts of the same kind.

    Log medians are normal about a typical one, with a spread that is not known; the errors of all cohorts' medians are
    taken as known. A median that was not reached says that it is longer than the follow-up. One cohort is enough: the
    spread then comes from its prior.

    Parameters
    ----------
    new_error
        Standard error of the new cohort's log median (`log_error`).

    Raises
    ------
    NotPoolableError
        No cohorts.
    """
    if not others:
        raise NotPoolableError("There is no other median to predict from. Name other cohorts, or loosen the filters.")
    given = MedianPriors() if priors is None else priors
    mu = given.mu_mean + given.mu_sd * np.linspace(-5, 5, _NODES_MU)
    units = np.linspace(0, 5, _NODES_TAU if given.tau_scale > 0 else 1)
    tau = given.tau_scale * units
    log_post = -0.5 * ((mu - given.mu_mean) / given.mu_sd) ** 2 - 0.5 * units[:, None] ** 2
    for one in others:
        sd = np.hypot(tau, one.se_log)[:, None]
        if one.median is not None:
            log_post = log_post - 0.5 * ((math.log(one.median) - mu) / sd) ** 2 - np.log(sd)
        elif one.follow_up:
            log_post = log_post + log_ndtr((mu - math.log(one.follow_up)) / sd)
    post = np.exp(log_post - log_post.max())
    post[0] *= 0.5  # the trapezoid rule at tau = 0
    post /= post.sum()
    spread = np.hypot(tau, new_error)[:, None]
    below = [float(np.sum(post * ndtr((edge - mu) / spread))) for edge in np.log(EDGES)]
    return make_law(EDGES, below)


def score_log(law: MedianLaw, seen: ReportedMedian) -> float:
    """Return the log of the density, per unit of log months, at the median seen; of the probability, for an interval.

    An interval is a median that was not reached, or one beyond the edges.
    """
    low, high = bounds(law, seen)
    if high > low:
        return math.log(max(high - low, _LEAST))
    place = min(int(np.searchsorted(EDGES, seen.median or 0.0, side="right")), EDGES.size - 1)
    return math.log((law.below[place] - law.below[place - 1]) / _WIDTH)


def score_crps(law: MedianLaw, seen: ReportedMedian) -> float:
    """Return the continuous ranked probability score [log months]; lower is better.

    It is the integral over log time, between the edges, of the squared distance of the law from the step at the median
    seen (gneiting2007). Where that was not reached, over the time that was followed: what came later nobody knows.
    """
    end = LAST_MONTH if seen.median is not None else min(seen.follow_up or 0.0, LAST_MONTH)
    step = _FINE >= (math.inf if seen.median is None else seen.median)
    squared = np.where(_FINE <= end, (law.at(_FINE) - step) ** 2, 0.0)
    return float(np.trapezoid(squared, np.log(_FINE)))


def bounds(law: MedianLaw, seen: ReportedMedian) -> tuple[float, float]:
    """Return the probabilities of less than what was seen, and of at most it; equal for a median within the edges."""
    if seen.median is None:
        after = min(max(seen.follow_up or 0.0, FIRST_MONTH), LAST_MONTH)
        return float(law.at(after)), 1.0
    if seen.median < FIRST_MONTH:
        return 0.0, float(law.below[0])
    if seen.median >= LAST_MONTH:
        return float(law.below[-1]), 1.0
    reached = float(law.at(seen.median))
    return reached, reached


def middle(law: MedianLaw, level: float) -> tuple[float, float]:
    """Return the limits of the middle `level` of a law [months]."""
    check_level(level)
    return law.quantile((1 - level) / 2), law.quantile((1 + level) / 2)
