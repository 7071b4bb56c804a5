"""Noncompartmental figures of cellular kinetics and of soluble BCMA, one row a patient, as trials print them.

A CAR-T product has no elimination from a dose, so that the figures describe a curve and no clearance: peak, exposure by
the linear trapezoid, last quantifiable time, and the half-life of the terminal phase from the regression that
noncompartmental analysis uses (gabrielsson2012): of all regressions of the logarithm on the last three or more
quantifiable points after the peak, that with the highest adjusted R², and of those as good the one with most points.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from aftercar.foundation import Fault, InputError
from aftercar.patients.readouts import reading_limits

FloatArray = npt.NDArray[np.float64]
MONTH = 30.4375  # mean month [day]
SBCMA_MONTHS = (0, 1, 2, 3, 6, 12)
_LEAST_POINTS = 3
_AS_GOOD = 1e-4  # difference of adjusted R² that counts as none


def summarise_kinetics(data: xr.Dataset, *, lloq: float | None = None, infusion_day: float = 0.0) -> pd.DataFrame:
    """Summarise CAR-T copies and soluble BCMA of each patient after an infusion.

    The figures rest on the output times of `data`, as a trial's rest on its visits: pass
    ``data.sel(time=visits)`` for the figures that visits would give.

    Parameters
    ----------
    data
        Simulation with dims (patient, time) [day] and ``copies_per_ug`` [copy/ug], ``sbcma_ng_per_ml`` [ng/mL] or both.
    lloq
        Copies per ug that the assay still quantifies; by default `copies_lloq` of the reading limits (fda2020).
    infusion_day
        Day of the infusion. Times of the result count from it; a retreatment later is not told apart.

    Returns
    -------
    pandas.DataFrame
        Index patient. ``c_max`` [copy/ug], ``t_max`` [day], ``auc_0_28``, ``auc_0_180``, ``auc_0_last``
        [day*copy/ug], ``t_last`` [day] and ``c_last`` [copy/ug] of the last quantifiable point,
        ``t_below_quantification`` [day], the first point after ``t_last``, ``half_life`` [day] and
        ``half_life_points``, ``half_life_r2`` (adjusted) and ``half_life_span`` (days of the regression over the
        half-life), by which a reader may leave out what a trial would call not evaluable; ``sbcma_month_0`` to
        ``sbcma_month_12`` and ``sbcma_nadir`` [ng/mL], ``t_sbcma_nadir`` [day]. Missing where not evaluable: nothing
        quantifiable, a simulation shorter than the interval, fewer than three quantifiable points after the peak, no
        fall.

    Raises
    ------
    InputError
        Neither quantity is in `data`, or no time lies after the infusion.

    References
    ----------
    gabrielsson2012 (rule of the terminal phase), stein2019 (what of it suits CAR-T cells).
    """
    times = data["time"].to_numpy() - infusion_day
    after = times >= 0.0
    known = [name for name in ("copies_per_ug", "sbcma_ng_per_ml") if name in data]
    if not known or after.sum() < 2:
        raise InputError(Fault("kinetics", "there is nothing to read after the infusion.", "Ask for copies_per_ug."))
    limit = reading_limits()["copies_lloq"] if lloq is None else lloq
    parts = []
    for name in known:
        curves = data[name].transpose("patient", "time").to_numpy()[:, after]
        read = [
            _read_copies(times[after], curve, limit) if name == "copies_per_ug" else _read_sbcma(times[after], curve)
            for curve in curves
        ]
        parts.append(pd.DataFrame(read, index=pd.Index(data["patient"].to_numpy(), name="patient")))
    return pd.concat(parts, axis=1)


def _read_copies(times: FloatArray, copies: FloatArray, lloq: float) -> dict[str, float]:
    """Return the figures of one patient's copies; `times` and `copies` have shape (times,)."""
    quantified = np.flatnonzero(copies >= lloq)
    row = {"c_max": np.nan, "t_max": np.nan}
    row |= {f"auc_0_{day}": area_until(times, copies, float(day)) for day in (28, 180)}
    row |= dict.fromkeys(("auc_0_last", "t_last", "c_last", "t_below_quantification", "half_life"), np.nan)
    row |= {"half_life_points": 0.0, "half_life_r2": np.nan, "half_life_span": np.nan}
    if not quantified.size:
        return row
    peak, last = int(np.nanargmax(copies)), int(quantified[-1])
    row |= {"c_max": copies[peak], "t_max": times[peak], "t_last": times[last], "c_last": copies[last]}
    row["auc_0_last"] = area_until(times, copies, times[last])
    if last + 1 < len(times) and np.isfinite(copies[last + 1]):
        row["t_below_quantification"] = times[last + 1]
    terminal = quantified[quantified > peak]
    phase = fit_terminal_phase(times[terminal], copies[terminal])
    row |= {"half_life": phase.half_life, "half_life_points": phase.points, "half_life_r2": phase.adjusted_r2}
    if phase.points:
        row["half_life_span"] = (times[terminal][-1] - times[terminal][-phase.points]) / phase.half_life
    return row


def _read_sbcma(times: FloatArray, level: FloatArray) -> dict[str, float]:
    row = {
        f"sbcma_month_{m}": float(np.interp(m * MONTH, times, level, right=np.nan)) for m in SBCMA_MONTHS
    } | {"sbcma_nadir": np.nan, "t_sbcma_nadir": np.nan}  # fmt: skip
    if np.isfinite(level).any():
        lowest = int(np.nanargmin(level))
        row |= {"sbcma_nadir": level[lowest], "t_sbcma_nadir": times[lowest]}
    return row


def area_until(times: FloatArray, values: FloatArray, end: float) -> float:
    """Return the area under `values`, shape (times,), from the first time to `end`, by the linear trapezoid.

    The value at `end` is interpolated. Missing where the curve ends before, or has a gap.
    """
    if times[-1] < end:
        return np.nan
    inside = times < end
    x = np.append(times[inside], end)
    y = np.append(values[inside], np.interp(end, times, values))
    return float(np.trapezoid(y, x))


class TerminalPhase(NamedTuple):
    """Half-life [day], the points that it rests on and their adjusted R²."""

    half_life: float
    points: int
    adjusted_r2: float


def fit_terminal_phase(times: FloatArray, values: FloatArray) -> TerminalPhase:
    """Return the terminal phase of points after the peak.

    `times` [day] and `values` (above zero) have shape (points,). Without three points, or where the best regression
    does not fall, the half-life is missing.
    """
    logs, best, found = np.log(values), -np.inf, TerminalPhase(np.nan, 0, np.nan)
    for points in range(_LEAST_POINTS, len(times) + 1):
        x, y = times[-points:], logs[-points:]
        slope, level = np.polyfit(x - x.mean(), y, 1)
        total = float(np.sum((y - y.mean()) ** 2))
        if total == 0.0:
            continue
        error = float(np.sum((y - level - slope * (x - x.mean())) ** 2))
        adjusted = 1.0 - (error / total) * (points - 1) / (points - 2)
        if adjusted > best - _AS_GOOD:
            best = max(best, adjusted)
            found = TerminalPhase(float(np.log(2.0) / -slope) if slope < 0 else np.nan, points, adjusted)
    return found
