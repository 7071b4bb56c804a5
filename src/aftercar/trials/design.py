"""Turning simulated patients into a trial that could be run: who goes into which arm, who comes when, who leaves.

A virtual trial gives every patient every arm. `allocate` and `take_allocated` make parallel groups of it;
`draw_accrual` and `set_entry` say when patients come; `cut_tables` (`trials/cut_off.py`) looks at the trial on a day of
its calendar.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from aftercar.foundation import DEFAULT_SEED, Fault, InputError, draw_stream
from aftercar.trials.tables import TrialTables

FloatArray = npt.NDArray[np.float64]


def allocate(
    subjects: pd.DataFrame,
    *,
    arms: Mapping[str, int],
    blocks: Sequence[int] = (1, 2),
    strata: Sequence[str] = (),
    seed: int = DEFAULT_SEED,
) -> pd.Series:
    """Return the arm of each patient, by permuted blocks within strata, indexed by patient.

    Parameters
    ----------
    subjects
        In the order of entry, with the columns that `strata` names.
    arms
        Arms with their shares as whole numbers: ``{"A": 2, "B": 1}`` is two to one.
    blocks
        Sizes of a block as multiples of the sum of the shares; each block's is drawn, so that nobody can tell the last
        patients of a block.
    """
    shares = [arm for arm, count in arms.items() for _ in range(count)]
    if len(arms) < 2 or any(count < 1 for count in arms.values()):
        raise InputError(Fault("arms", f"the arms are {dict(arms)}.", "Give two or more, each a whole number above 0."))
    if not blocks or min(blocks) < 1:
        raise InputError(Fault("blocks", f"the sizes are {list(blocks)}.", "Give whole numbers above 0."))
    missing = [name for name in strata if name not in subjects]
    if missing:
        raise InputError(Fault("strata", f"'{missing[0]}' is no column of the subjects.", "Name a column."))
    found = pd.Series(index=subjects["patient"].to_numpy(), dtype=object, name="arm")
    parts = [((), subjects)] if not strata else list(subjects.groupby(list(strata), sort=True, dropna=False))
    for key, part in parts:
        rng = draw_stream(seed, "allocation", *(str(value) for value in key))
        row: list[str] = []
        while len(row) < len(part):
            row += rng.permutation(shares * int(rng.choice(list(blocks)))).tolist()
        found.loc[part["patient"]] = row[: len(part)]
    return found.astype(str)


def take_allocated(tables: TrialTables, allocation: pd.Series) -> TrialTables:
    """Return the tables of a trial with parallel groups: each patient in the arm of the allocation, and in no other.

    Parameters
    ----------
    allocation
        Arm by patient, as `allocate` gives it. Patients who are not in it leave the trial.
    """
    unknown = sorted(set(allocation) - set(tables.outcomes["arm"]))
    if unknown:
        raise InputError(Fault("allocation", f"the trial has no arm '{unknown[0]}'.", "Name arms of the trial."))
    kept = {"subjects": tables.subjects[tables.subjects["patient"].isin(allocation.index)]}
    for field in fields(tables):
        if field.name == "subjects":
            continue
        table = getattr(tables, field.name)
        arm = table["patient"].map(allocation)
        inside = (arm == table["arm"]) | ((table["arm"] == "") & arm.notna())  # clones at entry have no arm
        kept[field.name] = table[inside]
    return replace(tables, **{name: table.reset_index(drop=True) for name, table in kept.items()})


def draw_accrual(
    n: int, *, rates: Sequence[tuple[float, float]], seed: int = DEFAULT_SEED, even: bool = False
) -> FloatArray:
    """Return the days on which `n` patients enter, rising, since the trial opened.

    Parameters
    ----------
    rates
        Pieces (days, patients per day) one after the other; the last rate goes on. ``[(90, 0.1), (1, 0.5)]`` is one
        patient in ten days for 90 days, then one in two.
    even
        One patient whenever the expected number rises by one, instead of at random (Poisson).
    """
    if n < 1:
        raise InputError(Fault("accrual", f"{n} patients.", "Give 1 or more."))
    days = np.array([piece[0] for piece in rates], dtype=np.float64)
    rate = np.array([piece[1] for piece in rates], dtype=np.float64)
    if not len(rate) or not np.all(np.isfinite(rate) & (rate >= 0) & (days > 0)) or not rate[-1] > 0:
        mend = "Give (days, patients per day), days above 0, the last rate above 0."
        raise InputError(Fault("accrual", f"the rates are {list(rates)}.", mend))
    gaps = np.ones(n) if even else draw_stream(seed, "accrual").exponential(size=n)
    wanted = np.cumsum(gaps) - (0.5 if even else 0.0)
    ends = np.append(0.0, np.cumsum(days)[:-1])
    reached = np.append(0.0, np.cumsum(days * rate)[:-1])
    piece = np.searchsorted(reached, wanted, side="right") - 1  # the last piece that begins at or before, rate > 0
    return np.asarray(ends[piece] + (wanted - reached[piece]) / rate[piece])


def set_entry(tables: TrialTables, calendar_day: npt.ArrayLike) -> TrialTables:
    """Return the tables with the days on which patients entered, in the order of the subjects."""
    days = np.asarray(calendar_day, dtype=np.float64)
    if days.shape != (len(tables.subjects),) or not np.all(days >= 0):
        found = f"there are {days.size} days for {len(tables.subjects)} patients, or one is below 0."
        raise InputError(Fault("accrual", found, "Give one day of 0 or more per patient."))
    return replace(tables, subjects=tables.subjects.assign(calendar_day=days))


def drop_out_hazard(share: float, *, by_day: float) -> float:
    """Return the constant hazard [1/day] at which `share` of the patients have left by a day, if nothing else happens.

    Examples
    --------
    >>> round(drop_out_hazard(0.1, by_day=365.25), 6)
    0.000288
    """
    if not 0 <= share < 1 or not by_day > 0:
        raise InputError(Fault("drop-out", f"{share} by day {by_day}.", "Give a share below 1 and a day above 0."))
    return -math.log1p(-share) / by_day
