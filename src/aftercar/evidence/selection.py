"""Which cohorts answer a question, which are left out, and why; never the same patients twice."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

from aftercar.catalogue import Cohort, EvidenceBase, Outcome, Strategy, Study, Therapy
from aftercar.catalogue.counts import parse_counts
from aftercar.catalogue.records import DESIGNS, LINES, PRIOR_BCMA, PROPORTIONS, ROLES
from aftercar.foundation import Fault, InputError

Prior = Literal["strict", "inclusive", "any"]
Counts = Literal["reported", "inferred"]

# strict: (nearly) every patient had CAR-T against BCMA. inclusive: also any anti-BCMA therapy or T-cell redirection.
PRIOR_LEVELS: dict[str, tuple[str, ...]] = {
    "strict": ("bcma_cart", "cart"),
    "inclusive": ("bcma_cart", "cart", "bcma_any", "tcell_redirection"),
    "any": PRIOR_BCMA,
}
# A single case is published because it is remarkable, and a meta-analysis holds cohorts that stand here themselves.
NOT_POOLED_DESIGNS = {
    "case_report": "a single case is published because it is remarkable",
    "meta_analysis": "its cohorts are counted themselves",
}
_STATUS_RANK = {"reported": 0, "computed": 0, "inferred": 1, "feasible": 2}


@dataclass(frozen=True, slots=True)
class Filters:
    """What a user asks for. An empty tuple means no restriction; different fields narrow one another.

    Attributes
    ----------
    prior
        ``strict``: BCMA CAR-T before in (nearly) every patient. ``inclusive``: also any anti-BCMA therapy.
        ``any``: no restriction.
    counts
        ``reported``: only counts that the source prints or that follow from its percentage and n.
        ``inferred``: also counts reconstructed by arithmetic, the smallest feasible ones where several are.
    """

    therapies: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    strategies: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    studies: tuple[str, ...] = ()
    designs: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()
    roles: tuple[str, ...] = ("salvage",)
    prior: Prior = "inclusive"
    counts: Counts = "inferred"

    def to_dict(self) -> dict[str, Any]:
        """Return plain types, ready for JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A cohort with its figure for one measure, ready to be pooled.

    `status` says where the counts come from: reported, computed, inferred or feasible (the smallest of several).
    """

    cohort: Cohort
    study: Study
    therapy: Therapy
    outcome: Outcome
    events: int
    total: int
    status: str


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A cohort that is not pooled, why, and for which other cohort, if for one. `outcome` holds its figure, if any."""

    cohort: Cohort
    reason: str
    because_of: str = ""
    outcome: Outcome | None = None


@dataclass(frozen=True, slots=True)
class Selection:
    """The answer to a question put to the base: what is used and what is left out."""

    measure: str
    used: tuple[Candidate, ...]
    left_out: tuple[LeftOut, ...]


def check_filters(base: EvidenceBase, filters: Filters) -> None:
    """Raise InputError where a filter names something that the base does not hold."""
    known = _vocabularies(base)
    faults = []
    for name, (option, words) in known.items():
        given = getattr(filters, name)
        for value in (given,) if name in {"prior", "counts"} else given:
            if value not in words:
                close = difflib.get_close_matches(value, list(words), n=3, cutoff=0.5)
                mend = f"Did you mean {', '.join(close)}?" if close else "`aftercar evidence words` lists the words."
                faults.append(Fault(f"option --{option}", f"'{value}' is not in the base.", mend))
    if faults:
        raise InputError(faults)


def _vocabularies(base: EvidenceBase) -> dict[str, tuple[str, Collection[str]]]:
    """The words that each field of `Filters` may hold, with the name of its option."""
    therapies = base.therapies.values()
    return {
        "therapies": ("therapy", base.therapies),
        "classes": ("class", {therapy.strategy_class for therapy in therapies}),
        "strategies": ("strategy", base.strategies),
        "targets": ("target", {target for therapy in therapies for target in therapy.targets}),
        "studies": ("study", base.studies),
        "designs": ("design", DESIGNS),
        "lines": ("line", LINES),
        "roles": ("role", ROLES),
        "prior": ("prior", PRIOR_LEVELS),
        "counts": ("counts", get_args(Counts)),
    }


