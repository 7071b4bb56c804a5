"""The plane of agreement: observed across, simulated up, the diagonal between them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import altair as alt
import pandas as pd

from aftercar.report._labels import place_labels
from aftercar.report._rows import PADDING
from aftercar.report.figure import BLUE, GREY, INK, MUTED, SLATE, VERMILION, Figure, to_spec
from aftercar.report.trial_agreement_words import agreement_table, levels_text, point_tip

_WIDE, _NARROW = 560, 262  # pixels of the square
_TICKS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
# layer: limits of the interval, thickness
_SPANS: Mapping[str, tuple[str, str, float]] = {
    "across": ("observed_lb", "observed_ub", 2.2),
    "up": ("simulated_lb", "simulated_ub", 3.6),
    "open": ("parameters_lb", "parameters_ub", 1.2),
}


def plane_figure(rows: pd.DataFrame, name: str, *, levels: tuple[float, float], figure_id: str) -> Figure:
    """Draw the strategies that have a figure on both sides; `rows` are those of `agreement_rows`."""
    both = rows.dropna(subset=["observed", "simulated"])
    above = int((both["simulated"] > both["observed"]).sum())
    strategies = "1 strategy" if len(both) == 1 else f"{len(both)} strategies"
    summary = (
        f"Observed {name} against simulated {name} of {strategies}: simulated is higher in {above}, intervals do not "
        f"meet in {int(both['apart'].sum())}."
    )
    return Figure(
        figure_id=figure_id,
        title=f"{name}: observed against simulated",
        caption=(
            "Each point is a strategy, numbered as in the rows below. Across: observed, pooled over cohorts, with "
            "the interval of the strategy's mean. Up: simulated, thick by sampling alone, thin and dark over uncertain "
            f"parameters where the run has them. {levels_text(levels)} Dashed: equal. Orange diamonds: intervals that "
            "do not meet. Patients differ between the two sides: a gap may be either's fault."
        ),
        summary=summary,
        spec=_plane(both, name, _WIDE),
        narrow_spec=_plane(both, name, _NARROW),
        table=agreement_table(rows, name),
        side_width=0,
    )


def _plane(both: pd.DataFrame, name: str, size: int) -> dict[str, Any]:
    """Return the square; its width is fixed, so that numbers can be placed beside their points."""
    scale = alt.Scale(domain=[0, 1], nice=False)
    axis = alt.Axis(format="%", values=list(_TICKS), labelFlush=False)
    x = alt.X("x:Q", title=f"observed {name}", scale=scale, axis=axis)
    y = alt.Y("y:Q", title=f"simulated {name}", scale=scale, axis=axis)
    ends = alt.InlineData(values=[{"x": 0, "y": 0, "x2": 1, "y2": 1}])
    diagonal = alt.Chart(ends).mark_rule(color=GREY, strokeDash=[5, 4])
    diagonal = diagonal.encode(x=x, y=y, x2=alt.X2("x2:Q"), y2=alt.Y2("y2:Q"))
    layers = [diagonal, *_intervals(both, x, y), *_points(both, x, y, name, size)]
    return to_spec(alt.layer(*layers).properties(width=size, height=size, padding=PADDING))


def _intervals(both: pd.DataFrame, x: alt.X, y: alt.Y) -> list[Any]:
    layers = []
    colour = alt.Color("colour:N", scale=None)
    for key, (lower, upper, thickness) in _SPANS.items():
        values = [
            {"x": row["observed"], "y": row["simulated"], "low": row[lower], "high": row[upper],
             "colour": INK if key == "open" else VERMILION if row["apart"] else SLATE}
            for row in both.dropna(subset=[lower, upper]).to_dict("records")
        ]  # fmt: skip
        if not values:
            continue
        rule = alt.Chart(alt.InlineData(values=values)).mark_rule(
            strokeWidth=thickness, opacity=1.0 if key == "open" else 0.55
        )
        if key == "across":
            layers.append(rule.encode(x=alt.X("low:Q"), x2=alt.X2("high:Q"), y=y, color=colour))
        else:
            layers.append(rule.encode(x=x, y=alt.Y("low:Q"), y2=alt.Y2("high:Q"), color=colour))
    return layers


def _points(both: pd.DataFrame, x: alt.X, y: alt.Y, name: str, size: int) -> list[Any]:
    """Return points with their numbers, each beside its point with a line to it."""
    records = both.to_dict("records")
    pixels = [(row["observed"] * size, (1 - row["simulated"]) * size) for row in records]
    places = place_labels(pixels, [str(row["number"]) for row in records], size=size)
    values = [
        {"x": row["observed"], "y": row["simulated"], "lx": place[0] / size, "ly": 1 - place[1] / size,
         "text": str(row["number"]), "colour": VERMILION if row["apart"] else BLUE,
         "shape": "diamond" if row["apart"] else "circle", "tip": point_tip(row, name)}
        for row, place in zip(records, places, strict=True)
    ]  # fmt: skip
    base, beside = alt.Chart(alt.InlineData(values=values)), {"x": alt.X("lx:Q"), "y": alt.Y("ly:Q")}
    lead = base.mark_rule(strokeWidth=0.7, color=MUTED)
    lead = lead.encode(x=x, y=y, x2=alt.X2("lx:Q"), y2=alt.Y2("ly:Q"))
    point = base.mark_point(filled=True, size=80, opacity=1, stroke="#ffffff", strokeWidth=0.8).encode(
        x=x, y=y, fill=alt.Fill("colour:N", scale=None), shape=alt.Shape("shape:N", scale=None),
        tooltip=alt.Tooltip("tip:N"),
    )  # fmt: skip
    # White behind the number, so that lines of neighbours do not cross it.
    ground = base.mark_point(shape="circle", size=190, filled=True, color="#ffffff", opacity=0.85, tooltip=None)
    number = base.mark_text(fontSize=11, fontWeight="bold")
    number = number.encode(**beside, text=alt.Text("text:N"), color=alt.Color("colour:N", scale=None))
    return [lead, point, ground.encode(**beside), number]
