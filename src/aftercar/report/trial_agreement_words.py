"""Observed beside simulated in words: what both figures of agreement print."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from aftercar.report import words


def known(value: float) -> float | None:
    """Return a number, or None where it is missing."""
    return None if np.isnan(value) else float(value)


def side_text(row: Mapping[Any, Any], side: str) -> str:
    return words.proportion(*(known(row[name]) for name in (side, f"{side}_lb", f"{side}_ub")))


def point_tip(row: Mapping[Any, Any], name: str) -> str:
    """Return what a point tells."""
    lines = [f"{row['number']}  {row['strategy']}", f"observed {name}: {side_text(row, 'observed')}",
             f"simulated by {row['arm']}: {side_text(row, 'simulated')}"]  # fmt: skip
    if not np.isnan(row["parameters_lb"] + row["parameters_ub"]):
        lines.append(f"over uncertain parameters: {words.interval(row['parameters_lb'], row['parameters_ub'])}")
    return "\n".join(lines)


def agreement_table(rows: pd.DataFrame, name: str) -> pd.DataFrame:
    """Return both sides as a table for readers."""
    wide = [words.interval(known(a), known(b)) or words.MISSING
            for a, b in zip(rows["parameters_lb"], rows["parameters_ub"], strict=True)]  # fmt: skip
    records = rows.to_dict("records")
    return pd.DataFrame(
        {
            "No.": rows["number"].astype(str), "Strategy": rows["strategy"], "Simulated by": rows["arm"],
            f"Observed {name} [interval]": [side_text(row, "observed") for row in records],
            "Observed patients": ["—" if np.isnan(n) else f"{n:.0f}" for n in rows["observed_n"]],
            f"Simulated {name} [sampling]": [side_text(row, "simulated") for row in records],
            "Over uncertain parameters": wide,
            "Intervals meet": [
                "—" if not sure else "no" if apart else "yes"
                for sure, apart in zip(rows["known"], rows["apart"], strict=True)
            ],
        }
    )  # fmt: skip


def levels_text(levels: tuple[float, float]) -> str:
    """Return the levels of the observed and of the simulated intervals as a sentence."""
    observed, simulated = (words.level_text(level) for level in levels)
    return f"All intervals {observed}." if observed == simulated else f"Observed {observed}, simulated {simulated}."
