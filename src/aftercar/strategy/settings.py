"""Settings of a comparison to and from plain data, and the command that they amount to."""

from __future__ import annotations

import dataclasses
import shlex
from collections.abc import Mapping
from typing import Any, get_args

from aftercar.evidence import Filters
from aftercar.evidence.selection import Counts, Prior
from aftercar.foundation import Fault, InputError
from aftercar.patients.parameter_choice import PARAMETERS
from aftercar.strategy.results import CompareSettings

USUAL_PATIENTS, USUAL_SETS = 160, 40
"""What the command line simulates beside the evidence unless it is told otherwise."""
_OPTIONS = {
    "therapies": "--therapy",
    "classes": "--class",
    "strategies": "--strategy",
    "targets": "--target",
    "studies": "--study",
    "designs": "--design",
    "lines": "--line",
}


def check_settings(settings: CompareSettings) -> None:
    """Raise InputError where a setting is outside its range."""
    faults = []
    if not 0.5 <= settings.level < 1:
        faults.append(
            Fault("option --level", f"{settings.level:g} is no level.", "Give one from 0.5 to below 1: 0.95.")
        )
    if not 1_000 <= settings.draws <= 2_000_000:
        faults.append(Fault("option --draws", f"{settings.draws} draws.", "Give 1000 to 2000000; 20000 is usual."))
    if not 0 <= settings.seed < 2**63:
        faults.append(Fault("option --seed", f"{settings.seed} is no seed.", "Give a whole number, 0 or more."))
    if not 0 <= settings.simulated_patients <= 100_000:
        found = f"{settings.simulated_patients} virtual patients."
        faults.append(Fault("option --patients", found, "Give 0 (observed alone) to 100000; 160 is usual."))
    if not 0 <= settings.simulated_sets <= 10_000:
        found = f"{settings.simulated_sets} parameter sets."
        faults.append(Fault("option --sets", found, "Give 0 (typical values) to 10000; 40 is usual."))
    for name, value, words in (
        ("prior", settings.filters.prior, get_args(Prior)),
        ("counts", settings.filters.counts, get_args(Counts)),
        ("evidence mode", settings.evidence_mode, ("extend", "replace")),
        ("parameters", settings.simulated_parameters, PARAMETERS),
    ):
        if value not in words:
            faults.append(Fault(f"option --{name}", f"'{value}' is not known.", f"Use {', '.join(words)}."))
    if faults:
        raise InputError(faults)


def command_of(settings: CompareSettings) -> str:
    """Return the command that gives these settings, defaults left out."""
    default = CompareSettings()
    words = ["aftercar", "compare"]
    for name, option in _OPTIONS.items():
        for value in getattr(settings.filters, name):
            words += [option, value]
    for name in ("prior", "counts"):
        if getattr(settings.filters, name) != getattr(default.filters, name):
            words += [f"--{name}", getattr(settings.filters, name)]
    for name in ("level", "draws", "seed"):
        if getattr(settings, name) != getattr(default, name):
            words += [f"--{name}", str(getattr(settings, name))]
    if settings.simulated_patients != USUAL_PATIENTS:
        words += ["--patients", str(settings.simulated_patients)]
    if settings.simulated_patients and settings.simulated_sets != USUAL_SETS:
        words += ["--sets", str(settings.simulated_sets)]
    if settings.simulated_patients and settings.simulated_parameters != default.simulated_parameters:
        words += ["--parameters", settings.simulated_parameters]
    if settings.evidence_directory:
        words += ["--evidence", settings.evidence_directory]
        words += ["--replace"] if settings.evidence_mode == "replace" else []
    return shlex.join(words)


def settings_from_dict(data: object, *, origin: str) -> CompareSettings:
    """Return settings read from a report's manifest, every field checked for type and range.

    Raises
    ------
    InputError
        A field is unknown, missing or of the wrong kind; `origin` names the file in the message.
    """
    filters = data.get("filters") if isinstance(data, Mapping) else None
    if not isinstance(data, Mapping) or not isinstance(filters, Mapping):
        raise InputError(Fault(origin, "the manifest holds no filters.", "Use a report made by `aftercar compare`."))
    plain = {key: value for key, value in data.items() if key != "filters"}
    settings = CompareSettings(
        filters=_build(Filters, filters, origin), **_fields(CompareSettings, plain, origin, but={"filters"})
    )
    check_settings(settings)
    return settings


def _build(record: type[Filters], data: Mapping[str, Any], origin: str) -> Filters:
    return record(**_fields(record, data, origin))


def _fields(
    record: type, data: Mapping[str, Any], origin: str, but: frozenset[str] | set[str] = frozenset()
) -> dict[str, Any]:
    default = record()
    known = {field.name for field in dataclasses.fields(record)} - but
    if set(data) != known:
        odd = ", ".join(sorted(set(data) ^ known))
        raise InputError(
            Fault(
                origin, f"the manifest's settings differ from this version's: {odd}.", "Use the version that made it."
            )
        )
    values: dict[str, Any] = {}
    for name, value in data.items():
        wanted = type(getattr(default, name))
        if wanted is tuple and isinstance(value, list) and all(isinstance(word, str) for word in value):
            values[name] = tuple(value)
        elif wanted is float and isinstance(value, int | float) and not isinstance(value, bool):
            values[name] = float(value)
        elif type(value) is wanted and wanted is not tuple:
            values[name] = value
        else:
            raise InputError(Fault(origin, f"the setting '{name}' is {value!r}.", f"It must be {wanted.__name__}."))
    return values
