"""Everything that a scientist owns, as data: cohorts, therapies, strategies; one loader, with checks."""

from aftercar.catalogue.loading import EvidenceBase, load_base
from aftercar.catalogue.records import Cohort, Discrepancy, Finding, Outcome, Source, Strategy, Study, Therapy

__all__ = [
    "Cohort",
    "Discrepancy",
    "EvidenceBase",
    "Finding",
    "Outcome",
    "Source",
    "Strategy",
    "Study",
    "Therapy",
    "load_base",
]
