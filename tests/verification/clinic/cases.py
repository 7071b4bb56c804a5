"""The hand-written cases of the criteria, as tables that the grading takes."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pandas as pd

COLUMNS = {
    "day": "day", "sm": "serum_m_g_per_dl", "um": "urine_m_mg_per_24h", "k": "kappa_mg_per_l", "l": "lambda_mg_per_l",
    "si": "serum_ife", "ui": "urine_ife", "bm": "marrow_plasma_cells_percent", "cl": "marrow_clonal",
    "spd": "plasmacytoma_spd_mm2", "n": "plasmacytomas", "long": "lesion_longest_mm", "short": "lesion_short_axis_mm",
    "cpc": "circulating_plasma_cells_per_ul", "new": "new_lesion", "mrd": "mrd_fraction", "img": "imaging_positive",
    "ca": "calcium_mg_per_dl", "hb": "haemoglobin_g_per_dl", "cr": "creatinine_mg_per_dl", "nt": "new_therapy_day",
    "dd": "death_day", "dm": "death_from_myeloma",
}  # fmt: skip
CASES: list[dict[str, Any]] = tomllib.loads((Path(__file__).parent / "imwg_cases.toml").read_text("utf-8"))["case"]


def make_table(case: dict[str, Any]) -> pd.DataFrame:
    """Return the laboratory table of a case; its patient is the case's id."""
    names = [COLUMNS[short] for short in case["columns"]]
    rows: list[dict[str, Any]] = []
    for visit in case["visits"]:
        row: dict[str, Any] = {"patient": case["id"]}
        for name, cell in zip(names, visit, strict=True):
            limited = isinstance(cell, str) and cell.startswith("<")
            row[name] = float(cell[1:]) if limited else float("nan") if cell == "" else float(cell)
            row[f"{name}_below"] = float(limited)
        rows.append(row)
    return pd.DataFrame(rows)
