"""Running a virtual trial: the first treatment once, then every arm from the same relapsed patients."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pandas as pd

from aftercar.catalogue.model_data import ModelData, load_model_data
from aftercar.catalogue.populations import Population, load_populations
from aftercar.model import structure_for
from aftercar.patients.populations import find_population
from aftercar.trials.arms import Arm, simulate_arm
from aftercar.trials.endpoints import compare_by_mechanism, summarise_arm
from aftercar.trials.plan import TrialPlan
from aftercar.trials.relapsed import Relapsed, simulate_relapsed


@dataclass(frozen=True)
class Trial:
    """A virtual trial that was run. Every figure is simulated.

    Attributes
    ----------
    relapsed
        Who entered the arms.
    arms
        In the order of the plan.
    endpoints
        One row per arm and endpoint; see `summarise_arm`.
    by_mechanism
        Response by arm and mechanism of relapse; see `compare_by_mechanism`.
    """

    plan: TrialPlan
    relapsed: Relapsed
    arms: tuple[Arm, ...]
    endpoints: pd.DataFrame
    by_mechanism: pd.DataFrame

    @property
    def patients(self) -> pd.DataFrame:
        """Return all outcomes: one row per arm and patient, with what is known of the patient."""
        parts = [arm.table.reset_index().assign(arm=arm.name) for arm in self.arms]
        known = self.relapsed.table[[c for c in self.relapsed.table if c not in self.arms[0].table.columns]]
        return pd.concat(parts, ignore_index=True).join(known, on="patient")


def run_trial(
    plan: TrialPlan,
    *,
    seed: int,
    data: ModelData | None = None,
    populations: Mapping[str, Population] | None = None,
    advance: Callable[[int], None] = lambda n: None,
) -> Trial:
    """Run a virtual trial.

    Parameters
    ----------
    advance
        Called with the number of patients done: those of the first treatment, then as many for each arm.

    Raises
    ------
    InputError
        Nobody relapses, or a therapy cannot be given.
    """
    data = data or load_model_data()
    populations = populations or load_populations()
    index = [entry.to_treatment() for entry in plan.index]
    salvage = [[entry.to_treatment() for entry in arm.treatments] for arm in plan.arms]
    structure = structure_for([[*index, *one] for one in salvage], days=plan.index_days + plan.days, data=data)
    relapsed = simulate_relapsed(
        find_population(plan.population, populations), index, n=plan.patients, days=plan.index_days, seed=seed,
        structure=structure, criteria=plan.criteria, data=data, advance=advance,
    )  # fmt: skip
    arms = []
    for entry, treatments in zip(plan.arms, salvage, strict=True):
        arms.append(
            simulate_arm(
                relapsed, treatments, name=entry.name, days=plan.days, washout_days=plan.washout_days,
                criteria=plan.criteria, data=data,
            )
        )  # fmt: skip
        advance(plan.patients)
    endpoints = pd.concat([summarise_arm(arm) for arm in arms], ignore_index=True)
    return Trial(plan, relapsed, tuple(arms), endpoints, compare_by_mechanism(relapsed, arms))
