"""Calibrated parameters as PEtab has them: which number of the system each is, in which cohort, and its prior.

Priors of the catalogue are two halves of normal laws (`prior_quantiles`). PEtab has one normal law on a plain or
logarithmic scale, and its tools stay within the bounds: so it is the normal law, cut at the bounds, whose distribution
lies nearest (least mean square), on the scale where it lies nearer. How far it is off (greatest difference of the two
distributions) is exported beside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import least_squares
from scipy.stats import norm

from aftercar.calibration.petab.cohorts import TypicalCohort, describe_cohorts
from aftercar.calibration.waves import Material
from aftercar.catalogue.biology import Number
from aftercar.engine import Network
from aftercar.foundation import Fault, InputError
from aftercar.patients.parameter_sets import OMEGA, apply_set, prior_quantiles

FloatArray = npt.NDArray[np.float64]
_POINTS = 512  # of the prior, at even steps of probability


@dataclass(frozen=True, slots=True)
class FittedPrior:
    """A normal law on a scale (`lin` or natural `log`), and its greatest distance from the catalogue's prior."""

    scale: str
    mean: float
    sd: float
    distance: float


@dataclass(frozen=True, slots=True)
class Estimated:
    """A parameter to estimate: its id in the problem, and by cohort the numbers of the system that take its value.

    `moves` is empty for a number that all cohorts have in common under the same id.
    """

    id: str
    label: str
    number: Number
    prior: FittedPrior
    moves: Mapping[str, tuple[str, ...]]


def find_estimated(
    material: Material, cohorts: tuple[TypicalCohort, ...], system: Network
) -> tuple[tuple[Estimated, ...], dict[str, str]]:
    """Return what is estimated, and what of the calibration is not with the reason.

    Where a number of the catalogue acts is found out by changing it: whatever in the typical patients follows must take
    the very value, or PEtab's conditions could not say it.

    Raises
    ------
    InputError
        A number that changes others than by its own value.
    """
    found, left = [], {}
    space = material.space
    for label, places, number in zip(space.labels, space.places, space.numbers, strict=True):
        plain = tuple(place for place in places if not place.endswith(OMEGA))
        if not plain:
            left[label] = "a spread between patients: the typical patient does not have it"
            continue
        moves, default = _trace(label, plain, number, material, cohorts)
        prior = fit_prior(plain[0], number)
        if not moves and default is not None:
            found.append(Estimated(default, label, number, prior, {}))
        elif moves:
            name = label if label not in system.names else f"fitted_{label}"
            found.append(Estimated(name, label, number, prior, moves))
        else:
            left[label] = "it acts in no cohort's typical patient"
    return tuple(found), left


def _trace(
    label: str, places: tuple[str, ...], number: Number, material: Material, cohorts: tuple[TypicalCohort, ...]
) -> tuple[dict[str, tuple[str, ...]], str | None]:
    """Return by cohort what takes the value of the places, or the one number of the system that it is."""
    other = float(prior_quantiles(places[0], number, np.array([0.25]))[0])
    changed = apply_set(material.data, dict.fromkeys(places, other))
    own = [p for p in places if p in changed.parameters and not changed.parameters[p].slot]
    moves: dict[str, tuple[str, ...]] = {}
    for before, after in zip(
        cohorts, describe_cohorts(material.calibration, changed, material.populations), strict=True
    ):
        names = [k for k, v in after.parameters.items() if v != before.parameters[k]]
        wrong = [k for k in names if after.parameters[k] != other]
        if wrong or after.doses != before.doses:
            found = f"'{label}' changes {', '.join(wrong) or 'doses'} otherwise than by its own value."
            raise InputError(Fault("PEtab", found, "Leave it out of the calibration to export."))
        names += [k for k in own if k not in before.parameters]
        if names:
            moves[before.id] = tuple(names)
    common = set(moves.values()) == {(own[0],)} and len(moves) == len(cohorts) if len(own) == 1 else False
    return ({}, own[0]) if common else (moves, None)


def fit_prior(place: str, number: Number) -> FittedPrior:
    """Return the normal law nearest to the prior of a number, on the scale where it is nearer."""
    u = (np.arange(_POINTS) + 0.5) / _POINTS
    values = prior_quantiles(place, number, u)
    ends = np.array([number.low, number.high], dtype=np.float64)
    laws = [_nearest("lin", values, ends, u)]
    if ends[0] > 0:  # a logarithm has no bound at zero
        laws.append(_nearest("log", np.log(values), np.log(ends), u))
    return min(laws, key=lambda law: law.distance)


def _nearest(scale: str, points: FloatArray, ends: FloatArray, u: FloatArray) -> FittedPrior:
    def differences(law: FloatArray) -> FloatArray:
        below = norm.cdf(np.array([*ends, *points]), centre + width * law[0], width * np.exp(law[1]))
        return np.asarray((below[2:] - below[0]) / max(below[1] - below[0], 1e-300) - u, dtype=np.float64)

    centre, width = float(points.mean()), float(points.std())
    # Beyond a few widths of the prior outside of its bounds the laws are all alike: a slope.
    law = least_squares(differences, np.zeros(2), bounds=([-5.0, -3.0], [5.0, 3.0])).x
    mean, sd = (float(f"{x:.5g}") for x in (centre + width * law[0], width * np.exp(law[1])))
    return FittedPrior(scale, mean, sd, float(f"{np.abs(differences(law)).max():.2g}"))
