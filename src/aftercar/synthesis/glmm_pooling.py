"""The binomial-normal estimate as a pooled proportion, with the answers for data that the model cannot take."""

from __future__ import annotations

import numpy as np
from scipy.special import chdtrc, expit

from aftercar.foundation import NotPoolableError
from aftercar.synthesis.effects import compute_effects
from aftercar.synthesis.exact import pool_exact
from aftercar.synthesis.glmm import GlmmFit, fit_glmm, saturated_statistic
from aftercar.synthesis.glmm_profile import profile_mean, profile_tau2
from aftercar.synthesis.heterogeneity import share, typical_variance
from aftercar.synthesis.inverse_variance import critical_value
from aftercar.synthesis.method_card import card_exact, card_glmm
from aftercar.synthesis.results import FloatArray, Heterogeneity, PooledProportion, PoolingInterval
from aftercar.synthesis.weighted_regression import intercept

_FEWEST_DF = 2  # of the default interval; by simulation, see docs/explanation/pooling.md


def pool_glmm(events: FloatArray, total: FloatArray, *, interval: PoolingInterval, level: float) -> PooledProportion:
    """Pool checked counts, k >= 2, by the binomial-normal model.

    Where no cohort says anything about tau2 (all at zero, all at one, or one patient each) the summed counts get an
    exact interval, and the notes say so.

    Raises
    ------
    NotPoolableError
        Every cohort is at 0 % or 100 % and both occur: the likelihood grows without end as tau does.
    """
    extreme = bool(np.all((events == 0) | (events == total)))
    both = 0 < events.sum() < total.sum()
    if extreme and both and float(total.max()) > 1:
        raise NotPoolableError(
            f"Each of the {events.size} cohorts is at 0 % or at 100 %, and both occur, so the likelihood of the "
            "binomial-normal model grows without end as tau2 does: there is no estimate. Report the cohorts singly, "
            'or use method "bayes" (its prior bounds tau2) or "reml" (which adds 1/2 to each count).'
        )
    if extreme:
        return _pool_summed(events, total, level, both=both)
    fit = fit_glmm(events, total, intercept(events.size))
    return _to_result(fit, interval, level)


def _to_result(fit: GlmmFit, interval: PoolingInterval, level: float) -> PooledProportion:
    k, mean, se = fit.model.k, float(fit.beta[0]), float(np.sqrt(fit.covariance[0, 0]))
    df = {"auto": max(k - 1, _FEWEST_DF), "t": k - 1}.get(interval)
    critical = critical_value(level, df)
    if interval == "profile":
        ci_lb, ci_ub = profile_mean(fit, level=level)
    else:
        ci_lb, ci_ub = mean - critical * se, mean + critical * se
    half_prediction = critical * float(np.hypot(fit.tau, se))
    # A profile limit can lie beyond the Wald-type prediction limit; the wider of the two is the honest one.
    pi_lb, pi_ub = min(mean - half_prediction, ci_lb), max(mean + half_prediction, ci_ub)
    heterogeneity = _describe(fit, level)
    information = fit.point.information
    return PooledProportion(
        method="glmm",
        scale="logit",
        k=k,
        events=int(fit.model.events.sum()),
        total=int(fit.model.total.sum()),
        estimate=float(expit(mean)),
        ci_lb=float(expit(ci_lb)),
        ci_ub=float(expit(ci_ub)),
        level=level,
        pi_lb=float(expit(pi_lb)),
        pi_ub=float(expit(pi_ub)),
        coefficient=mean,
        se=se,
        heterogeneity=heterogeneity,
        weights=tuple(float(w) for w in 100 * information / information.sum()),
        method_card=card_glmm(interval, df),
        notes=_collect_notes(fit, heterogeneity),
    )


def _describe(fit: GlmmFit, level: float) -> Heterogeneity:
    """I2 sets tau2 beside the typical variance of the logits (1/2 added where needed), as metafor does."""
    model = fit.model
    typical = typical_variance(compute_effects(model.events, model.total).vi, model.design)
    tau2_lb, tau2_ub = profile_tau2(fit, level=level)
    q, df = saturated_statistic(fit), model.k - 1
    return Heterogeneity(
        tau2=fit.tau**2,
        tau2_lb=tau2_lb,
        tau2_ub=tau2_ub,
        i2=share(fit.tau**2, typical),
        i2_lb=share(tau2_lb, typical),
        i2_ub=None if tau2_ub is None else share(tau2_ub, typical),
        q=q,
        q_df=df,
        q_p=float(chdtrc(df, q)),
    )


def _collect_notes(fit: GlmmFit, heterogeneity: Heterogeneity) -> tuple[str, ...]:
    notes = []
    if fit.tau == 0:
        notes.append(
            "tau2 is estimated as zero: the cohorts differ no more than chance would have them. With few cohorts "
            "that is weak evidence of sameness: see the interval of tau2, and take the prediction interval, no "
            'wider than the interval here, as too narrow. Method "bayes" does not rest on one value of tau2.'
        )
    if heterogeneity.tau2_ub is None:
        notes.append("The data set no upper limit to tau2.")
    if fit.model.k < 5:
        notes.append(f"Only {fit.model.k} cohorts: tau2, and with it the prediction interval, is barely known.")
    return tuple(notes)


def _pool_summed(events: FloatArray, total: FloatArray, level: float, *, both: bool) -> PooledProportion:
    if both:
        why = "Every cohort is one patient"
    else:
        why = "No patient responded in any cohort" if events.sum() == 0 else "Every patient responded in every cohort"
    note = (
        f"{why}, so the data say nothing about differences between cohorts (tau2) and the model has no estimate. "
        "Shown instead: the summed counts with their exact (Clopper-Pearson) interval, as if all patients were "
        "of one cohort. A new cohort may differ by more than this interval."
    )
    return pool_exact(events, total, level=level, card=card_exact("glmm", pooled_counts=True), note=note)
