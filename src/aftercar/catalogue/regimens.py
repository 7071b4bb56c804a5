"""A therapy from a day on, as plans and populations write it."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from aftercar.catalogue.biology import Finite, Id, Record

Days = Annotated[float, Field(gt=0, le=36_525, allow_inf_nan=False)]


class TreatmentEntry(Record):
    """A therapy from a day on, as in `aftercar simulate`. Days count from day 0 of the line it belongs to."""

    therapy: Id
    day: Finite = 0.0
    days: Days | None = None
    dose_factor: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1.0
    lymphodepletion: Id | None = None
    values: dict[Id, Finite] = Field(default_factory=dict)
