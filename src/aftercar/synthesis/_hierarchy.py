"""The posterior of the hierarchical binomial model by quadrature; see docs/explanation/bayesian-hierarchy.md.

    events_c ~ Binomial(total_c, expit(θ_c)),  θ_c ~ N(μ_s, τ²),  μ_s ~ N(μ, σ²)

Given τ, the likelihood of μ_s is a product of one-dimensional integrals over the cohorts of strategy s; given (μ, σ, τ)
the strategies are independent. All of them are convolutions on one `LogitGrid`; σ and τ are on trapezoid nodes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import gammaln, logsumexp

from aftercar.synthesis._logit_grid import MAX_POINTS, NOISE_FLOOR, LogitGrid, binomial_kernels
from aftercar.synthesis.results import FloatArray, IntArray

_BODY_SDS = 7.0  # half-width of the grid in prior standard deviations of a cohort's log-odds
_SEARCH_NODES = 14  # per standard deviation, only to find where the posterior lies
_SEARCH_SCALES = 12.0  # how far the search goes, in scales of the half-normal prior
_NODES = 28  # per standard deviation inside the range found
_MASS = 1e-9  # posterior density, relative to the highest, below which a node is outside
_COARSEST = 0.1  # [logit] largest step of the grid


@dataclass(frozen=True, slots=True)
class HyperPriors:
    """Normal prior of μ and half-normal scales of τ and σ [logit]; a scale of zero removes that level."""

    mu_mean: float
    mu_sd: float
    tau_scale: float
    sigma_scale: float


@dataclass(frozen=True, slots=True)
class SdNodes:
    """Quadrature nodes of a standard deviation: values = unit·sinh(t) at uniform t.

    They are dense near zero, where a posterior can fall steeply, and wide in its tail. The integrand is even in t, so
    that the trapezoid rule needs no other weight at zero than one half.
    """

    values: FloatArray
    weights: FloatArray
    t: FloatArray

    @classmethod
    def span(cls, low: float, high: float, unit: float, count: int) -> SdNodes:
        """Return nodes from `low` to `high`, or the single node zero where the level is switched off."""
        if high == 0:
            return cls(np.zeros(1), np.ones(1), np.zeros(1))
        t = np.linspace(np.arcsinh(low / unit), np.arcsinh(high / unit), count)
        weights = (t[1] - t[0]) * unit * np.cosh(t)
        weights[[0, -1]] *= 0.5
        return cls(unit * np.sinh(t), weights, t)

    def density(self, mass: FloatArray) -> FloatArray:
        """Return the density in t of posterior masses at the nodes, up to a factor."""
        out = mass.copy()
        if out.size > 1:
            out[[0, -1]] *= 2.0
        return out


@dataclass(frozen=True, slots=True)
class HierarchyFit:
    """Posterior on the grid. T nodes of τ, Z nodes of σ, S strategies, n points of log-odds.

    Attributes
    ----------
    log_likelihood
        Log-likelihood of μ_s given τ up to a constant, shape (T, S, n).
    joint
        Posterior mass of (τ, σ, μ), shape (T, Z, n), summing to one.
    mu_s
        Posterior mass of (τ, μ_s) for each strategy, shape (T, S, n), each strategy summing to one.
    kernels
        Binomial likelihood of each cohort, highest value one, shape (c, n).
    log_evidence
        Log marginal likelihood of all cohorts under the priors.
    mass_error
        Largest relative disagreement between the masses of the strategies and of the hyperparameters, which are
        equal in exact arithmetic.
    """

    grid: LogitGrid
    tau: SdNodes
    sigma: SdNodes
    log_likelihood: FloatArray
    joint: FloatArray
    mu_s: FloatArray
    kernels: FloatArray
    group: IntArray
    events: IntArray
    total: IntArray
    log_evidence: float
    mass_error: float


def fit_hierarchy(
    group: IntArray, events: IntArray, total: IntArray, priors: HyperPriors, refine: float = 1.0
) -> HierarchyFit:
    """Return the posterior of the model.

    Parameters
    ----------
    group
        Index of each cohort's strategy, 0 .. S-1, every index used, shape (c,).
    events, total
        Responders and patients, shape (c,).
    refine
        Factor on the density of points and nodes; for showing that they suffice.

    Raises
    ------
    ValueError
        The cohorts are so large that no grid of acceptable size resolves their likelihood.
    """
    spread = float(np.sqrt(priors.mu_sd**2 + priors.tau_scale**2 + priors.sigma_scale**2))
    centre, body = priors.mu_mean, _BODY_SDS * spread
    information = np.asarray(total * (events + 0.5) * (total - events + 0.5) / (total + 1.0) ** 2, dtype=np.float64)
    cohort_width = float(np.min(1.0 / np.sqrt(information)))
    search = LogitGrid.build(centre, body, min(_COARSEST, cohort_width))
    if search.theta.size == MAX_POINTS and search.step > cohort_width:
        raise ValueError(f"a cohort with a standard error of {cohort_width:.2g} logits is beyond the grid")
    tau, sigma = _place_nodes(search, group, events, total, priors, round(_NODES * refine))
    pooled_width = _narrowest(group, information, float(tau.values[0]))
    step = min(_COARSEST, cohort_width, 0.3 * pooled_width) / refine
    return _integrate(LogitGrid.build(centre, body, step), group, events, total, priors, tau, sigma)


def _narrowest(group: IntArray, information: FloatArray, tau: float) -> float:
    """Return the smallest standard deviation that any strategy's likelihood has at this τ or above [logit]."""
    precision = np.bincount(group, weights=1.0 / (tau**2 + 1.0 / information))
    return float(1.0 / np.sqrt(precision.max()))


