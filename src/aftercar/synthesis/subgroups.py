"""Cohorts pooled by group, and a test of whether the groups differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from scipy.special import chdtrc

from aftercar.foundation import Fault, InputError, NotPoolableError
from aftercar.synthesis.counts import check_choice, check_counts
from aftercar.synthesis.glmm import fit_glmm
from aftercar.synthesis.meta_regression import regress_proportions
from aftercar.synthesis.pooling import pool_proportions
from aftercar.synthesis.results import FloatArray, IntervalKind, Method, PooledProportion, Scale
from aftercar.synthesis.weighted_regression import intercept

SharedTau2 = Literal["common", "separate"]


@dataclass(frozen=True, slots=True)
class SubgroupComparison:
    """Groups pooled apart, and the test between them.

    Attributes
    ----------
    groups
        Group -> its pooled proportion with its own tau2, in order of first appearance.
    statistic, df, p_value
        Chi-squared test that all groups have the same mean; None with `notes` saying why where there is no test.
    test
        What the statistic is.
    """

    groups: Mapping[str, PooledProportion]
    statistic: float | None
    df: int | None
    p_value: float | None
    test: str
    notes: tuple[str, ...] = ()


def pool_subgroups(
    groups: Sequence[str],
    events: Any,
    total: Any,
    *,
    method: Method = "glmm",
    scale: Scale = "logit",
    tau2: SharedTau2 = "common",
    level: float = 0.95,
    hksj: bool = False,
) -> SubgroupComparison:
    """Pool each group and test whether their means differ.

    Each group's estimate has its own tau2. The test assumes one tau2 for all groups by default, because a tau2 of few
    cohorts is hardly known; with "separate" it compares the groups' estimates by their own standard errors. Groups of
    single-arm cohorts differ in more than the label: a small p value is no proof that the label is the cause.

    Parameters
    ----------
    groups
        Name of each cohort's group, shape (k,).
    tau2
        "common": likelihood-ratio test (GLMM) or Wald test of the group coefficients (inverse variance).
        "separate": Wald test on the pooled estimates; each group needs two cohorts or more.

    Raises
    ------
    InputError
        As `pool_proportions`, and where `groups` differs in length or a name is empty.
    NotPoolableError
        Fewer than two groups, or a group that the method cannot pool.

    References
    ----------
    Borenstein et al. 2009, ch. 19; Cochrane Handbook 6.4, section 10.11.3.
    """
    x, n = check_counts(events, total)
    names = _check_groups(groups, x.size)
    check_choice(tau2, ("common", "separate"), name="tau2")
    members = {name: np.array([own == name for own in groups]) for name in names}
    pooled = {
        name: pool_proportions(x[mine], n[mine], method=method, scale=scale, level=level, hksj=hksj)
        for name, mine in members.items()
    }
    df = len(names) - 1
    if method == "bayes":
        note = "The Bayesian groups are compared by their posterior, not by a test: see the ranking."
        return SubgroupComparison(pooled, None, None, None, "none", (note,))
    if tau2 == "separate":
        statistic = _wald_separate(pooled)
        test = "Wald test on the groups' estimates, each with its own tau2"
    elif method == "glmm":
        statistic = _likelihood_ratio(x, n, members)
        test = "likelihood-ratio test, one tau2 for all groups"
    else:
        kind: IntervalKind = "hksj" if hksj else "z"
        covariates = {"group": list(groups)}
        fit = regress_proportions(x, n, covariates, method=method, scale=scale, interval=kind, level=level)
        test = "Wald test of the group coefficients, one tau2 for all groups"
        if fit.qm_df2 is not None:
            test += f" (Hartung-Knapp: F on {df} and {fit.qm_df2})"
        return SubgroupComparison(pooled, fit.qm, df, fit.qm_p, test)
    return SubgroupComparison(pooled, statistic, df, float(chdtrc(df, statistic)), test)


def _check_groups(groups: Sequence[str], k: int) -> tuple[str, ...]:
    if len(groups) != k:
        found = f"{len(groups)} group names stand beside {k} cohorts."
        raise InputError(Fault("groups", found, "Give one name for every cohort."))
    empty = [i for i, name in enumerate(groups, start=1) if not isinstance(name, str) or not name.strip()]
    if empty:
        raise InputError(Fault("groups", f"cohort {empty[0]} has no group.", "Name it or leave the cohort out."))
    names = tuple(dict.fromkeys(groups))
    if len(names) < 2:
        raise NotPoolableError(f"All cohorts are of the group '{names[0]}': there is nothing to compare.")
    return names


def _wald_separate(pooled: Mapping[str, PooledProportion]) -> float:
    lone = [name for name, result in pooled.items() if result.coefficient is None or result.se is None]
    if lone:
        raise NotPoolableError(
            f"The group '{lone[0]}' has no standard error of its own (one cohort, or no variation), so groups "
            'cannot be compared with separate tau2. Use tau2="common", or merge groups.'
        )
    coefficients = np.array([result.coefficient for result in pooled.values()], dtype=np.float64)
    weights = 1 / np.array([result.se for result in pooled.values()], dtype=np.float64) ** 2
    mean = weights @ coefficients / weights.sum()
    return float(weights @ (coefficients - mean) ** 2)


def _likelihood_ratio(x: FloatArray, n: FloatArray, members: Mapping[str, np.ndarray[Any, Any]]) -> float:
    """Twice the log-likelihood ratio of a mean a group against one mean.

    A group all at 0 % (or all at 100 %) has an infinite logit and, in the limit, likelihood one: it adds nothing to the
    log-likelihood of the larger model, which is then fitted on the other groups.
    """
    smaller = _maximum(x, n, intercept(x.size))
    inside = {name: mine for name, mine in members.items() if 0 < x[mine].sum() < n[mine].sum()}
    if not inside:
        return max(0.0, -2 * smaller)
    kept = np.any(list(inside.values()), axis=0)
    design = np.column_stack([mine[kept].astype(np.float64) for mine in inside.values()])
    return max(0.0, 2 * (_maximum(x[kept], n[kept], design) - smaller))


def _maximum(x: FloatArray, n: FloatArray, design: FloatArray) -> float:
    """Return the maximum of the GLMM's log-likelihood; refuse where all cohorts are at 0 % or 100 %."""
    if np.all((x == 0) | (x == n)) and float(n.max()) > 1:
        raise NotPoolableError(
            "Every cohort is at 0 % or 100 %, so the binomial-normal model has no estimate of tau2 and the groups "
            'cannot be tested with it. Use method "reml".'
        )
    return fit_glmm(x, n, design).log_likelihood
