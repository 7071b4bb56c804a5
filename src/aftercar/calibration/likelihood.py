"""The likelihood that counts patients: binomial, with what simulation and model do not know mixed in.

For a target with x events of n patients, x is binomial with a chance whose logit is normal about the emulated one. Its
variance is that of the emulator (finite simulation) plus the discrepancy squared (a cohort is not its virtual twin).
The integral is a Gauss-Hermite sum.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import expit, gammaln, logsumexp

from aftercar.calibration.emulator import Design, Emulator, quadratic_features
from aftercar.calibration.targets import CountedTarget

FloatArray = npt.NDArray[np.float64]
_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(21)
_LOG_WEIGHTS = np.log(_WEIGHTS / _WEIGHTS.sum())


@dataclass(frozen=True)
class EmulatedTargets:
    """Emulated chances of targets over one design. `emulators`: by target and cohort."""

    design: Design
    targets: tuple[CountedTarget, ...]
    emulators: Mapping[tuple[str, str], Emulator]

    def logits(self, scores: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return mean and variance of each target's logit, shape (n, targets), for scores of shape (n, d)."""
        features = quadratic_features(self.design.whiten(scores))
        found = [self._pooled(target, features) for target in self.targets]
        return np.stack([one[0] for one in found], axis=1), np.stack([one[1] for one in found], axis=1)

    def _pooled(self, target: CountedTarget, features: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the logit of the cohorts put together, and its variance to first order."""
        parts = [self.emulators[target.id, cohort].predict(features) for cohort in target.cohorts]
        if len(parts) == 1:
            return parts[0]
        p = sum(w * expit(mean) for w, (mean, _) in zip(target.weights, parts, strict=True))
        p = np.clip(np.asarray(p), 1e-12, 1.0 - 1e-12)
        share = [
            w * expit(mean) * expit(-mean) / (p * (1.0 - p)) for w, (mean, _) in zip(target.weights, parts, strict=True)
        ]
        variance = sum(s**2 * v for s, (_, v) in zip(share, parts, strict=True))
        return np.log(p) - np.log1p(-p), np.asarray(variance)

    def log_likelihood(self, scores: FloatArray, discrepancy: float, counts: FloatArray | None = None) -> FloatArray:
        """Return the log likelihood of scores, shape (n,): of the published counts, or of others as in `log_counts`."""
        mean, variance = self.logits(scores)
        return np.asarray(log_counts(self.targets, mean, variance, discrepancy, counts).sum(axis=1))


def log_counts(
    targets: Sequence[CountedTarget], mean: FloatArray, variance: FloatArray, discrepancy: float,
    counts: FloatArray | None = None,
) -> FloatArray:  # fmt: skip
    """Return the log probability of each target's count, shape (n, targets), by mean and variance of its logit.

    `counts`: events and patients of each target in place of the published ones, shape (targets, 2), or (n, targets, 2)
    where each point has its own.
    """
    given = np.array([(one.events, one.n) for one in targets]) if counts is None else counts
    x, n = given[..., 0], given[..., 1]
    eta = mean[..., None] + np.sqrt(variance + discrepancy**2)[..., None] * _NODES
    kernel = x[..., None] * -np.logaddexp(0.0, -eta) + (n - x)[..., None] * -np.logaddexp(0.0, eta)
    choose = gammaln(n + 1.0) - gammaln(x + 1.0) - gammaln(n - x + 1.0)
    return np.asarray(choose + logsumexp(kernel + _LOG_WEIGHTS, axis=-1))