def _place_nodes(
    grid: LogitGrid, group: IntArray, events: IntArray, total: IntArray, priors: HyperPriors, count: int
) -> tuple[SdNodes, SdNodes]:
    unit = _SEARCH_SCALES * np.linspace(0.0, 1.0, _SEARCH_NODES) ** 2
    kernels, _ = binomial_kernels(grid, events, total)
    spectra, member = grid.spectrum(kernels), _membership(group)
    # First over all that the priors allow, then inside what is left: a narrow posterior falls between wide nodes.
    tau, sigma = np.unique(unit * priors.tau_scale), np.unique(unit * priors.sigma_scale)
    for _ in range(2):
        density = _search_density(grid, spectra, member, tau, sigma, priors)
        by_tau, by_sigma = logsumexp(density, axis=1), logsumexp(density, axis=0)
        tau_range, sigma_range = _span(tau, by_tau), _span(sigma, by_sigma)
        tau_middle, sigma_middle = _average(tau, by_tau), _average(sigma, by_sigma)
        tau = np.unique(np.linspace(*tau_range, _SEARCH_NODES))
        sigma = np.unique(np.linspace(*sigma_range, _SEARCH_NODES))
    return (
        SdNodes.span(*tau_range, 0.5 * tau_middle, count),
        SdNodes.span(*sigma_range, 0.5 * sigma_middle, count),
    )


def _average(nodes: FloatArray, log_density: FloatArray) -> float:
    weights = np.exp(log_density - log_density.max())
    return float(weights @ nodes / weights.sum())


def _search_density(
    grid: LogitGrid, spectra: FloatArray, member: FloatArray, tau: FloatArray, sigma: FloatArray, priors: HyperPriors
) -> FloatArray:
    """Return the log posterior density of (τ, σ) at the nodes up to a constant."""
    smooth = grid.kernel(sigma)
    density = np.empty((tau.size, sigma.size))
    for i, value in enumerate(tau):
        log_joint, _ = _log_joint(grid, member @ smooth_likelihood(grid, spectra, float(value)), smooth, priors)
        density[i] = logsumexp(log_joint, axis=1)
    density += _log_half_normal(tau, priors.tau_scale)[:, None] + _log_half_normal(sigma, priors.sigma_scale)
    return density


def _span(nodes: FloatArray, log_density: FloatArray) -> tuple[float, float]:
    inside = np.flatnonzero(log_density > log_density.max() + np.log(_MASS))
    return float(nodes[max(inside[0] - 1, 0)]), float(nodes[min(inside[-1] + 1, nodes.size - 1)])


