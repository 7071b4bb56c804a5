"""One door to every pooled proportion: `pool_proportions`. The method is named in the result, with its choices."""

from __future__ import annotations

from typing import Any, get_args

import numpy as np

from aftercar.foundation import Fault, InputError
from aftercar.synthesis.counts import check_choice, check_counts, check_level
from aftercar.synthesis.effects import SCALES, back_transform, compute_effects
from aftercar.synthesis.exact import pool_exact
from aftercar.synthesis.glmm_pooling import pool_glmm
from aftercar.synthesis.inverse_variance import pool_inverse_variance
from aftercar.synthesis.method_card import card_exact, card_inverse_variance
from aftercar.synthesis.results import (
    FloatArray,
    IntervalKind,
    Method,
    PooledProportion,
    PoolingInterval,
    Scale,
    Tau2Method,
)
from aftercar.synthesis.tau2 import TAU2_METHODS

METHODS: tuple[Method, ...] = ("glmm", "bayes", *TAU2_METHODS)
POOLING_INTERVALS: tuple[PoolingInterval, ...] = get_args(PoolingInterval)


def pool_proportions(
    events: Any,
    total: Any,
    *,
    method: Method = "glmm",
    scale: Scale = "logit",
    hksj: bool = False,
    level: float = 0.95,
    interval: PoolingInterval = "auto",
) -> PooledProportion:
    """Pool the proportions of several cohorts.

    The estimate is the proportion of the typical cohort (the middle of the distribution of cohorts), not the share of
    all patients who responded. One cohort is answered with its own Clopper-Pearson interval, whatever the method.
    The raw scale is not offered: its intervals leave [0, 1], and cohorts of 0/n and n/n get variance zero.

    Parameters
    ----------
    events, total
        Responders and evaluable patients of each cohort, shape (k,): whole, 0 <= events <= total, total >= 1.
    method
        "glmm" (binomial-normal model, maximum likelihood, no correction for zeros), "bayes", or inverse variance with
        the named estimator of tau2: "fe", "dl", "reml", "ml", "pm", "he", "hs", "sj".
    scale
        Scale of pooling for inverse variance: "logit", "arcsine", "freeman-tukey". The others pool on the logit scale.
    hksj
        Short for `interval="hksj"`.
    interval
        "auto" is "z" for inverse variance, and for the GLMM "t" (on 2 degrees of freedom when k = 2: on 1 it would span
        nearly all of [0, 1], and 2 cover enough; see docs/explanation/pooling.md). "profile" is for the GLMM only,
        "hksj" and "hksj-adhoc" for inverse variance only.

    Returns
    -------
    PooledProportion
        `method_card` names every choice, `notes` what a reader must know about this very estimate.

    Raises
    ------
    InputError
        Counts that cannot be, words that are not known, choices that do not go together.
    NotPoolableError
        No cohort, or data for which the method has no answer; the message says what to do instead.

    References
    ----------
    Stijnen, Hamza & Oezdemir 2010; docs/explanation/pooling.md.

    Examples
    --------
    >>> pooled = pool_proportions([6, 21, 7], [28, 28, 10], method="reml")
    >>> round(pooled.estimate, 3), pooled.k, pooled.total
    (0.548, 3, 66)
    """
    check_choice(method, METHODS, name="method")
    check_choice(scale, SCALES, name="scale")
    check_choice(interval, POOLING_INTERVALS, name="interval")
    check_level(level)
    kind = _choose_interval(method, scale, interval, hksj)
    x, n = check_counts(events, total)
    if x.size == 1:
        return _pool_one(x, n, level, asked=method)
    if method == "bayes":
        from aftercar.synthesis.bayes import pool_bayes  # the hierarchy is built on this module's results

        return pool_bayes(x, n, level=level)
    if method == "glmm":
        return pool_glmm(x, n, interval=kind, level=level)
    return _pool_effects(x, n, method=method, scale=scale, interval=kind, level=level)  # type: ignore[arg-type]


