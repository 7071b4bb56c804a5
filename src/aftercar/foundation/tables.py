"""Reading a user's table so that every fault is found at once and named by file, row, column and mend.

A table's columns are declared where its record is: a frozen dataclass whose fields are made by `column`. The same
declaration drives reading, checking, the documentation and export.
"""

from __future__ import annotations

import csv
import dataclasses
import difflib
import io
import math
import re
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

from aftercar.foundation.errors import Fault, InputError

Kind = Literal["id", "text", "count", "number", "percent", "year", "choice", "ids"]

MAX_BYTES = 50_000_000
MAX_ROWS = 200_000
MAX_CELL = 10_000

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]*\Z")
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
# All control characters but tab and line ends, and the marks that change the direction of text.
CONTROL_CHARACTERS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_MISSING_WORDS = {"na", "n/a", "nan", "null", "none", "-", "--", ".", "?", "nr", "ne", "not reported", "unknown"}

Record = TypeVar("Record")


@dataclass(frozen=True, slots=True)
class Column:
    """What one column of a table may hold.

    `kind`: ``id`` (unique in its table when `key`), ``text``, ``count`` (whole, >= 0), ``number``, ``percent`` (0 to
    100), ``year``, ``choice`` (one of `choices`), ``ids`` (ids parted by ``;``).
    """

    kind: Kind
    meaning: str
    required: bool = False
    key: bool = False
    unit: str = ""
    choices: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None


def column(kind: Kind, meaning: str, **limits: Any) -> Any:
    """Declare a dataclass field as a column of a table. `limits` are the other fields of `Column`."""
    default: Any = () if kind == "ids" else ("" if kind in {"text", "choice", "id"} else None)
    spec = Column(kind=kind, meaning=meaning, **limits)
    if spec.required:
        return dataclasses.field(metadata={"column": spec})
    return dataclasses.field(default=default, metadata={"column": spec})


def columns_of(record: type) -> dict[str, Column]:
    """Return the declared columns of a record type, in order."""
    return {field.name: field.metadata["column"] for field in dataclasses.fields(record) if "column" in field.metadata}


@dataclass(frozen=True, slots=True)
class Table:
    """The rows of a checked table with the line on which each stands (header = 1)."""

    file: str
    rows: tuple[Any, ...]
    lines: tuple[int, ...]


def load_table(path: Path, record: type, *, faults: list[Fault] | None = None) -> Table:
    """Read a CSV file into records of the given type.

    Every fault is collected. With `faults` given they are appended to it and the good rows returned, so that a caller
    can report several tables at once; without it an `InputError` carries them all.
    """
    collected: list[Fault] = [] if faults is None else faults
    before = len(collected)
    table = _read(path, record, collected)
    if faults is None and len(collected) > before:
        raise InputError(collected)
    return table


def _read(path: Path, record: type, faults: list[Fault]) -> Table:
    name = path.name
    header, body = read_cells(path, faults)
    specs = columns_of(record)
    if not header or not _check_header(name, header, specs, faults):
        return Table(name, (), ())
    rows: list[Any] = []
    lines: list[int] = []
    seen: dict[str, int] = {}
    for line, cells in body:
        values, good = _convert_row(name, line, dict(zip(header, cells, strict=True)), specs, faults)
        for key in (k for k, spec in specs.items() if spec.key and values.get(k)):
            first = seen.setdefault(f"{key}={values[key]}", line)
            if first != line:
                faults.append(
                    Fault(
                        name,
                        f"the id '{values[key]}' stands already in row {first}.",
                        "Give each row its own id, or delete one.",
                        line,
                        key,
                    )
                )
                good = False
        if good:
            rows.append(record(**values))
            lines.append(line)
    return Table(name, tuple(rows), tuple(lines))


def read_cells(path: Path, faults: list[Fault]) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """Return the header and the (line, cells) of a CSV file, with all that is wrong with it as text in `faults`.

    Refuses what is missing, empty, too large, not UTF-8, binary, cut off inside quotes, or not parted by commas; rows
    with too many or too few cells are faults of their own and are left out. Blank lines are passed over.
    """
    name = path.name
    text = read_text(path, faults)
    if text is None:
        return [], []
    if not text.strip():
        faults.append(
            Fault(name, "the file is empty.", "Put the column names on the first line and one record a line below.")
        )
        return [], []
    try:
        header, body = _part_rows(name, text, faults)
    except csv.Error as error:
        place = int(error.args[1])
        faults.append(
            Fault(
                name,
                f"the text cannot be parted into cells ({error.args[0]}): a quote is open or the file is cut off.",
                "Close the quote, or fetch the file again.",
                place,
            )
        )
        return [], []
    if CONTROL_CHARACTERS.search("".join(header)):
        faults.append(Fault(name, "a column's name holds a control character.", "Delete it.", 1))
        return [], []
    if not header:
        faults.append(Fault(name, "the file holds no header.", "Put the column names on the first line."))
    elif len(header) == 1 and any(mark in header[0] for mark in ";\t|"):
        faults.append(
            Fault(
                name,
                "the header is one cell: columns are not parted by commas.",
                "Save the table as CSV with commas.",
                1,
            )
        )
        return [], []
    return header, body


