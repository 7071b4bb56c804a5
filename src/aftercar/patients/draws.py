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

FloatArray = npt.NDArray[np.float64]


def draw_values(law: Spread, typical: float | FloatArray, scores: FloatArray) -> FloatArray:
    """Turn standard normal scores into values of a parameter, whole numbers where the law says so.

    Parameters
    ----------
    typical
        The parameter's typical value: the median of a log-normal or logit-normal law, that of each patient's category
        (shape (patients,)) for the law by_category; not used by laws with ends or a probability of their own.
    scores
        Standard normal, shape (patients,).
    """
    values = _draw_plain(law, typical, scores)
    return np.round(values) if law.whole else values


def _draw_plain(law: Spread, typical: float | FloatArray, scores: FloatArray) -> FloatArray:
    u = ndtr(scores)
    match law.law:
        case "lognormal" | "by_category":
            return np.asarray(typical * np.exp(_number(law.omega) * scores))
        case "logitnormal":
            return np.asarray(expit(logit(typical) + _number(law.omega) * scores), dtype=np.float64)
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
            return np.where(fewer, _number(law.factor), 1.0) * typical * np.exp(_number(law.omega) * ndtri(within))
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


def draw_patients(
    course: Course,
    *,
    n: int,
    seed: int,
    first: int = 0,
    values: Mapping[str, float] | None = None,
    scores: Mapping[str, FloatArray] | None = None,
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

    Returns
    -------
    pandas.DataFrame
        One row per patient, one column per parameter that differs from its default; the index counts from 1.

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

    def score(name: str) -> FloatArray:
        return given[name] if name in given else draw_scores(name, n=n, seed=seed, first=first)

    table = _draw_own(fixed, data, score, n)
    for name, typical in course.parameters.items():
        spread = course.spreads.get(name)
        own = draw_scores(name, n=n, seed=seed, first=first) if spread is not None else np.zeros(n)
        table[name] = draw_values(spread, typical, own) if spread is not None else np.full(n, typical)
    for name, value in fixed.items():
        table[name] = np.full(n, value)
    return _linked(table, course, data, n, first)


def _draw_own(
    fixed: Mapping[str, float], data: ModelData, scores: Callable[[str], FloatArray], n: int
) -> dict[str, FloatArray]:
    """Return the patients' own parameters: each from its law, those of a category after their category."""
    laws = {
        name: one.between_patients
        for name, one in data.parameters.items()
        if one.between_patients is not None and not one.slot and name not in fixed
    }
    table: dict[str, FloatArray] = {}
    for name, law in laws.items():
        if law.law != "by_category":
            table[name] = draw_values(law, data.parameters[name].value, scores(name))
    drawn = dict(table)
    for name, law in laws.items():
        if law.law == "by_category":
            category = drawn.get(str(law.of), np.full(n, fixed.get(str(law.of), 0.0)))
            table[name] = draw_values(law, np.asarray(law.values)[category.astype(np.int64)], scores(name))
    return table


def typical_patient(
    course: Course, *, values: Mapping[str, float] | None = None, data: ModelData | None = None
) -> pd.DataFrame:
    """Return the patient in whom every parameter has its typical value, as a table of one row."""
    data = data or load_model_data()
    table = {name: np.full(1, value) for name, value in course.parameters.items()}
    fixed = check_values(values or {}, course, data)
    for name, parameter in data.parameters.items():
        law = parameter.between_patients
        if law is not None and law.law == "by_category" and law.of in fixed:
            table[name] = np.full(1, (law.values or ())[int(fixed[law.of])])
    table |= {name: np.full(1, value) for name, value in fixed.items()}
    return _linked(table, course, data, 1, 0)


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
