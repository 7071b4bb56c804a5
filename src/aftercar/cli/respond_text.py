"""How the answer of `aftercar respond` reads in a terminal."""

from __future__ import annotations

import pandas as pd
import typer

from aftercar.catalogue.laboratory_tables import LaboratoryTable
from aftercar.cli.printing import plain, print_frame, print_pairs
from aftercar.clinic import Grading, count_responses
from aftercar.clinic.disease import NOTHING
from aftercar.synthesis import estimate_proportion

_SHORT = {
    "patient": "patient", "best_response": "best", "best_response_day": "day", "confirmed_day": "confirmed on",
    "progression_day": "progression", "progression_by": "by", "mrd_negative_day": "MRD negative", "reason": "reason",
}  # fmt: skip


def tabulate_rates(grading: Grading) -> pd.DataFrame:
    """Return how many patients reached each level, with Clopper-Pearson 95% intervals.

    Patients who could not be evaluated count as not responding, as they do in a trial's intention to treat.
    """
    rows = []
    for count in count_responses(grading):
        interval = estimate_proportion(count.events, count.total)
        rows.append(
            {
                "measure": count.measure, "events": count.events, "total": count.total,
                "estimate": interval.estimate, "ci_lb": interval.ci_lb, "ci_ub": interval.ci_ub,
                "not_evaluable": count.not_evaluable, "criteria": count.criteria,
            }
        )  # fmt: skip
    return pd.DataFrame(rows)


def print_responses(grading: Grading, data: LaboratoryTable, shown: pd.DataFrame, *, form: str, title: str) -> None:
    """Print patients or visits, then rates and what a user should know; a program gets the rows alone."""
    for note in (*data.notes, *_warnings(grading)):
        typer.echo(f"note: {plain(note)}", err=True)
    if form == "csv":
        typer.echo(shown.to_csv(index=False), nl=False)
        return
    table = shown.drop(columns="criteria")
    if "best_response" in table:
        table = table[list(_SHORT)].rename(columns=_SHORT)
    days = table.select_dtypes("number").columns
    table[days] = table[days].map(lambda day: "" if pd.isna(day) else f"{day:g}").astype(object)
    print_frame(table, "table", title=f"{plain(title)}: response by {grading.criteria.id}. For research only")
    rates = tabulate_rates(grading)
    pairs = [
        (
            str(row["measure"]),
            f"{row['events']}/{row['total']} = {100 * row['estimate']:.1f}% "
            f"({100 * row['ci_lb']:.1f} to {100 * row['ci_ub']:.1f})",
        )
        for row in rates.to_dict("records")
    ]
    unknown = int(rates["not_evaluable"].iloc[0])
    pairs.append(("not evaluable", f"{unknown}, counted in the total as not responding"))
    pairs.append(("intervals", "Clopper-Pearson, 95%"))
    print_pairs("Best confirmed response", pairs)
    pairs = [(name, text) for name, text in data.read.items()]
    if data.unused:
        pairs.append(("not read", ", ".join(data.unused)))
    print_pairs("Columns", pairs)


def _warnings(grading: Grading) -> list[str]:
    """What makes patients impossible to grade, said once."""
    laboratory = grading.laboratory
    without = [str(name) for name, row in zip(laboratory.patients, laboratory.day, strict=True) if not (row <= 0).any()]
    nothing = int((grading.disease.kind == NOTHING).sum())
    notes = []
    if without:
        some = ", ".join(without[:5]) + (" ..." if len(without) > 5 else "")
        notes.append(f"no visit at or before day 0, so no baseline: {some}")
    if nothing > len(without):
        notes.append(f"{nothing} of {len(laboratory.patients)} patients have nothing measurable at baseline")
    return notes
