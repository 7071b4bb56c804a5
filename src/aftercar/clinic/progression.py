"""Progressive disease by each of its signs, clinical relapse, and relapse from complete response."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from aftercar.clinic.comparison import BoolArray, FloatArray, above, at_least
from aftercar.clinic.criteria import Criteria, Options
from aftercar.clinic.disease import LIGHT_CHAINS, NOTHING, Disease, find_nadir
from aftercar.clinic.laboratory import Laboratory, previous_known

# The signs in the order in which they are named where several hold. A repeat is needed for those of serum, urine and
# blood; marrow and imaging need none (CIBMTR manual; text of the criteria on confirmation).
SIGNS_OF_PROGRESSION: Final = ("serum", "urine", "light_chains", "marrow", "new_lesion", "plasmacytoma", "circulating")
NEED_REPEAT: Final = ("serum", "urine", "light_chains", "circulating")


@dataclass(frozen=True)
class Progression:
    """Where each sign of progression is met, and the nadirs it was held against, shape (patients, visits)."""

    signs: Mapping[str, BoolArray]
    nadir: Mapping[str, FloatArray]

    @property
    def any(self) -> BoolArray:
        """Where there is progression by any sign."""
        return np.asarray(np.logical_or.reduce(list(self.signs.values())))

    @property
    def needs_repeat(self) -> BoolArray:
        """Where progression rests only on signs that a second assessment must confirm."""
        lasting = [met for name, met in self.signs.items() if name not in NEED_REPEAT]
        return np.asarray(self.any & ~np.logical_or.reduce(lasting))


def find_progression(laboratory: Laboratory, disease: Disease, criteria: Criteria, options: Options) -> Progression:
    """Find the visits that meet a sign of progression, each against the lowest value before it."""
    after = laboratory.after_start
    values = {
        "serum": laboratory.value("serum_m_g_per_dl"), "urine": laboratory.value("urine_m_mg_per_24h"),
        "light_chains": disease.dflc, "marrow": laboratory.value("marrow_plasma_cells_percent"),
        "plasmacytoma": laboratory.value("plasmacytoma_spd_mm2"),
        "circulating": laboratory.value("circulating_plasma_cells_per_ul"),
    }  # fmt: skip
    starts = {
        "serum": disease.baseline["serum_m_g_per_dl"], "urine": disease.baseline["urine_m_mg_per_24h"],
        "light_chains": disease.baseline["dflc"], "marrow": disease.baseline["marrow_plasma_cells_percent"],
        "plasmacytoma": disease.baseline["plasmacytoma_spd_mm2"],
        "circulating": laboratory.baseline("circulating_plasma_cells_per_ul"),
    }  # fmt: skip
    nadir = {name: find_nadir(values[name], starts[name], after, options) for name in values}
    # Marrow and imaging need no second assessment, so that their lowest single value is their nadir.
    single = Options(nadir="lowest")
    for name in ("marrow", "plasmacytoma"):
        nadir[name] = find_nadir(values[name], starts[name], after, single)
    signs = _signs(values, nadir, laboratory, disease, criteria)
    return Progression({name: signs[name] & after for name in SIGNS_OF_PROGRESSION}, nadir)


def _signs(
    values: Mapping[str, FloatArray],
    nadir: Mapping[str, FloatArray],
    laboratory: Laboratory,
    disease: Disease,
    criteria: Criteria,
) -> dict[str, BoolArray]:
    # No measurable M-protein: the light chains count; no measurable light chains either: the marrow.
    without_m = (disease.kind >= LIGHT_CHAINS) | (disease.kind == NOTHING)
    without_flc = without_m & ~disease.light_chains
    only_blood = (disease.kind == NOTHING) & ~disease.plasmacytoma
    rise = {name: values[name] - nadir[name] for name in nadir}
    quarter = {name: at_least(rise[name], criteria["pd_rise"] * nadir[name]) for name in nadir}
    high = at_least(nadir["serum"], criteria["pd_serum_high"]) & at_least(rise["serum"], criteria["pd_serum_high_rise"])
    circulating = at_least(rise["circulating"], criteria["pd_circulating_rise"] * nadir["circulating"])
    return {
        "serum": (quarter["serum"] & at_least(rise["serum"], criteria["pd_serum_rise"])) | high,
        "urine": quarter["urine"] & at_least(rise["urine"], criteria["pd_urine_rise"]),
        "light_chains": without_m[:, None]
        & quarter["light_chains"]
        & above(rise["light_chains"], criteria["pd_flc_rise"]),
        "marrow": without_flc[:, None] & quarter["marrow"] & at_least(rise["marrow"], criteria["pd_marrow_rise"]),
        "new_lesion": laboratory.value("new_lesion") == 1.0,
        "plasmacytoma": _growth(values["plasmacytoma"], nadir["plasmacytoma"], laboratory, criteria),
        "circulating": only_blood[:, None] & circulating & at_least(values["circulating"], criteria["pd_circulating"]),
    }


def _growth(spd: FloatArray, nadir: FloatArray, laboratory: Laboratory, criteria: Criteria) -> BoolArray:
    """Growth of plasmacytomas: of the sum over several, of one lesion's diameter, or of one that was gone."""
    several = ~(laboratory.carried("plasmacytomas") <= 1.0)  # where nobody counted them, the sum is taken at its word
    back = (nadir == 0.0) & (spd > 0.0)
    summed = several & (nadir > 0.0) & at_least(spd - nadir, criteria["pd_plasmacytoma_rise"] * nadir)
    longest, short = laboratory.value("lesion_longest_mm"), laboratory.value("lesion_short_axis_mm")
    smallest = np.fmin.accumulate(longest, axis=1)
    before = np.full(longest.shape, np.nan)
    before[:, 1:] = smallest[:, :-1]
    large = above(previous_known(short), criteria["pd_lesion_short_axis"])
    longer = large & (before > 0.0) & at_least(longest - before, criteria["pd_plasmacytoma_rise"] * before)
    return np.asarray(back | summed | longer)


