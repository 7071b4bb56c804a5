"""Figures of `aftercar pool`: forest plot of any table of proportions, leave-one-out, cumulative, funnel."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import altair as alt
import pandas as pd

from aftercar.report import words
from aftercar.report._rows import PADDING, Rows, percent_scale, row_specs, side_width
from aftercar.report.figure import BLUE, INK, MUTED, PLOT_VIEW, SLATE, Figure, to_spec
from aftercar.report.sensitivity import known
from aftercar.synthesis.results import PooledProportion

_FUNNEL_HEIGHT = 300


def render_forest_table(
    table: pd.DataFrame, *, pooled: Mapping[str, PooledProportion], title: str, figure_id: str = "forest"
) -> Figure:
    """Draw one row per line of a table, and pooled estimates as diamonds below.

    Parameters
    ----------
    table
        Columns ``label, estimate, ci_lb, ci_ub`` as fractions of one, and as far as known ``events, total`` (then the
        squares grow with the total), ``k`` (as in leave-one-out and cumulative tables), ``group`` (a heading above the
        rows) and ``note``. Rows without an estimate keep their label and note.
    pooled
        Pooled estimates by name; the first is drawn strongest.
    title, figure_id
        Title, and the stem of the file name.
    """
    scale = percent_scale("proportion")
    spec, narrow_spec = row_specs(lambda rows: _draw(rows, table, pooled), scale)
    known_rows = [row for row in _records(table) if row["estimate"] is not None]
    summary = f"Forest plot of {title}: {words.plural(len(known_rows), 'row')}."
    for name, one in pooled.items():
        summary += f" Pooled ({name}): {words.pooled_text(one)} from {words.plural(one.k, 'cohort')}."
    return Figure(
        figure_id=figure_id,
        title=title,
        caption=(
            "Squares and lines: estimates with their intervals. Diamonds: pooled estimates with their intervals; "
            "thin line: where the true proportion of a new cohort would lie (prediction interval)."
        ),
        summary=summary,
        spec=spec,
        narrow_spec=narrow_spec,
        table=_table(table, pooled),
        side_width=side_width(),
    )


def render_funnel(table: pd.DataFrame, *, pooled: PooledProportion, title: str, figure_id: str = "funnel") -> Figure:
    """Draw cohorts' effects against their standard errors, with the region where 95% would lie without heterogeneity.

    Parameters
    ----------
    table
        Columns ``label, yi, sei``: effect on the scale of pooling and its standard error (> 0).
    pooled
        Its `coefficient` is the line in the middle; it must not be None.
    title, figure_id
        Title, and the stem of the file name.
    """
    if pooled.coefficient is None:
        raise ValueError("a funnel needs the pooled estimate on the scale of pooling; an exact estimate has none")
    middle = pooled.coefficient
    rows: list[dict[str, Any]] = [
        {"x": float(row["yi"]), "y": float(row["sei"]), "tip": str(row["label"])} for row in _records(table)
    ]
    deepest: float = max((row["y"] for row in rows), default=1.0) * 1.08
    spec = _funnel_spec(rows, middle, deepest, f"effect ({pooled.scale or 'logit'} scale)")
    return Figure(
        figure_id=figure_id,
        title=title,
        caption=(
            "Each point is a cohort: its effect on the scale of pooling against its standard error, large cohorts on "
            "top. Dashed: the pooled effect and the triangle in which 95% of cohorts would lie if all had the same "
            "true effect. A lopsided cloud hints at missing small cohorts; with few cohorts the eye sees patterns in "
            "chance."
        ),
        summary=f"Funnel plot of {words.plural(len(rows), 'cohort')} around a pooled effect of {middle:.2f}.",
        spec=spec,
        narrow_spec=spec,
        table=pd.DataFrame(
            [{"Cohort": row["tip"], "Effect": f"{row['x']:.3f}", "Standard error": f"{row['y']:.3f}"} for row in rows]
        ),
        side_width=60 + PADDING["right"],  # axis title and labels stand left of the plot
    )


def _funnel_spec(rows: list[dict[str, Any]], middle: float, deepest: float, title: str) -> dict[str, Any]:
    half = 1.96 * deepest
    values = [row["x"] for row in rows] + [middle - half, middle + half]
    x = alt.X("x:Q", title=title, scale=alt.Scale(domain=[min(values), max(values)], nice=True, zero=False))
    y = alt.Y("y:Q", title="standard error", scale=alt.Scale(domain=[0, deepest], reverse=True, nice=False))
    lines = [
        {"x": end, "y": depth, "line": name}
        for name, end in (("left", middle - half), ("middle", middle), ("right", middle + half))
        for end, depth in ((middle, 0.0), (end, deepest))
    ]
    funnel = alt.Chart(alt.NamedData(name="funnel")).mark_line(color=MUTED, strokeDash=[5, 4], strokeWidth=1.2)
    points = alt.Chart(alt.NamedData(name="points")).mark_point(filled=True, size=70, color=BLUE, opacity=0.85)
    layered = alt.layer(funnel.encode(x=x, y=y, detail="line:N"), points.encode(x=x, y=y, tooltip=alt.Tooltip("tip:N")))
    chart = layered.properties(name=PLOT_VIEW, width=420, height=_FUNNEL_HEIGHT, padding=PADDING)
    return to_spec(chart) | {"datasets": {"funnel": lines, "points": rows}}


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows with None for what is missing, and every column that the figure reads."""
    wanted = ("label", "estimate", "ci_lb", "ci_ub", "pi_lb", "pi_ub", "events", "total", "k", "group", "note")
    rows = []
    for record in table.to_dict("records"):
        row: dict[str, Any] = {str(key): value for key, value in record.items()}
        for name in wanted:
            value = row.get(name)
            row[name] = None if value is None or value != value else value
        rows.append(row)
    return rows


