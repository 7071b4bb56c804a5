"""What the patients of a salvage cohort had as their first CAR-T product, as far as a source says.

The list is data (`validation/first_products.csv`). Where no source names the product, the row says so and holds a
stand-in of grade ``assumed``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType

from aftercar.catalogue.biology import GRADES
from aftercar.foundation import column
from aftercar.foundation.tables import load_table

_FILE = Path(__file__).parent / "validation" / "first_products.csv"


@dataclass(frozen=True, slots=True)
class FirstProduct:
    """The first product of a share of a cohort. `grade` is of the product; the population may be a stand-in."""

    cohort_id: str = column("id", "id of the cohort", required=True)
    population: str = column("id", "virtual patients who had it", required=True)
    therapy_id: str = column("id", "the product", required=True)
    share: float = column("number", "share of the cohort's patients", required=True, minimum=0.001, maximum=1)
    source: str = column("text", "key in sources.bib", required=True)
    locator: str = column("text", "where in the source", required=True)
    grade: str = column("choice", "whether the product is known", required=True, choices=GRADES)
    note: str = column("text", "what the source says")


@lru_cache(maxsize=1)
def load_first_products() -> Mapping[str, tuple[FirstProduct, ...]]:
    """Return them by cohort."""
    found: dict[str, tuple[FirstProduct, ...]] = {}
    for row in load_table(_FILE, FirstProduct).rows:
        found[row.cohort_id] = (*found.get(row.cohort_id, ()), row)
    return MappingProxyType(found)
