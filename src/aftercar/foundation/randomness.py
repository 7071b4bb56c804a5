"""Random streams keyed by what they are for, so that adding one use never reshuffles another."""

from __future__ import annotations

import hashlib

import numpy as np
import numpy.typing as npt

DEFAULT_SEED = 20240601


def draw_stream(seed: int, *purpose: str | int) -> np.random.Generator:
    """Return the counter-based generator of (seed, purpose...).

    The same key gives the same numbers on every machine, for any number of workers and in any order of calls.

    Parameters
    ----------
    seed
        The run's seed, >= 0.
    purpose
        Words and numbers that name the use, e.g. ``"coverage", k, replicate``.

    Examples
    --------
    >>> draw_stream(1, "a").integers(100) == draw_stream(1, "a").integers(100)
    True
    """
    if seed < 0:
        raise ValueError(f"seed must be >= 0, got {seed}")
    digest = hashlib.sha256(repr((seed, *purpose)).encode()).digest()
    return np.random.Generator(np.random.Philox(key=int.from_bytes(digest[:16], "little")))


def draw_uniform(seed: int, *purpose: str | int, n: int, first: int = 0) -> npt.NDArray[np.float64]:
    """Return numbers `first` to `first + n - 1` of the stream of (seed, purpose...), uniform strictly between 0 and 1.

    Any position is reached without drawing what stands before it: patient 17 has one luck, alone or among a million.

    Examples
    --------
    >>> bool(draw_uniform(1, "a", n=1, first=7)[0] == draw_uniform(1, "a", n=9)[7])
    True
    """
    bits = draw_stream(seed, *purpose).bit_generator
    # Philox hands out blocks of four 64-bit numbers; each position has one number.
    assert isinstance(bits, np.random.Philox)
    bits.advance(first // 4)
    raw = bits.random_raw(n + 4)[first % 4 : first % 4 + n]
    return (np.asarray(raw >> np.uint64(11), dtype=np.float64) + 0.5) / 2.0**53
