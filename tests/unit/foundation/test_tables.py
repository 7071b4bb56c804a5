"""Reading tables: what a cell becomes, and where a fault is said to be."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aftercar.foundation import Column, InputError, column, load_table
from aftercar.foundation.tables import convert_cell


@dataclass(frozen=True)
class Row:
    row_id: str = column("id", "id of the row", required=True, key=True)
    n: int | None = column("count", "patients")
    share: float | None = column("percent", "share")
    text: str = column("text", "words")
    parts: tuple[str, ...] = column("ids", "parts")


def write(folder: Path, text: str) -> Path:
    path = folder / "rows.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_cells_become_values_and_empty_cells_become_the_default(tmp_path: Path) -> None:
    table = load_table(write(tmp_path, "row_id,n,share,text,parts\na,3,50.5, words ,x; y\nb,,,,\n"), Row)
    assert table.rows == (Row("a", 3, 50.5, "words", ("x", "y")), Row("b"))
    assert table.lines == (2, 3)


def test_lines_are_counted_as_an_editor_shows_them_across_quoted_line_breaks(tmp_path: Path) -> None:
    path = write(tmp_path, 'row_id,n,text\na,1,"two\nlines"\n\nb,-1,\n')
    with pytest.raises(InputError) as caught:
        load_table(path, Row)
    assert [(fault.row, fault.column) for fault in caught.value.faults] == [(5, "n")]


def test_columns_may_stand_in_any_order_and_a_byte_order_mark_is_no_fault(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes(b"\xef\xbb\xbfn,row_id\r\n7,a\r\n")
    assert load_table(path, Row).rows == (Row("a", 7),)


def test_all_faults_come_together(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        load_table(write(tmp_path, "row_id,n,share\na,x,101\na,1,1\n"), Row)
    assert [(fault.row, fault.column) for fault in caught.value.faults] == [(2, "n"), (2, "share"), (3, "row_id")]


@given(st.text(max_size=30))
def test_a_count_is_a_whole_number_or_a_named_fault(cell: str) -> None:
    try:
        value = convert_cell(cell, Column("count", "patients"))
    except ValueError as error:
        found, mend = error.args
        assert found and mend
    else:
        assert value is None or (isinstance(value, int) and value >= 0)


@pytest.mark.parametrize("cell", ["1_000", "１２", "0x10", "1e3", "+5"])
def test_python_spellings_of_numbers_are_read_as_a_person_would(cell: str) -> None:
    """`1_000` and full-width digits are numbers to Python; in a table they are slips. 1e3 and +5 are plain."""
    if cell in {"1e3", "+5"}:
        assert convert_cell(cell, Column("count", "patients")) == int(float(cell))
    else:
        with pytest.raises(ValueError, match="not a number"):
            convert_cell(cell, Column("count", "patients"))
