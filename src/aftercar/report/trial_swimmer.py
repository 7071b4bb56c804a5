"""Swimmer plot of a virtual trial: one bar per patient, coloured by what visits establish. Simulated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from aftercar.report._rows import PADDING
from aftercar.report.figure import BLACK, Figure
from aftercar.report.trajectories_lines import rounded
from aftercar.report.trial_looks import (
    NOT_GRADED,
    RESPONSE_COLOURS,
    SEGMENT_EDGE,
    arm_names,
    bottom_legend,
    choose_one,
    month_ticks,
    sized_chart,
    spread_over,
    to_months,
    with_choices,
)
from aftercar.trials.tables import TrialTables

MOST_PATIENTS = 30
WAITING, BETWEEN, LATER = "not (yet) treated", "off treatment", "next line"
UNDER = "under treatment"  # where a run kept no visits
_COLOURS: Mapping[str, str] = {
    **RESPONSE_COLOURS, UNDER: "#56b4e9", LATER: "#cc79a7", WAITING: "#ffffff", BETWEEN: "#e4e7ea",
}  # fmt: skip
# mark: shape, fill
_MARKS: Mapping[str, tuple[str, str]] = {
    "CAR-T infused": ("triangle-up", "#ffffff"), "next line": ("diamond", "#ffffff"),
    "progression": ("triangle-down", BLACK), "death": ("cross", BLACK), "drop-out": ("circle", "#ffffff"),
    "under observation": ("triangle-right", BLACK),
}  # fmt: skip
_BAR_STEP = 17
_SIDE = 36 + PADDING["right"]


def swimmer_frames(tables: TrialTables, *, most: int = MOST_PATIENTS) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return segments and marks of at most `most` patients of each arm, evenly spread over all by time.

    Segments: columns a (number of the arm), patient, row (1 is the longest), start, end [day], status. Marks: a,
    patient, row, day, mark. Days count from entry.
    """
    segments: list[tuple[Any, ...]] = []
    marks: list[tuple[Any, ...]] = []
    graded, infused = _graded_visits(tables), _infusions(tables)
    lines = {key: own for key, own in tables.lines[tables.lines["start_day"].notna()].groupby(["arm", "patient"])}
    for number, arm in enumerate(arm_names(tables)):
        own = tables.outcomes[tables.outcomes["arm"] == arm]
        own = own.sort_values(["end_day", "progression_day", "patient"], ascending=[False, False, True])
        for row, patient in enumerate(own.iloc[spread_over(len(own), most)].to_dict("records"), start=1):
            key = (arm, patient["patient"])
            head = (number, patient["patient"], row)
            found = _segments(patient, lines.get(key), graded.get(key), kept=bool(graded))
            segments += [(*head, *one) for one in found]
            marks += [(*head, *one) for one in _marks(patient, infused.get(key, []))]
    return (
        pd.DataFrame(segments, columns=["a", "patient", "row", "start", "end", "status"]),
        pd.DataFrame(marks, columns=["a", "patient", "row", "day", "mark"]),
    )


def swimmer_figure(tables: TrialTables) -> Figure:
    """Draw the patients of one arm at a time."""
    arms = arm_names(tables)
    segments, marks = swimmer_frames(tables)
    by_line = tables.visits.empty
    choices = (choose_one(arms),)
    datasets = {
        "segments": _rows(segments, ("start", "end"), ("a", "row", "patient", "status")),
        "marks": _rows(marks, ("day",), ("a", "row", "mark")),
    }
    end = float(to_months(tables.outcomes["end_day"].max())) if len(tables.outcomes) else 1.0
    present = [set(segments["status"]), set(marks["mark"])]
    specs = [with_choices(_spec(present, end, columns=n), choices, datasets) for n in (4, 2)]
    counts = tables.outcomes.groupby("arm", sort=False)["patient"].size()
    some = (
        f" At most {MOST_PATIENTS} patients an arm are drawn, evenly spread over all from the longest to the shortest."
    )
    return Figure(
        figure_id="swimmer",
        title="Patients one by one, simulated",
        caption=(
            "Simulated courses, one bar per virtual patient, in months from entry (the visit that confirmed "
            "progression after the first treatment). "
            + ("Colours: the line of treatment; this run kept no visits." if by_line else
               "Colours: the confirmed response as of each visit, under the first and under later lines.")
            + (some if counts.max() > MOST_PATIENTS else "")
        ),
        summary=_summary(tables, arms),
        spec=specs[0], narrow_spec=specs[1], table=_table(tables, segments, arms), side_width=_SIDE, choices=choices,
    )  # fmt: skip


def _graded_visits(tables: TrialTables) -> dict[tuple[str, Any], pd.DataFrame]:
    """Return visits that established something, by arm and patient."""
    visits = tables.visits
    known = visits[visits["confirmed_response"].isin([*RESPONSE_COLOURS])]
    return {key: own.sort_values("day") for key, own in known.groupby(["arm", "patient"])}  # type: ignore[misc]


def _infusions(tables: TrialTables) -> dict[tuple[str, Any], list[float]]:
    cells = tables.doses[tables.doses["unit"].isin(["cell", "cell/kg"])]
    return {key: sorted(set(own["day"])) for key, own in cells.groupby(["arm", "patient"])}  # type: ignore[misc]


