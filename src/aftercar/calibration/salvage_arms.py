"""The simulated arm that stands for a cohort, and what its patients had first.

A cohort runs its own therapy where the catalogue says what that does, therapies joined by ``+`` run together, and any
other cohort has the representative of its strategy in the built-in trial. A mixture of therapies has none.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Protocol

from aftercar.catalogue.first_products import load_first_products
from aftercar.catalogue.model_data import ModelData
from aftercar.catalogue.populations import load_populations
from aftercar.catalogue.regimens import TreatmentEntry
from aftercar.trials import TrialPlan
from aftercar.trials.plan import ArmEntry

JOINED = "+"
OWN, PLAN, REPRESENTATIVE = "own therapy", "therapies together", "representative of its strategy"


@dataclass(frozen=True, slots=True)
class Start:
    """Who the simulated patients of a trial are, and what they had first."""

    population: str
    therapy: str


@dataclass(frozen=True, slots=True)
class Counterpart:
    """The arm that stands for a cohort, and how it was chosen.

    Attributes
    ----------
    starts
        What the patients had first, with its share.
    first_known
        Whether somebody names the first product; else it is a stand-in.
    """

    arm: ArmEntry
    how: str
    starts: tuple[tuple[Start, float], ...] = ()
    first_known: bool = False


class Standing(Protocol):
    """A cohort that asks for an arm. `first`: its first product where a user names it, else empty."""

    @property
    def cohort(self) -> str: ...
    @property
    def therapy(self) -> str: ...
    @property
    def strategy(self) -> str: ...
    @property
    def first(self) -> str: ...


def find_counterpart(therapy: str, strategy: str, plan: TrialPlan, data: ModelData) -> Counterpart | None:
    """Return the arm that stands for a therapy, or None where there is none; `plan` holds the representatives.

    Its patients had the first treatment of the plan.
    """
    starts = ((_start_of(plan), 1.0),)
    parts = therapy.split(JOINED)
    if all(part in data.actions for part in parts):
        treatments = tuple(TreatmentEntry(therapy=part) for part in parts)
        return Counterpart(ArmEntry(name=therapy, treatments=treatments), OWN if len(parts) == 1 else PLAN, starts)
    for arm in plan.arms:
        if strategy and arm.strategy == strategy:
            name = ", ".join(one.therapy for one in arm.treatments or ()) or arm.name
            return Counterpart(arm.model_copy(update={"name": name, "strategy": None}), REPRESENTATIVE, starts)
    return None


def list_arms(
    cohorts: Iterable[Standing], plan: TrialPlan, data: ModelData, *, own_first: bool = True
) -> Mapping[str, Counterpart]:
    """Return the counterpart of each cohort that has one, by cohort.

    Its patients had what a user says, else what `load_first_products` lists, else the first treatment of the plan; with
    `own_first` off, all had that.
    """
    found = {}
    for one in cohorts:
        counterpart = find_counterpart(one.therapy, one.strategy, plan, data)
        if counterpart is not None:
            found[one.cohort] = _after_own(counterpart, one, plan) if own_first else counterpart
    return found


def _after_own(counterpart: Counterpart, one: Standing, plan: TrialPlan) -> Counterpart:
    if one.first:
        return replace(counterpart, starts=((find_start(one.first, plan), 1.0),), first_known=True)
    listed = load_first_products().get(one.cohort, ())
    if not listed:
        return counterpart
    starts = tuple((Start(row.population, row.therapy_id), row.share) for row in listed)
    return replace(counterpart, starts=starts, first_known=all(row.grade != "assumed" for row in listed))


def find_start(therapy: str, plan: TrialPlan) -> Start:
    """Return a first product in the population whose trial gave it; where there is none, in the plan's."""
    for population in load_populations().values():
        if population.index == therapy:
            return Start(population.id, therapy)
    return Start(plan.population, therapy)


def _start_of(plan: TrialPlan) -> Start:
    return Start(plan.population, JOINED.join(entry.therapy for entry in plan.index))
