"""In which order simulated arms stand, and how far what was simulated identifies it.

Arms are paired: the same patients, each with a set of population parameters, are in every arm. Means of arms differ for
two reasons: what is open about the parameters, and the luck of few patients. As in `parameter_spread`, analysis of
variance parts them, here for all arms together, so that what arms share cancels where they are compared:

    W   covariance between arms of patients' values within sets
    B   covariance between arms of sets' true means, by moments, negative parts cut off (searle1992, section 3.6)

Under a parameter set that nobody knows, the arms' true means are about normal: mean of what was simulated, covariance B
for the set, and B / K + W / N for the K sets and N patients that there were.

Response is 0 or 1. Of progression-free survival a patient's value is a pseudo-value of the restricted mean: the time
without progression up to the horizon where nobody is censored before it (efron1981).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from aftercar.foundation import NotPoolableError
from aftercar.synthesis.ranking import Identification, Ranking, identify_order, rank_strategies
from aftercar.synthesis.survival_summaries import influence_on_restricted_mean, restricted_mean
from aftercar.trials.endpoint_records import fit_curve, take_records, take_responses
from aftercar.trials.tables import TrialTables

FloatArray = npt.NDArray[np.float64]
DRAWS = 20_000


@dataclass(frozen=True)
class ArmMeans:
    """The law of the arms' true means under one unknown parameter set. Simulated.

    `mean`, shape (arms,); `covariance`, shape (arms, arms): parameters and luck of the patients together.
    """

    arms: tuple[str, ...]
    mean: FloatArray
    covariance: FloatArray

    def draw(self, n: int, rng: np.random.Generator) -> FloatArray:
        """Return joint draws, shape (arms, n)."""
        values, vectors = np.linalg.eigh(self.covariance)
        root = vectors * np.sqrt(np.maximum(values, 0.0))
        return np.asarray(self.mean[:, None] + root @ rng.normal(size=(len(self.arms), n)))


def fit_arm_means(values: pd.DataFrame, sets: npt.ArrayLike) -> ArmMeans:
    """Return the law of arms' means from patients' values.

    Parameters
    ----------
    values
        One row a patient, one column an arm; NaN where the patient was not treated in it. Means take who there is,
        covariances those who are in every arm.
    sets
        Parameter set of each patient, shape (patients,). With one set, nothing is known of the spread between sets.

    Raises
    ------
    NotPoolableError
        Fewer than two patients are in every arm.
    """
    complete = values.notna().all(axis=1).to_numpy()
    y, own = values.to_numpy(dtype=np.float64)[complete], np.asarray(sets)[complete]
    n = len(y)
    _, place = np.unique(own, return_inverse=True)
    sizes = np.bincount(place)
    k = len(sizes)
    if n < 2 or n == k:
        raise NotPoolableError(f"{n} patients of {k} parameter sets are in every arm. Simulate more.")
    centres = np.zeros((k, y.shape[1]))
    np.add.at(centres, place, y)
    centres /= sizes[:, None]
    inside = y - centres[place]
    within = inside.T @ inside / (n - k)
    between = np.zeros_like(within)
    if k > 1:
        apart = centres - y.mean(axis=0)
        moved = (apart * sizes[:, None]).T @ apart - (k - 1) * within
        between = _positive(moved / (n - np.sum(sizes**2) / n))
    # Sets have different sizes: their mean weighs them by size, and so does its variance.
    covariance = between * (1.0 + np.sum(sizes**2) / n**2) + within / n
    return ArmMeans(tuple(map(str, values.columns)), np.nanmean(values.to_numpy(dtype=np.float64), axis=0), covariance)


def _positive(matrix: FloatArray) -> FloatArray:
    """Return the matrix without its negative part."""
    values, vectors = np.linalg.eigh(0.5 * (matrix + matrix.T))
    return np.asarray((vectors * np.maximum(values, 0.0)) @ vectors.T)


def rank_arms(
    tables: TrialTables, measure: str, *, level: float, rng: np.random.Generator
) -> tuple[Ranking, Identification]:  # fmt: skip
    """Return the ranks of a paired trial's arms, rank 1 the highest, and which pairs are told apart.

    Parameters
    ----------
    measure
        A response rate, or PFS: mean time without progression up to the last day that every arm is followed to.
    level
        Of the intervals of ranks.

    Raises
    ------
    NotPoolableError
        Fewer than two arms, or too few patients.
    """
    values = _take_values(tables, measure)
    of = tables.subjects.set_index("patient")["parameter_set"]
    means = fit_arm_means(values, of.loc[values.index].to_numpy())
    ranking = rank_strategies(means.arms, means.draw(DRAWS, rng), level=level, run=1)
    return ranking, identify_order(means.arms, ranking.pairwise)


def _take_values(tables: TrialTables, measure: str) -> pd.DataFrame:
    """Return patients' values by arm."""
    if measure != "PFS":
        records = take_responses(tables, measure).assign(value=lambda one: one["event"].astype(float))
    else:
        records = take_records(tables, "PFS")
        horizon = float(records.groupby("arm")["duration"].max().min())
        parts = []
        for _, part in records.groupby("arm", sort=False):
            centre = restricted_mean(fit_curve(part), tau=horizon).estimate
            moved = influence_on_restricted_mean(part["duration"], part["event"], tau=horizon)
            parts.append(part.assign(value=centre + len(part) * moved))
        records = pd.concat(parts)
    table = records.pivot(index="patient", columns="arm", values="value")
    return table[list(dict.fromkeys(records["arm"]))]
