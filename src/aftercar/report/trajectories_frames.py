"""What the figures of `aftercar simulate` share: lines of patients or ranges, treatments, caption, table."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd

from aftercar.model.treatment import Treatment, arrange_course
from aftercar.patients.arms import Arm, Trajectories
from aftercar.patients.readouts import FloatArray, ranges_of
from aftercar.report import words
from aftercar.report.figure import Figure
from aftercar.report.trajectories_lines import COLOURS, SIDE_WIDTH, Guide, Line, Span, line_specs
from aftercar.report.trajectories_words import level_text, range_text

Reader = Callable[[Arm], FloatArray]


def treatment_spans(run: Trajectories) -> list[Span]:
    """Return from when to when each treatment of the plan is given, lymphodepletion left out."""
    end = run.course.end
    return [_span(one, run, end) for one in sorted(run.plan, key=lambda one: one.day)]


def _span(one: Treatment, run: Trajectories, end: float) -> Span:
    doses = arrange_course([one], days=end, data=run.model_data).doses
    main = [d for d in doses if d.target not in {"t_depletion", "b_depletion"}] or list(doses)
    times = [(float(np.min(d.time)), float(np.max(d.time) + getattr(d, "duration", 0.0))) for d in main]
    return Span(one.therapy, min((t for t, _ in times), default=one.day), max((t for _, t in times), default=one.day))


def level_reader(name: str) -> Reader:
    """Return what reads a level of an arm, shape (patients, times)."""

    def read(arm: Arm) -> FloatArray:
        return np.asarray(arm.data[name].to_numpy(), dtype=np.float64)

    return read


def make_lines(run: Trajectories, readers: Mapping[str, Reader]) -> list[Line]:
    """Return a line for each quantity and arm: one patient's course, or the median, with the ranges that there are."""
    lines = []
    for position, (name, read) in enumerate(readers.items()):
        for number, arm in enumerate(run.arms):
            table = ranges_of(arm, read, times=arm.data["time"].to_numpy(), sets=run.sets_of(arm))
            if run.single:
                table = table.drop(columns=["q05", "q25", "q75", "q95"])
            label = name if len(run.arms) == 1 else arm.name if len(readers) == 1 else f"{name}, {arm.name}"
            colour = COLOURS[(position if len(readers) > 1 else number) % len(COLOURS)]
            lines.append(Line(label, table, colour, dashed=min(number, 2)))
    return lines


def make_figure(
    run: Trajectories, figure_id: str, title: str, caption: str, lines: Sequence[Line], *, quantity: str, y_title: str,
    floor: float | None = None, guides: Sequence[Guide] = (),
) -> Figure:  # fmt: skip
    """Return a figure of lines; `quantity` says how its levels are written, `floor` gives a log scale."""
    days = (run.course.start, run.course.end)
    spec, narrow = line_specs(
        lines,
        y_title=y_title,
        floor=floor,
        guides=guides,
        spans=treatment_spans(run),
        days=days,
        left_out=run.irregular_days,
    )
    ranges = _ranges_note(run, lines)
    foot = "" if floor is None or figure_id.startswith("clones") else f" Values below {floor:g} are drawn at the foot."
    return Figure(
        figure_id=figure_id, title=f"{title}, simulated", caption=f"{caption}{ranges}{foot}",
        summary=_summary(title, lines, quantity), spec=spec, narrow_spec=narrow,
        table=_table(run, lines, quantity), side_width=SIDE_WIDTH,
    )  # fmt: skip


def _ranges_note(run: Trajectories, lines: Sequence[Line]) -> str:
    over_sets = any("parameters_lb" in line.table and line.table["parameters_lb"].notna().any() for line in lines)
    if run.single:
        found = " Line: parameters at the medians of the sets; band between dotted edges: 90% of the parameter sets."
        return found if over_sets else ""
    if not any("q05" in line.table for line in lines):
        return ""
    found = " Lines: medians; bands: 50% and 90% of the patients"
    if run.sets is not None:
        found += ", whatever their parameter set"
    return found + ("; dotted: 90% of the parameter sets, for the median of their patients." if over_sets else ".")


def _summary(title: str, lines: Sequence[Line], quantity: str) -> str:
    parts = [f"{title} over time, simulated: {words.plural(len(lines), 'line')}."]
    for line in lines[:4]:
        known = line.table.dropna(subset="median")
        if len(known):
            lowest = known.loc[known["median"].idxmin()]
            steps = [("", known.iloc[0]), ("lowest ", lowest), ("", known.iloc[-1])]
            told = [f"{word}{level_text(quantity, float(r['median']))} at day {float(r['day']):g}" for word, r in steps]
            parts.append(f"{line.name}: {', '.join(told)}.")
    return " ".join(parts)


def _table(run: Trajectories, lines: Sequence[Line], quantity: str) -> pd.DataFrame:
    table = pd.DataFrame({"Day": [f"{day:g}" for day in run.reading_days]})
    for line in lines:
        rows = line.table.set_index("day").loc[list(run.reading_days)]
        ends = next((pair for pair in (["q05", "q95"], ["parameters_lb", "parameters_ub"]) if pair[0] in rows), None)
        if ends is not None:
            cells = [range_text(quantity, *row) for row in rows[["median", *ends]].to_numpy()]
        else:
            cells = [level_text(quantity, value) for value in rows["median"]]
        table[line.name] = cells
    return table
