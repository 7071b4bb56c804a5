"""Where published figures and the model may disagree, with the assumptions that might resolve it, and what they gave.

`validation/tensions.toml` holds what is asked, `validation/tensions.csv` what simulation answered, with the hashes of
what it rests on in `validation/tensions.json`: an answer from other numbers than are in use is known to be stale.
"""

from __future__ import annotations

import io
import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal

import pandas as pd
from pydantic import Field, ValidationError, model_validator

from aftercar.catalogue.biology import Finite, Id, Record
from aftercar.catalogue.model_data import ModelData, to_tuples
from aftercar.foundation import Fault, InputError, hash_bytes
from aftercar.foundation.tables import read_text

_HERE = Path(__file__).parent / "validation"
Measure = Literal["ORR", "CR", "PFS", "VGPR among ORR", "ADA", "ADA at progression", "ADA effect"]
OF_SALVAGE: frozenset[str] = frozenset({"ORR", "CR", "PFS"})
"""Measures that are read in arms of a virtual trial; the others after the first treatment."""


class Readout(Record):
    """A published figure: a cohort of the evidence base, or a target (or finding) read in a virtual cohort."""

    name: str
    cohort: Id
    measure: Measure
    target: Id | None = None
    finding: Id | None = None

    @model_validator(mode="after")
    def _names_its_figure(self) -> Readout:
        named = [self.target, self.finding].count(None) == 1
        if named == (self.measure in OF_SALVAGE):
            raise ValueError("a readout of salvage names its cohort alone, another one target or finding as well")
        return self

    @property
    def id(self) -> str:
        """The published figure, by its id."""
        return self.target or self.finding or self.cohort


class Among(Record):
    """A part of the virtual patients, by what they were at entry."""

    index_progression_day_at_least: Finite | None = None
    mechanism: str | None = None


class Candidate(Record):
    """An assumption that might resolve a tension, as one change of the model or of who is treated.

    `not_for`: readouts that it says nothing of.
    """

    statement: str
    why_open: str
    source: str
    locator: str
    values: dict[str, Finite] = Field(default_factory=dict)
    off: tuple[Id, ...] = ()
    first: Id | None = None
    among: Among | None = None
    not_for: tuple[Id, ...] = ()

    @property
    def can_be_simulated(self) -> bool:
        """Whether the model has a term for it."""
        return bool(self.values or self.off or self.first or self.among)


class Tension(Record):
    """Published figures that may not fit each other or the model."""

    id: Id
    title: str
    evidence: str
    readouts: Annotated[tuple[Readout, ...], Field(min_length=1)]
    candidates: Annotated[dict[Id, Candidate], Field(min_length=1)]


@dataclass(frozen=True)
class TensionResults:
    """What simulation answered. Simulated.

    Attributes
    ----------
    table
        One row a tension, candidate (empty: the model as it is) and readout: columns as the file's.
    basis
        What it rests on, by name; `size` of the simulation among it.
    """

    table: pd.DataFrame
    basis: Mapping[str, Any]


@lru_cache(maxsize=1)
def load_tensions() -> Mapping[str, Tension]:
    """Load what is asked, by id.

    Raises
    ------
    InputError
        The file cannot be read, or a field is wrong.
    """
    path = _HERE / "tensions.toml"
    faults: list[Fault] = []
    text = read_text(path, faults)
    if text is None:
        raise InputError(faults)
    try:
        entries = tomllib.loads(text)
        return {key: Tension.model_validate(to_tuples({"id": key, **entry})) for key, entry in entries.items()}
    except tomllib.TOMLDecodeError as error:
        raise InputError(Fault(path.name, f"this is not TOML: {error}.", "Correct the file.")) from None
    except ValidationError as error:
        faults = [Fault(path.name, f"{one['msg']}.", "Correct the field.", None, _place(one)) for one in error.errors()]
        raise InputError(faults) from None


def _place(error: Any) -> str:
    return ".".join(str(part) for part in error["loc"])


def check_tensions(tensions: Mapping[str, Tension], data: ModelData) -> None:
    """Raise InputError where a candidate names a parameter, therapy or mechanism that there is not."""
    faults = []
    for tension in tensions.values():
        for key, candidate in tension.candidates.items():
            places = [name for name in candidate.values if not _stands(name, data)]
            places += [name for name in candidate.off if name not in data.mechanisms]
            places += [name for name in (candidate.first,) if name is not None and name not in data.actions]
            faults += [
                Fault("tensions.toml", f"there is no '{name}'.", "Name a parameter, therapy.number or mechanism.", None,
                      f"{tension.id}.candidates.{key}") for name in places
            ]  # fmt: skip
    if faults:
        raise InputError(faults)


def _stands(place: str, data: ModelData) -> bool:
    therapy, _, number = place.rpartition(".")
    if not therapy:
        return place in data.parameters
    return therapy in data.actions and number in data.slot_numbers(therapy)


def load_tension_results(folder: Path | None = None) -> TensionResults:
    """Load the shipped answers, or those in a folder.

    Raises
    ------
    InputError
        A file is missing or cannot be read.
    """
    root = _HERE if folder is None else Path(folder)
    faults: list[Fault] = []
    texts = [read_text(root / f"tensions.{ending}", faults) for ending in ("csv", "json")]
    if texts[0] is None or texts[1] is None:
        raise InputError(faults)
    try:
        table = pd.read_csv(io.StringIO(texts[0]), keep_default_na=True, float_precision="round_trip")
        basis = json.loads(texts[1])
    except (ValueError, pd.errors.ParserError) as error:
        mend = "Make it anew with validation/calibration/tensions.py --write."
        raise InputError(Fault("tensions.csv", f"it cannot be read: {error}.", mend)) from None
    return TensionResults(table.fillna({"candidate": ""}), basis)


def hash_definitions() -> str:
    """Return the hash of what is asked, whatever is said about it in words."""
    words = {"title", "evidence", "statement", "why_open", "source", "locator", "name"}
    asked = {key: _without(one.model_dump(mode="json"), words) for key, one in load_tensions().items()}
    return hash_bytes(json.dumps(asked, sort_keys=True).encode())


def _without(value: Any, words: set[str]) -> Any:
    if isinstance(value, dict):
        return {key: _without(one, words) for key, one in value.items() if key not in words}
    return [_without(one, words) for one in value] if isinstance(value, list) else value
