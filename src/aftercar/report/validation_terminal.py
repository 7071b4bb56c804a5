"""A validation on a terminal: every cohort observed beside predicted, scores, coverage, verdict, what is left out."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Group
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from aftercar.calibration.validation import Validation
from aftercar.report.validation_words import (
    cohort_cells,
    cohort_heads,
    list_missed,
    say_coverage,
    say_no_worse,
    say_verdict,
    say_wins,
    summary_cells,
    summary_heads,
)

_SIMULATED = "SIMULATED: the first treatment is calibrated; by the catalogue, salvage was fitted to none of these."


def render_validation(found: Validation, *, settings: str) -> Group:
    """Return the tables of a validation; `settings`: what was simulated, in words."""
    tested = found.cohorts[found.cohorts["used"] == ""]
    heads = cohort_heads(found)
    parts: list[Text | Table] = [
        Text.assemble(
            (f"Prediction of {found.measure} in cohorts that were not used\n", "bold"), f"{settings}\n",
            (_SIMULATED, "yellow"),
        ),
        _table(f"{len(tested)} cohorts", heads, map(cohort_cells, tested.to_dict("records")), left=3),
    ]  # fmt: skip
    used = found.cohorts[found.cohorts["used"] != ""]
    if len(used):
        rows = ((*cohort_cells(row)[:5], str(row["used"])) for row in used.to_dict("records"))
        title = "No test: a number of the therapy was set with them in sight"
        parts.append(_table(title, (*heads[:5], "why"), rows, left=3))
    if len(tested):
        scores = map(summary_cells, found.summary.to_dict("records"))
        parts.append(_table("Scores of those that were not used", summary_heads(found), scores))
        parts.append(
            Text(
                "Log score: higher is better. CRPS: lower is better. Coverage with its exact 95% interval. "
                "A first product in brackets stands in for one that is not reported."
            )
        )
        verdicts = [say_verdict(name, one) for name, one in found.differences.items()]
        missed = "; ".join(list_missed(found)) or "none"
        verdicts += [say_coverage(found), say_no_worse(found), say_wins(found)]
        verdicts += [f"Outside of the simulated 90% interval: {missed}."]
        parts.append(Text("\n".join(verdicts), style="bold"))
    if found.not_scored:
        left = ((one.cohort, one.therapy, one.reason) for one in found.not_scored)
        parts.append(_table("Not predicted", ("cohort", "therapy", "why"), left, left=3))
    return Group(*parts)


def _table(title: str, heads: Iterable[str], rows: Iterable[Iterable[str]], *, left: int = 1) -> Table:
    table = Table(title=escape(title), title_justify="left", header_style="bold")
    for k, head in enumerate(heads):
        words = k < left or head == "why"
        table.add_column(head, justify="left" if words else "right", overflow="fold")
    for row in rows:
        table.add_row(*map(escape, row))
    return table
