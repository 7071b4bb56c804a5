"""The tables of a trial in a folder: `tables/<name>.parquet`, one for each of `TABLES`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pandas as pd

from aftercar.foundation import Fault, InputError, fill_folder
from aftercar.foundation.tables import read_text
from aftercar.trials.tables import TABLES, Columns, TrialTables, set_types

FOLDER: Final = "tables"
MANIFEST: Final = "manifest.json"
_TEXT, _FLAG, _WHOLE = {"category"}, {"flag"}, {"id", "count"}
_AGAIN: Final = "Run the trial again with --out, or restore the file from a copy."
# What names one row: two of them would count a patient twice.
_KEYS: Final[Mapping[str, tuple[str, ...]]] = {
    "subjects": ("patient",),
    "outcomes": ("arm", "patient"),
    "lines": ("arm", "patient", "line"),
}
# Rows of what happened to a patient in an arm; clones hold the state at entry, too, which is of no arm.
_OF_AN_ARM: Final = ("lines", "visits", "events", "doses")


def write_tables(tables: TrialTables, folder: Path) -> None:
    """Write the tables into `tables/` of a folder, all or none; an older `tables/` is replaced.

    Columns get the type of their kind (`TABLES`), so that an empty table has the types of a full one.

    Raises
    ------
    InputError
        A table lacks a column or holds what its kind cannot be; see `check_tables`.
    OSError
        The folder cannot be written.
    """
    check_tables(tables)
    with fill_folder(folder / FOLDER) as new:
        for name in TABLES:
            typed = set_types(name, getattr(tables, name))
            typed.to_parquet(new / f"{name}.parquet", engine="pyarrow", compression="zstd", index=False)


def load_tables(folder: Path) -> TrialTables:
    """Read the tables that `write_tables` wrote.

    Raises
    ------
    InputError
        With every fault found: a folder without tables, a file that is missing or cut off, a column that is missing or
        of another type, rows that contradict each other.
    """
    if not (folder / FOLDER).is_dir():
        what = "has no folder 'tables'" if folder.is_dir() else "is no folder"
        mend = "Name a folder that `aftercar trial --out` wrote."
        raise InputError(Fault(str(folder), f"'{folder}' {what}.", mend))
    faults: list[Fault] = []
    frames = {name: _read(folder / FOLDER / f"{name}.parquet", faults) for name in TABLES}
    if faults:
        raise InputError(faults)
    tables = TrialTables(**frames)
    check_tables(tables)
    return tables


def load_manifest(folder: Path) -> dict[str, Any]:
    """Read the manifest of a trial's folder: command, config, seed, hashes, version.

    Raises
    ------
    InputError
        It is missing, or no JSON object.
    """
    faults: list[Fault] = []
    text = read_text(folder / MANIFEST, faults)
    if text is None:
        raise InputError(faults)
    try:
        manifest = json.loads(text)
    except ValueError as error:
        found = f"the file is no JSON: {error.args[0] if error.args else error}."
        raise InputError(Fault(MANIFEST, found, _AGAIN)) from None
    if not isinstance(manifest, dict):
        raise InputError(Fault(MANIFEST, "the file holds no JSON object.", _AGAIN))
    return manifest


def check_tables(tables: TrialTables) -> None:
    """Raise InputError with every fault: columns missing or of another type, no patient behind a row, rows twice."""
    faults: list[Fault] = []
    for name, columns in TABLES.items():
        frame = getattr(tables, name)
        found = len(faults)
        _check_columns(f"{name}.parquet", frame, columns, faults)
        if len(faults) == found:
            _check_keys(name, frame, tables, faults)
    if faults:
        raise InputError(faults)


def _read(path: Path, faults: list[Fault]) -> pd.DataFrame:
    import pyarrow as pa
    import pyarrow.parquet as pq

    place = f"{FOLDER}/{path.name}"
    if not path.is_file():
        faults.append(Fault(place, "the file does not exist.", _AGAIN))
        return pd.DataFrame()
    try:
        # One open file and no guessing: a path of a folder's shape would be read as a partitioned data set.
        with path.open("rb") as file:
            frame: pd.DataFrame = pq.ParquetFile(file).read().to_pandas()
            return frame
    except (pa.ArrowException, OSError, ValueError) as error:
        reason = str(error).splitlines()[0].rstrip(".") if str(error) else type(error).__name__
        faults.append(Fault(place, f"the file is cut off or no Parquet ({reason}).", _AGAIN))
        return pd.DataFrame()


def _check_columns(place: str, frame: pd.DataFrame, columns: Columns, faults: list[Fault]) -> None:
    for title, (kind, meaning) in columns.items():
        if title not in frame:
            faults.append(Fault(place, f"the column '{title}' is missing.", f"It holds: {meaning}.", column=title))
        elif len(frame):
            wrong = _wrong_type(frame[title], kind)
            if wrong:
                faults.append(Fault(place, wrong, f"It holds: {meaning} ({kind}).", column=title))


def _wrong_type(column: pd.Series, kind: str) -> str:
    """Return what is wrong with the cells of a column, empty where nothing is."""
    types = pd.api.types
    if kind in _TEXT:
        if column.isna().any():
            return "a cell is missing where an empty text is meant."
        if isinstance(column.dtype, pd.CategoricalDtype):
            column = column.cat.categories.to_series()
        return (
            "" if all(isinstance(cell, str) for cell in pd.unique(column)) else f"cells are {column.dtype}, not text."
        )
    if kind in _FLAG:
        return "" if types.is_bool_dtype(column) else f"cells are {column.dtype}, not true or false."
    if types.is_bool_dtype(column) or not types.is_numeric_dtype(column):
        return f"cells are {column.dtype}, not numbers."
    if kind in _WHOLE and not (types.is_integer_dtype(column) or (column % 1 == 0).all()):
        return "a number is missing or not whole."
    if column.abs().max() == float("inf"):
        return "a number is infinite."
    return ""


def _check_keys(name: str, frame: pd.DataFrame, tables: TrialTables, faults: list[Fault]) -> None:
    place = f"{name}.parquet"
    keys = list(_KEYS.get(name, ()))
    if keys and frame.duplicated(keys).any():
        row = frame[frame.duplicated(keys)].iloc[0]
        said = ", ".join(f"{key} {row[key]}" for key in keys)
        faults.append(Fault(place, f"{said} stands twice.", _AGAIN, column=keys[-1]))
    if name != "subjects" and "patient" in tables.subjects:
        stranger = frame.loc[~frame["patient"].isin(tables.subjects["patient"]), "patient"]
        if len(stranger):
            found = f"patient {stranger.iloc[0]} is not in subjects.parquet."
            faults.append(Fault(place, found, _AGAIN, column="patient"))
    if name in _OF_AN_ARM and not frame.empty and {"arm", "patient"} <= set(tables.outcomes):
        known = pd.MultiIndex.from_frame(tables.outcomes[["arm", "patient"]])
        lost = frame[~pd.MultiIndex.from_frame(frame[["arm", "patient"]]).isin(known)]
        if len(lost):
            row = lost.iloc[0]
            found = f"arm {row['arm']}, patient {row['patient']} is not in outcomes.parquet."
            faults.append(Fault(place, found, _AGAIN, column="arm"))
