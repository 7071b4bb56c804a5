"""Likelihood of the binomial-normal model, with its slopes and curvature.

    events_i ~ Binomial(total_i, p_i),   logit p_i = eta_i + tau u_i,   u_i ~ N(0, 1),   eta = X beta

Each cohort's integral over u is a trapezoid sum after u = mode + sd sinh(s): nodes stand close where the integrand is
high and reach far into its slow tail, which cohorts of 0/n and n/n have. The sum converges geometrically in the spacing
of s, so that fixed nodes leave an error below 1e-8 (tests/unit/synthesis/test_binomial_normal.py).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit, gammaln, log_expit

from aftercar.synthesis.results import FloatArray

_REACH = 4.6  # nodes reach sinh(4.6) = 50 standard deviations of the integrand's peak
_SPACING = 0.16
_TAU_FULL = 2.0  # beyond it the logistic step is narrow beside tau, and nodes move closer in proportion
_LOG_ROOT_2PI = 0.5 * np.log(2 * np.pi)


@dataclass(frozen=True, slots=True)
class BinomialNormal:
    """Data of the model: `events` and `total` of shape (k,), `design` of shape (k, p), and the binomial constants."""

    events: FloatArray
    total: FloatArray
    design: FloatArray
    log_choose: FloatArray

    @property
    def k(self) -> int:
        """Number of cohorts."""
        return int(self.events.size)

    @property
    def p(self) -> int:
        """Number of coefficients."""
        return int(self.design.shape[1])


@dataclass(frozen=True, slots=True)
class LikelihoodPoint:
    """The log-likelihood at (beta, tau) with its derivatives in (beta_1 .. beta_p, tau).

    Attributes
    ----------
    value
        Log-likelihood, binomial constants included.
    gradient, hessian
        Shapes (p + 1,) and (p + 1, p + 1).
    information
        Each cohort's information on its own eta, shape (k,): minus the second derivative of its log-likelihood.
    modes
        Where each cohort's integrand peaks, shape (k,); a start for the next point.
    """

    beta: FloatArray
    tau: float
    value: float
    gradient: FloatArray
    hessian: FloatArray
    information: FloatArray
    modes: FloatArray


def make_model(events: FloatArray, total: FloatArray, design: FloatArray) -> BinomialNormal:
    """Return the model of checked counts."""
    log_choose = gammaln(total + 1) - gammaln(events + 1) - gammaln(total - events + 1)
    return BinomialNormal(events, total, design, np.asarray(log_choose))


def evaluate_likelihood(
    model: BinomialNormal, beta: FloatArray, tau: float, modes: FloatArray | None = None
) -> LikelihoodPoint:
    """Return the log-likelihood and its derivatives at `beta`, shape (p,), and `tau` >= 0."""
    eta = model.design @ beta
    peaks, widths = _find_peaks(model, eta, tau, modes)
    nodes, log_weights = _make_nodes(tau)
    u = peaks[:, None] + widths[:, None] * nodes
    theta = eta[:, None] + tau * u
    x, n = model.events[:, None], model.total[:, None]
    # x log p + (n - x) log(1 - p), written so that neither end loses digits.
    log_integrand = n * log_expit(-theta) + x * theta - u * u / 2 + log_weights
    top = log_integrand.max(axis=1, keepdims=True)
    density = np.exp(log_integrand - top)
    mass = density.sum(axis=1)
    density /= mass[:, None]
    value = model.log_choose + top[:, 0] + np.log(mass * widths) - _LOG_ROOT_2PI

    proportion = expit(theta)
    slope = x - n * proportion
    curvature = slope * slope - n * proportion * (1 - proportion)
    weighted_slope, weighted_curvature = density * slope, density * curvature
    by_eta = weighted_slope.sum(axis=1)
    by_tau = (weighted_slope * u).sum(axis=1)
    eta_eta = weighted_curvature.sum(axis=1) - by_eta**2
    weighted_curvature *= u
    eta_tau = weighted_curvature.sum(axis=1) - by_eta * by_tau
    tau_tau = (weighted_curvature * u).sum(axis=1) - by_tau**2
    gradient, hessian = _assemble(model.design, by_eta, by_tau, eta_eta, eta_tau, tau_tau)
    return LikelihoodPoint(beta, tau, float(value.sum()), gradient, hessian, -eta_eta, peaks)


def _assemble(
    design: FloatArray,
    by_eta: FloatArray,
    by_tau: FloatArray,
    eta_eta: FloatArray,
    eta_tau: FloatArray,
    tau_tau: FloatArray,
) -> tuple[FloatArray, FloatArray]:
    """Turn derivatives by each cohort's eta into derivatives by beta."""
    p = design.shape[1]
    gradient = np.empty(p + 1)
    gradient[:p], gradient[p] = design.T @ by_eta, by_tau.sum()
    hessian = np.empty((p + 1, p + 1))
    hessian[:p, :p] = design.T @ (design * eta_eta[:, None])
    hessian[:p, p] = hessian[p, :p] = design.T @ eta_tau
    hessian[p, p] = tau_tau.sum()
    return gradient, hessian


def _find_peaks(
    model: BinomialNormal, eta: FloatArray, tau: float, start: FloatArray | None
) -> tuple[FloatArray, FloatArray]:
    """Return where each integrand peaks, and its width there, by Newton's method kept inside a bracket.

    The peak u solves tau (x - n p(u)) = u. It lies between 0 and the left side at u = 0. A hundredth of a width is near
    enough: the nodes need to stand about the peak, not on it.
    """
    x, n = model.events, model.total
    reach = tau * (x - n * expit(eta))
    lower, upper = np.minimum(reach, 0), np.maximum(reach, 0)
    u = np.zeros(model.k) if start is None else np.clip(start, lower, upper)
    last = upper - lower
    for _ in range(100):
        proportion = expit(eta + tau * u)
        excess = tau * (x - n * proportion) - u
        stiffness = 1 + tau * tau * n * proportion * (1 - proportion)
        rises = excess > 0
        lower, upper = np.where(rises, u, lower), np.where(rises, upper, u)
        newton = excess / stiffness
        # Steps must shrink and stay inside, or Newton's method can swing between the two flat ends for ever.
        good = (u + newton >= lower) & (u + newton <= upper) & (np.abs(newton) <= last / 2)
        step = np.where(good, newton, (lower + upper) / 2 - u)
        last = np.abs(step)
        u = u + step
        if np.all(step * step * stiffness < 1e-4):
            break
    proportion = expit(eta + tau * u)
    return u, 1 / np.sqrt(1 + tau * tau * n * proportion * (1 - proportion))


def _make_nodes(tau: float) -> tuple[FloatArray, FloatArray]:
    """Return the nodes sinh(s) and the logarithms of the weights cosh(s) ds."""
    key = 1 if tau <= _TAU_FULL else int(np.ceil(tau / _TAU_FULL))
    if key not in _NODES:
        spacing = _SPACING / key
        s = spacing * np.arange(-int(_REACH / spacing), int(_REACH / spacing) + 1)
        _NODES[key] = (np.sinh(s), np.log(np.cosh(s) * spacing))
    return _NODES[key]


_NODES: dict[int, tuple[FloatArray, FloatArray]] = {}
