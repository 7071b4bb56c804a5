"""Proportions on the scales on which they are pooled, and the way back.

Logit:          yi = log(x / (n - x))                                   vi = 1/x + 1/(n - x)
Arcsine:        yi = asin(sqrt(x/n))                                    vi = 1 / (4n)
Freeman-Tukey:  yi = (asin(sqrt(x/(n+1))) + asin(sqrt((x+1)/(n+1))))/2  vi = 1 / (4n + 2)

The raw scale is not offered: with 10 of 10 responders its sampling variance is zero, and its intervals leave [0, 1].
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, get_args

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from aftercar.foundation import Fault, InputError
from aftercar.synthesis.counts import check_choice, check_counts
from aftercar.synthesis.results import FloatArray, Scale

SCALES: tuple[Scale, ...] = get_args(Scale)


@dataclass(frozen=True, slots=True)
class ProportionEffects:
    """Cohorts as effects: `yi` with sampling variance `vi`, shape (k,); `corrected` marks those given 1/2."""

    yi: FloatArray
    vi: FloatArray
    scale: Scale
    corrected: npt.NDArray[np.bool_]


def compute_effects(events: Any, total: Any, *, scale: Scale = "logit") -> ProportionEffects:
    """Put cohorts on the scale of pooling.

    On the logit scale a cohort without responders, or without non-responders, gets 1/2 added to both counts; others get
    nothing. This correction pulls pooled rates towards one half: the GLMM needs none.

    Parameters
    ----------
    events, total
        Counts, shape (k,).

    Returns
    -------
    ProportionEffects
        Logits, or radians for the two arcsine scales.

    References
    ----------
    Freeman & Tukey 1950; as metafor's escalc, measures PLO (add = 1/2, to = "only0"), PAS and PFT.

    Examples
    --------
    >>> effects = compute_effects([10, 3], [10, 6])
    >>> [round(float(y), 4) for y in effects.yi], effects.corrected.tolist()
    ([3.0445, 0.0], [True, False])
    """
    check_choice(scale, SCALES, name="scale")
    x, n = check_counts(events, total)
    corrected = np.zeros(x.size, dtype=np.bool_)
    if scale == "arcsine":
        return ProportionEffects(np.arcsin(np.sqrt(x / n)), 1 / (4 * n), scale, corrected)
    if scale == "freeman-tukey":
        return ProportionEffects(_freeman_tukey(x, n), 1 / (4 * n + 2), scale, corrected)
    corrected = (x == 0) | (x == n)
    add = np.where(corrected, 0.5, 0.0)
    responders, others = x + add, n - x + add
    return ProportionEffects(np.log(responders / others), 1 / responders + 1 / others, scale, corrected)


def back_transform(values: Any, *, scale: Scale, total: Any = None) -> FloatArray:
    """Return values on the scale of pooling as proportions, always inside [0, 1].

    Beyond the range that proportions can take on an arcsine scale, the answer is the nearest of 0 and 1. The
    Freeman-Tukey inverse depends on a sample size; the harmonic mean of `total` is used (Miller 1978), and the answer
    for the same pooled value moves with it, which is why this scale is offered for comparison only.

    Parameters
    ----------
    values
        Pooled values, any shape.
    total
        Sizes of the pooled cohorts, shape (k,); needed for "freeman-tukey" only.

    Raises
    ------
    InputError
        Freeman-Tukey without `total`.

    References
    ----------
    Miller 1978, p. 138; Schwarzer et al. 2019 on its misuse.

    Examples
    --------
    >>> round(float(back_transform(1.138909, scale="logit")), 6)
    0.757479
    """
    check_choice(scale, SCALES, name="scale")
    z = np.asarray(values, dtype=np.float64)
    if scale == "logit":
        return np.asarray(expit(z))
    if scale == "arcsine":
        return np.asarray(np.sin(np.clip(z, 0, np.pi / 2)) ** 2)
    if total is None:
        mend = "Give the sizes of the pooled cohorts as total."
        raise InputError(Fault("total", "the Freeman-Tukey inverse needs a sample size.", mend))
    sizes = np.asarray(total, dtype=np.float64)
    return _invert_freeman_tukey(z, 1 / float(np.mean(1 / sizes)))


def _freeman_tukey(x: FloatArray, n: FloatArray) -> FloatArray:
    return np.asarray((np.arcsin(np.sqrt(x / (n + 1))) + np.arcsin(np.sqrt((x + 1) / (n + 1)))) / 2)


def _invert_freeman_tukey(z: FloatArray, n: float) -> FloatArray:
    lowest, highest = _freeman_tukey(np.array([0.0, n]), np.array([n, n]))
    t = 2 * np.clip(z, lowest, highest)
    sine = np.sin(t)
    under_root = np.clip(1 - (sine + (sine - 1 / sine) / n) ** 2, 0, 1)
    inside = (1 - np.sign(np.cos(t)) * np.sqrt(under_root)) / 2
    # At the ends the root is of a rounding error; the answer there is known.
    return np.where(z <= lowest, 0.0, np.where(z >= highest, 1.0, inside))
