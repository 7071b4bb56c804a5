"""Joint draws from the hierarchical posterior: nodes first, then all strategies given the nodes."""

from __future__ import annotations

import numpy as np

from aftercar.synthesis._hierarchy import HierarchyFit
from aftercar.synthesis.results import FloatArray, IntArray

DRAWS_PER_NODE = 4  # draws that share their hyperparameters: a quarter of the cost for almost the same information
_MASS = 1e-10  # points of log-odds with less posterior mass than this, in every strategy, are passed over
_CHUNK = 4_000_000  # numbers held at once


def draw_strategies(fit: HierarchyFit, draws: int, rng: np.random.Generator) -> FloatArray:
    """Draw the strategies' mean log-odds from their joint posterior.

    Draws come in runs of `DRAWS_PER_NODE` that share (τ, σ, μ); Monte-Carlo errors are to be computed from run means.

    Parameters
    ----------
    draws
        How many, rounded up to whole runs.
    rng
        Source of randomness.

    Returns
    -------
    numpy.ndarray
        Log-odds, shape (S, draws).
    """
    runs = -(-draws // DRAWS_PER_NODE)
    i, j, mu = _draw_nodes(fit, runs, rng)
    sigma = fit.sigma.values[j]
    out = np.empty((fit.mu_s.shape[1], runs, DRAWS_PER_NODE))
    keep = np.flatnonzero((fit.mu_s.sum(axis=0) > _MASS).any(axis=0))
    window = slice(int(keep[0]), int(keep[-1]) + 1)
    size = max(1, _CHUNK // ((window.stop - window.start) * out.shape[0]))
    for node in np.unique(i):
        members = np.flatnonzero(i == node)
        log_l = fit.log_likelihood[node]
        # Where σ is below two steps the grid cannot hold N(μ, σ²): the likelihood is a parabola at that width.
        narrow = sigma[members] < 2.0 * fit.grid.step
        tight, wide = members[narrow], members[~narrow]
        out[:, tight] = _draw_narrow(fit, log_l, mu[tight], sigma[tight], rng)
        for start in range(0, wide.size, size):
            part = wide[start : start + size]
            out[:, part] = _draw_on_grid(fit, log_l[:, window], window, mu[part], sigma[part], rng)
    return out.reshape(out.shape[0], -1)[:, :draws]


def _draw_nodes(fit: HierarchyFit, runs: int, rng: np.random.Generator) -> tuple[IntArray, IntArray, FloatArray]:
    """Draw (τ, σ, μ) by systematic sampling of the joint posterior, which spreads the draws evenly over it."""
    cumulative = np.cumsum(fit.joint.ravel())
    shares = (np.arange(runs) + rng.random()) / runs * cumulative[-1]
    flat = np.minimum(np.searchsorted(cumulative, shares, side="right"), cumulative.size - 1)
    i, j, m = np.unravel_index(flat, fit.joint.shape)
    order = rng.permutation(runs)
    return i[order], j[order], fit.grid.theta[m[order]]


def _draw_on_grid(
    fit: HierarchyFit, log_l: FloatArray, window: slice, mu: FloatArray, sigma: FloatArray, rng: np.random.Generator
) -> FloatArray:
    theta = fit.grid.theta[window]
    prior = -0.5 * ((theta - mu[:, None]) / sigma[:, None]) ** 2
    log_density = log_l[:, None, :] + prior
    density = np.exp(log_density - log_density.max(axis=-1, keepdims=True))
    cumulative = np.cumsum(density, axis=-1)
    target = rng.random((*cumulative.shape[:2], DRAWS_PER_NODE)) * cumulative[..., -1:]
    point = np.empty(target.shape, dtype=np.int64)
    for d in range(DRAWS_PER_NODE):
        point[..., d] = (cumulative < target[..., d : d + 1]).sum(axis=-1)
    mass = np.take_along_axis(density, point, axis=-1)
    below = np.take_along_axis(cumulative, point, axis=-1) - mass
    return np.asarray(theta[point] + ((target - below) / mass - 0.5) * fit.grid.step)


def _draw_narrow(
    fit: HierarchyFit, log_l: FloatArray, mu: FloatArray, sigma: FloatArray, rng: np.random.Generator
) -> FloatArray:
    """Draw from N(μ, σ²) times the likelihood with the latter's slope and curvature at μ."""
    at = np.clip(np.searchsorted(fit.grid.theta, mu), 1, fit.grid.theta.size - 2)
    left, here, right = log_l[:, at - 1], log_l[:, at], log_l[:, at + 1]
    slope = (right - left) / (2.0 * fit.grid.step)
    curvature = np.minimum((right - 2.0 * here + left) / fit.grid.step**2, 0.0)
    variance = sigma**2 / (1.0 - sigma**2 * curvature)
    noise = rng.standard_normal((*slope.shape, DRAWS_PER_NODE))
    return np.asarray((mu + variance * slope)[..., None] + np.sqrt(variance)[..., None] * noise)
