"""Random numbers that belong to (seed, purpose, patient), and exact draws from the laws of counting.

Philox 4x32 with ten rounds is a counter-based generator: the n-th number of a patient is computed from n and the
patient's key alone, so that no order of work, number of workers or size of batch can change it.

References
----------
salmon2011, "Parallel random numbers: as easy as 1, 2, 3", SC'11; checked against the authors' known answers.
marsaglia2000, ACM TOMS 26:363 (gamma). hoermann1993a, J. Stat. Comput. Simul. 46:101 (binomial, BTRS).
hoermann1993b, Insurance: Mathematics and Economics 12:39 (Poisson, PTRS).
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from aftercar.engine.jit import loop
from aftercar.foundation import hash_bytes

_M0, _M1 = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
_W0, _W1 = np.uint64(0x9E3779B9), np.uint64(0xBB67AE85)
# mypy: allow-untyped-defs, allow-untyped-calls

_MASK, _32 = np.uint64(0xFFFFFFFF), np.uint64(32)


@loop
def philox(c0, c1, c2, c3, k0, k1):
    """Return the four 32-bit words of one counter under one key, as unsigned 64-bit numbers."""
    for _ in range(10):
        p0, p1 = _M0 * c0, _M1 * c2
        c0, c1, c2, c3 = (p1 >> _32) ^ c1 ^ k0, p1 & _MASK, (p0 >> _32) ^ c3 ^ k1, p0 & _MASK
        k0, k1 = (k0 + _W0) & _MASK, (k1 + _W1) & _MASK
    return c0, c1, c2, c3


@loop
def uniform(keys, i, n):
    """Return the n-th number of a stream, in (0, 1), with 53 random bits. `keys[i]`: four words of patient i."""
    count = np.uint64(n)
    a, b, _, _ = philox(count & _MASK, count >> _32, keys[i, 2], keys[i, 3], keys[i, 0], keys[i, 1])
    high = (a << np.uint64(21)) ^ (b >> np.uint64(11))
    return (np.float64(high) + 0.5) * (1.0 / 9007199254740992.0)


@loop
def normal(keys, i, n):
    """Return a standard normal number and the next position in the stream."""
    radius = math.sqrt(-2.0 * math.log(uniform(keys, i, n)))
    return radius * math.cos(2.0 * math.pi * uniform(keys, i, n + 1)), n + 2


@loop
def gamma(keys, i, n, shape):
    """Return a gamma number of scale 1 and the next position."""
    if shape < 1.0:
        u = uniform(keys, i, n)
        rest, n = _gamma_above_one(keys, i, n + 1, shape + 1.0)
        return rest * u ** (1.0 / shape), n
    return _gamma_above_one(keys, i, n, shape)


@loop
def _gamma_above_one(keys, i, n, shape):
    d = shape - 1.0 / 3.0
    c = 1.0 / math.sqrt(9.0 * d)
    while True:
        x, n = normal(keys, i, n)
        v = (1.0 + c * x) ** 3
        if v > 0.0:
            u = uniform(keys, i, n)
            n += 1
            if math.log(u) < 0.5 * x * x + d - d * v + d * math.log(v):
                return d * v, n


@loop
def poisson(keys, i, n, mean):
    """Return a Poisson number (as a double) and the next position."""
    if mean <= 0.0:
        return 0.0, n
    if mean < 10.0:
        limit, product, k = math.exp(-mean), uniform(keys, i, n), 0.0
        n += 1
        while product > limit:
            product *= uniform(keys, i, n)
            n += 1
            k += 1.0
        return k, n
    root = math.sqrt(mean)
    b = 0.931 + 2.53 * root
    a = -0.059 + 0.02483 * b
    inverse_alpha = 1.1239 + 1.1328 / (b - 3.4)
    ratio = 0.9277 - 3.6224 / (b - 2.0)
    while True:
        u, v = uniform(keys, i, n) - 0.5, uniform(keys, i, n + 1)
        n += 2
        us = 0.5 - abs(u)
        k = math.floor((2.0 * a / us + b) * u + mean + 0.43)
        if us >= 0.07 and v <= ratio:
            return k, n
        if k < 0.0 or (us < 0.013 and v > us):
            continue
        weight = math.log(v * inverse_alpha / (a / (us * us) + b))
        if weight <= k * math.log(mean) - mean - math.lgamma(k + 1.0):
            return k, n


@loop
def binomial(keys, i, n, trials, p):
    """Return a binomial number (as a double) and the next position."""
    if trials <= 0.0 or p <= 0.0:
        return 0.0, n
    if p >= 1.0:
        return trials, n
    if p > 0.5:
        k, n = _binomial_below_half(keys, i, n, trials, 1.0 - p)
        return trials - k, n
    return _binomial_below_half(keys, i, n, trials, p)


@loop
def _binomial_below_half(keys, i, n, trials, p):
    if p <= 0.0:
        return 0.0, n
    if trials * p < 10.0:  # waiting times between successes
        scale, k, total = math.log1p(-p), 0.0, 0.0
        while True:
            total += math.floor(math.log(uniform(keys, i, n)) / scale) + 1.0
            n += 1
            if total > trials:
                return k, n
            k += 1.0
    spread = math.sqrt(trials * p * (1.0 - p))
    b = 1.15 + 2.53 * spread
    a = -0.0873 + 0.0248 * b + 0.01 * p
    c = trials * p + 0.5
    ratio = 0.92 - 4.2 / b
    alpha = (2.83 + 5.1 / b) * spread
    odds = math.log(p / (1.0 - p))
    mode = math.floor((trials + 1.0) * p)
    top = math.lgamma(mode + 1.0) + math.lgamma(trials - mode + 1.0)
    while True:
        u, v = uniform(keys, i, n) - 0.5, uniform(keys, i, n + 1)
        n += 2
        us = 0.5 - abs(u)
        k = math.floor((2.0 * a / us + b) * u + c)
        if k < 0.0 or k > trials:
            continue
        if us >= 0.07 and v <= ratio:
            return k, n
        weight = math.log(v * alpha / (a / (us * us) + b))
        if weight <= top - math.lgamma(k + 1.0) - math.lgamma(trials - k + 1.0) + (k - mode) * odds:
            return k, n


@loop
def negative_binomial(keys, i, n, shape, odds):
    """Return a Poisson number whose mean is `odds` times a gamma number of that shape, and the next position.

    Few are found by adding up probabilities until one uniform number is reached: arrivals are mostly none.
    """
    if shape * odds > 10.0 or odds > 100.0:
        rate, n = gamma(keys, i, n, shape)
        return poisson(keys, i, n, rate * odds)
    u = uniform(keys, i, n)
    chance, k, ratio = math.exp(-shape * math.log1p(odds)), 0.0, odds / (1.0 + odds)
    total = chance
    while u > total and (chance > 1e-18 or k < shape * odds):  # the rest of the tail is beyond what 53 bits tell
        chance *= ratio * (shape + k) / (k + 1.0)
        total += chance
        k += 1.0
    return k, n + 1


@loop
def geometric_sum(keys, i, n, heads, ratio):
    """Return the sum of `heads` numbers, each k >= 0 with probability (1 - ratio) * ratio**k, and the next position."""
    if heads <= 0.0 or ratio <= 0.0:
        return 0.0, n
    if heads <= 16.0:
        scale, total = math.log(ratio), 0.0
        for _ in range(int(heads)):
            total += math.floor(math.log(uniform(keys, i, n)) / scale)
            n += 1
        return total, n
    g, n = gamma(keys, i, n, heads)
    return poisson(keys, i, n, g * ratio / (1.0 - ratio))


def stream_keys(seed: int, purpose: str, patients: Iterable[int | str]) -> npt.NDArray[np.uint64]:
    """Return the keys of patients' streams, shape (patients, 4): two words of (seed, purpose), two of the patient."""
    own = int(hash_bytes(repr((seed, purpose)).encode())[:16], 16)
    rows = []
    for patient in patients:
        number = int(hash_bytes(repr(patient).encode())[:16], 16)
        rows.append((own & 0xFFFFFFFF, own >> 32, number & 0xFFFFFFFF, number >> 32))
    return np.array(rows, dtype=np.uint64).reshape(-1, 4)
