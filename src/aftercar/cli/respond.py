"""`aftercar respond`: IMWG response from a table of laboratory values."""

from __future__ import annotations

import dataclasses
import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aftercar.cli.options import TableFormat
from aftercar.foundation import Fault, InputError, Manifest, command_line, hash_bytes, write_atomic

if TYPE_CHECKING:
    import pandas as pd

    from aftercar.catalogue.laboratory_tables import LaboratoryTable
    from aftercar.clinic import Grading

EXAMPLE = (
    'Example: aftercar respond labs.csv --map "Spike=serum_m" --unit "Spike=g/L" --map "UPEP=urine_m" '
    '--unit "UPEP=mg/24h" --visits'
)
_OWN = "Your table"
_HOW = "What the paper leaves open"


class NotEvaluableChoice(StrEnum):
    """What an assessment that cannot be evaluated does to confirmation."""

    skip = "skip"
    break_ = "break"


class NadirChoice(StrEnum):
    """Which lowest value progression is held against."""

    confirmed = "confirmed"
    lowest = "lowest"


class UrineChoice(StrEnum):
    """What a missing urine means where none was measurable at baseline."""

    downgrade = "downgrade"
    absent = "absent"


def respond(
    file: Annotated[Path, typer.Argument(help="CSV: one visit a row, or one value a row (test, value, unit).")],
    criteria: Annotated[str, typer.Option("--criteria", help="Version of the criteria.")] = "imwg2016",
    map_: Annotated[
        list[str] | None,
        typer.Option(
            "--map", help="COLUMN=NAME: what a column or test is, or ignore. Repeatable.", rich_help_panel=_OWN
        ),
    ] = None,
    unit: Annotated[
        list[str] | None,
        typer.Option("--unit", help="COLUMN=UNIT: the unit of a column or test. Repeatable.", rich_help_panel=_OWN),
    ] = None,
    minimum_interval: Annotated[
        float, typer.Option("--min-interval", help="Fewest days to the confirming assessment.", rich_help_panel=_HOW)
    ] = 0.0,
    maximum_interval: Annotated[
        float | None, typer.Option("--max-interval", help="Most days to it. Default: any.", rich_help_panel=_HOW)
    ] = None,
    not_evaluable: Annotated[
        NotEvaluableChoice,
        typer.Option("--not-evaluable", help="NE between two visits: skip it, or break.", rich_help_panel=_HOW),
    ] = NotEvaluableChoice.skip,
    nadir: Annotated[
        NadirChoice, typer.Option("--nadir", help="Lowest confirmed value, or lowest single.", rich_help_panel=_HOW)
    ] = NadirChoice.confirmed,
    missing_urine: Annotated[
        UrineChoice,
        typer.Option("--missing-urine", help="If never measurable: downgrade, or count absent.", rich_help_panel=_HOW),
    ] = UrineChoice.downgrade,
    mrd_threshold: Annotated[
        float | None, typer.Option("--mrd-threshold", help="MRD negative below. Default: 1e-5.", rich_help_panel=_HOW)
    ] = None,
    visits: Annotated[bool, typer.Option("--visits", help="One visit a row, each with its reason.")] = False,
    format: Annotated[TableFormat, typer.Option("--format")] = TableFormat.table,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Also write this file: .csv or .json.")] = None,
) -> None:
    """Classify patients by the IMWG response criteria, with the reason of each call. For research only.

    A visit without the values that a category needs is NE, never SD. Nothing is stored unless --out asks for it.
    """
    from aftercar.catalogue.laboratory_tables import load_laboratory
    from aftercar.clinic import Options, grade_response

    if out is not None and out.suffix not in {".csv", ".json"}:
        raise InputError(Fault("option --out", f"'{out}' is no known form.", "Use the ending .csv or .json."))
    options = Options(
        minimum_interval_days=minimum_interval, maximum_interval_days=maximum_interval,
        not_evaluable=not_evaluable.value, nadir=nadir.value, missing_urine=missing_urine.value,
        mrd_threshold=mrd_threshold,
    )  # fmt: skip
    data = load_laboratory(file, names=_pairs(map_, "--map"), units=_pairs(unit, "--unit"))
    grading = grade_response(data.table, criteria=criteria, options=options)
    shown = _visits(grading) if visits else _patients(grading)
    answer = _answer(grading, data, file) if TableFormat.json is format or (out and out.suffix == ".json") else {}
    text = json.dumps(answer, indent=2, ensure_ascii=False, allow_nan=False)
    if out is not None:
        write_atomic(out, text + "\n" if out.suffix == ".json" else shown.to_csv(index=False, lineterminator="\n"))
    if format is TableFormat.json:
        typer.echo(text)
    else:
        from aftercar.cli.respond_text import print_responses

        print_responses(grading, data, shown, form=format.value, title=file.name)
    if out is not None:
        typer.echo(f"responses: {out}", err=format is not TableFormat.table)


def _pairs(given: list[str] | None, option: str) -> dict[str, str]:
    """Return NAME=VALUE options as a mapping; the last = parts them, so that a name may hold one."""
    pairs: dict[str, str] = {}
    for text in given or []:
        name, sign, value = text.rpartition("=")
        if not sign or not name.strip() or not value.strip():
            raise InputError(Fault(f"option {option}", f"'{text}' is no pair.", "Write COLUMN=VALUE, e.g. Spike=g/L."))
        if name.strip() in pairs:
            raise InputError(Fault(f"option {option}", f"'{name.strip()}' is given twice.", "Leave one out."))
        pairs[name.strip()] = value.strip()
    return pairs


def _patients(grading: Grading) -> pd.DataFrame:
    from aftercar.clinic import explain_patient, tabulate_patients

    table = tabulate_patients(grading)
    table["reason"] = [explain_patient(grading, patient) for patient in range(len(table))]
    return table


def _visits(grading: Grading) -> pd.DataFrame:
    from aftercar.clinic import tabulate_visits

    return tabulate_visits(grading).assign(criteria=grading.criteria.id)


def _answer(grading: Grading, data: LaboratoryTable, file: Path) -> dict[str, Any]:
    from aftercar.cli.respond_text import tabulate_rates

    options = dataclasses.asdict(grading.options)
    config = {"criteria": grading.criteria.id, "options": options, "columns": dict(data.read)}
    manifest = Manifest(command_line(), config, None, {"data": hash_bytes(file.read_bytes())})
    return {
        "criteria": grading.criteria.id,
        "options": options | {"mrd_threshold": grading.residual.threshold},
        "columns": dict(data.read),
        "columns_not_read": list(data.unused),
        "notes": list(data.notes),
        "patients": _records(_patients(grading)),
        "visits": _records(_visits(grading)),
        "rates": _records(tabulate_rates(grading)),
        "manifest": manifest.to_dict(),
    }


def _records(table: pd.DataFrame) -> Any:
    return json.loads(table.to_json(orient="records", double_precision=12))  # missing numbers become null
