"""A calibration on a terminal: parameters before and after, every target observed beside simulated, what stays open."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd
from rich.console import Group
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from aftercar.calibration import CalibrationResult
from aftercar.calibration.posterior import count_verdicts

_USES = {"fit": "fitted", "check": "held back: predicted, not fitted"}
_FAR = 4.0  # standard errors at which patients simulated anew contradict the emulator
_GOOD_R_HAT, _FEW_EFFECTIVE = 1.05, 400


def render_calibration(result: CalibrationResult) -> Group:
    """Return the tables of a calibration."""
    parts: list[Text | Table] = [_head(result), _parameters(result.parameters)]
    for use, words in _USES.items():
        rows = result.checks[result.checks["use"] == use]
        if len(rows):
            parts.append(_targets(rows, words))
    parts += [_limits(result), _directions(result.directions), _verdicts(result)]
    return Group(*parts)


def _head(result: CalibrationResult) -> Text:
    r_hat, effective = result.chains.r_hat.max(), result.chains.effective.min()
    at_edge = result.waves[-1].at_edge
    poor = r_hat > _GOOD_R_HAT or effective < _FEW_EFFECTIVE
    return Text.assemble(
        (f"Calibration: {result.material.calibration.meaning}\n", "bold"),
        f"{result.patients:,} simulated patients, {result.stopped:,} left out because their integration stopped early; "
        f"{len(result.sets.values)} posterior draws.\n",
        (
            f"Chains: largest R-hat {r_hat:.3f}, smallest effective sample size {effective:,.0f}"
            f"{' – NOT ENOUGH: calibrate longer' if poor else ''}; {100 * at_edge:.1f}% of draws at the edge of the "
            "region where the emulator was taught.\n",
            "red" if poor else "",
        ),
        ("SIMULATED. Parameters that were not calibrated stand at their typical values.", "yellow"),
    )


def _table(title: str, columns: Iterable[str], left: int = 1) -> Table:
    table = Table(title=title, title_justify="left", header_style="bold")
    for k, name in enumerate(columns):
        table.add_column(name, justify="left" if k < left else "right")
    return table


def _parameters(rows: pd.DataFrame) -> Table:
    table = _table("Parameters", ("parameter", "prior (95%)", "posterior (95%)", "unit", "shrinkage", "presses"))
    for row in rows.to_dict("records"):
        table.add_row(
            escape(str(row["parameter"])),
            f"{row['prior_median']:.3g} ({row['prior_lb']:.3g}–{row['prior_ub']:.3g})",
            f"{row['median']:.3g} ({row['lb']:.3g}–{row['ub']:.3g})", escape(str(row["unit"])),
            f"{row['shrinkage']:.2f}", f"{row['presses']} end" if row["presses"] else "",
        )  # fmt: skip
    return table


def _targets(rows: pd.DataFrame, words: str) -> Table:
    names = ("target", "what", "observed, %", "n", "simulated, % (95%)", "such a cohort, % (90%)", "z", "verdict")
    table = _table(f"Targets, {words}", names, 2)
    for row in rows.to_dict("records"):
        verdict = str(row["verdict"])
        if verdict == "met" and row["strict"] != "met":
            verdict = "met with discrepancy"
        table.add_row(
            escape(str(row["target"])), escape(str(row["what"])), f"{100 * row['observed']:.0f}", f"{row['n']:.0f}",
            f"{100 * row['simulated']:.0f} ({100 * row['lb']:.0f}–{100 * row['ub']:.0f})",
            f"{100 * row['pi_lb']:.0f}–{100 * row['pi_ub']:.0f}", f"{row['z']:+.1f}",
            Text(verdict, style={"met": "green", "met with discrepancy": "yellow"}.get(verdict, "red")),
        )  # fmt: skip
    return table


def _limits(result: CalibrationResult) -> Table:
    """Return which parameters a profile of the likelihood closes, and which figures say most of each."""
    table = _table("Profiles of the likelihood: where they close, and what informs each parameter", (
        "parameter", "closes", "information in the fitted figures", "most of it from"), 2)  # fmt: skip
    table.columns[3].justify = "left"
    for row in result.limits.to_dict("records"):
        own = result.informs[result.informs["parameter"] == row["parameter"]].nlargest(3, "information")
        total = result.informs.loc[result.informs["parameter"] == row["parameter"], "information"].sum()
        table.add_row(
            escape(str(row["parameter"])), f"{row['closes']}{' (at the edge)' if row['confined'] else ''}",
            f"{total:.1f}", escape(", ".join(own["target"].astype(str))),
        )  # fmt: skip
    return table


def _directions(rows: pd.DataFrame) -> Table:
    table = _table("Directions, best known first; the prior has a variance of 1", ("variance", "parameters"), 0)
    table.columns[1].justify = "left"
    shown = rows if len(rows) <= 8 else pd.concat([rows.head(4), rows.tail(4)])
    for row in shown.to_dict("records"):
        table.add_row(f"{row['variance']:.3f}", escape(str(row["parameters"])))
    return table


def _verdicts(result: CalibrationResult) -> Text:
    text = Text()
    for row in count_verdicts(result.checks).to_dict("records"):
        text.append(
            f"{row['met']} of {row['targets']} targets met ({_USES[str(row['use'])]}), {row['strict']} of them without "
            f"any discrepancy between cohorts; mean difference of shares {100 * row['mean_difference']:.0f} points.\n"
        )
    missed = result.checks[result.checks["verdict"] != "met"]
    if len(missed):
        names = "; ".join(f"{row['target']} ({row['verdict']})" for row in missed.to_dict("records"))
        text.append(f"Outside of what the posterior, the discrepancy and chance give in 90%: {names}.\n", "red")
    far = result.verification[result.verification["z"].abs() > _FAR]
    worst = result.verification["z"].abs().max()
    text.append(
        f"Patients simulated anew at the draws: emulated chances differ by at most {worst:.1f} standard errors"
        f"{'' if not len(far) else ' – TOO FAR in ' + ', '.join(dict.fromkeys(far['target'].astype(str)))}.\n",
        "red" if len(far) else "",
    )
    return text
