"""Rates of adverse events by therapy, as data: how many patients, how bad, when, and where that is printed.

Kinds of event stand in `toxicity/event_kinds.toml`, rates in the other files of that folder, one a class of therapy. A
user's directory with a folder `toxicity/` is laid over the built-in one: an entry of the same id replaces it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from aftercar.catalogue.biology import Description, Grade, Id, Record
from aftercar.catalogue.citations import citation_keys
from aftercar.catalogue.model_data import ModelData, load_model_data, read_records
from aftercar.foundation import Fault, InputError, hash_bytes
from aftercar.foundation.tables import read_text

_HERE = Path(__file__).parent
_KINDS = "event_kinds.toml"
Share = Annotated[float, Field(ge=0, le=1)]
Percent = Annotated[float, Field(ge=0, le=100)]
Count = Annotated[int, Field(ge=0)]
Complain = Callable[[str, str, str], None]
_SHARES = (("events", "percent"), ("severe", "severe_percent"), ("fatal", "fatal_percent"))


class EventKind(Record):
    """A kind of adverse event, with the scale that grades it.

    `grade_2_share`, `grade_4_share`: how many of grades 1 and 2 have grade 2, how many of grades 3 and 4 have grade 4,
    where a source does not part them. `cause_of_death`: what a fatal event counts as.
    """

    id: Id
    name: str
    meaning: str
    scale: str
    lowest_grade: Annotated[int, Field(ge=1, le=5)] = 1
    highest_grade: Annotated[int, Field(ge=1, le=5)] = 5
    grade_2_share: Share = 0.5
    grade_4_share: Share = 0.5
    cause_of_death: Literal["infection", "treatment"] = "treatment"
    grade: Grade
    source: str
    note: str = ""

    @model_validator(mode="after")
    def _grades_in_order(self) -> EventKind:
        if self.lowest_grade > self.highest_grade:
            raise ValueError(f"lowest_grade {self.lowest_grade} lies above highest_grade {self.highest_grade}")
        return self


class Onset(Record):
    """When an event begins, in days after the start of the therapy: the median and the range of those who had it."""

    median: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    low: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    high: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    grade: Grade
    source: str
    locator: str = ""
    note: str = ""

    @model_validator(mode="after")
    def _in_order(self) -> Onset:
        if not self.low <= self.median <= self.high:
            raise ValueError(f"median {self.median:g} lies outside low {self.low:g} to high {self.high:g}")
        return self


class Exposure(Record):
    """How long patients were at risk for a share that builds up over time: it becomes a constant hazard."""

    days: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    grade: Grade
    source: str
    locator: str = ""
    note: str = ""


class Rate(Record):
    """How many of `total` patients had an event: of any grade, of grade 3 or higher, and fatal.

    Counts or percentages, as the source prints them; a percentage that nobody counted has no `total`. `assumed` names
    what is not the source's but an assumption, such as ``fatal_percent``. An event has an `onset`, or an `exposure`
    over which it builds up.
    """

    total: Annotated[int, Field(ge=1)] | None = None
    events: Count | None = None
    severe: Count | None = None
    fatal: Count | None = None
    percent: Percent | None = None
    severe_percent: Percent | None = None
    fatal_percent: Percent | None = None
    onset: Onset | None = None
    exposure: Exposure | None = None
    assumed: tuple[str, ...] = ()
    grade: Grade
    source: str
    locator: str = ""
    note: str = ""

    @model_validator(mode="after")
    def _makes_sense(self) -> Rate:
        for count, percent in _SHARES:
            number = getattr(self, count)
            if number is not None and getattr(self, percent) is not None:
                raise ValueError(f"{count} and {percent} say the same: keep what the source prints")
            if number is not None and number > (self.total or 0):
                raise ValueError(f"{count} {number} exceeds total {self.total}")
        for name in self.assumed:
            if name not in {x for pair in _SHARES for x in pair} or getattr(self, name) is None:
                raise ValueError(f"assumed names '{name}', which is no share that is given")
        if self._share("events", "percent") is None and self._share("severe", "severe_percent") is None:
            raise ValueError("give events or percent, or those of grade 3 or higher")
        if not self.any_share >= self.severe_share >= self.fatal_share:
            raise ValueError("there cannot be more severe events than events, nor more fatal ones than severe ones")
        if (self.onset is None) == (self.exposure is None):
            raise ValueError("give an onset, or an exposure over which the share builds up, not both")
        return self

    def _share(self, count: str, percent: str) -> float | None:
        number, printed = getattr(self, count), getattr(self, percent)
        if number is not None:
            return float(number) / float(self.total or 1)
        return None if printed is None else float(printed) / 100.0

    @property
    def fatal_share(self) -> float:
        """Return the share of patients who died of it; 0 where nothing is said."""
        return self._share("fatal", "fatal_percent") or 0.0

    @property
    def severe_share(self) -> float:
        """Return the share with grade 3 or higher; where nothing is said, that of the fatal ones."""
        share = self._share("severe", "severe_percent")
        return self.fatal_share if share is None else share

    @property
    def any_share(self) -> float:
        """Return the share with the event; where only severe ones are known, theirs."""
        share = self._share("events", "percent")
        return self.severe_share if share is None else share


class TherapyToxicity(Record):
    """Adverse events of one therapy. `same_as`: it takes the rates of that therapy, except for its own `events`."""

    id: Id
    same_as: Id | None = Field(default=None, alias="as")
    events: Mapping[Id, Rate] = Field(default_factory=dict)
    note: str = ""

    @model_validator(mode="after")
    def _says_something(self) -> TherapyToxicity:
        if self.same_as is None and not self.events and not self.note:
            raise ValueError("give events, or `as` with a therapy whose rates it takes, or say in a note why not")
        return self


@dataclass(frozen=True, slots=True)
class FoundRate:
    """A rate of a therapy and where it was found.

    `therapy`: the therapy it is counted for, which is a part where a combination has no rates of its own. `borrowed`:
    the therapy whose rate it is, empty where it is its own. `day`: when that part starts.
    """

    rate: Rate
    therapy: str
    borrowed: str = ""
    day: float = 0.0


@dataclass(frozen=True, slots=True)
class ToxicityRates:
    """All rates, by therapy. `hash`: SHA-256 of the files read."""

    kinds: Mapping[str, EventKind]
    therapies: Mapping[str, TherapyToxicity]
    parts: Mapping[str, tuple[tuple[str, float], ...]]
    hash: str

    def has(self, therapy: str) -> bool:
        """Tell whether rates of a therapy are known: its own, borrowed ones, or those of its parts."""
        return therapy in self.therapies or bool(self.parts.get(therapy))

    def find(self, therapy: str) -> Mapping[str, FoundRate]:
        """Return the rates of a therapy by event.

        A combination without an entry has, for each event, the rate of the part with the most of it: every part's
        trial counted the infections and cytopenias of the disease too, so that a sum would count those twice.

        Raises
        ------
        InputError
            Nothing is known of the therapy or of one of its parts.
        """
        entry = self.therapies.get(therapy)
        if entry is None:
            return self._of_parts(therapy)
        borrowed = {} if entry.same_as is None else self.find(entry.same_as)
        found = {
            event: FoundRate(one.rate, therapy, one.borrowed or str(entry.same_as), one.day)
            for event, one in borrowed.items()
        }
        return found | {event: FoundRate(rate, therapy) for event, rate in entry.events.items()}

    def _of_parts(self, therapy: str) -> Mapping[str, FoundRate]:
        parts = self.parts.get(therapy, ())
        if not parts:
            mend = "Add it under toxicity/, or name a therapy whose rates it takes: [id] as = ..."
            raise InputError(Fault(therapy, "no rates of adverse events are known for it.", mend))
        found: dict[str, FoundRate] = {}
        for part, day in parts:
            for event, one in self.find(part).items():
                moved = FoundRate(one.rate, one.therapy, one.borrowed, one.day + day)
                if event not in found or _weight(moved.rate) > _weight(found[event].rate):
                    found[event] = moved
        return found


def _weight(rate: Rate) -> tuple[float, float]:
    return rate.severe_share, rate.any_share


def load_toxicity(directory: Path | None = None, data: ModelData | None = None) -> ToxicityRates:
    """Load rates of adverse events.

    Parameters
    ----------
    directory
        A user's folder that holds a folder ``toxicity/``; None gives the built-in rates.
    data
        The therapies of the model, with a user's own; None gives the built-in ones.

    Raises
    ------
    InputError
        Every fault, with file, entry and field.
    """
    if directory is None and data is None:
        return _built_in()
    return _load((_HERE,) if directory is None else (_HERE, Path(directory)), data or load_model_data())


@lru_cache(maxsize=1)
def _built_in() -> ToxicityRates:
    return _load((_HERE,), load_model_data())


def _load(roots: tuple[Path, ...], data: ModelData) -> ToxicityRates:
    faults: list[Fault] = []
    paths = [path for root in roots for path in sorted((root / "toxicity").glob("*.toml"))]
    texts = [(path, text) for path in paths if (text := read_text(path, faults)) is not None]
    files: dict[str, str] = {}
    kinds = read_records([x for x in texts if x[0].name == _KINDS], EventKind, faults, {}, with_id=True)
    rates = read_records([x for x in texts if x[0].name != _KINDS], TherapyToxicity, faults, files, with_id=True)
    parts = {key: tuple((p.therapy, p.day) for p in action.parts) for key, action in data.actions.items()}
    digest = hash_bytes(*(x.encode() for path, text in texts for x in (path.name, text)))
    found = ToxicityRates(kinds, rates, {key: value for key, value in parts.items() if value}, digest)
    known = _therapy_ids(roots) | set(data.actions)
    citations = citation_keys() | {"aftercar"}
    for key, entry in rates.items():
        faults += _check_entry(entry, found, known, citations, files[key])
    if faults:
        raise InputError(faults)
    return found


def _therapy_ids(roots: Iterable[Path]) -> set[str]:
    """Return the ids of all therapies, also of those that no simulation can give."""
    texts = [
        (path, text)
        for root in roots
        for path in sorted((root / "therapies").glob("*.toml"))
        if (text := read_text(path, [])) is not None
    ]
    return set(read_records(texts, Description, [], {}, pick=_words))


def _words(entry: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in entry.items() if key in Description.model_fields}


def _check_entry(
    entry: TherapyToxicity, rates: ToxicityRates, known: set[str], citations: frozenset[str], file: str
) -> list[Fault]:
    """Return what does not fit: names that lead nowhere, grades that the scale does not have, circles."""
    faults: list[Fault] = []

    def complain(field: str, found: str, mend: str) -> None:
        faults.append(Fault(file, found, mend, None, f"{entry.id}.{field}" if field else entry.id))

    if entry.id not in known:
        complain("", f"there is no therapy '{entry.id}'.", "`aftercar evidence therapies` lists them.")
    if entry.same_as is not None:
        if not rates.has(entry.same_as):
            complain("as", f"no rates are known for '{entry.same_as}'.", "Name a therapy that has an entry.")
        elif _in_a_circle(entry.id, rates):
            complain("as", "the rates are borrowed in a circle.", "Give one of these therapies its own.")
    for event, rate in entry.events.items():
        kind = rates.kinds.get(event)
        if kind is None:
            mend = f"Known: {', '.join(rates.kinds)}. Add others to {_KINDS}."
            complain(f"events.{event}", f"there is no kind of event '{event}'.", mend)
        else:
            _check_grades(event, rate, kind, complain)
        _check_sources(event, rate, citations, complain)
    return faults


def _check_grades(event: str, rate: Rate, kind: EventKind, complain: Complain) -> None:
    for share, grade, words in ((rate.severe_share, 3, "grade 3 or higher"), (rate.fatal_share, 5, "fatal")):
        if share > 0 and kind.highest_grade < grade:
            found = f"some are {words}, but {kind.scale} ends at grade {kind.highest_grade}."
            complain(f"events.{event}", found, "Correct the counts, or highest_grade of the kind.")
    if kind.lowest_grade >= 3 and rate.any_share > rate.severe_share:
        complain(f"events.{event}", f"{kind.name} is always of grade 3 or higher.", "Make severe equal to events.")
    if kind.lowest_grade == 5 and rate.any_share > rate.fatal_share:
        complain(f"events.{event}", f"{kind.name} is always fatal.", "Make fatal equal to events.")


def _check_sources(event: str, rate: Rate, citations: frozenset[str], complain: Complain) -> None:
    for field, one in ((f"events.{event}", rate), (f"{event}.onset", rate.onset), (f"{event}.exposure", rate.exposure)):
        if one is not None and one.source not in citations:
            complain(f"{field}.source", f"'{one.source}' is not in sources.bib.", "Add the source, or correct the key.")


def _in_a_circle(therapy: str, rates: ToxicityRates) -> bool:
    seen: set[str] = set()
    waiting = [therapy]
    while waiting:
        here = waiting.pop()
        entry = rates.therapies.get(here)
        more = [entry.same_as] if entry is not None and entry.same_as else []
        if entry is None:
            more = [part for part, _ in rates.parts.get(here, ())]
        for name in more:
            if name == therapy:
                return True
            if name not in seen:
                seen.add(name)
                waiting.append(name)
    return False
