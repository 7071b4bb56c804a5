"""Laboratory values of many patients at their visits, as arrays of shape (patients, visits).

Real tables and simulations meet here: both become a `Laboratory`, and there is one grading for it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from aftercar.clinic.comparison import BoolArray, FloatArray
from aftercar.foundation import Fault, InputError

# Quantities in house units, signs (1 present or positive, 0 absent or negative), and what is known of a whole patient.
QUANTITIES = (
    "serum_m_g_per_dl", "urine_m_mg_per_24h", "kappa_mg_per_l", "lambda_mg_per_l", "marrow_plasma_cells_percent",
    "plasmacytoma_spd_mm2", "plasmacytomas", "lesion_longest_mm", "lesion_short_axis_mm",
    "circulating_plasma_cells_per_ul", "calcium_mg_per_dl", "haemoglobin_g_per_dl", "creatinine_mg_per_dl",
    "mrd_fraction",
)  # fmt: skip
SIGNS = ("serum_ife", "urine_ife", "marrow_clonal", "new_lesion", "imaging_positive", "hyperviscosity")
OF_PATIENTS = ("new_therapy_day", "death_day", "death_from_myeloma")


@dataclass(frozen=True)
class Laboratory:
    """Values of patients at visits.

    Attributes
    ----------
    patients
        Names, shape (patients,).
    day
        Days of the visits, shape (patients, visits), rising along a row; NaN behind a patient's last visit. Day 0 is
        the start of treatment; what stands at or before it is baseline.
    values
        By name (`QUANTITIES`, `SIGNS`), each of the shape of `day`; NaN where missing.
    below
        By name, where a value is a limit of quantification that was not reached.
    new_therapy_day, death_day
        Shape (patients,), NaN where there is none.
    death_from_myeloma
        Shape (patients,), true where the death is known to be from progression.
    """

    patients: npt.NDArray[Any]
    day: FloatArray
    values: Mapping[str, FloatArray]
    below: Mapping[str, BoolArray] = field(default_factory=dict)
    new_therapy_day: FloatArray | None = None
    death_day: FloatArray | None = None
    death_from_myeloma: BoolArray | None = None

    @property
    def after_start(self) -> BoolArray:
        """Where a visit is one of treatment, shape (patients, visits)."""
        return np.asarray(self.day > 0.0)

    def value(self, name: str) -> FloatArray:
        """Return the values of a quantity; all missing where the table does not have it."""
        found = self.values.get(name)
        return np.full(self.day.shape, np.nan) if found is None else found

    def below_limit(self, name: str) -> BoolArray:
        """Return where a value is a limit that was not reached."""
        found = self.below.get(name)
        return np.zeros(self.day.shape, dtype=bool) if found is None else found

    def of_patients(self, name: str) -> FloatArray:
        """Return a day known of each patient, NaN where there is none, shape (patients,)."""
        found: FloatArray | None = getattr(self, name)
        return np.full(len(self.patients), np.nan) if found is None else found

    def baseline(self, name: str) -> FloatArray:
        """Return the last value at or before day 0, shape (patients,)."""
        return last_known(np.where(self.after_start, np.nan, self.value(name)))[:, -1]

    def carried(self, name: str) -> FloatArray:
        """Return the last value since the start of treatment, carried to visits without one."""
        return last_known(np.where(self.after_start, self.value(name), np.nan))


def last_known(values: FloatArray) -> FloatArray:
    """Fill each gap with the last value before it, along the visits."""
    columns = np.broadcast_to(np.arange(values.shape[1]), values.shape)
    known = np.maximum.accumulate(np.where(np.isnan(values), -1, columns), axis=1)
    return np.where(known >= 0, np.take_along_axis(values, np.maximum(known, 0), axis=1), np.nan)


def previous_known(values: FloatArray) -> FloatArray:
    """Return at each visit the last value strictly before it."""
    earlier = np.full(values.shape, np.nan)
    earlier[:, 1:] = last_known(values)[:, :-1]
    return earlier


def arrange_laboratory(table: pd.DataFrame) -> Laboratory:
    """Arrange a table with one visit a row into arrays.

    Parameters
    ----------
    table
        Columns ``patient`` and ``day``, and any of `QUANTITIES`, `SIGNS` (0 or 1), `OF_PATIENTS`, and ``<name>_below``
        (true where the value is a limit that was not reached). Other columns are let be.

    Raises
    ------
    InputError
        A column is missing, two visits of a patient share a day, or a day is missing.
    """
    _check(table)
    codes, names = pd.factorize(table["patient"])
    day = table["day"].to_numpy(np.float64)
    order = np.lexsort((day, codes))
    codes, day = codes[order], day[order]
    first = np.searchsorted(codes, np.arange(len(names)))
    place = np.arange(len(codes)) - first[codes]
    twice = np.flatnonzero((place > 0) & (np.diff(day, prepend=np.nan) == 0.0))
    if twice.size:
        who, when = names[codes[twice[0]]], day[twice[0]]
        raise InputError(Fault("laboratory", f"patient {who} has two visits on day {when:g}.", "Merge them."))
    shape = (len(names), int(place.max(initial=-1)) + 1)

    def spread(column: str) -> FloatArray:
        grid = np.full(shape, np.nan)
        grid[codes, place] = table[column].to_numpy(np.float64)[order]
        return grid

    def of_patients(column: str) -> FloatArray | None:
        return last_known(spread(column))[:, -1] if column in table else None

    known = [name for name in (*QUANTITIES, *SIGNS) if name in table]
    days = np.full(shape, np.nan)
    days[codes, place] = day
    from_myeloma = of_patients("death_from_myeloma")
    return Laboratory(
        patients=np.asarray(names, dtype=object),
        day=days,
        values={name: spread(name) for name in known},
        below={name: spread(f"{name}_below") == 1.0 for name in known if f"{name}_below" in table},
        new_therapy_day=of_patients("new_therapy_day"),
        death_day=of_patients("death_day"),
        death_from_myeloma=None if from_myeloma is None else from_myeloma == 1.0,
    )


def _check(table: pd.DataFrame) -> None:
    missing: Sequence[str] = [name for name in ("patient", "day") if name not in table]
    if missing:
        raise InputError(Fault("laboratory", f"there is no column '{name}'.", "Add it.") for name in missing)
    if table.empty:
        raise InputError(Fault("laboratory", "there are no visits.", "Give one visit a row."))
    if not np.isfinite(table["day"].to_numpy(np.float64)).all():
        raise InputError(Fault("laboratory", "a visit has no day.", "Give every visit a day.", column="day"))
