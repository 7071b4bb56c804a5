"""Visits: which tests are done on which day, and the laboratory table that follows from simulated levels.

The clinic does not see the simulation. It sees blood and urine at every visit, marrow when complete response is
suspected (immunofixation negative in serum and urine) and yearly while it lasts, imaging of those who have
plasmacytomas.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr

from aftercar.clinic.assays import (
    AssayNumber,
    Luck,
    Report,
    count_plasma_cells,
    count_residual_cells,
    detect,
    load_assays,
    measure_plasmacytoma,
    report_level,
)
from aftercar.clinic.comparison import BoolArray, FloatArray
from aftercar.clinic.criteria import load_criteria
from aftercar.foundation import Fault, InputError

_NEEDED = ("m_protein_g_per_dl", "free_light_chain", "mrd_level")
_WELCOME = ("urine_m_mg_per_24h", "emd_total", "sbcma_ng_per_ml", "copies_per_ug")
SYSTEM_LEVELS = (*_NEEDED, *_WELCOME[1:])
"""What the assays read of the system; it simulates no urine."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """When patients are seen. Days count from the start of treatment.

    Attributes
    ----------
    baseline
        Day of the baseline visit, 0 or before.
    first, every
        Day of the first visit of treatment and the interval [day].
    imaging_every
        Interval of imaging in patients who had plasmacytomas at baseline [day].
    marrow_again
        Days after which marrow is examined again while complete response lasts.
    missed
        Probability that a visit does not take place; baseline always does.
    mrd_cells
        Cells examined for residual disease; None takes that of the assay.
    """

    baseline: float = 0.0
    first: float = 28.0
    every: float = 28.0
    imaging_every: float = 84.0
    marrow_again: float = 365.0
    missed: float = 0.0
    mrd_cells: float | None = None

    def __post_init__(self) -> None:
        """Raise InputError for a schedule that cannot be."""
        positive = (self.first, self.every, self.imaging_every, self.marrow_again)
        if not (self.baseline <= 0 and min(positive) > 0 and 0 <= self.missed < 1):
            raise InputError(
                Fault("schedule", f"{self}.", "Baseline at 0 or before, intervals above 0, missed below 1.")
            )

    def days(self, last: float) -> FloatArray:
        """Return the days of the visits up to the last day."""
        return np.concatenate([[self.baseline], np.arange(self.first, last + 1e-9, self.every)])


def observe_visits(data: xr.Dataset, *, seed: int, schedule: Schedule | None = None) -> pd.DataFrame:
    """Observe simulated patients as a clinic does.

    The figures are simulated, from parameters of which many are assumed. Urine is taken to be free of M-protein unless
    the data set holds ``urine_m_mg_per_24h``: the system does not simulate it.

    Parameters
    ----------
    data
        Dims (patient, time) with the variables m_protein_g_per_dl, free_light_chain [mg/L] and mrd_level, and as far as
        wanted emd_total [cell], sbcma_ng_per_ml, copies_per_ug.
    seed
        Key of the random draws. The same seed gives the same luck whatever the treatment.

    Returns
    -------
    pandas.DataFrame
        One visit a row, as `grade_response` takes it, with ``<name>_below`` where a value is below the limit of
        quantification. Visits after a patient's integration stopped are left out.

    Raises
    ------
    InputError
        A variable is missing, or the simulation begins after the baseline visit.
    """
    schedule = schedule or Schedule()
    _check(data, schedule)
    days = schedule.days(float(data["time"].max()))
    true = {
        str(name): _at_days(data, str(name), days) for name in data.data_vars if data[name].dims == ("patient", "time")
    }
    luck = Luck(seed, [int(patient) for patient in data["patient"].to_numpy()], len(days))
    numbers = load_assays()
    seen = np.isfinite(true["m_protein_g_per_dl"])
    if schedule.missed > 0:
        seen &= (luck.draw_uniform("visit") >= schedule.missed) | (days <= 0)
    blood = _sample_blood(true, numbers, luck, seen)
    marrow, imaging = _choose_days(blood, true, days, schedule, numbers, luck, seen)
    columns = blood | _sample_marrow(true, numbers, luck, marrow, schedule) | _take_images(true, numbers, luck, imaging)
    return _tabulate(columns, data["patient"].to_numpy(), days, seen)


def _check(data: xr.Dataset, schedule: Schedule) -> None:
    faults = [
        Fault("simulated levels", f"there is no variable '{name}'.", "Ask for it as an output of the simulation.")
        for name in _NEEDED
        if name not in data
    ]
    if "time" in data and float(data["time"].min()) > schedule.baseline:
        faults.append(
            Fault("schedule", f"baseline on day {schedule.baseline:g} is before the simulation.", "Begin it earlier.")
        )
    if faults:
        raise InputError(faults)


def _at_days(data: xr.Dataset, name: str, days: FloatArray) -> FloatArray:
    """Return the levels on the days of visits, on straight lines between output times."""
    times = data["time"].to_numpy().astype(np.float64)
    values = data[name].transpose("patient", "time").to_numpy().astype(np.float64)
    right = np.clip(np.searchsorted(times, days), 1, len(times) - 1) if len(times) > 1 else np.zeros(len(days), int)
    left = np.maximum(right - 1, 0)
    width = np.where(times[right] > times[left], times[right] - times[left], 1.0)
    weight = np.clip((days - times[left]) / width, 0.0, 1.0)
    exact = np.where(weight == 0.0, values[:, left], np.where(weight == 1.0, values[:, right], np.nan))
    return np.where(np.isnan(exact), (1 - weight) * values[:, left] + weight * values[:, right], exact)


def _sample_blood(
    true: Mapping[str, FloatArray], numbers: Mapping[str, AssayNumber], luck: Luck, seen: BoolArray
) -> dict[str, FloatArray]:
    def level(name: str, extra: float = 0.0) -> FloatArray:
        return np.where(seen, true[name] + extra, np.nan)

    def concentration(level: FloatArray, assay: str, *, stream: str = "", as_zero: bool = False) -> Report:
        return report_level(
            level, cv=numbers[f"{assay}_cv"].value, limit=numbers[f"{assay}_limit"].value,
            luck=luck.draw_normal(stream or assay), as_zero=as_zero,
        )  # fmt: skip

    true = {"urine_m_mg_per_24h": np.zeros(seen.shape), **true}
    serum, urine = level("m_protein_g_per_dl"), level("urine_m_mg_per_24h")
    reports = {
        "serum_m_g_per_dl": concentration(serum, "serum_m", as_zero=True),
        "urine_m_mg_per_24h": concentration(urine, "urine_m", as_zero=True),
        "kappa_mg_per_l": concentration(
            level("free_light_chain", numbers["polyclonal_kappa"].value), "flc", stream="kappa"
        ),
        "lambda_mg_per_l": concentration(
            np.where(seen, numbers["polyclonal_lambda"].value, np.nan), "flc", stream="lambda"
        ),
    }
    for name, assay in (("sbcma_ng_per_ml", "sbcma"), ("copies_per_ug", "copies")):
        if name in true:
            reports[name] = concentration(level(name), assay)
    signs = {
        f"{fluid}_ife": detect(
            values, cv=numbers[f"{fluid}_m_cv"].value, limit=numbers[f"{fluid}_ife_limit"].value,
            luck=luck.draw_normal(f"{fluid}_ife"),
        )
        for fluid, values in (("serum", serum), ("urine", urine))
    }  # fmt: skip
    return _with_limits(reports) | signs


def _with_limits(reports: Mapping[str, Report]) -> dict[str, FloatArray]:
    columns: dict[str, FloatArray] = {}
    for name, report in reports.items():
        columns[name] = report.value
        columns[f"{name}_below"] = np.where(np.isnan(report.value), np.nan, report.below.astype(np.float64))
    return columns


def _choose_days(
    blood: Mapping[str, FloatArray], true: Mapping[str, FloatArray], days: FloatArray, schedule: Schedule,
    numbers: Mapping[str, AssayNumber], luck: Luck, seen: BoolArray,
) -> tuple[BoolArray, BoolArray]:  # fmt: skip
    """Return where marrow is examined and where imaging is done, from what the clinic knows by then."""
    suspected = (blood["serum_ife"] == 0.0) & (blood["urine_ife"] == 0.0) & (days > 0)
    percent = count_plasma_cells(
        np.where(suspected | (days <= 0), true["mrd_level"], np.nan),
        counted=numbers["marrow_counted"].value, luck=luck.draw_uniform("marrow"),
    )  # fmt: skip
    limit = load_criteria()["marrow_cr"]
    marrow = seen & (days <= 0)
    last = np.full(len(seen), -np.inf)
    clear = np.zeros(len(seen), dtype=bool)
    for t in np.flatnonzero(days > 0):
        due = ~clear | (days[t] - last >= schedule.marrow_again)
        marrow[:, t] = seen[:, t] & suspected[:, t] & due
        last = np.where(marrow[:, t], days[t], last)
        clear = np.where(marrow[:, t], percent[:, t] < limit, clear & suspected[:, t])
    imaging = marrow.copy()
    if "emd_total" in true:
        has_lumps = _images(true, numbers, luck)[:, 0] > 0
        gap = np.floor((days + 1e-9) / schedule.imaging_every)
        regular = (np.diff(gap, prepend=gap[0]) > 0) & (days > 0)
        imaging |= has_lumps[:, None] & regular & seen
    return marrow, imaging


def _sample_marrow(
    true: Mapping[str, FloatArray],
    numbers: Mapping[str, AssayNumber],
    luck: Luck,
    marrow: BoolArray,
    schedule: Schedule,
) -> dict[str, FloatArray]:
    level = np.where(marrow, true["mrd_level"], np.nan)
    after = marrow & (np.arange(marrow.shape[1]) > 0)  # residual disease is looked for in remission only
    residual = count_residual_cells(
        np.where(after, true["mrd_level"], np.nan), cells=schedule.mrd_cells or numbers["mrd_cells"].value,
        least=numbers["mrd_least"].value, luck=luck.draw_uniform("mrd"),
    )  # fmt: skip
    percent = count_plasma_cells(level, counted=numbers["marrow_counted"].value, luck=luck.draw_uniform("marrow"))
    clonal = np.where(np.isnan(level), np.nan, (level >= numbers["marrow_clone_limit"].value).astype(np.float64))
    return {"marrow_plasma_cells_percent": percent, "marrow_clonal": clonal} | _with_limits({"mrd_fraction": residual})


def _images(true: Mapping[str, FloatArray], numbers: Mapping[str, AssayNumber], luck: Luck) -> FloatArray:
    return measure_plasmacytoma(
        true["emd_total"], density=numbers["tumour_density"].value, limit=numbers["plasmacytoma_limit"].value,
        cv=numbers["plasmacytoma_cv"].value, luck=luck.draw_normal("imaging"),
    )  # fmt: skip


def _take_images(
    true: Mapping[str, FloatArray], numbers: Mapping[str, AssayNumber], luck: Luck, imaging: BoolArray
) -> dict[str, FloatArray]:
    if "emd_total" not in true:
        return {}
    spd = np.where(imaging, _images(true, numbers, luck), np.nan)
    return {
        "plasmacytoma_spd_mm2": spd,
        "imaging_positive": np.where(np.isnan(spd), np.nan, (spd > 0).astype(np.float64)),
    }


def _tabulate(
    columns: Mapping[str, FloatArray], patients: np.ndarray[tuple[int, ...], np.dtype[np.int64]], days: FloatArray,
    seen: BoolArray,
) -> pd.DataFrame:  # fmt: skip
    rows, visits = np.nonzero(seen)
    table = {"patient": patients[rows], "day": days[visits]}
    return pd.DataFrame(table | {name: values[rows, visits] for name, values in columns.items()})
