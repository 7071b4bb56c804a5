"""The mends that a digitised curve may need, each within the reading error and each listed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.optimize import isotonic_regression

from aftercar.foundation import Fault, InputError
from aftercar.synthesis.results import FloatArray, IntArray

RepairKind = Literal["anchored", "clipped", "moved in time", "sorted", "merged", "levelled", "extended", "dropped"]


@dataclass(frozen=True, slots=True)
class Repair:
    """One change made to what was digitised.

    `point` counts the points as given from 1 (None: a point or risk row that was added or dropped); `found` and `used`
    are the value before and after, in the axis that `kind` speaks of, survival as a fraction.
    """

    kind: RepairKind
    point: int | None
    time: float
    found: float | None
    used: float | None
    reason: str


def mend_points(
    times: FloatArray, heights: FloatArray, tolerance: float, label: str, repairs: list[Repair]
) -> tuple[FloatArray, FloatArray]:
    """Put the points in order of time and make survival fall, each change listed."""
    slack = tolerance * float(times.max())
    number = np.arange(1, times.size + 1)
    times, heights = times.copy(), heights.copy()
    for index in np.flatnonzero(times < 0):
        if times[index] < -slack:
            raise InputError(
                Fault(label, f"point {index + 1} has time {times[index]:g}.", "Calibrate the axis anew.", column="time")
            )
        repairs.append(_repair("clipped", number, times, index, times[index], 0.0, "a time before 0"))
        times[index] = 0.0
    if not times.max() > 0:
        raise InputError(Fault(label, "all points have time 0.", "Digitise the curve to its end.", column="time"))
    for index in np.flatnonzero((heights < 0) | (heights > 1)):
        used = float(np.clip(heights[index], 0, 1))
        repairs.append(_repair("clipped", number, times, index, heights[index], used, "survival outside 0 to 1"))
        heights[index] = used
    times, heights, number = _order(times, heights, number, slack, repairs)
    times, heights, number = _merge(times, heights, number, repairs)
    times, heights, number = _anchor(times, heights, number, tolerance, label, repairs)
    return times, _level(times, heights, number, tolerance, label, repairs)


def _order(
    times: FloatArray, heights: FloatArray, number: IntArray, slack: float, repairs: list[Repair]
) -> tuple[FloatArray, FloatArray, IntArray]:
    """Mend points out of order: small steps back in time are moved, larger ones mean another order of clicking."""
    steps_back = np.maximum.accumulate(times) - times
    if not steps_back.any():
        return times, heights, number
    if steps_back.max() <= slack:
        reached = np.maximum.accumulate(times)
        for index in np.flatnonzero(steps_back > 0):
            reason = "a step back in time within the reading error"
            repairs.append(_repair("moved in time", number, times, index, times[index], reached[index], reason))
        return reached, heights, number
    order = np.argsort(times, kind="stable")
    for place in np.flatnonzero(order != np.arange(order.size)):
        reason = f"points were not in order of time; this one is now number {place + 1}"
        repairs.append(_repair("sorted", number, times, order[place], None, None, reason))
    return times[order], heights[order], number[order]


def _merge(
    times: FloatArray, heights: FloatArray, number: IntArray, repairs: list[Repair]
) -> tuple[FloatArray, FloatArray, IntArray]:
    """Keep one point a time, the lowest: the foot of the step, which is where the curve goes on."""
    keep = np.ones(times.size, dtype=bool)
    for time in times[:-1][np.diff(times) == 0]:
        same = np.flatnonzero(times == time)
        foot = same[np.argmin(heights[same])]
        for index in same[(same != foot) & keep[same]]:
            reason = f"another point at this time is the foot of the step (point {number[foot]})"
            repairs.append(_repair("merged", number, times, index, heights[index], heights[foot], reason))
            keep[index] = False
    return times[keep], heights[keep], number[keep]


def _anchor(
    times: FloatArray, heights: FloatArray, number: IntArray, tolerance: float, label: str, repairs: list[Repair]
) -> tuple[FloatArray, FloatArray, IntArray]:
    """Let the curve begin at (0, 1), where by definition it does."""
    if times[0] > 0:
        repairs.append(Repair("anchored", None, 0.0, None, 1.0, "the curve begins at survival 1 by definition"))
        return np.append(0.0, times), np.append(1.0, heights), np.append(0, number)
    if heights[0] < 1 - tolerance:
        raise InputError(
            Fault(
                label,
                f"survival at time 0 is {heights[0]:.4g} (as a fraction).",
                "A survival curve begins at 1: calibrate the axis anew, or declare the unit.",
                column="survival",
            )
        )
    if heights[0] < 1:
        repairs.append(_repair("anchored", number, times, 0, heights[0], 1.0, "the curve begins at survival 1"))
        heights = np.append(1.0, heights[1:])
    return times, heights, number


def _level(
    times: FloatArray, heights: FloatArray, number: IntArray, tolerance: float, label: str, repairs: list[Repair]
) -> FloatArray:
    """Refuse rises beyond the tolerance; level smaller ones by the nearest falling curve (least squares)."""
    rise = heights - np.minimum.accumulate(heights)
    faults = [
        Fault(
            label,
            f"survival rises at point {number[index]} (time {times[index]:g}): {heights[index]:.4g} after "
            f"{heights[:index].min():.4g}.",
            "A survival curve never rises: delete the point, or check that one curve was followed.",
            column="survival",
        )
        for index in np.flatnonzero(rise > tolerance + 1e-12)  # 1e-12: a rise of exactly the tolerance is allowed
    ]
    if faults:
        raise InputError(faults)
    if not (rise > 0).any():
        return heights
    level = np.append(1.0, isotonic_regression(heights[1:], increasing=False).x)
    for index in np.flatnonzero(~np.isclose(level, heights, rtol=0, atol=1e-12)):
        reason = "a rise within the reading error: levelled with its neighbours"
        repairs.append(_repair("levelled", number, times, index, heights[index], level[index], reason))
    return level


def fit_risk_table(
    times: FloatArray,
    heights: FloatArray,
    risk_times: FloatArray,
    numbers: FloatArray,
    tolerance: float,
    label: str,
    repairs: list[Repair],
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Bring the curve and the risk table to one span of time."""
    end = float(times[-1])
    beyond = risk_times > end
    if not beyond.any():
        return times, heights, risk_times, numbers
    last = float(risk_times[numbers > 0].max())
    if last > end + tolerance * end:
        raise InputError(
            Fault(
                label,
                f"patients are at risk at time {last:g}, but the curve was digitised only to {end:g}.",
                "Digitise the curve to its end, or delete the later risk rows.",
                column="risk_time",
            )
        )
    if last > end:
        reason = f"patients are at risk at time {last:g}: the flat end was digitised short, within the reading error"
        repairs.append(Repair("extended", None, last, end, last, reason))
        times, heights = np.append(times, last), np.append(heights, heights[-1])
    kept = risk_times <= times[-1]
    for time in risk_times[~kept]:
        repairs.append(Repair("dropped", None, float(time), 0.0, None, "nobody at risk, after the end of the curve"))
    return times, heights, risk_times[kept], numbers[kept]


def _repair(
    kind: RepairKind,
    number: IntArray,
    times: FloatArray,
    index: np.integer | int,
    found: float | None,
    used: float | None,
    why: str,
) -> Repair:
    def plain(value: float | None) -> float | None:
        return None if value is None else float(value)

    return Repair(kind, int(number[index]), float(times[index]), plain(found), plain(used), why)
