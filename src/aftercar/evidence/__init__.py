"""Questions put to the evidence base: which cohorts, which figures, which patients only once."""

from aftercar.evidence.selection import (
    Candidate,
    Filters,
    LeftOut,
    Selection,
    check_filters,
    filter_cohorts,
    poolable_counts,
    preferred_outcome,
    resolve_therapies,
    select_cohorts,
    share_patients,
    strategy_of,
)
from aftercar.evidence.tables import evidence_frame, outcome_row, records_frame

__all__ = [
    "Candidate",
    "Filters",
    "LeftOut",
    "Selection",
    "check_filters",
    "evidence_frame",
    "filter_cohorts",
    "outcome_row",
    "poolable_counts",
    "preferred_outcome",
    "records_frame",
    "resolve_therapies",
    "select_cohorts",
    "share_patients",
    "strategy_of",
]