def _part_rows(name: str, text: str, faults: list[Fault]) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """Return header and rows; raise csv.Error(reason, line) where the text cannot be parted."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    header: list[str] = []
    body: list[tuple[int, list[str]]] = []
    start = 1
    try:
        for cells in reader:
            line, start = start, reader.line_num + 1
            if not any(cell.strip() for cell in cells):
                continue
            if not header:
                header = [cell.strip() for cell in cells]
            elif len(cells) != len(header):
                found = f"the row has {len(cells)} cells where the header has {len(header)}."
                faults.append(Fault(name, found, "Quote cells that hold commas, or add the missing commas.", line))
            elif len(body) >= MAX_ROWS:
                faults.append(Fault(name, f"more than {MAX_ROWS:,} rows.", "Split the table.", line))
                break
            else:
                body.append((line, [cell.strip() for cell in cells]))
    except csv.Error as error:
        raise csv.Error(str(error), start) from None
    return header, body


def read_text(path: Path, faults: list[Fault]) -> str | None:
    """Return the text of an ordinary file in UTF-8 of at most `MAX_BYTES`, or None with a fault that says what it is.

    Devices and pipes are refused unread: they may never end.
    """
    name = path.name
    try:
        kind = path.stat().st_mode
        if stat.S_ISDIR(kind):
            faults.append(Fault(name, "this is a folder.", "Name a file."))
            return None
        if not stat.S_ISREG(kind):
            faults.append(Fault(name, "this is no ordinary file (a device or a pipe).", "Copy it to a file."))
            return None
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        faults.append(Fault(name, "the file does not exist.", f"Check the path: {path.parent}."))
        return None
    except OSError as error:
        faults.append(Fault(name, f"the file cannot be read ({error.strerror}).", "Check its path and permissions."))
        return None
    if len(raw) > MAX_BYTES:
        faults.append(Fault(name, f"the file has more than {MAX_BYTES:,} bytes.", "Split it."))
        return None
    return _decode(name, raw, faults)


def _decode(name: str, raw: bytes, faults: list[Fault]) -> str | None:
    if raw.startswith((b"\xff\xfe", b"\xfe\xff", b"PK\x03\x04", b"PAR1")) or b"\x00" in raw:
        faults.append(
            Fault(
                name,
                "the file is not plain text (UTF-16, a spreadsheet or binary).",
                "Save it as plain text in UTF-8; a table as CSV.",
            )
        )
        return None
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        faults.append(Fault(name, f"byte {raw[error.start]:#04x} is not UTF-8.", "Save the file in UTF-8.", line))
        return None


def _check_header(name: str, header: Sequence[str], specs: dict[str, Column], faults: list[Fault]) -> bool:
    found = len(faults)
    for position, title in enumerate(header, start=1):
        if not title:
            faults.append(Fault(name, f"column {position} has no name.", "Name it or delete it.", 1))
        elif header.index(title) != position - 1:
            faults.append(Fault(name, f"the column '{title}' stands twice.", "Delete or rename one.", 1, title))
        elif title not in specs:
            close = difflib.get_close_matches(title.lower(), specs, n=1, cutoff=0.6)
            mend = f"Did you mean '{close[0]}'?" if close else f"Known columns: {', '.join(specs)}."
            faults.append(Fault(name, f"the column '{title}' is not known.", mend, 1, title))
    for title, spec in specs.items():
        if spec.required and title not in header:
            faults.append(Fault(name, f"the column '{title}' is missing.", f"Add it: {spec.meaning}.", 1, title))
    return len(faults) == found


def _convert_row(
    name: str, line: int, cells: dict[str, str], specs: dict[str, Column], faults: list[Fault]
) -> tuple[dict[str, Any], bool]:
    values: dict[str, Any] = {}
    good = True
    for title, spec in specs.items():
        if title not in cells:
            continue
        try:
            value = convert_cell(cells[title], spec)
            if spec.kind == "text":
                check_formula(cells[title])
        except ValueError as error:
            found, mend = error.args
            faults.append(Fault(name, found, mend, line, title))
            good = False
            continue
        if value is not None:
            values[title] = value
    return values, good


def convert_cell(cell: str, spec: Column) -> Any:
    """Return a cell's value, or None where it is empty. Raises ValueError(found, mend)."""
    if cell == "":
        if spec.required:
            raise ValueError("the cell is empty.", f"Fill it in: {spec.meaning}.")
        return None
    check_characters(cell)
    match spec.kind:
        case "text":
            return cell
        case "id":
            return _convert_id(cell)
        case "ids":
            return tuple(_convert_id(part.strip()) for part in cell.split(";") if part.strip())
        case "choice":
            return _convert_choice(cell, spec)
        case _:
            return _convert_number(cell, spec)


