"""Kaplan-Meier curves of a virtual trial, with numbers at risk below the axis. Simulated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from aftercar.report import words
from aftercar.report._rows import PADDING
from aftercar.report.figure import AXIS_TEXT_SIZE, INK, MUTED, Choice, Figure
from aftercar.report.trajectories_lines import rounded
from aftercar.report.trial_looks import arm_look, choose_arms, month_ticks, sized_chart, to_months, with_choices
from aftercar.synthesis import SurvivalCurve, fit_kaplan_meier, median_survival

NAMES = {
    "PFS": "progression-free survival",
    "OS": "overall survival",
    "DOR": "duration of response",
    "TTNT": "time to next treatment",
    "PFS2": "time to second progression or death",
}
_HEIGHT = 280
_HEAD, _FIRST, _ROW, _NUMBERS = 56, 76, 38, 16  # pixels below the plot: heading, first arm, from arm to arm, numbers
_LEAST_FALL = 0.004  # a smaller step of a curve cannot be seen
_MOST_TICKS = 60
_SIDE = 68 + PADDING["right"]


@dataclass(frozen=True, slots=True)
class Curves:
    """What the figure draws, by the arm's number `a`; times in months.

    Attributes
    ----------
    steps
        Columns a, t, s, and lb, ub of the interval.
    ticks
        Columns a, t, s: who was censored, at most a few dozen places an arm.
    at_risk
        Columns a, t, n: patients whose time is not shorter than t.
    arms
        Columns a, arm, n, events, median, ci_lb, ci_ub; a median that is not reached is NaN.
    """

    steps: pd.DataFrame
    ticks: pd.DataFrame
    at_risk: pd.DataFrame
    arms: pd.DataFrame


def trace_curves(records: pd.DataFrame, arms: Sequence[str], *, level: float) -> Curves:
    """Return the curves of the arms that have a patient.

    Parameters
    ----------
    records
        Columns arm, patient, duration [day], event.
    """
    end = float(to_months(records["duration"].max())) if len(records) else 1.0
    parts: list[tuple[pd.DataFrame, ...]] = []
    for number, arm in enumerate(arms):
        own = records[records["arm"] == arm]
        if own.empty:
            continue
        duration = to_months(own["duration"].to_numpy(dtype=np.float64))
        curve = fit_kaplan_meier(duration, own["event"].to_numpy(dtype=bool), conf_type="log-log", level=level)
        found = (_steps(curve), _ticks(curve), _at_risk(curve, month_ticks(end)), _row(curve, arm))
        parts.append(tuple(frame.assign(a=number) for frame in found))
    if not parts:
        columns = (["a", "t", "s", "lb", "ub"], ["a", "t", "s"], ["a", "t", "n"],
                   ["a", "arm", "n", "events", "median", "ci_lb", "ci_ub"])  # fmt: skip
        return Curves(*(pd.DataFrame(columns=names) for names in columns))
    return Curves(*(pd.concat(frames, ignore_index=True) for frames in zip(*parts, strict=True)))


def survival_figure(
    measure: str, records: pd.DataFrame, arms: Sequence[str], *, since: str, level: float = 0.90
) -> Figure:
    """Draw the curves of an endpoint.

    Parameters
    ----------
    records
        Columns arm, patient, duration [day], event.
    arms
        All arms in their order, so that each keeps its look in every figure.
    since
        What time is counted from, for the axis: ``first day of treatment``.
    """
    curves = trace_curves(records, arms, level=level)
    name = NAMES.get(measure, measure)
    choices = (choose_arms(arms), Choice("bands", f"{words.level_text(level)} confidence bands"))
    datasets = {
        key: [
            {str(column): _short(value) for column, value in row.items()} for row in frame.to_dict("records")
        ]
        for key, frame in (("steps", curves.steps), ("ticks", curves.ticks), ("risk", curves.at_risk),
                           ("heads", _heads(curves.arms)))
    }  # fmt: skip
    specs = [
        with_choices(_spec(measure, since, curves, len(arms), limit=limit), choices, datasets) for limit in (440, 155)
    ]
    return Figure(
        figure_id=f"survival-{measure.lower()}",
        title=f"{words.headline(name)} ({measure}) by arm, simulated",
        caption=(
            f"Simulated {name}, Kaplan-Meier, in months from {since}. Short upright strokes: censored patients (one "
            "stroke may stand for several). Below: how many were still under observation and without the event; at the "
            "right, events/patients and the median in months. "
            f"Bands, where chosen: {words.level_text(level)}, sampling alone."
        ),
        summary=_summary(measure, curves),
        spec=specs[0], narrow_spec=specs[1], table=survival_table(curves), side_width=_SIDE, choices=choices,
    )  # fmt: skip


def survival_table(curves: Curves) -> pd.DataFrame:
    """Return numbers at risk and medians as a table for readers."""
    rows = []
    for row in curves.arms.to_dict("records"):
        cells = {
            "Arm": row["arm"],
            "Patients": str(row["n"]),
            "Events": str(row["events"]),
            "Median, months": _median(row),
        }
        own = curves.at_risk[curves.at_risk["a"] == row["a"]]
        at = dict(zip(own["t"], own["n"], strict=True))
        rows.append(cells | {f"At risk at {t:g} months": str(n) for t, n in at.items()})
    return pd.DataFrame(rows)


def _steps(curve: SurvivalCurve) -> pd.DataFrame:
    """Return the curve from 1 at time 0 to the last observation, without falls too small to be seen."""
    kept = [0]
    survival = np.concatenate([[1.0], curve.survival])
    for k in range(1, len(survival)):
        if survival[kept[-1]] - survival[k] >= _LEAST_FALL or k == len(survival) - 1:
            kept.append(k)
    frame = pd.DataFrame(
        {name: np.concatenate([[start], values]) for name, start, values in (
            ("t", 0.0, curve.time), ("s", 1.0, curve.survival), ("lb", 1.0, curve.ci_lb), ("ub", 1.0, curve.ci_ub))}
    )  # fmt: skip
    return frame.iloc[kept]


def _ticks(curve: SurvivalCurve) -> pd.DataFrame:
    there = np.flatnonzero(curve.censored)
    if len(there) > _MOST_TICKS:
        there = there[np.unique(np.linspace(0, len(there) - 1, _MOST_TICKS).round().astype(int))]
    return pd.DataFrame({"t": curve.time[there], "s": curve.survival[there]})


def _at_risk(curve: SurvivalCurve, times: Sequence[float]) -> pd.DataFrame:
    following = np.searchsorted(curve.time, times, side="left")
    return pd.DataFrame({"t": times, "n": np.append(curve.at_risk, 0)[following]})


def _row(curve: SurvivalCurve, arm: str) -> pd.DataFrame:
    median = median_survival(curve)
    limits = [np.nan if x is None else x for x in (median.estimate, median.ci_lb, median.ci_ub)]
    return pd.DataFrame(
        [[arm, curve.n, curve.n_events, *limits]], columns=["arm", "n", "events", "median", "ci_lb", "ci_ub"]
    )


def _heads(arms: pd.DataFrame) -> pd.DataFrame:
    def counts(row: Any) -> str:
        middle = "not reached" if np.isnan(row["median"]) else f"{row['median']:.1f}"
        return f"{row['events']}/{row['n']}, {middle}"

    texts = [counts(row) for row in arms.to_dict("records")]
    return pd.DataFrame({"a": arms["a"], "text": arms["arm"], "counts": texts})


def _median(row: Any) -> str:
    if np.isnan(row["median"]):
        low = "" if np.isnan(row["ci_lb"]) else f" [{row['ci_lb']:.1f}, NR]"
        return f"not reached{low}"
    return words.months(row["median"], *(None if np.isnan(row[k]) else row[k] for k in ("ci_lb", "ci_ub")))


def _summary(measure: str, curves: Curves) -> str:
    parts = [f"Kaplan-Meier curves of simulated {measure} for {words.plural(len(curves.arms), 'arm')}."]
    for row in curves.arms.head(6).to_dict("records"):
        parts.append(f"{row['arm']}: {row['events']} events of {row['n']}, median {_median(row)}.")
    return " ".join(parts)


def _short(value: Any) -> Any:
    if isinstance(value, str):
        return value
    return int(value) if isinstance(value, int | np.integer) else rounded(value)


def _spec(measure: str, since: str, curves: Curves, arms: int, *, limit: int) -> dict[str, Any]:
    end = float(curves.steps["t"].max()) if len(curves.steps) else 1.0
    looks = [arm_look(number) for number in range(arms)]
    colour = alt.Color("a:N", scale=alt.Scale(domain=list(range(arms)), range=[c for c, _ in looks]), legend=None)
    dash = alt.StrokeDash("a:N", scale=alt.Scale(domain=list(range(arms)), range=[d for _, d in looks]), legend=None)
    x = alt.X(
        "t:Q", title=f"months from {since}", scale=alt.Scale(domain=[0, end * 1.01], nice=False),
        axis=alt.Axis(values=month_ticks(end), grid=False, labelFlush=False),
    )  # fmt: skip
    share: dict[str, Any] = {"title": f"{measure}, simulated", "scale": alt.Scale(domain=[0, 1])}
    y = alt.Y("s:Q", **share, axis=alt.Axis(format="%", tickCount=5))
    steps = _shown("steps")
    band = steps.transform_filter("bands && isValid(datum.lb)").mark_area(
        opacity=0.16, interpolate="step-after", line=False
    )
    layers = [
        band.encode(x=x, y=alt.Y("lb:Q", **share), y2=alt.Y2("ub:Q"), color=colour),
        steps.mark_line(interpolate="step-after", strokeWidth=2, strokeJoin="miter").encode(
            x=x, y=y, color=colour, strokeDash=dash
        ),
        _shown("ticks").mark_tick(orient="vertical", size=9, thickness=1.4, opacity=1).encode(x=x, y=y, color=colour),
        *_table_layers(x, colour, dash, limit),
    ]
    return sized_chart(alt.layer(*layers), height=_HEIGHT)


def _shown(name: str) -> alt.Chart:
    return alt.Chart(alt.NamedData(name=name)).transform_filter("indexof(shown, datum.a) >= 0")


def _table_layers(x: alt.X, colour: alt.Color, dash: alt.StrokeDash, limit: int) -> list[Any]:
    """Return the arms and their numbers at risk; heights below the plot are written on its scale, from 0 downwards."""

    def placed(name: str, offset: int) -> Any:
        row = f"-({_FIRST + offset} + {_ROW} * indexof(shown, datum.a)) / {_HEIGHT}"
        return _shown(name).transform_calculate(y=row)

    y, at_left = alt.Y("y:Q"), alt.XDatum(0)
    titles = {"y": -_HEAD / _HEIGHT, "text": "At risk", "counts": "events/patients, median"}
    heading = alt.Chart(alt.InlineData(values=[titles]))
    ends = {"x": alt.XValue(-24), "x2": alt.X2Value(-2)}  # type: ignore[no-untyped-call]
    at_right = alt.XValue("width")  # type: ignore[no-untyped-call]
    layers = [
        placed("heads", 0).mark_rule(strokeWidth=2.5).encode(**ends, y=y, color=colour, strokeDash=dash),
        placed("risk", _NUMBERS).mark_text(fontSize=AXIS_TEXT_SIZE, color=INK).encode(x=x, y=y, text=alt.Text("n:Q")),
    ]
    for rows, ink, dx in ((heading, MUTED, -24), (placed("heads", 0), INK, 4)):
        name = rows.mark_text(align="left", fontSize=AXIS_TEXT_SIZE, limit=limit, dx=dx, color=ink)
        counts = rows.mark_text(align="right", fontSize=AXIS_TEXT_SIZE, color=ink)
        layers.append(name.encode(x=at_left, y=y, text=alt.Text("text:N")))
        layers.append(counts.encode(x=at_right, y=y, text=alt.Text("counts:N")))
    return layers
