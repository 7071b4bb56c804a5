"""Virtual trials behind predictions of salvage: each cohort after its own first product, as far as a source names it.

One trial for each first product, with only the arms that a cohort asks for. The same virtual patients, with the same
luck and the same parameter sets, stand in all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from aftercar.calibration.salvage_arms import Counterpart, Start
from aftercar.catalogue.model_data import ModelData
from aftercar.catalogue.regimens import TreatmentEntry
from aftercar.foundation import NotPoolableError
from aftercar.patients.parameter_choice import Parameters
from aftercar.trials import TrialPlan, run_trial, take_records, take_responses
from aftercar.trials.plan import ArmEntry

RATES = ("ORR", "CR")
DAYS_A_MONTH = 30.4375
_OF_AN_ARM = ["population", "first", "arm"]


@dataclass(frozen=True)
class CountedSets:
    """Simulated patients of an arm by parameter set, and those of them with an event; both shape (sets,)."""

    events: np.ndarray
    n: np.ndarray


def list_trials(counterparts: Iterable[Counterpart], plan: TrialPlan) -> Mapping[Start, TrialPlan]:
    """Return the trials that are needed, by what their patients had first."""
    arms: dict[Start, dict[str, ArmEntry]] = {}
    for one in counterparts:
        for start, _ in one.starts:
            arms.setdefault(start, {})[one.arm.name] = one.arm
    return {
        start: plan.model_copy(
            update={
                "name": f"{plan.name}: {start.therapy} in {start.population}", "population": start.population,
                "index": (TreatmentEntry(therapy=start.therapy),), "arms": tuple(mine.values()),
            }
        )
        for start, mine in arms.items()
    }  # fmt: skip


def count_patients(trials: Mapping[Start, TrialPlan], patients: int) -> int:
    """Return how many treatments of patients are simulated, first ones included."""
    return sum(patients * (1 + len(one.arms)) for one in trials.values())


def simulate_trials(
    trials: Mapping[Start, TrialPlan], *, patients: int, sets: int, seed: int, parameters: Parameters = "posterior",
    data: ModelData, workers: int | None = None, advance: Callable[[int], None] = lambda n: None,
) -> pd.DataFrame:  # fmt: skip
    """Run the trials and return who was treated in an arm.

    Returns
    -------
    DataFrame
        Columns population, first, arm, set, patient; `RATES`, best confirmed response; months, event: of progression
        or death, censored where follow-up ended.
    """
    parts = []
    for start, plan in trials.items():
        plan = plan.model_copy(update={"patients": patients})
        run = run_trial(plan, seed=seed, sets=sets, parameters=parameters, data=data, workers=workers, advance=advance)
        table = take_records(run.tables, "PFS")
        for measure in RATES:
            mine = take_responses(run.tables, measure).rename(columns={"event": measure})
            table = table.merge(mine, on=["arm", "patient"], validate="one_to_one")
        own_set = run.tables.subjects.set_index("patient")["parameter_set"]
        table = table.assign(
            population=start.population, first=start.therapy, set=table["patient"].map(own_set),
            months=table["duration"] / DAYS_A_MONTH,
        )  # fmt: skip
        parts.append(table)
    found = pd.concat(parts, ignore_index=True)
    return found[[*_OF_AN_ARM, "set", "patient", *RATES, "months", "event"]]


def tabulate_rates(patients: pd.DataFrame, measure: str) -> pd.DataFrame:
    """Return responders by arm and parameter set: columns measure, population, first, arm, set, events, n."""
    by = patients.groupby([*_OF_AN_ARM, "set"], sort=False)[measure]
    found = by.agg(events="sum", n="size").reset_index().astype({"events": int, "n": int})
    return found.assign(measure=measure)[["measure", *_OF_AN_ARM, "set", "events", "n"]]


def count_by_set(patients: pd.DataFrame, counterpart: Counterpart, happened: pd.Series) -> CountedSets:
    """Return how many of an arm's patients had an event, by parameter set, first products in the cohort's shares.

    Where there are several first products the counts are those of a simple sample that says as much: its rate is that
    of the shares, its size (Σ share / √n)⁻². The same virtual patients had each product, so that a mixture of trials
    knows no more than one of them. Sets without a patient after one of the products are left out.

    Parameters
    ----------
    patients
        As `simulate_trials` returns them.
    happened
        Whether the event happened, by row of `patients`; rows that are missing do not count.

    Raises
    ------
    NotPoolableError
        Nobody was treated.
    """
    seen = patients.loc[happened.index].assign(happened=happened.astype(float))
    seen = seen[seen["arm"] == counterpart.arm.name]
    rates, sizes = [], []
    for start, _ in counterpart.starts:
        mine = seen[(seen["population"] == start.population) & (seen["first"] == start.therapy)]
        by = mine.groupby("set")["happened"].agg(["mean", "size"])
        rates.append(by["mean"])
        sizes.append(by["size"])
    share = np.array([share for _, share in counterpart.starts])
    rate, size = (pd.concat(some, axis=1, join="inner").to_numpy(dtype=np.float64) for some in (rates, sizes))
    if not len(size):
        raise NotPoolableError(f"Nobody of the simulated patients was treated: {counterpart.arm.name}. Simulate more.")
    n = (share / np.sqrt(size)).sum(axis=1) ** -2.0
    return CountedSets(n * (rate @ share), n)
