"""`aftercar export`: a virtual trial as ADaM, or the calibration as a PEtab problem, for programs of others."""

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
    results: Annotated[
        Path | None, typer.Argument(help="Folder that `aftercar trial --out` wrote; none for --petab.")
    ] = None,
    adam: Annotated[
        Path | None,
        typer.Option("--adam", help="Folder for the ADaM-shaped datasets; that of an earlier export is replaced."),
    ] = None,
    petab: Annotated[
        Path | None, typer.Option("--petab", help="Folder for the calibration as a PEtab problem; likewise.")
    ] = None,
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
    file: Annotated[
        Path | None, typer.Option("--file", help="With --petab: another calibration, as a TOML file.")
    ] = None,
    data: Annotated[
        Path | None, typer.Option("--data", help="With --petab: folder with parameters/, therapies/ ... of yours.")
    ] = None,
) -> None:
    """Export a virtual trial as ADaM-shaped datasets, or the calibration as a PEtab problem.

    ADSL, ADRS, ADTTE, ADLB, ADEX, ADAE: every record is simulated, dates are virtual. A variable says so, and the label
    of each dataset. PEtab: the typical patient of each cohort against published levels, for pyPESTO, AMICI and others.
    """
    if petab is not None:
        given = (results, adam, formats)
        if any(one is not None for one in given):
            found = "--petab exports the calibration, RESULTS and --adam a trial."
            raise InputError(Fault("option --petab", found, "Ask for one of them."))
        _export_petab(petab, file, data)
        return
    if file is not None or data is not None:
        raise InputError(Fault("options --file, --data", "they belong to --petab.", "Give --petab, or leave them out."))
    if results is None or adam is None:
        found = "a trial needs RESULTS and --adam."
        raise InputError(Fault("export", found, "Give both, or --petab for the calibration."))
    _export_adam(results, adam, formats, study, anchor, count_from)


def _export_adam(
    results: Path, adam: Path, formats: list[AdamFormat] | None, study: str, anchor: str, count_from: Origin
) -> None:
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


def _export_petab(folder: Path, file: Path | None, directory: Path | None) -> None:
    from aftercar.calibration import Material
    from aftercar.calibration.petab import build_petab, check_folder, write_petab
    from aftercar.catalogue.calibration import load_calibration
    from aftercar.catalogue.model_data import load_model_data
    from aftercar.catalogue.petab import load_petab_plan
    from aftercar.catalogue.populations import load_populations
    from aftercar.catalogue.targets import load_targets

    check_folder(folder)
    model, targets = load_model_data(directory), load_targets()
    populations = load_populations(directory, model) if directory is not None else load_populations()
    calibration = load_calibration(file, data=model, targets=targets, populations=populations)
    plan = load_petab_plan(data=model, targets=targets)
    problem = build_petab(Material.of(calibration, model, populations, targets), plan, targets)
    hashes = {
        "model_data": model.hash, "targets": targets.hash,
        "calibration": hash_bytes(calibration.model_dump_json().encode()),
        "measurements": hash_bytes(plan.model_dump_json().encode()),
    }  # fmt: skip
    config = {"calibration": calibration.model_dump(mode="json"), "measurements": plan.model_dump(mode="json")}
    write_petab(problem, folder, manifest=Manifest(command_line(), config, None, hashes))
    sizes = (len(problem.conditions), len(problem.measurements), len(problem.parameters))
    typer.echo("{} conditions, {} measurements, {} parameters to estimate. For research only.".format(*sizes))
    typer.echo("One typical patient a cohort: response rates and survival are not in it. README.md says what is.")
    typer.echo(f"folder: {folder}{os.sep}")


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
