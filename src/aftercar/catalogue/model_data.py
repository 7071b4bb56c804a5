"""Loading what the system is built from, with the place of every fault.

A user's directory with the same folders is laid over the built-in data: an entry of the same id replaces it.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from aftercar.catalogue.biology import Action, Antigen, Costimulation, Description, Mechanism, ModelParameter, Number
from aftercar.catalogue.limits import find_fault
from aftercar.foundation import Fault, InputError, hash_bytes
from aftercar.foundation.tables import read_text

_HERE = Path(__file__).parent
_FOLDERS = ("parameters", "antigens", "mechanisms", "costimulation", "therapies")
_ID = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
DOSE_UNITS = {"product": ("cell",), "engager": ("mg",), "drug": ("dose",), "lymphodepletion": ("dose",)}
"""Units of doses by the kind of therapy; each may be per kilogram."""
Record = TypeVar("Record", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class ModelData:
    """Everything that the system is built from, by id. `hash`: SHA-256 of the files read.

    `descriptions`: what each therapy with an action is, in words.
    """

    parameters: Mapping[str, ModelParameter]
    antigens: Mapping[str, Antigen]
    mechanisms: Mapping[str, Mechanism]
    costimulation: Mapping[str, Costimulation]
    actions: Mapping[str, Action]
    descriptions: Mapping[str, Description]
    files: Mapping[str, str]
    hash: str

    def slot_parameters(self, kind: str) -> Mapping[str, ModelParameter]:
        """Return the parameters that every slot of a kind has, by their names within the slot.

        ``product_potency`` of the tables is ``potency`` here and ``product1_potency`` in the system.
        """
        return {k.removeprefix(f"{kind}_"): p for k, p in self.parameters.items() if p.slot == kind}

    def slot_numbers(self, therapy: str) -> Mapping[str, tuple[str, Number]]:
        """Return every number of a therapy's slot by its name there, each with the place where it stands.

        A place is ``ide_cel.immunogenicity`` (the therapy's own), ``cd28.persistence`` (its costimulation's) or
        ``product_engraftment`` (the default of the slot).
        """
        action = self.actions[therapy]
        found: dict[str, tuple[str, Number]] = {
            name: (f"{action.kind}_{name}", number) for name, number in self.slot_parameters(action.kind).items()
        }
        if action.costimulation is not None:
            signal = self.costimulation[action.costimulation]
            found |= {name: (f"{signal.id}.{name}", number) for name, number in signal.numbers().items()}
        return found | {name: (f"{therapy}.{name}", number) for name, number in action.values.items()}


def load_model_data(directory: Path | None = None) -> ModelData:
    """Load parameters, antigens, mechanisms and what therapies do.

    Parameters
    ----------
    directory
        A user's folder with any of ``parameters/``, ``antigens/``, ``mechanisms/``, ``costimulation/`` and
        ``therapies/`` (TOML files). None gives the built-in data.

    Raises
    ------
    InputError
        Every fault, with file, entry and field.
    """
    return _built_in() if directory is None else _load((_HERE, Path(directory)))


@lru_cache(maxsize=1)
def _built_in() -> ModelData:
    return _load((_HERE,))


def _load(roots: tuple[Path, ...]) -> ModelData:
    faults: list[Fault] = []
    for root in roots:
        if not any((root / folder).is_dir() for folder in _FOLDERS):
            found = "none of the model's folders is in it." if root.is_dir() else "this is not a folder."
            folders = ", ".join(f"{folder}/" for folder in _FOLDERS)
            raise InputError(Fault(str(root), found, f"Name a folder with any of {folders}."))
    texts = {folder: list(_texts(roots, folder, faults)) for folder in _FOLDERS}
    files: dict[str, str] = {}
    parameters = read_records(texts["parameters"], ModelParameter, faults, files)
    antigens = read_records(texts["antigens"], Antigen, faults, files, with_id=True)
    mechanisms = read_records(texts["mechanisms"], Mechanism, faults, files, with_id=True)
    costimulation = read_records(texts["costimulation"], Costimulation, faults, files, with_id=True)
    actions = read_records(texts["therapies"], Action, faults, files, pick=lambda entry: entry.get("action"))
    descriptions = read_records(texts["therapies"], Description, faults, {}, pick=_describe)
    data = ModelData(
        parameters=parameters, antigens=antigens, mechanisms=mechanisms, costimulation=costimulation, actions=actions,
        descriptions=descriptions, files=MappingProxyType(files),
        hash=hash_bytes(*(x.encode() for pairs in texts.values() for path, text in pairs for x in (path.name, text))),
    )  # fmt: skip
    faults += check_model_data(data)
    if faults:
        raise InputError(list(dict.fromkeys(faults)))  # therapies are read twice, for actions and for words
    return data


def _describe(entry: dict[str, Any]) -> dict[str, Any] | None:
    fields = {k: v for k, v in entry.items() if k in Description.model_fields}
    return fields if "action" in entry else None


def _texts(roots: tuple[Path, ...], folder: str, faults: list[Fault]) -> Iterator[tuple[Path, str]]:
    for root in roots:
        for path in sorted((root / folder).glob("*.toml")):
            text = read_text(path, faults)
            if text is not None:
                yield path, text


def read_records(
    texts: list[tuple[Path, str]],
    record: type[Record],
    faults: list[Fault],
    files: dict[str, str],
    *,
    with_id: bool = False,
    pick: Callable[[dict[str, Any]], Any] = lambda entry: entry,
) -> Mapping[str, Record]:
    """Return records by id; a later file's entry replaces an earlier one of another folder."""
    found: dict[str, Record] = {}
    origin: dict[str, Path] = {}
    for path, text in texts:
        for key, entry in _entries(path, text, faults).items():
            value = pick(entry) if isinstance(entry, dict) else entry
            if value is None:
                continue
            if origin.get(key, path).parent == path.parent and origin.get(key, path) != path:
                faults.append(Fault(path.name, f"the id '{key}' stands in two files.", "Give each entry its own id."))
            origin[key] = path
            try:
                if not isinstance(value, dict):
                    raise TypeError
                found[key] = record.model_validate(to_tuples({"id": key, **value} if with_id else value))
                files[key] = path.name
            except ValidationError as error:
                faults += [_fault(path, key, one) for one in error.errors()]
            except TypeError:
                faults.append(Fault(path.name, f"'{key[:60]}' is no table.", "Write [id] and its fields below."))
    return MappingProxyType(found)