def _choose_interval(method: Method, scale: Scale, interval: PoolingInterval, hksj: bool) -> PoolingInterval:
    """Resolve "auto" and refuse what does not go together, rather than drop one of two wishes silently."""
    if hksj and interval not in {"auto", "hksj"}:
        found = f"hksj=True stands beside interval='{interval}'."
        raise InputError(Fault("interval", found, "Give one of the two."))
    wanted: PoolingInterval = "hksj" if hksj else interval
    inverse_variance = method in TAU2_METHODS
    if wanted.startswith("hksj") and not inverse_variance:
        mend = 'Use method "reml" (or another estimator of tau2), or leave the interval to the method.'
        raise InputError(Fault("interval", f"Hartung-Knapp is not defined for method '{method}'.", mend))
    if wanted == "profile" and method != "glmm":
        mend = 'Use method "glmm", or another interval.'
        raise InputError(Fault("interval", f"the profile likelihood is not offered for method '{method}'.", mend))
    if method == "bayes" and wanted != "auto":
        raise InputError(Fault("interval", "the Bayesian interval is its posterior's.", 'Leave interval at "auto".'))
    if scale != "logit" and not inverse_variance:
        mend = 'Use scale "logit", or an inverse-variance method such as "reml".'
        raise InputError(Fault("scale", f"method '{method}' works on the logit scale only.", mend))
    return "z" if wanted == "auto" and inverse_variance else wanted


def _pool_one(x: FloatArray, n: FloatArray, level: float, *, asked: str) -> PooledProportion:
    note = "One cohort: nothing is pooled. The interval is the cohort's own, exact (Clopper-Pearson)."
    return pool_exact(x, n, level=level, card=card_exact(asked), note=note)


def _pool_effects(
    x: FloatArray, n: FloatArray, *, method: Tau2Method, scale: Scale, interval: IntervalKind, level: float
) -> PooledProportion:
    effects = compute_effects(x, n, scale=scale)
    pooled = pool_inverse_variance(effects.yi, effects.vi, method=method, interval=interval, level=level)
    limits = [pooled.estimate, pooled.ci_lb, pooled.ci_ub, pooled.pi_lb, pooled.pi_ub]
    on_scale = np.array([np.nan if limit is None else limit for limit in limits])
    estimate, ci_lb, ci_ub, pi_lb, pi_ub = (float(v) for v in back_transform(on_scale, scale=scale, total=n))
    predicted = pooled.pi_lb is not None
    return PooledProportion(
        method=method,
        scale=scale,
        k=int(x.size),
        events=int(x.sum()),
        total=int(n.sum()),
        estimate=estimate,
        ci_lb=ci_lb,
        ci_ub=ci_ub,
        level=level,
        pi_lb=pi_lb if predicted else None,
        pi_ub=pi_ub if predicted else None,
        coefficient=pooled.estimate,
        se=pooled.se,
        heterogeneity=pooled.heterogeneity,
        weights=pooled.weights,
        method_card=card_inverse_variance(method, scale, pooled.interval),
        notes=(*pooled.notes, *_collect_notes(effects.corrected, scale)),
    )


def _collect_notes(corrected: Any, scale: Scale) -> tuple[str, ...]:
    notes: list[str] = []
    count = int(corrected.sum())
    if count == corrected.size:
        notes.append(
            "Every cohort is at 0 % or 100 %: on the logit scale the estimate comes from the correction of 1/2, not "
            'from the data. Prefer method "glmm".'
        )
    elif count:
        notes.append(
            f"{count} of {corrected.size} cohorts are at 0 % or 100 % and had 1/2 added to both counts, which pulls "
            'the estimate towards one half. Method "glmm" needs no such correction.'
        )
    if scale == "freeman-tukey":
        notes.append(
            "The Freeman-Tukey inverse uses the harmonic mean of the cohort sizes; another size gives another answer. "
            "For comparison only."
        )
    return tuple(notes)
