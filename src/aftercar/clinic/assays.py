"""Assays: what a laboratory reports of a true level. Noise, limits of detection, counts of few cells.

A level is multiplied by a log-normal factor of mean 1 whose coefficient of variation is that of serial values of stable
patients. Counts are draws: plasma cells on a smear binomial, residual myeloma cells Poisson. What falls below a limit
is marked as such. Each patient has a stream of random numbers per assay, read in the order of the visits: neither more
patients, nor later visits, nor another assay reshuffle it.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.resources import files

import numpy as np
from scipy.stats import binom, poisson

from aftercar.clinic.comparison import BoolArray, FloatArray
from aftercar.foundation import draw_stream


@dataclass(frozen=True, slots=True)
class AssayNumber:
    """One number of an assay with its source and grade."""

    name: str
    meaning: str
    value: float
    unit: str
    grade: str
    source: str
    locator: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """What is reported, shape (patients, visits): values, and where they lie below the limit."""

    value: FloatArray
    below: BoolArray


@lru_cache(maxsize=1)
def load_assays() -> Mapping[str, AssayNumber]:
    """Return the numbers of the assays by name, from `assays.toml`."""
    text = (files("aftercar.clinic") / "assays.toml").read_text(encoding="utf-8")
    return {name: AssayNumber(name=name, **entry) for name, entry in tomllib.loads(text).items()}


@dataclass(frozen=True)
class Luck:
    """The random numbers of patients at visits, keyed by (seed, assay, patient); each is drawn once.

    An assay has one counter-based stream; the parts of two patients lie 2^128 numbers apart.
    """

    seed: int
    patients: Sequence[int]
    visits: int
    _drawn: dict[str, FloatArray] = field(default_factory=dict, repr=False, compare=False)

    def _draw(self, assay: str, law: Callable[[np.random.Generator], FloatArray]) -> FloatArray:
        if assay not in self._drawn:
            rng = draw_stream(self.seed, "assay", assay)
            state = rng.bit_generator.state
            rows = np.empty((len(self.patients), self.visits))
            for row, patient in enumerate(self.patients):
                state["state"]["counter"][:] = (0, 0, patient, 0)
                rng.bit_generator.state = state  # a whole state, so that no number of the patient before is left in it
                rows[row] = law(rng)
            self._drawn[assay] = rows
        return self._drawn[assay]

    def draw_normal(self, assay: str) -> FloatArray:
        """Return standard normal numbers, shape (patients, visits)."""
        return self._draw(assay, lambda rng: rng.standard_normal(self.visits))

    def draw_uniform(self, assay: str) -> FloatArray:
        """Return uniform numbers between 0 and 1, shape (patients, visits)."""
        return self._draw(assay, lambda rng: rng.random(self.visits))


def report_level(level: FloatArray, *, cv: float, limit: float, luck: FloatArray, as_zero: bool) -> Report:
    """Report a concentration.

    Parameters
    ----------
    level
        True level, NaN where not sampled.
    cv, limit
        Coefficient of variation; limit below which it is not quantified, in the unit of `level`.
    luck
        Standard normal numbers of the shape of `level`.
    as_zero
        Whether what is below the limit is reported as 0 (no spike) or as the limit ("< 1").
    """
    seen = level * _factor(cv, luck)
    below = seen < limit
    return Report(np.where(below, 0.0 if as_zero else limit, seen), np.asarray(below))


def _factor(cv: float, luck: FloatArray) -> FloatArray:
    variance = np.log1p(cv**2)
    return np.asarray(np.exp(np.sqrt(variance) * luck - variance / 2))


def detect(level: FloatArray, *, cv: float, limit: float, luck: FloatArray) -> FloatArray:
    """Return 1 where an assay without numbers is positive, 0 where negative, NaN where not sampled."""
    return np.where(np.isnan(level), np.nan, (level * _factor(cv, luck) >= limit).astype(np.float64))


def count_plasma_cells(share: FloatArray, *, counted: float, luck: FloatArray) -> FloatArray:
    """Return the percentage of plasma cells among the cells counted on a smear: a binomial draw."""
    found = np.full(share.shape, np.nan)
    known = ~np.isnan(share)
    # A uniform number of the open interval: the quantile of 0 would be -1.
    found[known] = binom.ppf(np.clip(luck[known], 1e-12, None), int(counted), np.clip(share[known], 0.0, 1.0))
    return 100.0 * found / counted


def count_residual_cells(level: FloatArray, *, cells: float, least: float, luck: FloatArray) -> Report:
    """Report residual disease: a Poisson draw of myeloma cells among those examined; below `least` it is negative."""
    found = np.full(level.shape, np.nan)
    known = ~np.isnan(level)
    found[known] = poisson.ppf(np.clip(luck[known], 1e-12, None), np.maximum(level[known], 1e-300) * cells)
    below = found < least
    return Report(np.where(below, least / cells, found / cells), np.asarray(below))


def measure_plasmacytoma(cells: FloatArray, *, density: float, limit: float, cv: float, luck: FloatArray) -> FloatArray:
    """Return the product of the diameters [mm2] of a sphere that holds these cells; 0 where imaging shows none."""
    diameter = np.cbrt(6.0 / np.pi * np.maximum(cells, 0.0) / density) * _factor(cv, luck)
    return np.where(np.isnan(cells), np.nan, np.where(diameter < limit, 0.0, diameter**2))
