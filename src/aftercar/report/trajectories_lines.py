"""One drawing for all trajectories: lines over time with ranges, guides, and treatments above the plot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from aftercar.report._rows import PADDING
from aftercar.report.figure import (
    BLACK,
    BLUE,
    GREEN,
    GREY,
    INK,
    MUTED,
    ORANGE,
    PLOT_VIEW,
    PURPLE,
    SKY,
    SLATE,
    VERMILION,
    to_spec,
)

COLOURS = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, BLACK, SLATE)
_DASHES = ([1, 0], [6, 3], [2, 2])
_ROW, _BAR = 19, 15  # pixels of a treatment above the plot
_MOST_POINTS = 240
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
SIDE_WIDTH = 66 + PADDING["right"]  # axis title and labels stand left of the plot


@dataclass(frozen=True)
class Line:
    """One line: `table` has the columns day and median, and for ranges over patients q05, q25, q75, q95, for those over
    parameter sets parameters_lb, parameters_ub."""

    name: str
    table: pd.DataFrame
    colour: str
    dashed: int = 0


@dataclass(frozen=True, slots=True)
class Guide:
    """A level to compare with, drawn across the plot; its name stands at the right end, or at the left."""

    level: float
    name: str
    at_left: bool = False


@dataclass(frozen=True, slots=True)
class Span:
    """A treatment on the axis of time."""

    name: str
    first: float
    last: float


def line_specs(
    lines: Sequence[Line],
    *,
    y_title: str,
    floor: float | None = None,
    guides: Sequence[Guide] = (),
    spans: Sequence[Span] = (),
    days: tuple[float, float],
    left_out: Sequence[float] = (),
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the specifications for wide and for narrow screens.

    Parameters
    ----------
    floor
        Gives a log scale, at whose foot smaller values are drawn; without it the scale is linear from 0.
    left_out
        Days of the tables that are not drawn.
    """
    kept = [thinned(line.table[~line.table["day"].isin(left_out)], floor) for line in lines]
    rows: list[dict[str, Any]] = [
        {"line": line.name} | {str(k): rounded(v) for k, v in row.items()}
        for line, table in zip(lines, kept, strict=True)
        for row in table.to_dict("records")
    ]
    highest = ("median", "q95", "parameters_ub")
    levels: list[float] = [row[k] for row in rows for k in highest if row.get(k) is not None]
    top = max([*levels, *(g.level for g in guides)], default=1.0)
    return tuple(  # type: ignore[return-value]
        _spec(lines, rows, _y_axis(y_title, floor, top, height), guides, spans, days, height=height, columns=columns)
        for height, columns in ((260, 2), (230, 1))
    )


def _spec(
    lines: Sequence[Line], rows: list[dict[str, Any]], y: dict[str, Any], guides: Sequence[Guide],
    spans: Sequence[Span], days: tuple[float, float], *, height: int, columns: int,
) -> dict[str, Any]:  # fmt: skip
    scale = alt.Scale(domain=list(days), nice=False)
    x = alt.X("day:Q", title="days", scale=scale, axis=alt.Axis(grid=False, tickCount=8 if columns > 1 else 5))
    layers: list[Any] = [*_bands(lines, x, y), *_edges_of_sets(lines, x, y), _curves(lines, x, y, columns)]
    layers += [layer for one in guides for layer in _guide(one, y, days)]
    layers += span_layers(spans, days, height)
    chart = alt.layer(*layers).properties(name=PLOT_VIEW, width=420, height=height, padding=PADDING)
    spec = to_spec(chart)  # the small tables of guides and treatments stand under `datasets` already
    return spec | {"datasets": {**spec.get("datasets", {}), "lines": rows}}


