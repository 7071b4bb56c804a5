"""How simulated levels are written for a reader, and the sentence that stands over everything simulated."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from aftercar.patients.arms import Trajectories
from aftercar.patients.parameter_choice import calibration_words_for_plan
from aftercar.patients.readouts import count_grades, find_overridden, reading_limits
from aftercar.report import words

DISCLAIMER = "For research and trial design only. Not medical advice; never for treating a patient."
GRADE_WORDS = {
    "measured": "measured in patients",
    "in_vitro": "measured in vitro",
    "fitted": "fitted",
    "assumed": "assumed",
    "definition": "a definition",
    "calibrated": "calibrated to published cohorts",
}


@dataclass(frozen=True, slots=True)
class Level:
    """How a quantity is called: in a column, in a heading, on an axis."""

    column: str
    name: str
    axis: str


LEVELS: Mapping[str, Level] = {
    "tumour_total": Level("burden", "Tumour burden", "myeloma cells"),
    "mrd_level": Level("MRD level", "Marrow burden", "myeloma cells per marrow cell"),
    "m_protein_g_per_dl": Level("M-protein g/dL", "Serum M-protein", "M-protein, g/dL"),
    "sbcma_ng_per_ml": Level("sBCMA ng/mL", "Soluble BCMA", "soluble BCMA, ng/mL"),
    "copies_per_ug": Level("CAR copies/µg", "CAR-T cells in blood", "transgene copies per µg DNA"),
    "bcma_density": Level("BCMA density", "BCMA on tumour cells", "BCMA density relative to normal"),
}


def simulated_sentence(run: Trajectories) -> str:
    """Return the warning over every output: simulated, what is calibrated, on how many assumed numbers it rests."""
    grades = count_grades(run)
    total = sum(grades.values())
    rest = [f"{n} {GRADE_WORDS.get(grade, grade)}" for grade, n in grades.items() if n and grade != "assumed"]
    return (
        f"SIMULATED, {calibration_text(run)}: {grades['assumed']} of the {total} parameters behind it are assumed"
        f" ({', '.join(rest)})."
    )


def calibration_text(run: Trajectories) -> str:
    """Return what of the plan is calibrated."""
    return calibration_words_for_plan(run.sets, run.plan, run.model_data)


def who_text(run: Trajectories) -> str:
    """Return who was simulated."""
    if not run.single:
        return words.plural(len(run.arms[0].people), "virtual patient")
    return "typical patient" if run.sets is None else "typical patient at the medians of the sets, and under each set"


def set_text(run: Trajectories) -> str:
    """Write the parameters that the user set, and which of them replace calibrated ones."""
    found = ", ".join(f"{k} = {v:g}" for k, v in run.values.items())
    replaced = find_overridden(run)
    return f"{found} (in place of calibrated values: {', '.join(replaced)})" if replaced else found


def ranges_text(run: Trajectories) -> str:
    """Say what stands in the brackets of a table of levels; nothing where there are none."""
    if not run.single:
        return "median [5%, 95% of the patients]"
    return "" if run.sets is None else "typical patient [5%, 95% of the parameter sets]"


def level_text(name: str, value: float) -> str:
    """Write one level.

    Examples
    --------
    >>> level_text("tumour_total", 4.39e11), level_text("tumour_total", 0.2), level_text("copies_per_ug", 3.0)
    ('4.4e11', '0', '<50')
    >>> level_text("bcma_density", 0.655), level_text("m_protein_g_per_dl", 0.0027), level_text("mrd_level", 3e-7)
    ('66%', '<0.01', '<1e−6')
    """
    if not math.isfinite(value):
        return words.MISSING
    match name:
        case "tumour_total":
            return "0" if value < 1.0 else scientific(value)
        case "mrd_level":
            return "<1e\N{MINUS SIGN}6" if value < 1e-6 else scientific(value)
        case "copies_per_ug":
            lloq = reading_limits()["copies_lloq"]
            return f"<{lloq:g}" if value < lloq else f"{float(f'{value:.2g}'):,.0f}"
        case "bcma_density":
            return f"{100 * value:.0f}%"
        case "m_protein_g_per_dl":
            return "<0.01" if value < 0.01 else f"{value:.2f}"
        case _:
            return f"{value:,.0f}" if value >= 100 else f"{value:.2g}"


def scientific(value: float) -> str:
    """Write a number with its power of ten, without the zeros that computers put there."""
    mantissa, _, power = f"{value:.1e}".partition("e")
    return f"{mantissa}e{int(power)}".replace("-", "\N{MINUS SIGN}")  # browsers break lines after a hyphen


def range_text(name: str, median: float, low: float, high: float) -> str:
    """Write a level with its range from 5 to 95%."""
    if not math.isfinite(median):
        return words.MISSING
    return f"{level_text(name, median)} [{level_text(name, low)}, {level_text(name, high)}]"


def switched_off_text(run: Trajectories, mechanisms: tuple[str, ...]) -> str:
    """Name the mechanisms that are off."""
    return ", ".join(run.model_data.mechanisms[m].name for m in mechanisms)


def plan_text(run: Trajectories) -> str:
    """Write the plan in one line."""
    parts = []
    for one in run.plan:
        part = f"{one.therapy} on day {one.day:g}"
        part += f" for {one.days:g} days" if one.days is not None else ""
        part += f", doses times {one.dose_factor:g}" if one.dose_factor != 1.0 else ""
        parts.append(part)
    return "; ".join(parts) or "no treatment"