def _entries(path: Path, text: str, faults: list[Fault]) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        faults.append(Fault(path.name, f"this is not TOML: {error}.", "Compare it with a file of the same folder."))
        return {}


def to_tuples(value: Any) -> Any:
    """TOML lists as tuples, and whole numbers as they are: strict records take both."""
    if isinstance(value, dict):
        return {k: to_tuples(v) for k, v in value.items()}
    return tuple(to_tuples(v) for v in value) if isinstance(value, list) else value


def _fault(path: Path, key: str, error: Any) -> Fault:
    place = ".".join(str(part) for part in error["loc"])
    given = "" if error["type"] in {"missing", "value_error"} else f" (given: {str(error['input'])[:60]!r})"
    return Fault(
        path.name,
        f"{error['msg']}{given}.",
        "Correct the field; see docs/how-to/add-a-therapy.md.",
        None,
        f"{key}.{place}",
    )


def check_model_data(data: ModelData) -> list[Fault]:
    """Return what does not fit together: names that lead nowhere, numbers for parameters that do not exist."""
    faults: list[Fault] = []

    def complain(key: str, field: str, found: str, mend: str) -> None:
        faults.append(Fault(data.files.get(key, key), found, mend, None, f"{key}.{field}"))

    for antigen in (a for a in data.antigens.values() if not a.on_fibroblasts):
        for name in _antigen_parameters(antigen):
            if name not in data.parameters:
                complain(antigen.id, "id", f"there is no parameter '{name}'.", "Add it under parameters/.")
        names = [variant.id for variant in antigen.variants]
        for name in sorted({name for name in names if names.count(name) > 1}):
            complain(antigen.id, name, "this variant stands twice.", "Give each variant its own id.")
        for variant in antigen.variants:
            if variant.mechanism not in data.mechanisms:
                complain(
                    antigen.id, variant.id, f"there is no mechanism '{variant.mechanism}'.", _known(data.mechanisms)
                )
    for mechanism in data.mechanisms.values():
        if mechanism.switch not in data.parameters:
            complain(
                mechanism.id, "switch", f"there is no parameter '{mechanism.switch}'.", "Add it under parameters/."
            )
    for key, parameter in data.parameters.items():
        wrong = find_fault(key, parameter.value, may_be_negative=parameter.may_be_negative)
        if wrong is not None:
            complain(key, "value", *wrong)
        if not _ID.fullmatch(key):
            complain(key, "id", "the id is no plain word.", "Use letters, digits and underscores.")
        _check_categories(key, parameter, data, complain)
    for key, action in data.actions.items():
        _check_action(key, action, data, complain)
    return faults


