"""Comparing laboratory values with thresholds, and answers that may be unknown.

Values are decimal numbers that went through units: 30 g/L is 3.0000000000000004 g/dL. A threshold met exactly counts as
met, so comparisons allow a billionth.

An answer is no, unknown or yes (0, 1, 2): then "and" is the minimum and "or" the maximum (Kleene's logic).
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
Answer = npt.NDArray[np.int8]
NO: Final = np.int8(0)
UNKNOWN: Final = np.int8(1)
YES: Final = np.int8(2)
_SLACK = 1e-9


def _slack(threshold: float | FloatArray) -> FloatArray:
    return np.asarray(_SLACK * np.maximum(1.0, np.abs(threshold)))


def at_least(value: FloatArray, threshold: float | FloatArray) -> BoolArray:
    """Return where a value reaches a threshold; a missing value does not."""
    return np.asarray(value >= threshold - _slack(threshold))


def above(value: FloatArray, threshold: float | FloatArray) -> BoolArray:
    """Return where a value exceeds a threshold; a missing value does not."""
    return np.asarray(value > threshold + _slack(threshold))


def below(value: FloatArray, threshold: float | FloatArray) -> BoolArray:
    """Return where a value stays under a threshold; a missing value does not."""
    return np.asarray(value < threshold - _slack(threshold))


def answer(met: BoolArray, value: FloatArray) -> Answer:
    """Return yes where met, no where not, unknown where the value is missing."""
    return np.where(np.isnan(value), UNKNOWN, np.where(met, YES, NO)).astype(np.int8)


def asked_of(patients: BoolArray, condition: Answer) -> Answer:
    """Return the condition for these patients, shape (patients,), and yes for the others, of whom it is not asked."""
    return np.where(patients[:, None], condition, YES).astype(np.int8)


def all_of(*conditions: Answer) -> Answer:
    """Return whether all conditions hold."""
    return np.asarray(np.minimum.reduce(np.broadcast_arrays(*conditions)), dtype=np.int8)


def any_of(*conditions: Answer) -> Answer:
    """Return whether one of the conditions holds."""
    return np.asarray(np.maximum.reduce(np.broadcast_arrays(*conditions)), dtype=np.int8)
