"""Kaplan-Meier estimate of one group, with the interval chosen by name and delayed entry where patients enter late.

Equation:   S(t) = Π over event times u ≤ t of (1 − d(u) / n(u))
Own code rather than a library's: with delayed entry, the three intervals and R's rules for ties it is forty lines of
arrays, checked line by line against R `survival` in tests/verification/synthesis.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import norm

from aftercar.foundation import Fault, InputError
from aftercar.synthesis.counts import check_choice, check_level
from aftercar.synthesis.results import FloatArray, IntArray

ConfType = Literal["log", "log-log", "plain"]
CONF_TYPES: tuple[ConfType, ...] = get_args(ConfType)


@dataclass(frozen=True, slots=True, eq=False)
class SurvivalCurve:
    """A Kaplan-Meier curve: one row per distinct time at which someone had the event or was censored.

    Attributes
    ----------
    time, survival, std_err, ci_lb, ci_ub
        Shape (m,). `survival` holds from its time on; `std_err` is Greenwood's. Where the estimate is 0, `std_err` and
        the limits are NaN: no interval of these kinds exists there (as in R).
    at_risk, events, censored
        Counts, shape (m,). `at_risk` counts those who entered before the time and have not left before it.
    n, n_events
        Patients and events in all.
    conf_type, level
        How the interval was made: on log S, on log(−log S), or on S itself; and its coverage.
    delayed_entry
        Whether patients came under observation after time 0.
    notes
        What a reader must know about this very curve.
    """

    time: FloatArray
    at_risk: IntArray
    events: IntArray
    censored: IntArray
    survival: FloatArray
    std_err: FloatArray
    ci_lb: FloatArray
    ci_ub: FloatArray
    n: int
    n_events: int
    conf_type: ConfType
    level: float
    delayed_entry: bool
    notes: tuple[str, ...] = ()

    def to_frame(self) -> pd.DataFrame:
        """Return one row per time, ready for a table or a file."""
        names = ("time", "at_risk", "events", "censored", "survival", "std_err", "ci_lb", "ci_ub")
        return pd.DataFrame({name: getattr(self, name) for name in names})


@dataclass(frozen=True, slots=True, eq=False)
class SurvivalRecords:
    """Checked individual data: `duration` > `entry` >= 0 [time unit of the caller], `event` true where it happened."""

    duration: FloatArray
    event: npt.NDArray[np.bool_]
    entry: FloatArray

    @property
    def delayed_entry(self) -> bool:
        """Whether any patient came under observation after time 0."""
        return bool(np.any(self.entry > 0))


def fit_kaplan_meier(
    duration: npt.ArrayLike,
    event: npt.ArrayLike,
    *,
    entry: npt.ArrayLike | None = None,
    conf_type: ConfType = "log-log",
    level: float = 0.95,
) -> SurvivalCurve:
    """Estimate the survival curve of one group.

    Programs differ in the interval they draw without saying so: R's default is ``log``, SAS's is ``log-log``. Here it
    is ``log-log``, which keeps to [0, 1] and covers best in small groups, and the choice is part of the result.

    Parameters
    ----------
    duration
        Time from origin to event or censoring, shape (n,), any one unit, > 0.
    event
        1 or True where the event happened, 0 or False where the patient was censored, shape (n,).
    entry
        Time at which each patient came under observation, shape (n,), >= 0 and below `duration`; None means 0.
    conf_type
        ``log``, ``log-log`` or ``plain`` (clipped to [0, 1]).
    level
        Coverage of the pointwise interval, between 0 and 1.

    Raises
    ------
    InputError
        Lengths differ, nobody is there, a time is missing, negative or not after entry, an event is neither 0 nor 1.

    References
    ----------
    Kaplan & Meier 1958; Borgan & Liestøl 1990 for the intervals. Checked against R survival in
    tests/verification/synthesis.

    Examples
    --------
    >>> curve = fit_kaplan_meier([1, 2, 3, 4], [1, 1, 0, 1])
    >>> curve.survival.round(3).tolist()
    [0.75, 0.5, 0.5, 0.0]
    """
    records = survival_records(duration, event, entry=entry)
    check_level(level)
    check_choice(conf_type, CONF_TYPES, name="conf_type")
    time, at_risk, events, censored = count_at_risk(records)
    survival = np.cumprod(1 - events / at_risk, dtype=np.float64)
    term = np.zeros_like(survival)
    with np.errstate(divide="ignore"):  # where all at risk have the event the term is infinite, and so says Greenwood
        np.divide(events, at_risk * (at_risk - events), out=term, where=events > 0)
    greenwood = np.cumsum(term)
    std_err, ci_lb, ci_ub = _limits(survival, greenwood, conf_type, level)
    arrays = (time, at_risk, events, censored, survival, std_err, ci_lb, ci_ub)
    for array in arrays:
        array.setflags(write=False)
    return SurvivalCurve(
        *arrays,
        n=len(records.duration),
        n_events=int(records.event.sum()),
        conf_type=conf_type,
        level=level,
        delayed_entry=records.delayed_entry,
        notes=_notes(records, time, survival),
    )


def survival_at(curve: SurvivalCurve, times: npt.ArrayLike) -> pd.DataFrame:
    """Return the curve's estimate, limits and numbers at risk at the given times.

    The number at risk is that just before the time, as published risk tables print it.

    Parameters
    ----------
    times
        Shape (m,), the unit of the curve, >= 0.

    Raises
    ------
    InputError
        A time lies after the last observation while the curve is above 0: nothing is known there.
    """
    asked = to_floats(times, "survival curve", "time")
    end = float(curve.time[-1])
    for time in asked:
        if not np.isfinite(time) or time < 0 or (time > end and curve.survival[-1] > 0):
            raise InputError(
                Fault(
                    "survival curve",
                    f"survival at time {time:g} was asked for; the curve runs from 0 to {end:g}.",
                    "Ask for times within follow-up.",
                )
            )
    row = np.searchsorted(curve.time, asked, side="right") - 1
    columns: dict[str, FloatArray | IntArray] = {"time": asked}
    for name in ("survival", "std_err", "ci_lb", "ci_ub"):
        start = 0.0 if name == "std_err" else 1.0
        columns[name] = np.concatenate([[start], getattr(curve, name)])[row + 1]
    following = np.searchsorted(curve.time, asked, side="left")
    columns["at_risk"] = np.append(curve.at_risk, 0)[following]
    return pd.DataFrame(columns)


def survival_records(
    duration: npt.ArrayLike, event: npt.ArrayLike, *, entry: npt.ArrayLike | None = None, label: str = "survival data"
) -> SurvivalRecords:
    """Return individual data as checked arrays, or raise an `InputError` with every fault found."""
    durations, happened = to_floats(duration, label, "duration"), to_floats(event, label, "event")
    entries = np.zeros_like(durations) if entry is None else to_floats(entry, label, "entry")
    if durations.ndim != 1 or durations.shape != happened.shape or durations.shape != entries.shape:
        shapes = f"{durations.shape}, {happened.shape} and {entries.shape}"
        raise InputError(
            Fault(label, f"duration, event and entry have shapes {shapes}.", "Give one of each per patient.")
        )
    if durations.size == 0:
        raise InputError(Fault(label, "there is no patient.", "Give at least one duration."))
    rules = (
        (~np.isfinite(durations) | (durations <= 0), durations, "duration", "Give a time above 0."),
        (~np.isin(happened, (0.0, 1.0)), happened, "event", "Write 1 for the event and 0 for censoring."),
        (~np.isfinite(entries) | (entries < 0), entries, "entry", "Give a time of 0 or more."),
        ((entries >= durations) & (durations > 0), entries, "entry", "Entry comes before the end of follow-up."),
    )
    faults = [
        Fault(label, f"patient {index + 1} has {name} {values[index]:g}.", mend, column=name)
        for broken, values, name, mend in rules
        for index in np.flatnonzero(broken)
    ]
    if faults:
        raise InputError(faults)
    return SurvivalRecords(durations, happened == 1.0, entries)


def to_floats(values: npt.ArrayLike, label: str, column: str) -> FloatArray:
    """Return the values as a float array of one dimension or more, or raise an `InputError` that names the column."""
    try:
        return np.atleast_1d(np.asarray(values, dtype=np.float64))
    except (TypeError, ValueError) as error:
        raise InputError(Fault(label, f"a value is not a number ({error}).", "Give numbers.", column=column)) from error


def count_at_risk(records: SurvivalRecords) -> tuple[FloatArray, IntArray, IntArray, IntArray]:
    """Return the distinct times of leaving, and at each the numbers at risk, with the event, and censored."""
    time, place = np.unique(records.duration, return_inverse=True)
    events = np.bincount(place, weights=records.event, minlength=time.size).astype(np.int64)
    leaving = np.bincount(place, minlength=time.size).astype(np.int64)
    left_before = np.concatenate([[0], np.cumsum(leaving)[:-1]])
    entered = np.searchsorted(np.sort(records.entry), time, side="left")
    return time, (entered - left_before).astype(np.int64), events, leaving - events


def _limits(
    survival: FloatArray, greenwood: FloatArray, conf_type: ConfType, level: float
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return Greenwood's standard error and the limits; `greenwood` is the variance of log S."""
    z = norm.ppf((1 + level) / 2)
    above = survival > 0
    log_se = np.sqrt(np.where(above, greenwood, np.nan))
    std_err = survival * log_se
    log_s = np.log(np.where(above, survival, np.nan))
    if conf_type == "plain":
        lower, upper = survival - z * std_err, survival + z * std_err
    elif conf_type == "log":
        lower, upper = np.exp(log_s - z * log_se), np.exp(log_s + z * log_se)
    else:
        with np.errstate(divide="ignore", invalid="ignore"):  # S = 1: log(−log S) does not exist
            spread = np.exp(z * log_se / np.abs(log_s))
            lower, upper = np.exp(log_s * spread), np.exp(log_s / spread)
        lower, upper = np.where(survival == 1, 1.0, lower), np.where(survival == 1, 1.0, upper)
    return std_err, np.clip(lower, 0, 1), np.clip(upper, 0, 1)


def _notes(records: SurvivalRecords, time: FloatArray, survival: FloatArray) -> tuple[str, ...]:
    if not records.delayed_entry:
        return ()
    notes = ["Delayed entry: patients count as at risk only from their entry on."]
    gone = np.flatnonzero(survival == 0)
    if gone.size and gone[0] < time.size - 1:
        notes.append(
            f"The curve falls to 0 at time {time[gone[0]]:g} because all of the few then at risk had the event, though "
            "others entered later. Start the curve at a time when more are at risk."
        )
    return tuple(notes)
