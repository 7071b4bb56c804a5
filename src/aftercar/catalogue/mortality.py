"""Numbers of the hazard of death, as data: `mortality.toml`. A user's folder may hold a file of that name over it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType

from aftercar.catalogue.biology import Number
from aftercar.catalogue.citations import citation_keys
from aftercar.catalogue.model_data import read_records
from aftercar.foundation import Fault, InputError, hash_bytes
from aftercar.foundation.tables import read_text

_HERE = Path(__file__).parent
_FILE = "mortality.toml"
UNITS: Mapping[str, str] = MappingProxyType(
    {
        "background_age": "year", "background_hazard": "1/year", "background_slope": "1/year",
        "myeloma_hazard": "1/day", "myeloma_half_burden": "cell", "myeloma_steepness": "1",
    }
)  # fmt: skip
"""The numbers that there must be, with their units."""


class MortalityNumber(Number):
    """A number of the hazard of death, with its unit, its source and how it is known."""

    meaning: str


@dataclass(frozen=True, slots=True)
class Mortality:
    """The hazard of death: numbers by name, and where they come from. `hash`: SHA-256 of the files read."""

    numbers: Mapping[str, MortalityNumber]
    hash: str

    def __getitem__(self, name: str) -> float:
        """Return a number in the unit that `UNITS` says."""
        return self.numbers[name].value


def load_mortality(directory: Path | None = None) -> Mortality:
    """Load the numbers of the hazard of death.

    Parameters
    ----------
    directory
        A user's folder; its ``mortality.toml``, if there is one, is laid over the built-in file.

    Raises
    ------
    InputError
        Every fault, with file, entry and field.
    """
    return _built_in() if directory is None else _load((_HERE, Path(directory)))


@lru_cache(maxsize=1)
def _built_in() -> Mortality:
    return _load((_HERE,))


def _load(roots: tuple[Path, ...]) -> Mortality:
    faults: list[Fault] = []
    paths = [root / _FILE for root in roots if (root / _FILE).exists()]
    texts = [(path, text) for path in paths if (text := read_text(path, faults)) is not None]
    numbers = read_records(texts, MortalityNumber, faults, {})
    known = citation_keys() | {"aftercar"}
    for name in sorted(set(UNITS) - set(numbers)):
        faults.append(Fault(_FILE, f"the number '{name}' is missing.", "Add it.", None, name))
    for name, number in numbers.items():
        faults += [Fault(_FILE, found, mend, None, name) for found, mend in _faults_of(name, number, known)]
    if faults:
        raise InputError(faults)
    return Mortality(numbers, hash_bytes(*(x.encode() for path, text in texts for x in (path.name, text))))


def _faults_of(name: str, number: MortalityNumber, known: frozenset[str]) -> list[tuple[str, str]]:
    if name not in UNITS:
        return [("no term of the hazard has this number.", f"Known: {', '.join(UNITS)}.")]
    faults = []
    if number.unit != UNITS[name]:
        faults.append((f"the unit is '{number.unit}', not '{UNITS[name]}'.", "Convert the number."))
    if number.value < 0 or (number.value == 0 and name in ("myeloma_half_burden", "myeloma_steepness")):
        faults.append((f"the value is {number.value:g}.", "Give a number above 0; a hazard may be 0."))
    if number.between_patients is not None:
        faults.append(("it has a spread between patients, which nothing draws.", "Take it out."))
    if number.source not in known:
        faults.append((f"'{number.source}' is not in sources.bib.", "Add the source, or correct the key."))
    return faults
