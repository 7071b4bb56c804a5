"""A virtual trial on a terminal: arms by endpoints, and where each arm works."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd
from rich.console import Group
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from aftercar.trials.endpoints import LEVEL, RESPONSES
from aftercar.trials.relapsed import count_relapses
from aftercar.trials.run import Trial

_SHOWN = ("ORR", "VGPR_OR_BETTER", "CR", "PFS", "DOR")
_HEADS = {"VGPR_OR_BETTER": "≥VGPR, %", "PFS": "median PFS, months", "DOR": "median DOR, months"}


def render_trial(run: Trial) -> Group:
    """Return the tables of a trial."""
    index = run.relapsed.index
    entered = len(run.relapsed.table)
    responded = index["best_response"].isin(RESPONSES["ORR"]).sum()
    head = Text.assemble(
        (f"{run.plan.name}\n", "bold"),
        f"{len(index):,} virtual patients ({run.relapsed.population.name}) had "
        f"{' + '.join(one.therapy for one in run.plan.index)}: {responded:,} responded, {entered:,} progressed within "
        f"{run.plan.index_days:g} days and entered every arm.\n",
        (
            f"SIMULATED, uncalibrated. {LEVEL:.0%} intervals of sampling alone; {run.plan.criteria}, confirmed.",
            "yellow",
        ),
    )
    return Group(head, _endpoints(run), _mechanisms(run))


def _endpoints(run: Trial) -> Table:
    table = Table(title="Arms (simulated)", title_justify="left", header_style="bold")
    table.add_column("arm")
    table.add_column("treated", justify="right")
    for name in _SHOWN:
        table.add_column(_HEADS.get(name, f"{name}, %"), justify="right")
    for arm, rows in run.endpoints.groupby("arm", sort=False):
        found = {str(row["measure"]): row for row in rows.to_dict("records")}
        cells = [_cell(found[name]) if name in found else "–" for name in _SHOWN]
        table.add_row(escape(str(arm)), f"{found['ORR']['n']:,}", *cells)
    return table


def _cell(row: Mapping[Any, Any]) -> str:
    percent = row["unit"] == "share"

    def text(value: float) -> str:
        return "not reached" if math.isnan(value) else f"{100 * value:.0f}" if percent else f"{value:.1f}"

    if math.isnan(row["estimate"]):
        return "not reached"
    return f"{text(row['estimate'])} ({text(row['ci_lb'])}–{text(row['ci_ub'])})"


def _mechanisms(run: Trial) -> Table:
    """Arms by rows, mechanisms by columns: a trial has many arms and few mechanisms."""
    counts = count_relapses(run.relapsed)
    table = Table(title="Response by mechanism of relapse, % (simulated)", title_justify="left", header_style="bold")
    table.add_column("arm")
    for mechanism, patients in counts["patients"].items():
        table.add_column(escape(f"{mechanism} (n = {patients:,})"), justify="right")
    found = {(row["mechanism"], row["arm"]): row["estimate"] for row in run.by_mechanism.to_dict("records")}
    for arm in run.arms:
        shares = [found.get((mechanism, arm.name), math.nan) for mechanism in counts.index]
        cells = ["too few" if math.isnan(share) else f"{100 * share:.0f}" for share in shares]
        table.add_row(escape(arm.name), *cells)
    return table


def render_beside(beside: pd.DataFrame) -> Table:
    """Return the table of observed and simulated responses."""
    table = Table(
        title="Observed (pooled cohorts, 90% interval of the mean) beside simulated (uncalibrated)",
        title_justify="left", header_style="bold",
        caption="intervals that do not meet are marked ≠; simulated intervals hold sampling alone",
        caption_justify="left",
    )  # fmt: skip
    for head in ("strategy", "simulated by"):
        table.add_column(head)
    for head in ("ORR observed, %", "ORR simulated, %", "", "CR observed, %", "CR simulated, %", "",
                 "PFS observed, months", "PFS simulated"):  # fmt: skip
        table.add_column(head, justify="right")
    for row in beside.to_dict("records"):
        cells = [escape(str(row["strategy"])), escape(str(row["arm"]))]
        for short in ("orr", "cr"):
            cells += [_range(row, f"{short}_observed"), _range(row, f"{short}_simulated")]
            cells.append("≠" if row[f"{short}_agrees"] is False else "")
        cells += ["–" if pd.isna(row[name]) else f"{row[name]:.1f}" for name in ("pfs_observed", "pfs_simulated")]
        table.add_row(*cells)
    return table


def _range(row: Mapping[Any, Any], name: str) -> str:
    if pd.isna(row[name]):
        return "–"
    low, high = row[f"{name}_lb"], row[f"{name}_ub"]
    return f"{100 * row[name]:.0f} ({100 * low:.0f}–{100 * high:.0f})"
