"""Minimal residual disease: negativity in complete response, with imaging, and sustained for a year."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from aftercar.clinic.categories import CR, PD, CodeArray
from aftercar.clinic.comparison import BoolArray, FloatArray, at_least
from aftercar.clinic.criteria import Criteria, Options
from aftercar.clinic.laboratory import Laboratory


@dataclass(frozen=True)
class ResidualDisease:
    """First days, shape (patients,), NaN where never reached; `threshold` is the level they are held against.

    `negative_day`: negative in confirmed complete response. `imaging_day`: and imaging negative. `sustained_day`: both
    still so a year later, with no positive result between. `relapse_day`: positive again, for disease-free survival.
    """

    threshold: float
    negative: BoolArray
    positive: BoolArray
    negative_day: FloatArray
    imaging_day: FloatArray
    sustained_day: FloatArray
    relapse_day: FloatArray


def find_residual_disease(
    laboratory: Laboratory, status: CodeArray, reappearance: BoolArray, criteria: Criteria, options: Options
) -> ResidualDisease:
    """Find negativity for residual disease.

    A result below its limit ("< 1e-6") is negative at every threshold from that limit upwards; an assay that is less
    sensitive than the threshold says nothing. A level that was found counts as positive from the threshold upwards.
    """
    threshold = options.mrd_threshold if options.mrd_threshold is not None else criteria["mrd_threshold"]
    level, limited = laboratory.value("mrd_fraction"), laboratory.below_limit("mrd_fraction")
    slack = 1e-9 * threshold
    negative = np.where(limited, level <= threshold + slack, level < threshold - slack)
    positive = ~limited & (level >= threshold - slack)
    complete = (status >= CR) & (status != PD)
    # Positive imaging undoes what an earlier negative one allowed, so the last imaging is carried.
    imaging = laboratory.carried("imaging_positive")
    whole = negative & complete & (imaging == 0.0)
    lost = positive | (laboratory.value("imaging_positive") == 1.0)
    return ResidualDisease(
        threshold=threshold,
        negative=np.asarray(negative),
        positive=np.asarray(positive),
        negative_day=first_day(negative & complete, laboratory.day),
        imaging_day=first_day(whole, laboratory.day),
        sustained_day=_sustained(whole, lost, laboratory.day, criteria["mrd_sustained"]),
        relapse_day=first_day((lost | reappearance) & _since(negative & complete), laboratory.day),
    )


def first_day(met: BoolArray, day: FloatArray) -> FloatArray:
    """Return the day of the first visit at which something is met, NaN where it never is."""
    found = np.take_along_axis(day, met.argmax(axis=1)[:, None], axis=1)[:, 0]
    return np.where(met.any(axis=1), found, np.nan)


def _since(met: BoolArray) -> BoolArray:
    """Return the visits after the first at which something is met."""
    later = np.zeros(met.shape, dtype=bool)
    later[:, 1:] = np.logical_or.accumulate(met, axis=1)[:, :-1]
    return later


def _sustained(whole: BoolArray, lost: BoolArray, day: FloatArray, length: float) -> FloatArray:
    start = np.full(len(day), np.nan)
    reached = np.full(len(day), np.nan)
    for t in range(day.shape[1]):
        start[lost[:, t]] = np.nan
        start = np.where(np.isnan(start) & whole[:, t], day[:, t], start)
        long_enough = whole[:, t] & at_least(day[:, t] - start, length)
        reached = np.where(np.isnan(reached) & long_enough, day[:, t], reached)
    return reached
