"""A simulated course as a table for a terminal."""

from __future__ import annotations

import pandas as pd
from rich import box
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text

from aftercar.patients.arms import Arm, Trajectories
from aftercar.patients.readouts import count_outcomes, tabulate_ranges, tabulate_typical
from aftercar.report import words
from aftercar.report.trajectories_words import (
    DISCLAIMER,
    LEVELS,
    level_text,
    plan_text,
    range_text,
    simulated_sentence,
    switched_off_text,
)

# Ranges of many patients need room; below these widths a column gives way.
_WIDTHS = {"mrd_level": 152, "bcma_density": 116, "sbcma_ng_per_ml": 96}


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
    given_up = [] if run.single else [LEVELS[name].column for name, least in _WIDTHS.items() if width < least]
    parts: list[RenderableType] = [Text(simulated_sentence(run), style="bold"), Text(_asked(run))]
    for arm in run.arms:
        parts.append(_frame(level_frame(run, arm).drop(columns=given_up), _arm_title(run, arm)))
    if not run.single:
        parts.append(_frame(outcome_frame(run), "Patients with an outcome, at any output time from day 0 on"))
    if given_up:
        parts.append(Text(f"A wider terminal also shows {', '.join(given_up)}.", style="dim"))
    return Group(*parts, Text(DISCLAIMER, style="dim"))


def level_frame(run: Trajectories, arm: Arm) -> pd.DataFrame:
    """Return levels on the reading days, as text; for many patients medians with 5 to 95% of the patients."""
    if run.single:
        table = tabulate_typical(arm, run.course.structure, run.reading_days)
        shown = pd.DataFrame({"day": [f"{day:g}" for day in table["day"]]})
        for name, level in LEVELS.items():
            shown[level.column] = [level_text(name, value) for value in table[name]]
        return shown.assign(**{"leading clone": table["leading_clone"]})
    ranges = tabulate_ranges(arm, run.reading_days)
    shown = pd.DataFrame({"day": [f"{day:g}" for day in run.reading_days]})
    for name, level in LEVELS.items():
        rows = ranges.loc[ranges["quantity"] == name, ["median", "q05", "q95"]].to_numpy()
        shown[level.column] = [range_text(name, *row) for row in rows]
    return shown


def outcome_frame(run: Trajectories) -> pd.DataFrame:
    """Return the outcomes of many patients as text, arms side by side."""
    shown: dict[str, list[str]] = {}
    for arm in run.arms:
        table = count_outcomes(arm, run.course.structure)
        shown["outcome"] = table["outcome"].tolist()
        shares = [words.percent(None if pd.isna(share) else float(share)) for share in table["share"]]
        counts = [f"{row.patients}/{row.of}" for row in table.itertuples()]
        name = arm.name if len(run.arms) > 1 else "patients"
        shown[name] = [f"{count} ({share})" for count, share in zip(counts, shares, strict=True)]
    return pd.DataFrame(shown)


def _asked(run: Trajectories) -> str:
    who = "typical patient" if run.single else words.plural(len(run.arms[0].people), "virtual patient")
    parts = [f"{who}: {plan_text(run)}; to day {run.course.end:g}; seed {run.seed}"]
    off = run.arms[0].switched_off
    parts += [f"switched off: {switched_off_text(run, off)}"] if off else []
    parts += [f"set: {', '.join(f'{k} = {v:g}' for k, v in run.values.items())}"] if run.values else []
    return "; ".join(parts)


def _arm_title(run: Trajectories, arm: Arm) -> str:
    what = "" if run.single else ": median [5%, 95% of the patients]"
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
