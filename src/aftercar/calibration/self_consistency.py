"""Whether the inference tells the truth about its own uncertainty: ranks of true parameters among posterior draws.

Parameters are drawn from the prior, data from the parameters, and a posterior from the data. If all is right, the rank
of the truth among the draws is uniform: a hump says that intervals are too wide, a valley that they are too narrow, a
slope that the posterior is shifted.

References
----------
talts2018, arXiv 1804.06788 (simulation-based calibration). cook2006, J. Comput. Graph. Stat. 15:675.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import binom, chi2

from aftercar.calibration.likelihood import EmulatedTargets
from aftercar.calibration.sampling import slice_chains
from aftercar.foundation import draw_stream

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Ranks:
    """Ranks of the truth, shape (replicates, d), among `draws` posterior draws: 0 to draws."""

    ranks: IntArray
    draws: int
    labels: tuple[str, ...]

    def histogram(self, bins: int) -> IntArray:
        """Return counts by bin, shape (bins, d); `bins` divides draws + 1."""
        width = (self.draws + 1) // bins
        return np.stack([np.bincount(column // width, minlength=bins)[:bins] for column in self.ranks.T], axis=1)

    def band(self, bins: int, level: float = 0.99) -> tuple[int, int]:
        """Return the counts between which a bin lies with the given probability if ranks are uniform."""
        law = binom(len(self.ranks), 1.0 / bins)
        return int(law.ppf((1 - level) / 2)), int(law.ppf((1 + level) / 2))

    def summary(self, bins: int) -> pd.DataFrame:
        """Return by parameter: chi-squared probability of uniform ranks, mean rank (0.5) and spread (0.289), bins out
        of the band of 99%."""
        counts, expected = self.histogram(bins), len(self.ranks) / bins
        low, high = self.band(bins)
        statistic = ((counts - expected) ** 2 / expected).sum(axis=0)
        place = (self.ranks + 0.5) / (self.draws + 1)
        return pd.DataFrame({
            "parameter": self.labels, "p": chi2.sf(statistic, bins - 1), "mean": place.mean(axis=0),
            "spread": place.std(axis=0), "out_of_band": ((counts < low) | (counts > high)).sum(axis=0),
        })  # fmt: skip


def rank_truths(
    emulated: EmulatedTargets,
    draw_counts: Callable[[FloatArray, int], FloatArray],
    *,
    replicates: Sequence[int],
    labels: tuple[str, ...],
    seed: int,
    draws: int = 99,
    chains: int = 6,
    steps: int = 150,
) -> Ranks:
    """Rank true parameters among posterior draws.

    The prior here is the design of the emulator: the region where it is trusted, and used. All replicates are sampled
    at once.

    Parameters
    ----------
    draw_counts
        Data of a parameter vector of shape (d,) and the number of the replicate: events and patients of each target,
        shape (targets, 2), in the order of the targets.
    replicates
        Numbers of the replicates; each has a truth of its own.
    steps
        Per chain; a third as many before are not used.
    """
    design, d = emulated.design, len(emulated.design.mean)
    white = np.stack([draw_stream(seed, "self-consistency", one).standard_normal(d) for one in replicates])
    truths = design.mean + white @ design.factor.T
    counts = np.stack([draw_counts(truth, one) for truth, one in zip(truths, replicates, strict=True)])
    owner = np.repeat(np.arange(len(truths)), chains)

    def log_likelihood(w: FloatArray, which: IntArray) -> FloatArray:
        return emulated.log_likelihood(design.mean + w @ design.factor.T, 0.0, counts[owner[which]])

    rng = draw_stream(seed, "self-consistency", "chains")
    start = rng.standard_normal((len(owner), d))
    _, last = slice_chains(log_likelihood, start, np.zeros(d), np.eye(d), steps=max(steps // 3, 1), rng=rng)
    kept, _ = slice_chains(log_likelihood, last, np.zeros(d), np.eye(d), steps=steps, rng=rng)
    pooled = kept.reshape(len(truths), chains * steps, d)
    chosen = np.stack([pooled[k, rng.choice(chains * steps, draws, replace=False)] for k in range(len(truths))])
    return Ranks((chosen < white[:, None]).sum(axis=1), draws, labels)
