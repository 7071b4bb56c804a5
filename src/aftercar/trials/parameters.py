"""Which parameters a trial is run with: typical values, sets from what the sources leave open, or calibrated ones.

The calibration fits the first treatment. Of the therapies that follow, what is open about their own numbers is drawn
from the ranges of the catalogue in either case.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, Literal, get_args

import pandas as pd

from aftercar.catalogue.model_data import ModelData
from aftercar.catalogue.populations import Population
from aftercar.foundation import Fault, InputError
from aftercar.patients import ParameterSets, draw_prior, load_posterior, open_numbers

Parameters = Literal["posterior", "prior"]
PARAMETERS: Final[tuple[Parameters, ...]] = get_args(Parameters)
_OF_SALVAGE: Final = ("resistance_",)
"""Numbers of the patient that nothing but later therapies meets."""


def choose_sets(
    parameters: Parameters, n: int, *, seed: int, data: ModelData, populations: Mapping[str, Population],
    bases: Iterable[Population], therapies: Iterable[str],
) -> ParameterSets | None:  # fmt: skip
    """Return `n` sets of population parameters; None for none, which is the catalogue's typical values.

    Parameters
    ----------
    parameters
        ``posterior``: the first draws of the calibration, with what is open about the numbers of `therapies` beside
        them. ``prior``: everything that the sources leave open, whatever the calibration says.
    bases
        Populations of the trial, whose own numbers ``prior`` moves too.
    therapies
        What may be given after the first treatment.

    Raises
    ------
    InputError
        More sets than the posterior has draws, or a posterior of other names.
    """
    if n == 0:
        return None
    if parameters == "prior":
        return draw_prior(n, seed=seed, data=data, populations=bases)
    posterior = load_posterior(data=data, populations=populations)
    if n > len(posterior.values):
        found = f"{n} sets, the posterior has {len(posterior.values)} draws."
        raise InputError(Fault("parameter sets", found, "Ask for fewer, or for sets of the prior."))
    known = set(posterior.values.columns)
    own = [name for name in list_open_salvage(data, therapies) if name not in known]
    drawn = posterior.values.iloc[:n].reset_index(drop=True)
    if own:
        other = draw_prior(n, seed=seed, data=data, names=own).values.reset_index(drop=True)
        drawn = pd.concat([drawn, other], axis=1)
    return ParameterSets(drawn, origin="posterior")


def list_open_salvage(data: ModelData, therapies: Iterable[str]) -> list[str]:
    """Return the open numbers that no first treatment by CAR-T cells meets: of therapies, engagers, drugs."""
    own = {part for therapy in therapies for part in _parts(therapy, data)}
    slots = {name for name, number in data.parameters.items() if number.slot in ("engager", "drug")}
    return [
        name
        for name in open_numbers(data)
        if name.split(".")[0] in own or name in slots or name.startswith(_OF_SALVAGE)
    ]


def _parts(therapy: str, data: ModelData) -> set[str]:
    action = data.actions[therapy]
    return {therapy}.union(*(_parts(part.therapy, data) for part in action.parts))


def is_calibrated(sets: ParameterSets | None) -> bool:
    """Tell whether the first treatment's parameters are those of the calibration."""
    return sets is not None and sets.origin == "posterior"


def calibration_words(sets: ParameterSets | None) -> str:
    """Return what is calibrated, for the line that says that a figure is simulated."""
    return "first treatment calibrated to published cohorts, salvage not" if is_calibrated(sets) else "uncalibrated"
