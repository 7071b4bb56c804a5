"""Survival of several cohorts as one: all patients in one curve, or the cohorts' restricted means pooled.

Neither answers the other's question. The one-stage curve is that of the patients as they happen to be mixed here;
the random-effects mean, like the summary curve of `summary_curve.py`, is that of the typical cohort.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from aftercar.foundation import NotPoolableError
from aftercar.synthesis.counts import check_level
from aftercar.synthesis.inverse_variance import pool_inverse_variance
from aftercar.synthesis.kaplan_meier import ConfType, SurvivalCurve, SurvivalRecords, fit_kaplan_meier
from aftercar.synthesis.medians import two_cohorts_note
from aftercar.synthesis.results import Heterogeneity, IntervalKind, Tau2Method
from aftercar.synthesis.survival_comparison import LogRank, log_rank, read_groups
from aftercar.synthesis.survival_summaries import (
    RestrictedMean,
    SurvivalQuantile,
    check_horizon_value,
    median_survival,
    restricted_mean,
    reverse_kaplan_meier,
)


@dataclass(frozen=True, slots=True, eq=False)
class OneStageCurve:
    """All patients of all cohorts in one Kaplan-Meier curve.

    Attributes
    ----------
    curve, median
        As if all patients were one sample: the interval knows nothing of differences between cohorts.
    by_study
        One row a cohort: `study`, `n`, `events`, `median`, `ci_lb`, `ci_ub`, `median_follow_up` (reverse
        Kaplan-Meier), all NaN where not reached, `last_follow_up`, `share` of the patients [%].
    between_studies
        Log-rank test that all cohorts share one curve; None with one cohort or where they cannot be compared.
    """

    curve: SurvivalCurve
    median: SurvivalQuantile
    by_study: pd.DataFrame
    between_studies: LogRank | None
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class PooledRestrictedMean:
    """Mean of the cohorts' restricted means up to `tau`, with random effects [time unit of the data].

    `by_study` has one row a cohort: `study`, `n`, `events`, `rmst`, `se`, `weight` [%]. The intervals are kept inside
    [0, tau], where every restricted mean lies.
    """

    tau: float
    estimate: float
    se: float
    ci_lb: float
    ci_ub: float
    level: float
    pi_lb: float | None
    pi_ub: float | None
    k: int
    method: Tau2Method
    interval: IntervalKind
    heterogeneity: Heterogeneity
    by_study: pd.DataFrame
    notes: tuple[str, ...]


def pool_patients(
    studies: Mapping[str, pd.DataFrame], *, conf_type: ConfType = "log-log", level: float = 0.95
) -> OneStageCurve:
    """Put the patients of all cohorts into one Kaplan-Meier curve.

    Large cohorts dominate, and late in follow-up only the cohorts followed longest are left: if they do better, the
    curve bends up without any patient doing so. Where the log-rank test between cohorts is small, prefer
    `pool_survival_curves`.

    Parameters
    ----------
    studies
        By name, a table with columns `time`, `event` and, where patients entered late, `entry`; one unit of time.
    """
    names, records = read_groups(studies, least=1)
    merged = pd.concat([_to_frame(one) for one in records], ignore_index=True)
    curve = fit_kaplan_meier(merged["time"], merged["event"], entry=merged["entry"], conf_type=conf_type, level=level)
    test: LogRank | None = None
    notes = []
    if len(names) > 1:
        notes.append(
            "Patients of different cohorts are treated as one sample: the interval ignores differences between cohorts."
        )
        try:
            test = log_rank({name: _to_frame(one) for name, one in zip(names, records, strict=True)})
        except NotPoolableError as error:
            notes.append(str(error))
    shortest = min(zip(names, records, strict=True), key=lambda pair: pair[1].duration.max())
    if len(names) > 1:
        notes.append(
            f"All cohorts are followed to time {shortest[1].duration.max():g} (end of '{shortest[0]}'); after it the "
            "curve rests on fewer of them."
        )
    return OneStageCurve(
        curve=curve,
        median=median_survival(curve),
        by_study=_by_study(names, records, conf_type, level),
        between_studies=test,
        notes=(*curve.notes, *notes),
    )


def pool_restricted_means(
    studies: Mapping[str, pd.DataFrame],
    *,
    tau: float,
    method: Tau2Method = "reml",
    interval: IntervalKind = "hksj-adhoc",
    level: float = 0.95,
) -> PooledRestrictedMean:
    """Pool the cohorts' restricted mean survival up to `tau` with random effects.

    It needs no proportional hazards and no median reached, but every cohort must be followed to `tau`: leaving out
    those that are not would choose cohorts by their results.

    Parameters
    ----------
    studies
        As for `pool_patients`.
    tau
        Horizon, same unit; `largest_common_horizon` gives the latest possible.

    Raises
    ------
    NotPoolableError
        A cohort is followed less long, or has no event before `tau` and so no error to be weighed by.

    References
    ----------
    Lueza et al. 2016.
    """
    check_level(level)
    check_horizon_value(tau)
    names, records = read_groups(studies, least=1)
    means = _restricted_means(names, records, tau, level)
    pooled = pool_inverse_variance(
        [mean.estimate for mean in means], [mean.se**2 for mean in means], method=method, interval=interval, level=level
    )
    rows = zip(names, means, pooled.weights, strict=True)
    table = [(name, mean.n, mean.n_events, mean.estimate, mean.se, weight) for name, mean, weight in rows]
    limits = [pooled.ci_lb, pooled.ci_ub, *(x for x in (pooled.pi_lb, pooled.pi_ub) if x is not None)]
    cut = ("Limits were cut to [0, tau].",) if min(limits) < 0 or max(limits) > tau else ()

    def inside(limit: float) -> float:
        return min(max(limit, 0.0), float(tau))

    return PooledRestrictedMean(
        tau=float(tau),
        estimate=pooled.estimate,
        se=pooled.se,
        ci_lb=inside(pooled.ci_lb),
        ci_ub=inside(pooled.ci_ub),
        level=level,
        pi_lb=None if pooled.pi_lb is None else inside(pooled.pi_lb),
        pi_ub=None if pooled.pi_ub is None else inside(pooled.pi_ub),
        k=pooled.k,
        method=pooled.method,
        interval=pooled.interval,
        heterogeneity=pooled.heterogeneity,
        by_study=pd.DataFrame(table, columns=["study", "n", "events", "rmst", "se", "weight"]),
        notes=(*pooled.notes, *cut, *two_cohorts_note(pooled.k, pooled.interval)),
    )


def largest_common_horizon(studies: Mapping[str, pd.DataFrame]) -> float:
    """Return the latest tau to which every cohort's curve is known (a curve at 0 stays known)."""
    return _latest_horizon(read_groups(studies, least=1)[1])


