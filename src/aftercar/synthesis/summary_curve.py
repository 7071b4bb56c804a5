"""Summary survival curve of several cohorts with random effects and no assumed shape (Combescure et al. 2014).

Survival to a time is a product of conditional survivals, one an interval of a common grid. Each is pooled over the
cohorts on the arcsine scale, all intervals together, since a cohort that does well early may do well late: the
between-cohort covariance is estimated by the multivariate method of moments of Jackson et al. 2010.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

import numpy as np
import pandas as pd
from scipy.stats import chi2

from aftercar.foundation import NotPoolableError
from aftercar.synthesis._life_tables import LifeTables, read_life_tables, tabulate_survival
from aftercar.synthesis.counts import check_choice, check_level
from aftercar.synthesis.inverse_variance import critical_value
from aftercar.synthesis.kaplan_meier import CONF_TYPES, ConfType
from aftercar.synthesis.medians import two_cohorts_note
from aftercar.synthesis.results import FloatArray, IntArray

QuantileKind = Literal["z", "t"]
QUANTILE_KINDS: tuple[QuantileKind, ...] = get_args(QuantileKind)

__all__ = ["SummarySurvivalCurve", "pool_survival_curves", "tabulate_survival"]


@dataclass(frozen=True, slots=True, eq=False)
class SummarySurvivalCurve:
    """Survival of the typical cohort at the times of a grid; between them it is drawn as a straight line.

    Attributes
    ----------
    time, survival, ci_lb, ci_ub, pi_lb, pi_ub
        Shape (m + 1,), from (0, 1) on. The prediction limits are for the true survival of a new cohort.
    k, at_risk
        Cohorts, and patients exposed, in the interval that ends at each time; at time 0 all.
    median, median_ci_lb, median_ci_ub
        Where line and limits cross one half; None where they do not.
    restricted_mean, restricted_mean_se
        Area under the line up to the last time.
    q, q_df, q_p, i2
        Heterogeneity over all intervals: Cochran's Q, and the share of variance that is not sampling error [%].
    tau2
        Between-cohort variance per interval (arcsine scale), shape (m,).
    """

    time: FloatArray
    survival: FloatArray
    ci_lb: FloatArray
    ci_ub: FloatArray
    pi_lb: FloatArray
    pi_ub: FloatArray
    k: tuple[int, ...]
    at_risk: FloatArray
    level: float
    conf_type: ConfType
    median: float | None
    median_ci_lb: float | None
    median_ci_ub: float | None
    restricted_mean: float
    restricted_mean_se: float
    q: float
    q_df: int
    q_p: float | None
    i2: float | None
    tau2: FloatArray
    method_card: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def to_frame(self) -> pd.DataFrame:
        """Return one row per time, ready for a table or a file."""
        names = ("time", "survival", "ci_lb", "ci_ub", "pi_lb", "pi_ub", "k", "at_risk")
        return pd.DataFrame({name: getattr(self, name) for name in names})


def pool_survival_curves(
    table: pd.DataFrame,
    *,
    random_effects: bool = True,
    conf_type: ConfType = "log-log",
    interval: QuantileKind = "t",
    level: float = 0.95,
) -> SummarySurvivalCurve:
    """Pool survival read off several cohorts' curves at common times.

    Parameters
    ----------
    table
        Columns `study`, `time`, `survival` (fraction) and `at_risk`: patients exposed in the interval that ends at
        `time` (at risk at its start, less half of those censored in it). Each cohort has a row at every time of the
        grid up to its last. `tabulate_survival` makes it from individual data.
    random_effects
        False for one true curve (common effect), whose interval ignores differences between cohorts.
    conf_type
        Scale of the intervals: ``log`` (as in the paper; cut at 1), ``log-log``, or ``plain``.
    interval
        ``t`` on cohorts less one, as the spread between cohorts is estimated; ``z`` as in the paper, which holds the
        truth too seldom where cohorts differ. A common effect takes ``z`` always.
    level
        Coverage of the pointwise intervals.

    Raises
    ------
    InputError
        Columns missing, survival outside 0 to 1 or rising, a cohort that skips a time of the grid, nobody at risk.
    NotPoolableError
        One cohort only.

    Notes
    -----
    With few patients in an interval and many intervals, the curve is drawn downwards: with 8 cohorts of 10 and 12
    intervals S(12) = 0.354 came out as 0.273 on average, with 3 intervals as 0.350 (docs/explanation/survival.md). A
    grid of 3 to 6 times is enough.

    References
    ----------
    Combescure, Foucher & Jackson 2014; Jackson, White & Thompson 2010. Checked against the R package metaSurvival 0.1.0
    in tests/verification/synthesis.
    """
    check_level(level)
    check_choice(conf_type, CONF_TYPES, name="conf_type")
    check_choice(interval, QUANTILE_KINDS, name="interval")
    tables = read_life_tables(table)
    if len(tables.studies) < 2:
        raise NotPoolableError(
            "A summary curve needs two cohorts or more; there is one. Report its own Kaplan-Meier curve."
        )
    between = _between_covariance(tables) if random_effects else np.zeros((tables.grid.size, tables.grid.size))
    kind: QuantileKind = interval if random_effects else "z"
    choices = _describe_choices(random_effects, conf_type, kind)
    notes = _notes(tables, random_effects, kind)
    return _summarise(tables, between, level=level, conf_type=conf_type, kind=kind, choices=choices, notes=notes)


def _summarise(
    tables: LifeTables,
    between: FloatArray,
    *,
    level: float,
    conf_type: ConfType,
    kind: QuantileKind,
    choices: dict[str, str],
    notes: tuple[str, ...],
) -> SummarySurvivalCurve:
    beta, covariance = _pool(tables, between)
    quantile = critical_value(level, len(tables.studies) - 1 if kind == "t" else None)
    ci_lb, ci_ub = _limits(beta, covariance, quantile, conf_type)
    pi_lb, pi_ub = _limits(beta, covariance + between, quantile, conf_type)
    time, survival = np.append(0.0, tables.grid), np.append(1.0, np.cumprod(np.sin(beta) ** 2))
    lower, upper = np.append(1.0, ci_lb), np.append(1.0, ci_ub)
    area, area_se = _area(time, survival, beta, covariance)
    q, df = _heterogeneity(tables)
    return SummarySurvivalCurve(
        time=time,
        survival=survival,
        ci_lb=lower,
        ci_ub=upper,
        pi_lb=np.append(1.0, pi_lb),
        pi_ub=np.append(1.0, pi_ub),
        k=(len(tables.studies), *_cohorts_left(tables).tolist()),
        at_risk=np.append(tables.at_start, np.nansum(tables.exposed, axis=0)),
        level=level,
        conf_type=conf_type,
        median=_half_time(time, survival),
        median_ci_lb=_half_time(time, lower),
        median_ci_ub=_half_time(time, upper),
        restricted_mean=area,
        restricted_mean_se=area_se,
        q=q,
        q_df=df,
        q_p=float(chi2.sf(q, df)) if df > 0 else None,
        i2=100 * max(0.0, (q - df) / q) if df > 0 and q > 0 else None,
        tau2=np.diag(between).copy(),
        method_card=choices,
        notes=notes,
    )


def _cohorts_left(tables: LifeTables) -> IntArray:
    counts: IntArray = np.sum(~np.isnan(tables.yi), axis=0, dtype=np.int64)
    return counts


def _between_covariance(tables: LifeTables) -> FloatArray:
    """Return the between-cohort covariance by moments, its negative eigenvalues set to zero.

    An interval that one cohort alone reaches tells nothing of differences: its entries are zero.
    """
    size = tables.grid.size
    between = np.zeros((size, size))
    for i in range(size):
        for j in range(i, size):
            both = ~np.isnan(tables.yi[:, i]) & ~np.isnan(tables.yi[:, j])
            if both.sum() < 2:
                continue
            weight = 1 / np.sqrt(tables.vi[both, i] * tables.vi[both, j])
            y_i, y_j = tables.yi[both, i], tables.yi[both, j]
            q = weight @ ((y_i - np.average(y_i, weights=weight)) * (y_j - np.average(y_j, weights=weight)))
            # Sampling errors of different intervals are independent, so that only the diagonal has any to take off.
            chance = both.sum() - 1 if i == j else 0
            between[i, j] = between[j, i] = (q - chance) / (weight.sum() - (weight**2).sum() / weight.sum())
    values, vectors = np.linalg.eigh(between)
    truncated: FloatArray = (vectors * np.maximum(values, 0)) @ vectors.T
    return truncated


def _pool(tables: LifeTables, between: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the generalised least-squares means on the arcsine scale, kept inside 0 to π/2, and their covariance."""
    size = tables.grid.size
    information, score = np.zeros((size, size)), np.zeros(size)
    for y, v in zip(tables.yi, tables.vi, strict=True):
        there = np.flatnonzero(~np.isnan(y))
        block = np.ix_(there, there)
        weight = np.linalg.inv(np.diag(v[there]) + between[block])
        information[block] += weight
        score[there] += weight @ y[there]
    covariance: FloatArray = np.linalg.inv(information).astype(np.float64)
    return np.clip(covariance @ score, 0, np.pi / 2), covariance


