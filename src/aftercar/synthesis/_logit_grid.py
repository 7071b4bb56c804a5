"""A uniform grid of log-odds on which smoothing by a normal distribution is one multiplication of spectra.

Every integral of the hierarchical model over a normal random effect is a convolution with a normal density. On a
periodic uniform grid it is exact to rounding for any standard deviation, zero included, where quadrature rules with
fixed nodes fail: for random effects much wider, or much narrower, than the likelihood of a cohort.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import fft
from scipy.interpolate import CubicSpline

from aftercar.synthesis.results import FloatArray, IntArray

# A convolution by Fourier transform has an absolute error near 1e-16 of its largest value: below this, noise.
NOISE_FLOOR = 1e-17
_TAPER = 3.0  # logits over which a flat likelihood is led to zero beyond the body of the grid
_PADDING = 2.0  # logits of zeros that keep the two ends of the period apart
_DENSE = 4_000  # points on which a density is integrated for its quantiles: error below 1e-5 in probability
# Points per period: 2^15 resolve some 10^5 patients in one strategy, more than any salvage therapy will have.
MAX_POINTS = 32_768


@dataclass(frozen=True, slots=True)
class LogitGrid:
    """Points of log-odds with the angular frequencies of their Fourier transform.

    Attributes
    ----------
    theta
        Log-odds, shape (n,), uniform.
    step
        Spacing [logit].
    body
        Half-width around `centre` inside which functions are exact; beyond it they are led to zero.
    """

    theta: FloatArray
    step: float
    centre: float
    body: float
    omega: FloatArray
    taper: FloatArray

    @classmethod
    def build(cls, centre: float, body: float, step: float) -> LogitGrid:
        """Lay a grid of at most the given step over ``centre`` ± ``body`` with tapered, padded ends."""
        half = body + _TAPER + _PADDING
        points = min(fft.next_fast_len(int(np.ceil(2.0 * half / step)), real=True), MAX_POINTS)
        spacing = 2.0 * half / points
        theta = centre - half + spacing * np.arange(points)
        beyond = np.clip((np.abs(theta - centre) - body) / _TAPER, 0.0, 1.0)
        taper = np.cos(0.5 * np.pi * beyond) ** 2
        omega = 2.0 * np.pi * np.arange(points // 2 + 1) / (points * spacing)
        return cls(_floats(theta), spacing, centre, body, _floats(omega), _floats(taper))

    def kernel(self, sd: FloatArray | float) -> FloatArray:
        """Return the spectrum of normal densities with the given standard deviations, shape (..., frequencies)."""
        return np.asarray(np.exp(-0.5 * (np.asarray(sd)[..., None] * self.omega) ** 2), dtype=np.float64)

    def spectrum(self, values: FloatArray) -> FloatArray:
        """Return the Fourier transform along the last axis (complex)."""
        return np.asarray(fft.rfft(values, axis=-1))

    def invert(self, spectrum: FloatArray) -> FloatArray:
        """Return the function of a spectrum, with the negative part of the rounding noise removed."""
        values = fft.irfft(spectrum, n=self.theta.size, axis=-1)
        return np.asarray(np.maximum(values, 0.0))

    def edge_mass(self, density: FloatArray) -> float:
        """Return the largest share of any density that lies outside the body of the grid."""
        outside = np.abs(self.theta - self.centre) > self.body
        return float(np.max(density[..., outside].sum(axis=-1) / density.sum(axis=-1)))


def binomial_kernels(grid: LogitGrid, events: IntArray, total: IntArray) -> tuple[FloatArray, FloatArray]:
    """Return each cohort's binomial likelihood on the grid, scaled to a maximum of one, and the log of that maximum.

    Parameters
    ----------
    grid
        Log-odds at which to evaluate, shape (n,).
    events, total
        Responders and patients, shape (c,).

    Returns
    -------
    tuple
        Tapered likelihoods, shape (c, n), and their log maxima without the binomial coefficient, shape (c,).
    """
    y, n = events[:, None].astype(np.float64), total[:, None].astype(np.float64)
    log_likelihood = y * grid.theta - n * np.logaddexp(0.0, grid.theta)
    share = events / total
    with np.errstate(divide="ignore", invalid="ignore"):
        peak = np.where(events > 0, events * np.log(share), 0.0)
        peak = peak + np.where(events < total, (total - events) * np.log1p(-share), 0.0)
    return np.exp(log_likelihood - peak[:, None]) * grid.taper, peak


def quantiles(points: FloatArray, density: FloatArray, shares: FloatArray, *, from_zero: bool = False) -> FloatArray:
    """Return quantiles of a density known on uniform points.

    The logarithm of the density is interpolated by a cubic spline, because for near-normal densities it is nearly a
    parabola, which a cubic follows exactly; then it is integrated on a dense grid.

    Parameters
    ----------
    points, density
        Uniform points and the density there up to a factor, shape (n,).
    shares
        Probabilities, shape (q,).
    from_zero
        The density is that of a standard deviation and continues evenly below zero: its slope at zero is zero.
    """
    if points.size == 1:
        return np.full(shares.shape, points[0])
    keep = np.flatnonzero(density > 1e-12 * density.max())
    first, last = max(int(keep[0]), 0), min(int(keep[-1]) + 1, points.size)
    x, log_density = points[first:last], np.log(np.maximum(density[first:last], 1e-13 * density.max()))
    if x.size < 4:
        raise ValueError(f"a density with {x.size} points of mass is too coarse for quantiles")
    at_zero = from_zero and first == 0 and points[0] == 0.0
    spline = CubicSpline(x, log_density, bc_type=("clamped" if at_zero else "natural", "natural"))
    dense = np.linspace(x[0], x[-1], max(10, _DENSE // (x.size - 1)) * (x.size - 1) + 1)
    values = np.exp(spline(dense) - log_density.max())
    cumulative = np.concatenate([[0.0], np.cumsum(0.5 * (values[1:] + values[:-1]))])
    return np.asarray(np.interp(shares, cumulative / cumulative[-1], dense))


def _floats(values: npt.ArrayLike) -> FloatArray:
    return np.asarray(values, dtype=np.float64)
