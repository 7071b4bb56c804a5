"""What the estimators return. Thin, frozen, and the same whatever the method, so that reports need no cases."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

Method = Literal["exact", "glmm", "fe", "dl", "reml", "ml", "pm", "he", "hs", "sj", "bayes"]
Tau2Method = Literal["fe", "dl", "reml", "ml", "pm", "he", "hs", "sj"]
IntervalKind = Literal["z", "t", "hksj", "hksj-adhoc"]
PoolingInterval = Literal["auto", "z", "t", "profile", "hksj", "hksj-adhoc"]
Scale = Literal["logit", "arcsine", "freeman-tukey"]


@dataclass(frozen=True, slots=True)
class Heterogeneity:
    """Between-cohort spread. Limits are None where the method gives none.

    Attributes
    ----------
    tau2, tau2_lb, tau2_ub
        Variance of the true effects on the scale of pooling, with its interval.
    i2, i2_lb, i2_ub
        Share of the variance that is not sampling error [%].
    q, q_df, q_p
        Cochran's Q (for the GLMM: the likelihood-ratio statistic against one proportion a cohort), its degrees of
        freedom and p value.
    """

    tau2: float
    tau2_lb: float | None
    tau2_ub: float | None
    i2: float | None
    i2_lb: float | None
    i2_ub: float | None
    q: float | None
    q_df: int | None
    q_p: float | None


@dataclass(frozen=True, slots=True)
class PooledEffect:
    """Effects pooled by inverse variance, on the scale they came in (logit, log, radians ...).

    Attributes
    ----------
    estimate, se, ci_lb, ci_ub
        Mean of the true effects, its standard error and interval.
    pi_lb, pi_ub
        Interval for the true effect of a new study; None for a common-effect method.
    df
        Degrees of freedom of the interval; None where it is normal.
    weights
        Share of each study in the estimate [%], shape (k,).
    """

    method: Tau2Method
    interval: IntervalKind
    k: int
    estimate: float
    se: float
    ci_lb: float
    ci_ub: float
    level: float
    pi_lb: float | None
    pi_ub: float | None
    df: int | None
    heterogeneity: Heterogeneity
    weights: tuple[float, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PooledProportion:
    """A pooled proportion, always inside [0, 1], with the choices that made it.

    Attributes
    ----------
    estimate, ci_lb, ci_ub
        The typical cohort's true proportion and its interval.
    pi_lb, pi_ub
        Interval for the true proportion of a new cohort; None with one cohort or a common-effect method.
    coefficient, se
        The same on the scale of pooling (logit unless `scale` says otherwise); None for exact.
    weights
        Share of each cohort in the estimate [%], shape (k,); for the GLMM the share of the information on its mean.
    method_card
        The choices made, by name: scale, tau2 estimator, interval, correction for zeros, back-transformation.
    notes
        What a reader must know about this very estimate: fallbacks taken, boundaries met.
    """

    method: Method
    scale: Scale | None
    k: int
    events: int
    total: int
    estimate: float
    ci_lb: float
    ci_ub: float
    level: float
    pi_lb: float | None
    pi_ub: float | None
    coefficient: float | None
    se: float | None
    heterogeneity: Heterogeneity | None
    weights: tuple[float, ...]
    method_card: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return plain types, ready for JSON."""
        return asdict(self)
