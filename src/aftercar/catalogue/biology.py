"""The records behind the system: parameters, antigens, mechanisms, and what a therapy does.

Each is a table in a TOML file under `parameters/`, `antigens/`, `mechanisms/`, `costimulation/` and, as the sub-table
`action`, in `therapies/`. Every number says its unit, its source and how it is known.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Grade = Literal["measured", "in_vitro", "fitted", "assumed", "definition"]
"""How a number is known: measured in patients, measured in vitro, fitted by us or in a paper, assumed, or defined."""

GRADES: tuple[str, ...] = ("measured", "in_vitro", "fitted", "assumed", "definition")
Law = Literal[
    "lognormal", "two_group_lognormal", "logitnormal", "normal", "bernoulli", "uniform", "loguniform",
    "zero_or_uniform", "categorical", "by_category",
]  # fmt: skip
Slot = Literal["", "product", "engager", "drug", "lymphodepletion"]
Kind = Literal["product", "engager", "drug", "lymphodepletion", "combination"]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_]*$")]


class Record(BaseModel):
    """A frozen record of the catalogue: strict types, no unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Spread(Record):
    """How a parameter differs between patients.

    `omega`: standard deviation on the log (or logit) scale; `sd`: on the plain scale; `low`, `high`: ends of a uniform
    or log-uniform law. `probability`: of the value 1 (bernoulli), of the value 0 (zero_or_uniform), or of belonging to
    the minority whose values are `factor` times the others' (two_group_lognormal; 0 for those who have none).

    `shares`: how frequent the categories 0, 1, 2 ... are, divided by their sum (categorical). `values`: the typical
    value in each category of the parameter `of`, around which patients spread log-normally (by_category; without
    `omega` all of a category are alike). `whole`: rounded to whole numbers, as of lines of treatment.
    """

    law: Law
    omega: Finite | None = None
    sd: Finite | None = None
    probability: Finite | None = Field(default=None, ge=0, le=1)
    low: Finite | None = None
    high: Finite | None = None
    factor: Annotated[float, Field(ge=0)] | None = None
    shares: tuple[Annotated[float, Field(ge=0, allow_inf_nan=False)], ...] | None = None
    values: tuple[Finite, ...] | None = None
    of: Id | None = None
    whole: bool = False
    source: str = ""
    note: str = ""

    @model_validator(mode="after")
    def _has_what_its_law_needs(self) -> Spread:
        needs = {
            "lognormal": ("omega",), "logitnormal": ("omega",), "normal": ("sd",), "bernoulli": ("probability",),
            "uniform": ("low", "high"), "loguniform": ("low", "high"),
            "two_group_lognormal": ("omega", "probability", "factor"),
            "zero_or_uniform": ("probability", "low", "high"),
            "categorical": ("shares",), "by_category": ("of", "values"),
        }[self.law]  # fmt: skip
        missing = [name for name in needs if getattr(self, name) is None]
        if missing:
            raise ValueError(f"the law {self.law} needs {' and '.join(missing)}")
        for name in ("omega", "sd"):
            if (getattr(self, name) or 0.0) < 0:
                raise ValueError(f"{name} is below zero")
        if self.low is not None and self.high is not None and not self.low <= self.high:
            raise ValueError(f"low {self.low:g} lies above high {self.high:g}")
        if self.law == "loguniform" and not (self.low or 0.0) > 0:
            raise ValueError("low must lie above zero for the law loguniform")
        if self.law == "categorical" and not sum(self.shares or ()) > 0:
            raise ValueError("the shares add up to nothing")
        return self


class Number(Record):
    """A number with its unit, its source and how it is known. `low` to `high`: what the sources leave open."""

    value: Finite
    unit: str
    grade: Grade
    source: str
    locator: str = ""
    note: str = ""
    low: Finite | None = None
    high: Finite | None = None
    between_patients: Spread | None = None

    @model_validator(mode="after")
    def _lies_in_its_range(self) -> Number:
        low = self.value if self.low is None else self.low
        high = self.value if self.high is None else self.high
        if not low <= self.value <= high:
            raise ValueError(f"value {self.value:g} lies outside low {low:g} to high {high:g}")
        return self


