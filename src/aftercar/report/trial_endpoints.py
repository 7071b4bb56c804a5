"""The endpoints of a virtual trial as tables for a page: main ones side by side, and all of them. Simulated."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from aftercar.report import words

# measure: heading of its column
MAIN: Mapping[str, str] = {
    "ORR": "ORR", "VGPR_OR_BETTER": "≥VGPR", "CR": "CR", "MRD_NEGATIVE": "MRD negative", "PFS": "PFS, months",
    "DOR": "DOR, months", "OS": "OS, months",
}  # fmt: skip


def main_table(endpoints: pd.DataFrame) -> pd.DataFrame:
    """Return one row per arm and one column per main endpoint: estimate and both intervals."""
    present = [name for name in MAIN if name in set(endpoints["measure"])]
    rows = []
    for arm, own in endpoints.groupby("arm", sort=False):
        found = {str(row["measure"]): row for row in own.to_dict("records")}
        first = found.get("ORR") or next(iter(found.values()))
        cells = {"Arm": str(arm), "Treated": str(int(first["n"]))}
        rows.append(cells | {MAIN[name]: endpoint_text(found.get(name)) for name in present})
    return pd.DataFrame(rows)


def full_table(endpoints: pd.DataFrame) -> pd.DataFrame:
    """Return every endpoint of every arm, one a row."""
    return pd.DataFrame(
        [
            {"Arm": str(row["arm"]), "Endpoint": str(row["measure"]),
             "Events/n": f"{_count(row['events'])}/{_count(row['n'])}", "Estimate": _value(row, "estimate"),
             "Sampling alone": _interval(row, "ci") or words.MISSING,
             "Over uncertain parameters": _interval(row, "parameters") or words.MISSING, "Unit": str(row["unit"])}
            for row in endpoints.to_dict("records")
        ]
    )  # fmt: skip


def endpoint_text(row: Mapping[Any, Any] | None) -> str:
    """Write an endpoint: ``45% [38, 52]; [25, 66]``; a median that was not reached says so."""
    if row is None:
        return words.MISSING
    parts = [f"{_value(row, 'estimate')} {_interval(row, 'ci')}".strip(), _interval(row, "parameters")]
    # An interval is not broken over lines, so that its limits stand side by side.
    return "; ".join(part.replace(", ", ",\N{NO-BREAK SPACE}") for part in parts if part)


def _count(value: Any) -> str:
    return words.MISSING if pd.isna(value) else f"{value:.0f}"


def _value(row: Mapping[Any, Any], name: str) -> str:
    value = row.get(name, np.nan)
    if pd.isna(value):
        return "not reached" if row["unit"] == "month" and row["n"] > 0 else words.MISSING
    return words.percent(value) if row["unit"] == "share" else f"{value:.1f}"


def _interval(row: Mapping[Any, Any], name: str) -> str:
    low, high = row.get(f"{name}_lb", np.nan), row.get(f"{name}_ub", np.nan)
    if pd.isna(low) and pd.isna(high):
        return ""
    if row["unit"] == "share":
        return words.interval(low, high)
    return f"[{'?' if pd.isna(low) else f'{low:.1f}'}, {'NR' if pd.isna(high) else f'{high:.1f}'}]"
