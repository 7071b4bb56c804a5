"""The columns of a laboratory table: their names, units and limits, from `laboratory/columns.toml`."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.resources import files
from typing import Literal

# In names of columns a unit is spelt with letters, e.g. serum_m_g_per_dl.
_SLUGS = {
    "g/dL": "g_per_dl", "g/L": "g_per_l", "mg/dL": "mg_per_dl", "mg/L": "mg_per_l", "mg/24h": "mg_per_24h",
    "g/24h": "g_per_24h", "percent": "percent", "fraction": "fraction", "mm2": "mm2", "cm2": "cm2", "mm": "mm",
    "cm": "cm", "/uL": "per_ul", "10^9/L": "1e9_per_l", "mmol/L": "mmol_per_l", "umol/L": "umol_per_l",
    "/10^6": "per_1e6",
}  # fmt: skip
_SPELLINGS = {
    "%": "percent", "1": "fraction", "mm^2": "mm2", "mm²": "mm2", "cm^2": "cm2", "cm²": "cm2", "mg/day": "mg/24h",
    "mg/d": "mg/24h", "mg/24hr": "mg/24h", "mg/24hrs": "mg/24h", "g/day": "g/24h", "g/d": "g/24h", "cells/ul": "/ul",
    "cell/ul": "/ul", "/µl": "/ul", "cells/µl": "/ul", "10e9/l": "10^9/l", "x10^9/l": "10^9/l", "per_million": "/10^6",
    "µmol/l": "umol/l",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class LaboratoryColumn:
    """One column. `units`: how many house units one of each is; empty for roles, signs and counts."""

    name: str
    kind: Literal["role", "quantity", "count", "sign"]
    meaning: str
    synonyms: tuple[str, ...] = ()
    house: str = ""
    units: Mapping[str, float] = field(default_factory=dict)
    maximum: float | None = None

    @property
    def house_name(self) -> str:
        """The name of the column in house units, e.g. ``serum_m_g_per_dl``."""
        return f"{self.name}_{_SLUGS[self.house]}" if self.house else self.name

    def find_unit(self, text: str) -> str | None:
        """Return the unit that a text spells, or None where the quantity has no such unit."""
        plain = re.sub(r"\s", "", text).lower()
        plain = _SPELLINGS.get(plain, plain)
        slug = text.strip().lower()
        return next((unit for unit in self.units if unit.lower() == plain or _SLUGS[unit] == slug), None)


@lru_cache(maxsize=1)
def load_laboratory_columns() -> Mapping[str, LaboratoryColumn]:
    """Return the columns by name."""
    text = (files("aftercar.catalogue") / "laboratory" / "columns.toml").read_text(encoding="utf-8")
    return {
        name: LaboratoryColumn(name=name, **entry | {"synonyms": tuple(entry["synonyms"])})
        for name, entry in tomllib.loads(text).items()
    }


def find_column(title: str) -> tuple[LaboratoryColumn, str] | None:
    """Return the column that a title names and the unit that it carries (empty for none), or None.

    Examples
    --------
    >>> column, unit = find_column("kappa_mg_per_dl")
    >>> column.name, unit
    ('kappa', 'mg/dL')
    """
    plain = re.sub(r"[\s.-]+", "_", title.strip().lower())
    for column in load_laboratory_columns().values():
        names = (column.name, *column.synonyms)
        if plain in names:
            return column, ""
        for name in names:
            unit = next((unit for unit in column.units if plain == f"{name}_{_SLUGS[unit]}"), None)
            if unit is not None:
                return column, unit
    return None
