"""Random streams keyed by what they are for, so that adding one use never reshuffles another."""

from __future__ import annotations

import hashlib

import numpy as np

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
