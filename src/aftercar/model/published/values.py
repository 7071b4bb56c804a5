"""Numbers of published models as data: one TOML table a parameter, with value, unit, source and place.

A file begins with `[about]`: the citation key of the model (`source`), how its numbers were read (`read_in`) and what
of the publication could not be read (`not_read`). Every other table is a number.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from aftercar.engine import Quantity
from aftercar.foundation import Fault, InputError

STATUSES = ("measured", "fitted", "fixed", "derived", "assumed")
_REQUIRED = ("meaning", "value", "unit", "status", "source", "locator")
_OPTIONAL = ("note", "log_variance", "low", "high")


@dataclass(frozen=True, slots=True)
class PublishedValue:
    """A number with its origin.

    Attributes
    ----------
    status
        How the authors came by it: ``measured``, ``fitted``, ``fixed`` (from other work), ``derived`` (follows from
        others); or ``assumed``, by us.
    source, locator
        Citation key, and the table, equation or figure there.
    log_variance
        Variance between patients of the logarithm; None where none is given.
    low, high
        Ends of the range that the source prints (quartiles, or a range that was sampled); `note` says which.
    """

    name: str
    meaning: str
    value: float
    unit: str
    status: str
    source: str
    locator: str
    note: str = ""
    log_variance: float | None = None
    low: float | None = None
    high: float | None = None

    @property
    def quantity(self) -> Quantity:
        """The value with its unit, as `trace_model` takes it."""
        return Quantity(self.value, self.unit)


@dataclass(frozen=True, slots=True)
class PublishedNumbers:
    """All numbers of one publication, by name, and what was read of it."""

    source: str
    read_in: str
    not_read: str
    values: Mapping[str, PublishedValue]

    def __getitem__(self, name: str) -> float:
        return self.values[name].value

    def quantities(self, *, leave_out: tuple[str, ...] = ()) -> dict[str, Quantity]:
        """Return the numbers as parameters of a model, those of `leave_out` excepted."""
        return {name: v.quantity for name, v in self.values.items() if name not in leave_out}


@cache
def load_numbers(model: str) -> PublishedNumbers:
    """Load the numbers of a published model: ``stein2019``, ``kimmel2021``, ``poels2025`` or ``engager_binding``.

    Raises
    ------
    InputError
        A table lacks a field, has an unknown one, or holds no finite number; all faults are named at once.
    """
    file = f"{model}.toml"
    text = resources.files("aftercar.model.published").joinpath(file).read_text(encoding="utf-8")
    return read_numbers(text, file)


def read_numbers(text: str, file: str) -> PublishedNumbers:
    """Read the text of such a file. Raises as `load_numbers`."""
    tables = tomllib.loads(text)
    about = tables.pop("about", {})
    faults = [
        Fault(file, f"[about] lacks '{k}'.", "Add it.") for k in ("source", "read_in", "not_read") if k not in about
    ]
    for name, fields in tables.items():
        faults += _faults(file, name, fields)
    if faults:
        raise InputError(faults)
    values = {name: PublishedValue(name=name, **fields) for name, fields in tables.items()}
    return PublishedNumbers(about["source"], about["read_in"], about["not_read"], values)


def _faults(file: str, name: str, fields: Mapping[str, Any]) -> list[Fault]:
    faults = [Fault(file, f"[{name}] lacks '{k}'.", "Add it.") for k in _REQUIRED if k not in fields]
    unknown = [k for k in fields if k not in _REQUIRED + _OPTIONAL]
    faults += [Fault(file, f"[{name}] has the unknown field '{k}'.", "Correct or remove it.") for k in unknown]
    value = fields.get("value")
    if "value" in fields and (not isinstance(value, int | float) or not math.isfinite(value)):
        faults.append(Fault(file, f"[{name}] has the value {value!r}.", "Give a finite number."))
    if "status" in fields and fields["status"] not in STATUSES:
        faults.append(Fault(file, f"[{name}] has the status '{fields['status']}'.", f"One of: {', '.join(STATUSES)}."))
    return faults