def find_clinical_relapse(laboratory: Laboratory, progression: Progression, criteria: Criteria) -> dict[str, BoolArray]:
    """Return where each sign of clinical relapse stands, by sign.

    It is reported beside progression and never counts as it. Whether myeloma is the cause, no table can tell.
    """
    after = laboratory.after_start
    haemoglobin, creatinine = laboratory.value("haemoglobin_g_per_dl"), laboratory.value("creatinine_mg_per_dl")
    highest = np.fmax.accumulate(haemoglobin, axis=1)
    creatinine_rise = creatinine - laboratory.baseline("creatinine_mg_per_dl")[:, None]
    found = {
        "new lesion": progression.signs["new_lesion"],
        "growing lesion": progression.signs["plasmacytoma"],
        "hypercalcaemia": above(laboratory.value("calcium_mg_per_dl"), criteria["relapse_calcium"]),
        "fall of haemoglobin": at_least(highest - haemoglobin, criteria["relapse_haemoglobin_fall"]),
        "rise of creatinine": at_least(creatinine_rise, criteria["relapse_creatinine_rise"]),
        "hyperviscosity": laboratory.value("hyperviscosity") == 1.0,
    }
    return {name: met & after for name, met in found.items()}


def find_reappearance(laboratory: Laboratory, progression: Progression, criteria: Criteria) -> BoolArray:
    """Return where a patient in complete response would have relapsed: for disease-free survival only.

    Positive immunofixation alone is no progression (footnote of the criteria).
    """
    positive = (laboratory.value("serum_ife") == 1.0) | (laboratory.value("urine_ife") == 1.0)
    visible = find_visible(laboratory, "serum_m_g_per_dl") | find_visible(laboratory, "urine_m_mg_per_24h")
    marrow = at_least(laboratory.value("marrow_plasma_cells_percent"), criteria["relapse_marrow"])
    lesion = progression.signs["new_lesion"] | progression.signs["plasmacytoma"]
    calcium = above(laboratory.value("calcium_mg_per_dl"), criteria["relapse_calcium"])
    return np.asarray((positive | visible | marrow | lesion | calcium) & laboratory.after_start)


def find_visible(laboratory: Laboratory, name: str) -> BoolArray:
    """Return where an M-protein was quantified on electrophoresis."""
    return np.asarray((laboratory.value(name) > 0.0) & ~laboratory.below_limit(name))
