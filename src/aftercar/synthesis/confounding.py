"""How strong unmeasured confounding must be to reverse a comparison of single-arm cohorts.

Strategies are compared across studies that share no arm: what differs between two rates may be the patients. Nothing
in the data says how much, so the question is turned round: how much would it take?
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd
from scipy.special import expit

from aftercar.foundation import Fault, InputError
from aftercar.synthesis.counts import check_level
from aftercar.synthesis.results import FloatArray


@dataclass(frozen=True, slots=True)
class EValue:
    """E-values of a risk ratio and of the limit of its interval nearer to no difference.

    Attributes
    ----------
    estimate
        Least strength, on the risk-ratio scale, that an unmeasured confounder needs with both the choice of strategy
        and the response to explain the whole ratio; 1 means that none is needed.
    limit
        The same for the interval to reach no difference; 1 where it does already, None where no interval was given.
    """

    estimate: float
    limit: float | None


def find_e_value(risk_ratio: float, lb: float | None = None, ub: float | None = None) -> EValue:
    """Return the E-value of a risk ratio.

    Ratios below one are inverted first, so that a ratio and its inverse have the same E-value.

    Parameters
    ----------
    risk_ratio, lb, ub
        Ratio of two proportions with its interval, all > 0.

    Raises
    ------
    InputError
        A ratio that is not positive and finite, or an interval without the estimate inside.

    References
    ----------
    vanderweele2017, p. 269 and Table 2.

    Examples
    --------
    >>> value = find_e_value(3.9, 1.8, 8.7)
    >>> round(value.estimate, 2), round(value.limit, 2)
    (7.26, 3.0)
    """
    given = [x for x in (lb, risk_ratio, ub) if x is not None]
    if any(not (np.isfinite(x) and x > 0) for x in given) or any(a > b for a, b in pairwise(given)):
        found = f"the risk ratio {risk_ratio} with limits {lb} and {ub}."
        raise InputError(Fault("risk ratio", found, "Give positive numbers with lb <= risk ratio <= ub."))
    nearer = lb if risk_ratio >= 1 else ub
    if nearer is None:
        return EValue(_strength(risk_ratio), None)
    crosses = (nearer <= 1) if risk_ratio >= 1 else (nearer >= 1)
    return EValue(_strength(risk_ratio), 1.0 if crosses else _strength(nearer))


def _strength(ratio: float) -> float:
    above = max(ratio, 1.0 / ratio)
    return float(above + np.sqrt(above * (above - 1.0)))


def bound_bias(rr_eu: float, rr_ud: float) -> float:
    """Return the largest factor by which a confounder of the given strengths can inflate a risk ratio.

    Parameters
    ----------
    rr_eu
        Strength of its association with the choice of strategy: the largest ratio of its prevalence between the two
        groups, >= 1.
    rr_ud
        Strength of its association with the response, as a risk ratio, >= 1.

    Raises
    ------
    InputError
        A strength below 1.

    References
    ----------
    ding2016, equation 1.

    Examples
    --------
    >>> round(bound_bias(2.0, 3.0), 2)
    1.5
    """
    if not (np.isfinite([rr_eu, rr_ud]).all() and rr_eu >= 1 and rr_ud >= 1):
        raise InputError(
            Fault(
                "strength", f"RR_EU = {rr_eu}, RR_UD = {rr_ud}.", "Give risk ratios of 1 or more (invert those below)."
            )
        )
    return rr_eu * rr_ud / (rr_eu + rr_ud - 1.0)


def find_reversals(
    names: Sequence[str], draws: FloatArray, *, level: float = 0.95, pairs: str = "best"
) -> pd.DataFrame:
    """Return, for pairs of strategies, what it takes to reverse their order.

    Parameters
    ----------
    names
        Strategies, shape (S,).
    draws
        Joint posterior draws of their mean log-odds, shape (S, draws).
    pairs
        ``best``: the strategy of highest median against each other; ``all``: every pair.

    Returns
    -------
    pandas.DataFrame
        One row a pair, `better` having the higher median. `p_better`: probability that its rate is higher.
        `risk_ratio`, `rr_lb`, `rr_ub`: posterior median and interval of the ratio of rates. `e_value`,
        `e_value_limit`: see `EValue`; the first is also the smallest common strength of a confounder's two
        associations that reverses the order. `tipping_shift`: fall in log-odds of `better`, in the patients of the
        other, at which either is as likely to be higher; `tipping_rate`: its rate then, from `rate_better`;
        `tipping_points`: the fall in percentage points. `certain_shift`: the fall at which the probability of being
        higher drops to `level`; 0 where it never reached it.

    Raises
    ------
    InputError
        Shapes that do not fit, fewer than two strategies, or an unknown word for `pairs`.
    """
    check_level(level)
    theta = np.asarray(draws, dtype=np.float64)
    if theta.ndim != 2 or theta.shape[0] != len(names) or len(names) < 2:
        found = f"draws have shape {theta.shape} for {len(names)} strategies."
        raise InputError(Fault("draws", found, "Give one row of draws a strategy, for two or more."))
    if pairs not in ("best", "all"):
        raise InputError(Fault("pairs", f"'{pairs}' is not known.", "Use best or all."))
    order = np.argsort(-np.median(theta, axis=1), kind="stable")
    rows = []
    for place, a in enumerate(order if pairs == "all" else order[:1]):
        rows += [_reverse(names[a], names[b], theta[a], theta[b], level) for b in order[place + 1 :]]
    return pd.DataFrame(rows)


def _reverse(better: str, worse: str, a: FloatArray, b: FloatArray, level: float) -> dict[str, object]:
    tail = 0.5 * (1.0 - level)
    lower, ratio, upper = np.quantile(expit(a) / expit(b), [tail, 0.5, 1.0 - tail])
    e_value = find_e_value(float(ratio), float(lower), float(upper))
    shift = float(np.median(a - b))
    rate = float(expit(np.median(a)))
    rate_then = float(expit(np.median(a) - shift))
    return {
        "better": better,
        "worse": worse,
        "p_better": float((a > b).mean() + 0.5 * (a == b).mean()),
        "risk_ratio": float(ratio),
        "rr_lb": float(lower),
        "rr_ub": float(upper),
        "e_value": e_value.estimate,
        "e_value_limit": e_value.limit,
        "tipping_shift": shift,
        "rate_better": rate,
        "tipping_rate": rate_then,
        "tipping_points": 100.0 * (rate - rate_then),
        "certain_shift": max(float(np.quantile(a - b, 1.0 - level)), 0.0),
    }


def spread_bias(
    names: Sequence[str], draws: FloatArray, *, bias_sd: Sequence[float], rng: np.random.Generator
) -> pd.DataFrame:
    """Return the probability of being best when each strategy's rate also carries an unknown bias of selection.

    The biases are drawn independently from N(0, bias_sd²) on the logit scale, the same standardised draws for every
    `bias_sd`, so that columns differ by its size alone. As it grows, all probabilities tend to 1/S.

    Parameters
    ----------
    names, draws
        Strategies, shape (S,), and joint draws of their mean log-odds, shape (S, draws).
    bias_sd
        Standard deviations to try [logit], each >= 0.

    Returns
    -------
    pandas.DataFrame
        Strategies by rows, `bias_sd` by columns.
    """
    theta = np.asarray(draws, dtype=np.float64)
    if any(not (np.isfinite(sd) and sd >= 0) for sd in bias_sd):
        raise InputError(Fault("bias_sd", f"{list(bias_sd)}.", "Give standard deviations of 0 or more [logit]."))
    noise = rng.standard_normal(theta.shape)
    columns = {}
    for sd in bias_sd:
        shifted = theta + sd * noise
        highest = shifted == shifted.max(axis=0)
        columns[float(sd)] = (highest / highest.sum(axis=0)).mean(axis=1)
    return pd.DataFrame(columns, index=pd.Index(list(names), name="strategy"))
