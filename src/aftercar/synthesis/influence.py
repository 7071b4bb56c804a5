"""What each cohort does to the pooled answer: leave-one-out, cumulative pooling, influence measures, Baujat's plot."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import chdtr

from aftercar.foundation import Fault, InputError, NotPoolableError
from aftercar.synthesis.counts import check_counts, check_effects
from aftercar.synthesis.inverse_variance import pool_inverse_variance, variance_scale
from aftercar.synthesis.pooling import pool_proportions
from aftercar.synthesis.results import FloatArray, IntervalKind, PooledEffect, PooledProportion, Tau2Method
from aftercar.synthesis.weighted_regression import fit_weighted, intercept

_COLUMNS = ("estimate", "ci_lb", "ci_ub", "pi_lb", "pi_ub")


def leave_one_out(events: Any, total: Any, *, labels: Sequence[str] | None = None, **choices: Any) -> pd.DataFrame:
    """Pool again without each cohort in turn.

    Parameters
    ----------
    events, total
        Counts, shape (k,), k >= 2.
    labels
        Names of the cohorts; "cohort 1" ... where None.
    choices
        Passed to `pool_proportions`.

    Returns
    -------
    pandas.DataFrame
        One row a cohort left out: label, k, estimate, ci_lb, ci_ub, pi_lb, pi_ub, tau2, i2, q, q_p, note. A row that
        the method refuses has empty figures and the reason in `note`.

    Raises
    ------
    NotPoolableError
        Fewer than two cohorts.
    """
    x, n = check_counts(events, total, minimum_k=2)
    rows = []
    for i, label in enumerate(_check_labels(labels, x.size)):
        rows.append({"label": label, **_try_pooling(np.delete(x, i), np.delete(n, i), choices)})
    return pd.DataFrame(rows)


def pool_cumulatively(
    events: Any, total: Any, *, order: Sequence[Any] | None = None, labels: Sequence[str] | None = None, **choices: Any
) -> pd.DataFrame:
    """Pool the first cohort, the first two, and so on: how the answer settled, or did not.

    Parameters
    ----------
    order
        One sortable value a cohort, such as its year; ties keep the given order. None keeps the given order.

    Returns
    -------
    pandas.DataFrame
        As `leave_one_out`; `label` is the cohort added last.
    """
    x, n = check_counts(events, total)
    names = _check_labels(labels, x.size)
    if order is not None and len(order) != x.size:
        found = f"{len(order)} values of order stand beside {x.size} cohorts."
        raise InputError(Fault("order", found, "Give one for every cohort."))
    sequence = list(range(x.size)) if order is None else sorted(range(x.size), key=lambda i: order[i])
    rows = []
    for count in range(1, x.size + 1):
        first = sequence[:count]
        rows.append({"label": names[first[-1]], **_try_pooling(x[first], n[first], choices)})
    return pd.DataFrame(rows)


def leave_one_out_effects(
    yi: Any, vi: Any, *, method: Tau2Method = "reml", interval: IntervalKind = "z", level: float = 0.95
) -> pd.DataFrame:
    """Pool effects of any scale by inverse variance without each study in turn; columns as metafor's leave1out."""
    y, v = check_effects(yi, vi, minimum_k=2)
    rows = []
    for i in range(y.size):
        pooled = _pool_without(y, v, i, method, interval, level)
        own = pooled.heterogeneity
        figures = {name: getattr(pooled, name) for name in ("estimate", "se", "ci_lb", "ci_ub")}
        rows.append({**figures, "q": own.q, "q_p": own.q_p, "tau2": own.tau2, "i2": own.i2})
    return pd.DataFrame(rows)


