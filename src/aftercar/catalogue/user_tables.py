"""Reading a user's own table of counts, medians or a curve, whose columns have names of their own."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from aftercar.catalogue.records import MEASURES
from aftercar.foundation import Column, Fault, InputError
from aftercar.foundation.tables import check_characters, convert_cell, read_cells

_EVENTS = Column("count", "the number of patients with the outcome", required=True)
_TOTAL = Column("count", "the number of patients evaluable", required=True, minimum=1)
_TEXT = Column("text", "a word that names the group", required=True)
_MEDIAN = Column("number", "the median time", required=True, minimum=0)
_NUMBER = Column("number", "a number read off the figure", required=True)
_ID = Column("id", "an id as in the evidence tables", required=True)
_MEASURE = Column("choice", "the measure", required=True, choices=MEASURES)
_COUNT = Column("count", "the number of patients; empty where it is not known")
_FIRST = Column("id", "the id of the therapy before; empty where it is not known")
_TIME = Column("number", "a time [months]; empty where not known or not reached", minimum=0.01)
_LIMIT = Column("number", "a limit of the interval; empty where not reached", minimum=0)

# The columns of the frame that `load_counts` returns: a covariate of that name would overwrite them.
_RESERVED = ("label", "events", "total", "group")


def load_counts(
    path: Path,
    *,
    events: str,
    total: str,
    label: str | None = None,
    by: str | None = None,
    covariates: Sequence[str] = (),
) -> pd.DataFrame:
    """Read one cohort a row: the number with the outcome and the number evaluable.

    Parameters
    ----------
    path
        A CSV file in UTF-8 with a header; other columns are let be.
    events, total, label, by
        Names of the columns. Without `label` a column ``study``, ``label`` or ``id`` is used, else the row number.
    covariates
        Columns for meta-regression: numbers, or words (then they are categories). No empty cells.

    Returns
    -------
    pandas.DataFrame
        Columns ``label, events, total``, ``group`` where `by` is given, and one per covariate under its own name.

    Raises
    ------
    InputError
        Every fault, with row, column and mend.
    """
    roles: dict[str, tuple[str, Column]] = {"events": (events, _EVENTS), "total": (total, _TOTAL)}
    if by is not None:
        roles["group"] = (by, _TEXT)
    frame, lines = _load_roles(path, roles, label, covariates)
    faults = [
        Fault(
            path.name,
            f"{x} exceeds {total} = {n}.",
            "Responders cannot outnumber the evaluable; are the columns exchanged?",
            line,
            events,
        )
        for x, n, line in zip(frame["events"], frame["total"], lines, strict=True)
        if x > n
    ]
    if faults:
        raise InputError(faults)
    return frame


def load_medians(
    path: Path, *, median: str, lower: str, upper: str, label: str | None = None, by: str | None = None
) -> pd.DataFrame:
    """Read one cohort a row: a median time with the limits of its interval (empty where not reached).

    Returns columns ``label, median, ci_lb, ci_ub`` and ``group`` where `by` is given; see `load_counts`.
    """
    roles = {"median": (median, _MEDIAN), "ci_lb": (lower, _LIMIT), "ci_ub": (upper, _LIMIT)}
    if by is not None:
        roles["group"] = (by, _TEXT)
    frame, lines = _load_roles(path, roles, label, ())
    faults = [
        Fault(path.name, "the interval excludes its median.", "Correct one of them.", line, median)
        for middle, low, high, line in zip(frame["median"], frame["ci_lb"], frame["ci_ub"], lines, strict=True)
        if low > middle or high < middle
    ]
    if faults:
        raise InputError(faults)
    return frame


def load_cohorts(path: Path) -> pd.DataFrame:
    """Read counts of cohorts, one a row, under the names that the evidence tables and their export have.

    Returns columns ``cohort_id, study_id, therapy_id, measure, first_therapy, events, total, line`` (of the file);
    counts that are not known are NaN. Other columns are let be. `therapy_id` may join therapies of the catalogue by
    ``+``. `first_therapy`, what the patients had before, may be missing or empty.
    """
    frame = _load_cohorts(path, {"events": ("events", _COUNT), "total": ("total", _COUNT)}, ())
    frame = frame.astype({"events": float, "total": float})
    faults = [
        Fault(path.name, f"{x:g} of {n:g} patients.", "Responders are a part of the patients.", line, "events")
        for x, n, line in zip(frame["events"], frame["total"], frame["line"], strict=True)
        if x > n or n == 0
    ]
    if faults:
        raise InputError(faults)
    return frame


def load_cohort_medians(path: Path) -> pd.DataFrame:
    """Read median times [months] of cohorts, one a row; see `load_cohorts`.

    Returns columns ``cohort_id, study_id, therapy_id, measure, first_therapy, median, patients, follow_up_months,
    line``. A median that was not reached is NaN; then `follow_up_months`, which may be missing else, says until when.
    """
    roles = {"median": ("median", _TIME), "patients": ("patients", _COUNT)}
    return _load_cohorts(path, roles, ("follow_up_months",))


def _load_cohorts(path: Path, roles: Mapping[str, tuple[str, Column]], optional: Sequence[str]) -> pd.DataFrame:
    named = {name: (name, _ID) for name in ("cohort_id", "study_id", "therapy_id")}
    named |= {"measure": ("measure", _MEASURE), **roles}
    faults: list[Fault] = []
    header = read_cells(path, faults)[0]
    welcome = {"first_therapy": _FIRST} | dict.fromkeys(optional, _TIME)
    named |= {name: (name, spec) for name, spec in welcome.items() if name in header}
    frame, lines = _load_roles(path, named, "cohort_id", ())
    frame = frame.drop(columns="label").assign(line=lines)
    for name, spec in welcome.items():
        if name not in frame:
            frame[name] = "" if spec.kind == "id" else float("nan")
    return frame.assign(first_therapy=frame["first_therapy"].fillna(""))


def load_curve(path: Path, *, time: str = "time", survival: str = "survival") -> pd.DataFrame:
    """Read a digitised survival curve, one point a row: columns ``time, survival``; see `load_counts`."""
    roles = {"time": (time, _NUMBER), "survival": (survival, _NUMBER)}
    return _load_roles(path, roles, None, ())[0].drop(columns="label")


def load_risk_table(path: Path, *, time: str = "time", at_risk: str = "at_risk") -> pd.DataFrame:
    """Read the numbers at risk below a survival curve: columns ``time, at_risk``; see `load_counts`."""
    roles = {"time": (time, _NUMBER), "at_risk": (at_risk, _EVENTS)}
    return _load_roles(path, roles, None, ())[0].drop(columns="label")


def _load_roles(
    path: Path, roles: Mapping[str, tuple[str, Column]], label: str | None, covariates: Sequence[str]
) -> tuple[pd.DataFrame, list[int]]:
    faults: list[Fault] = []
    header, body = read_cells(path, faults)
    if faults:
        raise InputError(faults)
    wanted = [name for name, _ in roles.values()] + [*covariates] + ([label] if label else [])
    for name in wanted:
        if name not in header:
            close = difflib.get_close_matches(name, header, n=1, cutoff=0.4)
            mend = f"Did you mean '{close[0]}'? " if close else ""
            faults.append(
                Fault(
                    path.name, f"the column '{name}' is missing.", f"{mend}The file has: {', '.join(header)}.", 1, name
                )
            )
        elif header.count(name) > 1:
            faults.append(Fault(path.name, f"the column '{name}' stands twice.", "Delete or rename one.", 1, name))
    faults.extend(
        Fault(path.name, f"the name '{name}' is taken in the answer.", "Please rename the column.", 1, name)
        for name in covariates
        if name in _RESERVED and not (name in {"events", "total"} and roles[name][0] == name)
    )
    if faults:
        raise InputError(faults)
    title = label or next((name for name in ("study", "label", "id", "cohort_id") if name in header), None)
    rows = [_row(path.name, line, dict(zip(header, cells, strict=True)), roles, title, faults) for line, cells in body]
    if not rows:
        faults.append(Fault(path.name, "there are no rows below the header.", "Put one cohort a line."))
    if faults:
        raise InputError(faults)
    frame = pd.DataFrame(rows)
    for name in covariates:
        if name not in frame:  # events and total may serve as covariate or order as they are
            frame[name] = _covariate(path.name, name, [(line, cells[header.index(name)]) for line, cells in body])
    return frame, [line for line, _ in body]


def _row(
    file: str,
    line: int,
    cells: dict[str, str],
    roles: Mapping[str, tuple[str, Column]],
    title: str | None,
    faults: list[Fault],
) -> dict[str, Any]:
    row: dict[str, Any] = {"label": (cells[title] if title else "") or f"row {line}"}
    faults.extend(_character_faults(file, title or "label", [(line, row["label"])]))
    for role, (name, spec) in roles.items():
        try:
            value = convert_cell(cells[name], spec)
        except ValueError as error:
            found, mend = error.args
            faults.append(Fault(file, found, mend, line, name))
            value = None
        row[role] = float("nan") if value is None and spec.kind == "number" else value
    return row


def _covariate(file: str, name: str, cells: Sequence[tuple[int, str]]) -> list[Any]:
    """Return numbers where every cell is one, else words."""
    faults = _character_faults(file, name, cells)
    faults += [
        Fault(file, "the cell is empty.", "Each cohort needs a value in this column.", line, name)
        for line, cell in cells
        if not cell
    ]
    if faults:
        raise InputError(faults)
    try:
        return [convert_cell(cell, Column("number", name)) for _, cell in cells]
    except ValueError:
        return [cell for _, cell in cells]


def _character_faults(file: str, column: str, cells: Sequence[tuple[int, str]]) -> list[Fault]:
    faults = []
    for line, cell in cells:
        try:
            check_characters(cell)
        except ValueError as error:
            found, mend = error.args
            faults.append(Fault(file, found, mend, line, column))
    return faults
