"""Pooled medians of survival: logarithms weighted by the intervals that came with them.

A median whose interval is missing, or that was not reached, cannot be weighed and is listed with the reason, not
pooled. As cohorts that do well are those whose median is not reached, what is left then is pessimistic; the result
says so.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.stats import norm

from aftercar.foundation import Fault, InputError, NotPoolableError
from aftercar.synthesis.counts import check_level
from aftercar.synthesis.inverse_variance import pool_inverse_variance
from aftercar.synthesis.kaplan_meier import to_floats
from aftercar.synthesis.results import FloatArray, Heterogeneity, IntervalKind, PooledEffect, Tau2Method

SeRule = Literal["both limits", "lower limit", "exponential"]

_REASONS = {
    "not reached": "the median was not reached",
    "no interval": "no interval was reported",
    "no lower": "no lower limit was reported",
    "zero lower": "the lower limit is 0, which has no logarithm",
    "no width": "the limits have no width",
}


@dataclass(frozen=True, slots=True)
class MedianUsed:
    """One cohort in the pool: its log standard error, the rule that gave it, its share of the weight [%]."""

    label: str
    median: float
    se_log: float
    se_rule: SeRule
    weight: float


@dataclass(frozen=True, slots=True)
class MedianLeftOut:
    """One cohort that could not be pooled, and why."""

    label: str
    median: float | None
    reason: str


@dataclass(frozen=True, slots=True)
class PooledMedian:
    """A pooled median [time unit of the input], with the choices that made it.

    Attributes
    ----------
    estimate, ci_lb, ci_ub
        Median of the typical cohort: the exponential of the mean log median.
    pi_lb, pi_ub
        Interval for the true median of a new cohort; None with one cohort or a common-effect method.
    coefficient, se
        The same on the log scale.
    used, left_out
        Every cohort given is in one of the two.
    """

    estimate: float
    ci_lb: float
    ci_ub: float
    level: float
    pi_lb: float | None
    pi_ub: float | None
    k: int
    coefficient: float
    se: float
    method: Tau2Method
    interval: IntervalKind
    heterogeneity: Heterogeneity
    used: tuple[MedianUsed, ...]
    left_out: tuple[MedianLeftOut, ...]
    method_card: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def pool_medians(
    median: npt.ArrayLike,
    ci_lb: npt.ArrayLike,
    ci_ub: npt.ArrayLike,
    level: float | npt.ArrayLike = 0.95,
    *,
    labels: Sequence[str] | None = None,
    events: npt.ArrayLike | None = None,
    exponential: bool = False,
    method: Tau2Method = "reml",
    interval: IntervalKind = "hksj-adhoc",
    pooled_level: float = 0.95,
) -> PooledMedian:
    """Pool median survival times on the log scale with random effects.

    The standard error of a log median is the width of its interval over 2 z. Where the upper limit was not reached
    it is the distance from the median to the lower limit over z, which takes the unseen half to be as wide. That half
    is often wider, so such a cohort may weigh too much: compare with the pool without them.

    Parameters
    ----------
    median
        Shape (k,), any one unit, > 0; missing (NaN) or infinite where not reached.
    ci_lb, ci_ub
        Limits as reported, shape (k,). An upper limit that is missing or infinite beside a lower one was not reached.
    level
        Coverage of the reported intervals, one or shape (k,).
    labels
        Names of the cohorts, for the lists.
    events
        Events per cohort, shape (k,), NaN where unknown; only read if `exponential`.
    exponential
        Let a cohort without interval take 1 / √events as its log standard error, which holds if its hazard is
        constant. Off by default: it is an assumption about the very shape that the median is meant to spare.
    method, interval, pooled_level
        As for `pool_inverse_variance`.

    Raises
    ------
    InputError
        Lengths differ, a median or limit is negative, a median lies outside its limits.
    NotPoolableError
        No cohort has both a median and something to weigh it by; the message lists the reasons.

    References
    ----------
    McGrath et al. 2025 for standard errors from intervals; Collett 2015, chapter 5, for the exponential.

    Examples
    --------
    >>> pooled = pool_medians([6.0, 12.0], [3.0, 6.0], [12.0, 24.0], labels=["A", "B"])
    >>> round(pooled.estimate, 3)
    8.485
    """
    check_level(pooled_level)
    columns, names = _read(median, ci_lb, ci_ub, level, labels, events)
    rows = [_weigh(name, *values, exponential=exponential) for name, values in zip(names, columns.T, strict=True)]
    used = [row for row in rows if isinstance(row, MedianUsed)]
    left_out = tuple(row for row in rows if isinstance(row, MedianLeftOut))
    if not used:
        reasons = "; ".join(f"{row.label}: {row.reason}" for row in left_out)
        raise NotPoolableError(
            f"No median can be pooled ({reasons}). Report the medians side by side, or rebuild the curves "
            "from the figures and pool those."
        )
    yi = np.log([row.median for row in used])
    vi = np.array([row.se_log for row in used]) ** 2
    pooled = pool_inverse_variance(yi, vi, method=method, interval=interval, level=pooled_level)
    return _describe(pooled, used, left_out, exponential)


def _describe(
    pooled: PooledEffect, used: Sequence[MedianUsed], left_out: tuple[MedianLeftOut, ...], exponential: bool
) -> PooledMedian:
    """Bring the pool of logarithms back to the scale of time, with its lists, choices and notes."""
    weighed = tuple(
        MedianUsed(row.label, row.median, row.se_log, row.se_rule, weight)
        for row, weight in zip(used, pooled.weights, strict=True)
    )
    return PooledMedian(
        estimate=math.exp(pooled.estimate),
        ci_lb=math.exp(pooled.ci_lb),
        ci_ub=math.exp(pooled.ci_ub),
        level=pooled.level,
        pi_lb=None if pooled.pi_lb is None else math.exp(pooled.pi_lb),
        pi_ub=None if pooled.pi_ub is None else math.exp(pooled.pi_ub),
        k=pooled.k,
        coefficient=pooled.estimate,
        se=pooled.se,
        method=pooled.method,
        interval=pooled.interval,
        heterogeneity=pooled.heterogeneity,
        used=weighed,
        left_out=left_out,
        method_card=_describe_choices(pooled.method, pooled.interval, exponential),
        notes=(*pooled.notes, *_notes(weighed, left_out), *two_cohorts_note(pooled.k, pooled.interval)),
    )


def two_cohorts_note(k: int, interval: IntervalKind) -> tuple[str, ...]:
    """Return the warning that belongs to an interval with one degree of freedom, if it is one."""
    if k != 2 or interval == "z":
        return ()
    return (
        "With two cohorts the interval has one degree of freedom and is so wide that it may say nothing; interval "
        '"z" is narrow but takes the spread between two cohorts as known.',
    )


def _read(
    median: npt.ArrayLike,
    ci_lb: npt.ArrayLike,
    ci_ub: npt.ArrayLike,
    level: float | npt.ArrayLike,
    labels: Sequence[str] | None,
    events: npt.ArrayLike | None,
) -> tuple[FloatArray, tuple[str, ...]]:
    """Return rows median, ci_lb, ci_ub, level, events by columns of cohorts, checked; unknown is NaN."""
    medians = to_floats(median, "medians", "median")
    given = {"ci_lb": ci_lb, "ci_ub": ci_ub, "level": level, "events": np.nan if events is None else events}
    columns = {"median": medians, **{name: to_floats(values, "medians", name) for name, values in given.items()}}
    for name in ("level", "events"):
        if columns[name].size == 1:
            columns[name] = np.full(medians.shape, columns[name][0])
    names = tuple(labels) if labels is not None else tuple(f"cohort {i + 1}" for i in range(medians.size))
    sizes = {name: values.shape for name, values in columns.items()} | {"labels": (len(names),)}
    if medians.ndim != 1 or len(set(sizes.values())) != 1 or medians.size == 0:
        shapes = ", ".join(f"{name} {shape}" for name, shape in sizes.items())
        raise InputError(Fault("medians", f"the columns have shapes: {shapes}.", "Give one of each per cohort."))
    table = np.array(list(columns.values()))
    table[:3][np.isinf(table[:3])] = np.nan  # infinite and missing both say 'not reached'
    faults = [fault for name, values in zip(names, table.T, strict=True) for fault in _faults(name, *values)]
    if faults:
        raise InputError(faults)
    return table, names


def _faults(name: str, median: float, lower: float, upper: float, level: float, events: float) -> list[Fault]:
    faults = []
    for value, column in ((median, "median"), (lower, "ci_lb"), (upper, "ci_ub")):
        if value < 0 or (value == 0 and column != "ci_lb"):
            faults.append(Fault("medians", f"{name} has {column} {value:g}.", "A time is above 0.", column=column))
    if lower > median or upper < median or lower > upper:
        found = f"{name} has a median of {median:g} outside its limits {lower:g} to {upper:g}."
        faults.append(Fault("medians", found, "Check the three numbers in the source."))
    if not 0 < level < 1:
        found = f"{name} has an interval of level {level:g}."
        faults.append(Fault("medians", found, "Give a coverage between 0 and 1.", column="level"))
    if events < 0 or (not math.isnan(events) and events != round(events)):
        faults.append(Fault("medians", f"{name} has {events:g} events.", "Give a whole number.", column="events"))
    return faults


def _weigh(
    name: str, median: float, lower: float, upper: float, level: float, events: float, *, exponential: bool
) -> MedianUsed | MedianLeftOut:
    """Return the cohort with its log standard error, or with the reason why there is none."""
    median, z = float(median), float(norm.ppf((1 + level) / 2))
    if math.isnan(median):
        return MedianLeftOut(name, None, _REASONS["not reached"])
    if lower > 0 and upper > lower:
        return MedianUsed(name, median, math.log(upper / lower) / (2 * z), "both limits", 0.0)
    if 0 < lower < median and math.isnan(upper):
        return MedianUsed(name, median, math.log(median / lower) / z, "lower limit", 0.0)
    if math.isnan(lower) and math.isnan(upper):
        if exponential and events >= 1:
            return MedianUsed(name, median, 1 / math.sqrt(events), "exponential", 0.0)
        return MedianLeftOut(name, median, _REASONS["no interval"])
    if math.isnan(lower):
        return MedianLeftOut(name, median, _REASONS["no lower"])
    return MedianLeftOut(name, median, _REASONS["zero lower" if lower == 0 else "no width"])


def _describe_choices(method: Tau2Method, interval: IntervalKind, exponential: bool) -> dict[str, str]:
    return {
        "scale": "log of the median",
        "weights": "inverse variance; standard error from the width of the reported interval on the log scale",
        "upper limit not reached": "median to lower limit, taken as half the interval",
        "no interval reported": "1/√events, constant hazard assumed" if exponential else "not pooled",
        "tau2": method,
        "interval": interval,
    }


def _notes(used: Sequence[MedianUsed], left_out: Sequence[MedianLeftOut]) -> list[str]:
    notes = []
    unreached = [row.label for row in left_out if row.reason == _REASONS["not reached"]]
    if unreached:
        notes.append(
            f"The median was not reached in {len(unreached)} of {len(used) + len(left_out)} cohorts "
            f"({', '.join(unreached)}): leaving them out makes the pooled median pessimistic."
        )
    half = [row.label for row in used if row.se_rule == "lower limit"]
    if half:
        notes.append(
            f"The upper limit was not reached in {', '.join(half)}: weighed by the lower limit alone, perhaps too much."
        )
    assumed = [row.label for row in used if row.se_rule == "exponential"]
    if assumed:
        notes.append(f"No interval was reported for {', '.join(assumed)}: weighed by events under a constant hazard.")
    return notes
