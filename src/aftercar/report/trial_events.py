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
_STEP, _BELOW = 40, 8  # pixels from arm to arm; how far points stand below the middle
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
        with_choices(_spec(len(arms), limit=limit), choices, {"events": rows}) for limit in (480, 185)
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
    n, found = row["n"], {"a": event, "row": arm, "text": row["arm"]}
    if n == 0:
        return found | {"counts": "nobody treated"}
    any_, severe = row["any"] / n, row["severe"] / n
    counts = f"{words.percent(any_)}, {words.percent(severe)} (n = {n})"
    return found | {"counts": counts, "any": round(any_, 4), "severe": round(severe, 4)}


def _spec(arms: int, *, limit: int) -> dict[str, Any]:
    base = alt.Chart(alt.NamedData(name="events")).transform_filter("datum.a === one")
    y = alt.Y("row:O", axis=None, scale=alt.Scale(domain=list(range(arms))))
    axis = alt.Axis(format="%", tickCount=5, orient="top" if arms > 12 else "bottom", labelFlush=False)
    x = alt.X("any:Q", title="share of the treated, simulated", scale=alt.Scale(domain=[0, 1]), axis=axis)
    rule = base.mark_rule(color=GREY, strokeWidth=1.5, yOffset=_BELOW).encode(x=x, x2=alt.X2("severe:Q"), y=y)
    left, right = alt.XValue(0), alt.XValue("width")  # type: ignore[no-untyped-call]
    name = base.mark_text(align="left", dy=-9, color=INK, limit=limit).encode(x=left, y=y, text=alt.Text("text:N"))
    counts = base.mark_text(align="right", dy=-9, color=INK).encode(x=right, y=y, text=alt.Text("counts:N"))
    points = [_points(base, "any", _ANY, x, y), _points(base, "severe", _SEVERE, alt.X("severe:Q"), y)]
    return sized_chart(alt.layer(rule, *points, name, counts), height=_STEP * max(arms, 1))


def _points(base: alt.Chart, column: str, kind: str, x: alt.X, y: alt.Y) -> Any:
    """Return the points of a kind; colour and shape have one legend."""
    legend, domain = bottom_legend(2), [_ANY, _SEVERE]
    known = base.transform_filter(f"isValid(datum.{column})").transform_calculate(kind=f"'{kind}'")
    return known.mark_point(size=70, filled=True, opacity=1, yOffset=_BELOW).encode(
        x=x, y=y,
        color=alt.Color("kind:N", scale=alt.Scale(domain=domain, range=[BLUE, VERMILION]), legend=legend),
        shape=alt.Shape("kind:N", scale=alt.Scale(domain=domain, range=["circle", "square"]), legend=legend),
    )  # fmt: skip


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
