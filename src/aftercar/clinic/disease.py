"""What can be followed in a patient: measurable disease at baseline, falls from it, the lowest value so far."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from aftercar.clinic.comparison import BoolArray, FloatArray, above, at_least, below
from aftercar.clinic.criteria import Criteria, Options
from aftercar.clinic.laboratory import Laboratory, previous_known

# How a patient's disease is followed: by the first of these that was measurable at baseline.
KINDS: Final = ("nothing measurable", "serum or urine M-protein", "free light chains", "marrow", "plasmacytomas")
NOTHING, M_PROTEIN, LIGHT_CHAINS, MARROW, PLASMACYTOMAS = range(len(KINDS))


@dataclass(frozen=True)
class Disease:
    """Baseline and measurability of patients, shape (patients,), and the light chains, shape (patients, visits).

    `involved`: 1 kappa, -1 lambda, 0 neither. `dflc`: involved minus uninvolved free light chain [mg/L]; `ratio`: kappa
    over lambda.
    """

    kind: npt.NDArray[np.int64]
    serum: BoolArray
    urine: BoolArray
    light_chains: BoolArray
    marrow: BoolArray
    plasmacytoma: BoolArray
    involved: npt.NDArray[np.int64]
    dflc: FloatArray
    ratio: FloatArray
    baseline: Mapping[str, FloatArray]


_FOLLOWED = ("serum_m_g_per_dl", "urine_m_mg_per_24h", "marrow_plasma_cells_percent", "plasmacytoma_spd_mm2")


def describe_disease(laboratory: Laboratory, criteria: Criteria, options: Options) -> Disease:
    """Say of each patient what was measurable at baseline and how the disease is therefore followed."""
    baseline = {name: laboratory.baseline(name) for name in _FOLLOWED}
    kappa, lambda_ = laboratory.value("kappa_mg_per_l"), laboratory.value("lambda_mg_per_l")
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = kappa / lambda_
        start_ratio = laboratory.baseline("kappa_mg_per_l") / laboratory.baseline("lambda_mg_per_l")
    involved = np.where(above(start_ratio, criteria["flc_ratio_high"]), 1, 0)
    involved = np.where(below(start_ratio, criteria["flc_ratio_low"]), -1, involved)
    dflc = np.where(involved[:, None] == 0, np.nan, involved[:, None] * (kappa - lambda_))
    start = np.where(involved > 0, laboratory.baseline("kappa_mg_per_l"), laboratory.baseline("lambda_mg_per_l"))
    serum = at_least(baseline["serum_m_g_per_dl"], criteria["measurable_serum"])
    urine = at_least(baseline["urine_m_mg_per_24h"], criteria["measurable_urine"])
    light_chains = (involved != 0) & at_least(start, criteria["measurable_flc"])
    marrow = at_least(baseline["marrow_plasma_cells_percent"], criteria["measurable_marrow"])
    plasmacytoma = baseline["plasmacytoma_spd_mm2"] > 0.0
    kind = np.select(
        [serum | urine, light_chains, marrow, plasmacytoma & options.plasmacytoma_only],
        [M_PROTEIN, LIGHT_CHAINS, MARROW, PLASMACYTOMAS], NOTHING,
    )  # fmt: skip
    baseline["dflc"] = _last(np.where(laboratory.after_start, np.nan, dflc))
    return Disease(
        kind=kind, serum=serum, urine=urine, light_chains=light_chains, marrow=marrow, plasmacytoma=plasmacytoma,
        involved=involved, dflc=dflc, ratio=ratio, baseline=baseline,
    )  # fmt: skip


def _last(values: FloatArray) -> FloatArray:
    return previous_known(np.pad(values, ((0, 0), (0, 1)), constant_values=np.nan))[:, -1]


def find_fall(values: FloatArray, baseline: FloatArray) -> FloatArray:
    """Return the fall from baseline as a share of it, shape of `values`; NaN where the baseline is zero or missing."""
    start = np.where(baseline > 0.0, baseline, np.nan)[:, None]
    return 1.0 - values / start


def find_nadir(values: FloatArray, baseline: FloatArray, after_start: BoolArray, options: Options) -> FloatArray:
    """Return the lowest value before each visit, baseline included, shape of `values`.

    Under the rule ``confirmed`` it is the lowest level that two consecutive values reached, so that a single low value
    between two higher ones does not count.
    """
    treated = np.where(after_start, values, np.nan)
    if options.nadir == "lowest":
        candidates = treated
    else:
        earlier = previous_known(np.where(after_start, values, np.nan))
        earlier = np.where(np.isnan(earlier), baseline[:, None], earlier)
        candidates = np.maximum(treated, earlier)  # NaN where either is missing
    so_far = np.fmin(np.fmin.accumulate(candidates, axis=1), baseline[:, None])
    nadir = np.empty_like(so_far)
    nadir[:, 0] = baseline
    nadir[:, 1:] = so_far[:, :-1]
    return nadir
