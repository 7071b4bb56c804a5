"""Weights that make virtual patients resemble a published baseline table.

Of all weights under which the patients have exactly the published means and shares, those nearest to equal ones in
entropy are taken: w_i proportional to exp(x_i . b), with b from a convex minimum. These are the weights of
matching-adjusted indirect comparison.

References
----------
hainmueller2012, Political Analysis 20:25, eq. 4-8 (entropy balancing).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from aftercar.foundation import Fault, InputError

FloatArray = npt.NDArray[np.float64]
STATISTICS = ("mean", "median", "share_at_least", "share_at_most")
_MISSED = 1e-6


@dataclass(frozen=True)
class Weighting:
    """Weights of patients.

    Attributes
    ----------
    weights
        One per patient, mean 1.
    effective
        Effective sample size: (sum of weights) squared over the sum of their squares.
    balance
        One row per published figure: quantity, statistic, limit, published, before, after.
    """

    weights: pd.Series
    effective: float
    balance: pd.DataFrame


def reweight(patients: pd.DataFrame, baseline: pd.DataFrame) -> Weighting:
    """Weight patients to a published baseline table.

    Parameters
    ----------
    patients
        Quantities by column, one row per patient.
    baseline
        Published figures: columns `quantity`, `statistic` (mean, median, share_at_least or share_at_most), `value`
        (a share lies between 0 and 1) and, for a share, `limit`.

    Raises
    ------
    InputError
        A quantity that the patients do not have, an impossible figure, or figures that no weights can give.

    Examples
    --------
    >>> people = pd.DataFrame({"age": [50.0, 60.0, 70.0]})
    >>> table = pd.DataFrame({"quantity": ["age"], "statistic": ["mean"], "value": [63.0]})
    >>> found = reweight(people, table)
    >>> round(float((found.weights * people["age"]).mean()), 6), round(found.effective, 2)
    (63.0, 2.64)
    """
    from scipy.optimize import minimize  # a fifth of a second that only who asks for weights waits for

    check_baseline(patients, baseline)
    rows = [_feature(patients, row) for row in baseline.to_dict("records")]
    x = np.column_stack([feature for feature, _ in rows])
    goal = np.array([target for _, target in rows])
    scale = np.where(x.std(axis=0) > 0, x.std(axis=0), 1.0)
    z = (x - goal) / scale

    def objective(b: FloatArray) -> tuple[float, FloatArray]:
        exponent = z @ b
        top = exponent.max()
        raw = np.exp(exponent - top)
        return float(top + np.log(raw.sum())), np.asarray(z.T @ (raw / raw.sum()))

    # Figures that no weights can give drive b without end; the bounds stop it, and the balance shows it.
    fit = minimize(
        objective, np.zeros(z.shape[1]), jac=True, method="L-BFGS-B", bounds=[(-100, 100)] * z.shape[1],
        options={"gtol": 1e-10, "ftol": 1e-16, "maxiter": 2000},
    )  # fmt: skip
    raw = np.exp(z @ fit.x - (z @ fit.x).max())
    weights = raw / raw.mean()
    after = (weights[:, None] * x).mean(axis=0)
    _check_reached(baseline, after, goal, scale)
    table = baseline.assign(published=goal, before=x.mean(axis=0), after=after)
    return Weighting(
        pd.Series(weights, index=patients.index, name="weight"),
        float(weights.sum() ** 2 / (weights**2).sum()),
        table[[c for c in ("quantity", "statistic", "limit", "published", "before", "after") if c in table]],
    )


def check_baseline(patients: pd.DataFrame, baseline: pd.DataFrame) -> None:
    """Raise InputError for every figure of a baseline table that cannot be used."""
    faults = []
    missing = {"quantity", "statistic", "value"} - set(baseline.columns)
    if missing:
        found = f"the columns {', '.join(sorted(missing))} are missing."
        raise InputError(Fault("baseline", found, "Give quantity, statistic, value and, for shares, limit."))
    for k, row in enumerate(baseline.to_dict("records")):
        place = k + 2
        if row["quantity"] not in patients.columns:
            known = ", ".join(map(str, patients.columns[:30]))
            faults.append(
                Fault("baseline", f"the patients have no '{row['quantity']}'.", f"They have: {known}.", place)
            )
        if row["statistic"] not in STATISTICS:
            mend = f"Choose from {', '.join(STATISTICS)}."
            faults.append(Fault("baseline", f"'{row['statistic']}' is no statistic.", mend, place))
        elif not np.isfinite(row["value"]):
            faults.append(Fault("baseline", "the value is missing.", "Give a number.", place))
        elif str(row["statistic"]).startswith("share"):
            if not 0 < row["value"] < 1:
                mend = "Give a share between 0 and 1; criteria of eligibility include or exclude everybody."
                faults.append(Fault("baseline", f"the share is {row['value']:g}.", mend, place))
            if not np.isfinite(row.get("limit", np.nan)):
                faults.append(Fault("baseline", "a share has no limit.", "Fill in the column limit.", place))
    if faults:
        raise InputError(faults)


def _feature(patients: pd.DataFrame, row: Mapping[Any, Any]) -> tuple[FloatArray, float]:
    """Return what is averaged, and what its average shall be."""
    level = patients[str(row["quantity"])].to_numpy(dtype=np.float64)
    match row["statistic"]:
        case "mean":
            return level, float(row["value"])
        case "median":  # half lie above; those who have the very value count half
            return (level > row["value"]) + 0.5 * (level == row["value"]), 0.5
        case "share_at_least":
            return (level >= row["limit"]).astype(np.float64), float(row["value"])
        case _:
            return (level <= row["limit"]).astype(np.float64), float(row["value"])


def _check_reached(baseline: pd.DataFrame, after: FloatArray, goal: FloatArray, scale: FloatArray) -> None:
    missed = np.abs(after - goal) > _MISSED * np.maximum(scale, np.abs(goal))
    faults = [
        Fault(
            "baseline",
            f"no weights give {row['statistic']} of '{row['quantity']}' = {row['value']:g} with the other figures.",
            "Draw a population whose range holds it, or more patients.",
            row=k + 2,
        )
        for k, row in enumerate(baseline.to_dict("records"))
        if missed[k]
    ]
    if faults:
        raise InputError(faults)
