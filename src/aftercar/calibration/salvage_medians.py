"""Cohorts whose median progression-free survival is to be predicted, and the evidence that the baselines learn from.

A median that was not reached by the end of follow-up says that it is longer. Medians of lines of therapy, of mixtures,
or without a number of patients are not predicted; baselines learn from them where something says how exact they are.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import pandas as pd
from scipy.special import ndtri

from aftercar.calibration.salvage_arms import find_counterpart
from aftercar.calibration.salvage_cohorts import NO_ARM, NotScored, check_therapies, find_strategy
from aftercar.catalogue import Cohort, EvidenceBase, Outcome
from aftercar.catalogue.model_data import ModelData
from aftercar.catalogue.used_cohorts import load_used_cohorts
from aftercar.evidence import Filters, filter_cohorts
from aftercar.evidence.selection import select_medians
from aftercar.foundation import Fault, InputError
from aftercar.synthesis.predictive_medians import ReportedMedian, log_error
from aftercar.trials import TrialPlan

MEASURE = "PFS"
NO_SIZE = "how many patients the median is of is not reported"
BY_LINE = "the median is of lines of therapy, not of patients"


@dataclass(frozen=True, slots=True)
class ObservedMedian:
    """A median that is to be predicted, or evidence. `patients` is 0 where unknown; others as `ObservedCohort`."""

    cohort: str
    study: str
    therapy: str
    strategy: str
    reported: ReportedMedian
    patients: int
    used: str = ""
    first: str = ""


@dataclass(frozen=True, slots=True)
class MedianChoice:
    """What is predicted, what is not, and the evidence that the baselines learn from (no patient twice in a
    strategy).

    `shown`: of what is not scored, that which has a simulated arm to be looked at beside.
    """

    scored: tuple[ObservedMedian, ...]
    not_scored: tuple[NotScored, ...]
    evidence: tuple[ObservedMedian, ...]
    shown: tuple[ObservedMedian, ...] = ()


def choose_medians(
    base: EvidenceBase, *, filters: Filters, plan: TrialPlan, data: ModelData, only: frozenset[str] = frozenset()
) -> MedianChoice:
    """Return the medians of a base that are predicted; see `choose_cohorts`.

    No patient counts twice in a strategy, as in `compare`. A study's lines of therapy of different strategies all are
    evidence.
    """
    outcomes, not_scored = _select(base, filters)
    scored, evidence, shown = [], [], []
    for outcome in outcomes:
        one = _observe(base, base.cohorts[outcome.cohort_id], outcome)
        if math.isfinite(one.reported.se_log):
            evidence.append(one)
        if only and one.cohort not in only:
            continue
        reason = _reason(one, base.cohorts[one.cohort], plan, data)
        if reason:
            not_scored.append(NotScored(one.cohort, one.therapy, reason))
            shown += [one] if reason != NO_ARM else []
        else:
            scored.append(one)
    mine = (one for one in not_scored if not only or one.cohort in only)
    return MedianChoice(tuple(scored), tuple(mine), tuple(evidence), tuple(shown))


def add_medians(
    frame: pd.DataFrame, evidence: MedianChoice, base: EvidenceBase, plan: TrialPlan, data: ModelData, *, file: str
) -> MedianChoice:  # fmt: skip
    """Return the rows of a user's table (`load_cohort_medians`) as the medians to predict, beside a base's evidence.

    Raises
    ------
    InputError
        A therapy that the catalogue does not know, or no row of the measure.
    """
    rows = frame[frame["measure"] == MEASURE]
    check_therapies(rows, frame, MEASURE, base, data, file=file)
    scored, not_scored, used = [], [], load_used_cohorts()
    for row in rows.to_dict("records"):
        name, therapy = str(row["cohort_id"]), str(row["therapy_id"])
        strategy = find_strategy(base, therapy)
        median, end = (None if pd.isna(row[key]) else float(row[key]) for key in ("median", "follow_up_months"))
        n = 0 if pd.isna(row["patients"]) else int(row["patients"])
        _check_row(file, int(row["line"]), n, median, end)
        if find_counterpart(therapy, strategy, plan, data) is None:
            not_scored.append(NotScored(name, therapy, NO_ARM))
            continue
        reported = ReportedMedian(median, log_error(n), end)
        why = used[name].why if name in used else ""
        scored.append(
            ObservedMedian(name, str(row["study_id"]), therapy, strategy, reported, n, why, str(row["first_therapy"]))
        )
    own = {one.cohort for one in scored}
    others = tuple(one for one in evidence.evidence if one.cohort not in own)
    return MedianChoice(tuple(scored), tuple(not_scored), (*others, *scored))


def _select(base: EvidenceBase, filters: Filters) -> tuple[list[Outcome], list[NotScored]]:
    groups: dict[str, list[str]] = {}
    for cohort in filter_cohorts(base, filters):
        therapies = groups.setdefault(find_strategy(base, cohort.therapy_id) or cohort.therapy_id, [])
        therapies += [cohort.therapy_id] if cohort.therapy_id not in therapies else []
    outcomes: list[Outcome] = []
    not_scored: list[NotScored] = []
    for therapies in groups.values():
        used, left_out = select_medians(base, MEASURE, replace(filters, therapies=tuple(therapies)))
        outcomes += used
        not_scored += [NotScored(one.cohort.cohort_id, one.cohort.therapy_id, one.reason) for one in left_out]
    return outcomes, not_scored


def _check_row(file: str, line: int, n: int, median: float | None, end: float | None) -> None:
    faults = []
    if n < 1:
        faults.append(Fault(file, "a median of no patients.", "Say how many were treated.", line, "patients"))
    if median is None and end is None:
        found = "no median, and follow_up_months does not say until when it was not reached."
        faults.append(Fault(file, found, "Give one of them.", line, "median"))
    if faults:
        raise InputError(faults)


def _observe(base: EvidenceBase, cohort: Cohort, outcome: Outcome) -> ObservedMedian:
    used = load_used_cohorts()
    n = cohort.n_evaluable or cohort.n_treated or 0
    reported = ReportedMedian(outcome.estimate, _error(outcome, n))
    why = used[cohort.cohort_id].why if cohort.cohort_id in used else ""
    strategy = find_strategy(base, cohort.therapy_id)
    return ObservedMedian(cohort.cohort_id, cohort.study_id, cohort.therapy_id, strategy, reported, n, why)


def _error(outcome: Outcome, n: int) -> float:
    """Return the standard error of the log median: from its interval, else of n patients, else from its lower limit."""
    z = float(ndtri((1 + (outcome.ci_level or 95.0) / 100) / 2))
    median, low, high = outcome.estimate or 0.0, outcome.ci_lb or 0.0, outcome.ci_ub
    if low > 0 and high:
        return math.log(high / low) / (2 * z)
    if n:
        return log_error(n)
    return math.log(median / low) / z if 0 < low < median else math.inf


def _reason(one: ObservedMedian, cohort: Cohort, plan: TrialPlan, data: ModelData) -> str:
    if find_counterpart(one.therapy, one.strategy, plan, data) is None:
        return NO_ARM
    if cohort.unit_of_analysis != "patient":
        return BY_LINE
    return "" if one.patients else NO_SIZE