def resolve_therapies(base: EvidenceBase, names: Iterable[str]) -> tuple[str, ...]:
    """Return therapy ids for ids, names or synonyms, whatever their case. Raises InputError on an unknown one."""
    index: dict[str, str] = {}
    for therapy in base.therapies.values():
        for word in (therapy.therapy_id, therapy.name, *therapy.synonyms):
            index.setdefault(word.casefold(), therapy.therapy_id)
    found, faults = [], []
    for name in names:
        therapy_id = index.get(name.casefold())
        if therapy_id is None:
            close = difflib.get_close_matches(name.casefold(), index, n=3, cutoff=0.5)
            mend = f"Did you mean {', '.join(close)}?" if close else "`aftercar evidence therapies` lists them."
            faults.append(Fault("option --therapy", f"'{name}' is no therapy of the catalogue.", mend))
        else:
            found.append(therapy_id)
    if faults:
        raise InputError(faults)
    return tuple(found)


def filter_cohorts(base: EvidenceBase, filters: Filters) -> tuple[Cohort, ...]:
    """Return the cohorts that a user's filters admit, in the order of the base."""
    check_filters(base, filters)

    def admits(cohort: Cohort) -> bool:
        therapy, study = base.therapies[cohort.therapy_id], base.studies[cohort.study_id]
        return (
            admits_therapy(base, therapy, filters)
            and (not filters.studies or study.study_id in filters.studies)
            and (not filters.designs or study.design in filters.designs)
            and (not filters.lines or cohort.line in filters.lines)
            and (not filters.roles or cohort.role in filters.roles)
            and cohort.prior_bcma in PRIOR_LEVELS[filters.prior]
        )

    return tuple(cohort for cohort in base.cohorts.values() if admits(cohort))


def admits_therapy(base: EvidenceBase, therapy: Therapy, filters: Filters) -> bool:
    """Say whether a therapy fits the filters on therapies, classes, strategies and targets, each of them."""
    rows = [base.strategies[name].classes for name in filters.strategies]
    return (
        (not filters.therapies or therapy.therapy_id in filters.therapies)
        and (not filters.classes or therapy.strategy_class in filters.classes)
        and (not rows or any(therapy.strategy_class in classes for classes in rows))
        and (not filters.targets or bool(set(therapy.targets) & set(filters.targets)))
    )


def select_cohorts(base: EvidenceBase, measure: str, filters: Filters) -> Selection:
    """Choose the cohorts to pool for one proportion, at most one report of any patient.

    Among cohorts that share patients, the order of preference is: not superseded by a later report; the narrower prior
    exposure to anti-BCMA therapy; reported counts before inferred ones; patients before lines of therapy; the larger
    denominator; the later year; the id. What is passed over is returned with its reason.

    Raises
    ------
    InputError
        `measure` is no proportion, or a filter names something unknown.
    """
    if measure not in PROPORTIONS:
        raise InputError(
            Fault("option --measure", f"'{measure}' is no proportion.", f"Proportions: {', '.join(PROPORTIONS)}.")
        )
    candidates: list[Candidate] = []
    left_out: list[LeftOut] = []
    for cohort in filter_cohorts(base, filters):
        outcome = preferred_outcome(base, cohort.cohort_id, measure)
        if outcome is None:
            continue
        study = base.studies[cohort.study_id]
        counts = poolable_counts(outcome, filters.counts)
        if study.design in NOT_POOLED_DESIGNS:
            left_out.append(LeftOut(cohort, f"not pooled: {NOT_POOLED_DESIGNS[study.design]}", outcome=outcome))
        elif counts is None:
            reason = "the denominator is not reported" if filters.counts == "inferred" else "no counts are reported"
            left_out.append(LeftOut(cohort, f"not pooled: {reason}", outcome=outcome))
        else:
            therapy = base.therapies[cohort.therapy_id]
            candidates.append(Candidate(cohort, study, therapy, outcome, *counts))
    used, passed_over = _drop_overlaps(base, candidates)
    order = {cohort_id: position for position, cohort_id in enumerate(base.cohorts)}
    used.sort(key=lambda candidate: order[candidate.cohort.cohort_id])
    return Selection(measure, tuple(used), (*left_out, *passed_over))


