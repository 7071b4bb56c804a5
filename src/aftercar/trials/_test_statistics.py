"""Tests of many virtual trials at once, one trial a row."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.stats import binom, hypergeom

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]


def log_rank_z(duration: FloatArray, event: BoolArray, experimental: BoolArray) -> FloatArray:
    """Return the signed log-rank statistic of each trial, above 0 where the experimental arm has fewer events.

    Tied times are taken together, as in `log_rank`, whose statistic is the square of this one.

    Parameters
    ----------
    duration, event
        Shape (trials, patients).
    experimental
        Which patients are in that arm, shape (patients,).
    """
    trials, n = duration.shape
    order = np.argsort(duration, axis=1, kind="stable")
    time, d = np.take_along_axis(duration, order, axis=1), np.take_along_axis(event, order, axis=1)
    inside = experimental[order]
    column = np.broadcast_to(np.arange(n), (trials, n))
    new = np.ones((trials, n), dtype=np.bool_)
    new[:, 1:] = time[:, 1:] != time[:, :-1]
    start = np.maximum.accumulate(np.where(new, column, 0), axis=1)
    last = np.ones((trials, n), dtype=np.bool_)
    last[:, :-1] = new[:, 1:]
    end = np.minimum.accumulate(np.where(last, column, n)[:, ::-1], axis=1)[:, ::-1]
    events = np.cumsum(d, axis=1, dtype=np.int64)
    tied: npt.NDArray[np.int64] = np.take_along_axis(events, end, axis=1) - np.take_along_axis(
        events - d, start, axis=1
    )
    at_risk = (n - start).astype(np.float64)
    share = np.take_along_axis(np.cumsum(inside[:, ::-1], axis=1)[:, ::-1], start, axis=1) / at_risk
    # Summed over patients with the event, each of d tied ones carrying a d-th of its time.
    excess = np.sum(np.where(d, share - inside, 0.0), axis=1)
    spread = np.where(at_risk > 1, (at_risk - tied) / np.maximum(at_risk - 1, 1), 0.0) * share * (1 - share)
    return _ratio(excess, np.sqrt(np.sum(np.where(d, spread, 0.0), axis=1)))


def difference_z(control: FloatArray, experimental: FloatArray, n_control: int, n_experimental: int) -> FloatArray:
    """Return the z of the difference of two proportions with the pooled variance, from counts; 0 without variance."""
    pooled = (control + experimental) / (n_control + n_experimental)
    se = np.sqrt(pooled * (1 - pooled) * (1 / n_control + 1 / n_experimental))
    return _ratio(experimental / n_experimental - control / n_control, se)


def fisher_p(control: FloatArray, experimental: FloatArray, n_control: int, n_experimental: int) -> FloatArray:
    """Return the one-sided p of Fisher's exact test that the experimental arm responds more often."""
    total = n_control + n_experimental
    return np.asarray(hypergeom.sf(experimental - 1, total, control + experimental, n_experimental))


def binomial_p(events: FloatArray, n: int, historic: float) -> FloatArray:
    """Return the one-sided exact p that more respond than the historic rate says."""
    return np.asarray(binom.sf(events - 1, n, historic))


def _ratio(above: FloatArray, below: FloatArray) -> FloatArray:
    return np.asarray(np.divide(above, below, out=np.zeros_like(above), where=below > 0))
