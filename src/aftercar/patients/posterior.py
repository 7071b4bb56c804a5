"""The calibrated posterior as parameter sets, with a word where it was calibrated on other numbers than are in use."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from aftercar.catalogue.calibration import Calibration, load_calibration
from aftercar.catalogue.model_data import ModelData, load_model_data
from aftercar.catalogue.populations import Population, load_populations
from aftercar.catalogue.posterior import load_posterior_table
from aftercar.foundation import AftercarWarning, Fault, InputError, hash_bytes
from aftercar.patients.parameter_sets import ParameterSets, check_sets

_WORDS = frozenset({"note", "source", "locator", "meaning", "name", "grade", "schedule_source", "why", "requires"})


class OtherBasisWarning(AftercarWarning):
    """A posterior was calibrated on other parameters, laws or populations than are in use."""


def load_posterior(
    folder: Path | None = None, *, data: ModelData | None = None, populations: Mapping[str, Population] | None = None
) -> ParameterSets:
    """Return the posterior of a calibration as parameter sets.

    Warns where the numbers that it was calibrated on have changed since: the sets then belong to another model.

    Parameters
    ----------
    folder
        As `aftercar calibrate --out` writes it; None gives the posterior that is shipped.

    Raises
    ------
    InputError
        Files that cannot be read, or values of nothing that a set can change.
    """
    data = data or load_model_data()
    known = populations if populations is not None else load_populations()
    table, described = load_posterior_table(folder)
    sets = ParameterSets(table, origin="posterior")
    check_sets(sets, data)
    missing = [name for name in described.get("populations", ()) if name not in known]
    missing += [name for name in described.get("therapies", ()) if name not in data.actions]
    if missing:
        found = f"it was calibrated on {', '.join(missing)}, not to be found."
        raise InputError(Fault("posterior", found, "Calibrate again with `aftercar calibrate`."))
    used = {name: known[name] for name in described.get("populations", ())}
    if described.get("basis") != basis_hash(data, described.get("therapies", ()), used):
        what = "the posterior was calibrated on other parameters, laws, therapies or populations than are in use"
        warnings.warn(f"{what}; `aftercar calibrate` makes it anew.", OtherBasisWarning, stacklevel=2)
    return sets


def fitted_therapies(calibration: Calibration | None = None) -> tuple[str, ...]:
    """Return the therapies of the cohorts whose figures a calibration fits, by default the built-in one.

    A cohort whose figures are only held back, to see how they are predicted, is not among them.
    """
    one = calibration or _built_in()
    cohorts = {cohort for target in one.targets.values() if target.use == "fit" for cohort in target.cohorts}
    return tuple(sorted({one.cohorts[cohort].therapy for cohort in cohorts}))


@lru_cache(maxsize=1)
def _built_in() -> Calibration:
    return load_calibration()


def basis_hash(data: ModelData, therapies: Iterable[str], populations: Mapping[str, Population]) -> str:
    """Return the hash of the numbers, laws and schedules that a calibration rests on, whatever is said about them."""
    actions = {name: data.actions[name] for name in sorted(therapies)}
    regimens = {one.lymphodepletion for one in actions.values() if one.lymphodepletion is not None}
    records = {
        "parameters": data.parameters, "antigens": data.antigens, "costimulation": data.costimulation,
        "actions": actions, "lymphodepletion": {name: data.actions[name] for name in sorted(regimens)},
        "populations": populations,
    }  # fmt: skip
    bare = {
        kind: {key: _bare(one.model_dump(mode="json", exclude_defaults=True)) for key, one in sorted(group.items())}
        for kind, group in records.items()
    }
    return hash_bytes(json.dumps(bare, sort_keys=True).encode())


def _bare(value: Any) -> Any:
    """Return a record without its words."""
    if isinstance(value, dict):
        return {key: _bare(one) for key, one in value.items() if key not in _WORDS}
    return [_bare(one) for one in value] if isinstance(value, list | tuple) else value
