"""Cumulative incidence of several causes of the end of one state: the Aalen-Johansen estimate.

Equation:   F_k(t) = Σ over times u ≤ t of S(u−) · d_k(u) / n(u), S being Kaplan-Meier's for all causes together
One minus Kaplan-Meier, with the other causes censored, is larger: it is the share that would be reached if nobody could
have the other causes.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import norm

from aftercar.foundation import Fault, InputError
from aftercar.synthesis.counts import check_level
from aftercar.synthesis.kaplan_meier import survival_records
from aftercar.synthesis.results import FloatArray


def fit_cumulative_incidence(
    duration: npt.ArrayLike, cause: Sequence[str] | npt.ArrayLike, *, level: float = 0.95
) -> pd.DataFrame:
    """Estimate by when what share has had each cause, in one group.

    Parameters
    ----------
    duration
        Time to the first cause or to censoring, shape (n,), any one unit, > 0.
    cause
        Name of what happened, shape (n,); empty where the patient was censored.
    level
        Coverage of the pointwise interval, which is made on log(−log F) and stays inside [0, 1].

    Returns
    -------
    DataFrame
        Columns cause, time, at_risk, events, incidence, std_err, ci_lb, ci_ub: for every cause one row per time at
        which anybody left. The standard error is the infinitesimal jackknife's; before the first event there is no
        interval (NaN).

    References
    ----------
    aalen1978; marubini1995 for the interval. Checked against R's multi-state survfit in validation/trials.

    Examples
    --------
    >>> fit_cumulative_incidence([1, 2, 3, 4], ["a", "b", "", "a"]).query("cause == 'a'")["incidence"].tolist()
    [0.25, 0.25, 0.25, 0.75]
    """
    check_level(level)
    names = np.asarray(cause, dtype=np.str_)
    records = survival_records(duration, (names != "").astype(np.float64), label="competing causes")
    if not records.event.any():
        raise InputError(Fault("competing causes", "nobody had any cause.", "Give at least one event."))
    causes = sorted(set(names.tolist()) - {""})
    time = np.unique(records.duration)
    counts = np.array([[np.sum((records.duration == t) & (names == one)) for t in time] for one in causes])
    at_risk = len(names) - np.searchsorted(np.sort(records.duration), time, side="left")
    incidence, std_err = _walk(records.duration, names, causes, time)
    z = norm.ppf((1 + level) / 2)
    parts = []
    for row, one in enumerate(causes):
        with np.errstate(divide="ignore", invalid="ignore"):
            f = np.where((incidence[row] > 0) & (incidence[row] < 1), incidence[row], np.nan)
            spread = np.exp(z * std_err[row] / np.abs(f * np.log(f)))
        parts.append(
            pd.DataFrame(
                {
                    "cause": one, "time": time, "at_risk": at_risk, "events": counts[row], "incidence": incidence[row],
                    "std_err": std_err[row], "ci_lb": f**spread, "ci_ub": f ** (1 / spread),
                }
            )
        )  # fmt: skip
    return pd.concat(parts, ignore_index=True)


def _walk(
    duration: FloatArray, names: npt.NDArray[np.str_], causes: Sequence[str], time: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return incidence and standard error, shape (causes, times), carrying each patient's influence along."""
    incidence, std_err = np.zeros((len(causes), time.size)), np.zeros((len(causes), time.size))
    alive, alive_by = 1.0, np.zeros(duration.size)  # S, and its derivative by each patient's weight
    reached, reached_by = np.zeros(len(causes)), np.zeros((len(causes), duration.size))
    for place, t in enumerate(time):
        present = (duration >= t).astype(np.float64)
        n = present.sum()
        here = np.array([(duration == t) & (names == one) for one in causes], dtype=np.float64)
        hazard = here.sum(axis=1) / n
        hazard_by = (here - hazard[:, None] * present) / n
        reached_by += hazard[:, None] * alive_by + alive * hazard_by
        reached = reached + alive * hazard
        alive_by = alive_by * (1 - hazard.sum()) - alive * hazard_by.sum(axis=0)
        alive *= 1 - hazard.sum()
        incidence[:, place], std_err[:, place] = reached, np.sqrt((reached_by**2).sum(axis=1))
    return incidence, std_err
