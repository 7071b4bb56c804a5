"""Who reports the same patients as whom, and which of several reports stands for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from aftercar.catalogue import Cohort, Study
from aftercar.catalogue.records import PRIOR_BCMA


@dataclass(frozen=True, slots=True)
class Report:
    """One cohort's figure as it competes with others on the same patients.

    `quality` ranks how well the figure is reported, the best with 0; `size` is the number of patients behind it.
    """

    cohort: Cohort
    study: Study
    quality: int
    size: int


@dataclass(frozen=True, slots=True)
class PassedOver:
    """A report that another one stands for, and why; both by their place in the list that was given."""

    place: int
    twin: int
    reason: str


def share_patients(one: Cohort, other: Cohort) -> bool:
    """Say whether two cohorts may count the same patient: see `Cohort` for the rule."""
    if one.cohort_id == other.cohort_id:
        return True
    if not set(one.overlap_family) & set(other.overlap_family):
        return False
    return one.overlap_part == other.overlap_part or not (one.overlap_part and other.overlap_part)


def drop_overlaps(
    reports: Sequence[Report], cohorts: Mapping[str, Cohort], *, better: str
) -> tuple[list[int], list[PassedOver]]:
    """Return the places of the reports to use, no patient twice, and the others with their reasons.

    Parameters
    ----------
    reports
        Figures of one measure.
    cohorts
        All cohorts by id, to follow a chain of later reports.
    better
        What a lower `quality` means, in words: "the other's counts are better reported".
    """
    present = {report.cohort.cohort_id for report in reports}
    ranks = [_rank(report, cohorts, present) for report in reports]
    kept: list[int] = []
    passed: list[PassedOver] = []
    for place in sorted(range(len(reports)), key=ranks.__getitem__):
        cohort = reports[place].cohort
        twin = next((other for other in kept if share_patients(reports[other].cohort, cohort)), None)
        if twin is None:
            kept.append(place)
            continue
        first = next(
            i for i, (mine, theirs) in enumerate(zip(ranks[place], ranks[twin], strict=True)) if mine != theirs
        )
        passed.append(PassedOver(place, twin, _REASONS[first] or better))
    return kept, passed


# In the order of `_rank`; the empty one is said by the caller.
_REASONS = (
    "it is superseded by a later report",
    "the other's prior anti-BCMA exposure is narrower",
    "",
    "the other counts patients, not lines of therapy",
    "the other is larger",
    "the other is later",
    "the other's id comes first",
)


def _rank(
    report: Report, cohorts: Mapping[str, Cohort], present: set[str]
) -> tuple[bool, int, int, bool, int, int, str]:
    cohort = report.cohort
    return (
        _is_superseded(cohort, cohorts, present),
        PRIOR_BCMA.index(cohort.prior_bcma),
        report.quality,
        cohort.unit_of_analysis == "line_of_therapy",
        -report.size,
        -(report.study.year or 0),
        cohort.cohort_id,
    )


def _is_superseded(cohort: Cohort, cohorts: Mapping[str, Cohort], present: set[str]) -> bool:
    """Whether a later report of the same patients is at hand, however many reports lie between."""
    later = cohort.superseded_by
    while later and later not in present:
        later = cohorts[later].superseded_by  # the catalogue holds no circle
    return bool(later)
