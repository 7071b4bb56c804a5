"""How much studies differ beyond chance: Q, tau2, I2 and their intervals."""

from __future__ import annotations

from scipy.stats import chi2

from aftercar.synthesis.results import FloatArray, Heterogeneity, Tau2Method
from aftercar.synthesis.tau2 import interval_tau2
from aftercar.synthesis.weighted_regression import fit_weighted


def describe_heterogeneity(
    yi: FloatArray, vi: FloatArray, *, tau2: float, method: Tau2Method, design: FloatArray, level: float
) -> Heterogeneity:
    """Return Q and its test, tau2 with its Q-profile interval, and I2 with the interval that follows from it.

    I2 is tau2 / (tau2 + typical sampling variance), as metafor has it, so that it agrees with the tau2 reported; for
    the common-effect method it is (Q - df) / Q, cut at zero. I2 is a share, not an amount: it grows with cohort size.

    Parameters
    ----------
    yi, vi
        Shape (k,), k > p.
    design
        Shape (k, p).

    References
    ----------
    Higgins & Thompson 2002, eq. 9; metafor 3.8-1, rma.uni and confint.rma.uni.
    """
    k, p = design.shape
    if k <= p:
        return Heterogeneity(tau2, None, None, None, None, None, 0.0, 0, 1.0)
    df = k - p
    fit = fit_weighted(yi, 1 / vi, design)
    q = max(0.0, fit.q)
    q_p = float(chi2.sf(q, df))
    if method == "fe":
        i2 = max(0.0, 100 * (q - df) / q) if q > 0 else 0.0
        return Heterogeneity(0.0, None, None, i2, None, None, q, df, q_p)
    typical = df / fit.trace_p
    tau2_lb, tau2_ub = interval_tau2(yi, vi, design=design, level=level)
    return Heterogeneity(
        tau2=tau2,
        tau2_lb=tau2_lb,
        tau2_ub=tau2_ub,
        i2=share(tau2, typical),
        i2_lb=share(tau2_lb, typical),
        i2_ub=share(tau2_ub, typical),
        q=q,
        q_df=df,
        q_p=q_p,
    )


def share(tau2: float, typical_variance: float) -> float:
    """Return I2 [%] for a tau2 and the typical sampling variance."""
    return 100 * tau2 / (tau2 + typical_variance)


def typical_variance(vi: FloatArray, design: FloatArray) -> float:
    """Return the typical sampling variance, (k - p) / trace(P) with weights 1/vi."""
    k, p = design.shape
    return float((k - p) / fit_weighted(vi, 1 / vi, design).trace_p)
