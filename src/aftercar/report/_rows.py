"""Figures made of rows: a label above each interval, texts in a column at the right.

Labels stand above, not beside, so that a figure keeps its font size at the width of a phone. Heights are counted
here in pixels from the top; only the width of the plot changes with the screen.
"""

from __future__ import annotations

import functools
import json
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import altair as alt

from aftercar.report.figure import GRID, INK, MUTED, PLOT_VIEW, TEXT_SIZE, to_spec

LINE = 16  # height of a line of text
BAND = 20  # height of a line that holds an interval
NARROW = (26, 42)  # characters that fit above the plot, and over plot and right column, at 360 px in a wide font
WIDE = (58, 82)  # the same at 580 px
SIDE = 120  # right column
MARK_STEP = 15  # from one mark of the right column to the next
MARK_GAP = 6  # between the rightmost mark and the others
TICK = 12  # half of the first tick's label, which stands out at the left
PADDING = {"left": 10, "right": 8, "top": 4, "bottom": 4}

Row = dict[str, Any]


@dataclass
class Rows:
    """What is drawn, collected from top to bottom; `y` is the height reached, `chars` how many letters fit."""

    chars: tuple[int, int] = WIDE
    y: float = 0.0
    labels: list[Row] = field(default_factory=list)
    keys: list[Row] = field(default_factory=list)
    side: list[Row] = field(default_factory=list)
    marks: list[Row] = field(default_factory=list)
    spans: list[Row] = field(default_factory=list)
    points: list[Row] = field(default_factory=list)
    corners: list[Row] = field(default_factory=list)
    bars: list[Row] = field(default_factory=list)
    rules: list[Row] = field(default_factory=list)

    def space(self, height: float) -> None:
        """Leave a gap."""
        self.y += height

    def label(
        self, text: str, *, right: str = "", bold: bool = False, colour: str = INK, short: bool = False, indent: int = 0
    ) -> None:
        """Write a label, wrapped, with a text at the right of its first line.

        A label without such a text runs over the right column, unless it is `short`.
        """
        first = self.y + LINE / 2
        for line in textwrap.wrap(text, self.chars[0] if right or short else self.chars[1]) or [""]:
            self.labels.append({"y": self.y + LINE / 2, "text": line, "bold": bold, "colour": colour, "indent": indent})
            self.y += LINE
        if right:
            self.right(right, y=first, colour=colour)

    def key(self, text: str, *, colour: str, shape: str) -> None:
        """Write a line of the legend: a sign and what it means."""
        self.keys.append({"y": self.y + LINE / 2, "colour": colour, "shape": shape})
        self.label(text, indent=16)

    def right(self, text: str, *, y: float, colour: str = INK, bold: bool = False) -> None:
        """Write at the right edge."""
        self.side.append({"y": y, "text": text, "colour": colour, "bold": bold, "indent": 0})

    def band(self, height: float = BAND) -> float:
        """Take a line for an interval and return its middle."""
        self.y += height
        return self.y - height / 2

    def span(self, lower: float, upper: float, *, y: float, thickness: float, colour: str, tip: str = "") -> None:
        """Draw an interval."""
        self.spans.append({"y": y, "x": lower, "x2": upper, "thickness": thickness, "colour": colour, "tip": tip})

    def point(
        self, x: float, *, y: float, size: float, colour: str, shape: str = "square", filled: bool = True, tip: str = ""
    ) -> None:
        """Draw a point; `size` is its area in square pixels."""
        fill = colour if filled else "#ffffff"
        self.points.append({"y": y, "x": x, "size": size, "shape": shape, "colour": colour, "fill": fill, "tip": tip})

    def diamond(self, lower: float, middle: float, upper: float, *, y: float, colour: str, tip: str = "") -> None:
        """Draw a pooled estimate as a diamond from limit to limit."""
        name = len(self.corners)
        for x, half in ((lower, 0.0), (middle, 6.5), (upper, 0.0)):
            self.corners.append({"x": x, "y": y - half, "y2": y + half, "name": name, "colour": colour, "tip": tip})

    def bar(self, x: float, *, y: float, thickness: float, colour: str, tip: str = "") -> None:
        """Draw a bar from zero."""
        half = thickness / 2
        self.bars.append({"y": y - half, "y2": y + half, "x": 0, "x2": x, "colour": colour, "tip": tip})

    def rule(self) -> None:
        """Draw a line across."""
        self.space(4)
        self.rules.append({"y": self.y})
        self.space(4)

    def mark(self, position: int, symbol: str, *, y: float, colour: str, tip: str) -> None:
        """Put a round mark with a symbol in the right column; position 0 is the rightmost."""
        self.marks.append({"y": y, "position": position, "text": symbol, "colour": colour, "tip": tip})


