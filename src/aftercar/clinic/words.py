"""Why a visit has its category, in words a haematologist would write beside it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from aftercar.clinic.categories import CATEGORIES, CR, MR, NE, NOT_GRADED, PD, PR, SCR, SD, VGPR, name_categories
from aftercar.clinic.comparison import NO, UNKNOWN, YES
from aftercar.clinic.disease import KINDS, LIGHT_CHAINS, M_PROTEIN, MARROW, NOTHING, PLASMACYTOMAS
from aftercar.clinic.imwg import Grading

# name of the sign: words, unit, column (the light chains are computed)
_MEASURES = {
    "serum": ("serum M-protein", "g/dL", "serum_m_g_per_dl"),
    "urine": ("urine M-protein", "mg/24 h", "urine_m_mg_per_24h"),
    "light_chains": ("involved minus uninvolved FLC", "mg/L", ""),
    "marrow": ("marrow plasma cells", "%", "marrow_plasma_cells_percent"),
    "plasmacytoma": ("plasmacytomas (SPD)", "mm2", "plasmacytoma_spd_mm2"),
    "circulating": ("circulating plasma cells", "per uL", "circulating_plasma_cells_per_ul"),
}
_FOLLOWED_BY = {
    M_PROTEIN: ("serum", "urine"), LIGHT_CHAINS: ("light_chains",), MARROW: ("marrow",),
    PLASMACYTOMAS: ("plasmacytoma",), NOTHING: (),
}  # fmt: skip
_CONDITIONS = {
    "serum_ife": ("serum M-protein by immunofixation", "present", "not known"),
    "urine_ife": ("urine M-protein by immunofixation", "present", "not known"),
    "marrow": ("marrow plasma cells", "5% or more", "not examined"),
    "plasmacytoma": ("plasmacytomas", "not gone", "not imaged"),
    "flc_ratio": ("FLC ratio", "abnormal", "not measured"),
    "ratio": ("FLC ratio", "abnormal", "not measured"),
    "clone_gone": ("clonal marrow cells", "present", "not examined"),
}
_SIGN_WORDS = {
    "new_lesion": "a new lesion",
    "plasmacytoma": "growth or return of plasmacytomas",
}


def tabulate_visits(grading: Grading) -> pd.DataFrame:
    """Return one visit a row: patient, day, response (unconfirmed), confirmed status, the reason in words.

    ``established`` is what the visit establishes once its confirming assessment is heard; ``status`` the best
    established so far.
    """
    rows, columns = np.nonzero(~np.isnan(grading.laboratory.day))
    return pd.DataFrame(
        {
            "patient": grading.laboratory.patients[rows],
            "day": grading.laboratory.day[rows, columns],
            "response": name_categories(grading.visit)[rows, columns],
            "established": name_categories(grading.confirmation.level)[rows, columns],
            "status": name_categories(grading.confirmation.status)[rows, columns],
            "confirmed_by_day": grading.confirmation.by_day[rows, columns],
            "reason": [explain_visit(grading, int(p), int(v)) for p, v in zip(rows, columns, strict=True)],
        }
    )


def explain_visit(grading: Grading, patient: int, visit: int) -> str:
    """Return why a visit has its category: the values, the rule that decided, and what became of its confirmation."""
    code = int(grading.visit[patient, visit])
    if code == NOT_GRADED:
        return _explain_baseline(grading, patient)
    if code == PD:
        parts = list(_progression_parts(grading, patient, visit))
    else:
        parts = [*_value_parts(grading, patient, visit), *_complete_parts(grading, patient, visit, code)]
        if code == NE:
            parts.append(_why_not_evaluable(grading, patient, visit))
    values = "; ".join(parts)
    return "; ".join(part for part in (f"{values}: {CATEGORIES[code]}", _confirmation(grading, patient, visit)) if part)


def explain_patient(grading: Grading, patient: int) -> str:
    """Return why a patient has this best response and, where there is one, this progression."""
    best = int(grading.best[patient])
    parts = []
    if best in (NE, PD):
        parts.append("no response could be evaluated" + (" before progression" if best == PD else ""))
    else:
        visit = int(np.flatnonzero(grading.laboratory.day[patient] == grading.best_day[patient])[0])
        parts.append(f"best {CATEGORIES[best]} on day {grading.best_day[patient]:g}: "
                     + explain_visit(grading, patient, visit))  # fmt: skip
    if grading.progression_visit[patient] >= 0:
        at = int(grading.progression_visit[patient])
        parts.append(f"progression on day {grading.laboratory.day[patient, at]:g}: "
                     + explain_visit(grading, patient, at))  # fmt: skip
    return ". ".join(parts)


def _explain_baseline(grading: Grading, patient: int) -> str:
    kind = int(grading.disease.kind[patient])
    if kind == NOTHING:
        return "baseline: nothing measurable"
    values = [_value(grading, name, patient, None) for name in _FOLLOWED_BY[kind]]
    return f"baseline, followed by {KINDS[kind]}: " + "; ".join(text for text in values if text)


def _array(grading: Grading, name: str) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    return grading.disease.dflc if name == "light_chains" else grading.laboratory.value(_MEASURES[name][2])


def _start(grading: Grading, name: str, patient: int) -> float:
    key = "dflc" if name == "light_chains" else _MEASURES[name][2]
    found = grading.disease.baseline.get(key)
    return float("nan") if found is None else float(found[patient])


def _number(value: float) -> str:
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"


def _value(grading: Grading, name: str, patient: int, visit: int | None) -> str:
    words, unit, column = _MEASURES[name]
    value = _start(grading, name, patient) if visit is None else float(_array(grading, name)[patient, visit])
    if np.isnan(value):
        return ""
    limited = visit is not None and column != "" and bool(grading.laboratory.below_limit(column)[patient, visit])
    return f"{words} {_end(value, limited)} {unit}"


def _end(value: float, limited: bool) -> str:
    """The last value as a laboratory writes it; one below the limit of quantification may be given as 0."""
    return f"{'< ' if limited and value > 0 else ''}{_number(value)}"


def _value_parts(grading: Grading, patient: int, visit: int) -> Iterator[str]:
    for name in _FOLLOWED_BY[int(grading.disease.kind[patient])]:
        text = _value(grading, name, patient, visit)
        measurable = {"serum": grading.disease.serum, "urine": grading.disease.urine}.get(name)
        fall = float(grading.evidence.falls[name][patient, visit])
        if not text:
            continue
        if (measurable is None or measurable[patient]) and not np.isnan(fall):
            words, unit, column = _MEASURES[name]
            limited = column != "" and bool(grading.laboratory.below_limit(column)[patient, visit])
            end = float(_array(grading, name)[patient, visit])
            way = f"down {100 * fall:.1f}%" if fall >= 0 else f"up {-100 * fall:.1f}%"
            way = f"down by more than {100 * fall:.1f}%" if limited and 0 <= fall < 1 else way
            text = f"{words} {way} from {_number(_start(grading, name, patient))} to {_end(end, limited)} {unit}"
        yield text
    if grading.disease.plasmacytoma[patient] and grading.disease.kind[patient] != PLASMACYTOMAS:
        fall = float(grading.evidence.falls["plasmacytoma"][patient, visit])
        yield "plasmacytomas not imaged since" if np.isnan(fall) else f"plasmacytomas down {100 * fall:.1f}%"


def _complete_parts(grading: Grading, patient: int, visit: int, code: int) -> Iterator[str]:
    """What complete response rests on, or, where immunofixation was asked, what stood in its way."""
    found = {name: int(tri[patient, visit]) for name, tri in grading.evidence.conditions.items()}
    if code >= CR:
        yield "serum and urine immunofixation negative, marrow plasma cells below 5%"
        if grading.disease.plasmacytoma[patient]:
            yield "plasmacytomas gone"
    if code == SCR:
        yield "FLC ratio normal, no clonal cells in the marrow"
    names = ("ratio", "clone_gone") if code == CR else ("serum_ife", "urine_ife", "marrow", "plasmacytoma", "flc_ratio")
    asked = code == CR or (code == VGPR and found["serum_ife"] == YES)
    missing = [_condition(name, found[name]) for name in names if found[name] != YES]
    if asked and missing:
        yield f"not {'sCR' if code == CR else 'CR'}: {', '.join(missing)}"


def _condition(name: str, found: int) -> str:
    words, no, unknown = _CONDITIONS[name]
    return f"{words} {no if found == NO else unknown}"


def _why_not_evaluable(grading: Grading, patient: int, visit: int) -> str:
    kind = int(grading.disease.kind[patient])
    if kind == NOTHING:
        return "nothing was measurable at baseline"
    lowest = MR if kind == M_PROTEIN else PR
    if int(grading.evidence.answers[lowest][patient, visit]) != UNKNOWN:
        return "not evaluable"
    asked = {"serum": grading.disease.serum[patient], "urine": grading.disease.urine[patient]}
    lacking = [
        _MEASURES[name][0]
        for name in _FOLLOWED_BY[kind]
        if asked.get(name, True) and np.isnan(_array(grading, name)[patient, visit])
    ]
    if not lacking:
        return "plasmacytomas present at baseline were not imaged again"
    return f"{' and '.join(lacking)} missing"


def _progression_parts(grading: Grading, patient: int, visit: int) -> Iterator[str]:
    for name, met in grading.progression.signs.items():
        if not met[patient, visit]:
            continue
        if name in _SIGN_WORDS:
            yield _SIGN_WORDS[name]
            continue
        words, unit, _ = _MEASURES[name]
        low = float(grading.progression.nadir[name][patient, visit])
        end = float(_array(grading, name)[patient, visit])
        share = f" ({100 * (end / low - 1):.0f}%)" if low > 0 else ""
        yield f"{words} up {_number(end - low)} {unit}{share} from its lowest {_number(low)} to {_number(end)}"


def _confirmation(grading: Grading, patient: int, visit: int) -> str:
    code, level = int(grading.visit[patient, visit]), int(grading.confirmation.level[patient, visit])
    by, day = float(grading.confirmation.by_day[patient, visit]), float(grading.laboratory.day[patient, visit])
    if code in (NE, SD):
        return ""
    if code != PD and code > level and int(grading.confirmation.status[patient, visit]) >= code:
        return ""  # it adds nothing to what stands already
    if level == code:
        return "needs no second assessment" if by == day else f"confirmed on day {by:g}"
    if day > grading.laboratory.of_patients("new_therapy_day")[patient] and code != PD:
        return "after the start of new therapy: not counted"
    if level in (MR, PR, VGPR, CR):
        return f"confirmed only as {CATEGORIES[level]} on day {by:g}"
    if code == PD and np.any(grading.confirmation.level[patient, :visit] == PD):
        return "progression stands already"
    return "not confirmed by a later assessment"