def check_characters(text: str) -> None:
    """Raise ValueError(found, mend) where a text is too long or could steer a terminal or turn its own words round."""
    if len(text) > MAX_CELL:
        raise ValueError(f"the cell has {len(text):,} characters.", f"Keep it below {MAX_CELL:,}.")
    if CONTROL_CHARACTERS.search(text):
        raise ValueError("the cell holds a control character.", "Delete it.")


def check_formula(cell: str) -> None:
    """Raise ValueError(found, mend) where a spreadsheet would run a text as a formula, should it be exported."""
    if cell.startswith(("=", "+", "-", "@")) and not _NUMBER.fullmatch(cell):
        raise ValueError(
            f"the text begins with '{cell[0]}', as a spreadsheet's formula does.", "Begin it with a letter or a digit."
        )


def _convert_id(cell: str) -> str:
    if not _ID.match(cell):
        raise ValueError(
            f"'{cell}' is not an id.", "Use letters, digits and _ . + - only, beginning with a letter or digit."
        )
    return cell


def _convert_choice(cell: str, spec: Column) -> str:
    if cell in spec.choices:
        return cell
    close = difflib.get_close_matches(cell, spec.choices, n=1)
    mend = f"Did you mean '{close[0]}'? " if close else ""
    raise ValueError(f"'{cell}' is not one of the words allowed here.", f"{mend}Allowed: {', '.join(spec.choices)}.")


def _convert_number(cell: str, spec: Column) -> float | int:
    if cell.lower() in _MISSING_WORDS:
        raise ValueError(f"'{cell}' is a word for a missing value.", "Leave the cell empty.")
    if cell.endswith("%"):
        raise ValueError(f"'{cell}' carries a percent sign.", "Write the bare number; the column says the unit.")
    if re.fullmatch(r"[+-]?[0-9]+,[0-9]+", cell):
        raise ValueError(f"'{cell}' has a comma.", "Write decimals with a point and thousands without a mark.")
    if re.fullmatch(r"[0-9]+\s*(/|of)\s*[0-9]+", cell):
        raise ValueError(f"'{cell}' is two numbers.", "Put the numerator and the denominator in columns of their own.")
    if not _NUMBER.fullmatch(cell):
        unit = f" in {spec.unit}" if spec.unit else ""
        raise ValueError(f"'{cell}' is not a number.", f"Write a plain number{unit}.")
    value = float(cell)
    if not math.isfinite(value):
        raise ValueError(f"'{cell}' is not finite.", "Write a finite number or leave the cell empty.")
    if spec.kind in {"count", "year"}:
        if value != int(value):
            raise ValueError(f"{cell} is not whole.", "Write a whole number.")
        value = int(value)
    low, high = _limits(spec)
    if low is not None and value < low:
        raise ValueError(
            f"{cell} is below {low:g}.", f"{spec.meaning[0].upper()}{spec.meaning[1:]} is {low:g} or more."
        )
    if high is not None and value > high:
        raise ValueError(
            f"{cell} is above {high:g}.", f"{spec.meaning[0].upper()}{spec.meaning[1:]} is {high:g} or less."
        )
    return value


def _limits(spec: Column) -> tuple[float | None, float | None]:
    defaults: dict[str, tuple[float | None, float | None]] = {
        "count": (0, 10_000_000),
        "percent": (0, 100),
        "year": (1950, 2100),
    }
    low, high = defaults.get(spec.kind, (None, None))
    return (spec.minimum if spec.minimum is not None else low, spec.maximum if spec.maximum is not None else high)
