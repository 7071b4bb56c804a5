"""The rows of a laboratory table: each cell turned into house units, each patient's days counted from the start."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from aftercar.catalogue.laboratory_columns import LaboratoryColumn, find_column, load_laboratory_columns
from aftercar.foundation import Column, Fault
from aftercar.foundation.tables import check_characters, check_formula, convert_cell

IGNORE = "ignore"  # what a column is mapped to that shall not be read
_POSITIVE = {"positive", "pos", "+", "yes", "y", "1", "present", "true", "detected"}
_NEGATIVE = {"negative", "neg", "-", "no", "n", "0", "absent", "false", "not detected"}
_DAY = Column("number", "a day, counted from the start of treatment", minimum=-36525, maximum=36525)
_COUNT = Column("count", "a number of lesions", maximum=1000)
_ROLES_OF_PATIENTS = {"new_therapy": "new_therapy_day", "death": "death_day"}


@dataclass(frozen=True)
class Place:
    """A column of the file with what it holds and in which unit."""

    title: str
    column: LaboratoryColumn
    unit: str
    position: int


class RowReader:
    """Turns rows into visits; faults are collected."""

    def __init__(
        self, file: str, places: Mapping[str, Place], names: Mapping[str, str], units: Mapping[str, str],
        faults: list[Fault],
    ) -> None:  # fmt: skip
        self.file, self.places, self.names, self.units, self.faults = file, places, names, units, faults
        self.skipped_tests: set[str] = set()
        self._dated = "day" not in places
        self._of_patient: dict[tuple[str, str], tuple[float, int]] = {}
        self._lines: dict[Any, int] = {}

    def read_wide(self, body: list[tuple[int, list[str]]]) -> list[dict[str, Any]]:
        """One visit a row."""
        measured = [place for place in self.places.values() if place.column.kind != "role"]
        visits = []
        for line, cells in body:
            visit = self._visit(line, cells)
            if visit is None or self._seen(line, (visit["patient"], visit["at"])):
                continue
            for place in measured:
                self._put(visit, place, cells[place.position], line)
            visits.append(visit)
        return self._finish(visits)

    def read_long(self, body: list[tuple[int, list[str]]]) -> list[dict[str, Any]]:
        """One value a row."""
        visits: dict[tuple[str, float], dict[str, Any]] = {}
        test, value = self.places["test"].position, self.places["value"].position
        for line, cells in body:
            visit = self._visit(line, cells)
            place = self._test_place(line, cells)
            if visit is None:
                continue
            visit = visits.setdefault((visit["patient"], visit["at"]), visit)
            if place is None or self._seen(line, (visit["patient"], visit["at"], place.column.name), cells[test]):
                continue
            self._put(visit, Place(self.places["value"].title, place.column, place.unit, value), cells[value], line)
        return self._finish(list(visits.values()))

    def _test_place(self, line: int, cells: list[str]) -> Place | None:
        title = cells[self.places["test"].position]
        target = self.names.get(title, title)
        found = None if target == IGNORE else find_column(target)
        if found is None or found[0].kind == "role":
            if title in self.names and target != IGNORE:
                self.faults.append(no_such_name(self.file, title, target, line))
            self.skipped_tests.add(title)
            return None
        column, unit = found
        said = cells[self.places["unit"].position] if "unit" in self.places else ""
        said = self.units.get(title, said)
        if said and column.units:
            known = column.find_unit(said)
            if known is None:
                mend = f"Use {', '.join(column.units)}."
                self._fault(f"'{said}' is no unit of {column.name}.", mend, line, self.places.get("unit"))
                return None
            unit = known
        if column.units and not unit:
            mend = f"Fill in a column 'unit', or add --unit \"{title}=UNIT\", one of {', '.join(column.units)}."
            self._fault(f"the unit of '{title}' is not said.", mend, line, self.places["test"])
            return None
        return Place(title, column, unit, -1)

    def _visit(self, line: int, cells: list[str]) -> dict[str, Any] | None:
        place = self.places["patient"]
        patient = cells[place.position]
        try:
            if not patient:
                raise ValueError("the cell is empty.", "Every row needs its patient.")
            check_characters(patient)
            check_formula(patient)
        except ValueError as error:
            found, mend = error.args
            self._fault(found, mend, line, place)
            return None
        when = self.places["date" if self._dated else "day"]
        at = self._day(cells[when.position], line, when, required=True)
        if at is None:
            return None
        for role in (*(("start",) if self._dated else ()), *_ROLES_OF_PATIENTS):
            if role in self.places and cells[self.places[role].position]:
                self._note_patient(patient, role, line, cells)
        return {"patient": patient, "at": at, "line": line}

    def _note_patient(self, patient: str, role: str, line: int, cells: list[str]) -> None:
        place = self.places[role]
        known = self._day(cells[place.position], line, place)
        if known is None:
            return
        first, where = self._of_patient.setdefault((patient, role), (known, line))
        if first != known:
            self._fault(
                f"patient {patient} has another {role} in row {where}.", "A patient has one; correct it.", line, place
            )

    def _day(self, cell: str, line: int, place: Place, *, required: bool = False) -> float | None:
        """A day, or in a table of dates the day's ordinal number."""
        dated = self._dated or place.column.name in {"start", "date"}
        try:
            if not cell and required:
                raise ValueError("the cell is empty.", "Every row needs its day or date.")
            if not cell:
                return None
            if dated:
                return float(_read_date(cell))
            return float(convert_cell(cell, _DAY))
        except ValueError as error:
            found, mend = error.args
            self._fault(found, mend, line, place)
            return None

    def _seen(self, line: int, key: tuple[Any, ...], test: str = "") -> bool:
        first = self._lines.setdefault(key, line)
        if first != line:
            what = f"the value of {test}" if test else "the visit"
            when = self.places["date" if self._dated else "day"]
            self._fault(f"{what} of patient {key[0]} stands already in row {first}.", "Keep one.", line, when)
        return first != line

    def _put(self, visit: dict[str, Any], place: Place, cell: str, line: int) -> None:
        if not cell:
            return
        column = place.column
        try:
            if column.kind == "sign":
                visit[column.name] = _read_sign(cell, column)
            elif column.kind == "count":
                visit[column.name] = float(convert_cell(cell, _COUNT))
            else:
                value, below = _read_quantity(cell, column, place.unit)
                visit[column.house_name] = value
                if below:
                    visit[f"{column.house_name}_below"] = 1.0
        except ValueError as error:
            found, mend = error.args
            self._fault(found, mend, line, place)

    def _finish(self, visits: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Count days from the start of treatment; add what is known of each patient."""
        first: dict[str, float] = {}
        for visit in visits:
            first[visit["patient"]] = min(visit["at"], first.get(visit["patient"], visit["at"]))
        finished = []
        for visit in visits:
            patient = visit.pop("patient")
            at = visit.pop("at")
            visit.pop("line")
            zero = self._of_patient.get((patient, "start"), (first[patient], 0))[0] if self._dated else 0.0
            row = {"patient": patient, "day": at - zero}
            for role, name in _ROLES_OF_PATIENTS.items():
                if (patient, role) in self._of_patient:
                    row[name] = self._of_patient[(patient, role)][0] - zero
            finished.append(row | visit)
        return finished

    def _fault(self, found: str, mend: str, line: int, place: Place | None) -> None:
        self.faults.append(Fault(self.file, found, mend, line, place.title if place else None))


def _read_date(cell: str) -> int:
    try:
        if len(cell) >= 10 and (len(cell) == 10 or cell[10] in "T "):
            return date.fromisoformat(cell[:10]).toordinal()
    except ValueError:
        pass
    shown = cell[:30]
    raise ValueError(f"'{shown}' is no date.", "Write it as YYYY-MM-DD, day and month included.")


def _read_sign(cell: str, column: LaboratoryColumn) -> float:
    plain = cell.strip().lower()
    if plain in _POSITIVE:
        return 1.0
    if plain in _NEGATIVE:
        return 0.0
    check_characters(cell)
    raise ValueError(f"'{cell[:30]}' is no answer for {column.name}.", "Write positive or negative, or leave it empty.")


def _read_quantity(cell: str, column: LaboratoryColumn, unit: str) -> tuple[float, bool]:
    """Return the value in the house unit and whether it was written as a limit that was not reached."""
    below = cell.startswith(("<", "≤"))
    number = cell.lstrip("<≤= ") if below else cell
    if cell.startswith((">", "≥")):
        raise ValueError(f"'{cell[:30]}' is a limit from below.", "Write the value measured after dilution.")
    value = float(convert_cell(number, Column("number", column.meaning, required=True, unit=unit, minimum=0)))
    house = value * column.units[unit]
    if column.maximum is not None and house > column.maximum:
        others = [one for one in column.units if one != unit]
        asked = f" Or is its unit {' or '.join(others)}?" if others else ""
        raise ValueError(f"{number} {unit} of {column.name} is more than any patient has.", f"Correct it.{asked}")
    return house, below


def no_such_name(file: str, title: str, target: str, line: int = 1) -> Fault:
    columns = load_laboratory_columns()
    close = difflib.get_close_matches(target, [*columns, *(one.house_name for one in columns.values())], n=1)
    mend = f"Did you mean '{close[0]}'? " if close else ""
    return Fault(file, f"'{target}' is no name of ours.", f"{mend}Known: {', '.join(columns)}.", line, title)
