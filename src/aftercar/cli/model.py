"""`aftercar model`: what the system is made of, and the system itself for other programs."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from aftercar.catalogue.biology import GRADES
from aftercar.cli import options
from aftercar.foundation import Fault, InputError

EXAMPLE = "Example: aftercar model --export sbml --with ide_cel --with talquetamab@400 --out system.xml"


class ExportForm(StrEnum):
    """Form of an export."""

    sbml = "sbml"
    antimony = "antimony"
    latex = "latex"


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
    from aftercar.catalogue.model_data import load_model_data
    from aftercar.cli.model_text import print_parts, print_therapy, write_export
    from aftercar.cli.plan_text import check_names, read_plan

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
        write_export(known, None if export is None else export.value, out, treatments, days)
    elif therapy is not None:
        listed = "aftercar model --therapies"
        check_names([therapy], known.actions, option="option --therapy", what="therapy", listed=listed)
        print_therapy(known, therapy)
    else:
        form = "csv" if csv else format.value
        if form != "table" and len(parts) != 1:
            raise InputError(
                Fault("option --format", f"{len(parts)} parts are asked for.", "Ask for one, e.g. --parameters.")
            )
        print_parts(known, parts or list(wanted), form, grade)