def _check_categories(
    key: str, parameter: ModelParameter, data: ModelData, complain: Callable[[str, str, str, str], None]
) -> None:
    """Complain where a parameter follows a category that does not exist, or whose typical value is another's."""
    law = parameter.between_patients
    if law is None or law.law != "by_category":
        return
    other = data.parameters.get(str(law.of))
    kind = other.between_patients if other is not None else None
    if other is None or kind is None or kind.law != "categorical" or other.slot or parameter.slot:
        found = f"'{law.of}' is no categorical parameter of the patient, or this one belongs to a slot."
        complain(key, "between_patients.of", found, "Name a parameter with the law categorical.")
    elif len(kind.shares or ()) != len(law.values or ()):
        found = f"{len(law.values or ())} values for {len(kind.shares or ())} categories of '{law.of}'."
        complain(key, "between_patients.values", found, "Give each category one.")
    elif other.value not in range(len(law.values or ())) or (law.values or ())[int(other.value)] != parameter.value:
        found = f"the value is {parameter.value:g}, but not that of the typical category of '{law.of}'."
        complain(key, "value", found, "The typical patient is of the typical category: make them agree.")


def _antigen_parameters(antigen: Antigen) -> list[str]:
    name = antigen.id.lower()
    wanted = [f"{name}_{x}" for x in ("receptors", "expression", "on_plasma_cells", "on_progenitors")]
    for variant in antigen.variants:
        wanted += [f"{name}_{variant.id}_{x}" for x in ("density", "share", "rate", "cost")]
        wanted += [f"{name}_{variant.id}_return_rate"] if variant.reversible else []
    return wanted


def _check_action(key: str, action: Action, data: ModelData, complain: Callable[[str, str, str, str], None]) -> None:
    slot = data.slot_parameters(action.kind)
    for name, number in action.values.items():
        if name not in slot:
            complain(key, f"action.values.{name}", f"a {action.kind} has no parameter '{name}'.", _known(slot))
        elif number.unit != slot[name].unit:
            found = f"the unit is '{number.unit}', the parameter's is '{slot[name].unit}'."
            complain(key, f"action.values.{name}", found, "Convert the number.")
        else:
            wrong = find_fault(f"{action.kind}_{name}", number.value)
            if wrong is not None:
                complain(key, f"action.values.{name}", *wrong)
        if number.between_patients is not None and number.between_patients.law == "by_category":
            found = "a therapy's number follows no category of the patient."
            complain(key, f"action.values.{name}.between_patients", found, "Give it a law of its own.")
    for antigen, strength in action.binds.items():
        if antigen not in data.antigens:
            complain(key, "action.binds", f"there is no antigen '{antigen}'.", _known(data.antigens))
        elif not 0 <= strength <= 1:
            complain(key, f"action.binds.{antigen}", f"the strength is {strength:g}.", "Give a share between 0 and 1.")
    for field, known, value in (
        ("costimulation", data.costimulation, action.costimulation),
        ("lymphodepletion", data.actions, action.lymphodepletion),
        *(("parts", data.actions, part.therapy) for part in action.parts),
    ):
        if value is not None and value not in known:
            complain(key, f"action.{field}", f"'{value}' is not known.", _known(known))
    _check_class(key, action, data, complain)
    for k, entry in enumerate(action.schedule):
        allowed = DOSE_UNITS.get(action.kind, ())
        if allowed and entry.unit.removesuffix("/kg") not in allowed:
            found = f"doses of a {action.kind} are in {allowed[0]}, not in '{entry.unit}'."
            complain(key, f"action.schedule.{k}.unit", found, "Convert them.")
    if key in _inside(key, data):
        complain(key, "action.parts", "the combination holds itself.", "Break the circle.")
    if action.kind == "combination" and (not action.parts or action.schedule or action.values):
        complain(key, "action.parts", "a combination has parts and nothing of its own.", "List its parts.")
    if action.kind != "combination" and (action.parts or not action.schedule):
        complain(key, "action.schedule", f"a {action.kind} has a schedule and no parts.", "Write its doses.")


def _check_class(key: str, action: Action, data: ModelData, complain: Callable[[str, str, str, str], None]) -> None:
    """A class that no resistance belongs to would go unresisted in silence, as a misspelt one does."""
    gain = {**data.slot_parameters(action.kind), **action.values}.get("resistance_gain")
    if action.drug_class is None or gain is None or gain.value == 0:
        return
    if f"resistance_{action.drug_class}" not in data.parameters:
        known = sorted(k.removeprefix("resistance_") for k in data.parameters if k.startswith("resistance_"))
        mend = f"Known classes: {', '.join(known)}. For another, add the parameter under parameters/."
        complain(key, "action.drug_class", f"there is no parameter 'resistance_{action.drug_class}'.", mend)


def _inside(key: str, data: ModelData) -> set[str]:
    """Return the therapies that a therapy is made of, through all combinations; itself where it runs in a circle."""
    found: set[str] = set()
    waiting = [key]
    while waiting:
        action = data.actions.get(waiting.pop())
        more = {part.therapy for part in action.parts} - found if action is not None else set()
        found |= more
        waiting += more
    return found


def _known(names: Mapping[str, Any]) -> str:
    return f"Known: {', '.join(sorted(names)) or 'none'}."
