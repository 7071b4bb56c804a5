"""`aftercar model`: what the system is made of, and the system itself for other programs."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Collection, Mapping, Sequence
from enum import StrEnum
from itertools import groupby
from pathlib import Path
from typing import Annotated

import pandas as pd
import typer

from aftercar.catalogue.biology import GRADES
from aftercar.catalogue.model_data import ModelData, load_model_data
from aftercar.cli import options
from aftercar.cli.plan_text import check_names, read_plan
from aftercar.cli.printing import console, print_frame, print_pairs
from aftercar.engine import Network, write_antimony, write_latex, write_sbml
from aftercar.foundation import Fault, InputError, write_atomic
from aftercar.model import Treatment, arrange_course, build_system, export_system
from aftercar.report import model_text as text
from aftercar.report.model_equations import TITLES, Equation, Reading

EXAMPLE = "Example: aftercar model --export sbml --with ide_cel --with talquetamab@400 --out system.xml"
_COLUMNS = {
    "parameters": ["parameter", "value", "unit", "low", "high", "grade", "source", "meaning"],
    "mechanisms": ["mechanism", "switch", "review", "meaning", "seen_when_off"],
    "therapies": ["therapy", "kind", "acts_on", "doses"],
}


class ExportForm(StrEnum):
    """Form of an export."""

    sbml = "sbml"
    antimony = "antimony"
    latex = "latex"


_WRITERS: Mapping[ExportForm, Callable[[Network], str]] = {
    ExportForm.sbml: write_sbml, ExportForm.antimony: write_antimony, ExportForm.latex: write_latex,
}  # fmt: skip


def model(
    states: Annotated[bool, typer.Option("--states", help="Print the states.")] = False,
    equations: Annotated[bool, typer.Option("--equations", help="Print the equations, by part.")] = False,
    parameters: Annotated[bool, typer.Option("--parameters", help="Print the parameters.")] = False,
    mechanisms: Annotated[bool, typer.Option("--mechanisms", help="Print the mechanisms and their switches.")] = False,
    antigens: Annotated[bool, typer.Option("--antigens", help="Print the antigens and their variants.")] = False,
    therapies: Annotated[
        bool, typer.Option("--therapies", help="Print what each therapy acts on; more with --format csv.")
    ] = False,
    therapy: Annotated[str | None, typer.Option("--therapy", help="One therapy in full, with sources.")] = None,
    grade: Annotated[str | None, typer.Option("--grade", help=f"Parameters of a grade: {', '.join(GRADES)}.")] = None,
    export: Annotated[
        ExportForm | None, typer.Option("--export", help="Write the deterministic system in this form.")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="File of the export.")] = None,
    given: Annotated[
        list[str] | None,
        typer.Option("--with", help="Therapy in the export, as ID, ID@DAY or ID@DAY:DAYS. Repeatable."),
    ] = None,
    plan: Annotated[Path | None, typer.Option("--plan", help="Plan of the export as a file (.toml).")] = None,
    days: Annotated[float, typer.Option("--days", help="Last day of doses in the export.")] = 730.0,
    data: Annotated[
        Path | None, typer.Option("--data", help="Folder with parameters, antigens, therapies of your own.")
    ] = None,
    format: Annotated[options.TableFormat, typer.Option("--format", help="Form of a table.")] = (
        options.TableFormat.table
    ),
    csv: Annotated[bool, typer.Option("--csv", help="Short for --format csv.")] = False,
) -> None:
    """Print the simulated system: states, equations, parameters by grade, mechanisms, antigens, therapies.

    With `--export`, write it as SBML, Antimony or LaTeX. For research and trial design only.
    """
    known = load_model_data(data)
    wanted = {
        "states": states, "equations": equations, "parameters": parameters or grade is not None,
        "mechanisms": mechanisms, "antigens": antigens, "therapies": therapies,
    }  # fmt: skip
    parts = [name for name, one in wanted.items() if one]
    if grade is not None:
        check_names([grade], GRADES, option="option --grade", what="grade", listed="aftercar model --help")
    if export is not None or out is not None or given or plan is not None:
        treatments = read_plan(given or [], plan, known) if given or plan is not None else ()
        _export(known, export, out, treatments, days)
    elif therapy is not None:
        listed = "aftercar model --therapies"
        check_names([therapy], known.actions, option="option --therapy", what="therapy", listed=listed)
        print_pairs(f"{therapy}. {text.PURPOSE}", text.therapy_pairs(therapy, known))
    else:
        form = "csv" if csv else format.value
        if form != "table" and len(parts) != 1:
            raise InputError(
                Fault("option --format", f"{len(parts)} parts are asked for.", "Ask for one, e.g. --parameters.")
            )
        _print(known, parts or list(wanted), form, grade)


def _print(data: ModelData, parts: Collection[str], form: str, grade: str | None) -> None:
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


def _export(data: ModelData, form: ExportForm | None, out: Path | None, plan: Sequence[Treatment], days: float) -> None:
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
    typer.echo(f"wrote {out} ({form.value}, {holds}; data {data.hash[:12]}). {text.PURPOSE}")