def measure_influence(
    yi: Any, vi: Any, *, method: Tau2Method = "reml", interval: IntervalKind = "z", level: float = 0.95
) -> pd.DataFrame:
    """Return influence measures of each study on an inverse-variance estimate.

    For the GLMM use `leave_one_out`: these measures rest on normal effects with known variances.

    Parameters
    ----------
    yi, vi
        Effects and sampling variances, shape (k,), k >= 3.

    Returns
    -------
    pandas.DataFrame
        rstudent (externally standardised residual), dffits, cook_d (Cook's distance), cov_r (covariance ratio),
        tau2_del and q_del (without the study), hat, weight [%], dfbeta, influential (by metafor's rules), and Baujat's
        coordinates: baujat_x (squared Pearson residual), baujat_y (influence on the estimate).

    Raises
    ------
    NotPoolableError
        Fewer than three studies.

    References
    ----------
    Viechtbauer & Cheung 2010; Baujat et al. 2002. Checked against metafor in tests/verification/synthesis.
    """
    y, v = check_effects(yi, vi, minimum_k=3)
    k = y.size
    full = pool_inverse_variance(y, v, method=method, interval=interval, level=level)
    tau2 = full.heterogeneity.tau2
    hat = np.asarray(full.weights) / 100
    without = [_pool_without(y, v, i, method, interval, level) for i in range(k)]
    estimate = np.array([pooled.estimate for pooled in without])
    variance = np.array([pooled.se for pooled in without]) ** 2
    tau2_del = np.array([pooled.heterogeneity.tau2 for pooled in without])
    scale2 = np.array([_scale_without(y, v, i, tau2_del[i], interval) for i in range(k)])
    shift = full.estimate - estimate
    cook_d = shift**2 / full.se**2
    dffits = shift / np.sqrt(scale2 * hat * (tau2_del + v))
    dfbeta = shift / np.sqrt(scale2 / (1 / (v[None, :] + tau2_del[:, None])).sum(axis=1))
    influential = (np.abs(dffits) > 3 / np.sqrt(k - 1)) | (chdtr(1, cook_d) > 0.5) | (hat > 3 / k) | (abs(dfbeta) > 1)
    return pd.DataFrame(
        {
            "rstudent": (y - estimate) / np.sqrt(v * scale2 + variance + tau2_del * scale2),
            "dffits": dffits,
            "cook_d": cook_d,
            "cov_r": variance / full.se**2,
            "tau2_del": tau2_del,
            "q_del": [pooled.heterogeneity.q for pooled in without],
            "hat": hat,
            "weight": full.weights,
            "dfbeta": dfbeta,
            "influential": influential,
            "baujat_x": (y - full.estimate) ** 2 / (tau2 + v),
            "baujat_y": shift**2 / variance,
        }
    )


def _check_labels(labels: Sequence[str] | None, k: int) -> list[str]:
    if labels is None:
        return [f"cohort {i}" for i in range(1, k + 1)]
    if len(labels) != k:
        raise InputError(
            Fault("labels", f"{len(labels)} labels stand beside {k} cohorts.", "Give one for every cohort.")
        )
    return [str(label) for label in labels]


def _try_pooling(x: FloatArray, n: FloatArray, choices: dict[str, Any]) -> dict[str, Any]:
    try:
        pooled: PooledProportion = pool_proportions(x, n, **choices)
    except NotPoolableError as error:
        return {"k": x.size, **dict.fromkeys((*_COLUMNS, "tau2", "i2", "q", "q_p")), "note": str(error)}
    own = pooled.heterogeneity
    return {
        "k": pooled.k,
        **{name: getattr(pooled, name) for name in _COLUMNS},
        **{name: None if own is None else getattr(own, name) for name in ("tau2", "i2", "q", "q_p")},
        "note": " ".join(pooled.notes),
    }


def _pool_without(
    y: FloatArray, v: FloatArray, i: int, method: Tau2Method, interval: IntervalKind, level: float
) -> PooledEffect:
    return pool_inverse_variance(np.delete(y, i), np.delete(v, i), method=method, interval=interval, level=level)


def _scale_without(y: FloatArray, v: FloatArray, i: int, tau2: float, interval: IntervalKind) -> float:
    rest, variances = np.delete(y, i), np.delete(v, i)
    design = intercept(rest.size)
    return variance_scale(fit_weighted(rest, 1 / (variances + tau2), design), design, interval=interval)
