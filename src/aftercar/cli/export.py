"""`aftercar export`: a virtual trial as the datasets that statisticians of trials work with."""

from __future__ import annotations

import os
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aftercar.foundation import Fault, InputError, Manifest, command_line, hash_bytes

if TYPE_CHECKING:
    from aftercar.trials.adam import AdamDataset

EXAMPLE = "Example: aftercar export results/trial --adam results/adam --study MYTRIAL"


class AdamFormat(StrEnum):
    """Form of a dataset."""

    csv = "csv"
    parquet = "parquet"
    xpt = "xpt"


class Origin(StrEnum):
    """Where times to events begin."""

    treatment = "treatment"
    entry = "entry"


def export(
    results: Annotated[Path, typer.Argument(help="Folder that `aftercar trial --out` wrote.")],
    adam: Annotated[
        Path, typer.Option("--adam", help="Folder for the ADaM-shaped datasets; that of an earlier export is replaced.")
    ],
    formats: Annotated[
        list[AdamFormat] | None, typer.Option("--format", help="csv, parquet or xpt. Repeatable; all three without it.")
    ] = None,
    study: Annotated[str, typer.Option("--study", help="STUDYID: up to 20 of A-Z, 0-9, _ and -.")] = "AFTERCAR",
    anchor: Annotated[
        str, typer.Option("--anchor", help="Date on which the virtual trial opens, as YYYY-MM-DD.")
    ] = "2000-01-01",
    count_from: Annotated[
        Origin, typer.Option("--count-from", help="Times of ADTTE: from treatment, or of all from entry.")
    ] = Origin.treatment,
) -> None:
    """Export a virtual trial as ADSL, ADRS, ADTTE, ADLB, ADEX and ADAE, shaped as ADaM.

    Every record is simulated; dates are virtual. A variable says so, and the label of each dataset.
    """
    from aftercar.trials.adam import FORMATS, build_adam, write_adam
    from aftercar.trials.adam.write import check_target
    from aftercar.trials.folder import FOLDER, load_manifest, load_tables

    chosen = tuple(dict.fromkeys(str(form) for form in formats or FORMATS))
    opens = _read_date(anchor)
    check_target(adam, chosen)
    tables, origin = load_tables(results), load_manifest(results)
    datasets = build_adam(tables, study=study, anchor=opens, count_from=count_from.value)
    files = sorted((results / FOLDER).glob("*.parquet"))
    hashes = {
        "tables": hash_bytes(*(file.read_bytes() for file in files)),
        **{f"trial_{name}": str(value) for name, value in _mapping(origin.get("hashes")).items()},
    }
    config = {"study": study, "anchor": anchor, "formats": list(chosen), "count_from": count_from.value}
    seed = origin.get("seed")
    manifest = Manifest(command_line(), config, seed if isinstance(seed, int) else None, hashes)
    written = write_adam(datasets, adam, formats=chosen, manifest=manifest)
    _print(datasets, written)
    typer.echo(f"folder: {adam}{os.sep}")


def _read_date(text: str) -> date:
    try:
        found = date.fromisoformat(text)
    except ValueError:
        raise InputError(Fault("option --anchor", f"'{text}' is no date.", "Write it as 2000-01-01.")) from None
    if not 1900 <= found.year <= 2100:
        raise InputError(Fault("option --anchor", f"{text} is far from our time.", "Give a date from 1900 to 2100."))
    return found


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _print(datasets: Any, written: tuple[str, ...]) -> None:
    import pandas as pd

    from aftercar.cli.printing import print_frame

    rows = [_row(dataset, written) for dataset in datasets.values()]
    print_frame(
        pd.DataFrame(rows, columns=["dataset", "label", "records", ""]), "table", title="SIMULATED, virtual dates"
    )


def _row(dataset: AdamDataset, written: tuple[str, ...]) -> tuple[str, str, int, str]:
    missing = "" if dataset.name in written else "left out: the trial kept none"
    return dataset.name, dataset.label, len(dataset.table), missing
