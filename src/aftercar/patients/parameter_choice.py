"""Which parameters patients are simulated with: typical values, sets of what the sources leave open, calibrated ones.

The calibration fits the first treatment. Of the therapies that follow, what is open about their own numbers is drawn
from the ranges of the catalogue in either case.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Literal, get_args

import pandas as pd

from aftercar.catalogue.model_data import ModelData
from aftercar.catalogue.populations import Population
from aftercar.foundation import Fault, InputError
from aftercar.model import Treatment
from aftercar.patients.parameter_sets import ParameterSets, draw_prior, open_numbers
from aftercar.patients.posterior import fitted_therapies, load_posterior

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
    return ParameterSets(drawn, origin="posterior", beside=tuple(own))


def choose_sets_for_plan(
    plan: Sequence[Treatment], parameters: Parameters, n: int, *, seed: int, data: ModelData,
    populations: Mapping[str, Population],
) -> ParameterSets | None:  # fmt: skip
    """Return sets for one plan of treatment: as `choose_sets`, all but its calibrated first treatment being salvage."""
    later = {one.therapy for one in plan} - {find_calibrated(plan, data)}
    return choose_sets(
        parameters, n, seed=seed, data=data, populations=populations, bases=(), therapies=sorted(later)
    )  # fmt: skip


def find_calibrated(plan: Sequence[Treatment], data: ModelData) -> str:
    """Return the first CAR-T product of a plan if the calibration fits it as first treatment, else nothing."""
    products = [one for one in plan if data.actions[one.therapy].kind == "product"]
    first = min(products, key=lambda one: one.day).therapy if products else ""
    return first if first in fitted_therapies() else ""


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
    return say_calibrated(is_calibrated(sets))


def say_calibrated(calibrated: bool) -> str:
    """Return what is calibrated, given whether the first treatment is."""
    return "first treatment calibrated to published cohorts, salvage not" if calibrated else "uncalibrated"


def calibration_words_for_plan(sets: ParameterSets | None, plan: Sequence[Treatment], data: ModelData) -> str:
    """Return what of one plan of treatment is calibrated, by name."""
    if not is_calibrated(sets):
        return "uncalibrated"
    first = find_calibrated(plan, data)
    others = ", ".join(dict.fromkeys(one.therapy for one in plan if one.therapy != first))
    if not first:
        return f"parameters calibrated to other first treatments, {others} not"
    known = f"{first} calibrated to published cohorts as first treatment"
    return f"{known}, {others} not" if others else known


def parameter_words(sets: ParameterSets | None) -> str:
    """Return which parameters were taken, e.g. ``40 sets of the posterior``."""
    if sets is None:
        return "typical values of the catalogue"
    return f"{len(sets.values)} {'set' if len(sets.values) == 1 else 'sets'} of the {sets.origin}"
