"""Cohorts after BCMA CAR-T whose figures had a part in a number of a therapy: no test of it.

The list is data (`validation/used_by_salvage.csv`): whoever sets a number with a salvage cohort in sight adds it there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType

from aftercar.foundation import column
from aftercar.foundation.tables import load_table

_FILE = Path(__file__).parent / "validation" / "used_by_salvage.csv"


@dataclass(frozen=True, slots=True)
class UsedCohort:
    """A cohort of the evidence base that a number was set with."""

    cohort_id: str = column("id", "id of the cohort", required=True, key=True)
    number: str = column("text", "therapy and parameter that it helped to set", required=True)
    why: str = column("text", "how", required=True)


@lru_cache(maxsize=1)
def load_used_cohorts() -> Mapping[str, UsedCohort]:
    """Return them by cohort."""
    return MappingProxyType({row.cohort_id: row for row in load_table(_FILE, UsedCohort).rows})
