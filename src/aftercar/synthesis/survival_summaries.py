"""What is read off a Kaplan-Meier curve: quantiles, the median, restricted mean survival, length of follow-up."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import norm

from aftercar.foundation import Fault, InputError
from aftercar.synthesis.counts import check_level
from aftercar.synthesis.kaplan_meier import ConfType, SurvivalCurve, fit_kaplan_meier, survival_records
from aftercar.synthesis.results import FloatArray

# S is a product of fractions: 0.5 may come out as 0.49999999999999994. R survival uses the same tolerance.
_EQUAL = float(np.sqrt(np.finfo(float).eps))


@dataclass(frozen=True, slots=True)
class SurvivalQuantile:
    """The time by which a given share has had the event; None means 'not reached'.

    `conf_type` names the interval of the curve whose limits were read off (Brookmeyer and Crowley 1982).
    """

    probability: float
    estimate: float | None
    ci_lb: float | None
    ci_ub: float | None
    n: int
    n_events: int
    conf_type: ConfType
    level: float


@dataclass(frozen=True, slots=True)
class RestrictedMean:
    """Restricted mean survival time: the area under the curve from 0 to `tau` [time unit of the data]."""

    tau: float
    estimate: float
    se: float
    ci_lb: float
    ci_ub: float
    level: float
    n: int
    n_events: int


@dataclass(frozen=True, slots=True)
class RestrictedMeanDifference:
    """First group's restricted mean minus the second's, with a normal interval and a two-sided p value."""

    tau: float
    estimate: float
    se: float
    ci_lb: float
    ci_ub: float
    p: float
    level: float


def median_survival(curve: SurvivalCurve) -> SurvivalQuantile:
    """Return the median with its interval; see `survival_quantile`."""
    return survival_quantile(curve, 0.5)


def survival_quantile(curve: SurvivalCurve, probability: float) -> SurvivalQuantile:
    """Return the time by which the share `probability` has had the event, with its interval.

    Where the curve is flat at exactly the level asked for, the answer is the middle of the flat piece (to the last
    observation, if the curve ends flat), as in R; programs that take the left end give an earlier time.

    Parameters
    ----------
    probability
        Share with the event, between 0 and 1; 0.5 for the median.

    References
    ----------
    Brookmeyer & Crowley 1982: the interval is read off the pointwise limits of the curve.
    """
    if not 0 < probability < 1:
        raise InputError(
            Fault("options", f"the probability of the quantile is {probability}.", "Give a share between 0 and 1.")
        )
    target = 1 - probability
    return SurvivalQuantile(
        probability=probability,
        estimate=_crossing(curve.time, curve.survival, target),
        ci_lb=_crossing(curve.time, curve.ci_lb, target),
        ci_ub=_crossing(curve.time, curve.ci_ub, target),
        n=curve.n,
        n_events=curve.n_events,
        conf_type=curve.conf_type,
        level=curve.level,
    )


def _crossing(time: FloatArray, height: FloatArray, target: float) -> float | None:
    """Return the first time at which a falling step curve is at or below the target, or the middle of a flat piece."""
    reached = np.flatnonzero(height <= target + _EQUAL)  # NaN limits (S = 0) count as not reached
    if reached.size == 0:
        return None
    first = reached[0]
    if height[first] < target - _EQUAL:
        return float(time[first])
    below = np.flatnonzero(~(height[first:] >= target - _EQUAL))
    end = time[first + below[0]] if below.size else time[-1]
    return float((time[first] + end) / 2)


def restricted_mean(curve: SurvivalCurve, *, tau: float) -> RestrictedMean:
    """Return the area under the curve up to `tau`, with the standard error that belongs to it.

    The interval is normal and kept inside [0, tau].

    The error is Greenwood's, carried through the area: Σ A(u)² d / (n (n − d)) over event times u ≤ tau, A(u) being
    the area that is left from u to tau. (The variance of the event time itself, which some programs give under
    this name, is another thing and much larger.)

    Parameters
    ----------
    tau
        Horizon, the unit of the curve, > 0.

    Raises
    ------
    InputError
        `tau` lies beyond the last observation while the curve is above 0: the area there is unknown.

    References
    ----------
    Klein & Moeschberger 2003, section 4.5; R survival's print of rmean gives the same.
    """
    check_horizon(curve, tau)
    inside = curve.time < tau  # an event at tau itself leaves no area and so moves nothing
    pieces = np.diff(curve.time[inside], prepend=0.0, append=tau) * np.append(1.0, curve.survival[inside])
    left_to_go = pieces.sum() - np.cumsum(pieces)[:-1]
    at_risk, events = curve.at_risk[inside].astype(float), curve.events[inside].astype(float)
    counts = (events > 0) & (events < at_risk)  # where all have the event no area is left
    share = events[counts] / (at_risk[counts] * (at_risk[counts] - events[counts]))
    se = float(np.sqrt(np.sum(left_to_go[counts] ** 2 * share)))
    estimate = float(pieces.sum())
    z = float(norm.ppf((1 + curve.level) / 2))
    return RestrictedMean(
        tau=float(tau),
        estimate=estimate,
        se=se,
        ci_lb=max(0.0, estimate - z * se),
        ci_ub=min(float(tau), estimate + z * se),
        level=curve.level,
        n=curve.n,
        n_events=curve.n_events,
    )


def influence_on_restricted_mean(duration: npt.ArrayLike, event: npt.ArrayLike, *, tau: float) -> FloatArray:
    """Return by how much each patient moves a group's restricted mean up to `tau`, per unit of weight, shape (n,).

    The squares sum to the squared standard error of `restricted_mean`. Where the same patients stand in two groups, the
    differences of their influences, squared and summed, give the variance of the difference of the means.

    References
    ----------
    The infinitesimal jackknife of Kaplan-Meier: efron1981.
    """
    records = survival_records(duration, event)
    curve = fit_kaplan_meier(records.duration, records.event)
    check_horizon(curve, tau)
    steps = np.diff(np.minimum(curve.time, tau), prepend=0.0, append=tau) * np.append(1.0, curve.survival)
    left_to_go = np.clip(steps.sum() - np.cumsum(steps)[:-1], 0.0, None)  # from each time to tau
    hazard = curve.events / curve.at_risk
    # Where all at risk have the event nothing is left to go, and the influence is none.
    per_event = np.where(hazard < 1, left_to_go / (np.where(hazard < 1, 1 - hazard, 1.0) * curve.at_risk), 0.0)
    place = np.searchsorted(curve.time, records.duration)
    survived = np.cumsum(per_event * hazard)[place]
    return np.asarray(survived - np.where(records.event, per_event[place], 0.0))


def restricted_mean_difference(
    first: SurvivalCurve, second: SurvivalCurve, *, tau: float, level: float = 0.95
) -> RestrictedMeanDifference:
    """Return the first group's restricted mean minus the second's, for independent groups.

    Raises
    ------
    InputError
        `tau` lies beyond the follow-up of either group, or neither group has any spread to judge by.
    """
    check_level(level)
    one, other = restricted_mean(first, tau=tau), restricted_mean(second, tau=tau)
    se = float(np.hypot(one.se, other.se))
    if se == 0:
        raise InputError(
            Fault(
                "survival curves",
                f"neither group has an event that moves the area before tau = {tau:g}, so that no error can be given.",
                "Choose a later tau.",
            )
        )
    estimate = one.estimate - other.estimate
    z = float(norm.ppf((1 + level) / 2))
    return RestrictedMeanDifference(
        tau=float(tau),
        estimate=estimate,
        se=se,
        ci_lb=estimate - z * se,
        ci_ub=estimate + z * se,
        p=float(2 * norm.sf(abs(estimate) / se)),
        level=level,
    )


def reverse_kaplan_meier(
    duration: npt.ArrayLike,
    event: npt.ArrayLike,
    *,
    entry: npt.ArrayLike | None = None,
    conf_type: ConfType = "log-log",
    level: float = 0.95,
) -> SurvivalQuantile:
    """Return the median follow-up: the median time to censoring, had nobody had the event.

    `n_events` of the result counts the censored, which are this estimate's events.

    References
    ----------
    Schemper & Smith 1996.
    """
    records = survival_records(duration, event, entry=entry)
    curve = fit_kaplan_meier(records.duration, ~records.event, entry=records.entry, conf_type=conf_type, level=level)
    return median_survival(curve)


def check_horizon(curve: SurvivalCurve, tau: float) -> None:
    """Raise an `InputError` unless the curve is known up to `tau`."""
    check_horizon_value(tau)
    end = float(curve.time[-1])
    if tau > end and curve.survival[-1] > 0:
        found = (
            f"tau = {tau:g} lies beyond the last observation at {end:g}, where survival is still "
            f"{curve.survival[-1]:.3f}."
        )
        mend = f"Choose a tau of {end:g} or less; the curve says nothing after that."
        raise InputError(Fault("survival curve", found, mend))


def check_horizon_value(tau: float) -> None:
    """Raise an `InputError` unless `tau` is a finite time above 0."""
    if not np.isfinite(tau) or tau <= 0:
        raise InputError(Fault("options", f"tau is {tau}.", "Give a horizon above 0."))