@dataclass(frozen=True, slots=True)
class Scale:
    """The horizontal axis: its domain, ticks and title, and how ticks are written (Vega expression of `datum`)."""

    lower: float
    upper: float
    title: str
    ticks: tuple[float, ...]
    label_expression: str = "datum.label"
    log: bool = False
    reference: float | None = None


PERCENT_TICKS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)


def percent_scale(title: str) -> Scale:
    """Return the axis of proportions, always 0 to 100%."""
    return Scale(0.0, 1.0, title, PERCENT_TICKS, "format(datum.value * 100, '.0f') + '%'")


def side_width(side: int = SIDE) -> int:
    """Return the pixels beside the plot."""
    return side + PADDING["left"] + PADDING["right"] + TICK


def row_specs(draw: Callable[[Rows], None], scale: Scale, *, side: int = SIDE) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the specifications for a wide and for a narrow screen: they differ in where labels wrap, no more."""
    specs = []
    for chars in (WIDE, NARROW):
        rows = Rows(chars)
        draw(rows)
        specs.append(_spec(rows, scale, side))
    return specs[0], specs[1]


def _spec(rows: Rows, scale: Scale, side: int) -> dict[str, Any]:
    datasets = _datasets(rows, scale, side)
    spec: dict[str, Any] = json.loads(_skeleton(tuple(datasets), scale, side))
    for panel in spec["hconcat"]:
        panel["height"] = rows.y + 4
    return spec | {"datasets": datasets}


def _datasets(rows: Rows, scale: Scale, side: int) -> dict[str, list[Row]]:
    """Return the data of each layer that is not empty; texts are parted by weight and indent, which no field sets."""
    datasets = {"frame": [{"x": scale.lower, "y": 0}], "rules": rows.rules, "bars": rows.bars, "spans": rows.spans,
                "corners": rows.corners, "points": rows.points, "keys": rows.keys}  # fmt: skip
    if scale.reference is not None:
        datasets["reference"] = [{"x": scale.reference}]
    for group, texts in (("label", rows.labels), ("side", rows.side)):
        for text in texts:
            name = f"{group} {'bold' if text['bold'] else 'normal'} {text['indent']}"
            datasets.setdefault(name, []).append({key: text[key] for key in ("y", "text", "colour")})
    # In pixels from the left of the column, so that one layer holds all marks.
    datasets["marks"] = [{**row, "x": side - _from_right(row["position"])} for row in rows.marks]
    return {name: values for name, values in sorted(datasets.items()) if values}


def _from_right(position: int) -> float:
    """Distance of a mark's middle from the right edge; the rightmost, which sums up the others, stands apart."""
    return MARK_STEP * (position + 0.5) + (MARK_GAP if position else 0)


@functools.lru_cache(maxsize=256)
def _skeleton(names: tuple[str, ...], scale: Scale, side: int) -> str:
    """Return the specification without data and heights, as JSON.

    Altair takes longer to assemble a figure than a browser to draw it, and most figures share their assembly. Its
    checks of every part would double the time; tests check the whole against the schema instead.
    """
    with alt.utils.schemapi.debug_mode(False):
        plot = alt.layer(*_plot_layers(names, scale)).properties(name=PLOT_VIEW, width=420)
        panels = [plot]
        beside = _side_layers(names, side)
        if beside:
            panels.append(alt.layer(*beside).properties(name="side", width=side))
        chart = alt.hconcat(*panels, spacing=0, bounds="flush", padding=PADDING)
        return json.dumps(to_spec(chart.resolve_scale(x="independent", y="independent")))


