"""Waterfall of a virtual trial: the best change of serum M-protein of each patient. Simulated."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import altair as alt
import pandas as pd

from aftercar.clinic import load_criteria
from aftercar.report import words
from aftercar.report._rows import PADDING
from aftercar.report.figure import GREY, MUTED, Figure
from aftercar.report.trajectories_lines import rounded
from aftercar.report.trial_looks import (
    RESPONSE_COLOURS,
    SEGMENT_EDGE,
    arm_names,
    bottom_legend,
    choose_one,
    response_scale,
    response_words,
    sized_chart,
    spread_over,
    with_choices,
)
from aftercar.trials.tables import TrialTables

MOST_PATIENTS = 100
_HEIGHT = 300
_NAMES = 36  # pixels at the right for the names of the guides
_SIDE = 78 + _NAMES + PADDING["right"]


def waterfall_frame(tables: TrialTables, *, least: float) -> pd.DataFrame:
    """Return the best change of serum M-protein under the first line, largest first within each arm.

    Columns arm, patient, change [% of baseline], best_response. Patients with less than `least` [g/dL] at the baseline
    visit, or without a later value, are left out.
    """
    visits = tables.visits[(tables.visits["line"] == 1) & tables.visits["serum_m_g_per_dl"].notna()]
    visits = visits.sort_values(["arm", "patient", "day"], kind="stable")
    groups = visits.groupby(["arm", "patient"])["serum_m_g_per_dl"]
    baseline = groups.first()
    later = visits[groups.cumcount() > 0].groupby(["arm", "patient"])["serum_m_g_per_dl"].min()
    both = pd.DataFrame({"baseline": baseline, "later": later}).dropna()
    both = both[both["baseline"] >= least]
    change = (100.0 * (both["later"] / both["baseline"] - 1.0)).rename("change").reset_index()
    best = tables.outcomes[["arm", "patient", "best_response"]]
    found = change.merge(best, on=["arm", "patient"], how="left")
    found["best_response"] = response_words(found["best_response"].fillna(""))
    order = {arm: number for number, arm in enumerate(arm_names(tables))}
    found["a"] = found["arm"].map(order)
    found = found.sort_values(["a", "change", "patient"], ascending=[True, False, True], kind="stable")
    return found[["arm", "patient", "change", "best_response", "a"]].reset_index(drop=True)


def waterfall_figure(tables: TrialTables) -> Figure:
    """Draw one arm at a time."""
    criteria = load_criteria()
    least = criteria["measurable_serum"]
    found = waterfall_frame(tables, least=least)
    arms = arm_names(tables)
    choices = (choose_one(arms),)
    rows: list[dict[str, Any]] = []
    for number, own in found.groupby("a"):
        kept = own.iloc[spread_over(len(own), MOST_PATIENTS)]
        rows += [
            {"a": number, "row": row, "change": rounded(min(change, 100.0)), "best": best}
            for row, (change, best) in enumerate(zip(kept["change"], kept["best_response"], strict=True), start=1)
        ]
    falls = {name: -100.0 * criteria[key] for name, key in (("PR", "pr_serum_fall"), ("VGPR", "vgpr_serum_fall"))}
    specs = [with_choices(_spec(found, falls, columns=n), choices, {"bars": rows}) for n in (4, 3)]
    sizes = found.groupby("a").size()
    some = (
        f" At most {MOST_PATIENTS} patients an arm are drawn, evenly spread over all."
        if sizes.max() > MOST_PATIENTS
        else ""
    )
    return Figure(
        figure_id="waterfall",
        title="Best change of serum M-protein, simulated",
        caption=(
            f"Simulated patients with at least {least:g} g/dL at the baseline visit of the first line, the deepest "
            "fall last; the best change at any later visit under that line, as assays read it. Rises above "
            "100% are drawn at 100%. Colours: best confirmed response, which asks for more than this fall. Dashed: the "
            f"falls of PR and VGPR.{some}"
        ),
        summary=_summary(found, arms),
        spec=specs[0], narrow_spec=specs[1], table=waterfall_table(tables, found, falls), side_width=_SIDE,
        choices=choices,
    )  # fmt: skip


def waterfall_table(tables: TrialTables, found: pd.DataFrame, falls: dict[str, float]) -> pd.DataFrame:
    """Return what the arms' bars amount to, for readers."""
    rows = []
    for arm in arm_names(tables):
        own = found.loc[found["arm"] == arm, "change"]
        treated = int((tables.outcomes["treated"].astype(bool) & (tables.outcomes["arm"] == arm)).sum())
        row = {"Arm": arm, "Treated": str(treated), "With a measurable M-protein": str(len(own))}
        row["Median best change"] = _change(own.median()) if len(own) else words.MISSING
        row["Range"] = f"{_change(own.min())} to {_change(own.max())}" if len(own) else words.MISSING
        for level in falls.values():
            row[f"Fallen by {-level:g}% or more"] = f"{int((own <= level).sum())}/{len(own)}"
        rows.append(row)
    return pd.DataFrame(rows)


def _change(value: float) -> str:
    return f"{value:+.0f}%".replace("-", "\N{MINUS SIGN}")


def _summary(found: pd.DataFrame, arms: Sequence[str]) -> str:
    parts = ["Waterfall plot of the simulated best change of serum M-protein, one arm at a time."]
    for arm in arms[:6]:
        own = found.loc[found["arm"] == arm, "change"]
        if len(own):
            parts.append(f"{arm}: {words.plural(len(own), 'patient')}, median {_change(own.median())}.")
        else:
            parts.append(f"{arm}: no patient with a measurable M-protein and a later value.")
    return " ".join(parts)


def _spec(found: pd.DataFrame, falls: dict[str, float], *, columns: int) -> dict[str, Any]:
    top = 25.0 * math.ceil(min(max(found["change"].max(), 20.0), 100.0) / 25.0) if len(found) else 25.0
    scale = alt.Scale(domain=[-100, top], nice=False)
    title = "best change of M-protein, simulated"
    axis = alt.Axis(
        values=[-100, -75, -50, -25, 0, 25, 50, 75, 100], labelExpr="(datum.value > 0 ? '+' : '') + datum.label + '%'"
    )
    present = [name for name in RESPONSE_COLOURS if name in set(found["best_response"])]
    legend = bottom_legend(columns, symbolType="square", symbolStrokeColor=SEGMENT_EDGE, symbolStrokeWidth=0.6)
    bars = alt.Chart(alt.NamedData(name="bars")).transform_filter("datum.a === one")
    bars = bars.mark_bar(stroke=SEGMENT_EDGE, strokeWidth=0.4).encode(
        x=alt.X("row:O", title="virtual patients", axis=alt.Axis(labels=False, ticks=False, domain=False)),
        y=alt.Y("change:Q", title=title, scale=scale, axis=axis),
        color=alt.Color("best:N", scale=response_scale(present), legend=legend),
    )
    values = [{"change": level, "text": name} for name, level in falls.items()]
    guides = alt.Chart(alt.InlineData(values=[*values, {"change": 0.0, "text": ""}]))
    rules = guides.mark_rule(color=GREY, strokeDash=[4, 3]).encode(y=alt.Y("change:Q", scale=scale))
    names = guides.mark_text(align="left", dx=5, color=MUTED, fontSize=11)
    names = names.encode(x=alt.XValue("width"), y=alt.Y("change:Q", scale=scale), text=alt.Text("text:N"))  # type: ignore[no-untyped-call]
    return sized_chart(alt.layer(bars, rules, names), height=_HEIGHT)
