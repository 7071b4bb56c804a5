"""One system for all tests of the model, and patients drawn from the whole of what the sources leave open."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from aftercar.catalogue.biology import Number
from aftercar.catalogue.model_data import ModelData, load_model_data
from aftercar.model import Course, Treatment, arrange_course
from aftercar.patients import simulate_course, typical_patient
from aftercar.patients.draws import draw_values
from aftercar.patients.simulation import default_settings

CART = "ide_cel"
ENGAGER = "teclistamab"
DRUG = "bortezomib"

INDICES = ("antibody", "primed", "resistance", "drive", "signal")
INDEX_NAMES = ("host_exhaustion", "b_help", "leukocytes", "mrd_level")


def course_of(*plan: str | Treatment, days: float = 100.0, counted: bool = False, data: ModelData | None = None,
              ) -> Course:  # fmt: skip
    """Return a course of therapies given by name or in full, with the slots that all tests share."""
    treatments = [Treatment(one) if isinstance(one, str) else one for one in plan]
    course = arrange_course(treatments, days=days, data=data)
    shape = course.structure
    shape = replace(shape, products=max(2, shape.products), engagers=max(2, shape.engagers), drugs=max(4, shape.drugs))
    return replace(course, structure=replace(shape, counted=counted))


def run(
    course: Course, people: pd.DataFrame | None = None, *, values: Mapping[str, float] | None = None,
    every: float = 7.0, outputs: Sequence[str] | None = None, seed: int = 1, data: ModelData | None = None,
    **settings: Any,
) -> xr.Dataset:  # fmt: skip
    """Simulate a course; without `people`, in the typical patient with `values`."""
    if people is None:
        people = typical_patient(course, values=values, data=data)
    return simulate_course(
        course, people, seed=seed, every=every, outputs=outputs, data=data,
        settings=default_settings(course.structure, data, **settings),
    )  # fmt: skip


def wild_patients(course: Course, n: int, seed: int = 7, data: ModelData | None = None) -> pd.DataFrame:
    """Return patients whose parameters are drawn one by one from low to high, whatever is plausible together.

    On the log scale where the range spans more than a decade; by their law where only a law is known. Mechanisms are
    switched off at random, every sixth; half have extramedullary disease of any share.
    """
    data = data or load_model_data()
    rng = np.random.default_rng(seed)
    table = {k: _wild(rng, p, p.value, n) for k, p in data.parameters.items() if not p.slot}
    for name in [k for k in table if k.startswith("switch_")]:
        table[name] = np.where(rng.random(n) < 1 / 6, 0.0, 1.0)
    table["emd_share"] = np.where(rng.random(n) < 0.5, 0.0, rng.random(n))
    table["prior_lines"] = rng.integers(0, 25, n).astype(float)
    for name in ("prior_alkylator", "prior_bendamustine"):
        table[name] = rng.integers(0, 2, n).astype(float)
    for slot, therapy in course.slots.items():
        table |= _wild_slot(rng, course, data, slot, therapy, n)
    table |= {slot: table[source] for slot, source in course.links.items()}
    return pd.DataFrame(table, index=pd.RangeIndex(1, n + 1, name="patient"))


def _wild_slot(
    rng: np.random.Generator, course: Course, data: ModelData, slot: str, therapy: str, n: int
) -> dict[str, np.ndarray]:
    action = data.actions[therapy]
    numbers: dict[str, Number] = {**data.slot_parameters(action.kind), **action.values}
    return {
        name: _wild(rng, numbers.get(name.removeprefix(f"{slot}_")), value, n)
        for name, value in course.parameters.items()
        if name.startswith(f"{slot}_")
    }


def _wild(rng: np.random.Generator, number: Number | None, value: float, n: int) -> np.ndarray:
    if number is not None and number.low is not None and number.high is not None and number.high > number.low:
        low, high = number.low, number.high
        if low > 0 and high / low > 10:
            return np.exp(rng.uniform(np.log(low), np.log(high), n))
        return rng.uniform(low, high, n)
    if number is not None and number.between_patients is not None:
        return draw_values(number.between_patients, value, rng.standard_normal(n))
    return np.full(n, value)


def check_plausible(result: xr.Dataset) -> None:
    """Assert that every patient went to the end, with nothing negative and every index between 0 and 1."""
    assert set(result.stopped_because.values) == {""}
    for name, array in result.data_vars.items():
        if "time" not in array.dims:
            continue
        values, word = array.values, str(name)
        assert np.all(np.isfinite(values)), f"{word} is not a number"
        assert values.min() >= 0, f"{word} falls to {values.min():g}"
        if word.split("_")[-1] in INDICES or word in INDEX_NAMES:
            # relative tolerance of the integrator, 1e-5, over some hundred steps
            assert values.max() <= 1 + 1e-3, f"{word} rises to {values.max():g}"
