"""Two or more groups of individual survival data held against each other: log-rank family, hazard ratio.

The log-rank test is own code, so that delayed entry and any number of groups are there; the proportional-hazards fit is
lifelines' (Efron's ties), which agrees with R `survival` (tests/verification/synthesis).
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import chi2, norm

from aftercar.foundation import Fault, InputError, NotPoolableError
from aftercar.synthesis.counts import check_level
from aftercar.synthesis.kaplan_meier import SurvivalRecords, survival_records
from aftercar.synthesis.results import FloatArray


@dataclass(frozen=True, slots=True)
class LogRank:
    """Test that all groups share one survival curve.

    `observed` and `expected` events stand in the order of `groups`; with `rho` above 0 they are weighted by S(t)^rho.
    """

    groups: tuple[str, ...]
    observed: tuple[float, ...]
    expected: tuple[float, ...]
    statistic: float
    df: int
    p: float
    rho: float


@dataclass(frozen=True, slots=True)
class HazardRatio:
    """Hazard of `group` over that of `reference`, assumed constant in time (Cox, Efron's ties, Wald interval)."""

    group: str
    reference: str
    estimate: float
    ci_lb: float
    ci_ub: float
    coefficient: float
    se: float
    p: float
    level: float


def log_rank(groups: Mapping[str, pd.DataFrame], *, rho: float = 0.0, strata: str | None = None) -> LogRank:
    """Test whether groups differ in survival.

    Parameters
    ----------
    groups
        By name, a table with columns `time`, `event` and, where patients entered late, `entry`.
    rho
        0 for the log-rank test; 1 for Peto and Peto's weights, which stress early differences.
    strata
        Column of strata: patients are compared within each, and the differences are summed.

    Raises
    ------
    InputError
        Fewer than two groups, or records that cannot be right.
    NotPoolableError
        No event at which two groups were at risk: there is nothing to compare.

    References
    ----------
    Harrington & Fleming 1982. Checked against R survdiff in tests/verification/synthesis and validation/trials.
    """
    names, records = read_groups(groups)
    within = _strata(groups, strata)
    observed, expected = np.zeros(len(names)), np.zeros(len(names))
    covariance, total = np.zeros((len(names), len(names))), 0.0
    for stratum in dict.fromkeys(np.concatenate(within).tolist()):
        parts = [_select(one, labels == stratum) for one, labels in zip(records, within, strict=True)]
        o, e, v, spread = _differences(parts, rho)
        observed, expected, covariance, total = observed + o, expected + e, covariance + v, total + spread
    # The groups' differences sum to zero, so that the covariance has no inverse: what is invertible of it is used, and
    # its rank is the degrees of freedom. What rounding leaves of a zero is 1e-16 of the whole.
    values, vectors = np.linalg.eigh(covariance)
    real = values > 1e-12 * total
    if not real.any():
        raise NotPoolableError(
            "Groups cannot be compared: at no event were patients of two groups at risk together. "
            "Report each group's curve by itself."
        )
    along = vectors[:, real].T @ (observed - expected)
    statistic, df = float(np.sum(along**2 / values[real])), int(real.sum())
    return LogRank(
        groups=names,
        observed=tuple(observed.tolist()),
        expected=tuple(expected.tolist()),
        statistic=statistic,
        df=df,
        p=float(chi2.sf(statistic, df)),
        rho=rho,
    )


def _differences(records: Sequence[SurvivalRecords], rho: float) -> tuple[FloatArray, FloatArray, FloatArray, float]:
    """Return observed and expected events of each group, the covariance of their differences, and the scale of it."""
    event_times = np.unique(np.concatenate([one.duration[one.event] for one in records]))
    at_risk = np.array([_at_risk(one, event_times) for one in records])
    events = np.array([_events(one, event_times) for one in records])
    d, n = events.sum(axis=0), at_risk.sum(axis=0)
    survival_before = np.concatenate([[1.0], np.cumprod(1 - d / n)])[: d.size]
    weight = survival_before**rho
    share = at_risk / n
    observed, expected = (weight * events).sum(axis=1), (weight * d * share).sum(axis=1)
    spread = weight**2 * d * np.where(n > 1, (n - d) / np.maximum(n - 1, 1), 0.0)
    covariance = np.diag((spread * share).sum(axis=1)) - (spread * share) @ share.T
    return observed, expected, covariance, float(spread.sum())


def _strata(groups: Mapping[str, pd.DataFrame], strata: str | None) -> list[npt.NDArray[np.generic]]:
    """Return the stratum of each patient, group by group; one stratum if none is named."""
    if strata is None:
        return [np.zeros(len(table)) for table in groups.values()]
    faults = [
        Fault(name, f"column {strata} of the strata is missing or has empty cells.", "Give each patient a stratum.")
        for name, table in groups.items()
        if strata not in table or table[strata].isna().any()
    ]
    if faults:
        raise InputError(faults)
    return [table[strata].to_numpy() for table in groups.values()]


def _select(records: SurvivalRecords, chosen: npt.NDArray[np.bool_]) -> SurvivalRecords:
    return SurvivalRecords(records.duration[chosen], records.event[chosen], records.entry[chosen])


def fit_hazard_ratio(groups: Mapping[str, pd.DataFrame], *, level: float = 0.95) -> HazardRatio:
    """Estimate the hazard ratio of the second group against the first, which is the reference.

    Between cohorts of different studies this is a naive comparison: patients were not randomised, and the ratio mixes
    the treatment with who was treated.

    Parameters
    ----------
    groups
        Two tables by name, columns as for `log_rank`.

    Raises
    ------
    NotPoolableError
        While both groups are at risk, only one of them has events: the ratio is 0 or infinite, without an interval.
    """
    check_level(level)
    names, records = read_groups(groups)
    if len(names) != 2:
        raise InputError(Fault("groups", f"there are {len(names)} groups.", "Give two; the first is the reference."))
    _check_ratio_exists(names, records)
    from lifelines import CoxPHFitter  # imported here: it takes a second, and most uses need no hazard ratio
    from lifelines.exceptions import ConvergenceWarning

    table = pd.concat(
        [
            pd.DataFrame({"duration": one.duration, "event": one.event, "entry": one.entry, "group": float(place)})
            for place, one in enumerate(records)
        ]
    )
    late = bool((table["entry"] > 0).any())
    with warnings.catch_warnings():
        # It suspects separation from a correlation; whether there is any was checked above, exactly.
        warnings.simplefilter("ignore", ConvergenceWarning)
        fit = CoxPHFitter().fit(
            table if late else table.drop(columns="entry"),
            "duration",
            "event",
            entry_col="entry" if late else None,
            fit_options={"precision": 1e-12},  # by default it stops 4e-5 short of the maximum on R's veteran data
        )
    coefficient, se = float(fit.params_["group"]), float(fit.standard_errors_["group"])
    z = float(norm.ppf((1 + level) / 2))
    return HazardRatio(
        group=names[1],
        reference=names[0],
        estimate=float(np.exp(coefficient)),
        ci_lb=float(np.exp(coefficient - z * se)),
        ci_ub=float(np.exp(coefficient + z * se)),
        coefficient=coefficient,
        se=se,
        p=float(2 * norm.sf(abs(coefficient) / se)),
        level=level,
    )


def _check_ratio_exists(names: tuple[str, ...], records: list[SurvivalRecords]) -> None:
    """Refuse where the likelihood has no maximum: one group has every event that happens while both are at risk."""
    times = np.unique(np.concatenate([one.duration[one.event] for one in records]))
    both = np.all([_at_risk(one, times) > 0 for one in records], axis=0)
    without = [name for name, one in zip(names, records, strict=True) if not _events(one, times)[both].any()]
    if without:
        raise NotPoolableError(
            f"No hazard ratio: while both groups are at risk there is no event in {' or '.join(without)}, so that the "
            "ratio is 0, infinite or unknown. Compare restricted means instead."
        )


def read_groups(groups: Mapping[str, pd.DataFrame], *, least: int = 2) -> tuple[tuple[str, ...], list[SurvivalRecords]]:
    """Return the names and the checked records of `least` or more groups, or raise with every fault found."""
    if len(groups) < least:
        raise InputError(Fault("groups", f"there is {len(groups)} group.", f"Give {least} or more."))
    records: list[SurvivalRecords] = []
    faults: list[Fault] = []
    for name, table in groups.items():
        try:
            records.append(_read_group(name, table))
        except InputError as error:
            faults.extend(error.faults)
    if faults:
        raise InputError(faults)
    return tuple(groups), records


def _read_group(name: str, table: pd.DataFrame) -> SurvivalRecords:
    missing = [column for column in ("time", "event") if column not in table.columns]
    if missing:
        raise InputError(
            Fault(name, f"column {missing[0]} is missing.", "Give columns time, event and, if need be, entry.")
        )
    entry = table["entry"] if "entry" in table.columns else None
    return survival_records(table["time"], table["event"], entry=entry, label=name)


def _at_risk(records: SurvivalRecords, times: FloatArray) -> FloatArray:
    entered = np.searchsorted(np.sort(records.entry), times, side="left")
    left = np.searchsorted(np.sort(records.duration), times, side="left")
    return (entered - left).astype(float)


def _events(records: SurvivalRecords, times: FloatArray) -> FloatArray:
    return np.bincount(np.searchsorted(times, records.duration[records.event]), minlength=times.size).astype(float)