def _y_axis(title: str, floor: float | None, top: float, height: int) -> dict[str, Any]:
    if floor is None:
        return {"title": title, "scale": alt.Scale(domain=[0, top * 1.05 or 1.0], nice=True)}
    low = int(np.floor(np.log10(floor)))
    high = max(int(np.ceil(np.log10(max(top, floor)) - 1e-9)), low + 1)
    step = max(1, -(-(high - low) * 22 // height))
    ticks = [10.0**k for k in range(low, high + 1, step)]
    labels = [f"10{str(k).translate(_SUPERSCRIPTS)}" for k in range(low, high + 1)]
    words = "[" + ",".join(f"'{label}'" for label in labels) + "]"
    axis = alt.Axis(values=ticks, labelExpr=f"{words}[round(log(datum.value) / LN10) - ({low})]")
    return {"title": title, "axis": axis, "scale": alt.Scale(type="log", domain=[10.0**low, 10.0**high])}


_LONG_NAME = 42  # letters of a legend that still fit beside another on a screen


def _colour(lines: Sequence[Line], *, columns: int) -> dict[str, Any]:
    names = [line.name for line in lines]
    legend = None
    if len(lines) > 1:
        one_each = columns > 1 and max(map(len, names)) > _LONG_NAME
        legend = alt.Legend(
            orient="bottom", title=None, columns=1 if one_each else columns, labelLimit=600 if one_each else 300,
            symbolType="stroke", symbolStrokeWidth=2.5, symbolSize=300, labelFontSize=11,
        )  # fmt: skip
    colours = alt.Scale(domain=names, range=[line.colour for line in lines])
    dashes = alt.Scale(domain=names, range=[_DASHES[line.dashed] for line in lines])
    return {
        "color": alt.Color("line:N", scale=colours, legend=legend),
        "strokeDash": alt.StrokeDash("line:N", scale=dashes, legend=legend),
    }


def _curves(lines: Sequence[Line], x: alt.X, y: dict[str, Any], columns: int) -> Any:
    base = alt.Chart(alt.NamedData(name="lines"))
    drawn = base.mark_line(strokeWidth=2, interpolate="linear", clip=True)
    return drawn.encode(x=x, y=alt.Y("median:Q", **y), **_colour(lines, columns=columns))


def _bands(lines: Sequence[Line], x: alt.X, y: dict[str, Any]) -> list[Any]:
    """Draw the ranges, each in the colour of its line; without a scale of their own, which would take the legend."""
    bands = []
    for lower, upper, opacity in (("q05", "q95", 0.13), ("q25", "q75", 0.22), ("parameters_lb", "parameters_ub", 0.13)):
        for line in lines:
            # Over the patients' bands, that of the sets has its edges alone.
            if lower in line.table and not (lower.startswith("parameters") and "q05" in line.table):
                area = _own(line).mark_area(opacity=opacity, clip=True, color=line.colour)
                bands.append(area.encode(x=x, y=alt.Y(f"{lower}:Q", **y), y2=alt.Y2(f"{upper}:Q")))
    return bands


def _edges_of_sets(lines: Sequence[Line], x: alt.X, y: dict[str, Any]) -> list[Any]:
    """Draw both ends of the ranges over parameter sets, dotted, so that they are told from ranges over patients."""
    return [
        _own(line)
        .mark_line(strokeWidth=1.2, strokeDash=[1.5, 2.5], clip=True, color=line.colour)
        .encode(x=x, y=alt.Y(f"{end}:Q", **y))
        for line in lines
        if "parameters_lb" in line.table and line.table["parameters_lb"].notna().any()
        for end in ("parameters_lb", "parameters_ub")
    ]


def _own(line: Line) -> alt.Chart:
    """Return a chart of the rows of one line."""
    chart = alt.Chart(alt.NamedData(name="lines"))
    return chart.transform_filter(alt.FieldEqualPredicate(field="line", equal=line.name))


def _guide(one: Guide, y: dict[str, Any], days: tuple[float, float]) -> list[Any]:
    ends = alt.InlineData(values=[{"day": days[0], "end": days[1], "median": rounded(one.level), "text": one.name}])
    base, level = alt.Chart(ends), alt.Y("median:Q", **y)
    rule = base.mark_rule(color=MUTED, strokeDash=[4, 4], strokeWidth=1)
    rule = rule.encode(x=alt.X("day:Q"), x2=alt.X2("end:Q"), y=level)
    name = base.mark_text(
        align="left" if one.at_left else "right", baseline="bottom", dx=4 if one.at_left else 0, dy=-2, color=MUTED,
        fontSize=11,
    )  # fmt: skip
    return [rule, name.encode(x=alt.X("day:Q" if one.at_left else "end:Q"), y=level, text=alt.Text("text:N"))]


def span_layers(spans: Sequence[Span], days: tuple[float, float], height: int) -> list[Any]:
    """Return the treatments, each in a row of its own above the plot."""
    return [layer for k, one in enumerate(spans) for layer in _span(one, k - len(spans), days, height)]


def _span(one: Span, row: int, days: tuple[float, float], height: int) -> list[Any]:
    """Draw a treatment `row` rows above the plot (-1 is the nearest), and its first day through the plot."""
    first, last = max(one.first, days[0]), min(max(one.last, one.first), days[1])
    late = (first - days[0]) > 0.55 * (days[1] - days[0])
    place = row * _ROW
    values = alt.InlineData(values=[{"day": first, "last": last, "text": one.name}])
    base, day = alt.Chart(values), alt.X("day:Q")  # channels ready made: Altair is slow to guess them
    bar = base.mark_bar(color="#dbe3ea", cornerRadius=2, stroke=GREY, strokeWidth=0.8)
    bar = bar.encode(x=day, x2=alt.X2("last:Q"), **_pixels(place, place + _BAR))
    name = base.mark_text(align="right" if late else "left", baseline="middle", dx=-5 if late else 5, color=INK)
    name = name.encode(x=day, **_pixels(place + _BAR / 2), text=alt.Text("text:N"))
    rule = base.mark_rule(color=GREY, strokeWidth=0.8, strokeDash=[2, 3])
    return [bar, rule.encode(x=day, **_pixels(place + _BAR, height)), name]


def _pixels(y: float, y2: float | None = None) -> dict[str, Any]:
    """Return the channels of a fixed height, in pixels from the top of the plot."""
    channels = {"y": alt.YValue(y)}  # type: ignore[no-untyped-call]
    return channels if y2 is None else channels | {"y2": alt.Y2Value(y2)}  # type: ignore[no-untyped-call]


def thinned(table: pd.DataFrame, floor: float | None) -> pd.DataFrame:
    """Return at most a few hundred rows, dense where the line bends most; on a log scale nothing below its foot."""
    if floor is not None:
        table = table.copy()
        levels = [c for c in table.columns if c not in {"day", "patients"}]
        table[levels] = table[levels].clip(lower=floor)
    if len(table) <= _MOST_POINTS:
        return table
    y = table["median"].to_numpy(dtype=np.float64)
    scaled = np.log10(y) if floor is not None else y
    spread = float(np.nanmax(scaled) - np.nanmin(scaled)) or 1.0
    day = table["day"].to_numpy(dtype=np.float64)
    steps = np.hypot(np.diff(day) / (day[-1] - day[0]), np.nan_to_num(np.diff(scaled)) / spread)
    length = np.concatenate([[0.0], np.cumsum(steps)])
    chosen = np.unique(np.searchsorted(length, np.linspace(0.0, length[-1], _MOST_POINTS)))
    return table.iloc[np.union1d(chosen, [0, len(table) - 1])]


def rounded(value: Any) -> float | None:
    """Return a number to five digits, None where it is missing."""
    return float(f"{value:.5g}") if np.isfinite(value) else None
