"""Drawing from a posterior under a standard normal prior: elliptical slice sampling of many chains at once.

A step needs no tuning and has no rejections. After a first part, the ellipses follow a normal law fitted to all chains
in place of the prior; the ratio of prior and that law is then part of the likelihood, so that the target is the same.

References
----------
murray2010, AISTATS 9:541 (elliptical slice sampling). nishihara2014, JMLR 15:2087 (with a fitted law).
vehtari2021, Bayesian Analysis 16:667 (rank-normalised split R-hat; here split R-hat and effective sample size).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
# Of points of shape (points, d) that belong to the chains of the second argument.
_LogDensity = Callable[[FloatArray, npt.NDArray[np.int64]], FloatArray]
_MOST_SHRINKS = 200


@dataclass(frozen=True)
class Chains:
    """Draws, shape (chains, kept, d), with the convergence of each coordinate: split R-hat, effective sample size."""

    draws: FloatArray
    r_hat: FloatArray
    effective: FloatArray

    def flat(self) -> FloatArray:
        """Return all draws, shape (chains * kept, d)."""
        return self.draws.reshape(-1, self.draws.shape[-1])


def draw_posterior(
    log_likelihood: Callable[[FloatArray], FloatArray], start: FloatArray, *, steps: int, rng: np.random.Generator
) -> Chains:
    """Draw from a density proportional to N(0, I) times a likelihood.

    Parameters
    ----------
    log_likelihood
        Of points of shape (chains, d), returned with shape (chains,); -inf outside of where it is known.
    start
        One point per chain with a likelihood above zero, shape (chains, d).
    steps
        Steps per chain that are kept; half as many before, of each of two kinds, are not.
    """
    warm = max(steps // 2, 20)
    d = start.shape[1]
    first, _ = slice_chains(lambda z, _: log_likelihood(z), start, np.zeros(d), np.eye(d), steps=warm, rng=rng)
    pooled = first[:, warm // 2 :].reshape(-1, d)
    mean = pooled.mean(axis=0)
    factor = np.asarray(np.linalg.cholesky(np.cov(pooled.T).reshape(d, d) + 1e-6 * np.eye(d)), dtype=np.float64)

    def tilted(z: FloatArray, _: object) -> FloatArray:
        white = np.linalg.solve(factor, (z - mean).T)
        return np.asarray(log_likelihood(z) - 0.5 * np.square(z).sum(axis=1) + 0.5 * np.square(white).sum(axis=0))

    _, last = slice_chains(tilted, first[:, -1], mean, factor, steps=warm, rng=rng)
    kept, _ = slice_chains(tilted, last, mean, factor, steps=steps, rng=rng)
    return Chains(kept, *diagnose(kept))


def slice_chains(
    log_density: _LogDensity, start: FloatArray, mean: FloatArray, factor: FloatArray, *, steps: int,
    rng: np.random.Generator,
) -> tuple[FloatArray, FloatArray]:  # fmt: skip
    """Return the chains, shape (chains, steps, d), and where they ended.

    Their law has the density N(mean, factor factor') times exp(log_density); each chain may have a density of its own.
    """
    z, value = start.copy(), log_density(start, np.arange(len(start)))
    if not np.isfinite(value).all():
        raise ValueError("a chain starts where the density is zero")
    kept = np.empty((len(z), steps, z.shape[1]))
    for k in range(steps):
        direction = rng.standard_normal(z.shape) @ factor.T
        level = value + np.log(rng.random(len(z)))
        angle = rng.uniform(0.0, 2.0 * np.pi, len(z))
        low, high = angle - 2.0 * np.pi, angle.copy()
        waiting = np.arange(len(z))
        for _ in range(_MOST_SHRINKS):
            a = angle[waiting, None]
            point = mean + (z[waiting] - mean) * np.cos(a) + direction[waiting] * np.sin(a)
            new = log_density(point, waiting)
            fits = new > level[waiting]
            moved = waiting[fits]
            # The ellipse of a chain that has moved is not asked for again in this step.
            z[moved], value[moved] = point[fits], new[fits]
            waiting = waiting[~fits]
            if not len(waiting):
                break
            below = angle[waiting] < 0
            low[waiting[below]] = angle[waiting[below]]
            high[waiting[~below]] = angle[waiting[~below]]
            angle[waiting] = rng.uniform(low[waiting], high[waiting])
        kept[:, k] = z
    return kept, z


def diagnose(draws: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return split R-hat and effective sample size of each coordinate; draws of shape (chains, kept, d)."""
    half = draws.shape[1] // 2
    split = np.concatenate([draws[:, :half], draws[:, half : 2 * half]])
    m, n, _ = split.shape
    within = split.var(axis=1, ddof=1).mean(axis=0)
    between = split.mean(axis=1).var(axis=0, ddof=1)
    total = (n - 1) / n * within + between
    r_hat = np.sqrt(total / within)
    centred = split - split.mean(axis=1, keepdims=True)
    size = 2 ** int(np.ceil(np.log2(2 * n)))
    spectrum = np.fft.rfft(centred, n=size, axis=1)
    covariance = np.fft.irfft(np.abs(spectrum) ** 2, n=size, axis=1)[:, :n].mean(axis=0) / n
    rho = 1.0 - (within - covariance * n / (n - 1)) / total
    rho[0] = 1.0
    effective = np.empty(rho.shape[1])
    for j in range(rho.shape[1]):
        pairs = rho[: n - n % 2, j].reshape(-1, 2).sum(axis=1)
        positive = pairs[: np.argmax(pairs < 0) if (pairs < 0).any() else len(pairs)]
        tau = max(-1.0 + 2.0 * np.minimum.accumulate(positive).sum(), 1.0 / np.log10(m * n))
        effective[j] = m * n / tau
    return r_hat, effective
