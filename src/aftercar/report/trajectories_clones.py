"""Clones over time: the cells of each in one patient, and which leads in many."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from aftercar.patients.arms import Arm, Trajectories
from aftercar.patients.readouts import NO_TUMOUR, FloatArray, count_clones, find_leading_clone
from aftercar.report import words
from aftercar.report._rows import PADDING
from aftercar.report.figure import GREY, PLOT_VIEW, Figure, to_spec
from aftercar.report.trajectories_frames import level_reader, make_figure, treatment_spans
from aftercar.report.trajectories_lines import COLOURS, SIDE_WIDTH, Line, rounded, span_layers

_NOTHING_LEFT = "#eef0f2"


def clone_figure(run: Trajectories, arm: Arm, suffix: str) -> Figure:
    """Draw the cells of every clone of one patient."""
    times = arm.data["time"].to_numpy()
    counts = {name: cells[0] for name, cells in count_clones(arm.data, run.course.structure).items()}
    shown = {name: cells for name, cells in counts.items() if np.nanmax(cells) >= 1.0}
    total = level_reader("tumour_total")(arm)[0]
    lines = [
        Line(name, pd.DataFrame({"day": times, "median": _above_one(cells)}), *_clone_look(number))
        for number, (name, cells) in enumerate({"all myeloma cells": total, **counts}.items())
        if number == 0 or name in shown
    ]
    missing = [name for name in counts if name not in shown]
    caption = "Myeloma cells by clone, both sites together. A line ends where less than one cell is left."
    if run.sets is not None:
        caption += " Parameters at the medians of the sets."
    if missing:
        caption += f" Never a whole cell: {'; '.join(missing)}."
    title = "Burden by clone" + (f" ({arm.name})" if suffix else "")
    return make_figure(run, f"clones{suffix}", title, caption, lines, quantity="tumour_total", y_title="myeloma cells",
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


def leading_figure(run: Trajectories, arm: Arm, suffix: str) -> Figure:
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
