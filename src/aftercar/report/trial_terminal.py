"""A virtual trial on a terminal: arms by endpoints, and where each arm works."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd
from rich import box
from rich.console import Group
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from aftercar.patients import ParameterSets
from aftercar.patients.parameter_choice import calibration_words
from aftercar.trials.endpoint_records import LEVEL
from aftercar.trials.plan import TrialPlan
from aftercar.trials.summary import TrialSummary

_SHOWN = ("ORR", "VGPR_OR_BETTER", "CR", "PFS", "DOR", "OS")
_HEADS = {
    "VGPR_OR_BETTER": "≥VGPR, %",
    "PFS": "median PFS, months",
    "DOR": "median DOR, months",
    "OS": "median OS, months",
}


def render_trial(plan: TrialPlan, summary: TrialSummary, sets: ParameterSets | None) -> Group:
    """Return the tables of a trial."""
    flow = summary.flow
    had = " + ".join(one.therapy for one in plan.index) or "their first treatment"
    doing = "entered every arm" if plan.design == "paired" else "were randomised"
    drawn = f"in brackets over {len(sets.values)} sets of the {sets.origin}" if sets else "parameters at typical values"
    head = Text.assemble(
        (f"{plan.name}\n", "bold"),
        f"{flow.treated:,} virtual patients ({plan.population}) had {had}: {flow.responded:,} responded, "
        f"{flow.died:,} died first, {flow.entered:,} progressed and {doing}.\n",
        (
            f"SIMULATED; {calibration_words(sets)}. {LEVEL:.0%} intervals of sampling; {drawn}; {plan.criteria}.",
            "yellow",
        ),
    )
    return Group(head, _endpoints(summary.endpoints), _mechanisms(plan, summary))


def _endpoints(endpoints: pd.DataFrame) -> Table:
    table = Table(title="Arms (simulated; NR: limit not reached)", title_justify="left", header_style="bold")
    table.add_column("arm")
    table.add_column("treated", justify="right")
    for name in _SHOWN:
        table.add_column(_HEADS.get(name, f"{name}, %"), justify="right")
    for arm, rows in endpoints.groupby("arm", sort=False):
        found = {str(row["measure"]): row for row in rows.to_dict("records")}
        cells = [_cell(found[name]) if name in found else "–" for name in _SHOWN]
        table.add_row(escape(str(arm)), f"{found['ORR']['n']:,}", *cells)
    return table


def _cell(row: Mapping[Any, Any]) -> str:
    percent = row["unit"] == "share"

    def text(value: float) -> str:
        return "NR" if math.isnan(value) else f"{100 * value:.0f}" if percent else f"{value:.1f}"

    if math.isnan(row["estimate"]):
        return "not reached" if row["n"] else "–"
    sampling = f"{text(row['estimate'])} ({text(row['ci_lb'])}–{text(row['ci_ub'])})"
    open_ = [row.get(name, math.nan) for name in ("parameters_lb", "parameters_ub")]
    return sampling if all(map(math.isnan, open_)) else f"{sampling} [{text(open_[0])}–{text(open_[1])}]"


def _mechanisms(plan: TrialPlan, summary: TrialSummary) -> Table:
    """Arms by rows, mechanisms by columns: a trial has many arms and few mechanisms."""
    counts = summary.mechanisms
    table = Table(title="Response by mechanism of relapse, % (simulated)", title_justify="left", header_style="bold")
    table.add_column("arm")
    for mechanism, patients in counts.items():
        table.add_column(escape(f"{mechanism} (n = {patients:,})"), justify="right")
    found = {(row["mechanism"], row["arm"]): row["estimate"] for row in summary.by_mechanism.to_dict("records")}
    for arm in plan.arms:
        shares = [found.get((mechanism, arm.name), math.nan) for mechanism in counts.index]
        cells = ["too few" if math.isnan(share) else f"{100 * share:.0f}" for share in shares]
        table.add_row(escape(arm.name), *cells)
    return table


def render_beside(beside: pd.DataFrame) -> Table:
    """Return the table of observed and simulated responses; 100 columns hold it."""
    table = Table(
        title="Observed (pooled cohorts, interval of the mean) beside SIMULATED",
        title_justify="left", header_style="bold", box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0),
        caption=f"Response in %. sim.: estimate and {LEVEL:.0%} interval of sampling; open: over parameter sets "
        "(one value: no more than by sampling); ≠: observed and sampled intervals do not meet; PFS: median, months.",
        caption_justify="left",
    )  # fmt: skip
    table.add_column("strategy", overflow="fold", min_width=18)
    for head in ("ORR obs.", "ORR sim.", "open", "", "CR obs.", "CR sim.", "", "PFS obs.", "sim."):
        table.add_column(head, justify="right", no_wrap=True)
    for row in beside.to_dict("records"):
        cells = [escape(str(row["strategy"]))]
        for short in ("orr", "cr"):
            cells += [_range(row, f"{short}_observed"), _range(row, f"{short}_simulated")]
            cells += [_open(row, short)] if short == "orr" else []
            cells.append("≠" if row[f"{short}_agrees"] is False else "")
        observed, simulated = row["pfs_observed"], row["pfs_simulated"]
        cells += ["–" if pd.isna(observed) else f"{observed:.1f}", "NR" if pd.isna(simulated) else f"{simulated:.1f}"]
        table.add_row(*cells)
    return table


def _range(row: Mapping[Any, Any], name: str) -> str:
    if pd.isna(row[name]):
        return "–"
    return f"{100 * row[name]:.0f} ({100 * row[f'{name}_lb']:.0f}–{100 * row[f'{name}_ub']:.0f})"


def _open(row: Mapping[Any, Any], short: str) -> str:
    low, high = (row.get(f"{short}_simulated_parameters_{end}", math.nan) for end in ("lb", "ub"))
    return "" if pd.isna(low) or pd.isna(high) else f"{100 * low:.0f}–{100 * high:.0f}"
