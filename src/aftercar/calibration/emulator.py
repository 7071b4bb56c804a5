"""How the chance of an outcome hangs on the parameters, learnt from single patients of different parameter sets.

Every simulated patient is one toss: outcome yes or no at the patient's own parameters. A logistic regression on a full
quadratic in the scores turns tosses into a smooth chance with a standard error, without repeating any parameter set.
The chance of the noise of simulation so enters by its own law, the binomial one, and never by an estimate of it.

References
----------
bishop2006, section 4.5 (Laplace approximation of logistic regression, and its evidence for choosing the ridge).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import expit

FloatArray = npt.NDArray[np.float64]
# Prior standard deviations of coefficients on the logit scale, in units of the design's spread. Wide for level and
# slopes; that of curvature and interactions is chosen among these by the evidence.
_LEVEL, _SLOPE = 3.0, 1.5
CURVATURES = (0.0125, 0.025, 0.05, 0.1, 0.2, 0.4)
_NEWTON_STEPS, _CONVERGED = 60, 1e-8


@dataclass(frozen=True)
class Design:
    """The normal law from which the scores of a wave were drawn: mean (d,) and Cholesky factor (d, d) of covariance."""

    mean: FloatArray
    factor: FloatArray

    def draw(self, n: int, rng: np.random.Generator) -> FloatArray:
        """Return scores, shape (n, d)."""
        return np.asarray(self.mean + rng.standard_normal((n, len(self.mean))) @ self.factor.T)

    def whiten(self, scores: FloatArray) -> FloatArray:
        """Return scores in the units of the design, shape (n, d)."""
        return np.asarray(np.linalg.solve(self.factor, (np.atleast_2d(scores) - self.mean).T).T)


@dataclass(frozen=True)
class Emulator:
    """The logit of a chance as a quadratic in whitened scores: coefficients with their posterior covariance.

    `n`, `events`: patients it was learnt from. `curvature`: prior standard deviation of the second-order terms.
    """

    coefficients: FloatArray
    covariance_factor: FloatArray
    curvature: float
    n: int
    events: int

    def predict(self, features: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return mean and variance of the logit for rows of `quadratic_features`, shape (n,) each."""
        mean = features @ self.coefficients
        return mean, np.square(features @ self.covariance_factor).sum(axis=1)


def quadratic_features(white: FloatArray) -> FloatArray:
    """Return 1, slopes, curvatures and interactions, shape (n, 1 + 2 d + d (d - 1) / 2): orthonormal in the design."""
    n, d = white.shape
    upper = np.triu_indices(d, 1)
    parts = [np.ones((n, 1)), white, (white**2 - 1.0) / np.sqrt(2.0), white[:, upper[0]] * white[:, upper[1]]]
    return np.concatenate(parts, axis=1)


def fit_emulator(features: FloatArray, outcome: npt.NDArray[np.bool_], dimensions: int) -> Emulator:
    """Learn a chance from patients.

    Parameters
    ----------
    features
        `quadratic_features` of the patients' whitened scores, shape (n, terms).
    outcome
        Who had it, shape (n,).
    dimensions
        Number of parameters.
    """
    y = outcome.astype(np.float64)
    best: tuple[float, FloatArray, FloatArray, float] | None = None
    start = np.zeros(features.shape[1])
    for curvature in CURVATURES:
        sd = np.full(features.shape[1], curvature)
        sd[0], sd[1 : 1 + dimensions] = _LEVEL, _SLOPE
        coefficients, hessian = _maximise(features, y, 1.0 / sd**2, start)
        start = coefficients
        evidence = _log_evidence(features, y, 1.0 / sd**2, coefficients, hessian)
        if best is None or evidence > best[0]:
            best = (evidence, coefficients, hessian, curvature)
    assert best is not None
    _, coefficients, hessian, curvature = best
    factor = np.linalg.inv(np.linalg.cholesky(hessian)).T
    return Emulator(coefficients, factor, curvature, len(y), int(y.sum()))


def _maximise(x: FloatArray, y: FloatArray, precision: FloatArray, start: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the mode and the Hessian of minus the log posterior, by Newton's method with halved steps."""
    b, value = start, _log_posterior(x, y, precision, start)
    for _ in range(_NEWTON_STEPS):
        p = expit(x @ b)
        hessian = (x * (p * (1.0 - p))[:, None]).T @ x + np.diag(precision)
        step = np.linalg.solve(hessian, x.T @ (y - p) - precision * b)
        size = 1.0
        while (new := _log_posterior(x, y, precision, b + size * step)) < value and size > 1e-6:
            size /= 2.0
        done = new - value < _CONVERGED * (1.0 + abs(value))
        b, value = b + size * step, new
        if done:
            break
    p = expit(x @ b)
    return b, (x * (p * (1.0 - p))[:, None]).T @ x + np.diag(precision)


def _log_posterior(x: FloatArray, y: FloatArray, precision: FloatArray, b: FloatArray) -> float:
    eta = x @ b
    return float(y @ eta - np.logaddexp(0.0, eta).sum() - 0.5 * (precision * b**2).sum())


def _log_evidence(x: FloatArray, y: FloatArray, precision: FloatArray, b: FloatArray, hessian: FloatArray) -> float:
    sign, logdet = np.linalg.slogdet(hessian)
    assert sign > 0
    return _log_posterior(x, y, precision, b) + 0.5 * float(np.log(precision).sum()) - 0.5 * float(logdet)
