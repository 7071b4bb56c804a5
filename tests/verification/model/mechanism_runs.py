"""Small populations of the same virtual patients with the same luck, shared by the tests of mechanisms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache

import numpy as np
import numpy.typing as npt
import xarray as xr

from aftercar.model import Treatment
from aftercar.patients import simulate_plan
from aftercar.patients.readouts import read_marker

FloatArray = npt.NDArray[np.float64]
IDE_CEL = Treatment("ide_cel")


class Outcome:
    """What a population of simulated patients did from day `start` on; arrays have shape (patients, times)."""

    def __init__(self, data: xr.Dataset, start: float = 0.0) -> None:
        self.data = data.sel(time=slice(start, None))

    def __getitem__(self, name: str) -> FloatArray:
        return np.asarray(self.data[name].to_numpy(), dtype=np.float64)

    def on(self, name: str, day: float) -> FloatArray:
        """Return a level on the output day nearest to `day`, shape (patients,)."""
        return np.asarray(self.data[name].sel(time=day, method="nearest").to_numpy(), dtype=np.float64)

    def fallen(self, part: float) -> float:
        """Return the share of patients whose M-protein (light chain where there is none) fell by `part` or more."""
        marker = read_marker(self.data)
        return float(np.mean(marker.deepest_fall()[marker.evaluable] >= part))

    def nadir(self) -> float:
        """Return the median of the logarithm (base 10) of the fewest tumour cells."""
        return float(np.median(np.log10(self["tumour_total"].min(axis=1) + 1.0)))

    def risen(self) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.int64]]:
        """Return whose marker rose as progression asks for, and the position of the first such time."""
        return read_marker(self.data).find_rise()

    def log_cells(self, day: float) -> float:
        """Return the median of the logarithm (base 10) of CAR-T cells on a day."""
        return float(np.median(np.log10(np.maximum(self.on("car_t_total", day), 0.0) + 1.0)))

    def with_antibodies(self, day: float, level: float = 0.1, slot: str = "product1") -> float:
        """Return the share of patients whose antibody index is above `level` on a day."""
        return float(np.mean(self.on(f"{slot}_antibody", day) > level))

    def exhausted(self, day: float) -> float:
        """Return the median share of exhausted cells among the CAR-T cells on a day."""
        return float(np.median(self.on("product1_exhausted", day) / (self.on("car_t_total", day) + 1.0)))

    def variant(self, name: str) -> FloatArray:
        """Return the share of tumour cells whose BCMA is of a variant (low, epitope, null), shape (patients, times)."""
        clones = [
            str(c) for c in self.data if str(c).startswith(("marrow_bcma_", "emd_bcma_")) and f"bcma_{name}" in str(c)
        ]
        return sum((self[clone] for clone in clones), np.zeros(())) / (self["tumour_total"] + 1.0)

    def at_rise(self, levels: FloatArray) -> FloatArray:
        """Return a level at the first day of progression, shape (patients with one,)."""
        risen, first = self.risen()
        return levels[np.arange(len(levels)), first][risen]


@cache
def _simulate(
    plan: tuple[tuple[object, ...], ...],
    days: float,
    patients: int,
    off: tuple[str, ...],
    values: tuple[tuple[str, float], ...],
) -> xr.Dataset:
    treatments = [Treatment(*head, values=dict(slot)) for *head, slot in plan]  # type: ignore[arg-type]
    return simulate_plan(
        treatments, days=days, patients=patients, every=7.0, switched_off=off, values=dict(values), counted=patients > 0
    )


def population(
    *plan: Treatment | str,
    days: float = 180,
    patients: int = 100,
    off: Sequence[str] = (),
    values: Mapping[str, float] | None = None,
    start: float = 0.0,
) -> Outcome:
    """Simulate a plan with output once a week; a run asked for again is taken from memory."""
    whole = [Treatment(one) if isinstance(one, str) else one for one in plan]
    key = tuple(
        (t.therapy, t.day, t.days, t.dose_factor, t.lymphodepletion, tuple(sorted(t.values.items()))) for t in whole
    )
    data = _simulate(key, days, patients, tuple(off), tuple(sorted((values or {}).items())))
    return Outcome(data, start)


def typical(
    *plan: Treatment | str, days: float = 180, off: Sequence[str] = (), values: Mapping[str, float] | None = None
) -> Outcome:
    """Simulate the typical patient in the deterministic form."""
    return population(*plan, days=days, patients=0, off=off, values=values)