def _layer(name: str) -> alt.Chart:
    return alt.Chart(alt.NamedData(name=name))


def _raw(field_name: str) -> dict[str, Any]:
    return {"field": field_name, "type": "nominal", "scale": None}


# Heights are pixels already.
_Y: dict[str, Any] = {"type": "quantitative", "scale": None, "axis": None}


def _x(scale: Scale) -> alt.X:
    kind: Any = "log" if scale.log else "linear"
    return alt.X(
        "x:Q",
        scale=alt.Scale(type=kind, domain=[scale.lower, scale.upper], nice=False),
        axis=alt.Axis(
            title=scale.title, values=list(scale.ticks), labelExpr=scale.label_expression, grid=True, labelFlush=False,
            labelOverlap="greedy",
        ),
    )  # fmt: skip


def _plot_layers(names: Sequence[str], scale: Scale) -> list[alt.Chart]:
    x, y, x2, y2 = _x(scale), alt.Y("y", **_Y), alt.X2("x2:Q"), alt.Y2("y2:Q")
    tip, colour, fill = alt.Tooltip("tip:N"), alt.Color(**_raw("colour")), alt.Fill(**_raw("colour"))
    shape, size = alt.Shape(**_raw("shape")), alt.Size("size:Q", scale=None)
    width, detail = alt.StrokeWidth("thickness:Q", scale=None), alt.Detail("name:N")
    # From the back to the front; the frame holds the axes even where a figure has no data.
    layers = {
        "frame": _layer("frame").mark_point(opacity=0, tooltip=None).encode(x=x, y=y),
        "rules": _layer("rules").mark_rule(color=GRID, strokeWidth=1.5).encode(y=y),
        "reference": _layer("reference").mark_rule(color=MUTED, strokeDash=[4, 3]).encode(x=x),
        "bars": _layer("bars").mark_rect().encode(x=x, x2=x2, y=y, y2=y2, color=colour, tooltip=tip),
        "spans": _layer("spans").mark_rule().encode(x=x, x2=x2, y=y, strokeWidth=width, color=colour, tooltip=tip),
        "corners": _layer("corners")
        .mark_area(line=False)
        .encode(x=x, y=y, y2=y2, detail=detail, fill=fill, tooltip=tip),
        "points": _layer("points")
        .mark_point(strokeWidth=1.6, opacity=1)
        .encode(x=x, y=y, stroke=alt.Stroke(**_raw("colour")), fill=alt.Fill(**_raw("fill")), shape=shape, size=size,
                tooltip=tip),
        "keys": _layer("keys")
        .mark_point(filled=True, size=60, opacity=1)
        .encode(x=alt.value(6), y=y, shape=shape, color=colour),
    }  # fmt: skip
    return [layer for name, layer in layers.items() if name in names] + _texts(names, "label", 0, "left")


def _texts(names: Sequence[str], group: str, start: int, align: Any) -> list[alt.Chart]:
    layers = []
    for name in names:
        if not name.startswith(f"{group} "):
            continue
        _, weight, indent = name.split()
        text = _layer(name).mark_text(align=align, fontSize=TEXT_SIZE, fontWeight=weight)  # type: ignore[arg-type]
        x = alt.value(start + int(indent))
        layers.append(text.encode(x=x, y=alt.Y("y", **_Y), text=alt.Text("text:N"), color=alt.Color(**_raw("colour"))))
    return layers


def _side_layers(names: Sequence[str], side: int) -> list[alt.Chart]:
    layers = _texts(names, "side", side, "right")
    if "marks" in names:
        x, y = alt.X("x", type="quantitative", scale=None, axis=None), alt.Y("y", **_Y)
        tip = alt.Tooltip("tip:N")
        disc = _layer("marks").mark_point(shape="circle", size=150, strokeWidth=0, opacity=1)
        sign = _layer("marks").mark_text(align="center", fontSize=TEXT_SIZE, fontWeight="bold", color=INK)
        layers.append(disc.encode(x=x, y=y, fill=alt.Fill(**_raw("colour")), tooltip=tip))
        layers.append(sign.encode(x=x, y=y, text=alt.Text("text:N"), tooltip=tip))
    return layers
