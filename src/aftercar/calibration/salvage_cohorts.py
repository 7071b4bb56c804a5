"""Cohorts whose responders are to be predicted, and the evidence that the baselines learn from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from aftercar.calibration.salvage_arms import JOINED, Counterpart, find_counterpart
from aftercar.catalogue import Cohort, EvidenceBase
from aftercar.catalogue.model_data import ModelData
from aftercar.catalogue.used_cohorts import load_used_cohorts
from aftercar.evidence import Filters, filter_cohorts, preferred_outcome, select_cohorts, strategy_of
from aftercar.foundation import Fault, InputError
from aftercar.foundation.tables import load_table
from aftercar.trials import TrialPlan


@dataclass(frozen=True, slots=True)
class ObservedCohort:
    """A count of responders that is to be predicted.

    Attributes
    ----------
    therapy
        Id of the catalogue, or several joined by ``+``.
    strategy
        Row of `aftercar compare` to which the therapy belongs; empty for none.
    used
        How a number of the therapy was set with this cohort in sight; empty for a cohort that was not used.
    first
        First product of its patients, where a user names it.
    """

    cohort: str
    study: str
    therapy: str
    strategy: str
    events: int
    total: int
    used: str = ""
    first: str = ""


@dataclass(frozen=True, slots=True)
class NotScored:
    """A cohort that is not predicted, and why."""

    cohort: str
    therapy: str
    reason: str


@dataclass(frozen=True, slots=True)
class CohortChoice:
    """What is predicted, what is not, and the evidence that the baselines learn from (no patient twice)."""

    scored: tuple[ObservedCohort, ...]
    not_scored: tuple[NotScored, ...]
    evidence: tuple[ObservedCohort, ...]


def choose_cohorts(
    base: EvidenceBase, measure: str, *, filters: Filters, plan: TrialPlan, data: ModelData,
    only: frozenset[str] = frozenset(),
) -> CohortChoice:  # fmt: skip
    """Return the cohorts of a base that are predicted, each patient once.

    Parameters
    ----------
    filters
        Which cohorts; without restriction of therapies.
    plan
        The trial whose arms represent strategies.
    only
        Cohorts to predict, of those that there are; none named means all. The others are evidence for the baselines.

    Raises
    ------
    InputError
        `measure` is no proportion, or no cohort is left.
    """
    fitting = filter_cohorts(base, filters)
    mapped = {
        one.therapy_id: find_counterpart(one.therapy_id, find_strategy(base, one.therapy_id), plan, data)
        for one in fitting
    }
    standing = tuple(sorted(therapy for therapy, arm in mapped.items() if arm is not None))
    if not standing:
        raise InputError(Fault("cohorts", "no therapy of them has a simulated arm.", "Name other cohorts."))
    chosen = select_cohorts(base, measure, replace(filters, therapies=standing), unit_of_analysis="patient")
    used = load_used_cohorts()
    found = tuple(
        ObservedCohort(
            one.cohort.cohort_id, one.study.study_id, one.therapy.therapy_id,
            find_strategy(base, one.therapy.therapy_id), one.events, one.total,
            used[one.cohort.cohort_id].why if one.cohort.cohort_id in used else "",
        )
        for one in chosen.used
    )  # fmt: skip
    reasons = {one.cohort.cohort_id: one.reason for one in chosen.left_out}
    kept = {one.cohort for one in found}
    not_scored = [
        NotScored(one.cohort_id, one.therapy_id, _reason(one, mapped[one.therapy_id], reasons))
        for one in fitting
        if one.cohort_id not in kept and preferred_outcome(base, one.cohort_id, measure) is not None
        and (not only or one.cohort_id in only)
    ]  # fmt: skip
    scored = tuple(one for one in found if not only or one.cohort in only)
    return CohortChoice(scored, tuple(not_scored), found)


def add_table(frame: pd.DataFrame, measure: str, evidence: CohortChoice, base: EvidenceBase, plan: TrialPlan,
              data: ModelData, *, file: str) -> CohortChoice:  # fmt: skip
    """Return the rows of a user's table (`load_cohorts`) as the cohorts to predict, beside the evidence of a base.

    Raises
    ------
    InputError
        A therapy that the catalogue does not know, or no row of the measure.
    """
    rows = frame[frame["measure"] == measure]
    check_therapies(rows, frame, measure, base, data, file=file)
    scored, not_scored, used = [], [], load_used_cohorts()
    for row in rows.to_dict("records"):
        name, therapy = str(row["cohort_id"]), str(row["therapy_id"])
        strategy = find_strategy(base, therapy)
        if pd.isna(row["events"]) or pd.isna(row["total"]):
            not_scored.append(NotScored(name, therapy, "no counts are reported"))
        elif find_counterpart(therapy, strategy, plan, data) is None:
            not_scored.append(NotScored(name, therapy, NO_ARM))
        else:
            why, counts = used[name].why if name in used else "", (int(row["events"]), int(row["total"]))
            first = str(row["first_therapy"])
            scored.append(ObservedCohort(name, str(row["study_id"]), therapy, strategy, *counts, why, first))
    own = {one.cohort for one in scored}
    others = tuple(one for one in evidence.evidence if one.cohort not in own)
    return CohortChoice(tuple(scored), tuple(not_scored), (*others, *scored))


def check_therapies(
    rows: pd.DataFrame, frame: pd.DataFrame, measure: str, base: EvidenceBase, data: ModelData, *, file: str
) -> None:
    """Raise InputError for therapies that nobody knows, for a first therapy that is no product, and for no rows."""
    faults = []
    for row in rows.to_dict("records"):
        faults += [
            Fault(file, f"'{part}' is no therapy of the catalogue.", _MEND, int(row["line"]), "therapy_id")
            for part in str(row["therapy_id"]).split(JOINED)
            if part not in base.therapies and part not in data.actions
        ]
        first = str(row["first_therapy"])
        if first and (first not in data.actions or data.actions[first].kind != "product"):
            found = f"'{first}' is no CAR-T product with an action in the model."
            faults.append(Fault(file, found, "Name one, or leave it empty.", int(row["line"]), "first_therapy"))
    if not len(rows) and not faults:
        known = ", ".join(sorted(set(frame["measure"])))
        faults.append(Fault(file, f"no row is of {measure}; it has {known}.", "Choose another --measure."))
    if faults:
        raise InputError(faults)


def own_cohorts(directory: Path) -> frozenset[str]:
    """Return the ids in a folder's table of cohorts, which `load_base` has found good."""
    file = directory / "cohorts.csv"
    return frozenset(row.cohort_id for row in load_table(file, Cohort).rows) if file.exists() else frozenset()


_MEND = "`aftercar evidence words` lists them; join several by +."
NO_ARM = "its therapy is a mixture, or has no action in the model: no simulated arm stands for it"


def _reason(cohort: Cohort, counterpart: Counterpart | None, left_out: Mapping[str, str]) -> str:
    if counterpart is None:
        return NO_ARM
    if cohort.unit_of_analysis != "patient":
        return "responses are counted by line of therapy, not by patient"
    return left_out[cohort.cohort_id]


def find_strategy(base: EvidenceBase, therapy: str) -> str:
    """Return the id of the strategy of a therapy; empty for several together, or for a class without a row."""
    row = strategy_of(base, therapy) if therapy in base.therapies else None
    return row.strategy_id if row is not None else ""
