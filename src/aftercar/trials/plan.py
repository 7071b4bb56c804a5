"""A virtual trial as a file: who, what they had first, which arms, which lines of therapy, how long.

Every fault is named with the line of the file where it stands (`plan_faults.py`).
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from itertools import product
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, model_validator

from aftercar import catalogue
from aftercar.catalogue.biology import Finite, Id, Record
from aftercar.catalogue.model_data import ModelData, to_tuples
from aftercar.catalogue.populations import Population
from aftercar.catalogue.regimens import Days, TreatmentEntry
from aftercar.foundation import Fault, InputError
from aftercar.model import Treatment
from aftercar.trials.cohort import WASHOUT_DAYS, Line
from aftercar.trials.plan_lines import find_line
from aftercar.trials.strategy import Condition, Rule, Strategy

_MAX_BYTES = 1_000_000
_BUILT_IN = Path(catalogue.__file__).parent / "trials"
_MEND = "See docs/reference/trial-plan.md."
Name = Annotated[str, Field(min_length=1, max_length=80)]
Treatments = Annotated[tuple[TreatmentEntry, ...], Field(min_length=1)]


class ConditionEntry(Record):
    """A condition on what the clinic knows: a range of a number (`at_least`, `below`), or categories (`is_in`)."""

    at_least: Finite | None = None
    below: Finite | None = None
    is_in: Annotated[tuple[str, ...], Field(min_length=1)] | None = None

    @model_validator(mode="after")
    def _says_something(self) -> ConditionEntry:
        ranged = self.at_least is not None or self.below is not None
        if ranged == (self.is_in is not None):
            raise ValueError("give at_least or below for a number, is_in for a category")
        if self.at_least is not None and self.below is not None and not self.at_least < self.below:
            raise ValueError(f"nothing is at least {self.at_least:g} and below {self.below:g}")
        return self


class ChoiceEntry(Record):
    """A rule: the named line for those in whom everything in `when` holds; without it, for everybody else."""

    line: Name
    when: dict[Id, ConditionEntry] = Field(default_factory=dict)


class LineEntry(Record):
    """A line of therapy by name: treatments with bridging before them, or a choice between other lines."""

    name: Name
    treatments: Treatments | None = None
    bridging: tuple[TreatmentEntry, ...] = ()
    choose: Annotated[tuple[ChoiceEntry, ...], Field(min_length=1)] | None = None

    @model_validator(mode="after")
    def _is_one_thing(self) -> LineEntry:
        if (self.treatments is None) == (self.choose is None):
            raise ValueError("a line has treatments, or chooses between other lines")
        if self.choose is not None and self.bridging:
            raise ValueError("bridging belongs to the line that is chosen")
        return self


class ArmEntry(Record):
    """An arm: treatments (one line), or lines by name in order.

    `strategy`: the row of `aftercar compare` that it stands for. `ratio`: its weight in randomisation.
    """

    name: Name
    strategy: Id | None = None
    treatments: Treatments | None = None
    lines: Annotated[tuple[Name, ...], Field(min_length=1)] | None = None
    ratio: Annotated[int, Field(ge=1, le=20)] = 1

    @model_validator(mode="after")
    def _is_one_thing(self) -> ArmEntry:
        if (self.treatments is None) == (self.lines is None):
            raise ValueError("an arm has treatments, or lines by name")
        return self


class TrialPlan(Record):
    """A virtual trial.

    Attributes
    ----------
    patients
        How many get the first treatment; those who progress within `index_days` enter.
    index
        The first treatment; left out where the population had its own.
    days
        Follow-up of each patient from entry.
    design
        paired: every patient is in every arm, from the same state. randomised: each is in one, by permuted blocks.
    accrual_days
        Over how many days patients enter, evenly.
    cut_off_day
        Day since the trial opened on which all follow-up ends.
    drop_out_per_year
        Rate at which patients are lost from follow-up.
    then
        Lines by name that follow in every arm, after its own.
    """

    name: str = "virtual trial"
    population: Id
    patients: Annotated[int, Field(ge=1, le=10_000_000)] = 500
    index: tuple[TreatmentEntry, ...] = ()
    index_days: Days = 1095.0
    days: Days = 730.0
    washout_days: Annotated[float, Field(ge=0, le=3650)] = WASHOUT_DAYS
    criteria: str = "imwg2016"
    design: Literal["paired", "randomised"] = "paired"
    accrual_days: Annotated[float, Field(ge=0, le=36_525)] = 0.0
    cut_off_day: Days | None = None
    drop_out_per_year: Annotated[float, Field(ge=0, le=10)] = 0.0
    lines: tuple[LineEntry, ...] = ()
    then: tuple[Name, ...] = ()
    arms: Annotated[tuple[ArmEntry, ...], Field(min_length=1)]

    @property
    def first(self) -> tuple[Treatment, ...]:
        """The first treatment."""
        return tuple(Treatment.of(entry) for entry in self.index)

    @property
    def strategies(self) -> tuple[Strategy, ...]:
        """The arms as strategies, rules resolved to lines."""
        named = {line.name: line for line in self.lines}
        common = tuple(_rules(name, named) for name in self.then)
        found = []
        for arm in self.arms:
            if arm.treatments is not None:
                own: tuple[tuple[Rule, ...], ...] = ((Rule(_line(arm.name, arm.treatments, ())),),)
            else:
                own = tuple(_rules(name, named) for name in arm.lines or ())
            found.append(Strategy(arm.name, (*own, *common)))
        return tuple(found)


def list_paths(strategy: Strategy) -> list[tuple[Treatment, ...]]:
    """Return everything that a patient of an arm may be given, one tuple for each way through its rules."""
    lines = [[rule.line for rule in step] for step in strategy.steps]
    return [tuple(one for line in path for one in (*line.bridging, *line.treatments)) for path in product(*lines)]


def _rules(name: str, named: Mapping[str, LineEntry]) -> tuple[Rule, ...]:
    entry = named[name]
    if entry.treatments is not None:
        return (Rule(_line(name, entry.treatments, entry.bridging)),)
    return tuple(
        Rule(rule.line, (*_conditions(choice), *rule.conditions))
        for choice in entry.choose or ()
        for rule in _rules(choice.line, named)
    )


def _conditions(choice: ChoiceEntry) -> tuple[Condition, ...]:
    return tuple(Condition(known, one.at_least, one.below, one.is_in) for known, one in choice.when.items())


def _line(name: str, treatments: tuple[TreatmentEntry, ...], bridging: tuple[TreatmentEntry, ...]) -> Line:
    return Line(name, tuple(Treatment.of(one) for one in treatments), tuple(Treatment.of(one) for one in bridging))


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
    from aftercar.trials.plan_faults import list_faults  # it checks records of this module

    text = _read(file)
    try:
        content = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise InputError(Fault(file.name, f"this is not TOML: {error}.", _MEND)) from None
    try:
        plan = TrialPlan.model_validate(to_tuples(content))
    except ValidationError as error:
        raise InputError([_fault(file, text, one) for one in error.errors()]) from None
    faults = list_faults(plan, file.name, text, data, populations)
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
    told = error["type"] in {"missing", "value_error"}
    given = "" if told else f" (given: {str(error['input'])[:60]!r})"
    what = str(error["msg"]).removeprefix("Value error, ")
    return Fault(file.name, f"{what}{given}.", _MEND, find_line(text, place), ".".join(map(str, place)))