def _segments(
    patient: Mapping[Any, Any], lines: pd.DataFrame | None, graded: pd.DataFrame | None, *, kept: bool
) -> list[tuple[float, float, str]]:
    """Return what holds from when to when: a status holds until the next is known, a line until the next begins."""
    changes: list[tuple[float, str]] = [(0.0, WAITING)]
    for line in [] if lines is None else lines.sort_values("line").to_dict("records"):
        if not kept:
            changes.append((line["start_day"], UNDER if line["line"] == 1 else LATER))
            changes.append((line["end_day"], BETWEEN))
            continue
        changes.append((line["start_day"], NOT_GRADED))
        if graded is not None:
            own = graded[(graded["line"] == line["line"]) & (graded["day"] >= line["start_day"])]
            changes += list(zip(own["day"], own["confirmed_response"], strict=True))
    found: list[tuple[float, float, str]] = []
    ends = [day for day, _ in changes[1:]] + [float(patient["end_day"])]
    for (start, status), end in zip(changes, ends, strict=True):
        end = min(end, float(patient["end_day"]))
        if end <= start:
            continue
        if found and found[-1][2] == status and found[-1][1] == start:
            found[-1] = (found[-1][0], end, status)
        else:
            found.append((start, end, status))
    return found or [(0.0, float(patient["end_day"]), WAITING)]  # gone on the day of entry


def _marks(patient: Mapping[Any, Any], infused: Sequence[float]) -> list[tuple[float, str]]:
    days = [(patient["progression_day"], "progression"), (patient["second_progression_day"], "progression"),
            (patient["next_treatment_day"], "next line"), (patient["death_day"], "death"),
            (patient["drop_out_day"], "drop-out")]  # fmt: skip
    found = [(float(day), mark) for day, mark in days if pd.notna(day)]
    found += [(float(day), "CAR-T infused") for day in infused]
    if pd.isna(patient["death_day"]) and pd.isna(patient["drop_out_day"]):
        found.append((float(patient["end_day"]), "under observation"))
    return found


def _rows(frame: pd.DataFrame, days: Sequence[str], others: Sequence[str]) -> list[dict[str, Any]]:
    """Return rows with days as months, ready for a specification."""
    months = {name: to_months(frame[name].to_numpy(dtype=np.float64)) for name in days}
    columns = {name: [rounded(v) for v in values] for name, values in months.items()}
    columns |= {name: frame[name].tolist() for name in others}
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _spec(present: Sequence[set[str]], end: float, *, columns: int) -> dict[str, Any]:
    statuses = [name for name in _COLOURS if name in present[0]]
    names = [name for name in _MARKS if name in present[1]]
    fills = alt.Scale(domain=statuses, range=[_COLOURS[name] for name in statuses])
    legend = bottom_legend(columns, symbolType="square", symbolStrokeColor=SEGMENT_EDGE, symbolStrokeWidth=0.6)
    scale = alt.Scale(domain=[0, end * 1.02], nice=False)
    axis = alt.Axis(values=month_ticks(end), labelFlush=False)
    y = alt.Y("row:O", title="virtual patient", axis=alt.Axis(labels=False, ticks=False), sort="ascending")
    one = "datum.a === one"
    bars = alt.Chart(alt.NamedData(name="segments")).transform_filter(one)
    bars = bars.mark_bar(size=_BAR_STEP - 5, stroke=SEGMENT_EDGE, strokeWidth=0.4).encode(
        x=alt.X("start:Q", title="months from entry, simulated", scale=scale, axis=axis), x2=alt.X2("end:Q"), y=y,
        color=alt.Color("status:N", scale=fills, legend=legend),
        tooltip=[alt.Tooltip("patient:N"), alt.Tooltip("status:N")],
    )  # fmt: skip
    points = alt.Chart(alt.NamedData(name="marks")).transform_filter(one)
    points = points.mark_point(size=62, filled=True, stroke=BLACK, strokeWidth=0.9, opacity=1).encode(
        x=alt.X("day:Q", scale=scale), y=y,
        shape=alt.Shape(
            "mark:N", scale=alt.Scale(domain=names, range=[_MARKS[name][0] for name in names]),
            legend=bottom_legend(columns),
        ),
        fill=alt.Fill(
            "mark:N", scale=alt.Scale(domain=names, range=[_MARKS[name][1] for name in names]),
            legend=bottom_legend(columns, symbolStrokeColor=BLACK),
        ),
    )  # fmt: skip
    return sized_chart(alt.layer(bars, points).resolve_legend(color="independent"), height=alt.Step(_BAR_STEP))


def _summary(tables: TrialTables, arms: Sequence[str]) -> str:
    parts = ["Swimmer plot of simulated patients, one arm at a time."]
    for arm in arms[:6]:
        own = tables.outcomes[tables.outcomes["arm"] == arm]
        parts.append(
            f"{arm}: of {len(own)} patients {own['progression_day'].notna().sum()} progressed, "
            f"{own['death_day'].notna().sum()} died, {own['drop_out_day'].notna().sum()} dropped out."
        )
    return " ".join(parts)


def _table(tables: TrialTables, segments: pd.DataFrame, arms: Sequence[str]) -> pd.DataFrame:
    """Return the drawn patients as a table for readers, days from entry."""
    drawn = segments[["a", "patient", "row"]].drop_duplicates().assign(arm=lambda t: [arms[a] for a in t["a"]])
    rows = drawn.merge(tables.outcomes, on=["arm", "patient"]).sort_values(["a", "row"])

    def days(name: str) -> list[str]:
        return ["—" if pd.isna(day) else f"{day:.0f}" for day in rows[name]]

    names = {"start_day": "Start, day", "progression_day": "Progression, day", "next_treatment_day": "Next line, day",
             "death_day": "Death, day", "drop_out_day": "Drop-out, day", "end_day": "End, day"}  # fmt: skip
    columns: dict[str, Any] = {"Arm": rows["arm"], "Patient": rows["patient"].astype(str)}
    columns["Best response"] = [name or "—" for name in rows["best_response"]]
    return pd.DataFrame(columns | {title: days(name) for name, title in names.items()})