class ModelParameter(Number):
    """A parameter of the system. With a `slot`, every slot of that kind has its own, and therapies set it."""

    meaning: str
    slot: Slot = ""
    may_be_negative: bool = False


class AntigenVariant(Record):
    """A form of an antigen that therapy selects.

    Its numbers are parameters by name: ``<antigen>_<variant>_density`` (relative surface density), ``_share`` (of cells
    at the start), ``_rate`` (per division, or per day where it is a switch) and ``_cost`` (of growth); for a
    reversible one ``_return_rate``.
    """

    id: Id
    name: str
    meaning: str
    arises_from: tuple[str, ...] = ("normal",)
    genetic: bool = True
    reversible: bool = False
    epitope_lost: bool = False
    mechanism: Id


class Antigen(Record):
    """A surface molecule that a therapy can aim at. `shed`: a soluble form competes and gamma-secretase cuts it."""

    id: Id
    name: str
    shed: bool = False
    on_fibroblasts: bool = False
    variants: tuple[AntigenVariant, ...] = ()
    source: str
    note: str = ""


class Mechanism(Record):
    """A mechanism of resistance of the review, with the parameter that switches it off."""

    id: Id
    name: str
    section: str
    switch: Id
    meaning: str
    seen_when_off: str
    source: str


class Costimulation(Record):
    """The signal of a CAR besides CD3-zeta, as multipliers of a 4-1BB CAR's rates."""

    id: Id
    name: str
    activation: Number
    exhaustion: Number
    memory_formation: Number
    persistence: Number

    def numbers(self) -> dict[str, Number]:
        """Return the multipliers by the names that they have in a product's slot."""
        return {k: getattr(self, k) for k in ("activation", "exhaustion", "memory_formation", "persistence")}


class Description(Record):
    """What a therapy is, in the words of its entry; empty where a user's entry says nothing."""

    name: str = ""
    targets: tuple[str, ...] = ()
    mechanism: str = ""
    source: str = ""


class Administration(Record):
    """Doses: the first on `day` after the start of the therapy, then `every` so many days, `times` in all.

    Without `times`, a repeated dose goes on as long as the therapy.
    """

    day: Finite
    amount: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    unit: str
    every: Annotated[float, Field(gt=0)] | None = None
    times: Annotated[int, Field(ge=1)] | None = None
    infusion_days: Annotated[float, Field(gt=0)] | None = None


class Part(Record):
    """A therapy within a combination, starting on `day` of it."""

    therapy: Id
    day: Finite = 0.0


class Action(Record):
    """What a therapy does to the system: numbers for the slot that it takes, doses, and what it needs.

    `values`: parameters of the slot by name (see `parameters/`), where they differ from its default. `binds`: antigens
    with the strength of binding, 1 for the reference binder. `duration_days`: how long it is given unless a plan says
    otherwise; nothing means until the plan ends. Doses count in cells or cells/kg (a product), mg or mg/kg (an engager,
    by its `route`), or standard doses (a drug, lymphodepletion); days before 0 are allowed.
    """

    kind: Kind
    binds: dict[Id, float] = Field(default_factory=dict)
    costimulation: Id | None = None
    drug_class: Id | None = None
    route: Literal["subcutaneous", "intravenous"] = "subcutaneous"
    values: dict[Id, Number] = Field(default_factory=dict)
    schedule: tuple[Administration, ...] = ()
    schedule_source: str = ""
    duration_days: Annotated[float, Field(gt=0)] | None = None
    parts: tuple[Part, ...] = ()
    lymphodepletion: Id | None = None
    vein_to_vein_days: Number | None = None
    requires: tuple[str, ...] = ()
    note: str = ""
