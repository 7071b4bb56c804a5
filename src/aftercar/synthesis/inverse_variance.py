"""Pooling by inverse variance: common effect or random effects, normal, t or Hartung-Knapp intervals."""

from __future__ import annotations

from typing import Any, get_args

import numpy as np
from scipy.special import ndtri, stdtrit

from aftercar.foundation import NotPoolableError
from aftercar.synthesis.counts import check_choice, check_effects, check_level
from aftercar.synthesis.heterogeneity import describe_heterogeneity
from aftercar.synthesis.results import FloatArray, IntervalKind, PooledEffect, Tau2Method
from aftercar.synthesis.tau2 import TAU2_METHODS, estimate_tau2
from aftercar.synthesis.weighted_regression import WeightedFit, fit_weighted, intercept

INTERVAL_KINDS: tuple[IntervalKind, ...] = get_args(IntervalKind)


def pool_inverse_variance(
    yi: Any, vi: Any, *, method: Tau2Method = "reml", interval: IntervalKind = "z", level: float = 0.95
) -> PooledEffect:
    """Pool effects with weights 1 / (vi + tau2).

    The normal interval treats tau2 as known and covers too little when studies are few; "hksj" does not, but can come
    out narrower than the normal one by luck, against which "hksj-adhoc" guards. One study is returned as it is.

    Parameters
    ----------
    yi, vi
        Effects and their sampling variances, shape (k,), on one scale; vi > 0.
    method
        Estimator of tau2; "fe" for the common-effect model.
    interval
        "z", "t" (same standard error, t on k - 1), "hksj" (Hartung-Knapp-Sidik-Jonkman), or "hksj-adhoc" (the same,
        its standard error never below that of "z").

    Returns
    -------
    PooledEffect
        The prediction interval is estimate +- c sqrt(tau2 + se^2), c from the same distribution as the interval's:
        metafor 3.8-1's definition.

    Raises
    ------
    InputError
        Values missing or not finite, variances not > 0, unknown words.
    NotPoolableError
        No study; Hartung-Knapp where all effects are equal, as its interval then has no width.

    References
    ----------
    Hartung & Knapp 2001; Sidik & Jonkman 2002; Roever, Knapp & Friede 2015 for the ad hoc variant.

    Examples
    --------
    >>> pooled = pool_inverse_variance([0.2, 0.4], [0.01, 0.01], method="fe")
    >>> round(pooled.estimate, 3), round(pooled.se, 3)
    (0.3, 0.071)
    """
    y, v = check_effects(yi, vi)
    check_choice(method, TAU2_METHODS, name="method")
    check_choice(interval, INTERVAL_KINDS, name="interval")
    check_level(level)
    design = intercept(y.size)
    tau2 = estimate_tau2(y, v, method=method, design=design)
    weights = 1 / (v + tau2)
    fit = fit_weighted(y, weights, design)
    kind: IntervalKind = interval if y.size > 1 else "z"
    scale2 = variance_scale(fit, design, interval=kind)
    df = None if kind == "z" else y.size - 1
    critical = critical_value(level, df)
    estimate, se = float(fit.coefficients[0]), float(np.sqrt(fit.covariance[0, 0] * scale2))
    random_effects = method != "fe" and y.size > 1
    half_prediction = critical * float(np.sqrt(se**2 + tau2))
    return PooledEffect(
        method=method,
        interval=kind,
        k=y.size,
        estimate=estimate,
        se=se,
        ci_lb=estimate - critical * se,
        ci_ub=estimate + critical * se,
        level=level,
        pi_lb=estimate - half_prediction if random_effects else None,
        pi_ub=estimate + half_prediction if random_effects else None,
        df=df,
        heterogeneity=describe_heterogeneity(y, v, tau2=tau2, method=method, design=design, level=level),
        weights=tuple(float(w) for w in 100 * weights / weights.sum()),
        notes=_collect_notes(kind, scale2, y.size),
    )


def critical_value(level: float, df: int | None) -> float:
    """Return the two-sided quantile: normal when `df` is None, Student's t otherwise."""
    upper = (1 + level) / 2
    return float(ndtri(upper) if df is None else stdtrit(df, upper))


def variance_scale(fit: WeightedFit, design: FloatArray, *, interval: IntervalKind) -> float:
    """Return the factor by which the Hartung-Knapp kinds multiply the variance; 1 for the others."""
    if not interval.startswith("hksj"):
        return 1.0
    k, p = design.shape
    scale2 = float(fit.q / (k - p))
    if interval == "hksj-adhoc":
        return max(1.0, scale2)
    if scale2 <= np.finfo(float).eps:
        raise NotPoolableError(
            f"All {k} effects agree exactly, so the Hartung-Knapp interval has no width and would claim certainty. "
            'Use interval "z", "t" or "hksj-adhoc".'
        )
    return scale2


def _collect_notes(interval: IntervalKind, scale2: float, k: int) -> tuple[str, ...]:
    if k == 1:
        return ("One study: this is its own estimate and interval, not a pooled one.",)
    if interval == "hksj" and scale2 < 1:
        return (
            "The Hartung-Knapp standard error is smaller than the usual one here: the effects agree more than chance "
            'would have them. Compare with "hksj-adhoc".',
        )
    return ()
