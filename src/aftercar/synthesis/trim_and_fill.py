"""Trim and fill: how far the pooled effect would move if the funnel's missing studies were mirror images of seen ones.

A sensitivity analysis, not a correction: with heterogeneous effects it fills in studies that never were.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from scipy.stats import rankdata

from aftercar.foundation import NotPoolableError
from aftercar.synthesis.counts import check_choice, check_effects
from aftercar.synthesis.inverse_variance import pool_inverse_variance
from aftercar.synthesis.meta_regression import fit_meta_regression
from aftercar.synthesis.results import FloatArray, PooledEffect, Tau2Method
from aftercar.synthesis.small_study import MINIMUM_K

_MAX_ROUNDS = 100


@dataclass(frozen=True, slots=True)
class TrimAndFill:
    """The pooled effect with the filled-in studies.

    Attributes
    ----------
    missing
        Number of studies filled in on `side`.
    filled_yi, filled_vi
        Their effects and variances, shape (missing,).
    """

    pooled: PooledEffect
    missing: int
    side: Literal["left", "right"]
    filled_yi: FloatArray
    filled_vi: FloatArray


def fill_funnel(
    yi: Any,
    vi: Any,
    *,
    method: Tau2Method = "reml",
    estimator: Literal["L0", "R0"] = "L0",
    side: Literal["left", "right"] | None = None,
    level: float = 0.95,
    minimum_k: int = MINIMUM_K,
) -> TrimAndFill:
    """Estimate the number of studies missing on one side of the funnel, mirror them, and pool again.

    Parameters
    ----------
    yi, vi
        Effects and sampling variances, shape (k,).
    side
        Where studies are missing; None takes the side opposite to the small studies' drift (by Egger's slope).

    Raises
    ------
    NotPoolableError
        Fewer than `minimum_k` studies, or trimming that does not settle.

    References
    ----------
    Duval & Tweedie 2000; metafor's trimfill.
    """
    y, v = check_effects(yi, vi, minimum_k=max(minimum_k, 3))
    check_choice(estimator, ("L0", "R0"), name="estimator")
    if side is None:
        slope = fit_meta_regression(y, v, {"se": np.sqrt(v).tolist()}, method=method).table["estimate"].iloc[1]
        side = "right" if slope < 0 else "left"
    check_choice(side, ("left", "right"), name="side")
    # Seen from the left, studies missing on the right are missing on the left of the mirrored effects.
    sign = -1.0 if side == "right" else 1.0
    order = np.argsort(sign * y, kind="stable")
    mirrored, variances = sign * y[order], v[order]
    missing, centre = _count_missing(mirrored, variances, method, estimator)
    extreme = slice(y.size - missing, y.size)
    filled_yi, filled_vi = sign * (2 * centre - mirrored[extreme]), variances[extreme]
    pooled = pool_inverse_variance(
        np.append(y, filled_yi), np.append(v, filled_vi), method=method, interval="z", level=level
    )
    return TrimAndFill(pooled, missing, side, filled_yi, filled_vi)


def _count_missing(y: FloatArray, v: FloatArray, method: Tau2Method, estimator: str) -> tuple[int, float]:
    """Trim the most extreme studies until their number agrees with the asymmetry of the rest's ranks."""
    k, missing = y.size, 0
    for _ in range(_MAX_ROUNDS):
        kept = k - missing
        centre = pool_inverse_variance(y[:kept], v[:kept], method=method).estimate
        deviation = y - centre
        signed = np.sign(deviation) * rankdata(np.abs(deviation), method="ordinal")
        if estimator == "R0":
            found = k - float(np.max(-signed[signed < 0], initial=0.0)) - 1
        else:
            found = (4 * float(signed[signed > 0].sum()) - k * (k + 1)) / (2 * k - 1)
        previous, missing = missing, int(max(0, round(found)))
        if missing == previous:
            return missing, centre
    raise NotPoolableError(
        "Trim and fill goes round in circles on these effects: there is no settled number to fill in."
    )
