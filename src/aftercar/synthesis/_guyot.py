"""The Kaplan-Meier equations read backwards.

At each digitised point the fall of the curve says how many of those at risk had the event. How many were censored is
not in the curve: between two printed numbers at risk it is the count, spread evenly over the interval, with which the
rebuilt number at risk meets the printed one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import floor

import numpy as np
import pandas as pd

from aftercar.synthesis.digitised import DigitisedCurve
from aftercar.synthesis.results import FloatArray, IntArray


@dataclass(frozen=True, slots=True, eq=False)
class _Interval:
    """The digitised points from one printed number at risk to the next (`target`; None after the last).

    Censorings are spread evenly over `exposure`, a clock known at `knots`.
    """

    start: float
    end: float
    time: FloatArray
    survival: FloatArray
    printed: int
    target: int | None
    knots: FloatArray
    exposure: FloatArray


@dataclass(frozen=True, slots=True)
class _State:
    """Who is at risk and how high the rebuilt curve stands when an interval begins."""

    at_risk: int
    height: float
    events: int = 0
    censored: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class _Filled:
    """An interval with its events (per point) and times of censoring, and what they leave."""

    events: IntArray
    censored: FloatArray
    at_risk_after: int
    height_after: float


def rebuild_times(curve: DigitisedCurve, total: int | None) -> tuple[FloatArray, FloatArray, pd.DataFrame]:
    """Return the times of events and of censoring, and what happened in each interval."""
    event_times: list[FloatArray] = []
    censored_times: list[FloatArray] = []
    rows = []
    state = _State(int(curve.at_risk[0]), 1.0)
    for interval in _intervals(curve):
        filled = _choose(interval, state, total)
        # Whoever is there at the end of the curve is censored there.
        left = filled.at_risk_after if interval.target is None else 0
        censored = np.append(filled.censored, np.full(left, interval.end))
        events = int(filled.events.sum())
        event_times.append(np.repeat(interval.time, filled.events))
        censored_times.append(censored)
        rows.append((interval.start, interval.end, interval.printed, state.at_risk, events, censored.size))
        state = _State(
            filled.at_risk_after, filled.height_after, state.events + events, state.censored + filled.censored.size
        )
    intervals = pd.DataFrame(rows, columns=["start", "end", "at_risk_printed", "at_risk", "events", "censored"])
    intervals.insert(4, "mismatch", intervals["at_risk"] - intervals["at_risk_printed"])
    return np.concatenate(event_times), np.concatenate(censored_times), intervals


def _intervals(curve: DigitisedCurve) -> list[_Interval]:
    borders = np.append(np.searchsorted(curve.time, curve.risk_time, side="left"), curve.time.size)
    ends = np.append(curve.risk_time[1:], curve.time[-1])
    found = []
    for place, printed in enumerate(curve.at_risk):
        time, survival = (array[borders[place] : borders[place + 1]] for array in (curve.time, curve.survival))
        start, end = float(curve.risk_time[place]), float(ends[place])
        last = place + 1 == curve.at_risk.size
        knots, exposure = np.array([start, end]), np.array([0.0, 1.0])
        if last:
            # After the last printed number the span can be long and the curve low: spread evenly over time, more
            # would be censored at its end than are left. In proportion to survival, patients leave while there.
            knots = np.concatenate([[start], time, [end]])
            before = curve.survival[max(0, borders[place] - 1)]
            exposure = np.append(0.0, np.cumsum(np.diff(knots) * np.append(before, survival)))
            exposure = exposure / exposure[-1] if exposure[-1] > 0 else np.linspace(0, 1, knots.size)
        target = None if last else int(curve.at_risk[place + 1])
        found.append(_Interval(start, end, time, survival, int(printed), target, knots, exposure))
    return found


def _choose(interval: _Interval, state: _State, total: int | None) -> _Filled:
    """Fill the interval with the number of censorings that fits what was printed."""
    target = interval.target
    if target is not None:
        return _search(interval, state, lambda filled: filled.at_risk_after - target)
    if total is not None:
        return _search(interval, state, lambda filled: state.events + int(filled.events.sum()) - total)
    return _continue_rate(interval, state)


def _fill(interval: _Interval, state: _State, censored: int) -> _Filled:
    """Give the interval its censorings, and at each point the events that its fall asks for.

    Each fall is taken from the curve as rebuilt so far, so that rounding to whole patients never adds up.
    """
    censored_times = np.interp(np.arange(1, censored + 1) / (censored + 1), interval.exposure, interval.knots)
    gone = np.searchsorted(censored_times, interval.time, side="left")
    events = np.zeros(interval.time.size, dtype=np.int64)
    had_event, height = 0, state.height
    for place, (asked, left) in enumerate(zip(interval.survival.tolist(), gone.tolist(), strict=True)):
        at_risk = state.at_risk - had_event - left
        if at_risk <= 0 or height <= asked:
            continue
        count = min(at_risk, floor(at_risk * (1 - asked / height) + 0.5))
        events[place] = count
        had_event += count
        height *= 1 - count / at_risk
    return _Filled(events, censored_times, state.at_risk - had_event - censored, height)


def _search(interval: _Interval, state: _State, excess: Callable[[_Filled], int]) -> _Filled:
    """Return the filling with the number of censorings that brings `excess`, which falls with it, nearest to zero."""
    low, high = 0, state.at_risk
    while low < high:
        middle = (low + high) // 2
        filled = _fill(interval, state, middle)
        if filled.at_risk_after >= 0 and excess(filled) > 0:
            low = middle + 1
        else:
            high = middle
    # Rounding to whole events makes the excess not quite monotone: look a little to either side of the root.
    near = {0, *range(max(0, low - 3), min(state.at_risk, low + 3) + 1)}
    possible = [filled for filled in (_fill(interval, state, count) for count in near) if filled.at_risk_after >= 0]
    return min(possible, key=lambda filled: (abs(excess(filled)), filled.censored.size))


def _continue_rate(interval: _Interval, state: _State) -> _Filled:
    """Let censoring go on, per unit of time, as it was before the last printed number at risk."""
    rate = state.censored / interval.start if interval.start > 0 else 0.0
    count = min(state.at_risk, floor(rate * (interval.end - interval.start) + 0.5))
    filled = _fill(interval, state, count)
    while filled.at_risk_after < 0:
        count -= 1
        filled = _fill(interval, state, count)
    return filled
