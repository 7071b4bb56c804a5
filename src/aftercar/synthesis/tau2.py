"""Between-study variance tau2: its estimators, and its Q-profile interval.

Closed forms: DL (DerSimonian-Laird), HE (Hedges), HS (Hunter-Schmidt), SJ (Sidik-Jonkman).
Searches: PM (Paule-Mandel; the empirical Bayes estimator is the same), ML, REML. FE sets tau2 to zero.
All take covariates, so that the same code serves pooling and meta-regression.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import get_args

import numpy as np
from scipy.optimize import brentq, minimize_scalar
from scipy.stats import chi2

from aftercar.synthesis.counts import check_choice
from aftercar.synthesis.results import FloatArray, Tau2Method
from aftercar.synthesis.weighted_regression import fit_weighted, log_likelihoods, residual_q

TAU2_METHODS: tuple[Tau2Method, ...] = get_args(Tau2Method)

# Roots are found to rounding, so that what is left of a difference to another program is that program's tolerance.
_XTOL, _RTOL = 1e-14, 1e-13


def estimate_tau2(yi: FloatArray, vi: FloatArray, *, method: Tau2Method, design: FloatArray) -> float:
    """Return tau2 >= 0 (residual tau2 where `design` has covariates).

    Estimators differ most where studies are few: show more than one (`method_panel`) rather than trust one.

    Parameters
    ----------
    yi, vi
        Effects and sampling variances, shape (k,), k > p.
    design
        Shape (k, p), of full rank; a column of ones for plain pooling.

    References
    ----------
    Viechtbauer 2005; Veroniki et al. 2016. Checked against metafor in tests/verification/synthesis.

    Examples
    --------
    >>> estimate_tau2(np.array([0.0, 1.0]), np.array([0.1, 0.1]), method="dl", design=np.ones((2, 1)))
    0.4
    """
    check_choice(method, TAU2_METHODS, name="method")
    k, p = design.shape
    if method == "fe" or k <= p:
        return 0.0
    if method in {"ml", "reml"}:
        return _maximise(yi, vi, design, restricted=method == "reml")
    if method == "pm":
        return solve_q(yi, vi, design, float(k - p))
    return max(0.0, _CLOSED_FORMS[method](yi, vi, design))


def interval_tau2(yi: FloatArray, vi: FloatArray, *, design: FloatArray, level: float) -> tuple[float, float]:
    """Return the Q-profile interval of tau2.

    It need not contain an estimate of another kind, such as REML. Where the data vary less than chance alone would make
    them, the interval is the point zero.

    References
    ----------
    Viechtbauer 2007; metafor's confint.rma.uni.
    """
    k, p = design.shape
    upper_quantile, lower_quantile = chi2.isf((1 - level) / 2, k - p), chi2.ppf((1 - level) / 2, k - p)
    return (
        solve_q(yi, vi, design, float(upper_quantile)),
        solve_q(yi, vi, design, float(lower_quantile)),
    )


def solve_q(yi: FloatArray, vi: FloatArray, design: FloatArray, target: float) -> float:
    """Return the tau2 >= 0 at which the generalised Q statistic falls to `target`; zero if it starts below it."""

    def excess(tau2: float) -> float:
        return residual_q(yi, 1 / (vi + tau2), design) - target

    if excess(0.0) <= 0:
        return 0.0
    upper = max(float(np.var(yi)), float(vi.max()))
    while excess(upper) > 0:
        upper *= 4
    return float(brentq(excess, 0.0, upper, xtol=_XTOL, rtol=_RTOL))


def _maximise(yi: FloatArray, vi: FloatArray, design: FloatArray, *, restricted: bool) -> float:
    """Find the global maximum of the likelihood: a grid names the hill, the score's root its top."""
    spread = float(np.ptp(yi - design @ np.linalg.lstsq(design, yi, rcond=None)[0])) ** 2
    if spread <= 1e-24:
        return 0.0
    k, p = design.shape
    grid = np.concatenate([[0.0], np.geomspace(1e-5, k / (k - p), 48) * spread])
    best = int(np.argmax(log_likelihoods(yi, vi, design, grid, restricted=restricted)))

    def score(tau2: float) -> float:
        weights = 1 / (vi + tau2)
        fit = fit_weighted(yi, weights, design)
        return fit.py_squared - (fit.trace_p if restricted else float(weights.sum()))

    if score(float(grid[best])) <= 0:
        if best == 0:
            return 0.0
        lower, upper = float(grid[best - 1]), float(grid[best])
    else:
        lower, upper = float(grid[best]), float(grid[min(best + 1, grid.size - 1)])
    if score(lower) > 0 >= score(upper):
        return float(brentq(score, lower, upper, xtol=_XTOL, rtol=_RTOL))
    # Two hills inside one cell of the grid: climb by value instead of by slope.
    found = minimize_scalar(
        lambda t: -log_likelihoods(yi, vi, design, np.array([t]), restricted=restricted)[0],
        bounds=(float(grid[max(best - 1, 0)]), float(grid[min(best + 1, grid.size - 1)])),
        method="bounded",
    )
    return float(found.x)


def _dersimonian_laird(yi: FloatArray, vi: FloatArray, design: FloatArray) -> float:
    k, p = design.shape
    fit = fit_weighted(yi, 1 / vi, design)
    return float((fit.q - (k - p)) / fit.trace_p)


def _hedges(yi: FloatArray, vi: FloatArray, design: FloatArray) -> float:
    k, p = design.shape
    fit = fit_weighted(yi, np.ones(k), design)
    leverage = np.einsum("kp,pq,kq->k", design, fit.covariance, design)
    return float((fit.q - vi @ (1 - leverage)) / (k - p))


def _hunter_schmidt(yi: FloatArray, vi: FloatArray, design: FloatArray) -> float:
    return float((residual_q(yi, 1 / vi, design) - design.shape[0]) / (1 / vi).sum())


def _sidik_jonkman(yi: FloatArray, vi: FloatArray, design: FloatArray) -> float:
    k, p = design.shape
    start = float(np.var(yi))
    return float(start * residual_q(yi, 1 / (vi + start), design) / (k - p))


_CLOSED_FORMS: dict[Tau2Method, Callable[[FloatArray, FloatArray, FloatArray], float]] = {
    "dl": _dersimonian_laird,
    "he": _hedges,
    "hs": _hunter_schmidt,
    "sj": _sidik_jonkman,
}
