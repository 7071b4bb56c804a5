"""The category of response at each visit, before confirmation.

Every condition is answered yes, no or unknown. The best category all of whose conditions are known to hold is given, so
that a missing value downgrades to the next lower level. Where even the lowest level cannot be told, the visit is NE; SD
is given only where the lowest level is known to be missed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from aftercar.clinic.categories import CR, MR, NE, NOT_GRADED, PD, PR, SCR, SD, VGPR, CodeArray
from aftercar.clinic.comparison import (
    NO,
    UNKNOWN,
    YES,
    Answer,
    BoolArray,
    FloatArray,
    all_of,
    answer,
    any_of,
    asked_of,
    at_least,
    below,
)  # fmt: skip
from aftercar.clinic.criteria import Criteria, Options
from aftercar.clinic.disease import LIGHT_CHAINS, M_PROTEIN, MARROW, NOTHING, PLASMACYTOMAS, Disease, find_fall
from aftercar.clinic.laboratory import Laboratory
from aftercar.clinic.progression import Progression, find_visible

_SERUM, _URINE = "serum_m_g_per_dl", "urine_m_mg_per_24h"
_MARROW, _SPD = "marrow_plasma_cells_percent", "plasmacytoma_spd_mm2"


@dataclass(frozen=True)
class Evidence:
    """What the categories rest on, shape (patients, visits): falls as shares, carried values, answers."""

    falls: dict[str, FloatArray]
    carried: dict[str, FloatArray]
    answers: dict[int, Answer]
    conditions: dict[str, Answer]


def grade_visits(
    laboratory: Laboratory, disease: Disease, progression: Progression, criteria: Criteria, options: Options
) -> tuple[CodeArray, Evidence]:
    """Return the category at each visit, unconfirmed, and what it rests on."""
    carried = {name: laboratory.carried(name) for name in (_MARROW, "marrow_clonal", _SPD)}
    falls = {
        "serum": find_fall(laboratory.value(_SERUM), disease.baseline[_SERUM]),
        "urine": find_fall(laboratory.value(_URINE), disease.baseline[_URINE]),
        "light_chains": find_fall(disease.dflc, disease.baseline["dflc"]),
        "marrow": find_fall(laboratory.value(_MARROW), disease.baseline[_MARROW]),
        "plasmacytoma": find_fall(carried[_SPD], disease.baseline[_SPD]),
    }
    conditions = _complete_conditions(laboratory, disease, carried, criteria, options)
    complete = all_of(*conditions.values())
    ratio = answer(_normal(disease.ratio, criteria), disease.ratio)
    clone_gone = answer(carried["marrow_clonal"] == 0.0, carried["marrow_clonal"])
    partial = _partial(laboratory, disease, falls, criteria, options)
    answers = {
        SCR: all_of(complete, ratio, clone_gone), CR: complete,
        VGPR: partial[VGPR], PR: partial[PR], MR: partial[MR],
    }  # fmt: skip
    conditions = conditions | {"ratio": ratio, "clone_gone": clone_gone}
    return _choose(answers, laboratory, disease, progression), Evidence(falls, carried, answers, conditions)


def _choose(
    answers: dict[int, Answer], laboratory: Laboratory, disease: Disease, progression: Progression
) -> CodeArray:
    followed = (disease.kind != NOTHING)[:, None]
    lowest = np.where((disease.kind == M_PROTEIN)[:, None], answers[MR], answers[PR])
    measured = _is_measured(laboratory, disease)
    codes = np.select(
        [(answers[code] == YES) & followed for code in (SCR, CR, VGPR, PR, MR)] + [(lowest == NO) & measured],
        [SCR, CR, VGPR, PR, MR, SD], NE,
    )  # fmt: skip
    codes = np.where(progression.any, PD, codes)
    return np.where(laboratory.after_start, codes, NOT_GRADED).astype(np.int8)


def _is_measured(laboratory: Laboratory, disease: Disease) -> BoolArray:
    """Where a visit has a value of what the disease is followed by: without one it says nothing, not even SD."""
    serum, urine = (~np.isnan(laboratory.value(name)) for name in (_SERUM, _URINE))
    by_kind = {
        M_PROTEIN: (serum & disease.serum[:, None]) | (urine & disease.urine[:, None]),
        LIGHT_CHAINS: ~np.isnan(disease.dflc),
        MARROW: ~np.isnan(laboratory.value(_MARROW)),
        PLASMACYTOMAS: ~np.isnan(laboratory.value(_SPD)),
    }
    chosen = [(disease.kind == kind)[:, None] & known for kind, known in by_kind.items()]
    return np.asarray(np.logical_or.reduce(chosen))


def _complete_conditions(
    laboratory: Laboratory, disease: Disease, carried: dict[str, FloatArray], criteria: Criteria, options: Options
) -> dict[str, Answer]:
    marrow, spd = carried[_MARROW], carried[_SPD]
    gone = answer(spd == 0.0, spd)
    never_there = ~disease.plasmacytoma[:, None] & np.isnan(spd)
    urine = _fixation(laboratory, "urine_ife", _URINE)
    urine = np.where(_absent(laboratory, disease, "urine_ife", options) & (urine == UNKNOWN), YES, urine)
    light_chains_only = disease.kind == LIGHT_CHAINS
    return {
        "serum_ife": _fixation(laboratory, "serum_ife", _SERUM),
        "urine_ife": urine.astype(np.int8),
        "marrow": answer(below(marrow, criteria["marrow_cr"]), marrow),
        "plasmacytoma": np.where(never_there, YES, gone).astype(np.int8),
        "flc_ratio": asked_of(light_chains_only, answer(_normal(disease.ratio, criteria), disease.ratio)),
    }


def _normal(ratio: FloatArray, criteria: Criteria) -> BoolArray:
    return at_least(ratio, criteria["flc_ratio_low"]) & at_least(-ratio, -criteria["flc_ratio_high"])


def _fixation(laboratory: Laboratory, ife: str, electrophoresis: str) -> Answer:
    """Negative immunofixation; one that was not done is positive where electrophoresis shows the protein."""
    sign = laboratory.value(ife)
    negative = answer(sign == 0.0, sign)
    shown = find_visible(laboratory, electrophoresis)
    return np.where((negative == UNKNOWN) & shown, NO, negative).astype(np.int8)


def _absent(laboratory: Laboratory, disease: Disease, name: str, options: Options) -> BoolArray:
    """Where a missing urine counts as negative: by option, and only where urine was seen not to be measurable."""
    known = ~np.isnan(disease.baseline[_URINE]) & ~disease.urine
    return known[:, None] & np.isnan(laboratory.value(name)) & (options.missing_urine == "absent")


def _partial(
    laboratory: Laboratory, disease: Disease, falls: dict[str, FloatArray], criteria: Criteria, options: Options
) -> dict[int, Answer]:
    """VGPR, PR and MR by the way in which the patient's disease is followed, plasmacytomas in addition."""
    lump = answer(at_least(falls["plasmacytoma"], criteria["pr_plasmacytoma_fall"]), falls["plasmacytoma"])
    lump = asked_of(disease.plasmacytoma, lump)
    by_kind = {
        M_PROTEIN: _by_m_protein(laboratory, disease, falls, criteria, options),
        LIGHT_CHAINS: _by_fall(falls["light_chains"], criteria["vgpr_flc_fall"], criteria["pr_flc_fall"]),
        MARROW: _by_fall(falls["marrow"], None, criteria["pr_marrow_fall"]),
        PLASMACYTOMAS: _by_fall(_measured(falls, laboratory), None, criteria["pr_plasmacytoma_fall"]),
    }
    found: dict[int, Answer] = {}
    for code in (VGPR, PR, MR):
        chosen = np.full(laboratory.day.shape, NO)
        for kind, answers in by_kind.items():
            chosen = np.where((disease.kind == kind)[:, None], answers[code], chosen)
        found[code] = all_of(chosen.astype(np.int8), lump)
    return found


