"""Profile-likelihood limits of the binomial-normal model with one coefficient (plain pooling).

A limit is where twice the drop of the log-likelihood, maximised over the other parameter, reaches the chi-squared
quantile. Two equations in two unknowns, solved by Newton's method (Venzon & Moolgavkar 1988); where that strays, by
bracketing the profile itself.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.optimize import brentq
from scipy.special import chdtri

from aftercar.foundation import NotPoolableError
from aftercar.synthesis.binomial_normal import LikelihoodPoint, evaluate_likelihood
from aftercar.synthesis.glmm import GlmmFit, maximise_beta, maximise_tau, stretch

_TAU_CEILING = 50.0  # logits that differ by hundreds: beyond any reading of "variance between cohorts"
_MEAN_CEILING = 60.0  # a proportion within 1e-26 of 0 or 1
_TIGHT = 1e-9


def profile_mean(fit: GlmmFit, *, level: float) -> tuple[float, float]:
    """Return the profile-likelihood interval of the mean logit; a limit is infinite where the data set none.

    References
    ----------
    Venzon & Moolgavkar 1988.
    """
    drop = float(chdtri(1, 1 - level)) / 2
    reach = float(np.sqrt(2 * drop * fit.covariance[0, 0]))
    return _limit_mean(fit, drop, -reach), _limit_mean(fit, drop, reach)


def profile_tau2(fit: GlmmFit, *, level: float) -> tuple[float, float | None]:
    """Return the profile-likelihood interval of tau2; an upper limit of None is one that the data do not set.

    The quantile is that of chi-squared on 1 degree of freedom, as in lme4's confint; at the boundary tau2 = 0 it is
    conservative.
    """
    drop = float(chdtri(1, 1 - level)) / 2
    if fit.log_likelihood - fit.log_likelihood_common <= drop:
        lower = 0.0
    else:
        lower = _limit_tau(fit, drop, upper=False) or 0.0
    upper = _limit_tau(fit, drop, upper=True)
    return float(lower**2), None if upper is None else float(upper**2)


def _limit_mean(fit: GlmmFit, drop: float, reach: float) -> float:
    centre, target = float(fit.beta[0]), fit.log_likelihood - drop
    found = _solve_pair(fit, target, start=(centre + reach, max(fit.tau, 0.1)), index=0)
    if found is not None and (found[0] - centre) * reach > 0:
        return found[0]
    last = fit.point

    def excess(mean: float) -> float:
        nonlocal last
        beta = np.array([mean])
        at_zero = evaluate_likelihood(fit.model, beta, 0.0)
        try:
            last = maximise_tau(fit.model, beta, max(last.tau, 0.3), last.modes)
        except NotPoolableError:
            return -drop  # tau grows without end here, so the profile has not fallen
        return target - max(last.value, at_zero.value)

    return _bracket(excess, centre, reach)


def _limit_tau(fit: GlmmFit, drop: float, *, upper: bool) -> float | None:
    target, last = fit.log_likelihood - drop, fit.point
    spread = _tau_spread(fit)
    guess = fit.tau + 2 * spread if upper else max(fit.tau - 1.5 * spread, 0.2 * fit.tau)
    found = _solve_pair(fit, target, start=(float(fit.beta[0]), guess), index=1)
    if found is not None and (found[1] > fit.tau) == upper and found[1] <= _TAU_CEILING:
        return found[1]

    def excess(tau: float) -> float:
        nonlocal last
        last = maximise_beta(fit.model, stretch(last.beta, last.tau, tau), tau, last.modes)
        return target - last.value

    if not upper:
        return float(brentq(excess, 0.0, fit.tau, xtol=_TIGHT))
    inner, outer = fit.tau, max(2 * fit.tau, 1.0)
    while excess(outer) < 0:
        inner, outer = outer, 2 * outer
        if outer > _TAU_CEILING:
            return None
    return float(brentq(excess, inner, outer, xtol=_TIGHT))


def _tau_spread(fit: GlmmFit) -> float:
    information = -float(fit.point.hessian[1, 1])
    return min(2.0, 1 / np.sqrt(information)) if information > 0 else 1.0


def _solve_pair(fit: GlmmFit, target: float, *, start: tuple[float, float], index: int) -> tuple[float, float] | None:
    """Solve  log-likelihood = target,  slope by the other parameter = 0.  None where Newton's method strays."""
    mean, tau = start
    modes = None
    other = 1 - index
    for _ in range(25):
        point: LikelihoodPoint = evaluate_likelihood(fit.model, np.array([mean]), tau, modes)
        modes = point.modes
        equations = np.array([point.value - target, point.gradient[other]])
        if abs(equations[0]) < _TIGHT and abs(equations[1]) < 1e-6:
            # The other parameter must be at a maximum of its own, not at a flat minimum such as tau = 0 can be.
            return (mean, tau) if point.hessian[other, other] < 0 else None
        jacobian = np.array([point.gradient, point.hessian[other]])
        determinant = jacobian[0, 0] * jacobian[1, 1] - jacobian[0, 1] * jacobian[1, 0]
        if abs(determinant) < 1e-12:
            return None
        step = np.linalg.solve(jacobian, equations)
        step *= min(1.0, 1.5 / max(float(np.abs(step).max()), 1e-300))
        mean, tau = mean - float(step[0]), tau - float(step[1])
        if tau < 0 or tau > _TAU_CEILING or abs(mean) > _MEAN_CEILING:
            return None
    return None


def _bracket(excess: Callable[[float], float], centre: float, reach: float) -> float:
    """Return the root of `excess` on the side of `reach`; infinite where the profile never falls so far."""
    inner, outer = centre, centre + reach
    while excess(outer) <= 0:
        inner, outer = outer, centre + 2 * (outer - centre)
        if abs(outer) > _MEAN_CEILING:
            return float(np.copysign(np.inf, reach))
    return float(brentq(excess, inner, outer, xtol=_TIGHT))
