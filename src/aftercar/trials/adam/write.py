"""Writing the datasets: CSV, Parquet, SAS transport files, and a table of the variables; a folder whole or not at all.

Decision:   docs/decisions/0044-xpt-by-pyreadstat.md
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from aftercar.foundation import Fault, InputError, Manifest, fill_folder
from aftercar.trials.adam.dataset import AdamDataset, find_transport_faults, measure_lengths

FORMATS: Final = ("csv", "parquet", "xpt")
VARIABLES_FILE: Final = "variables.csv"
MANIFEST_FILE: Final = "manifest.json"
_SAS_EPOCH: Final = np.datetime64("1960-01-01", "s")
_DATE_FORMAT: Final = "DATE9."
_WHOLE: Final = 2.0**53  # up to here a float holds every whole number
_COLUMNS: Final = ("dataset", "dataset_label", "structure", "keys", "variable", "label", "type", "length", "format",
                   "codelist", "derivation", "origin")  # fmt: skip


def write_adam(
    datasets: Mapping[str, AdamDataset],
    folder: Path,
    *,
    formats: Sequence[str] = FORMATS,
    manifest: Manifest | None = None,
) -> tuple[str, ...]:
    """Write the datasets into a folder, which becomes whole or stays as it was, and return the names of those written.

    A dataset without a row is left out: a run may keep no visits or doses. Dates are ISO 8601 in CSV, dates in Parquet
    and, in transport files, days since 1960-01-01 with the format DATE9. A folder of an earlier export is replaced.

    Raises
    ------
    InputError
        An unknown format, a folder that holds something else, or a dataset that a transport file cannot hold.
    OSError
        The folder cannot be written.
    """
    check_target(folder, formats)
    filled = {name: dataset for name, dataset in datasets.items() if len(dataset.table)}
    if "xpt" in formats:
        faults = [fault for dataset in filled.values() for fault in find_transport_faults(dataset)]
        if faults:
            raise InputError(faults)
    with fill_folder(folder) as new:
        for name, dataset in filled.items():
            stem = new / name.lower()
            if "csv" in formats:
                _write_csv(dataset, stem.with_suffix(".csv"))
            if "parquet" in formats:
                _write_parquet(dataset, stem.with_suffix(".parquet"))
            if "xpt" in formats:
                _write_transport(dataset, stem.with_suffix(".xpt"))
        describe_variables(filled).to_csv(new / VARIABLES_FILE, index=False, lineterminator="\n")
        if manifest is not None:
            (new / MANIFEST_FILE).write_text(manifest.to_json() + "\n", encoding="utf-8")
    return tuple(filled)


def check_target(folder: Path, formats: Sequence[str] = FORMATS) -> None:
    """Raise InputError where a format is unknown, or a folder holds what no export wrote and would be lost."""
    unknown = [form for form in formats if form not in FORMATS]
    if unknown or not formats:
        found = f"'{unknown[0]}' is no format." if unknown else "no format is asked for."
        raise InputError(Fault("formats", found, f"Use {', '.join(FORMATS)}."))
    if folder.exists() and not folder.is_dir():
        raise InputError(Fault(str(folder), "this is a file.", "Name a folder."))
    if folder.is_dir():
        ours = re.compile(rf"ad(sl|rs|tte|lb|ex|ae)\.({'|'.join(FORMATS)})|{VARIABLES_FILE}|{MANIFEST_FILE}")
        held = sorted(path.name for path in folder.iterdir())
        foreign = [name for name in held if not ours.fullmatch(name)]
        if foreign or (held and VARIABLES_FILE not in held):
            found = f"the folder holds '{(foreign or held)[0]}', which no export wrote."
            raise InputError(Fault(str(folder), found, "Name another folder."))


def describe_variables(datasets: Mapping[str, AdamDataset]) -> pd.DataFrame:
    """Return one row per dataset and variable: label, type, length, codelist, derivation, as a define file has them."""
    rows = []
    for dataset in datasets.values():
        lengths = measure_lengths(dataset)
        for one in dataset.variables:
            rows.append(
                (
                    dataset.name, dataset.label, dataset.structure, " ".join(dataset.keys), one.name, one.label,
                    "Char" if one.kind == "text" else "Num", lengths[one.name],
                    _DATE_FORMAT if one.kind == "date" else "", one.codelist, one.derivation, "simulated",
                )
            )  # fmt: skip
    return pd.DataFrame(rows, columns=list(_COLUMNS))


def _write_csv(dataset: AdamDataset, path: Path) -> None:
    table = dataset.table.copy()
    for one in dataset.variables:
        if one.kind == "number" and (table[one.name].dropna() % 1 == 0).all() and table[one.name].abs().max() < _WHOLE:
            table[one.name] = table[one.name].astype("Int64")  # 1, not 1.0
    table.to_csv(path, index=False, date_format="%Y-%m-%d", lineterminator="\n", encoding="utf-8")


def _write_parquet(dataset: AdamDataset, path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    kinds = {"text": pa.string(), "number": pa.float64(), "date": pa.date32()}
    fields = [
        pa.field(one.name, kinds[one.kind], metadata={"label": one.label, "codelist": one.codelist})
        for one in dataset.variables
    ]
    about = {"name": dataset.name, "label": dataset.label, "structure": dataset.structure, "origin": "simulated"}
    schema = pa.schema(fields, metadata=about)
    arrays = [
        pa.array(_as_dates(dataset.table[one.name]) if one.kind == "date" else dataset.table[one.name]).cast(
            kinds[one.kind]
        )
        for one in dataset.variables
    ]
    pq.write_table(pa.Table.from_arrays(arrays, schema=schema), path, compression="zstd")


def _as_dates(column: pd.Series) -> np.ndarray:
    return column.to_numpy().astype("datetime64[D]")


def _write_transport(dataset: AdamDataset, path: Path) -> None:
    import pyreadstat

    table = dataset.table.copy()
    dates = [one.name for one in dataset.variables if one.kind == "date"]
    for name in dates:
        table[name] = (table[name] - _SAS_EPOCH).dt.days.astype(float)
    pyreadstat.write_xport(
        table,
        path,
        file_label=dataset.label,
        column_labels=[one.label for one in dataset.variables],
        table_name=dataset.name,
        file_format_version=5,
        variable_format=dict.fromkeys(dates, _DATE_FORMAT),
    )
    _still_clock(path)


# Where a transport file holds the moment of its making: of the library, and of its one member.
_MOMENTS: Final = (144, 160, 464, 480)
_STILL: Final = b"01JAN60:00:00:00"


def _still_clock(path: Path) -> None:
    """Set the moments in the headers to the start of SAS's calendar, so that one trial gives one and the same file."""
    with path.open("r+b") as file:
        for place in _MOMENTS:
            file.seek(place)
            if re.fullmatch(rb"\d\d[A-Z]{3}\d\d:\d\d:\d\d:\d\d", file.read(len(_STILL))):
                file.seek(place)
                file.write(_STILL)
