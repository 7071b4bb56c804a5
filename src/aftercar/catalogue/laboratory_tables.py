"""Reading a user's table of laboratory values, one visit or one value a row, with columns and units of its own."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from aftercar.catalogue._laboratory_rows import IGNORE, Place, RowReader, no_such_name
from aftercar.catalogue.laboratory_columns import LaboratoryColumn, find_column, load_laboratory_columns
from aftercar.foundation import Fault, InputError
from aftercar.foundation.tables import read_cells


@dataclass(frozen=True)
class LaboratoryTable:
    """A user's table in house units.

    `table`: one visit a row: ``patient``, ``day``, quantities under their house names with ``<name>_below`` where a
    value was written as a limit, signs as 0 or 1, ``new_therapy_day``, ``death_day``. `read`: what each column was read
    as. `unused`: columns that were not read. `notes`: what a user should know.
    """

    table: pd.DataFrame
    read: Mapping[str, str]
    unused: tuple[str, ...]
    notes: tuple[str, ...]


def load_laboratory(
    path: Path, *, names: Mapping[str, str] | None = None, units: Mapping[str, str] | None = None
) -> LaboratoryTable:
    """Read a table of laboratory values.

    Parameters
    ----------
    path
        A CSV file in UTF-8 with a header: one visit a row, or one value a row (columns ``test`` and ``value``).
    names
        What columns, or tests, of other names are: file's name to ours; ``ignore`` leaves one out.
    units
        Units by column or test, as the file names it. Needed where neither the name nor a column says the unit.

    Raises
    ------
    InputError
        Every fault, with row, column and mend.
    """
    faults: list[Fault] = []
    header, body = read_cells(path, faults)
    if faults:
        raise InputError(faults)
    names, units = dict(names or {}), dict(units or {})
    places = _find_places(path.name, header, names, units, faults)
    long = "test" in places and "value" in places
    given = set(header) | ({cells[places["test"].position] for _, cells in body} if long else set())
    for option, asked in (("--map", names), ("--unit", units)):
        faults.extend(_unknown(path.name, title, given, option) for title in asked if title not in given)
    _check_places(path.name, header, places, long, faults)
    if faults:
        raise InputError(faults)
    reader = RowReader(path.name, places, names, units, faults)
    visits = reader.read_long(body) if long else reader.read_wide(body)
    if not body:
        faults.append(Fault(path.name, "there are no rows below the header.", "Put one visit a line."))
    if faults:
        raise InputError(faults)
    unused = tuple(title for title in header if title not in {place.title for place in places.values()})
    read = {place.title: place.column.name + (f" [{place.unit}]" if place.unit else "") for place in places.values()}
    return LaboratoryTable(pd.DataFrame(visits), read, unused, tuple(_notes(unused, names, reader.skipped_tests)))


def _find_places(
    file: str, header: list[str], names: Mapping[str, str], units: Mapping[str, str], faults: list[Fault]
) -> dict[str, Place]:
    places: dict[str, Place] = {}
    for position, title in enumerate(header):
        target = names.get(title, title)
        if not title or target == IGNORE:
            continue
        found = find_column(target)
        if found is None:
            if title in names:
                faults.append(no_such_name(file, title, target))
            continue
        column, unit = found
        place = Place(title, column, _unit(file, title, column, unit, units, faults), position)
        if column.name in places:
            other = places[column.name].title
            faults.append(
                Fault(file, f"it is read as {column.name}, as '{other}' is.",
                      f"Leave one out, e.g. --map \"{title}={IGNORE}\".", 1, title)
            )  # fmt: skip
        places.setdefault(column.name, place)
    if "day" in places and "date" in places:
        del places["date"]  # a study has both; the day is what is asked for
    return places


def _unit(
    file: str, title: str, column: LaboratoryColumn, unit: str, units: Mapping[str, str], faults: list[Fault]
) -> str:
    if title not in units:
        return unit
    found = column.find_unit(units[title])
    if found is None:
        known = ", ".join(column.units) or "none: it has no unit"
        faults.append(Fault(file, f"'{units[title]}' is no unit of {column.name}.", f"Use {known}.", 1, title))
    elif unit and found != unit:
        faults.append(Fault(file, f"its name says {unit}, --unit says {found}.", "Correct one of them.", 1, title))
    return found or unit


def _check_places(file: str, header: list[str], places: Mapping[str, Place], long: bool, faults: list[Fault]) -> None:
    columns = load_laboratory_columns()
    for name in ("patient",) if "day" in places or "date" in places else ("patient", "day"):
        if name not in places:
            close = difflib.get_close_matches(name, header, n=1)
            mend = f"Did you mean '{close[0]}'? " if close else ""
            faults.append(
                Fault(file, f"the column '{name}' is missing.",
                      f"{mend}Name it with --map COLUMN={name}: {columns[name].meaning}.", 1, name)
            )  # fmt: skip
    measured = [place for place in places.values() if place.column.kind != "role"]
    if not long and not measured:
        known = ", ".join(one.house_name for one in columns.values() if one.kind != "role")
        faults.append(
            Fault(file, "no column holds a value that the criteria use.", f"Name one with --map. Known: {known}.", 1)
        )
    if not long:
        faults.extend(
            Fault(file, "its unit is not said.",
                  f"Add --unit \"{place.title}=UNIT\", one of {', '.join(place.column.units)}.", 1, place.title)
            for place in measured if place.column.kind == "quantity" and not place.unit
        )  # fmt: skip


def _unknown(file: str, title: str, given: set[str], option: str) -> Fault:
    close = difflib.get_close_matches(title, sorted(given), n=1)
    mend = f"Did you mean '{close[0]}'?" if close else f"The file has: {', '.join(sorted(given)[:20])}."
    return Fault(f"option {option}", f"the file has no column or test '{title}'.", mend)


def _notes(unused: tuple[str, ...], names: Mapping[str, str], tests: set[str]) -> list[str]:
    known = [name for one in load_laboratory_columns().values() for name in (one.name, one.house_name)]
    notes = []
    for kind, titles in (("column", unused), ("test", sorted(tests))):
        for title in titles:
            close = difflib.get_close_matches(title.lower(), known, n=1, cutoff=0.75)
            if title not in names and close:
                notes.append(
                    f"the {kind} '{title}' was not read; if it is {close[0]}, add --map \"{title}={close[0]}\""
                )
    return notes
