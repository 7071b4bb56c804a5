"""The figures of `aftercar simulate`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from aftercar.model.treatment import Treatment, arrange_course
from aftercar.patients.arms import Arm, Trajectories
from aftercar.patients.readouts import (
    NO_TUMOUR,
    FloatArray,
    count_clones,
    find_leading_clone,
    find_rise,
    quantiles,
    reading_limits,
)
from aftercar.report import words
from aftercar.report._rows import PADDING
from aftercar.report.figure import GREY, PLOT_VIEW, Figure, to_spec
from aftercar.report.trajectories_lines import COLOURS, SIDE_WIDTH, Guide, Line, Span, line_specs, rounded, span_layers
from aftercar.report.trajectories_words import LEVELS, level_text, range_text

_NOTHING_LEFT = "#eef0f2"
Reader = Callable[[Arm], FloatArray]


def trajectory_figures(run: Trajectories) -> list[Figure]:
    """Return all figures of a run: burden, clones, what assays read, drugs, host."""
    several = len(run.arms) > 1
    figures = [_burden(run)] if several or not run.single else []
    for number, arm in enumerate(run.arms, start=1):
        suffix = f"-{number}" if several else ""
        figures.append(_clones(run, arm, suffix) if run.single else _leading(run, arm, suffix))
    figures += [_m_protein(run), _copies(run), _sbcma(run)]
    return [*figures, *_drugs(run), _host(run)]


def treatment_spans(run: Trajectories) -> list[Span]:
    """Return from when to when each treatment of the plan is given, lymphodepletion left out."""
    end = run.course.end
    return [_span(one, run, end) for one in sorted(run.plan, key=lambda one: one.day)]


def _span(one: Treatment, run: Trajectories, end: float) -> Span:
    doses = arrange_course([one], days=end, data=run.model_data).doses
    main = [d for d in doses if d.target not in {"t_depletion", "b_depletion"}] or list(doses)
    times = [(float(np.min(d.time)), float(np.max(d.time) + getattr(d, "duration", 0.0))) for d in main]
    return Span(one.therapy, min((t for t, _ in times), default=one.day), max((t for _, t in times), default=one.day))


def _reader(name: str) -> Reader:
    def read(arm: Arm) -> FloatArray:
        return np.asarray(arm.data[name].to_numpy(), dtype=np.float64)

    return read


def _lines(run: Trajectories, readers: Mapping[str, Reader]) -> list[Line]:
    """Return a line for each quantity and arm: one patient's course, or the median with ranges."""
    lines = []
    for position, (name, read) in enumerate(readers.items()):
        for number, arm in enumerate(run.arms):
            table = quantiles(read(arm), arm.data["time"].to_numpy())
            if run.single:
                table = table[["day", "median"]]
            label = name if len(run.arms) == 1 else arm.name if len(readers) == 1 else f"{name}, {arm.name}"
            colour = COLOURS[(position if len(readers) > 1 else number) % len(COLOURS)]
            lines.append(Line(label, table, colour, dashed=min(number, 2)))
    return lines


def _figure(
    run: Trajectories, figure_id: str, title: str, caption: str, lines: Sequence[Line], *, quantity: str, y_title: str,
    floor: float | None = None, guides: Sequence[Guide] = (),
) -> Figure:  # fmt: skip
    days = (run.course.start, run.course.end)
    spec, narrow = line_specs(
        lines,
        y_title=y_title,
        floor=floor,
        guides=guides,
        spans=treatment_spans(run),
        days=days,
        left_out=run.irregular_days,
    )
    banded = any("q05" in line.table for line in lines)
    ranges = " Lines: medians; bands: 50% and 90% of the patients." if banded else ""
    foot = "" if floor is None or figure_id.startswith("clones") else f" Values below {floor:g} are drawn at the foot."
    return Figure(
        figure_id=figure_id, title=f"{title}, simulated", caption=f"{caption}{ranges}{foot}",
        summary=_summary(title, lines, quantity), spec=spec, narrow_spec=narrow,
        table=_table(run, lines, quantity), side_width=SIDE_WIDTH,
    )  # fmt: skip


