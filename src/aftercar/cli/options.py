"""Options that several commands share, so that a filter means the same everywhere."""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from aftercar.catalogue import EvidenceBase, load_base
from aftercar.evidence import Filters, check_filters, resolve_therapies
from aftercar.foundation import Fault, InputError

_FILTERS = "Filters"
_TABLES = "Evidence"


class PriorChoice(StrEnum):
    """Prior exposure to anti-BCMA therapy that a cohort must have."""

    strict = "strict"
    inclusive = "inclusive"
    any = "any"


class CountsChoice(StrEnum):
    """Which counts may be pooled."""

    reported = "reported"
    inferred = "inferred"


class TableFormat(StrEnum):
    """Form of a printed table."""

    table = "table"
    json = "json"
    csv = "csv"


Therapies = Annotated[
    list[str] | None,
    typer.Option("--therapy", help="Therapy: id, name or synonym. Repeatable.", rich_help_panel=_FILTERS),
]
Classes = Annotated[
    list[str] | None, typer.Option("--class", help="Class of therapy. Repeatable.", rich_help_panel=_FILTERS)
]
Strategies = Annotated[
    list[str] | None,
    typer.Option("--strategy", help="Row of the comparison, by id. Repeatable.", rich_help_panel=_FILTERS),
]
Targets = Annotated[
    list[str] | None, typer.Option("--target", help="Target, e.g. GPRC5D. Repeatable.", rich_help_panel=_FILTERS)
]
Studies = Annotated[
    list[str] | None, typer.Option("--study", help="Study, by id. Repeatable.", rich_help_panel=_FILTERS)
]
Designs = Annotated[
    list[str] | None, typer.Option("--design", help="Design, e.g. phase1. Repeatable.", rich_help_panel=_FILTERS)
]
Lines = Annotated[
    list[str] | None,
    typer.Option("--line", help="Line of salvage, e.g. first_salvage. Repeatable.", rich_help_panel=_FILTERS),
]
Prior = Annotated[
    PriorChoice,
    typer.Option(
        "--prior",
        help="strict: BCMA CAR-T before in (nearly) all patients; inclusive: also any anti-BCMA therapy; any.",
        rich_help_panel=_FILTERS,
    ),
]
Counts = Annotated[
    CountsChoice,
    typer.Option(
        "--counts",
        help="reported: only printed counts; inferred: also those that follow by arithmetic.",
        rich_help_panel=_FILTERS,
    ),
]
EvidenceDirectory = Annotated[
    Path | None,
    typer.Option("--evidence", help="Folder with tables of your own.", rich_help_panel=_TABLES),
]
Replace = Annotated[
    bool,
    typer.Option("--replace", help="Use your tables alone; without it they extend the base.", rich_help_panel=_TABLES),
]


def load_evidence(directory: Path | None, replace: bool) -> EvidenceBase:
    """Load the built-in base, or a user's tables over or instead of it."""
    if replace and directory is None:
        raise InputError(
            Fault("option --replace", "there are no tables to replace the base.", "Add --evidence FOLDER.")
        )
    return load_base(directory, mode="replace" if replace else "extend")


def name_of(directory: Path) -> str:
    """Return the last name of a folder, also of ``.``, which a report carries instead of the whole path."""
    return Path(os.path.abspath(directory)).name or "root"


def make_filters(base: EvidenceBase, *, therapies: list[str] | None = None, **values: Any) -> Filters:
    """Return checked filters from the options of a command. Lists may be None; choices are taken as their text."""
    plain = {
        name: tuple(value) if isinstance(value, list) else str(value)
        for name, value in values.items()
        if value is not None
    }
    filters = Filters(therapies=resolve_therapies(base, therapies or ()), **plain)  # type: ignore[arg-type]
    check_filters(base, filters)
    return filters


class ParametersChoice(StrEnum):
    """Where sets of population parameters come from."""

    posterior = "posterior"
    prior = "prior"