def _integrate(
    grid: LogitGrid,
    group: IntArray,
    events: IntArray,
    total: IntArray,
    priors: HyperPriors,
    tau: SdNodes,
    sigma: SdNodes,
) -> HierarchyFit:
    kernels, peaks = binomial_kernels(grid, events, total)
    spectra, smooth = grid.spectrum(kernels), grid.kernel(sigma.values)
    member = _membership(group)
    strategies = member.shape[0]
    shape = (tau.values.size, strategies, grid.theta.size)
    log_likelihood, mu_s = np.empty(shape), np.empty(shape)
    joint = np.empty((tau.values.size, sigma.values.size, grid.theta.size))
    scale = np.empty(tau.values.size)
    weight_sigma = _log_half_normal(sigma.values, priors.sigma_scale) + np.log(sigma.weights)
    weight_tau = _log_half_normal(tau.values, priors.tau_scale) + np.log(tau.weights)
    for i, value in enumerate(tau.values):
        log_likelihood[i] = member @ smooth_likelihood(grid, spectra, float(value))
        log_joint, log_g = _log_joint(grid, log_likelihood[i], smooth, priors)
        log_joint += (weight_sigma + weight_tau[i])[:, None]
        scale[i] = log_joint.max()
        joint[i] = np.exp(log_joint - scale[i])
        # Without strategy s, what the others say of μ; led one level down, it is the prior of μ_s given the others.
        others = np.exp(log_joint[:, None, :] - log_g - scale[i])
        prior_s = grid.invert(np.einsum("zsf,zf->sf", grid.spectrum(others), smooth))
        mu_s[i] = prior_s * np.exp(log_likelihood[i] - log_likelihood[i].max(axis=1, keepdims=True))
    rescale = np.exp(scale - scale.max())[:, None, None]
    joint *= rescale
    mu_s *= rescale
    mass, masses = joint.sum(), mu_s.sum(axis=(0, 2))
    coefficient = float(np.sum(gammaln(total + 1.0) - gammaln(events + 1.0) - gammaln(total - events + 1.0)))
    return HierarchyFit(
        grid=grid,
        tau=tau,
        sigma=sigma,
        log_likelihood=log_likelihood,
        joint=joint / mass,
        mu_s=mu_s / masses[None, :, None],
        kernels=kernels,
        group=group,
        events=events,
        total=total,
        log_evidence=float(np.log(mass * grid.step) + scale.max() + peaks.sum()) + coefficient,
        mass_error=float(np.max(np.abs(masses / mass - 1.0))),
    )


def _membership(group: IntArray) -> FloatArray:
    return np.asarray(np.arange(group.max() + 1)[:, None] == group, dtype=np.float64)


def smooth_likelihood(grid: LogitGrid, spectra: FloatArray, tau: float) -> FloatArray:
    """Return the log-likelihood of each cohort as a function of its strategy's mean, shape (c, n)."""
    return np.log(np.maximum(grid.invert(spectra * grid.kernel(tau)), NOISE_FLOOR))


def _log_joint(
    grid: LogitGrid, log_likelihood: FloatArray, smooth: FloatArray, priors: HyperPriors
) -> tuple[FloatArray, FloatArray]:
    """Return the log posterior of (σ, μ) without the prior of σ, (Z, n), and each strategy's factor in it, (Z, S, n).

    The factors are relative to each strategy's largest likelihood.
    """
    peak = log_likelihood.max(axis=1, keepdims=True)
    likelihood = grid.spectrum(np.exp(log_likelihood - peak))
    log_g = np.log(np.maximum(grid.invert(likelihood * smooth[:, None, :]), NOISE_FLOOR))
    z = (grid.theta - priors.mu_mean) / priors.mu_sd
    log_prior = -0.5 * z**2 - np.log(priors.mu_sd * np.sqrt(2.0 * np.pi))
    return log_g.sum(axis=1) + log_prior + peak.sum(), log_g


def _log_half_normal(x: FloatArray, scale: float) -> FloatArray:
    if scale == 0:
        return np.zeros_like(x)
    return np.asarray(0.5 * np.log(2.0 / np.pi) - np.log(scale) - 0.5 * (x / scale) ** 2)