def preferred_outcome(base: EvidenceBase, cohort_id: str, measure: str) -> Outcome | None:
    """Return the preferred figure of a cohort for a measure, or None where it has none."""
    for outcome in base.outcomes.values():
        if outcome.cohort_id == cohort_id and outcome.measure == measure and outcome.preferred == "yes":
            return outcome
    return None


def poolable_counts(outcome: Outcome, counts: Counts) -> tuple[int, int, str] | None:
    """Return (events, total, status) of a figure, or None where it has no counts that may be used."""
    if outcome.events is not None and outcome.total is not None:
        if counts == "reported" and outcome.count_status == "inferred":
            return None
        return outcome.events, outcome.total, outcome.count_status
    feasible = sorted(parse_counts(outcome.feasible_counts), key=lambda pair: pair[1])
    if counts == "reported" or not feasible:
        return None
    events, total = feasible[0]  # the smallest: what is not known must not add certainty
    return events, total, "inferred" if len(feasible) == 1 else "feasible"


def share_patients(one: Cohort, other: Cohort) -> bool:
    """Say whether two cohorts may count the same patient: see `Cohort` for the rule."""
    if one.cohort_id == other.cohort_id:
        return True
    if not set(one.overlap_family) & set(other.overlap_family):
        return False
    return one.overlap_part == other.overlap_part or not (one.overlap_part and other.overlap_part)


def _preference(base: EvidenceBase, candidate: Candidate, poolable: set[str]) -> tuple[Any, ...]:
    cohort = candidate.cohort
    return (
        cohort.superseded_by in poolable,
        PRIOR_BCMA.index(cohort.prior_bcma),
        _STATUS_RANK[candidate.status],
        cohort.unit_of_analysis == "line_of_therapy",
        -candidate.total,
        -(candidate.study.year or 0),
        cohort.cohort_id,
    )


_PREFERENCE_REASONS = (
    "it is superseded by a later report",
    "the other's prior anti-BCMA exposure is narrower",
    "the other's counts are better reported",
    "the other counts patients, not lines of therapy",
    "the other is larger",
    "the other is later",
    "the other's id comes first",
)


def _drop_overlaps(base: EvidenceBase, candidates: Sequence[Candidate]) -> tuple[list[Candidate], list[LeftOut]]:
    poolable = {candidate.cohort.cohort_id for candidate in candidates}
    ranked = sorted(candidates, key=lambda candidate: _preference(base, candidate, poolable))
    used: list[Candidate] = []
    passed_over: list[LeftOut] = []
    for candidate in ranked:
        twin = next((kept for kept in used if share_patients(kept.cohort, candidate.cohort)), None)
        if twin is None:
            used.append(candidate)
            continue
        mine, theirs = (_preference(base, one, poolable) for one in (candidate, twin))
        why = next(text for text, a, b in zip(_PREFERENCE_REASONS, mine, theirs, strict=True) if a != b)
        reason = f"shares patients with {twin.cohort.cohort_id}: {why}"
        passed_over.append(LeftOut(candidate.cohort, reason, twin.cohort.cohort_id, candidate.outcome))
    return used, passed_over


def strategy_of(base: EvidenceBase, therapy_id: str) -> Strategy | None:
    """Return the row of the comparison to which a therapy belongs, or None."""
    name = base.therapies[therapy_id].strategy_class
    return next((strategy for strategy in base.strategies.values() if name in strategy.classes), None)
