"""Covariates as a design matrix: numbers as they are, words as indicators against a reference level."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from aftercar.foundation import Fault, InputError, NotPoolableError
from aftercar.synthesis.results import FloatArray

INTERCEPT = "intercept"


@dataclass(frozen=True, slots=True)
class Coding:
    """How covariates become columns, so that predictions use the coding of the fit.

    Attributes
    ----------
    levels
        Per covariate its levels, the reference first; empty for a number.
    names
        Names of the columns: "intercept", "year", "design=retrospective" ...
    """

    levels: Mapping[str, tuple[str, ...]]
    names: tuple[str, ...]


def code_covariates(
    covariates: Mapping[str, Sequence[Any]], *, k: int, reference: Mapping[str, str] | None = None
) -> tuple[FloatArray, Coding]:
    """Return the design with an intercept, shape (k, p), and its coding.

    Parameters
    ----------
    covariates
        Name -> k values: all numbers, or all words. True and False count as words.
    reference
        Covariate -> the level that others are held against; by default the first in alphabetical order.

    Raises
    ------
    InputError
        A missing value, a wrong number of values, a mixture of words and numbers, an unknown reference level.
    NotPoolableError
        Columns that say the same thing (a constant covariate, or one that follows from the others).
    """
    levels = {name: _find_levels(name, values, k, (reference or {}).get(name)) for name, values in covariates.items()}
    coding = Coding(levels, _name_columns(levels))
    design = apply_coding(covariates, coding)
    if np.linalg.matrix_rank(design) < design.shape[1]:
        raise NotPoolableError(
            f"The covariates {', '.join(covariates)} cannot be told apart in these {k} studies: one is constant, or "
            "follows from the others, or there are fewer studies than levels. Leave one out or merge levels."
        )
    return design, coding


def apply_coding(covariates: Mapping[str, Sequence[Any]], coding: Coding) -> FloatArray:
    """Return the design of new values under a coding made before, shape (m, p).

    Raises
    ------
    InputError
        A covariate of the fit that is not given, a level that it has not seen, a value that is no number.
    """
    missing = [name for name in coding.levels if name not in covariates]
    if missing:
        raise InputError(Fault("covariates", f"no values are given for {', '.join(missing)}.", "Give them."))
    rows = max((len(covariates[name]) for name in coding.levels), default=0)
    columns = [np.ones(rows)]
    for name, levels in coding.levels.items():
        if not levels:
            columns.append(_to_numbers(name, covariates[name]))
            continue
        words = [str(value) for value in covariates[name]]
        unseen = sorted(set(words) - set(levels))
        if unseen:
            mend = f"Levels of the fit: {', '.join(levels)}."
            raise InputError(Fault("covariates", f"'{unseen[0]}' is no level of the fit.", mend, column=name))
        columns += [np.array([word == level for word in words], dtype=np.float64) for level in levels[1:]]
    if len({column.size for column in columns}) > 1:
        raise InputError(
            Fault("covariates", "the covariates differ in length.", "Give each the same number of values.")
        )
    return np.column_stack(columns)


def _find_levels(name: str, values: Sequence[Any], k: int, reference: str | None) -> tuple[str, ...]:
    if len(values) != k:
        found = f"{len(values)} values stand beside {k} studies."
        raise InputError(Fault("covariates", found, "Give one value for every study.", column=name))
    for i, value in enumerate(values, start=1):
        if value is None or value == "" or (isinstance(value, float) and np.isnan(value)):
            mend = "Studies without the covariate cannot enter the regression: leave them out."
            raise InputError(Fault("covariates", f"study {i} has no value.", mend, column=name))
    words = [isinstance(value, (str, bool, np.bool_)) for value in values]
    if not any(words):
        _to_numbers(name, values)
        return ()
    if not all(words):
        raise InputError(Fault("covariates", "words and numbers are mixed.", "Use one kind.", column=name))
    levels = sorted({str(value) for value in values})
    if reference is not None:
        if reference not in levels:
            mend = f"Use one of: {', '.join(levels)}."
            raise InputError(Fault("covariates", f"the reference '{reference}' does not occur.", mend, column=name))
        levels = [reference, *(level for level in levels if level != reference)]
    return tuple(levels)


def _name_columns(levels: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    names = [INTERCEPT]
    for name, own in levels.items():
        names += [f"{name}={level}" for level in own[1:]] if own else [name]
    return tuple(names)


def _to_numbers(name: str, values: Sequence[Any]) -> FloatArray:
    try:
        numbers = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        mend = "Give numbers only, or words only."
        raise InputError(Fault("covariates", f"a value is not a number ({error}).", mend, column=name)) from error
    if not np.all(np.isfinite(numbers)):
        raise InputError(Fault("covariates", "a value is not finite.", "Leave that study out.", column=name))
    return numbers
