"""Meta-regression: do cohorts with other features have other results? One or more covariates, numbers or words.

A regression over cohorts is an observation over cohorts: it does not say what a feature does to a patient.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import betainc, chdtrc, ndtr, stdtr

from aftercar.foundation import Fault, InputError, NotPoolableError
from aftercar.synthesis.counts import check_choice, check_counts, check_effects, check_level
from aftercar.synthesis.covariates import INTERCEPT, Coding, apply_coding, code_covariates
from aftercar.synthesis.effects import SCALES, back_transform, compute_effects
from aftercar.synthesis.glmm import fit_glmm, saturated_statistic
from aftercar.synthesis.heterogeneity import describe_heterogeneity
from aftercar.synthesis.inverse_variance import INTERVAL_KINDS, critical_value, variance_scale
from aftercar.synthesis.results import FloatArray, Heterogeneity, IntervalKind, Scale, Tau2Method
from aftercar.synthesis.tau2 import TAU2_METHODS, estimate_tau2
from aftercar.synthesis.weighted_regression import fit_weighted, intercept

_STUDIES_PER_COVARIATE = 10  # Cochrane Handbook 6.4, section 10.11


@dataclass(frozen=True, slots=True)
class MetaRegression:
    """A fitted meta-regression.

    Attributes
    ----------
    table
        One row a coefficient: estimate, se, statistic, p_value, ci_lb, ci_ub. Index: the names of `coding`.
    heterogeneity
        What the covariates leave: residual tau2 with its interval, I2, QE and its test.
    qm, qm_df, qm_df2, qm_p
        Wald test of all covariates together: chi-squared, or F when `qm_df2` is set.
    r2
        Share of tau2 that the covariates account for [%], cut at zero; None for common-effect and GLMM.
    """

    method: str
    interval: IntervalKind
    scale: Scale | None
    k: int
    level: float
    table: pd.DataFrame
    covariance: FloatArray
    coding: Coding
    df: int | None
    tau2: float
    heterogeneity: Heterogeneity
    qm: float
    qm_df: int
    qm_df2: int | None
    qm_p: float
    r2: float | None
    notes: tuple[str, ...] = ()


def fit_meta_regression(
    yi: Any,
    vi: Any,
    covariates: Mapping[str, Sequence[Any]],
    *,
    method: Tau2Method = "reml",
    interval: IntervalKind = "z",
    level: float = 0.95,
    reference: Mapping[str, str] | None = None,
    scale: Scale | None = None,
) -> MetaRegression:
    """Regress effects on covariates with weights 1 / (vi + residual tau2).

    Parameters
    ----------
    yi, vi
        Effects and sampling variances, shape (k,).
    covariates
        Name -> k numbers, or k words (indicators against a reference level).
    interval
        As in `pool_inverse_variance`, on k - p degrees of freedom.
    scale
        Set it when the effects are proportions on that scale, so that predictions come as proportions too.

    Raises
    ------
    InputError
        Values that are missing or do not fit together.
    NotPoolableError
        No more studies than coefficients, or covariates that cannot be told apart.

    References
    ----------
    Thompson & Higgins 2002; Knapp & Hartung 2003. Checked against metafor in tests/verification/synthesis.
    """
    y, v = check_effects(yi, vi)
    check_choice(method, TAU2_METHODS, name="method")
    check_choice(interval, INTERVAL_KINDS, name="interval")
    check_level(level)
    design, coding = _code(covariates, y.size, reference)
    tau2 = estimate_tau2(y, v, method=method, design=design)
    fit = fit_weighted(y, 1 / (v + tau2), design)
    covariance = fit.covariance * variance_scale(fit, design, interval=interval)
    heterogeneity = describe_heterogeneity(y, v, tau2=tau2, method=method, design=design, level=level)
    r2 = None
    if method != "fe":
        total = estimate_tau2(y, v, method=method, design=intercept(y.size))
        r2 = max(0.0, 100 * (total - tau2) / total) if total > 0 else 0.0
    return _to_result(method, interval, scale, level, fit.coefficients, covariance, coding, y.size, heterogeneity, r2)


def regress_proportions(
    events: Any,
    total: Any,
    covariates: Mapping[str, Sequence[Any]],
    *,
    method: str = "glmm",
    scale: Scale = "logit",
    interval: IntervalKind | None = None,
    level: float = 0.95,
    reference: Mapping[str, str] | None = None,
) -> MetaRegression:
    """Regress proportions on covariates: on the logit scale by the GLMM, or on any scale by inverse variance.

    The interval is "t" for the GLMM and "z" otherwise, unless asked for.

    Raises
    ------
    InputError, NotPoolableError
        As `fit_meta_regression`; and where, for the GLMM, a group is all at 0 % or all at 100 % (separation).
    """
    x, n = check_counts(events, total)
    check_choice(method, ("glmm", *TAU2_METHODS), name="method")
    check_choice(scale, SCALES, name="scale")
    if method != "glmm":
        effects = compute_effects(x, n, scale=scale)
        return fit_meta_regression(
            effects.yi,
            effects.vi,
            covariates,
            method=method,  # type: ignore[arg-type]
            interval=interval or "z",
            level=level,
            reference=reference,
            scale=scale,
        )
    kind: IntervalKind = interval or "t"
    if scale != "logit" or kind.startswith("hksj"):
        mend = 'Use scale "logit" and interval "t" or "z", or another method.'
        raise InputError(Fault("method", "the GLMM has neither other scales nor Hartung-Knapp intervals.", mend))
    check_level(level)
    design, coding = _code(covariates, x.size, reference)
    fit = fit_glmm(x, n, design)
    q, df = saturated_statistic(fit), x.size - design.shape[1]
    heterogeneity = Heterogeneity(fit.tau**2, None, None, None, None, None, q, df, float(chdtrc(df, q)))
    return _to_result("glmm", kind, "logit", level, fit.beta, fit.covariance, coding, x.size, heterogeneity, None)


def predict_meta_regression(fit: MetaRegression, covariates: Mapping[str, Sequence[Any]]) -> pd.DataFrame:
    """Return predictions at new values of the covariates.

    Returns
    -------
    pandas.DataFrame
        One row a set of values: estimate, se, ci_lb, ci_ub, pi_lb, pi_ub on the scale of the fit; and where that is
        logit or arcsine, the same as proportions under `proportion`, `proportion_ci_lb` ...
    """
    design = apply_coding(covariates, fit.coding)
    estimate = design @ fit.table["estimate"].to_numpy()
    variance = np.einsum("mp,pq,mq->m", design, fit.covariance, design)
    critical = critical_value(fit.level, fit.df)
    half, half_prediction = critical * np.sqrt(variance), critical * np.sqrt(variance + fit.tau2)
    frame = pd.DataFrame(
        {
            "estimate": estimate,
            "se": np.sqrt(variance),
            "ci_lb": estimate - half,
            "ci_ub": estimate + half,
            "pi_lb": estimate - half_prediction,
            "pi_ub": estimate + half_prediction,
        }
    )
    if fit.scale in {"logit", "arcsine"}:
        for name in ("estimate", "ci_lb", "ci_ub", "pi_lb", "pi_ub"):
            column = "proportion" if name == "estimate" else f"proportion_{name}"
            frame[column] = back_transform(frame[name].to_numpy(), scale=fit.scale)
    return frame


def _code(
    covariates: Mapping[str, Sequence[Any]], k: int, reference: Mapping[str, str] | None
) -> tuple[FloatArray, Coding]:
    if not covariates:
        raise InputError(Fault("covariates", "no covariate is given.", "Give one or more, or pool without."))
    design, coding = code_covariates(covariates, k=k, reference=reference)
    if k <= design.shape[1]:
        raise NotPoolableError(
            f"{k} studies cannot carry {design.shape[1]} coefficients ({', '.join(coding.names)}). "
            "Use fewer covariates, merge levels, or widen the selection."
        )
    return design, coding


def _to_result(
    method: str,
    interval: IntervalKind,
    scale: Scale | None,
    level: float,
    coefficients: FloatArray,
    covariance: FloatArray,
    coding: Coding,
    k: int,
    heterogeneity: Heterogeneity,
    r2: float | None,
) -> MetaRegression:
    p = coefficients.size
    df = None if interval == "z" else k - p
    se = np.sqrt(np.diag(covariance))
    statistic = coefficients / se
    critical = critical_value(level, df)
    tail = -np.abs(statistic)
    table = pd.DataFrame(
        {
            "estimate": coefficients,
            "se": se,
            "statistic": statistic,
            "p_value": 2 * (ndtr(tail) if df is None else stdtr(df, tail)),
            "ci_lb": coefficients - critical * se,
            "ci_ub": coefficients + critical * se,
        },
        index=pd.Index(coding.names, name="coefficient"),
    )
    qm = float(coefficients[1:] @ np.linalg.solve(covariance[1:, 1:], coefficients[1:]))
    if df is None:
        qm_p = float(chdtrc(p - 1, qm))
    else:
        qm = qm / (p - 1)
        qm_p = float(betainc(df / 2, (p - 1) / 2, df / (df + (p - 1) * qm)))
    notes: tuple[str, ...] = ()
    if k < _STUDIES_PER_COVARIATE * (p - 1):
        notes = (
            f"{k} studies for {p - 1} coefficients beside the {INTERCEPT}: fewer than the ten a covariate that are "
            "usually asked for. Expect chance findings.",
        )
    return MetaRegression(
        method, interval, scale, k, level, table, covariance, coding, df,
        heterogeneity.tau2, heterogeneity, qm, p - 1, df, qm_p, r2, notes,
    )  # fmt: skip