def _restricted_means(
    names: tuple[str, ...], records: list[SurvivalRecords], tau: float, level: float
) -> list[RestrictedMean]:
    """Return each cohort's restricted mean, or refuse where one of them has none or cannot be weighed."""
    latest = _latest_horizon(records)
    if tau > latest:
        short = [name for name, one in zip(names, records, strict=True) if _latest_horizon([one]) < tau]
        raise NotPoolableError(
            f"Restricted means to tau = {tau:g} cannot be pooled: follow-up ends earlier in {', '.join(short)}. "
            f"Choose a tau of {latest:g} or less."
        )
    means = [
        restricted_mean(fit_kaplan_meier(one.duration, one.event, entry=one.entry, level=level), tau=tau)
        for one in records
    ]
    exact = [name for name, mean in zip(names, means, strict=True) if mean.se == 0]
    if exact:
        raise NotPoolableError(
            f"Restricted means to tau = {tau:g} cannot be pooled: no error can be given for {', '.join(exact)}, as no "
            "event before tau moves the area. Choose a later tau, or use the summary curve."
        )
    return means


def _latest_horizon(records: list[SurvivalRecords]) -> float:
    curves = [fit_kaplan_meier(one.duration, one.event, entry=one.entry) for one in records]
    ends = [float(curve.time[-1]) for curve in curves if curve.survival[-1] > 0]
    return min(ends) if ends else max(float(curve.time[-1]) for curve in curves)


def _to_frame(records: SurvivalRecords) -> pd.DataFrame:
    return pd.DataFrame({"time": records.duration, "event": records.event, "entry": records.entry})


def _by_study(
    names: tuple[str, ...], records: list[SurvivalRecords], conf_type: ConfType, level: float
) -> pd.DataFrame:
    total = sum(one.duration.size for one in records)
    rows = []
    for name, one in zip(names, records, strict=True):
        median = median_survival(
            fit_kaplan_meier(one.duration, one.event, entry=one.entry, conf_type=conf_type, level=level)
        )
        rows.append(
            {
                "study": name,
                "n": median.n,
                "events": median.n_events,
                "median": median.estimate,
                "ci_lb": median.ci_lb,
                "ci_ub": median.ci_ub,
                "median_follow_up": reverse_kaplan_meier(one.duration, one.event, entry=one.entry).estimate,
                "last_follow_up": float(one.duration.max()),
                "share": 100 * one.duration.size / total,
            }
        )
    table = pd.DataFrame(rows)
    times = ["median", "ci_lb", "ci_ub", "median_follow_up"]
    return table.astype({column: float for column in times})
