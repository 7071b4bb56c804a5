"""Records that stand one a TOML table, keyed by id: therapies and strategies."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from aftercar.catalogue._placed import Placed
from aftercar.foundation import Column, Fault
from aftercar.foundation.tables import check_formula, convert_cell, read_text

_TYPES: Mapping[str, type] = {"ranked": bool, "targets": tuple, "classes": tuple, "synonyms": tuple}
_WORDS: Mapping[Any, str] = {bool: "true or false", tuple: "a list of texts", str: "text"}
_TEXT = Column("text", "a text")
_REQUIRED = Column("text", "a text", required=True)
_MAY_BE_EMPTY = {"source", "note", "synonyms", "targets"}


def load_entries(files: Iterable[Path], record: type, key: str, faults: list[Fault]) -> list[Placed]:
    """Read the entries of all files; one of a later folder replaces one of the same id of an earlier folder.

    Lists become tuples. Whatever is wrong is appended to `faults`.
    """
    rows: dict[str, Placed] = {}
    folders: dict[str, Path] = {}
    for path in files:
        for name, values in _read(path, faults).items():
            if folders.get(name) == path.parent:
                faults.append(Fault(path.name, f"the id '{name}' stands in two files.", "Give each entry its own id."))
            folders[name] = path.parent
            made = _make(record, key, name, values, path.name, faults)
            if made is not None:
                rows[name] = Placed(made, path.name, None)
    return list(rows.values())


def _read(path: Path, faults: list[Fault]) -> dict[str, Any]:
    text = read_text(path, faults)
    if text is None:
        return {}
    try:
        return tomllib.loads(text)
    except RecursionError:
        faults.append(Fault(path.name, "it is nested too deeply.", "An entry is [id] and its fields, no deeper."))
    except tomllib.TOMLDecodeError as error:
        faults.append(Fault(path.name, f"this is not TOML: {error}.", "See docs/how-to/add-a-therapy.md."))
    return {}


def _make(record: type, key: str, name: str, values: Any, file: str, faults: list[Fault]) -> Any:
    before = len(faults)
    _check_text(name, Column("id", "an id", required=True), Fault(file, "", ""), faults)
    if not isinstance(values, dict):
        faults.append(Fault(file, f"'{_short(name)}' is no table.", "Write [id] and its fields below."))
    if len(faults) > before:
        return None
    # What a therapy does to the system is read by `model_data`.
    fields = {k: tuple(value) if isinstance(value, list) else value for k, value in values.items() if k != "action"}
    for field, value in fields.items():
        _check_field(field, value, Fault(file, "", "", None, f"{name}.{_short(field)}"), faults)
    if len(faults) > before:
        return None
    try:
        return record(**{key: name}, **fields)
    except TypeError as error:
        known = ", ".join(slot for slot in record.__slots__ if slot != key)  # type: ignore[attr-defined]
        reason = str(error).split("__init__() ")[-1]
        faults.append(Fault(file, f"the entry does not fit: {reason}.", f"Fields: {known}.", None, name))
        return None


def _check_field(field: str, value: Any, place: Fault, faults: list[Fault]) -> None:
    wanted = _TYPES.get(field, str)
    members = value if isinstance(value, tuple) else (value,)
    if not isinstance(value, wanted) or (wanted is tuple and not all(isinstance(one, str) for one in members)):
        shown = f"'{_short(value)}'" if isinstance(value, str) else f"a value of type {type(value).__name__}"
        faults.append(_at(place, f"{shown} is not {_WORDS[wanted]}.", f"Write {_WORDS[wanted]}."))
    elif not members and field not in _MAY_BE_EMPTY:
        faults.append(_at(place, "the list is empty.", "Name at least one."))
    elif wanted is not bool:
        spec = _TEXT if field in _MAY_BE_EMPTY and wanted is str else _REQUIRED
        for one in members:
            _check_text(one, spec, place, faults)


def _check_text(text: str, spec: Column, place: Fault, faults: list[Fault]) -> None:
    try:
        convert_cell(text, spec)
        check_formula(text)
    except ValueError as error:
        faults.append(_at(place, *error.args))


def _at(place: Fault, found: str, mend: str) -> Fault:
    return Fault(place.file, found, mend, place.row, place.column)


def _short(text: str) -> str:
    """As much of a text as belongs into a message, with nothing that could steer a terminal."""
    return "".join(letter if letter.isprintable() else "?" for letter in text[:60])
