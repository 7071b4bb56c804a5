"""Survival of several cohorts on one grid of times, as conditional survival per interval."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from aftercar.foundation import Fault, InputError, NotPoolableError
from aftercar.synthesis.kaplan_meier import SurvivalRecords, fit_kaplan_meier, survival_at, to_floats
from aftercar.synthesis.results import FloatArray
from aftercar.synthesis.survival_comparison import read_groups

_COLUMNS = ("study", "time", "survival", "at_risk")
_DEFAULT_INTERVALS = 4  # bias grows with their number in small cohorts: docs/explanation/survival.md


@dataclass(frozen=True, slots=True, eq=False)
class LifeTables:
    """Conditional survival on the arcsine scale: `yi`, `vi`, `exposed`, shape (k, m), NaN where a cohort has none."""

    studies: tuple[str, ...]
    grid: FloatArray
    yi: FloatArray
    vi: FloatArray
    exposed: FloatArray
    at_start: float


def tabulate_survival(studies: Mapping[str, pd.DataFrame], *, times: npt.ArrayLike | None = None) -> pd.DataFrame:
    """Read each cohort's Kaplan-Meier curve at common times, as `pool_survival_curves` takes it.

    A cohort has rows up to the last time to which it is followed, or to which its curve is above 0.

    Parameters
    ----------
    studies
        By name, a table with columns `time`, `event` and, where patients entered late, `entry`; one unit of time.
    times
        Grid, > 0, rising. None: quarters of the cohorts' events, to the latest time to which two cohorts are followed.

    Raises
    ------
    InputError
        Times that are not above 0 and rising.
    NotPoolableError
        A cohort is followed less long than the first time.
    """
    names, records = read_groups(studies, least=1)
    grid = _default_grid(records) if times is None else to_floats(times, "times", "time")
    if grid.ndim != 1 or not np.all(np.isfinite(grid)) or np.any(grid <= 0) or np.any(np.diff(grid) <= 0):
        raise InputError(Fault("options", f"times are {grid.tolist()}.", "Give times above 0 in rising order."))
    rows = [_rows(name, one, grid) for name, one in zip(names, records, strict=True)]
    short = [name for name, part in zip(names, rows, strict=True) if part.empty]
    if short:
        raise NotPoolableError(
            f"Cohorts {', '.join(short)} are followed less long than the first time of the grid, {grid[0]:g}. "
            "Begin the grid earlier."
        )
    return pd.concat(rows, ignore_index=True)


def read_life_tables(table: pd.DataFrame) -> LifeTables:
    """Check a table of survival by study and time, and turn it into conditional survival per interval."""
    missing = [name for name in _COLUMNS if name not in table.columns]
    if missing:
        raise InputError(
            Fault("survival table", f"columns are missing: {', '.join(missing)}.", f"Give {', '.join(_COLUMNS)}.")
        )
    values = {name: to_floats(table[name], "survival table", name) for name in _COLUMNS[1:]}
    parts = pd.DataFrame({"study": table["study"].astype(str).to_numpy(), **values})
    parts = parts.sort_values(["study", "time"], kind="stable")
    faults = [fault for study, part in parts.groupby("study", sort=False) for fault in _faults(str(study), part)]
    if parts.empty:
        faults.append(Fault("survival table", "there is no row.", "Give at least two cohorts."))
    if faults:
        raise InputError(faults)
    grid = np.unique(parts["time"].to_numpy())
    studies = tuple(dict.fromkeys(table["study"].astype(str)))
    faults = [fault for study in studies for fault in _gaps(study, parts, grid)]
    if faults:
        raise InputError(faults)
    return _to_arcsine(parts, studies, grid)


def _to_arcsine(parts: pd.DataFrame, studies: Sequence[str], grid: FloatArray) -> LifeTables:
    exposed = np.full((len(studies), grid.size), np.nan)
    share = exposed.copy()
    for place, study in enumerate(studies):
        part = parts[parts["study"] == study]
        before = np.append(1.0, part["survival"].to_numpy()[:-1])
        alive = before > 0  # after the last event of a curve that falls to 0 there is nothing to survive
        share[place, : len(part)][alive] = part["survival"].to_numpy()[alive] / before[alive]
        exposed[place, : len(part)][alive] = part["at_risk"].to_numpy()[alive]
    yi = np.arcsin(np.sqrt((exposed * share + 0.25) / (exposed + 0.5)))
    vi = 0.25 / (exposed + 0.5)
    reached = ~np.all(np.isnan(yi), axis=0)
    first = parts[parts["time"] == grid[0]]
    return LifeTables(
        tuple(studies),
        grid[reached],
        yi[:, reached],
        vi[:, reached],
        exposed[:, reached],
        float(first["at_risk"].sum()),
    )


def _faults(study: str, part: pd.DataFrame) -> list[Fault]:
    survival = part["survival"].to_numpy()
    alive = np.append(1.0, survival[:-1]) > 0
    checks = (
        (~np.isfinite(part["time"].to_numpy()) | (part["time"].to_numpy() <= 0), "time", "Give a time above 0."),
        (np.append(False, np.diff(part["time"]) == 0), "time", "Give one row per cohort and time."),
        (~((survival >= 0) & (survival <= 1)), "survival", "Give a fraction from 0 to 1."),
        (np.diff(survival, prepend=1.0) > 0, "survival", "Survival cannot rise: check the curve."),
        (~(part["at_risk"].to_numpy() > 0) & alive, "at_risk", "Give the patients exposed, above 0, or end earlier."),
    )
    return [
        Fault("survival table", f"cohort '{study}' has {column} {part[column].iloc[place]:g}.", mend, column=column)
        for broken, column, mend in checks
        for place in np.flatnonzero(broken)
    ]


def _gaps(study: str, parts: pd.DataFrame, grid: FloatArray) -> list[Fault]:
    own = parts.loc[parts["study"] == study, "time"].to_numpy()
    skipped = np.setdiff1d(grid[grid <= own.max()], own)
    mend = "Read every curve at the same times up to its end."
    return [
        Fault("survival table", f"cohort '{study}' has no row at time {time:g}, which others have.", mend)
        for time in skipped
    ]


def _rows(name: str, records: SurvivalRecords, grid: FloatArray) -> pd.DataFrame:
    curve = fit_kaplan_meier(records.duration, records.event, entry=records.entry)
    known = grid if curve.survival[-1] == 0 else grid[grid <= curve.time[-1]]
    survival = survival_at(curve, known)["survival"].to_numpy()
    starts = np.append(0.0, known)[: known.size]
    alive = np.append(1.0, survival)[: known.size] > 0
    # Exposed: at risk at the start, those entering or censored on the way counted half (Cutler and Ederer 1958).
    at_risk = np.array(
        [
            np.sum((records.entry <= start) & (records.duration > start))
            + np.sum((records.entry > start) & (records.entry < end)) / 2
            - np.sum((records.duration > start) & (records.duration < end) & ~records.event) / 2
            for start, end in zip(starts, known, strict=True)
        ]
    )
    part = pd.DataFrame({"study": name, "time": known, "survival": survival, "at_risk": at_risk})
    return part[alive].reset_index(drop=True)


def _default_grid(records: Sequence[SurvivalRecords]) -> FloatArray:
    events = np.concatenate([one.duration[one.event] for one in records])
    ends = np.sort([one.duration.max() for one in records])
    last = float(ends[-2] if ends.size > 1 else ends[-1])
    inside = events[events <= last]
    if inside.size == 0:
        return np.array([last])
    steps = np.quantile(inside, np.arange(1, _DEFAULT_INTERVALS + 1) / _DEFAULT_INTERVALS)
    first_end = float(ends[0])
    return np.unique(np.minimum(steps, last)) if steps[0] <= first_end else np.unique(np.append(first_end, steps))
