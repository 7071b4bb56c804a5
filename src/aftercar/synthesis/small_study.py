"""Do small studies show other results than large ones? Egger, Peters and Begg tests for funnel-plot asymmetry.

Asymmetry is not the same as unpublished studies: small cohorts may be of other patients, and on the logit scale the
standard error depends on the proportion itself, so that Egger's test sees asymmetry where there is none. Peters' test
does not have that fault and is the one to read for proportions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from scipy.stats import kendalltau
from scipy.stats import t as student

from aftercar.foundation import Fault, InputError, NotPoolableError
from aftercar.synthesis.counts import check_choice, check_counts, check_effects
from aftercar.synthesis.effects import compute_effects
from aftercar.synthesis.inverse_variance import critical_value
from aftercar.synthesis.meta_regression import fit_meta_regression
from aftercar.synthesis.results import FloatArray, IntervalKind, Tau2Method
from aftercar.synthesis.weighted_regression import fit_weighted

MINIMUM_K = 10  # Sterne et al. 2011: with fewer studies the tests cannot tell chance from asymmetry
Predictor = Literal["se", "variance", "size", "inverse_size", "root_size", "inverse_root_size"]
RegressionModel = Literal["mixed", "weighted"]
_PREDICTORS: tuple[Predictor, ...] = ("se", "variance", "size", "inverse_size", "root_size", "inverse_root_size")


@dataclass(frozen=True, slots=True)
class AsymmetryTest:
    """A test for funnel-plot asymmetry.

    Attributes
    ----------
    statistic, df, p_value
        z (df None) or t for the regressions; Kendall's tau for the rank test.
    limit, limit_ci_lb, limit_ci_ub
        Effect that the regression predicts for a study without sampling error; None where the predictor has none.
    """

    name: str
    k: int
    statistic: float
    df: int | None
    p_value: float
    limit: float | None = None
    limit_ci_lb: float | None = None
    limit_ci_ub: float | None = None
    notes: tuple[str, ...] = ()


def assess_asymmetry(
    yi: Any,
    vi: Any,
    *,
    predictor: Predictor = "se",
    model: RegressionModel = "mixed",
    total: Any = None,
    method: Tau2Method = "reml",
    interval: IntervalKind = "z",
    level: float = 0.95,
    minimum_k: int = MINIMUM_K,
) -> AsymmetryTest:
    """Regress effects on a measure of their precision.

    Parameters
    ----------
    yi, vi
        Effects and sampling variances, shape (k,).
    predictor
        "se" is Egger's; the sizes need `total`.
    model
        "mixed": meta-regression with residual tau2 (metafor's default). "weighted": weights 1/vi with multiplicative
        dispersion, t on k - 2 (Egger's original).
    minimum_k
        Fewest studies; the default of ten may be lowered on purpose, not by accident.

    Raises
    ------
    InputError
        A size as predictor without `total`.
    NotPoolableError
        Fewer than `minimum_k` studies, or a predictor that is the same in all.

    References
    ----------
    Egger et al. 1997; Sterne & Egger 2005; metafor's regtest.
    """
    y, v = check_effects(yi, vi)
    check_choice(predictor, _PREDICTORS, name="predictor")
    check_choice(model, ("mixed", "weighted"), name="model")
    _check_enough(y.size, minimum_k)
    precision = _find_predictor(predictor, v, total)
    _refuse_constant(precision, predictor)
    name = f"regression test ({model}, predictor {predictor})"
    has_limit = predictor in {"se", "variance", "inverse_size", "inverse_root_size"}
    if model == "mixed":
        covariates = {"predictor": precision.tolist()}
        fit = fit_meta_regression(y, v, covariates, method=method, interval=interval, level=level)
        at_zero, slope = fit.table.iloc[0], fit.table.iloc[1]
        limit, lower, upper = (float(at_zero[c]) if has_limit else None for c in ("estimate", "ci_lb", "ci_ub"))
        statistic, p_value = float(slope["statistic"]), float(slope["p_value"])
        return AsymmetryTest(name, y.size, statistic, fit.df, p_value, limit, lower, upper)
    return _regress_weighted(name, y, v, precision, level, has_limit)


def assess_egger(yi: Any, vi: Any, *, level: float = 0.95, minimum_k: int = MINIMUM_K) -> AsymmetryTest:
    """Egger's test as first published: weighted regression on the standard error, t on k - 2."""
    return assess_asymmetry(yi, vi, model="weighted", level=level, minimum_k=minimum_k)


def assess_peters(events: Any, total: Any, *, level: float = 0.95, minimum_k: int = MINIMUM_K) -> AsymmetryTest:
    """Peters' test for proportions: logits regressed on 1/n, weights 1/vi, t on k - 2.

    Cohorts at 0 % or 100 % carry the correction of 1/2.

    References
    ----------
    Peters et al. 2006, for two arms; here its single-arm form, as R meta's metabias has it.
    """
    x, n = check_counts(events, total)
    effects = compute_effects(x, n)
    return assess_asymmetry(
        effects.yi, effects.vi, predictor="inverse_size", model="weighted", total=n, level=level, minimum_k=minimum_k
    )


def assess_begg(yi: Any, vi: Any, *, minimum_k: int = MINIMUM_K) -> AsymmetryTest:
    """Begg's test: Kendall's correlation of the standardised effects with their variances.

    The p value is exact without ties, and normal with the variance corrected for ties otherwise. It misses much: a
    large p value is no sign of symmetry.

    References
    ----------
    Begg & Mazumdar 1994; metafor's ranktest.
    """
    y, v = check_effects(yi, vi)
    _check_enough(y.size, minimum_k)
    _refuse_constant(v, "variance")
    weights = 1 / v
    centred = (y - weights @ y / weights.sum()) / np.sqrt(v - 1 / weights.sum())
    ties = np.unique(centred).size < y.size or np.unique(v).size < y.size
    found = kendalltau(centred, v, method="asymptotic" if ties else "exact")
    notes = ("Some values are tied; the p value is approximate.",) if ties else ()
    return AsymmetryTest(
        "rank correlation test", y.size, float(found.statistic), None, float(found.pvalue), notes=notes
    )


def _check_enough(k: int, minimum_k: int) -> None:
    if k < max(minimum_k, 3):
        raise NotPoolableError(
            f"{k} studies are too few for a test of small-study effects: with fewer than {max(minimum_k, 3)} it cannot "
            "tell chance from asymmetry (Sterne et al. 2011). Look at the funnel plot instead"
            + (", or lower minimum_k and say so." if k >= 3 else ".")
        )


def _find_predictor(predictor: Predictor, v: FloatArray, total: Any) -> FloatArray:
    if predictor == "se":
        return np.sqrt(v)
    if predictor == "variance":
        return v
    if total is None:
        raise InputError(Fault("total", f"predictor '{predictor}' needs the sizes.", "Give total, or use 'se'."))
    n = np.asarray(total, dtype=np.float64)
    if n.shape != v.shape or not np.all(n > 0):
        raise InputError(Fault("total", "the sizes do not match the effects.", "Give one size above 0 for each."))
    powers = {"size": 1.0, "inverse_size": -1.0, "root_size": 0.5, "inverse_root_size": -0.5}
    return np.asarray(n ** powers[predictor])


def _refuse_constant(values: FloatArray, name: str) -> None:
    if float(np.ptp(values)) <= 1e-12 * float(np.abs(values).max()):
        raise NotPoolableError(f"All studies have the same {name}, so that asymmetry cannot be seen. There is no test.")


def _regress_weighted(
    name: str, y: FloatArray, v: FloatArray, precision: FloatArray, level: float, has_limit: bool
) -> AsymmetryTest:
    df = y.size - 2
    fit = fit_weighted(y, 1 / v, np.column_stack([np.ones(y.size), precision]))
    if fit.q <= 1e-24:
        raise NotPoolableError("The effects lie on one line: the test has no residual variation to measure by.")
    se = np.sqrt(np.diag(fit.covariance) * fit.q / df)
    statistic = float(fit.coefficients[1] / se[1])
    half = critical_value(level, df) * float(se[0])
    limit = float(fit.coefficients[0])
    bounds = (limit, limit - half, limit + half) if has_limit else (None, None, None)
    return AsymmetryTest(name, y.size, statistic, df, float(2 * student.sf(abs(statistic), df)), *bounds)
