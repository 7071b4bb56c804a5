"""A relapse as a laboratory could describe it: mechanism, antigens on the cells, what blood showed at the visit.

The mechanism is what the simulation knows. What rules may use (`known`) is what a clinic could know: values of the last
visit with their noise, and antigens counted on as many cells as an aspirate is read for.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr
from scipy.special import ndtr
from scipy.stats import binom

from aftercar.clinic.assays import load_assays
from aftercar.model import Structure
from aftercar.patients.draws import score_patients
from aftercar.patients.kinetics import MONTH
from aftercar.patients.readouts import count_clones, share_with_variant

ANTIGEN_KEPT, ANTIGEN_KEPT_NO_CAR_T = "antigen kept, CAR-T cells present", "antigen kept, CAR-T cells gone"
TRUE_VALUES = ("sbcma_ng_per_ml", "copies_per_ug", "m_protein_g_per_dl", "tumour_total", "manufacturing_failure")
# What a rule may ask for besides the covariates of the population and `<antigen>_loss_share` of each antigen.
KNOWN = {
    "line": "lines had since the first treatment, itself counted as 1",
    "months_on_last_line": "from its day 0 to progression",
    "best_response": "of the last line",
    "sbcma_ng_per_ml": "soluble BCMA at the visit",
    "copies_per_ug": "CAR transgene at the visit",
    "serum_m_g_per_dl": "M-protein at the visit",
    "extramedullary": "1 with a plasmacytoma on the last image",
}
CATEGORIES_OF = ("best_response",)


def describe_relapse(rows: xr.Dataset, structure: Structure) -> pd.DataFrame:
    """Return what is true of each relapse, indexed by patient: mechanism, levels, antibodies.

    `rows`: dims (patient,), each patient at its moment.
    """
    table = pd.DataFrame(
        {name: rows[name].to_numpy() for name in TRUE_VALUES},
        index=pd.Index(rows["patient"].to_numpy(), name="patient"),
    )
    antibodies = [rows[f"{slot}_antibody"].to_numpy() for slot in structure.slot_names("product")]
    table["antibody"] = np.max(antibodies, axis=0) if antibodies else 0.0
    table["mechanism"] = name_mechanisms(rows, structure)
    return table


def name_mechanisms(rows: xr.Dataset, structure: Structure) -> npt.NDArray[np.str_]:
    """Return why each patient relapsed, as far as cells tell: the antigen variant that most of them carry, else
    whether CAR-T cells are still found."""
    found = np.full(rows.sizes["patient"], ANTIGEN_KEPT, dtype=object)
    gone = rows["copies_per_ug"].to_numpy() < load_assays()["copies_limit"].value
    found[gone] = ANTIGEN_KEPT_NO_CAR_T
    for name, share in share_with_variant(rows, structure).items():
        found[share > 0.5] = name
    return found.astype(np.str_)


def tabulate_clones(rows: xr.Dataset, structure: Structure, line: int) -> pd.DataFrame:
    """Return the table `clones` of patients at one moment, without the arm: clones of at least one cell."""
    parts = []
    for clone, cells in count_clones(rows, structure).items():
        there = cells >= 1.0
        parts.append(
            pd.DataFrame({"patient": rows["patient"].to_numpy()[there], "clone": clone, "cells": cells[there]})
        )
    table = pd.concat(parts, ignore_index=True)
    table.insert(1, "line", line)
    return table


def know_relapse(
    rows: xr.Dataset, visits: pd.DataFrame, table: pd.DataFrame, structure: Structure, *, line: int, seed: int
) -> pd.DataFrame:
    """Return what the clinic knows at progression, indexed by patient.

    Parameters
    ----------
    rows
        The patients at progression, dims (patient,).
    visits
        All visits of the line; days count from its day 0.
    table
        One row for each of `rows`, indexed by patient, with best_response and the days progression_day and
        progression_confirmed_day from the line's day 0.
    """
    before = visits[
        visits["day"] <= table["progression_confirmed_day"].reindex(visits["patient"].to_numpy()).to_numpy()
    ]
    last = before.groupby("patient").last().reindex(table.index)  # of each column, its last known value
    known = pd.DataFrame(index=table.index)
    known["line"] = float(line)
    known["months_on_last_line"] = table["progression_day"] / MONTH
    known["best_response"] = table["best_response"]
    for name in ("sbcma_ng_per_ml", "copies_per_ug", "serum_m_g_per_dl"):
        known[name] = last[name] if name in last else np.nan
    lumps = last["plasmacytoma_spd_mm2"] if "plasmacytoma_spd_mm2" in last else pd.Series(0.0, index=table.index)
    known["extramedullary"] = (lumps > 0).astype(np.float64)
    for name, share in _lost_shares(rows, structure).items():
        luck = score_patients(f"flow cytometry of {name}, line {line}", table.index.to_numpy(), seed=seed)
        known[name] = _count_cells(share, luck)
    return known


def _lost_shares(rows: xr.Dataset, structure: Structure) -> dict[str, npt.NDArray[np.float64]]:
    """Return for each antigen the share of cells that carry a variant of it."""
    shares = share_with_variant(rows, structure)
    return {
        f"{antigen.id.lower()}_loss_share": np.sum([shares[v.name] for v in antigen.variants], axis=0)
        for antigen in structure.antigens
        if antigen.variants
    }


def _count_cells(share: npt.NDArray[np.float64], luck: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:

    counted = load_assays()["marrow_counted"].value
    found = binom.ppf(np.clip(ndtr(luck), 1e-12, 1 - 1e-12), int(counted), np.clip(share, 0.0, 1.0))
    return np.asarray(found / counted, dtype=np.float64)
