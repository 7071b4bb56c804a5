"""Endpoints of the arms of a trial, from its tables. Simulated, and labelled so.

Two kinds of interval stand apart. `ci_lb`, `ci_ub` hold sampling: what a trial of that many patients would print if
patients were as simulated. `parameters_lb`, `parameters_ub` hold what is open about the population's parameters: how
far the arm's true value moves between parameter sets, without the luck of patients (`patients/parameter_spread.py`).
What each endpoint means, and when a patient is censored, stands in `trials/endpoint_records.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
import pandas as pd

from aftercar.foundation import Fault, InputError
from aftercar.patients.kinetics import MONTH
from aftercar.patients.parameter_spread import spread_of_share
from aftercar.synthesis import estimate_proportion, median_survival, restricted_mean
from aftercar.synthesis.counts import check_level
from aftercar.trials.endpoint_records import (
    LEVEL,
    RATES,
    TIMES,
    CountFrom,
    fit_curve,
    take_records,
    take_responses,
)
from aftercar.trials.survival_spread import spread_of_median, spread_of_restricted_mean
from aftercar.trials.tables import TrialTables

_FEW = 5  # a number with at most so many distinct values is taken as categories
_LIMITS = ("estimate", "ci_lb", "ci_ub")
_SPREAD = ("parameters_lb", "parameters_ub")


def summarise(
    tables: TrialTables, *, level: float = LEVEL, count_from: CountFrom = "treatment", horizon: float | None = None
) -> pd.DataFrame:
    """Return all endpoints of all arms.

    Rates have Clopper-Pearson intervals; medians are Kaplan-Meier's with limits where the log-log limits of the curve
    cross one half, NaN where not reached. `parameters_lb` and `parameters_ub` are the interval, over the parameter sets
    of the patients, of what the arm would give with endless patients: one-way random effects, set values drawn towards
    the mean so that they spread as the true ones do (Louis 1984), their quantiles. NaN with a single set.

    Parameters
    ----------
    level
        Coverage of both intervals.
    horizon
        Day up to which restricted means are added (rows ``RMST_PFS`` ...); NaN where an arm is not followed so long.

    Returns
    -------
    DataFrame
        Columns arm, measure, events, n, estimate, ci_lb, ci_ub, parameters_lb, parameters_ub, unit (share or month) and
        kind (simulated). One row per arm and endpoint, also where nobody counts (n = 0, NaN).
    """
    check_level(level)
    if horizon is not None and not (np.isfinite(horizon) and horizon > 0):
        raise InputError(Fault("horizon", f"the horizon is {horizon}.", "Give a number of days above 0."))
    parts = []
    for measure in RATES:
        rows = _with_sets(tables, take_responses(tables, measure, count_from=count_from))
        parts.append([_rate_row(part, level) | {"measure": measure, "arm": arm} for arm, part in _by_arm(tables, rows)])
    for measure in TIMES:
        rows = _with_sets(tables, take_records(tables, measure, count_from=count_from))
        parts.append(
            [_median_row(part, level) | {"measure": measure, "arm": arm} for arm, part in _by_arm(tables, rows)]
        )
        if horizon is not None:
            parts.append(
                [
                    _mean_row(part, horizon, level) | {"measure": f"RMST_{measure}", "arm": arm}
                    for arm, part in _by_arm(tables, rows)
                ]
            )
    columns = ["arm", "measure", "events", "n", *_LIMITS, *_SPREAD, "unit"]
    table = pd.DataFrame([row for part in zip(*parts, strict=True) for row in part], columns=columns)
    return table.assign(kind="simulated")


def compare_by_mechanism(tables: TrialTables, *, least: int = 10, level: float = LEVEL) -> pd.DataFrame:
    """Return the response rate of each arm by mechanism of relapse: where a strategy works and where it fails.

    Columns arm, mechanism, events, n, estimate, ci_lb, ci_ub; treated patients. Mechanisms of fewer than `least`
    patients have their counts and no estimate.
    """
    found = compare_by_covariate(tables, "mechanism", "ORR", least=least, level=level)
    return found.rename(columns={"subgroup": "mechanism"})[["arm", "mechanism", "events", "n", *_LIMITS]]


def compare_by_covariate(
    tables: TrialTables,
    covariate: str,
    measure: str,
    *,
    edges: Sequence[float] | None = None,
    least: int = 10,
    level: float = LEVEL,
    count_from: CountFrom = "treatment",
) -> pd.DataFrame:
    """Return an endpoint of each arm in subgroups of patients.

    Subgroups are looked at one by one: many of them will show a difference by luck, and the intervals do not allow for
    that.

    Parameters
    ----------
    covariate
        A column of `tables.subjects`. Words, flags and numbers of at most five values are categories; other numbers are
        cut. Patients without a value are a subgroup of their own, ``unknown``.
    measure
        A rate or a time (`RATES`, `TIMES`); times by their median.
    edges
        Where numbers are cut: a patient at an edge belongs above it. None: the median of all patients.
    least
        Subgroups with fewer patients have their counts and no estimate.

    Returns
    -------
    DataFrame
        Columns arm, covariate, subgroup, measure, events, n, estimate, ci_lb, ci_ub, unit.
    """
    check_level(level)
    groups = group_subjects(tables, covariate, edges=edges)
    if measure in RATES:
        rows, make = take_responses(tables, measure, count_from=count_from), _rate_estimate
    else:
        rows, make = take_records(tables, measure, count_from=count_from), _median_estimate
    rows["subgroup"] = rows["patient"].map(groups)
    found = []
    for arm, part in _by_arm(tables, rows):
        for subgroup in groups.cat.categories:
            some = part[part["subgroup"] == subgroup]
            if len(some):
                row = {"arm": arm, "covariate": covariate, "subgroup": str(subgroup), "measure": measure}
                found.append(row | _counts(some) | make(some if len(some) >= least else some.iloc[:0], level))
    return pd.DataFrame(
        found, columns=["arm", "covariate", "subgroup", "measure", "events", "n", *_LIMITS]
    ).assign(unit="share" if measure in RATES else "month")  # fmt: skip


def group_subjects(tables: TrialTables, covariate: str, *, edges: Sequence[float] | None = None) -> pd.Series:
    """Return the subgroup of each patient, as ordered categories, indexed by patient; see `compare_by_covariate`."""
    if covariate not in tables.subjects or covariate == "patient":
        known = ", ".join(str(name) for name in tables.subjects if name != "patient")
        raise InputError(Fault("covariate", f"'{covariate}' is no column of the subjects.", f"Use one of {known}."))
    values = tables.subjects.set_index("patient")[covariate]
    numeric = pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)
    if edges is None and (not numeric or values.nunique() <= _FEW):
        labels = sorted(values.dropna().unique())
        named = values.map({label: _category(label) for label in labels})
        order = [_category(label) for label in labels]
    else:
        if not numeric:
            raise InputError(Fault("edges", f"'{covariate}' holds words, which have no order.", "Leave edges out."))
        cuts = [float(values.median())] if edges is None else sorted(float(edge) for edge in edges)
        if not cuts or not np.all(np.isfinite(cuts)) or len(set(cuts)) < len(cuts):
            raise InputError(Fault("edges", f"the edges are {cuts}.", "Give distinct numbers."))
        inner = [f"{low:g} to <{high:g}" for low, high in pairwise(cuts)]
        order = [f"<{cuts[0]:g}", *inner, f">={cuts[-1]:g}"]
        place = np.searchsorted(cuts, values.to_numpy(dtype=np.float64), side="right")
        named = pd.Series(np.array(order, dtype=object)[place], index=values.index).where(values.notna())
    if values.isna().any():
        order.append("unknown")
    kinds = pd.CategoricalDtype(list(dict.fromkeys(order)), ordered=True)
    return named.astype(kinds).fillna("unknown") if values.isna().any() else named.astype(kinds)


def _category(label: object) -> str:
    return f"{label:g}" if isinstance(label, float) else str(label)


def _with_sets(tables: TrialTables, rows: pd.DataFrame) -> pd.DataFrame:
    """Add the parameter set of each patient."""
    return rows.assign(parameter_set=rows["patient"].map(tables.subjects.set_index("patient")["parameter_set"]))


def _by_arm(tables: TrialTables, rows: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield every arm in the order of the outcomes, also one in which nobody counts."""
    for arm in pd.unique(tables.outcomes["arm"]):
        yield str(arm), rows[rows["arm"] == arm]