def _draw(rows: Rows, table: pd.DataFrame, pooled: Mapping[str, PooledProportion]) -> None:
    records = _records(table)
    counted = any(row["events"] is not None for row in records)
    # One line a row where its label says all; a second for the note where the estimate is missing.
    rows.label("", right="events/n" if counted else "[interval]", colour=MUTED)
    rows.rule()
    largest = max((float(row["total"]) for row in records if row["total"] is not None), default=1.0)
    group = None
    for row in records:
        if row["group"] is not None and row["group"] != group:
            group = row["group"]
            rows.label(str(group), bold=True)
        _draw_row(rows, row, largest)
    if pooled:
        rows.rule()
    for number, (name, one) in enumerate(pooled.items()):
        colour = BLUE if number == 0 else SLATE
        rows.label(f"Pooled, {name}", right=f"{one.events}/{one.total}", bold=number == 0)
        y = rows.band()
        tip = f"{name}: {words.pooled_text(one)}; new cohort: {words.span_text(one.pi_lb, one.pi_ub)}"
        if one.pi_lb is not None and one.pi_ub is not None:
            rows.span(one.pi_lb, one.pi_ub, y=y, thickness=1.2, colour=colour, tip=tip)
        rows.diamond(one.ci_lb, one.estimate, one.ci_ub, y=y, colour=colour, tip=tip)
        rows.right(words.pooled_text(one), y=y, bold=number == 0)
        rows.space(5)


def _draw_row(rows: Rows, row: Mapping[str, Any], largest: float) -> None:
    if row["events"] is not None and row["total"] is not None:
        right = f"{row['events']:.0f}/{row['total']:.0f}"
    else:
        right = "" if row["k"] is None else words.plural(int(row["k"]), "cohort")
    rows.label(str(row["label"]), right=right or " ")
    estimate, lower, upper = known(row["estimate"]), known(row["ci_lb"]), known(row["ci_ub"])
    if estimate is None:
        rows.label(str(row["note"] or "no estimate"), colour=MUTED)
        rows.space(5)
        return
    y = rows.band()
    tip = f"{row['label']}: {words.proportion(estimate, lower, upper)}"
    if lower is not None and upper is not None:
        rows.span(lower, upper, y=y, thickness=1.5, colour=INK, tip=tip)
    size = 70.0 if row["total"] is None else 28 + 162 * float(row["total"]) / largest
    rows.point(estimate, y=y, size=size, colour=BLUE, tip=tip)
    rows.right(words.proportion(estimate, lower, upper), y=y)
    rows.space(4)


def _table(table: pd.DataFrame, pooled: Mapping[str, PooledProportion]) -> pd.DataFrame:
    rows = []
    for row in _records(table):
        counts = row["events"] is not None and row["total"] is not None
        rows.append(
            {
                "Row": str(row["label"]),
                "Cohorts": words.dash(row["k"]),
                "Events/n": f"{row['events']:.0f}/{row['total']:.0f}" if counts else words.MISSING,
                "Proportion [interval]": words.proportion(*(known(row[key]) for key in ("estimate", "ci_lb", "ci_ub"))),
                "Prediction interval": words.interval(known(row["pi_lb"]), known(row["pi_ub"])) or words.MISSING,
            }
        )
    for name, one in pooled.items():
        rows.append(
            {
                "Row": f"Pooled: {name}",
                "Cohorts": str(one.k),
                "Events/n": f"{one.events}/{one.total}",
                "Proportion [interval]": words.pooled_text(one),
                "Prediction interval": words.prediction_text(one),
            }
        )
    return pd.DataFrame(rows)
