"""The figures of `aftercar simulate`."""

from __future__ import annotations

import numpy as np

from aftercar.patients.arms import Arm, Trajectories
from aftercar.patients.readouts import FloatArray, read_marker, reading_limits
from aftercar.report.figure import Figure
from aftercar.report.trajectories_clones import clone_figure, leading_figure
from aftercar.report.trajectories_frames import Reader, level_reader, make_figure, make_lines
from aftercar.report.trajectories_lines import Guide, Line
from aftercar.report.trajectories_words import LEVELS

_RELATIVE = "Serum M-protein, or the free light chain of patients without one, in percent of day 0."


def trajectory_figures(run: Trajectories) -> list[Figure]:
    """Return all figures of a run: burden, clones, what assays read, drugs, host."""
    several = len(run.arms) > 1
    figures = [_burden(run)] if several or not run.single or run.sets is not None else []
    for number, arm in enumerate(run.arms, start=1):
        suffix = f"-{number}" if several else ""
        figures.append(clone_figure(run, arm, suffix) if run.single else leading_figure(run, arm, suffix))
    figures += [_m_protein(run), _copies(run), _sbcma(run)]
    return [*figures, *_drugs(run), _host(run)]


def _burden(run: Trajectories) -> Figure:
    lines = make_lines(run, {"all myeloma cells": level_reader("tumour_total")})
    caption = "Myeloma cells at all sites. The same patients, with the same luck, in every arm."
    return make_figure(
        run, "burden", "Tumour burden", caption if len(run.arms) > 1 else "Myeloma cells at all sites.", lines,
        quantity="tumour_total", y_title="myeloma cells", floor=1.0,
    )  # fmt: skip


def _m_protein(run: Trajectories) -> Figure:
    limits = reading_limits()
    falls = (("PR", limits["partial_response_fall"]), ("VGPR", limits["very_good_partial_response_fall"]))
    note = " Guides: the falls that PR and VGPR ask for; no grading: that needs visits and confirmation."
    if not run.single:

        def relative(arm: Arm) -> FloatArray:
            level = read_marker(arm.data).level
            return 100.0 * level / _at_day_0(level, arm)[:, None]

        guides = [Guide(100.0 * (1.0 - fall), f"{word} −{100 * fall:g}%") for word, fall in falls]
        lines = make_lines(run, {"M-protein": relative})
        return make_figure(run, "m-protein", "Serum M-protein", _RELATIVE + note, lines,
                       quantity="percent", y_title="M-protein, % of day 0", floor=0.1, guides=guides)  # fmt: skip
    arm = run.arms[0]
    marker = read_marker(arm.data.isel(time=arm.data["time"].to_numpy() >= 0.0))
    level, least = marker.level[0], float(marker.absolute_rise[0])
    chain = least == limits["progression_rise_light_chain"]
    guides = [Guide(float(level[0]) * (1.0 - fall), f"{word} −{100 * fall:g}%") for word, fall in falls]
    guides = guides if marker.evaluable[0] else []
    risen, first = marker.find_rise()
    if risen[0]:
        lowest = float(np.nanmin(level[: int(first[0]) + 1]))
        rise = max(lowest * (1.0 + limits["progression_rise"]), lowest + least)
        guides.append(Guide(rise, f"PD +25% and {least:g} {'mg/L' if chain else 'g/dL'}", at_left=True))
        note += " PD: the rise that progression asks for, from the lowest value before the first such rise."
    if len(run.arms) > 1:
        note += f" Guides are those of the arm {arm.name}."
    if chain:
        lines = make_lines(run, {"free light chain": level_reader("free_light_chain")})
        return make_figure(
            run, "m-protein", "Involved free light chain", "Involved free light chain in serum." + note, lines,
            quantity="mg/L", y_title="free light chain, mg/L", floor=1.0, guides=guides,
        )  # fmt: skip
    lines = make_lines(run, {"M-protein": level_reader("m_protein_g_per_dl")})
    return make_figure(
        run, "m-protein", "Serum M-protein", "Serum M-protein." + note, lines, quantity="m_protein_g_per_dl",
        y_title=LEVELS["m_protein_g_per_dl"].axis, floor=0.01, guides=guides,
    )  # fmt: skip


def _at_day_0(values: FloatArray, arm: Arm) -> FloatArray:
    return np.asarray(values[:, int(np.searchsorted(arm.data["time"].to_numpy(), 0.0))])


def _copies(run: Trajectories) -> Figure:
    lloq = reading_limits()["copies_lloq"]
    caption = "CAR-T cells of all products in blood, as transgene copies per microgram of DNA; LLOQ: lower limit of "
    caption += "quantification."
    lines = make_lines(run, {"CAR copies": level_reader("copies_per_ug")})
    return make_figure(run, "car-t", "CAR-T cells in blood", caption, lines, quantity="copies_per_ug",
                   y_title=LEVELS["copies_per_ug"].axis, floor=1.0, guides=[Guide(lloq, f"LLOQ {lloq:g}")])  # fmt: skip


def _sbcma(run: Trajectories) -> Figure:
    caption = "Soluble BCMA in serum: shed by myeloma and by normal plasma cells; binds CAR-T cells and engagers."
    lines = make_lines(run, {"soluble BCMA": level_reader("sbcma_ng_per_ml")})
    return make_figure(run, "sbcma", "Soluble BCMA", caption, lines, quantity="sbcma_ng_per_ml",
                   y_title=LEVELS["sbcma_ng_per_ml"].axis, floor=0.1)  # fmt: skip


def _drugs(run: Trajectories) -> list[Figure]:
    slots = run.course.slots
    engagers = {therapy: level_reader(f"{slot}_concentration") for slot, therapy in slots.items() if slot[:3] == "eng"}
    drugs = {therapy: level_reader(f"{slot}_signal") for slot, therapy in slots.items() if slot[:4] == "drug"}
    figures = []
    if engagers:
        figures.append(
            make_figure(run, "engagers", "T-cell engagers", "Concentration in serum, bound and free.",
                    make_lines(run, engagers), quantity="nmol/L", y_title="nmol/L", floor=0.01)
        )  # fmt: skip
    if drugs:
        caption = "Effect of each drug as a share of its largest (a standard dose gives one half where its amount is "
        caption += "the half-effect amount)."
        lines = make_lines(run, drugs)
        figures.append(
            make_figure(run, "drugs", "Other drugs", caption, lines, quantity="share", y_title="effect, 0 to 1")
        )
    return figures


def _host(run: Trajectories) -> Figure:
    def host(arm: Arm) -> FloatArray:
        cells = level_reader("host_t")(arm)
        return np.asarray(cells / np.maximum(cells[:, :1], 1.0))

    readers: dict[str, Reader] = {
        "host T cells, relative to the start": host,
        "exhausted share of host T cells": level_reader("host_exhaustion"),
        "suppression index (1 at the reference)": level_reader("suppression"),
    }
    readers |= {
        f"antibodies against {therapy}, index": level_reader(f"{slot}_antibody")
        for slot, therapy in run.course.slots.items()
        if slot.startswith("product")
    }
    caption = "The host's T cells, suppression by the marrow's environment, and antibodies against the CAR (0 to 1)."
    lines = make_lines(run, readers)
    if not run.single or run.sets is not None:  # eight bands on one another cannot be read
        lines = [Line(line.name, line.table[["day", "median"]], line.colour, line.dashed) for line in lines]
        caption += " Lines: parameters at the medians of the sets." if run.single else " Lines: medians."
    figure = make_figure(run, "host", "Host and marrow environment", caption, lines, quantity="index", y_title="index")
    return figure
