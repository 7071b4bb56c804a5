"""A virtual trial as a file: who, what they had first, which arms, how long.

Every fault is named with the line of the file where it stands.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationError

from aftercar import catalogue
from aftercar.catalogue.biology import Finite, Id, Record
from aftercar.catalogue.model_data import ModelData, to_tuples
from aftercar.catalogue.populations import Population
from aftercar.clinic import list_criteria
from aftercar.foundation import Fault, InputError
from aftercar.model import Treatment, arrange_course
from aftercar.trials.arms import WASHOUT_DAYS

_MAX_BYTES = 1_000_000
_BUILT_IN = Path(catalogue.__file__).parent / "trials"
_MEND = "See docs/how-to/run-a-virtual-trial.md."
Days = Annotated[float, Field(gt=0, le=36_525, allow_inf_nan=False)]


class TreatmentEntry(Record):
    """A therapy from a day on, as in `aftercar simulate`. Days count from the arm's day 0."""

    therapy: Id
    day: Finite = 0.0
    days: Days | None = None
    dose_factor: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1.0
    lymphodepletion: Id | None = None
    values: dict[Id, Finite] = Field(default_factory=dict)

    def to_treatment(self) -> Treatment:
        """Return it as the model takes it."""
        return Treatment(self.therapy, self.day, self.days, self.dose_factor, self.lymphodepletion, dict(self.values))


class ArmEntry(Record):
    """One arm: a name and at least one treatment. `strategy`: the row of `aftercar compare` that it stands for."""

    strategy: Id | None = None
    name: Annotated[str, Field(min_length=1, max_length=80)]
    treatments: Annotated[tuple[TreatmentEntry, ...], Field(min_length=1)]


class TrialPlan(Record):
    """A virtual trial.

    Attributes
    ----------
    patients
        How many get the first treatment; those who progress within `index_days` enter every arm.
    days
        Follow-up of each arm from its day 0.
    """

    name: str = "virtual trial"
    population: Id
    patients: Annotated[int, Field(ge=1, le=10_000_000)] = 500
    index: Annotated[tuple[TreatmentEntry, ...], Field(min_length=1)]
    index_days: Days = 1095.0
    days: Days = 730.0
    washout_days: Annotated[float, Field(ge=0, le=3650)] = WASHOUT_DAYS
    criteria: str = "imwg2016"
    arms: Annotated[tuple[ArmEntry, ...], Field(min_length=1)]


def find_plan(name: str) -> Path:
    """Return the file of a plan: one that is built in, by its name, or a path."""
    built_in = {path.stem: path for path in sorted(_BUILT_IN.glob("*.toml"))}
    return built_in.get(name, Path(name))


def load_plan(file: Path, data: ModelData, populations: Mapping[str, Population]) -> TrialPlan:
    """Read and check a plan.

    Raises
    ------
    InputError
        Every fault, with the line where it stands.
    """
    text = _read(file)
    try:
        content = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise InputError(Fault(file.name, f"this is not TOML: {error}.", _MEND)) from None
    try:
        plan = TrialPlan.model_validate(to_tuples(content))
    except ValidationError as error:
        raise InputError([_fault(file, text, one) for one in error.errors()]) from None
    faults = list(_faults(plan, file, text, data, populations))
    if faults:
        raise InputError(faults)
    return plan


def _read(file: Path) -> str:
    if not file.is_file():
        raise InputError(Fault(str(file), "the file does not exist.", "Name a TOML file."))
    if file.stat().st_size > _MAX_BYTES:
        raise InputError(Fault(file.name, f"the file is larger than {_MAX_BYTES:,} bytes.", "This is no plan."))
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise InputError(Fault(file.name, "the file is not text.", "Name a TOML file.")) from None


def _fault(file: Path, text: str, error: Any) -> Fault:
    place = error["loc"]
    given = "" if error["type"] == "missing" else f" (given: {str(error['input'])[:60]!r})"
    return Fault(file.name, f"{error['msg']}{given}.", _MEND, find_line(text, place), ".".join(map(str, place)))


def find_line(text: str, place: tuple[str | int, ...]) -> int | None:
    """Return the line (from 1) of a field of a plan, or of the table that should hold it.

    `place`: keys and positions, e.g. ``("arms", 1, "treatments", 0, "therapy")``.
    """
    lines = text.splitlines()
    first, last = 0, len(lines)
    depth: list[str] = []
    for key in place:
        if isinstance(key, str):
            depth.append(key)
            continue
        header = re.compile(rf"^\s*\[\[\s*{re.escape('.'.join(depth))}\s*\]\]")
        found = [k for k in range(first, last) if header.match(lines[k])]
        if key >= len(found):
            break  # written within one line, or nowhere
        first = found[key]
        last = found[key + 1] if key + 1 < len(found) else last
    field = next((key for key in reversed(place) if isinstance(key, str)), "")
    own = re.compile(rf"(^|[\s{{,]){re.escape(field)}\s*=")
    exact = [k for k in range(first, last) if own.search(lines[k])]
    if exact:
        return exact[0] + 1
    return first + 1 if lines else None


def _faults(
    plan: TrialPlan, file: Path, text: str, data: ModelData, populations: Mapping[str, Population]
) -> list[Fault]:
    faults: list[Fault] = []

    def complain(place: tuple[str | int, ...], found: str, mend: str) -> None:
        faults.append(Fault(file.name, found, mend, find_line(text, place), ".".join(map(str, place))))

    if plan.population not in populations:
        known = ", ".join(sorted(populations))
        complain(("population",), f"there is no population '{plan.population}'.", f"Known: {known}.")
    if plan.criteria not in list_criteria():
        complain(("criteria",), f"there are no criteria '{plan.criteria}'.", f"Known: {', '.join(list_criteria())}.")
    names = [arm.name for arm in plan.arms]
    for k, name in enumerate(names):
        if name in names[:k]:
            complain(("arms", k, "name"), f"two arms are called '{name}'.", "Give each arm its own name.")
    groups: list[tuple[tuple[str | int, ...], tuple[TreatmentEntry, ...], float]] = [
        (("index",), plan.index, plan.index_days),
        *((("arms", k, "treatments"), arm.treatments, plan.days) for k, arm in enumerate(plan.arms)),
    ]
    for place, entries, days in groups:
        for j, entry in enumerate(entries):
            if entry.day > days:
                found = f"{entry.therapy} begins on day {entry.day:g}, after the last day {days:g}."
                complain((*place, j, "day"), found, "Begin earlier, or follow longer.")
            try:
                arrange_course([entry.to_treatment()], days=days, data=data)
            except InputError as error:
                for fault in error.faults:
                    complain((*place, j, "therapy"), fault.found, fault.mend)
    return faults
