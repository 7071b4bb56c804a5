"""A simulated course as a table for a terminal."""

from __future__ import annotations

import numpy as np
import pandas as pd
from rich import box
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text

from aftercar.patients.arms import Arm, Trajectories
from aftercar.patients.parameter_choice import parameter_words
from aftercar.patients.readouts import count_outcomes, tabulate_ranges, tabulate_typical
from aftercar.report import words
from aftercar.report.trajectories_words import (
    DISCLAIMER,
    LEVELS,
    level_text,
    plan_text,
    range_text,
    ranges_text,
    set_text,
    simulated_sentence,
    switched_off_text,
    who_text,
)

# Ranges of many patients need room; below these widths a column gives way.
_WIDTHS = {"mrd_level": 152, "bcma_density": 116, "sbcma_ng_per_ml": 96}
_NO_WIDTH = 1e-9
_CLONE_WIDTH = 16  # of the column of the leading clone, which breaks into lines


def render_trajectories_table(run: Trajectories) -> RenderableType:
    """Return what a run gave, arm by arm, under the sentence that says how little of it is known."""
    return _TrajectoriesTable(run)


class _TrajectoriesTable:
    """Chooses its columns when it learns the width."""

    def __init__(self, run: Trajectories) -> None:
        self.run = run

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield _build(self.run, options.max_width)


def _build(run: Trajectories, width: int) -> RenderableType:
    room = width - (_CLONE_WIDTH if run.single else 0)
    given_up = [LEVELS[name].column for name, least in _WIDTHS.items() if room < least] if ranges_text(run) else []
    parts: list[RenderableType] = [Text(simulated_sentence(run), style="bold"), Text(_asked(run))]
    for arm in run.arms:
        parts.append(_frame(level_frame(run, arm).drop(columns=given_up), _arm_title(run, arm)))
    if not run.single:
        parts.append(_frame(outcome_frame(run), "Patients with an outcome, at any output time from day 0 on"))
        parts += [Text(note, style="dim")] if (note := sets_note(run)) else []
    if given_up:
        parts.append(Text(f"A wider terminal also shows {', '.join(given_up)}.", style="dim"))
    return Group(*parts, Text(DISCLAIMER, style="dim"))


def level_frame(run: Trajectories, arm: Arm) -> pd.DataFrame:
    """Return levels on the reading days, as text.

    For many patients medians with 5 to 95% of the patients; for the typical one with 5 to 95% of the parameter sets.
    """
    ranges = tabulate_ranges(arm, run.reading_days, sets=run.sets_of(arm))
    ends = ["parameters_lb", "parameters_ub"] if run.single else ["q05", "q95"]
    shown = pd.DataFrame({"day": [f"{day:g}" for day in run.reading_days]})
    for name, level in LEVELS.items():
        rows = ranges[ranges["quantity"] == name]
        if ends[0] in rows:
            shown[level.column] = [range_text(name, *row) for row in rows[["median", *ends]].to_numpy()]
        else:
            shown[level.column] = [level_text(name, value) for value in rows["median"]]
    if run.single:
        shown["leading clone"] = tabulate_typical(arm, run.course.structure, run.reading_days)["leading_clone"]
    return shown


def outcome_frame(run: Trajectories) -> pd.DataFrame:
    """Return the outcomes of many patients as text, arms side by side."""
    shown: dict[str, list[str]] = {}
    for arm in run.arms:
        table = count_outcomes(arm, run.course.structure, sets=run.sets_of(arm))
        shown["outcome"] = table["outcome"].tolist()
        shares = [words.percent(None if pd.isna(share) else float(share)) for share in table["share"]]
        counts = [f"{row.patients}/{row.of}" for row in table.itertuples()]
        if "parameters_lb" in table and table["parameters_lb"].notna().any():
            ends = table[["parameters_lb", "parameters_ub"]].to_numpy()
            shares = [f"{share}{_sets_text(low, high)}" for share, (low, high) in zip(shares, ends, strict=True)]
        name = arm.name if len(run.arms) > 1 else "patients"
        shown[name] = [f"{count} ({share})" for count, share in zip(counts, shares, strict=True)]
    return pd.DataFrame(shown)


def _sets_text(low: float, high: float) -> str:
    """Write an interval over sets; one without width says that the sets differ no more than luck explains."""
    if np.isnan(low):
        return ""
    return f"; sets {100 * low:.0f} to {words.percent(high)}" if high - low > _NO_WIDTH else "; sets within luck"


def sets_note(run: Trajectories) -> str:
    """Say what the intervals over sets are, or why there are none; nothing without sets."""
    if run.sets is None or run.single:
        return ""
    patients, sets = len(run.arms[0].people), len(run.sets.values)
    if patients == sets or sets == 1:
        return (
            "Patients differ and parameters are not known: with one patient a set, or one set, the ranges cannot tell "
            "the two apart. Ask for more patients than sets."
        )
    return (
        "Ranges over patients are of all patients, whatever their set. After 'sets': where 90% of the parameter sets "
        "lie, the luck of their few patients taken out; within luck: no difference between sets is seen, which in few "
        "patients is no proof that there is none."
    )


def _asked(run: Trajectories) -> str:
    parts = [f"{who_text(run)}: {plan_text(run)}; to day {run.course.end:g}; seed {run.seed}"]
    parts += [f"parameters: {parameter_words(run.sets)}"]
    off = run.arms[0].switched_off
    parts += [f"switched off: {switched_off_text(run, off)}"] if off else []
    parts += [f"set: {set_text(run)}"] if run.values else []
    return "; ".join(parts)


def _arm_title(run: Trajectories, arm: Arm) -> str:
    what = f": {ranges_text(run)}" if ranges_text(run) else ""
    return f"Simulated, {arm.name}{what}" if len(run.arms) > 1 else f"Simulated{what}"


def _frame(frame: pd.DataFrame, title: str) -> Table:
    table = Table(
        title=Text(title), title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0),
        header_style="bold",
    )  # fmt: skip
    for number, name in enumerate(frame.columns):
        texts = name in {"leading clone", "outcome"}
        table.add_column(Text(str(name)), justify="left" if texts else "right", no_wrap=number == 0 and not texts)
    for row in frame.itertuples(index=False, name=None):
        table.add_row(*(Text(str(cell)) for cell in row))
    return table