def _counts(rows: pd.DataFrame) -> dict[str, object]:
    return {"events": int(rows["event"].sum()), "n": len(rows)}


def _rate_row(rows: pd.DataFrame, level: float) -> dict[str, object]:
    spread = spread_of_share(rows["event"], rows["parameter_set"], level=level)
    return _counts(rows) | _rate_estimate(rows, level) | _pair(spread) | {"unit": "share"}


def _median_row(rows: pd.DataFrame, level: float) -> dict[str, object]:
    spread = spread_of_median(rows, rows["parameter_set"].to_numpy(), level=level)
    return _counts(rows) | _median_estimate(rows, level) | _pair(spread, MONTH) | {"unit": "month"}


def _mean_row(rows: pd.DataFrame, horizon: float, level: float) -> dict[str, object]:
    row = _counts(rows) | {"unit": "month"} | dict.fromkeys((*_LIMITS, *_SPREAD), np.nan)
    if not len(rows):
        return row
    curve = fit_curve(rows, level=level)
    if curve.survival[-1] > 0 and curve.time[-1] < horizon:
        return row
    mean = restricted_mean(curve, tau=horizon)
    spread = spread_of_restricted_mean(rows, rows["parameter_set"].to_numpy(), tau=horizon, level=level)
    return row | {name: getattr(mean, name) / MONTH for name in _LIMITS} | _pair(spread, MONTH)


def _rate_estimate(rows: pd.DataFrame, level: float) -> dict[str, object]:
    if not len(rows):
        return dict.fromkeys(_LIMITS, np.nan)
    found = estimate_proportion(int(rows["event"].sum()), len(rows), level=level)
    return {name: getattr(found, name) for name in _LIMITS}


def _median_estimate(rows: pd.DataFrame, level: float) -> dict[str, object]:
    if not len(rows):
        return dict.fromkeys(_LIMITS, np.nan)
    median = median_survival(fit_curve(rows, level=level))
    days = {name: getattr(median, name) for name in _LIMITS}
    return {name: np.nan if day is None else day / MONTH for name, day in days.items()}


def _pair(limits: tuple[float, float], unit: float = 1.0) -> dict[str, object]:
    return {name: limit / unit for name, limit in zip(_SPREAD, limits, strict=True)}
