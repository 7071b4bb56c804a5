"""What `aftercar model` prints and writes: kept apart, so that other commands need not load the model to start."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import groupby
from pathlib import Path

import pandas as pd
import typer

from aftercar.catalogue.model_data import ModelData
from aftercar.cli.printing import console, print_frame, print_pairs
from aftercar.engine import Network, write_antimony, write_latex, write_sbml
from aftercar.foundation import Fault, InputError, write_atomic
from aftercar.model import Treatment, arrange_course, build_system, export_system
from aftercar.report import model_text as text
from aftercar.report.model_equations import TITLES, Equation, Reading

_COLUMNS = {
    "parameters": ["parameter", "value", "unit", "low", "high", "grade", "source", "meaning"],
    "mechanisms": ["mechanism", "switch", "review", "meaning", "seen_when_off"],
    "therapies": ["therapy", "kind", "acts_on", "doses"],
}
_WRITERS: Mapping[str, Callable[[Network], str]] = {
    "sbml": write_sbml, "antimony": write_antimony, "latex": write_latex,
}  # fmt: skip


def print_therapy(data: ModelData, therapy: str) -> None:
    """Print one therapy in full."""
    print_pairs(f"{therapy}. {text.PURPOSE}", text.therapy_pairs(therapy, data))


def print_parts(data: ModelData, parts: Collection[str], form: str, grade: str | None) -> None:
    """Print parts of the system as tables, or one of them in another form."""
    if form == "table":
        typer.echo(f"{text.PURPOSE}\n{text.grade_line(data)}\n")
    tables: Mapping[str, Callable[[], pd.DataFrame]] = {
        "states": lambda: text.state_table(build_system(data)),
        "equations": lambda: text.equation_table(data),
        "parameters": lambda: text.parameter_table(data, grade),
        "mechanisms": lambda: text.mechanism_table(data),
        "antigens": lambda: text.antigen_table(data),
        "therapies": lambda: text.therapy_table(data),
    }
    for part in parts:
        if part == "equations" and form == "table":
            _print_equations(Reading(data))
            continue
        frame = tables[part]()
        if form == "table":
            frame = frame[_COLUMNS.get(part, list(frame.columns))]
            frame = frame.apply(lambda column: column.map(_cell))
        print_frame(frame, form, title=f"{part.capitalize()} ({len(frame)})")


def _cell(value: object) -> object:
    return f"{value:.6g}" if isinstance(value, float) and not pd.isna(value) else value


def _print_equations(reading: Reading) -> None:
    width = max(60, min(console().width, 160))
    clones = ", ".join(reading.shown)
    typer.echo(
        textwrap.fill(
            f"Equations of one product, one engager, one drug and the antigens "
            f"{', '.join(a.id for a in reading.structure.antigens)}; of the clones, {clones}. Those of the other "
            "clones, sites and slots differ in names alone: --export writes them all.", width,
        )
    )  # fmt: skip
    for part, group in groupby(reading.equations(), key=lambda e: e.part):
        typer.echo(f"\n{TITLES[part]} (model/{part}.py)")
        for name, lines in groupby(group, key=lambda e: e.name):
            _print_equation(name, list(lines), width)


def _print_equation(name: str, lines: list[Equation], width: int) -> None:
    for e in lines:
        left = {"value": name, "rate": f"d {name}/dt"}.get(e.kind, f"  {e.kind}")
        right = e.text.replace("**", "^").replace("*", " * ")
        line = f"  {left} = {right}" + (f"   [{e.unit}]" if e.kind in {"value", "rate"} else "")
        typer.echo(textwrap.fill(line, width, subsequent_indent=" " * 10, break_long_words=False))


def write_export(data: ModelData, form: str | None, out: Path | None, plan: Sequence[Treatment], days: float) -> None:
    """Write the system, with a plan or without, in a form that other programs read.

    Raises
    ------
    InputError
        No form, no file, or no length of time.
    """
    if form is None:
        raise InputError(Fault("option --export", "the form is not named.", "Give --export sbml, antimony or latex."))
    if out is None:
        raise InputError(Fault("option --out", "no file is named.", "Name one, e.g. --out system.xml."))
    if not days > 0:
        raise InputError(Fault("option --days", f"{days:g} days.", "Give a length above zero."))
    course = arrange_course(plan, days=days, data=data) if plan else None
    write_atomic(out, _WRITERS[form](export_system(data, course)))
    words = ", ".join(f"{one.therapy} from day {one.day:g}" for one in plan)
    holds = f"{words}; doses up to day {days:g}" if plan else "no treatment"
    typer.echo(f"wrote {out} ({form}, {holds}; data {data.hash[:12]}). {text.PURPOSE}")
