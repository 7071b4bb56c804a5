"""The parameters that are calibrated, as standard normal scores: the prior is N(0, I), whatever law each range gives.

A score becomes a value by the quantile that it stands for (`aftercar.patients.parameter_sets.prior_quantiles`). So
every step of the inference works on one scale, and a posterior standard deviation below 1 is what the data added.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import ndtr

from aftercar.catalogue.biology import Number
from aftercar.catalogue.calibration import CalibratedParameter, Calibration
from aftercar.catalogue.model_data import ModelData
from aftercar.foundation import Fault, InputError
from aftercar.patients.parameter_sets import OMEGA, Origin, ParameterSets, check_sets, open_numbers, prior_quantiles

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class ParameterSpace:
    """Calibrated parameters by label: the places that move together and the range of each.

    `numbers`: value, low and high; the other fields are those of the catalogue's number where it has one.
    """

    labels: tuple[str, ...]
    places: tuple[tuple[str, ...], ...]
    numbers: tuple[Number, ...]

    def values(self, scores: FloatArray) -> pd.DataFrame:
        """Return the values of scores of shape (n, parameters), one column per label."""
        u = ndtr(np.atleast_2d(scores))
        columns = {
            label: prior_quantiles(places[0], number, u[:, k])
            for k, (label, places, number) in enumerate(zip(self.labels, self.places, self.numbers, strict=True))
        }
        return pd.DataFrame(columns)

    def sets(self, scores: FloatArray, *, origin: Origin) -> ParameterSets:
        """Return the parameter sets of scores of shape (sets, parameters): one column per place."""
        values = self.values(scores)
        columns = {
            place: values[label] for label, places in zip(self.labels, self.places, strict=True) for place in places
        }
        return ParameterSets(pd.DataFrame(columns), origin=origin)


def build_space(calibration: Calibration, data: ModelData) -> ParameterSpace:
    """Return the space of a calibration.

    Raises
    ------
    InputError
        A place of nothing that is open, or a range that the parameter cannot have.
    """
    known, faults = open_numbers(data), []
    for label, one in calibration.parameters.items():
        plain = [place for place in one.places if not place.endswith(OMEGA)]
        faults += [
            Fault("calibration", f"parameters.{label}: '{place}' is no number with a range.", "Correct the place.")
            for place in plain
            if place not in known
        ]
    if faults:
        raise InputError(faults)
    numbers = [_number(one, known.get(one.places[0])) for one in calibration.parameters.values()]
    places = tuple(one.places for one in calibration.parameters.values())
    space = ParameterSpace(tuple(calibration.parameters), places, tuple(numbers))
    ends = np.array([[-8.0], [8.0]]) * np.ones(len(numbers))
    check_sets(space.sets(ends, origin="prior"), data)  # both ends of every range can be
    return space


def _number(one: CalibratedParameter, catalogue: Number | None) -> Number:
    changes = {k: getattr(one, k) for k in ("value", "low", "high") if getattr(one, k) is not None}
    if catalogue is not None:
        return Number(**{k: getattr(catalogue, k) for k in Number.model_fields} | changes)
    return Number(unit="1", grade="assumed", source="aftercar", **changes)
