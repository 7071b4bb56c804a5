"""A plan of treatment as a user writes it: `talquetamab@400`, `lenalidomide@60:365`, or a TOML file."""

from __future__ import annotations

import difflib
import math
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from aftercar.catalogue.model_data import ModelData
from aftercar.foundation import Fault, InputError
from aftercar.model.treatment import Treatment

_MAX_BYTES = 1_000_000
_FIELDS: Mapping[str, type | tuple[type, ...]] = {
    "therapy": str, "day": (int, float), "days": (int, float), "dose_factor": (int, float), "lymphodepletion": str,
    "values": dict,
}  # fmt: skip


def read_plan(texts: Sequence[str], file: Path | None, data: ModelData) -> tuple[Treatment, ...]:
    """Return the plan of the command line or of a file.

    Raises
    ------
    InputError
        Both or neither were given, or a part cannot be read or names an unknown therapy; all faults at once.
    """
    if bool(texts) == (file is not None):
        found = "there is no treatment." if file is None else "treatments were given both as words and as a file."
        raise InputError(Fault("plan", found, "Name therapies, e.g. `ide_cel talquetamab@400`, or --plan FILE.toml."))
    places: list[tuple[str, str | None, Treatment]]
    places = [("plan", None, parse_treatment(text)) for text in texts] if file is None else _read_file(file)
    faults = [fault for place, entry, one in places for fault in _unknown(one, place, entry, data)]
    if faults:
        raise InputError(faults)
    return tuple(one for _, _, one in places)


def parse_treatment(text: str) -> Treatment:
    """Read ``therapy``, ``therapy@day`` or ``therapy@day:days``.

    Examples
    --------
    >>> parse_treatment("lenalidomide@60:365").days
    365.0
    """
    name, at, rest = text.strip().partition("@")
    day, colon, days = rest.partition(":")
    mend = "Write `therapy`, `therapy@day` or `therapy@day:days`."
    if not name or (at and not day) or (colon and not days):
        raise InputError(Fault("plan", f"'{text}' is no treatment.", mend))
    numbers = {
        what: _number(written, f"'{text}': the {what} '{written}' is no number.", mend)
        for what, written in (("day", day), ("days", days))
        if written
    }
    return Treatment(name, day=numbers.get("day", 0.0), days=numbers.get("days"))


def parse_values(texts: Iterable[str]) -> dict[str, float]:
    """Read ``NAME=VALUE`` pairs."""
    values: dict[str, float] = {}
    for text in texts:
        name, equals, written = text.partition("=")
        mend = "Write --set NAME=VALUE, e.g. --set growth_rate=0.03."
        if not equals or not name.strip():
            raise InputError(Fault("option --set", f"'{text}' has no name and value.", mend))
        if name.strip() in values:
            raise InputError(Fault("option --set", f"'{name.strip()}' was set twice.", "Leave one out."))
        values[name.strip()] = _number(written, f"'{written}' is no number.", mend, place="option --set")
    return values


def check_names(given: Iterable[str], known: Iterable[str], *, option: str, what: str, listed: str) -> None:
    """Raise InputError that names every unknown word with the nearest known ones."""
    names = list(known)
    faults = [
        Fault(option, f"there is no {what} '{name[:60]}'.", suggest(name, names, listed))
        for name in given
        if name not in names
    ]
    if faults:
        raise InputError(faults)


def suggest(name: str, known: Iterable[str], listed: str) -> str:
    """Return the mend for an unknown name: the nearest known ones, or where they are listed."""
    by_case = {one.casefold(): one for one in known}
    wanted = name.casefold().replace("-", "_").replace(" ", "_")
    close = [by_case[one] for one in difflib.get_close_matches(wanted, by_case, n=3, cutoff=0.5)]
    return f"Did you mean {', '.join(close)}?" if close else f"`{listed}` lists them."


def _number(text: str, found: str, mend: str, place: str = "plan") -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise InputError(Fault(place, found, mend))
    return value


def _unknown(one: Treatment, place: str, entry: str | None, data: ModelData) -> list[Fault]:
    listed = "aftercar model --therapies"
    faults = []
    if one.therapy not in data.actions:
        found = f"there is no therapy '{one.therapy[:60]}' with a described action."
        faults.append(Fault(place, found, suggest(one.therapy, data.actions, listed), None, entry))
    regimen = one.lymphodepletion
    kinds = [name for name, action in data.actions.items() if action.kind == "lymphodepletion"]
    if regimen is not None and regimen != "none" and regimen not in kinds:
        found = f"'{regimen[:60]}' is no lymphodepletion."
        faults.append(Fault(place, found, f"Known: none, {', '.join(kinds)}.", None, entry))
    return faults


def _read_file(file: Path) -> list[tuple[str, str | None, Treatment]]:
    if not file.is_file():
        raise InputError(Fault(str(file), "the file does not exist.", "Name a TOML file with tables [[treatment]]."))
    if file.stat().st_size > _MAX_BYTES:
        raise InputError(Fault(file.name, f"the file is larger than {_MAX_BYTES:,} bytes.", "This is no plan."))
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except UnicodeDecodeError:
        raise InputError(Fault(file.name, "the file is not text.", "Name a TOML file.")) from None
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise InputError(Fault(file.name, f"this is not TOML: {error}.", "Write tables [[treatment]].")) from None
    entries = content.get("treatment")
    other = [name for name in content if name != "treatment"]
    if not isinstance(entries, list) or not entries or other:
        found = f"'{other[0][:60]}' has no place here." if other else "it holds no table [[treatment]]."
        raise InputError(Fault(file.name, found, "Write one table [[treatment]] for each treatment."))
    faults: list[Fault] = []
    plan = []
    for number, entry in enumerate(entries, start=1):
        one = _read_entry(entry, file.name, f"treatment {number}", faults)
        if one is not None:
            plan.append((file.name, f"treatment {number}", one))
    if faults:
        raise InputError(faults)
    return list(plan)


def _read_entry(entry: Any, file: str, place: str, faults: list[Fault]) -> Treatment | None:
    def complain(field: str, found: str, mend: str) -> None:
        faults.append(Fault(file, found, mend, None, f"{place}.{field}" if field else place))

    before = len(faults)
    if not isinstance(entry, dict):
        complain("", "this is no table.", "Write [[treatment]] and its fields below.")
        return None
    for field, value in entry.items():
        if field not in _FIELDS:
            complain(field[:60], "there is no such field.", f"Fields: {', '.join(_FIELDS)}.")
        elif not isinstance(value, _FIELDS[field]) or isinstance(value, bool):
            complain(field, f"'{str(value)[:60]}' has the wrong type.", "Write text in quotes, numbers without.")
        elif isinstance(value, int | float) and not math.isfinite(value):
            complain(field, f"{value} is no finite number.", "Correct it.")
    if "therapy" not in entry:
        complain("therapy", "it is missing.", "Name a therapy.")
    values = entry.get("values", {})
    for name, value in values.items() if isinstance(values, dict) else ():
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            complain(f"values.{name[:60]}", "it is no finite number.", "Correct it.")
    if len(faults) > before:
        return None
    lasts = entry.get("days")
    return Treatment(
        therapy=entry["therapy"],
        day=float(entry.get("day", 0.0)),
        days=None if lasts is None else float(lasts),
        dose_factor=float(entry.get("dose_factor", 1.0)),
        lymphodepletion=entry.get("lymphodepletion"),
        values={str(k): float(v) for k, v in values.items()},
    )
