"""Clones of a virtual trial at entry and at progression: shares over patients, and patient by patient. Simulated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import pandas as pd

from aftercar.report import words
from aftercar.report._rows import PADDING, Rows, percent_scale, row_specs, side_width
from aftercar.report.figure import BLACK, BLUE, GREEN, MUTED, ORANGE, PURPLE, SKY, SLATE, VERMILION, Figure
from aftercar.report.trial_looks import (
    SEGMENT_EDGE,
    arm_names,
    bottom_legend,
    choose_one,
    sized_chart,
    spread_over,
    with_choices,
)
from aftercar.trials.tables import TrialTables

AT_ENTRY = "at entry"
MOST_PATIENTS = 80
_COLOURS = (BLUE, VERMILION, ORANGE, PURPLE, GREEN, BLACK, SKY, SLATE)
_OTHERS, _OTHERS_COLOUR = "other clones", "#c4c8cc"
_MOST_CLONES = 7  # more colours than these nobody tells apart
_SMALL_SIDE = 62
_SIDE = 70 + PADDING["right"]


def clone_shares(tables: TrialTables) -> pd.DataFrame:
    """Return the share of each clone in each patient's myeloma cells, at entry and at progression under line 1.

    Columns where (`at entry` or the arm), patient, clone, share; shares of one patient add up to 1.
    """
    clones = tables.clones
    chosen = clones[(clones["line"] == 0) | (clones["line"] == 1)].copy()
    chosen["where"] = chosen["arm"].where(chosen["line"] == 1, AT_ENTRY)
    total = chosen.groupby(["where", "patient"])["cells"].transform("sum")
    chosen = chosen.assign(share=chosen["cells"] / total)[total > 0]
    named = sorted(chosen.groupby("clone")["share"].sum().items(), key=lambda item: -item[1])
    kept = [str(name) for name, _ in named[:_MOST_CLONES]]
    chosen["clone"] = chosen["clone"].where(chosen["clone"].isin(kept), _OTHERS)
    summed = chosen.groupby(["where", "patient", "clone"], sort=False)["share"].sum()
    return summed.reset_index()


def mean_shares(shares: pd.DataFrame, arms: Sequence[str]) -> pd.DataFrame:
    """Return columns where, patients and one per clone: its mean share over the patients."""
    wide = shares.pivot_table(index=["where", "patient"], columns="clone", values="share", fill_value=0.0, sort=False)
    order = [name for name in (AT_ENTRY, *arms) if name in set(shares["where"])]
    mean = wide.groupby("where").mean().loc[order, clone_order(shares)]
    mean.insert(0, "patients", wide.groupby("where").size().loc[order])
    return mean.reset_index()


def clone_order(shares: pd.DataFrame) -> list[str]:
    """Return the clones, the most frequent first, the rest last."""
    total = shares.groupby("clone")["share"].sum().sort_values(ascending=False, kind="stable")
    names = [str(name) for name in total.index if name != _OTHERS]
    return names + ([_OTHERS] if _OTHERS in total.index else [])


def clone_figures(tables: TrialTables) -> list[Figure]:
    """Return both figures; none where the run kept no clones."""
    shares = clone_shares(tables)
    if shares.empty:
        return []
    return [_mean_figure(shares, arm_names(tables)), _patient_figure(shares, arm_names(tables))]


def _mean_figure(shares: pd.DataFrame, arms: Sequence[str]) -> Figure:
    means, looks = mean_shares(shares, arms), _looks(shares)
    spec, narrow = row_specs(
        lambda rows: _draw(rows, means, looks),
        percent_scale("mean share of myeloma cells, simulated"),
        side=_SMALL_SIDE,
    )
    table = pd.DataFrame({"State": means["where"], "Patients": means["patients"].astype(str)})
    for name in looks:
        table[name] = [words.percent(float(share)) for share in means[name]]
    first = means.iloc[0]
    return Figure(
        figure_id="clones",
        title="Clones at entry and at progression, simulated",
        caption=(
            "Simulated share of each clone in a patient's myeloma cells at all sites, averaged over patients; each "
            "patient counts the same, however large the burden. At entry: all patients. Under an arm: those who "
            "progressed under its first line, so that arms differ in whom they show as well as in what they select."
        ),
        summary=(
            f"Mean composition by clone: {first['where']}, {first['patients']} patients, "
            + "; ".join(f"{name} {words.percent(float(first[name]))}" for name in looks)
            + f"; then {len(means) - 1} arms."
        ),
        spec=spec, narrow_spec=narrow, table=table, side_width=side_width(_SMALL_SIDE),
    )  # fmt: skip


def _looks(shares: pd.DataFrame) -> dict[str, str]:
    names = clone_order(shares)
    return {name: _OTHERS_COLOUR if name == _OTHERS else _COLOURS[k % len(_COLOURS)] for k, name in enumerate(names)}


def _draw(rows: Rows, means: pd.DataFrame, looks: Mapping[str, str]) -> None:
    for name, colour in looks.items():
        rows.key(name, colour=colour, shape="square")
    rows.rule()
    rows.label("State", right="patients", colour=MUTED)
    for row in means.to_dict("records"):
        rows.label(str(row["where"]), right=str(row["patients"]), bold=row["where"] == AT_ENTRY)
        y, start = rows.band(18), 0.0
        for name, colour in looks.items():
            end, share = start + float(row[name]), float(row[name])
            if share > 0:
                tip = f"{row['where']}\n{name}: {words.percent(share)}"
                rows.bars.append({"y": y - 6, "y2": y + 6, "x": start, "x2": end, "colour": colour, "tip": tip})
            start = end
        rows.space(5)


def _patient_figure(shares: pd.DataFrame, arms: Sequence[str]) -> Figure:
    looks = _looks(shares)
    states = [AT_ENTRY, *[arm for arm in arms if arm in set(shares["where"])]]
    states = [name for name in states if name in set(shares["where"])]
    rows: list[dict[str, Any]] = []
    for number, state in enumerate(states):
        own = shares[shares["where"] == state]
        wide = own.pivot_table(index="patient", columns="clone", values="share", fill_value=0.0)
        wide = wide.reindex(columns=list(looks), fill_value=0.0).sort_values(
            list(looks), ascending=False, kind="stable"
        )
        for row, values in enumerate(wide.iloc[spread_over(len(wide), MOST_PATIENTS)].to_numpy()):
            rows += [
                {"a": number, "row": row, "o": order, "share": round(float(share), 3), "clone": name}
                for order, (name, share) in enumerate(zip(looks, values, strict=True)) if share >= 0.002
            ]  # fmt: skip
    choices = (choose_one(states, legend="State"),)
    specs = [with_choices(_stack(looks, columns=n), choices, {"stacks": rows}) for n in (2, 1)]
    return Figure(
        figure_id="clones-by-patient",
        title="Clones patient by patient, simulated",
        caption=(
            "Simulated myeloma cells by clone, one column per virtual patient, sorted by the share of the most "
            "frequent clone; at progression under the arm, or at entry. "
            f"At most {MOST_PATIENTS} patients are drawn, evenly spread."
        ),
        summary="Composition by clone of single patients, one state at a time; the table counts who is led by which.",
        spec=specs[0], narrow_spec=specs[1], table=leading_table(shares, states, list(looks)), side_width=_SIDE,
        choices=choices,
    )  # fmt: skip


def leading_table(shares: pd.DataFrame, states: Sequence[str], clones: Sequence[str]) -> pd.DataFrame:
    """Return in how many patients each clone is the largest, by state."""
    largest = shares.loc[shares.groupby(["where", "patient"])["share"].idxmax()]
    counts = largest.groupby(["where", "clone"]).size()
    table = pd.DataFrame({"State": list(states)})
    table["Patients"] = [str(int((largest["where"] == state).sum())) for state in states]
    for name in clones:
        table[f"Led by {name}"] = [str(int(counts.get((state, name), 0))) for state in states]
    return table


def _stack(looks: Mapping[str, str], *, columns: int) -> dict[str, Any]:
    scale = alt.Scale(domain=list(looks), range=list(looks.values()))
    legend = bottom_legend(columns, symbolType="square", symbolStrokeColor=SEGMENT_EDGE)
    bars = alt.Chart(alt.NamedData(name="stacks")).transform_filter("datum.a === one")
    bars = bars.mark_bar().encode(
        x=alt.X("row:O", title="virtual patients, simulated", axis=alt.Axis(labels=False, ticks=False),
                scale=alt.Scale(padding=0.06)),
        y=alt.Y("share:Q", title="share of myeloma cells", stack="zero", scale=alt.Scale(domain=[0, 1], clamp=True),
                axis=alt.Axis(format="%", tickCount=5)),
        color=alt.Color("clone:N", scale=scale, legend=legend), order=alt.Order("o:Q"),
    )  # fmt: skip
    return sized_chart(bars, height=220)