def _summary(title: str, lines: Sequence[Line], quantity: str) -> str:
    parts = [f"{title} over time, simulated: {words.plural(len(lines), 'line')}."]
    for line in lines[:4]:
        known = line.table.dropna(subset="median")
        if len(known):
            lowest = known.loc[known["median"].idxmin()]
            steps = [("", known.iloc[0]), ("lowest ", lowest), ("", known.iloc[-1])]
            told = [f"{word}{level_text(quantity, float(r['median']))} at day {float(r['day']):g}" for word, r in steps]
            parts.append(f"{line.name}: {', '.join(told)}.")
    return " ".join(parts)


def _table(run: Trajectories, lines: Sequence[Line], quantity: str) -> pd.DataFrame:
    table = pd.DataFrame({"Day": [f"{day:g}" for day in run.reading_days]})
    for line in lines:
        rows = line.table.set_index("day").loc[list(run.reading_days)]
        if "q05" in rows:
            cells = [range_text(quantity, *row) for row in rows[["median", "q05", "q95"]].to_numpy()]
        else:
            cells = [level_text(quantity, value) for value in rows["median"]]
        table[line.name] = cells
    return table


def _burden(run: Trajectories) -> Figure:
    lines = _lines(run, {"all myeloma cells": _reader("tumour_total")})
    caption = "Myeloma cells at all sites. The same patients, with the same luck, in every arm."
    return _figure(
        run, "burden", "Tumour burden", caption if len(run.arms) > 1 else "Myeloma cells at all sites.", lines,
        quantity="tumour_total", y_title="myeloma cells", floor=1.0,
    )  # fmt: skip


def _clones(run: Trajectories, arm: Arm, suffix: str) -> Figure:
    times = arm.data["time"].to_numpy()
    counts = {name: cells[0] for name, cells in count_clones(arm.data, run.course.structure).items()}
    shown = {name: cells for name, cells in counts.items() if np.nanmax(cells) >= 1.0}
    total = _reader("tumour_total")(arm)[0]
    lines = [
        Line(name, pd.DataFrame({"day": times, "median": _above_one(cells)}), *_clone_look(number))
        for number, (name, cells) in enumerate({"all myeloma cells": total, **counts}.items())
        if number == 0 or name in shown
    ]
    missing = [name for name in counts if name not in shown]
    caption = "Myeloma cells by clone, both sites together. A line ends where less than one cell is left."
    if missing:
        caption += f" Never a whole cell: {'; '.join(missing)}."
    title = "Burden by clone" + (f" ({arm.name})" if suffix else "")
    return _figure(run, f"clones{suffix}", title, caption, lines, quantity="tumour_total", y_title="myeloma cells",
                   floor=1.0)  # fmt: skip


def _clone_look(number: int) -> tuple[str, int]:
    """Return colour and dash: the total is black, clones go through the colours, then through them dashed."""
    if number == 0:
        return COLOURS[6], 0
    others = [c for c in COLOURS if c != COLOURS[6]]
    return others[(number - 1) % len(others)], 1 + (number - 1) // len(others) if number > len(others) else 0


def _above_one(cells: FloatArray) -> FloatArray:
    """Return cells without what lies below one, but for the last value on the way down and the first on the way up."""
    there = cells >= 1.0
    beside = there | np.append(there[1:], False) | np.insert(there[:-1], 0, False)
    return np.where(beside, np.maximum(cells, 1.0), np.nan)


