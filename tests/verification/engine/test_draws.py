"""Random numbers: known answers of the generator, and the laws drawn from it."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from aftercar.engine.draws import (
    binomial,
    gamma,
    geometric_sum,
    negative_binomial,
    philox,
    poisson,
    stream_keys,
    uniform,
)

# Random123 (salmon2011), file kat_vectors, lines "philox4x32 10".
KNOWN = [
    ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    ((0xFFFFFFFF,) * 4, (0xFFFFFFFF,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
    (
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        (0xA4093822, 0x299F31D0),
        (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
    ),
]


@pytest.mark.parametrize(("counter", "key", "expected"), KNOWN)
def test_philox_gives_the_authors_known_answers(counter: tuple, key: tuple, expected: tuple) -> None:
    words = [np.uint64(w) for w in (*counter, *key)]
    assert tuple(int(w) for w in philox(*words)) == expected


def draw(law, n: int, *arguments: float) -> np.ndarray:
    keys = stream_keys(7, "test", [0])
    values, position = np.empty(n), 0
    for k in range(n):
        values[k], position = law(keys, 0, position, *arguments)
    return values


def test_uniform_numbers_are_uniform() -> None:
    keys = stream_keys(7, "test", range(3))
    values = np.array([uniform(keys, 1, k) for k in range(20_000)])
    assert stats.kstest(values, "uniform").pvalue > 1e-3


@pytest.mark.parametrize(
    ("law", "arguments", "reference"),
    [
        (poisson, (3.3,), stats.poisson(3.3)),
        (poisson, (47.0,), stats.poisson(47.0)),
        (binomial, (20.0, 0.3), stats.binom(20, 0.3)),
        (binomial, (500.0, 0.2), stats.binom(500, 0.2)),
        (binomial, (500.0, 0.93), stats.binom(500, 0.93)),
        (geometric_sum, (5.0, 0.6), stats.nbinom(5, 0.4)),
        (geometric_sum, (60.0, 0.6), stats.nbinom(60, 0.4)),
        (negative_binomial, (0.3, 0.5), stats.nbinom(0.3, 1 / 1.5)),
        (negative_binomial, (0.05, 90.0), stats.nbinom(0.05, 1 / 91)),
        (negative_binomial, (4.0, 2.0), stats.nbinom(4, 1 / 3)),
        (negative_binomial, (30.0, 2.0), stats.nbinom(30, 1 / 3)),
        (negative_binomial, (0.05, 150.0), stats.nbinom(0.05, 1 / 151)),
    ],
)
def test_counts_follow_their_law(law, arguments: tuple, reference) -> None:
    # chi-square over cells with at least 20 expected; the seed is fixed, the level says how unlucky it may be
    values = draw(law, 20_000, *arguments)
    edges = np.unique(reference.ppf(np.linspace(0.002, 0.998, 40)))
    cells = np.concatenate([[-1], edges, [np.inf]])
    expected = np.diff(np.concatenate([[0], reference.cdf(edges), [1]])) * len(values)
    observed, _ = np.histogram(values, bins=cells + 0.5)
    keep = expected >= 20
    assert stats.chisquare(observed[keep], expected[keep] * observed[keep].sum() / expected[keep].sum()).pvalue > 1e-3


def test_rare_arrivals_are_as_rare_as_they_should_be() -> None:
    shape, odds, n = 0.002, 1.5, 200_000
    found = np.count_nonzero(draw(negative_binomial, n, shape, odds))
    expected = n * -np.expm1(-shape * np.log1p(odds))
    assert abs(found - expected) < 4 * np.sqrt(expected)  # Poisson error of the count, four standard errors


def test_gamma_numbers_follow_their_law() -> None:
    assert stats.kstest(draw(gamma, 20_000, 4.5), stats.gamma(4.5).cdf).pvalue > 1e-3


def test_streams_differ_by_seed_purpose_and_patient() -> None:
    rows = [tuple(stream_keys(s, p, [i])[0]) for s in (1, 2) for p in ("a", "b") for i in (0, 1, "0")]
    assert len(set(rows)) == len(rows)