def _heterogeneity(tables: LifeTables) -> tuple[float, int]:
    """Return Cochran's Q over all cohorts and intervals, and its degrees of freedom."""
    weight = 1 / tables.vi
    mean = np.nansum(weight * tables.yi, axis=0) / np.nansum(weight, axis=0)
    return float(np.nansum(weight * (tables.yi - mean) ** 2)), int((~np.isnan(tables.yi)).sum()) - tables.grid.size


def _log_gradient(beta: FloatArray) -> FloatArray:
    """Return d log S(t_j) / d β_a, shape (m, m): 2 cot β_a for a up to j."""
    return np.tril(np.ones((beta.size, beta.size))) * (2 / np.tan(np.maximum(beta, np.finfo(float).tiny)))


def _limits(
    beta: FloatArray, covariance: FloatArray, quantile: float, conf_type: ConfType
) -> tuple[FloatArray, FloatArray]:
    gradient = _log_gradient(beta)
    log_se = np.sqrt(np.maximum(np.einsum("ja,ab,jb->j", gradient, covariance, gradient), 0))
    survival = np.cumprod(np.sin(beta) ** 2)
    log_s = np.minimum(np.log(np.maximum(survival, np.finfo(float).tiny)), -np.finfo(float).tiny)
    if conf_type == "plain":
        lower, upper = survival - quantile * survival * log_se, survival + quantile * survival * log_se
    elif conf_type == "log":
        lower, upper = np.exp(log_s - quantile * log_se), np.exp(log_s + quantile * log_se)
    else:
        spread = np.exp(quantile * log_se / -log_s)
        lower, upper = np.exp(log_s * spread), np.exp(log_s / spread)
    return np.clip(lower, 0, 1), np.clip(upper, 0, 1)


