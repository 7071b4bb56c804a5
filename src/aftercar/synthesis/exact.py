"""Intervals for the proportion of one cohort: Clopper-Pearson, Wilson, Jeffreys."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.special import betaincinv, ndtri

from aftercar.synthesis.counts import check_choice, check_counts, check_level
from aftercar.synthesis.results import FloatArray, PooledProportion

ProportionInterval = Literal["clopper-pearson", "wilson", "jeffreys"]


@dataclass(frozen=True, slots=True)
class CohortProportion:
    """The observed proportion of one cohort with its interval, inside [0, 1]."""

    events: int
    total: int
    estimate: float
    ci_lb: float
    ci_ub: float
    level: float
    kind: ProportionInterval


def estimate_proportion(
    events: float, total: float, *, kind: ProportionInterval = "clopper-pearson", level: float = 0.95
) -> CohortProportion:
    """Return a cohort's proportion and interval.

    Clopper-Pearson never covers less than `level` and is therefore wide; Wilson covers `level` on average over the true
    proportion; Jeffreys is the equal-tailed posterior under the Beta(1/2, 1/2) prior, with the limit moved to 0 (to 1)
    when no patient (every patient) responded, so that the estimate stays inside.

    Parameters
    ----------
    events, total
        Responders and evaluable patients: whole, 0 <= events <= total, total >= 1.
    level
        Confidence level, e.g. 0.95.

    Raises
    ------
    InputError
        Counts that cannot be, an unknown kind, a level outside (0, 1).

    References
    ----------
    Clopper & Pearson 1934; Wilson 1927; Brown, Cai & DasGupta 2001.

    Examples
    --------
    >>> cohort = estimate_proportion(6, 28)
    >>> round(cohort.ci_lb, 4), round(cohort.ci_ub, 4)
    (0.083, 0.4095)
    """
    check_choice(kind, tuple(_LIMITS), name="kind")
    check_level(level)
    x, n = check_counts([events], [total])
    lower, upper = _LIMITS[kind](float(x[0]), float(n[0]), (1 - level) / 2)
    estimate = float(x[0] / n[0])
    # Rounding can place a limit that equals the estimate a hair beyond it.
    return CohortProportion(
        int(x[0]), int(n[0]), estimate, min(max(lower, 0.0), estimate), max(min(upper, 1.0), estimate), level, kind
    )


def _clopper_pearson(x: float, n: float, tail: float) -> tuple[float, float]:
    lower = 0.0 if x == 0 else float(betaincinv(x, n - x + 1, tail))
    upper = 1.0 if x == n else float(betaincinv(x + 1, n - x, 1 - tail))
    return lower, upper


def _wilson(x: float, n: float, tail: float) -> tuple[float, float]:
    z2 = float(ndtri(tail)) ** 2
    centre = (x + z2 / 2) / (n + z2)
    half = float(np.sqrt(z2 * (x * (n - x) / n + z2 / 4))) / (n + z2)
    return (0.0 if x == 0 else centre - half, 1.0 if x == n else centre + half)


def _jeffreys(x: float, n: float, tail: float) -> tuple[float, float]:
    lower = 0.0 if x == 0 else float(betaincinv(x + 0.5, n - x + 0.5, tail))
    upper = 1.0 if x == n else float(betaincinv(x + 0.5, n - x + 0.5, 1 - tail))
    return lower, upper


_LIMITS: dict[ProportionInterval, Callable[[float, float, float], tuple[float, float]]] = {
    "clopper-pearson": _clopper_pearson,
    "wilson": _wilson,
    "jeffreys": _jeffreys,
}


def pool_exact(
    events: FloatArray, total: FloatArray, *, level: float, card: Mapping[str, str], note: str
) -> PooledProportion:
    """Return the summed counts with their exact interval, where a model has no answer of its own; see `note`."""
    counts = estimate_proportion(float(events.sum()), float(total.sum()), level=level)
    return PooledProportion(
        method="exact",
        scale=None,
        k=int(events.size),
        events=counts.events,
        total=counts.total,
        estimate=counts.estimate,
        ci_lb=counts.ci_lb,
        ci_ub=counts.ci_ub,
        level=level,
        pi_lb=None,
        pi_ub=None,
        coefficient=None,
        se=None,
        heterogeneity=None,
        weights=tuple(float(w) for w in 100 * total / total.sum()),
        method_card=card,
        notes=(note,),
    )
