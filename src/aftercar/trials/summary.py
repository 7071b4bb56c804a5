"""What a virtual trial comes to: who entered, endpoints, subgroups, fates. Simulated.

Arms are summed up one at a time, so that a trial of a million patients needs the memory of one arm and of the columns
that count.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import pandas as pd

from aftercar.trials.endpoint_records import RESPONSES, CountFrom
from aftercar.trials.endpoints import compare_by_covariate, compare_by_mechanism, summarise
from aftercar.trials.plan import TrialPlan
from aftercar.trials.run import Trial, check_entered
from aftercar.trials.tables import SUBJECTS, TrialTables


@dataclass(frozen=True, slots=True)
class Flow:
    """How many had the first treatment, responded to it, died before they progressed, and entered the trial."""

    treated: int
    responded: int
    died: int
    entered: int


@dataclass(frozen=True)
class TrialSummary:
    """The results of a trial.

    Attributes
    ----------
    mechanisms
        Patients who entered, by mechanism of relapse, most frequent first.
    endpoints, by_mechanism
        As `summarise` and `compare_by_mechanism` give them.
    subgroups
        ORR and PFS by every covariate of the population and by what was known at entry, as `compare_by_covariate`.
    fates
        As `count_fates`.
    """

    flow: Flow
    mechanisms: pd.Series
    endpoints: pd.DataFrame
    by_mechanism: pd.DataFrame
    subgroups: pd.DataFrame
    fates: pd.DataFrame


def summarise_trial(run: Trial) -> TrialSummary:
    """Return the results of a trial in memory."""
    flow = count_flow([run.index], entered=len(run.tables.subjects))
    return summarise_arms(run.plan, flow, run.tables.subjects, part_arms(run.tables))


def count_flow(index: Iterable[pd.DataFrame], *, entered: int) -> Flow:
    """Return the counts of the first treatment; needs its best_response, death_day and end_day, in any parts."""
    treated = responded = died = 0
    for part in index:
        treated += len(part)
        responded += int(part["best_response"].isin(RESPONSES["ORR"]).sum())
        died += int((part["death_day"] <= part["end_day"]).sum())
    return Flow(treated, responded, died, entered)


def summarise_arms(plan: TrialPlan, flow: Flow, subjects: pd.DataFrame, arms: Iterable[TrialTables]) -> TrialSummary:
    """Return the results of arms that are given one at a time.

    Parameters
    ----------
    subjects
        Everybody who entered.
    arms
        Tables of one arm each, with all subjects, in the order of the plan.

    Raises
    ------
    InputError
        Nobody progressed.
    """
    check_entered(plan, treated=flow.treated, entered=flow.entered)
    found = [_summarise_arm(tables, count_from(plan)) for tables in arms]
    frames = (pd.concat(parts, ignore_index=True) for parts in zip(*found, strict=True))
    return TrialSummary(flow, subjects["mechanism"].astype(str).value_counts(), *frames)


def count_from(plan: TrialPlan) -> CountFrom:
    """Return from when a trial counts: patients of a paired one as cohorts do, of a randomised one from entry."""
    return "treatment" if plan.design == "paired" else "entry"


def part_arms(tables: TrialTables) -> Iterator[TrialTables]:
    """Yield the tables of each arm that has a patient, in the order of the outcomes, each with all subjects."""
    for arm in pd.unique(tables.outcomes["arm"]):
        own = {name: getattr(tables, name) for name in ("outcomes", "lines", "visits", "events", "doses", "clones")}
        yield replace(tables, **{name: table[table["arm"] == arm] for name, table in own.items()})


def count_fates(tables: TrialTables) -> pd.DataFrame:
    """Return what became of the patients of each arm.

    Returns
    -------
    DataFrame
        Columns arm, entered, treated, progressed (under the first line), next_line (began another), died, dropped_out
        (alive when last seen).
    """
    rows = []
    for part in part_arms(tables):
        own = part.outcomes
        alive = own["death_day"].isna()
        rows.append(
            {
                "arm": str(own["arm"].iloc[0]), "entered": len(own), "treated": int(own["treated"].astype(bool).sum()),
                "progressed": int(own["progression_day"].notna().sum()),
                "next_line": int(own["next_treatment_day"].notna().sum()), "died": int((~alive).sum()),
                "dropped_out": int((alive & own["drop_out_day"].notna()).sum()),
            }
        )  # fmt: skip
    return pd.DataFrame(rows)


def _summarise_arm(tables: TrialTables, start: CountFrom) -> tuple[pd.DataFrame, ...]:
    own = [str(name) for name in tables.subjects if name not in SUBJECTS]
    asked = ["mechanism", "index_best_response", "sbcma_ng_per_ml", *own]
    subgroups = [compare_by_covariate(tables, name, measure) for name in asked for measure in ("ORR", "PFS")]
    return (
        summarise(tables, count_from=start), compare_by_mechanism(tables), pd.concat(subgroups, ignore_index=True),
        count_fates(tables),
    )  # fmt: skip
