"""Virtual patients: parameters drawn from the laws that the catalogue gives.

Each parameter has a random stream of its own, read at the patient's position. So patient 17 is the same patient in a
run of a hundred or a million, on any number of workers, whatever the treatment: arms are compared on the same people.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import expit, logit, ndtr, ndtri

from aftercar.catalogue.biology import Spread
from aftercar.catalogue.limits import find_fault
from aftercar.catalogue.model_data import ModelData, load_model_data
from aftercar.foundation import Fault, InputError, draw_uniform
from aftercar.model.treatment import Course
from aftercar.patients.parameter_sets import OMEGA, ParameterSets

FloatArray = npt.NDArray[np.float64]


def draw_values(
    law: Spread, typical: float | FloatArray, scores: FloatArray, *, omega: FloatArray | None = None
) -> FloatArray:
    """Turn standard normal scores into values of a parameter, whole numbers where the law says so.

    Parameters
    ----------
    typical
        The parameter's typical value: the median of a log-normal or logit-normal law, that of each patient's category
        (shape (patients,)) for the law by_category; not used by laws with ends or a probability of their own.
    scores
        Standard normal, shape (patients,).
    omega
        Spread of each patient's parameter set, shape (patients,), in place of the law's.
    """
    values = _draw_plain(law, typical, scores, _number(law.omega) if omega is None else omega)
    return np.round(values) if law.whole else values


def _draw_plain(law: Spread, typical: float | FloatArray, scores: FloatArray, omega: float | FloatArray) -> FloatArray:
    u = ndtr(scores)
    match law.law:
        case "lognormal" | "by_category":
            return np.asarray(typical * np.exp(omega * scores))
        case "logitnormal":
            return np.asarray(expit(logit(typical) + omega * scores), dtype=np.float64)
        case "normal":
            return typical + _number(law.sd) * scores
        case "bernoulli":
            return np.where(u < _number(law.probability), 1.0, 0.0).astype(np.float64)
        case "uniform":
            return _number(law.low) + u * (_number(law.high) - _number(law.low))
        case "loguniform":
            low, high = np.log(_number(law.low)), np.log(_number(law.high))
            return np.asarray(np.exp(low + u * (high - low)))
        case "two_group_lognormal":
            fewer, within = _minority(u, _number(law.probability))
            return np.where(fewer, _number(law.factor), 1.0) * typical * np.exp(omega * ndtri(within))
        case "zero_or_uniform":
            none, within = _minority(u, _number(law.probability))
            return np.where(none, 0.0, _number(law.low) + within * (_number(law.high) - _number(law.low)))
        case "categorical":
            ends = np.cumsum(law.shares or ()) / np.sum(law.shares or ())
            return np.searchsorted(ends[:-1], u, side="right").astype(np.float64)


def _minority(u: FloatArray, share: float) -> tuple[npt.NDArray[np.bool_], FloatArray]:
    """Return who belongs to the minority of the given share, and a uniform number within the own group."""
    fewer = u < share
    within = np.where(fewer, u / max(share, 1e-300), (u - share) / max(1.0 - share, 1e-300))
    return fewer, np.clip(within, 1e-12, 1.0 - 1e-12)


def _number(value: float | None) -> float:
    return 0.0 if value is None else value


def draw_scores(name: str, *, n: int, seed: int, first: int = 0) -> FloatArray:
    """Return the standard normal scores of a parameter for patients `first` to `first + n - 1`, shape (n,)."""
    return np.asarray(ndtri(draw_uniform(seed, "patients", name, n=n, first=first)))


def score_patients(name: str, ids: npt.ArrayLike, *, seed: int) -> FloatArray:
    """Return the standard normal scores of patients by their numbers (1 or more, in any order), shape (patients,)."""
    who = np.asarray(ids, dtype=np.int64)
    if not len(who):
        return np.zeros(0)
    first = int(who.min())
    return draw_scores(name, n=int(who.max()) - first + 1, seed=seed, first=first - 1)[who - first]


def draw_patients(
    course: Course,
    *,
    n: int,
    seed: int,
    first: int = 0,
    values: Mapping[str, float] | None = None,
    scores: Mapping[str, FloatArray] | None = None,
    sets: ParameterSets | None = None,
    data: ModelData | None = None,
) -> pd.DataFrame:
    """Draw virtual patients for a course of treatment.

    Parameters
    ----------
    n, first
        How many, and the position of the first (0 is the first patient of the seed).
    values
        Parameters that are the same for all patients, by name; switches among them.
    scores
        Standard normal scores of parameters that depend on each other, shape (n,); the others have their own.
    sets
        Parameter sets to which patients belong in turn. A patient's luck is the same in every set.

    Returns
    -------
    pandas.DataFrame
        One row per patient, one column per parameter that differs from its default; the index counts from 1. What sets
        change has a column too.

    Raises
    ------
    InputError
        A name in `values` is no parameter, or its value is not finite or outside of what it can be; fewer than no
        patients.
    """
    data = data or load_model_data()
    if n < 0 or first < 0:
        raise InputError(Fault("patients", f"{n} patients from position {first}.", "Give numbers of 0 or more."))
    fixed, given = check_values(values or {}, course, data), scores or {}
    ids = np.arange(first + 1, first + n + 1)
    chosen = {} if sets is None else sets.of_patients(ids)

    def score(name: str) -> FloatArray:
        return given[name] if name in given else draw_scores(name, n=n, seed=seed, first=first)

    table = _draw_own(fixed, data, score, n, chosen)
    slots = draw_slots(course, ids, seed=seed, sets=sets, data=data)
    table |= {str(name): slots[name].to_numpy() for name in slots}
    for name, value in fixed.items():
        table[name] = np.full(n, value)
    return _linked(table, course, data, n, first)


def _draw_own(
    fixed: Mapping[str, float], data: ModelData, scores: Callable[[str], FloatArray], n: int,
    chosen: Mapping[str, FloatArray],
) -> dict[str, FloatArray]:  # fmt: skip
    """Return the patients' own parameters: each from its law, those of a category after their category.

    `chosen`: what their sets say; a parameter without a law is what the set says.
    """
    laws = {
        name: one.between_patients
        for name, one in data.parameters.items()
        if one.between_patients is not None and not one.slot and name not in fixed
    }
    table: dict[str, FloatArray] = {}
    for name, law in laws.items():
        if law.law != "by_category":
            typical = chosen.get(name, data.parameters[name].value)
            table[name] = draw_values(law, typical, scores(name), omega=chosen.get(name + OMEGA))
    drawn = dict(table)
    for name, law in laws.items():
        if law.law == "by_category":
            category = drawn.get(str(law.of), np.full(n, fixed.get(str(law.of), 0.0)))
            typical = np.asarray(law.values)[category.astype(np.int64)]
            if name in chosen:  # all categories move with the typical one
                typical = typical * (chosen[name] / data.parameters[name].value)
            table[name] = draw_values(law, typical, scores(name), omega=chosen.get(name + OMEGA))
    for name, one in data.parameters.items():
        if name in chosen and not one.slot and name not in laws and name not in fixed:
            table[name] = chosen[name]
    return table


def draw_slots(
    course: Course, ids: npt.ArrayLike, *, seed: int, sets: ParameterSets | None = None, data: ModelData | None = None
) -> pd.DataFrame:
    """Draw the parameters of a course's slots for patients by their numbers, whoever they are otherwise.

    Parameters
    ----------
    ids
        Numbers of patients, 1 or more, shape (patients,), in any order.
    sets
        Parameter sets to which patients belong in turn; what the plan itself sets is not moved.

    Returns
    -------
    pandas.DataFrame
        One row per patient, indexed by number; one column per name of `course.parameters`. What is linked to a
        parameter of the patient (`course.links`) stands at its typical value.
    """
    data = data or load_model_data()
    who = np.asarray(ids, dtype=np.int64)
    chosen = {} if sets is None else sets.of_patients(who)
    places = _places(course, data) if chosen else {}
    first = int(who.min()) - 1 if len(who) else 0
    last = int(who.max()) if len(who) else 0
    table: dict[str, FloatArray] = {}
    for name, typical in course.parameters.items():
        place, owner_of_law = places.get(name, ("", ""))
        value: float | FloatArray = chosen.get(place, typical)
        spread = course.spreads.get(name)
        if spread is None:
            table[name] = chosen[place] if place in chosen else np.full(len(who), typical)
        else:
            scores = draw_scores(name, n=last - first, seed=seed, first=first)[who - 1 - first]
            table[name] = draw_values(spread, value, scores, omega=chosen.get(owner_of_law + OMEGA))
    return pd.DataFrame(table, index=pd.Index(who, name="patient"))


def _places(course: Course, data: ModelData) -> dict[str, tuple[str, str]]:
    """Return for each slot parameter where its number stands in the catalogue, and where its law does."""
    found = {}
    for slot, therapy in course.slots.items():
        kind = data.actions[therapy].kind
        for name, (place, number) in data.slot_numbers(therapy).items():
            law = place if number.between_patients is not None else f"{kind}_{name}"
            if f"{slot}_{name}" not in course.given:
                found[f"{slot}_{name}"] = (place, law)
    return found


def typical_patient(
    course: Course, *, values: Mapping[str, float] | None = None, sets: ParameterSets | None = None,
    data: ModelData | None = None,
) -> pd.DataFrame:  # fmt: skip
    """Return the patient in whom every parameter has its typical value, as a table of one row; of one row a set.

    `values` win over sets.
    """
    data = data or load_model_data()
    n = 1 if sets is None else len(sets.values)
    chosen = {} if sets is None else sets.of_patients(np.arange(1, n + 1))
    places = _places(course, data) if chosen else {}
    fixed = check_values(values or {}, course, data)
    table = {
        name: chosen.get(places.get(name, ("", ""))[0], np.full(n, value)) for name, value in course.parameters.items()
    }
    for name, parameter in data.parameters.items():
        law = parameter.between_patients
        if name in chosen and not parameter.slot:
            table[name] = chosen[name]
        if law is not None and law.law == "by_category" and law.of in fixed:
            moved = chosen[name] / parameter.value if name in chosen else np.ones(n)
            table[name] = (law.values or ())[int(fixed[law.of])] * moved
    table |= {name: np.full(n, value) for name, value in fixed.items()}
    return _linked(table, course, data, n, 0)


def _linked(table: dict[str, FloatArray], course: Course, data: ModelData, n: int, first: int) -> pd.DataFrame:
    for slot_name, source in course.links.items():
        table[slot_name] = table.get(source, np.full(n, data.parameters[source].value))
    return pd.DataFrame(table, index=pd.RangeIndex(first + 1, first + n + 1, name="patient"))


def check_values(values: Mapping[str, float], course: Course, data: ModelData) -> dict[str, float]:
    """Return the values, or raise InputError that names every one that cannot be."""
    known = {k for k, p in data.parameters.items() if not p.slot} | set(course.parameters)
    faults = []
    for name, value in values.items():
        if name not in known:
            faults.append(
                Fault("values", f"there is no parameter '{name}'.", "`aftercar model --parameters` lists them.")
            )
            continue
        free = name in data.parameters and data.parameters[name].may_be_negative
        wrong = find_fault(name, value, may_be_negative=free) or _no_category(name, value, data)
        if wrong is not None:
            faults.append(Fault("values", *wrong))
    if faults:
        raise InputError(faults)
    return dict(values)


def _no_category(name: str, value: float, data: ModelData) -> tuple[str, str] | None:
    """Return what is wrong with the value of a category and how to mend it, or None."""
    law = data.parameters[name].between_patients if name in data.parameters else None
    if law is None or law.law != "categorical" or value in range(len(law.shares or ())):
        return None
    return f"'{name}' is {value:g}.", f"Give a whole number from 0 to {len(law.shares or ()) - 1}: a category."