def _measured(falls: dict[str, FloatArray], laboratory: Laboratory) -> FloatArray:
    """Falls of plasmacytomas at visits with imaging: where they alone are followed, nothing else is carried."""
    return np.where(np.isnan(laboratory.value(_SPD)), np.nan, falls["plasmacytoma"])


def _by_fall(fall: FloatArray, very_good: float | None, partial: float) -> dict[int, Answer]:
    """One measure alone. The criteria have no MR for it, and VGPR only for light chains."""
    never = np.full(fall.shape, NO)
    return {
        VGPR: never if very_good is None else answer(at_least(fall, very_good), fall),
        PR: answer(at_least(fall, partial), fall),
        MR: never,
    }


def _by_m_protein(
    laboratory: Laboratory, disease: Disease, falls: dict[str, FloatArray], criteria: Criteria, options: Options
) -> dict[int, Answer]:
    serum_m, urine_m = laboratory.value(_SERUM), laboratory.value(_URINE)

    def serum(level: str) -> Answer:
        return asked_of(disease.serum, answer(at_least(falls["serum"], criteria[level]), falls["serum"]))

    def urine(fall: str) -> Answer:
        """Asked by fall where urine was measurable; elsewhere a urine that is known must not have become so."""
        low = answer(below(urine_m, criteria["pr_urine"]), urine_m)
        fallen = answer(at_least(falls["urine"], criteria[fall]), urine_m)
        unmeasured = np.where(low == NO, NO, YES).astype(np.int8)
        # Below 200 mg is enough for PR, so for MR too: the overall level is the lowest of those of serum and urine.
        return np.where(disease.urine[:, None], any_of(fallen, low), unmeasured).astype(np.int8)

    little = answer(below(urine_m, criteria["vgpr_urine"]), urine_m)
    little = np.where(_absent(laboratory, disease, _URINE, options), YES, little).astype(np.int8)
    not_shown = all_of(
        answer(~find_visible(laboratory, _SERUM), serum_m),
        np.where(little == YES, answer(~find_visible(laboratory, _URINE), urine_m), little),
    )
    return {
        VGPR: any_of(not_shown, all_of(serum("vgpr_serum_fall"), little)),
        PR: all_of(serum("pr_serum_fall"), urine("pr_urine_fall")),
        MR: all_of(serum("mr_serum_fall"), urine("mr_urine_fall")),
    }
