"""What an ADaM dataset is: a table with a name, labels and lengths, and where each of its variables comes from.

Names and labels follow ADaMIG 1.3 (adamig2021) where it defines a variable. The limits of length are those of SAS
transport files, version 5, which submissions use.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from aftercar.foundation import Fault

Kind = Literal["text", "number", "date"]

NAME_LENGTH, LABEL_LENGTH, TEXT_LENGTH = 8, 40, 200
# Between these the writer's IBM floats hold every number exactly (tests/unit/trials/adam/test_write.py); they end at
# 16^63, but from 16^62 on the writer gives infinity.
_SMALLEST, _LARGEST = 16.0**-65, 16.0**62
_NAME = re.compile(r"[A-Z_][A-Z0-9_]*\Z")


@dataclass(frozen=True, slots=True)
class Variable:
    """One variable. `derivation` says which column of which table of the trial it is made of, and how."""

    name: str
    label: str
    kind: Kind
    derivation: str
    codelist: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class AdamDataset:
    """A dataset of the export. Simulated.

    Attributes
    ----------
    structure
        ADaM's word for its class.
    keys
        Variables by which the rows are sorted and that together name one row.
    table
        Columns in the order of `variables`. Text is never missing (empty instead), numbers are floats with NaN, dates
        are `datetime64[s]` with NaT.
    """

    name: str
    label: str
    structure: str
    keys: tuple[str, ...]
    variables: tuple[Variable, ...]
    table: pd.DataFrame


def make_dataset(
    frame: pd.DataFrame,
    *,
    name: str,
    label: str,
    structure: str,
    keys: tuple[str, ...],
    variables: Iterable[Variable],
) -> AdamDataset:
    """Return a dataset of the rows of a frame: sorted, numbered within each subject, each column of its kind."""
    variables = tuple(variables)
    table = frame.sort_values(list(keys), kind="stable", ignore_index=True)
    if any(variable.name == "ASEQ" for variable in variables):
        table["ASEQ"] = table.groupby("USUBJID", sort=False).cumcount() + 1
    columns = {variable.name: _as_kind(table[variable.name], variable.kind) for variable in variables}
    return AdamDataset(name, f"{label} (simulated)", structure, keys, variables, pd.DataFrame(columns))


def _as_kind(column: pd.Series, kind: Kind) -> pd.Series:
    if kind == "text":
        return column.astype(object).where(column.notna(), "").astype(str)
    if kind == "date":
        return column.astype("datetime64[s]")
    return column.astype(float)


def measure_lengths(dataset: AdamDataset) -> dict[str, int]:
    """Return the bytes that each variable takes in a transport file: the longest text, at least 1; 8 for others."""
    lengths = {}
    for variable in dataset.variables:
        lengths[variable.name] = 8
        if variable.kind == "text":
            values = pd.unique(dataset.table[variable.name])
            lengths[variable.name] = max((len(value.encode()) for value in values), default=1) or 1
    return lengths


def find_transport_faults(dataset: AdamDataset) -> list[Fault]:
    """Return what of a dataset does not fit a SAS transport file, version 5.

    Checked here, since the library that writes cuts long labels, takes texts of any length and turns what its numbers
    cannot hold into infinity, all without a word.
    """
    place = f"{dataset.name}.xpt"
    faults = [_name_fault(place, dataset.name), _label_fault(place, "", dataset.label)]
    for variable in dataset.variables:
        faults += [_name_fault(place, variable.name), _label_fault(place, variable.name, variable.label)]
        column = dataset.table[variable.name]
        faults.append(_text_fault(place, column) if variable.kind == "text" else None)
        faults.append(_number_fault(place, column) if variable.kind == "number" else None)
    return [fault for fault in faults if fault is not None]


def _name_fault(place: str, name: str) -> Fault | None:
    if len(name) <= NAME_LENGTH and _NAME.match(name):
        return None
    return Fault(place, f"'{name}' is no SAS name.", f"Use at most {NAME_LENGTH} of A-Z, 0-9 and _.", column=name)


def _label_fault(place: str, name: str, label: str) -> Fault | None:
    if len(label) <= LABEL_LENGTH and label.isascii():
        return None
    mend = f"Use at most {LABEL_LENGTH} characters of ASCII."
    return Fault(place, f"the label '{label}' has {len(label)} characters.", mend, column=name or None)


def _text_fault(place: str, column: pd.Series) -> Fault | None:
    for value in pd.unique(column):
        found = ""
        if not value.isascii() or not (value.isprintable() or not value):
            found = f"'{value[:40]}' has characters that are not printable ASCII."
        elif len(value) > TEXT_LENGTH:
            found = f"'{value[:40]}...' has {len(value)} characters; a transport file holds {TEXT_LENGTH}."
        if found:
            mend = "Rename it in the plan of the trial, or export as csv or parquet alone."
            return Fault(place, found, mend, column=str(column.name))
    return None


def _number_fault(place: str, column: pd.Series) -> Fault | None:
    size = column.abs()
    odd = column[((size > 0) & (size < _SMALLEST)) | (size >= _LARGEST)]
    if odd.empty:
        return None
    mend = "Export as csv or parquet alone, and check the trial: no quantity of it is of that size."
    return Fault(place, f"{odd.iloc[0]:g} is no number of a transport file.", mend, column=str(column.name))
