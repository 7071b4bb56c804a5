"""Adverse events of a virtual trial by arm. Simulated."""

from __future__ import annotations

from typing import Any

import altair as alt
import pandas as pd

from aftercar.report import words
from aftercar.report._rows import PADDING
from aftercar.report.figure import BLUE, GREY, INK, VERMILION, Figure
from aftercar.report.trial_looks import arm_names, bottom_legend, choose_one, sized_chart, with_choices
from aftercar.trials.tables import TrialTables

SEVERE = 3  # least grade that is called severe
_ANY, _SEVERE = "any grade", f"grade {SEVERE} or more"
_STEP = 40
_SIDE = 40 + PADDING["right"]


def event_shares(tables: TrialTables) -> pd.DataFrame:
    """Return how many of the treated had each event under the first line, by highest grade.

    Columns arm, event, n (treated), any, severe (grade 3 or more), fatal (grade 5); every arm has every event.
    """
    treated = tables.lines[(tables.lines["line"] == 1) & tables.lines["treated"].astype(bool)]
    n = treated.groupby("arm")["patient"].nunique()
    first = tables.events[tables.events["line"] == 1]
    highest = first.groupby(["arm", "event", "patient"])["grade"].max().reset_index()
    names = [str(name) for name in first["event"].value_counts().index]
    rows = []
    for event in names:
        for arm in arm_names(tables):
            own = highest.loc[(highest["arm"] == arm) & (highest["event"] == event), "grade"]
            counts = (int((own >= grade).sum()) for grade in (1, SEVERE, 5))
            rows.append((arm, event, int(n.get(arm, 0)), *counts))
    return pd.DataFrame(rows, columns=["arm", "event", "n", "any", "severe", "fatal"])


def event_figure(tables: TrialTables) -> Figure | None:
    """Draw the arms beside one another, one kind of event at a time; None where nothing happened to anybody."""
    found = event_shares(tables)
    if found.empty:
        return None
    events, arms = list(dict.fromkeys(found["event"])), arm_names(tables)
    choices = (choose_one([event_words(name) for name in events], legend="Event"),)
    rows = [_row(row, events.index(row["event"]), arms.index(row["arm"])) for row in found.to_dict("records")]
    spec, narrow = (
        with_choices(_spec(len(arms), limit=limit), choices, {"events": rows}) for limit in (620, 325)
    )  # fmt: skip
    return Figure(
        figure_id="events",
        title="Adverse events by arm, simulated",
        caption=(
            "Simulated share of the treated patients with the event under the first line, by their highest grade: "
            f"any grade, then grade {SEVERE} or more. None under an "
            "arm may mean that the catalogue has no frequency for its therapies."
        ),
        summary=_summary(found), spec=spec, narrow_spec=narrow, table=_table(found), side_width=_SIDE, choices=choices,
    )  # fmt: skip


def event_words(name: str) -> str:
    """Write the id of an event for readers: abbreviations in capitals.

    Examples
    --------
    >>> event_words("crs"), event_words("parkinsonism_like"), event_words("icans")
    ('CRS', 'parkinsonism like', 'ICANS')
    """
    return name.upper() if name in {"crs", "icans", "hlh", "iec_hs", "mas"} else words.plain(name)


def _row(row: dict[Any, Any], event: int, arm: int) -> dict[str, Any]:
    n = row["n"]
    if n == 0:
        return {"a": event, "row": arm, "text": f"{row['arm']}: nobody treated"}
    any_, severe = row["any"] / n, row["severe"] / n
    text = f"{row['arm']}: {words.percent(any_)}, {words.percent(severe)} (n = {n})"
    return {"a": event, "row": arm, "text": text, "any": round(any_, 4), "severe": round(severe, 4)}


def _spec(arms: int, *, limit: int) -> dict[str, Any]:
    base = alt.Chart(alt.NamedData(name="events")).transform_filter("datum.a === one")
    y = alt.Y("row:O", axis=None, scale=alt.Scale(domain=list(range(arms))))
    axis = alt.Axis(format="%", tickCount=5, orient="top" if arms > 12 else "bottom", labelFlush=False)
    scale = alt.Scale(domain=[0, 1])
    x = alt.X("any:Q", title="share of the treated, simulated", scale=scale, axis=axis)
    below: dict[str, Any] = {"yOffset": 8}
    x_severe = alt.X("severe:Q", scale=scale)
    return sized_chart(
        alt.layer(
            base.mark_rule(color=GREY, strokeWidth=1.5, **below).encode(x=x, x2=alt.X2("severe:Q"), y=y),
            base.mark_point(size=75, filled=True, opacity=1, **below).encode(x=x, y=y, **_key(_ANY)),
            base.mark_point(size=60, filled=True, opacity=1, **below).encode(x=x_severe, y=y, **_key(_SEVERE)),
            base.mark_text(align="left", dy=-9, color=INK, limit=limit).encode(
                x=alt.XValue(0), y=y, text=alt.Text("text:N")  # type: ignore[no-untyped-call]
            ),
        ),
        height=_STEP * max(arms, 1),
    )  # fmt: skip


def _key(name: str) -> dict[str, Any]:
    """Return colour and shape of a kind of point; their legend is one."""
    legend = bottom_legend(2)
    colours = alt.Scale(domain=[_ANY, _SEVERE], range=[BLUE, VERMILION])
    shapes = alt.Scale(domain=[_ANY, _SEVERE], range=["circle", "square"])
    return {"color": alt.ColorDatum(name, type="nominal", scale=colours, legend=legend),
            "shape": alt.ShapeDatum(name, type="nominal", scale=shapes, legend=legend)}  # fmt: skip


def _table(found: pd.DataFrame) -> pd.DataFrame:
    def share(row: Any, name: str) -> str:
        return f"{row[name]}/{row['n']}" + (f" ({words.percent(row[name] / row['n'])})" if row["n"] else "")

    return pd.DataFrame(
        [
            {"Event": event_words(row["event"]), "Arm": row["arm"], "Any grade": share(row, "any"),
             f"Grade {SEVERE} or more": share(row, "severe"), "Fatal": str(row["fatal"])}
            for row in found.to_dict("records")
        ]
    )  # fmt: skip


def _summary(found: pd.DataFrame) -> str:
    parts = [f"Simulated adverse events by arm, one of {found['event'].nunique()} kinds at a time."]
    for name, own in list(found[found["n"] > 0].groupby("event", sort=False))[:4]:
        shares = own["any"] / own["n"]
        parts.append(
            f"{event_words(str(name))}: {words.percent(shares.min())} to {words.percent(shares.max())} of the treated."
        )
    return " ".join(parts)
