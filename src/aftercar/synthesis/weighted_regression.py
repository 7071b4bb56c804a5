"""Weighted least squares for effects with known weights: the algebra shared by pooling and meta-regression.

With weights w and design X:  b = (X'WX)^-1 X'Wy,  P = W - WX (X'WX)^-1 X'W,  Q = y'Py.
Pooling is the case in which X is one column of ones.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from aftercar.synthesis.results import FloatArray


@dataclass(frozen=True, slots=True)
class WeightedFit:
    """One weighted fit.

    Attributes
    ----------
    coefficients, covariance
        b of shape (p,) and (X'WX)^-1 of shape (p, p).
    residuals
        y - Xb, shape (k,).
    q
        y'Py, the weighted residual sum of squares.
    py_squared
        y'PPy.
    trace_p
        Trace of P.
    """

    coefficients: FloatArray
    covariance: FloatArray
    residuals: FloatArray
    q: float
    py_squared: float
    trace_p: float


def fit_weighted(yi: FloatArray, weights: FloatArray, design: FloatArray) -> WeightedFit:
    """Fit `yi` on `design`, shape (k, p) of full rank, with the given weights, shape (k,)."""
    weighted = design * weights[:, None]
    covariance: FloatArray = np.asarray(np.linalg.inv(design.T @ weighted), dtype=np.float64)
    coefficients = covariance @ (weighted.T @ yi)
    residuals = yi - design @ coefficients
    py = weights * residuals
    squared = covariance @ (weighted.T @ weighted)
    return WeightedFit(
        coefficients=coefficients,
        covariance=covariance,
        residuals=residuals,
        q=float(py @ residuals),
        py_squared=float(py @ py),
        trace_p=float(weights.sum() - np.trace(squared)),
    )


def residual_q(yi: FloatArray, weights: FloatArray, design: FloatArray) -> float:
    """Return y'Py only, for searches that need nothing else."""
    weighted = design * weights[:, None]
    residuals = yi - design @ np.linalg.solve(design.T @ weighted, weighted.T @ yi)
    return float((weights * residuals) @ residuals)


def log_likelihoods(
    yi: FloatArray, vi: FloatArray, design: FloatArray, tau2: FloatArray, *, restricted: bool
) -> FloatArray:
    """Return the (restricted) normal log-likelihood at each of many `tau2`, shape (m,), less its constants."""
    weights = 1 / (vi + tau2[:, None])
    weighted = weights[:, :, None] * design
    information = np.einsum("mkp,kq->mpq", weighted, design)
    coefficients = np.linalg.solve(information, np.einsum("mkp,k->mp", weighted, yi)[:, :, None])[:, :, 0]
    residuals = yi - coefficients @ design.T
    value = (np.log(weights).sum(axis=1) - (weights * residuals**2).sum(axis=1)) / 2
    if restricted:
        value = value - np.linalg.slogdet(information)[1] / 2
    return np.asarray(value)


def intercept(k: int) -> FloatArray:
    """Return the design of plain pooling: one column of ones, shape (k, 1)."""
    return np.ones((k, 1))
