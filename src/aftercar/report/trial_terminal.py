"""A virtual trial on a terminal: arms by endpoints, and where each arm works."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from rich.console import Group
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from aftercar.trials.endpoints import LEVEL
from aftercar.trials.relapsed import count_relapses
from aftercar.trials.run import Trial

_SHOWN = ("ORR", "VGPR_OR_BETTER", "CR", "PFS", "DOR")
_HEADS = {"VGPR_OR_BETTER": "≥VGPR, %", "PFS": "median PFS, months", "DOR": "median DOR, months"}


def render_trial(run: Trial) -> Group:
    """Return the tables of a trial."""
    index = run.relapsed.index
    entered = len(run.relapsed.table)
    responded = index["best_response"].isin(("sCR", "CR", "VGPR", "PR")).sum()
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
    counts = count_relapses(run.relapsed)
    table = Table(title="Response by mechanism of relapse, % (simulated)", title_justify="left", header_style="bold")
    table.add_column("mechanism of relapse")
    table.add_column("patients", justify="right")
    for arm in run.arms:
        table.add_column(escape(arm.name), justify="right")
    found = {(row["mechanism"], row["arm"]): row["estimate"] for row in run.by_mechanism.to_dict("records")}
    for mechanism, patients in counts["patients"].items():
        shares = [found.get((mechanism, arm.name), math.nan) for arm in run.arms]
        cells = ["too few" if math.isnan(share) else f"{100 * share:.0f}" for share in shares]
        table.add_row(escape(str(mechanism)), f"{patients:,}", *cells)
    return table
