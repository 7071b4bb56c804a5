"""Maximum likelihood for the binomial-normal model (a logistic regression with a normal random intercept).

Newton's method on (beta, tau) with exact derivatives. The likelihood is even in tau, so tau = 0 is always a flat point:
it is the answer when the common-proportion fit has the higher likelihood.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit, xlogy

from aftercar.foundation import NotPoolableError
from aftercar.synthesis.binomial_normal import BinomialNormal, LikelihoodPoint, evaluate_likelihood, make_model
from aftercar.synthesis.effects import compute_effects
from aftercar.synthesis.results import FloatArray
from aftercar.synthesis.weighted_regression import fit_weighted

_MAX_STEPS = 200
_LAST_DECREMENT = 1e-9  # Newton converges quadratically: one more step from here reaches rounding
_TAU_NEGLIGIBLE = 1e-4
_WIDE_STARTS = (1.5, 4.0)
_TAU_UNIT = 0.05
_LEAST_CURVATURE = 1e-4  # of the log-likelihood over one natural unit; less is flat for every purpose
_ETA_LIMIT = 35.0  # a logit beyond it means separation: the proportion is 0 or 1 to machine precision
_TAU_LIMIT = 100.0


@dataclass(frozen=True, slots=True)
class GlmmFit:
    """A fitted binomial-normal model.

    Attributes
    ----------
    beta, covariance
        Coefficients on the logit scale, shape (p,), and their covariance: the block of the inverse of the observed
        information of (beta, tau), as lme4 has it.
    tau
        Standard deviation of the true logits, >= 0.
    model, point
        The data on an orthogonal design (for plain pooling the column of ones), and the likelihood with its derivatives
        at the maximum in that design's coordinates.
    log_likelihood_common
        Maximum of the log-likelihood with tau = 0.
    """

    model: BinomialNormal
    beta: FloatArray
    covariance: FloatArray
    tau: float
    point: LikelihoodPoint
    log_likelihood_common: float

    @property
    def log_likelihood(self) -> float:
        """Maximum of the log-likelihood, binomial constants included."""
        return self.point.value


def fit_glmm(events: FloatArray, total: FloatArray, design: FloatArray) -> GlmmFit:
    """Fit the binomial-normal model by maximum likelihood. No correction for zeros is needed or made.

    Parameters
    ----------
    events, total
        Checked counts, shape (k,).
    design
        Shape (k, p), of full rank; a column of ones for plain pooling.

    Raises
    ------
    NotPoolableError
        The likelihood has no finite maximum: a coefficient or tau grows without end (separation).

    References
    ----------
    Stijnen, Hamza & Oezdemir 2010. Checked against metafor and lme4 in tests/verification/synthesis.
    """
    # Fitted on orthogonal columns, so that a covariate such as a year does not spoil the arithmetic.
    orthogonal, back = np.linalg.qr(design)
    size = np.sign(np.diag(back)) * np.sqrt(events.size)  # the sign, so that a column of ones stays one
    model = make_model(events, total, orthogonal * size)
    start, start_tau = _choose_start(model)
    common = fit_common(model, start)
    best = _climb_highest(model, start, start_tau)
    if best.tau <= _TAU_NEGLIGIBLE or best.value <= common.value:
        best = common
    p = model.p
    if best.tau == 0:
        covariance = np.linalg.inv(-best.hessian[:p, :p])
    else:
        covariance = np.linalg.inv(-best.hessian)[:p, :p]
    turn = np.linalg.inv(back / size[:, None])
    return GlmmFit(model, turn @ best.beta, turn @ covariance @ turn.T, best.tau, best, common.value)


def fit_common(model: BinomialNormal, start: FloatArray) -> LikelihoodPoint:
    """Return the maximum with tau = 0: ordinary logistic regression."""
    beta = start
    for _ in range(_MAX_STEPS):
        proportion = expit(model.design @ beta)
        slope = model.design.T @ (model.events - model.total * proportion)
        weights = model.total * proportion * (1 - proportion)
        step = np.linalg.solve(model.design.T @ (model.design * weights[:, None]), slope)
        beta = beta + step * min(1.0, 2 / float(np.abs(step).max(initial=1e-300)))
        _refuse_separation(model, beta, 0.0)
        if float(slope @ step) < _LAST_DECREMENT**2:
            break
    return evaluate_likelihood(model, beta, 0.0)


def maximise_beta(model: BinomialNormal, beta: FloatArray, tau: float, modes: FloatArray | None) -> LikelihoodPoint:
    """Return the maximum over beta with tau held: a concave problem."""
    return _newton(model, evaluate_likelihood(model, beta, tau, modes), free=slice(0, model.p))


def maximise_tau(model: BinomialNormal, beta: FloatArray, tau: float, modes: FloatArray | None) -> LikelihoodPoint:
    """Return the maximum over tau with beta held."""
    return _newton(model, evaluate_likelihood(model, beta, tau, modes), free=slice(model.p, model.p + 1))


def saturated_statistic(fit: GlmmFit) -> float:
    """Return twice the log-likelihood ratio of one proportion a cohort against the fit with tau = 0.

    It is chi-squared on k - p, and finite where cohorts are at 0 % or 100 %, which Wald's form is not.
    """
    x, n = fit.model.events, fit.model.total
    separate = fit.model.log_choose + xlogy(x, x / n) + xlogy(n - x, (n - x) / n)
    return max(0.0, 2 * (float(separate.sum()) - fit.log_likelihood_common))


def _choose_start(model: BinomialNormal) -> tuple[FloatArray, float]:
    effects = compute_effects(model.events, model.total)
    fit = fit_weighted(effects.yi, 1 / effects.vi, model.design)
    excess = (fit.q - (model.k - model.p)) / fit.trace_p
    return fit.coefficients, float(np.sqrt(np.clip(excess, 0.1, 4.0)))


def _climb_highest(model: BinomialNormal, beta: FloatArray, tau: float) -> LikelihoodPoint:
    """Climb from the highest of a few starts; and where that leads to tau = 0, from the highest of the wide ones too.

    Small cohorts, many of them at 0 % or 100 %, can give the likelihood one top at zero and one beyond tau = 1.
    """
    starts = [evaluate_likelihood(model, stretch(beta, 0.0, t), t) for t in (tau, *_WIDE_STARTS)]
    free = slice(0, model.p + 1)
    best = _newton(model, max(starts, key=lambda point: point.value), free=free)
    if best.tau <= _TAU_NEGLIGIBLE:
        other = _newton(model, max(starts[1:], key=lambda point: point.value), free=free)
        best = max(best, other, key=lambda point: point.value)
    return best


def stretch(beta: FloatArray, old_tau: float, new_tau: float) -> FloatArray:
    """Return a start for beta at another tau, by which the average proportions stay about the same.

    The average of expit(eta + tau u) is near expit(eta / sqrt(1 + c tau^2)) with c = (16 sqrt(3) / (15 pi))^2 (Zeger,
    Liang & Albert 1988).
    """
    c = (16 * np.sqrt(3) / (15 * np.pi)) ** 2
    return np.asarray(beta * np.sqrt((1 + c * new_tau**2) / (1 + c * old_tau**2)))


def _newton(model: BinomialNormal, point: LikelihoodPoint, *, free: slice) -> LikelihoodPoint:
    """Climb over the free parameters; directions of wrong curvature are turned uphill, and steps kept modest."""
    for _ in range(_MAX_STEPS):
        gradient = point.gradient[free]
        step = _uphill_step(point, free, model.p)
        decrement = float(gradient @ step)
        if free.stop > model.p and step[-1] < -0.8 * point.tau:
            # tau = 0 is flat whether or not it is a maximum, so a long step must not land on it. The whole step is
            # shortened: one part alone would turn it downhill.
            step *= 0.8 * point.tau / abs(float(step[-1]))
        moved = _line_search(model, point, step, free)
        finished = decrement < _LAST_DECREMENT or moved is None
        if moved is not None:
            point = moved
        if finished or point.tau <= _TAU_NEGLIGIBLE:
            break
        _refuse_separation(model, point.beta, point.tau)
    return point


def _uphill_step(point: LikelihoodPoint, free: slice, p: int) -> FloatArray:
    """Return Newton's step, found in natural units: a standard error for each coefficient, its own size for tau.

    In these units curvatures are of order one, so that one floor serves all of them.
    """
    units = np.append(1 / np.sqrt(np.maximum(-np.diag(point.hessian)[:p], 1e-12)), max(point.tau, _TAU_UNIT))[free]
    values, vectors = np.linalg.eigh(-point.hessian[free, free] * np.outer(units, units))
    values = np.maximum(np.abs(values), _LEAST_CURVATURE)
    step = units * (vectors @ ((vectors.T @ (units * point.gradient[free])) / values))
    longest = np.append(np.full(p, 1 + point.tau), max(point.tau, 0.5))[free]
    return np.asarray(step * min(1.0, float(np.min(longest / np.maximum(np.abs(step), 1e-300)))))


def _line_search(
    model: BinomialNormal, point: LikelihoodPoint, step: FloatArray, free: slice
) -> LikelihoodPoint | None:
    here = np.append(point.beta, point.tau)
    for _ in range(40):
        there = here.copy()
        there[free] += step
        trial = evaluate_likelihood(model, there[:-1], abs(float(there[-1])), point.modes)
        # A loss within rounding of the sum is no loss.
        if trial.value >= point.value - 1e-11 * (1 + abs(point.value)):
            return trial
        step = step / 2
    return None


def _refuse_separation(model: BinomialNormal, beta: FloatArray, tau: float) -> None:
    if tau > _TAU_LIMIT or float(np.abs(model.design @ beta).max()) > _ETA_LIMIT * (1 + tau):
        raise NotPoolableError(
            "The likelihood of the binomial-normal model grows without end: in some group every patient responded, or "
            'none did, so its logit is infinite. Merge the groups, or use method "reml" (which adds 1/2 to such '
            'cohorts) or "bayes".'
        )