def _area(time: FloatArray, survival: FloatArray, beta: FloatArray, covariance: FloatArray) -> tuple[float, float]:
    """Return the area under the straight lines and its standard error by the delta method."""
    width = np.diff(time)
    area = float(width @ (survival[:-1] + survival[1:]) / 2)
    share = (width + np.append(width[1:], 0.0)) / 2  # each S(t_j) stands in the trapezia on both its sides
    gradient = (share * survival[1:]) @ _log_gradient(beta)
    return area, float(np.sqrt(max(0.0, gradient @ covariance @ gradient)))


def _half_time(time: FloatArray, height: FloatArray) -> float | None:
    """Return where the straight lines first reach one half."""
    below = np.flatnonzero(height <= 0.5)
    if below.size == 0:
        return None
    j = below[0]
    return float(time[j - 1] + (time[j] - time[j - 1]) * (height[j - 1] - 0.5) / (height[j - 1] - height[j]))


def _describe_choices(random_effects: bool, conf_type: ConfType, kind: QuantileKind) -> dict[str, str]:
    return {
        "pooled quantity": "conditional survival per interval of the grid",
        "scale": "arcsine of the square root, with 1/4 added to survivors and 1/2 to patients",
        "between cohorts": "multivariate method of moments (Jackson 2010)" if random_effects else "none: common effect",
        "interval": f"delta method on the {conf_type} scale, pointwise, {'t' if kind == 't' else 'normal'} quantile",
        "between grid times": "straight lines",
    }


def _notes(tables: LifeTables, random_effects: bool, kind: QuantileKind) -> tuple[str, ...]:
    notes = []
    few = tables.grid[_cohorts_left(tables) < max(2, len(tables.studies) / 2)]
    if few.size:
        notes.append(
            f"From time {few[0]:g} on, fewer than half of the cohorts are left: that part speaks for them only."
        )
    if not random_effects:
        notes.append("One true curve is assumed: the interval ignores differences between cohorts.")
    elif kind == "z" and len(tables.studies) < 5:
        notes.append(
            f"With {len(tables.studies)} cohorts the spread between them is hardly known; interval 'z' takes it as "
            "known and is likely too narrow."
        )
    notes.extend(two_cohorts_note(len(tables.studies), kind))
    return tuple(notes)
