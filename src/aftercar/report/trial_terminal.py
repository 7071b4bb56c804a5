"""A virtual trial on a terminal: arms by endpoints, and where each arm works."""

from __future__ import annotations

import math

import pandas as pd
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
        by = rows.set_index("measure")
        cells = [_cell(by.loc[name], 100.0 if by.loc[name, "unit"] == "share" else 1.0) if name in by.index else "–"
                 for name in _SHOWN]  # fmt: skip
        table.add_row(escape(str(arm)), f"{int(by.loc['ORR', 'n']):,}", *cells)
    return table


def _cell(row: pd.Series, scale: float) -> str:
    def text(value: float) -> str:
        return "not reached" if math.isnan(value) else f"{scale * value:.0f}" if scale > 1 else f"{value:.1f}"

    if math.isnan(float(row["estimate"])):
        return "not reached"
    return f"{text(float(row['estimate']))} ({text(float(row['ci_lb']))}–{text(float(row['ci_ub']))})"


def _mechanisms(run: Trial) -> Table:
    counts = count_relapses(run.relapsed)
    table = Table(title="Response by mechanism of relapse, % (simulated)", title_justify="left", header_style="bold")
    table.add_column("mechanism of relapse")
    table.add_column("patients", justify="right")
    for arm in run.arms:
        table.add_column(escape(arm.name), justify="right")
    by = run.by_mechanism.set_index(["mechanism", "arm"])
    for mechanism, row in counts.iterrows():
        cells = []
        for arm in run.arms:
            known = (mechanism, arm.name) in by.index
            found = by.loc[(mechanism, arm.name)] if known else None
            few = found is None or math.isnan(float(found["estimate"]))
            cells.append("too few" if few or found is None else f"{100 * float(found['estimate']):.0f}")
        table.add_row(escape(str(mechanism)), f"{int(row['patients']):,}", *cells)
    return table
