"""A survival curve read off a figure, and the risk table below it: checked, mended only within the reading error.

Whoever clicks along a printed curve gets points that are slightly out of order, above 1 or rising. Such slips within
the stated `tolerance` are mended and every mend is listed; anything larger contradicts the figure and is refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from aftercar.foundation import Fault, InputError
from aftercar.synthesis._mending import Repair, fit_risk_table, mend_points
from aftercar.synthesis.counts import check_choice
from aftercar.synthesis.kaplan_meier import to_floats
from aftercar.synthesis.results import FloatArray, IntArray

SurvivalUnit = Literal["fraction", "percent"]
SURVIVAL_UNITS: tuple[SurvivalUnit, ...] = get_args(SurvivalUnit)


@dataclass(frozen=True, slots=True, eq=False)
class DigitisedCurve:
    """A digitised curve fit for reconstruction.

    Attributes
    ----------
    time, survival
        Shape (m,), from (0, 1) on; times rise strictly, survival [fraction] never does.
    risk_time, at_risk
        Shape (r,), from time 0 on: the printed numbers at risk, just before each time.
    tolerance
        Reading error allowed, as a share of each axis.
    repairs
        Everything that was changed, in order.
    """

    label: str
    time: FloatArray
    survival: FloatArray
    risk_time: FloatArray
    at_risk: IntArray
    tolerance: float
    repairs: tuple[Repair, ...]


def clean_digitised_curve(
    time: npt.ArrayLike,
    survival: npt.ArrayLike,
    *,
    unit: SurvivalUnit,
    risk_time: npt.ArrayLike,
    at_risk: npt.ArrayLike,
    tolerance: float = 0.02,
    label: str = "curve",
) -> DigitisedCurve:
    """Check a digitised curve and its risk table, and mend slips of reading.

    Parameters
    ----------
    time, survival
        The points read off, shape (m,), in the order of the curve. For a step, its lower end is what counts.
    unit
        Whether `survival` runs to 1 (``fraction``) or to 100 (``percent``). It is declared, never guessed.
    risk_time, at_risk
        The printed risk table, shape (r,), beginning at time 0; with ``[0]`` and ``[n]`` if only n is known.
    tolerance
        Reading error allowed, as a share of each axis: 0.02 is 2 points of survival and 2 % of the longest time.
    label
        What to call the curve in messages.

    Raises
    ------
    InputError
        With every fault found: values missing, wrong unit, a curve that rises or leaves [0, 1] by more than the
        tolerance, numbers at risk that rise, are not whole, lie beyond the curve, or exceed what the curve allows.
    """
    check_choice(unit, SURVIVAL_UNITS, name="unit")
    if not 0 <= tolerance < 0.2:
        raise InputError(Fault(label, f"tolerance is {tolerance}.", "Give a share of the axis, for example 0.02."))
    times, heights = to_floats(time, label, "time"), to_floats(survival, label, "survival")
    risk_times, numbers = to_floats(risk_time, label, "risk_time"), to_floats(at_risk, label, "at_risk")
    _check_shapes(times, heights, risk_times, numbers, label)
    heights = heights / (100.0 if unit == "percent" else 1.0)
    faults = [*_unit_faults(heights, unit, tolerance, label), *_risk_faults(risk_times, numbers, label)]
    if faults:
        raise InputError(faults)
    repairs: list[Repair] = []
    times, heights = mend_points(times, heights, tolerance, label, repairs)
    times, heights, risk_times, numbers = fit_risk_table(times, heights, risk_times, numbers, tolerance, label, repairs)
    _check_agreement(times, heights, risk_times, numbers, tolerance, label)
    return DigitisedCurve(label, times, heights, risk_times, numbers.astype(np.int64), tolerance, tuple(repairs))


def _check_shapes(
    times: FloatArray, heights: FloatArray, risk_times: FloatArray, numbers: FloatArray, label: str
) -> None:
    faults = []
    for one, other, what in ((times, heights, "time and survival"), (risk_times, numbers, "risk_time and at_risk")):
        if one.ndim != 1 or one.shape != other.shape:
            faults.append(Fault(label, f"{what} have shapes {one.shape} and {other.shape}.", "Give pairs."))
    if times.ndim == 1 and times.size < 2:
        faults.append(Fault(label, f"the curve has {times.size} point.", "Digitise two points or more, to its end."))
    if risk_times.size == 0:
        faults.append(Fault(label, "there is no number at risk.", "Give at least the number of patients at time 0."))
    for values, name in ((times, "time"), (heights, "survival"), (risk_times, "risk_time"), (numbers, "at_risk")):
        for index in np.flatnonzero(~np.isfinite(values.ravel())):
            faults.append(Fault(label, f"value {index + 1} is missing.", "Fill it in or delete the row.", column=name))
    if faults:
        raise InputError(faults)


def _unit_faults(heights: FloatArray, unit: SurvivalUnit, tolerance: float, label: str) -> list[Fault]:
    top = float(heights.max())
    if unit == "fraction" and top > 1.5:
        found, mend = f"survival reaches {top:g} but is declared a fraction.", "Declare unit 'percent'."
    elif unit == "percent" and top * 100 <= 1 + tolerance:
        found = f"survival never exceeds {top * 100:g} but is declared in percent."
        mend = "Declare unit 'fraction'."
    else:
        return [
            Fault(
                label,
                f"point {index + 1} has survival {heights[index]:.4g} (as a fraction), outside 0 to 1.",
                "Calibrate the axis anew: the error is larger than the tolerance.",
                column="survival",
            )
            for index in np.flatnonzero((heights < -tolerance) | (heights > 1 + tolerance))
        ]
    return [Fault(label, found, mend, column="survival")]


def _risk_faults(risk_times: FloatArray, numbers: FloatArray, label: str) -> list[Fault]:
    faults = []
    for index, (time, number) in enumerate(zip(risk_times, numbers, strict=True)):
        row = f"risk row {index + 1} (time {time:g})"
        if number < 0 or number != int(number):
            faults.append(Fault(label, f"{row} has {number:g} at risk.", "Give a whole number.", column="at_risk"))
        if index == 0 and time != 0:
            found = f"the risk table begins at time {time:g}."
            faults.append(Fault(label, found, "Add the number at time 0.", column="risk_time"))
        if index == 0 and number < 1:
            faults.append(Fault(label, "nobody is at risk at time 0.", "Give the patients treated.", column="at_risk"))
        if index and time <= risk_times[index - 1]:
            faults.append(Fault(label, f"{row} is not after the row before.", "Order by time.", column="risk_time"))
        if index and number > numbers[index - 1]:
            found = f"{row} has {number:g} at risk, more than the {numbers[index - 1]:g} before."
            faults.append(Fault(label, found, "Numbers at risk cannot rise: check the table.", column="at_risk"))
    return faults


def _check_agreement(
    times: FloatArray, heights: FloatArray, risk_times: FloatArray, numbers: FloatArray, tolerance: float, label: str
) -> None:
    """Refuse more patients at risk than the fall of the curve leaves alive, and a fall where nobody is at risk."""
    # Between two points the curve may have fallen anywhere: at a risk time it is between the point before and the next.
    place = np.searchsorted(times, risk_times, side="left")
    highest = heights[np.maximum(place - 1, 0)]
    lowest = heights[np.minimum(place, heights.size - 1)]
    faults = []
    for index, number in enumerate(numbers):
        if number == 0 and lowest[index] - heights[-1] > tolerance:
            found = f"nobody is at risk at time {risk_times[index]:g}, but the curve falls after it."
            faults.append(Fault(label, found, "Check the risk table.", column="at_risk"))
        if index == 0 or number == 0:
            continue
        # With nobody censored, the number falls as the curve does; the reading error of both heights is allowed for.
        most = numbers[index - 1] * min(1.0, (highest[index] + tolerance) / max(lowest[index - 1], tolerance))
        if number > most + 1:
            found = (
                f"{number:g} are at risk at time {risk_times[index]:g}, but the curve falls from "
                f"{lowest[index - 1]:.3f} to {highest[index]:.3f}, which leaves at most {most:.1f} of "
                f"{numbers[index - 1]:g}."
            )
            faults.append(Fault(label, found, "Check that table and curve are of one group.", column="at_risk"))
    if faults:
        raise InputError(faults)
