"""Individual data rebuilt from a digitised Kaplan-Meier curve and its numbers at risk (Guyot et al. 2012).

The steps themselves are in `_guyot.py`; here is the door, what comes out, and how well it fits.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from aftercar.foundation import Fault, InputError
from aftercar.synthesis._guyot import rebuild_times
from aftercar.synthesis.digitised import DigitisedCurve, SurvivalUnit, clean_digitised_curve
from aftercar.synthesis.kaplan_meier import fit_kaplan_meier, survival_at
from aftercar.synthesis.results import FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class ReconstructedData:
    """Individual data that give back the digitised curve.

    Attributes
    ----------
    data
        One row a patient: `time` (unit of the curve), `event` (bool). Who had which event is not known: only the
        distribution is rebuilt, without any covariate.
    curve
        What was digitised, after mending; `curve.repairs` lists each mend.
    rmse, mean_abs_error, max_abs_error
        Rebuilt minus digitised survival [fraction] over the digitised points.
    intervals
        One row per interval of the risk table: `start`, `end`, `at_risk_printed`, `at_risk`, `mismatch` (rebuilt minus
        printed, at the start), `events`, `censored`.
    events_printed
        The total of events given, if any; the rebuilt total is the sum of `data.event`.
    notes
        What was assumed and what does not fit.
    """

    data: pd.DataFrame
    curve: DigitisedCurve
    rmse: float
    mean_abs_error: float
    max_abs_error: float
    intervals: pd.DataFrame
    events_printed: int | None
    notes: tuple[str, ...]


def reconstruct_individual_data(
    time: npt.ArrayLike,
    survival: npt.ArrayLike,
    *,
    unit: SurvivalUnit,
    risk_time: npt.ArrayLike,
    at_risk: npt.ArrayLike,
    total_events: int | None = None,
    tolerance: float = 0.02,
    label: str = "curve",
) -> ReconstructedData:
    """Rebuild individual times and events from a digitised curve.

    Survival probabilities and medians come back almost exactly; hazard ratios only if numbers at risk or the total of
    events are given (Guyot 2012). After the last printed number at risk, censoring goes on at its rate before, unless
    the total of events fixes it; with neither, nobody is taken to be censored before the end of the curve.

    Parameters
    ----------
    time, survival, unit, risk_time, at_risk, tolerance, label
        As for `clean_digitised_curve`. If only the number of patients n is printed: ``risk_time=[0], at_risk=[n]``.
    total_events
        Events in all, if printed; fixes the censoring after the last number at risk.

    Raises
    ------
    InputError
        What `clean_digitised_curve` refuses; a total of events that is not whole, exceeds the patients, or is 0 while
        the curve falls (or the other way round).

    References
    ----------
    Guyot et al. 2012, Methods, steps 1 to 8; written from the description. Three things differ: an interval's
    censoring is found by bisection over whole counts; where no count meets the printed number, the nearest is kept and
    the mismatch reported; and after the last printed number censoring is spread in proportion to survival, not evenly
    over time.

    Examples
    --------
    >>> rebuilt = reconstruct_individual_data(
    ...     [0, 1, 2, 4], [100, 75, 50, 50], unit="percent", risk_time=[0, 3], at_risk=[4, 2]
    ... )
    >>> rebuilt.data["time"].tolist(), rebuilt.data["event"].tolist()
    ([1.0, 2.0, 4.0, 4.0], [True, True, False, False])
    """
    curve = clean_digitised_curve(
        time, survival, unit=unit, risk_time=risk_time, at_risk=at_risk, tolerance=tolerance, label=label
    )
    _check_total(curve, total_events)
    events, censored, intervals = rebuild_times(curve, total_events)
    return _describe(curve, events, censored, intervals, total_events)


def _check_total(curve: DigitisedCurve, total: int | None) -> None:
    if total is None:
        return
    n, end = int(curve.at_risk[0]), float(curve.survival[-1])
    falls = 1 - end > curve.tolerance
    if total != int(total) or not 0 <= total <= n:
        found, mend = f"total_events is {total} among {n} patients.", "Give a whole number from 0 to the patients."
    elif total == 0 and falls:
        found, mend = f"total_events is 0, but the curve falls to {end:.3f}.", "Check the number, or leave it out."
    elif total > 0 and end == 1:
        found, mend = f"total_events is {total}, but the curve never falls.", "Check the number, or leave it out."
    else:
        return
    raise InputError(Fault(curve.label, found, mend, column="total_events"))


def _describe(
    curve: DigitisedCurve,
    event_times: FloatArray,
    censored_times: FloatArray,
    intervals: pd.DataFrame,
    total: int | None,
) -> ReconstructedData:
    data = pd.DataFrame(
        {
            "time": np.concatenate([event_times, censored_times]),
            "event": np.repeat([True, False], [event_times.size, censored_times.size]),
        }
    )
    data = data.sort_values(["time", "event"], ascending=[True, False], ignore_index=True)
    rebuilt = fit_kaplan_meier(data["time"], data["event"])
    known = curve.time <= data["time"].iloc[-1] if rebuilt.survival[-1] > 0 else np.ones(curve.time.size, dtype=bool)
    error = survival_at(rebuilt, curve.time[known])["survival"].to_numpy() - curve.survival[known]
    worst = float(np.abs(error).max())
    return ReconstructedData(
        data=data,
        curve=curve,
        rmse=float(np.sqrt(np.mean(error**2))),
        mean_abs_error=float(np.abs(error).mean()),
        max_abs_error=worst,
        intervals=intervals,
        events_printed=total,
        notes=_notes(curve, worst, intervals, int(data["event"].sum()), total),
    )


def _notes(
    curve: DigitisedCurve, worst: float, intervals: pd.DataFrame, events: int, total: int | None
) -> tuple[str, ...]:
    notes = []
    if curve.risk_time.size == 1 and total is None:
        notes.append(
            "Neither numbers at risk after time 0 nor the total of events were given: nobody is taken to be censored "
            "before the end of the curve, which makes intervals too narrow and hazard ratios unreliable."
        )
    elif total is None:
        notes.append("After the last printed number at risk, censoring is assumed to go on at its rate before.")
    if total is not None and events != total:
        notes.append(
            f"{events} events were rebuilt where {total} were printed; the curve does not allow more nearness."
        )
    off = intervals.loc[intervals["mismatch"] != 0]
    if len(off):
        worst_row = off.loc[off["mismatch"].abs().idxmax()]
        notes.append(
            f"At {len(off)} of {len(intervals)} times the rebuilt number at risk differs from the printed one, by at "
            f"most {abs(int(worst_row['mismatch']))} (time {worst_row['start']:g})."
        )
    if worst > curve.tolerance:
        notes.append(f"The rebuilt curve misses the digitised one by up to {worst:.3f}: check both against the figure.")
    if curve.repairs:
        count = len(curve.repairs)
        mended = "1 slip of reading was mended" if count == 1 else f"{count} slips of reading were mended"
        notes.append(f"{mended}; see the curve's repairs.")
    return tuple(notes)
