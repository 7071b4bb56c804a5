"""A small good laboratory table and the kinds of damage that a user's table comes with."""

# ruff: noqa: E501  (a table reads best with one kind a line)

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

GOOD = (
    "patient,day,serum_m_g_per_dl,urine_m_mg_per_24h,serum_ife,plasmacytomas,new_therapy\n"
    "A,0,4.0,40,positive,0,90\n"
    "A,28,0.3,20,positive,,90\n"
    "A,57,0.3,20,negative,,90\n"
    "B,0,2.5,0,positive,,\n"
    "B,28,<0.1,0,negative,,\n"
)
LONG = (
    "USUBJID,ADT,PARAMCD,AVAL,AVALU\n"
    "A,2024-01-02,serum_m,40,g/L\n"
    "A,2024-01-30,serum_m,15,g/L\n"
    "A,2024-02-28,serum_m,14,g/L\n"
    "A,2024-01-30,urine_ife,negative,\n"
)
Damage = Callable[[Path], None]


def swap(old: str, new: str, text: str = GOOD) -> Damage:
    """Return a damage that replaces a piece of the good table."""
    assert text.count(old) >= 1, old
    return lambda path: _write(path, text.replace(old, new, 1).encode())


def raw(content: bytes) -> Damage:
    """Return a damage that replaces the whole file."""
    return lambda path: _write(path, content)


def _write(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def long(old: str, new: str) -> Damage:
    """Return a damage to the table with one value a row."""
    return swap(old, new, LONG)


# name of the damage, the damage, and pieces that the message must hold: row, column, what is wrong
KINDS: list[tuple[str, Damage, tuple[str, ...]]] = [
    ("empty file", raw(b""), ("labs.csv", "empty")),
    ("header alone", raw(GOOD.splitlines()[0].encode() + b"\n"), ("no rows below the header",)),
    ("UTF-16", raw(GOOD.encode("utf-16")), ("UTF-8",)),
    ("a spreadsheet", raw(b"PK\x03\x04rest"), ("spreadsheet",)),
    ("NUL bytes", raw(b"patient\x00,day\n"), ("binary",)),
    ("Latin-1", raw(GOOD.replace("A,28", "\xc4,28").encode("latin-1")), ("row 3", "UTF-8")),
    ("semicolons", raw(GOOD.replace(",", ";").encode()), ("commas",)),
    ("cut off in a quote", raw(GOOD.encode() + b'C,0,"4.0'), ("row 7", "quote")),
    ("too many cells", swap("4.0,40,positive", "4,0,40,positive"), ("row 2", "cells")),
    ("too few cells", swap("B,28,<0.1,0,negative,,", "B,28,<0.1,0"), ("row 6", "cells")),
    ("no patient column", swap("patient,", "person,"), ("column patient", "missing", "--map")),
    ("no day column", swap("day,", "when,"), ("column day", "missing", "--map")),
    ("no values", raw(b"patient,day\nA,0\n"), ("no column holds a value", "serum_m_g_per_dl")),
    ("a column twice", swap("urine_m_mg_per_24h", "serum_m_g_per_dl"), ("column serum_m_g_per_dl", "is read as serum_m", "ignore")),
    ("one quantity in two units", swap("urine_m_mg_per_24h", "serum_m_g_per_l"), ("column serum_m_g_per_l", "is read as serum_m")),
    ("unit not said", swap("serum_m_g_per_dl", "serum_m"), ("row 1, column serum_m", "unit is not said", '--unit "serum_m=UNIT"', "g/dL")),
    ("empty patient", swap("A,28", ",28"), ("row 3, column patient", "empty")),
    ("empty day", swap("A,28", "A,"), ("row 3, column day", "empty")),
    ("a date for a day", swap("A,28", "A,2024-01-01"), ("row 3, column day", "not a number")),
    ("a visit twice", swap("A,57", "A,28"), ("row 4, column day", "patient A", "row 3")),
    ("negative level", swap("0.3,20,positive", "-0.3,20,positive"), ("row 3, column serum_m_g_per_dl", "below 0")),
    ("decimal comma", swap("A,28,0.3", 'A,28,"0,3"'), ("row 3, column serum_m_g_per_dl", "comma")),
    ("unit in the cell", swap("A,28,0.3", "A,28,0.3 g/dL"), ("row 3, column serum_m_g_per_dl", "not a number")),
    ("a word for missing", swap("A,28,0.3", "A,28,NA"), ("row 3, column serum_m_g_per_dl", "Leave the cell empty")),
    ("not a number", swap("A,28,0.3", "A,28,nan"), ("row 3, column serum_m_g_per_dl", "missing value")),
    ("infinite", swap("A,28,0.3", "A,28,1e999"), ("row 3, column serum_m_g_per_dl", "finite")),
    ("above the range of the assay", swap("A,28,0.3", "A,28,>5"), ("row 3, column serum_m_g_per_dl", "dilution")),
    ("a limit without a number", swap("A,28,0.3", "A,28,<"), ("row 3, column serum_m_g_per_dl", "empty")),
    ("g/L under the name of g/dL", swap("A,0,4.0", "A,0,40"), ("row 2, column serum_m_g_per_dl", "more than any patient", "g/L")),
    ("an answer that is none", swap("57,0.3,20,negative", "57,0.3,20,weak"), ("row 4, column serum_ife", "no answer")),
    ("half a lesion", swap("positive,0,90", "positive,0.5,90"), ("row 2, column plasmacytomas", "whole")),
    ("two days of new therapy", swap("positive,,90", "positive,,80"), ("row 3, column new_therapy", "another new_therapy in row 2")),
    ("control character", swap("A,28", "A\x1b[31m,28"), ("row 3, column patient", "control")),
    ("a formula", swap("A,28", "=A1,28"), ("row 3, column patient", "formula")),
    ("huge cell", swap("57,0.3,20,negative", f"57,0.3,20,{'x' * 20_000}"), ("row 4, column serum_ife",)),
    ("long: unknown unit", long("15,g/L", "15,g/hL"), ("row 3, column AVALU", "no unit of serum_m", "g/dL")),
    ("long: no unit", long("15,g/L", "15,"), ("row 3, column PARAMCD", "unit of 'serum_m' is not said")),
    ("long: no such date", long("2024-01-30,serum_m", "2024-02-30,serum_m"), ("row 3, column ADT", "no date")),
    ("long: partial date", long("2024-01-30,serum_m", "2024-01,serum_m"), ("row 3, column ADT", "YYYY-MM-DD")),
    ("long: a date of a country", long("2024-01-30,serum_m", "30/01/2024,serum_m"), ("row 3, column ADT", "no date")),
    ("long: a value twice", long("2024-02-28", "2024-01-30"), ("row 4", "serum_m of patient A stands already in row 3")),
    ("long: text for a number", long(",15,", ",fifteen,"), ("row 3, column AVAL", "not a number")),
    ("a folder", lambda path: path.mkdir(), ("folder",)),
    ("a named pipe", lambda path: os.mkfifo(path), ("no ordinary file",)),
    ("no such file", lambda path: None, ("does not exist",)),
]  # fmt: skip
