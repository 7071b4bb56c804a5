"""Which parameters move the result: elasticities about one patient, Morris and Sobol over open ranges.

The sample points are patients with parameters of their own, all simulated in one batch by the deterministic system.
Parameters are moved one by one or independently of each other; no correlation between them is known.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from aftercar.catalogue.biology import Number
from aftercar.catalogue.limits import find_fault
from aftercar.catalogue.model_data import ModelData, load_model_data
from aftercar.engine import IntegrationWarning
from aftercar.foundation import DEFAULT_SEED, Fault, InputError
from aftercar.model.treatment import Course, Treatment, arrange_course
from aftercar.patients.draws import typical_patient
from aftercar.patients.readouts import Marker, read_marker, reading_limits
from aftercar.patients.sensitivity_methods import Outputs, decompose, local_effects, screen
from aftercar.patients.simulation import simulate_course

FloatArray = npt.NDArray[np.float64]
Readout = Callable[[xr.Dataset, float], pd.DataFrame]
OUTPUT_MEANINGS = {
    "depth": "log10 of the lowest M-protein over that at the start of the plan's last treatment",
    "nadir": "log10 of the smallest tumour in cells (plus one) since then",
    "halved": "1 where M-protein fell by half or more since then, else 0",
    "days": "days from that start until M-protein is 25% and 5 g/L above its lowest value; the end, where it never is",
}
_DECADE = 10.0


def list_ranges(course: Course, data: ModelData | None = None) -> pd.DataFrame:
    """Return every parameter that the sources leave open: index name; typical, low, high, log, unit, grade.

    Laws between patients do not count, nor do definitions and switches without a range. `log`: a positive range that
    spans more than a decade is covered on the log scale.
    """
    data = data or load_model_data()
    numbers: dict[str, Number] = {k: p for k, p in data.parameters.items() if not p.slot}
    typical = {k: p.value for k, p in numbers.items()}
    for slot, therapy in course.slots.items():
        own = data.slot_numbers(therapy)
        numbers |= {f"{slot}_{k}": number for k, (_, number) in own.items() if f"{slot}_{k}" not in course.links}
    typical |= dict(course.parameters)
    rows = {
        name: (typical[name], n.low, n.high, n.low > 0 and n.high > _DECADE * n.low, n.unit, n.grade)
        for name, n in numbers.items()
        if n.low is not None and n.high is not None and n.low < n.high
    }
    columns = ["typical", "low", "high", "log", "unit", "grade"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns).rename_axis("parameter")


def read_outcomes(result: xr.Dataset, origin: float) -> pd.DataFrame:
    """Read the outputs of `OUTPUT_MEANINGS` from day `origin` on, and whether a rise was seen; one row per patient.

    The day of the rise is interpolated between two output times; without one it is the last day (censored). Patients
    whose integration stopped early, or whose myeloma secretes nothing, have NaN.
    """
    time = result["time"].to_numpy()
    kept = time >= origin
    time, marker = time[kept] - origin, read_marker(result.isel(time=kept))
    tumour = result["tumour_total"].to_numpy()[:, kept]
    whole = np.isfinite(marker.level).all(axis=1) & np.isfinite(tumour).all(axis=1)
    marker = replace(marker, level=np.where(whole[:, None], marker.level, 1.0))
    tumour = np.where(whole[:, None], tumour, 1.0)
    fall = 1.0 - marker.deepest_fall()
    risen, first = marker.find_rise()
    table = pd.DataFrame({
        "depth": np.log10(np.maximum(fall, 1e-12)),
        "nadir": np.log10(np.maximum(tumour.min(axis=1), 0.0) + 1.0),
        "halved": (fall <= 1.0 - reading_limits()["partial_response_fall"]).astype(np.float64),
        "days": np.where(risen, _crossing(time, marker, first), time[-1]),
        "risen": risen.astype(np.float64),
    }, index=result["patient"].to_numpy())  # fmt: skip
    table.loc[~whole] = np.nan
    return table


def _crossing(time: FloatArray, marker: Marker, first: npt.NDArray[np.int64]) -> FloatArray:
    """Return when the marker crosses the limit of a rise, linear between the outputs around it, shape (patients,)."""
    limits, level = reading_limits(), marker.level
    people, before = np.arange(len(first)), np.maximum(first - 1, 0)
    lowest = np.minimum.accumulate(level, axis=1)[people, before]
    wanted = np.maximum((1.0 + limits["progression_rise"]) * lowest, lowest + marker.absolute_rise)
    one, other = level[people, before], level[people, first]
    share = np.clip((wanted - one) / np.where(other > one, other - one, 1.0), 0.0, 1.0)
    return np.asarray(time[before] + share * (time[first] - time[before]))


def read_course(result: xr.Dataset, origin: float) -> pd.DataFrame:
    """Read log10 of M-protein, soluble BCMA and CAR-T cells at every output time from `origin` on.

    Floors keep out what no assay sees: 0.001 g/dL, 0.01 ng/mL and 0.001 cells/uL are added.
    """
    seen = result.isel(time=result["time"].to_numpy() >= origin)
    floors = {"m_protein_g_per_dl": 1e-3, "sbcma_ng_per_ml": 1e-2, "car_t_per_ul": 1e-3}
    parts = [
        pd.DataFrame(np.log10(np.maximum(seen[name].to_numpy(), 0.0) + floor), index=seen["patient"].to_numpy())
        .set_axis([f"{name}@{day:g}" for day in seen["time"].to_numpy()], axis=1)
        for name, floor in floors.items()
    ]  # fmt: skip
    return pd.concat(parts, axis=1)


def plan_outputs(
    plan: Sequence[Treatment], *, days: float, values: Mapping[str, float] | None = None,
    data: ModelData | None = None, read: Readout = read_outcomes, every: float = 7.0,
) -> tuple[Course, Outputs]:  # fmt: skip
    """Return a plan as a function of its parameters, deterministic, read from its last treatment on.

    `days`: after the start of the last treatment. Parameters that the points leave out are typical or as `values` say.
    """
    data = data or load_model_data()
    origin = max((one.day for one in plan), default=0.0)
    course = arrange_course(plan, days=origin + days, data=data)
    course = replace(course, structure=replace(course.structure, counted=False))
    base = typical_patient(course, values=values, data=data)
    wanted = ["m_protein_g_per_dl", "free_light_chain", "tumour_total", "sbcma_ng_per_ml", "car_t_per_ul"]

    def outputs(points: pd.DataFrame) -> pd.DataFrame:
        table = {name: np.full(len(points), base[name].iloc[0]) for name in base}
        table |= {name: points[name].to_numpy(dtype=np.float64) for name in points}
        for own, source in course.links.items():
            table[own] = table.get(source, table[own])
        people = pd.DataFrame(table, index=pd.RangeIndex(1, len(points) + 1, name="patient"))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", IntegrationWarning)  # who stopped early is NaN, and counted
            result = simulate_course(course, people, seed=DEFAULT_SEED, every=every, outputs=wanted, data=data)
        return read(result, origin)

    return course, outputs


def local_sensitivity(
    plan: Sequence[Treatment], *, days: float, values: Mapping[str, float] | None = None,
    data: ModelData | None = None, step: float = 0.02, read: Readout = read_outcomes,
) -> pd.DataFrame:  # fmt: skip
    """Return how outputs change about the typical patient, per e-fold change of one parameter alone.

    Parameters are those of `list_ranges` with a typical value above zero that may also be exceeded by `step`. `depth`
    and `nadir` are decimal logarithms: times ln 10 they are elasticities of the level. `days` is the elasticity
    itself (relative change); it is NaN where one of the two runs saw no rise. Other readouts come as derivatives.
    """
    data = data or load_model_data()
    course, outputs = plan_outputs(plan, days=days, values=values, data=data, read=read)
    ranges = list_ranges(course, data)
    ranges = ranges[~ranges.index.isin(list(values or {}))]
    typical = ranges["typical"][ranges["typical"] > 0]
    # A share of 1 cannot grow: such parameters have no central difference.
    movable = [find_fault(str(name), value * np.exp(step)) is None for name, value in typical.items()]

    def logs(points: pd.DataFrame) -> pd.DataFrame:
        found = outputs(points)
        if read is not read_outcomes:
            return found
        days_seen = found["days"].where(found["risen"] == 1.0)
        return found[["depth", "nadir"]].assign(days=np.log(np.maximum(days_seen, 1.0)))

    return local_effects(logs, typical[movable], step=step)


def global_sensitivity(
    plan: Sequence[Treatment], *, days: float, method: Literal["morris", "sobol"] = "morris",
    parameters: Sequence[str] | None = None, size: int | None = None, seed: int = DEFAULT_SEED,
    values: Mapping[str, float] | None = None, data: ModelData | None = None,
) -> pd.DataFrame:  # fmt: skip
    """Run `screen` or `decompose` for a plan over the ranges of its parameters. Simulated, uncalibrated.

    Parameters
    ----------
    days
        After the start of the last treatment of the plan, from which outputs are read (`OUTPUT_MEANINGS`).
    parameters
        Those to move, by name; by default all of `list_ranges`. The others are typical, or as `values` say.
    size
        Trajectories (morris; by default 20) or base points (sobol; by default 512).
    """
    data = data or load_model_data()
    course, outputs = plan_outputs(plan, days=days, values=values, data=data)
    ranges = list_ranges(course, data)
    unknown = [name for name in parameters or () if name not in ranges.index]
    if unknown:
        found = f"no range is given for {', '.join(unknown)}."
        raise InputError(Fault("parameters", found, "`list_ranges` names those with a low and a high end."))
    ranges = ranges.loc[list(parameters)] if parameters is not None else ranges
    ranges = ranges[~ranges.index.isin(list(values or {}))]
    if method == "morris":
        return screen(outputs, ranges, trajectories=size or 20, seed=seed)
    return decompose(outputs, ranges, points=size or 512, seed=seed)