def _leading(run: Trajectories, arm: Arm, suffix: str) -> Figure:
    """Draw which clone is the largest, as shares of the patients."""
    times = arm.data["time"].to_numpy()
    leading = find_leading_clone(count_clones(arm.data, run.course.structure))
    known = [*count_clones(arm.data, run.course.structure), NO_TUMOUR]
    names = [name for name in known if (leading == name).any()]
    looks = {name: _NOTHING_LEFT if name == NO_TUMOUR else _clone_look(known.index(name) + 1)[0] for name in names}
    shares = {name: (leading == name).mean(axis=0) for name in names}
    chosen = np.isin(times, run.reading_days) | (np.arange(len(times)) % max(1, len(times) // 120) == 0)
    rows = [
        {"day": rounded(day), "line": name, "share": rounded(share)}
        for name, values in shares.items()
        for day, share in zip(times[chosen], values[chosen], strict=True)
    ]
    at = np.searchsorted(times, list(run.reading_days))
    table = pd.DataFrame({"Day": [f"{day:g}" for day in run.reading_days]})
    for name, values in shares.items():
        table[name] = [words.percent(float(value)) for value in values[at]]
    ends = [f"{name} in {words.percent(float(values[-1]))}" for name, values in shares.items()]
    title = "Which clone leads" + (f" ({arm.name})" if suffix else "")
    return Figure(
        figure_id=f"leading{suffix}", title=f"{title}, simulated",
        caption="Share of the patients in whom each clone is the largest, however small the whole burden is.",
        summary=f"{title}: at the end, {'; '.join(ends)}.",
        spec=_stack(rows, looks, run, columns=2), narrow_spec=_stack(rows, looks, run, columns=1),
        table=table, side_width=SIDE_WIDTH,
    )  # fmt: skip


def _stack(rows: list[dict[str, Any]], looks: Mapping[str, str], run: Trajectories, *, columns: int) -> dict[str, Any]:
    days, height = (run.course.start, run.course.end), 220
    axis = alt.Axis(grid=False, tickCount=8 if columns > 1 else 5)
    x = alt.X("day:Q", title="days", scale=alt.Scale(domain=list(days), nice=False), axis=axis)
    y = alt.Y(
        "share:Q", title="share of the patients", stack="zero", scale=alt.Scale(domain=[0, 1]),
        axis=alt.Axis(format="%"),
    )  # fmt: skip
    legend = alt.Legend(orient="bottom", title=None, columns=columns, labelLimit=300, labelFontSize=11)
    colours = alt.Scale(domain=list(looks), range=list(looks.values()))
    areas = alt.Chart(alt.NamedData(name="shares")).mark_area(opacity=0.85, stroke=GREY, strokeWidth=0.3)
    areas = areas.encode(x=x, y=y, color=alt.Color("line:N", scale=colours, legend=legend))
    layers = alt.layer(areas, *span_layers(treatment_spans(run), days, height))
    spec = to_spec(layers.properties(name=PLOT_VIEW, width=420, height=height, padding=PADDING))
    return spec | {"datasets": {**spec.get("datasets", {}), "shares": rows}}


def _m_protein(run: Trajectories) -> Figure:
    limits = reading_limits()
    falls = (("PR", limits["partial_response_fall"]), ("VGPR", limits["very_good_partial_response_fall"]))
    note = " Guides: the falls that PR and VGPR ask for; no grading: that needs visits and confirmation."
    if not run.single:

        def relative(arm: Arm) -> FloatArray:
            protein = _reader("m_protein_g_per_dl")(arm)
            return 100.0 * protein / _at_day_0(protein, arm)[:, None]

        guides = [Guide(100.0 * (1.0 - fall), f"{word} −{100 * fall:g}%") for word, fall in falls]
        lines = _lines(run, {"M-protein": relative})
        return _figure(run, "m-protein", "Serum M-protein", "Serum M-protein in percent of day 0." + note, lines,
                       quantity="percent", y_title="M-protein, % of day 0", floor=0.1, guides=guides)  # fmt: skip
    arm = run.arms[0]
    protein, times = _reader("m_protein_g_per_dl")(arm)[0], arm.data["time"].to_numpy()
    start = float(_at_day_0(protein[None, :], arm)[0])
    guides = [Guide(start * (1.0 - fall), f"{word} −{100 * fall:g}%") for word, fall in falls]
    later = times >= 0.0
    risen, _ = find_rise(protein[None, later])
    if risen[0]:
        lowest = float(np.nanmin(protein[later]))
        rise = max(lowest * (1.0 + limits["progression_rise"]), lowest + limits["progression_rise_absolute"])
        guides.append(Guide(rise, "PD +25% and 0.5 g/dL", float(times[later][np.nanargmin(protein[later])])))
        note += " PD: the rise from the lowest value that progression asks for."
    if len(run.arms) > 1:
        note += f" Guides are those of the arm {arm.name}."
    lines = _lines(run, {"M-protein": _reader("m_protein_g_per_dl")})
    return _figure(run, "m-protein", "Serum M-protein", "Serum M-protein." + note, lines,
                   quantity="m_protein_g_per_dl", y_title=LEVELS["m_protein_g_per_dl"].axis, guides=guides)  # fmt: skip


def _at_day_0(values: FloatArray, arm: Arm) -> FloatArray:
    return np.asarray(values[:, int(np.searchsorted(arm.data["time"].to_numpy(), 0.0))])


def _copies(run: Trajectories) -> Figure:
    lloq = reading_limits()["copies_lloq"]
    caption = "CAR-T cells of all products in blood, as transgene copies per microgram of DNA; LLOQ: lower limit of "
    caption += "quantification."
    lines = _lines(run, {"CAR copies": _reader("copies_per_ug")})
    return _figure(run, "car-t", "CAR-T cells in blood", caption, lines, quantity="copies_per_ug",
                   y_title=LEVELS["copies_per_ug"].axis, floor=1.0, guides=[Guide(lloq, f"LLOQ {lloq:g}")])  # fmt: skip


def _sbcma(run: Trajectories) -> Figure:
    caption = "Soluble BCMA in serum: shed by myeloma and by normal plasma cells; binds CAR-T cells and engagers."
    lines = _lines(run, {"soluble BCMA": _reader("sbcma_ng_per_ml")})
    return _figure(run, "sbcma", "Soluble BCMA", caption, lines, quantity="sbcma_ng_per_ml",
                   y_title=LEVELS["sbcma_ng_per_ml"].axis, floor=0.1)  # fmt: skip


def _drugs(run: Trajectories) -> list[Figure]:
    slots = run.course.slots
    engagers = {therapy: _reader(f"{slot}_concentration") for slot, therapy in slots.items() if slot[:3] == "eng"}
    drugs = {therapy: _reader(f"{slot}_signal") for slot, therapy in slots.items() if slot[:4] == "drug"}
    figures = []
    if engagers:
        figures.append(
            _figure(run, "engagers", "T-cell engagers", "Concentration in serum, bound and free.",
                    _lines(run, engagers), quantity="nmol/L", y_title="nmol/L", floor=0.01)
        )  # fmt: skip
    if drugs:
        caption = "Effect of each drug as a share of its largest (a standard dose gives one half where its amount is "
        caption += "the half-effect amount)."
        lines = _lines(run, drugs)
        figures.append(_figure(run, "drugs", "Other drugs", caption, lines, quantity="share", y_title="effect, 0 to 1"))
    return figures


def _host(run: Trajectories) -> Figure:
    def host(arm: Arm) -> FloatArray:
        cells = _reader("host_t")(arm)
        return np.asarray(cells / np.maximum(cells[:, :1], 1.0))

    readers: dict[str, Reader] = {
        "host T cells, relative to the start": host,
        "exhausted share of host T cells": _reader("host_exhaustion"),
        "suppression index (1 at the reference)": _reader("suppression"),
    }
    readers |= {
        f"antibodies against {therapy}, index": _reader(f"{slot}_antibody")
        for slot, therapy in run.course.slots.items()
        if slot.startswith("product")
    }
    caption = "The host's T cells, suppression by the marrow's environment, and antibodies against the CAR (0 to 1)."
    lines = _lines(run, readers)
    if not run.single:  # eight bands on one another cannot be read
        lines = [Line(line.name, line.table[["day", "median"]], line.colour, line.dashed) for line in lines]
        caption += " Lines: medians."
    figure = _figure(run, "host", "Host and marrow environment", caption, lines, quantity="index", y_title="index")
    return figure
