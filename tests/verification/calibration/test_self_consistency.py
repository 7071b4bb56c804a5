"""Ranks of the truth: uniform for the inference as it is, not so for one that is made wrong on purpose."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np
from tests.unit.calibration import toy

from aftercar.calibration.likelihood import EmulatedTargets
from aftercar.calibration.self_consistency import Ranks, rank_truths

LABELS = tuple("abcdef")
# Least probability of a test of uniform ranks, for six parameters at once: one in a thousand by chance.
LEAST = 0.001 / 6


@lru_cache(maxsize=1)
def emulated() -> EmulatedTargets:
    """The toy's chances, learnt once for all tests."""
    return toy.emulate(16_000)


def ranks_of(learnt: EmulatedTargets, counts_of, replicates: int = 120) -> Ranks:
    return rank_truths(learnt, counts_of, replicates=range(replicates), labels=LABELS, seed=7, chains=3, steps=100)


def toss(z, one):
    rng = np.random.default_rng([8, one])
    return np.array([(rng.binomial(60, p), 60.0) for p in toy.chance(z[None])[0]])


def test_ranks_are_uniform_when_data_come_from_the_model_and_chances_are_learnt() -> None:
    """From patients to posterior: emulator, likelihood and sampler together, on six parameters."""
    found = ranks_of(emulated(), toss).summary(bins=10)
    assert (found["p"] > LEAST).all(), found
    assert (found["mean"].sub(0.5).abs() < 4 * 0.289 / np.sqrt(120)).all(), found


def test_ranks_show_a_likelihood_that_counts_every_patient_twice() -> None:
    """Twice the patients in the likelihood of the same data: intervals too narrow, ranks pile up at both ends."""
    learnt = emulated()

    found = ranks_of(learnt, lambda z, one: 2 * toss(z, one), 100)
    counts = found.histogram(10)
    low, high = found.band(10)
    assert (counts[[0, -1]].sum(axis=0) > counts[4:6].sum(axis=0)).sum() >= 5
    assert ((counts > high) | (counts < low)).any()


def test_ranks_show_an_emulator_that_is_shifted() -> None:
    learnt = emulated()
    shifted = {
        key: replace(one, coefficients=one.coefficients + np.eye(len(one.coefficients))[0])
        for key, one in learnt.emulators.items()
    }
    found = ranks_of(replace(learnt, emulators=shifted), toss, 80).summary(10)
    assert found["p"].min() < 1e-6


def test_histogram_and_band_of_uniform_ranks() -> None:
    ranks = Ranks(np.arange(100).repeat(3)[:, None] % 100, 99, ("a",))
    assert (ranks.histogram(10)[:, 0] == 30).all()
    low, high = ranks.band(10)  # binomial, n 300, p 0.1: 17 to 44
    assert (low, high) == (17, 44)
    assert ranks.summary(10)["p"].iloc[0] == 1.0
