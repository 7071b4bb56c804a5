"""Counts at the door: every estimator of proportions checks its cohorts here, once, and names each fault."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from aftercar.foundation import Fault, InputError, NotPoolableError
from aftercar.synthesis.results import FloatArray

_PLACE = "counts"


def check_counts(events: Any, total: Any, *, minimum_k: int = 1) -> tuple[FloatArray, FloatArray]:
    """Return the counts as float arrays, or raise with every fault found.

    Parameters
    ----------
    events, total
        Responders and evaluable patients, one pair a cohort, shape (k,): whole, 0 <= events <= total, total >= 1.
    minimum_k
        How many cohorts the caller needs.

    Raises
    ------
    InputError
        A count that is missing, not whole, negative, or events that exceed their total; shapes that differ.
    NotPoolableError
        Fewer than `minimum_k` cohorts.
    """
    x, n = _to_column(events, "events"), _to_column(total, "total")
    if x.size != n.size:
        found = f"{x.size} counts of events stand beside {n.size} totals."
        raise InputError(Fault(_PLACE, found, "Give one of each for every cohort."))
    faults = [fault for i in range(x.size) for fault in _find_faults(i + 1, float(x[i]), float(n[i]))]
    if faults:
        raise InputError(faults)
    check_k(x.size, minimum_k, what="cohorts")
    return x, n


def check_effects(yi: Any, vi: Any, *, minimum_k: int = 1) -> tuple[FloatArray, FloatArray]:
    """Return effects and their sampling variances as float arrays, or raise with every fault found.

    Raises
    ------
    InputError
        A value that is missing or infinite, a variance that is not > 0, shapes that differ.
    NotPoolableError
        Fewer than `minimum_k` effects.
    """
    y, v = _to_column(yi, "yi"), _to_column(vi, "vi")
    if y.size != v.size:
        raise InputError(Fault("effects", f"{y.size} effects stand beside {v.size} variances.", "Give one of each."))
    faults = []
    for i, (effect, variance) in enumerate(zip(y, v, strict=True), start=1):
        if not np.isfinite(effect):
            faults.append(Fault("effects", f"effect {i} is {effect}.", "Leave the study out or mend it.", column="yi"))
        if not (np.isfinite(variance) and variance > 0):
            mend = "A sampling variance is finite and above 0; leave the study out or mend it."
            faults.append(Fault("effects", f"variance {i} is {variance}.", mend, column="vi"))
    if faults:
        raise InputError(faults)
    check_k(y.size, minimum_k, what="studies")
    return y, v


def check_k(k: int, minimum_k: int, *, what: str) -> None:
    """Raise NotPoolableError where there are fewer than `minimum_k` of `what`."""
    if k == 0:
        raise NotPoolableError(f"There are no {what} to pool. Widen the selection, or give at least one.")
    if k < minimum_k:
        raise NotPoolableError(
            f"{k} {what} were given and this needs {minimum_k} or more. Widen the selection, or report them one by one."
        )


def check_level(level: float) -> None:
    """Raise InputError unless `level` is a probability strictly between 0 and 1, such as 0.95."""
    if not 0 < level < 1:
        raise InputError(Fault("level", f"{level} is not a level of confidence.", "Use a number such as 0.95."))


def check_choice(value: str, allowed: Sequence[str], *, name: str) -> None:
    """Raise InputError unless `value` is one of the allowed words."""
    if value not in allowed:
        raise InputError(Fault(name, f"'{value}' is not known.", f"Use one of: {', '.join(allowed)}."))


def _to_column(values: Any, name: str) -> FloatArray:
    try:
        column = np.atleast_1d(np.asarray(values, dtype=np.float64))
    except (TypeError, ValueError) as error:
        raise InputError(
            Fault(_PLACE, f"a value is not a number ({error}).", "Give numbers only.", column=name)
        ) from error
    if column.ndim != 1:
        raise InputError(Fault(_PLACE, f"the values have shape {column.shape}.", "Give a flat list.", column=name))
    return column


def _find_faults(cohort: int, x: float, n: float) -> Iterator[Fault]:
    whole = True
    for name, value, least in (("events", x, 0), ("total", n, 1)):
        if np.isnan(value):
            mend = "A cohort without its counts cannot be pooled: find them in the source or leave the cohort out."
            yield Fault(_PLACE, f"cohort {cohort} has no {name}.", mend, column=name)
            whole = False
        elif not np.isfinite(value) or value != np.floor(value):
            mend = "Counts are whole patients; a percentage must be turned into a count first."
            yield Fault(_PLACE, f"cohort {cohort} has {name} = {value:g}.", mend, column=name)
            whole = False
        elif value < least:
            yield Fault(_PLACE, f"cohort {cohort} has {name} = {value:g}.", f"It must be {least} or more.", column=name)
            whole = False
    if whole and x > n:
        found = f"cohort {cohort} has {x:g} events in {n:g} patients."
        yield Fault(
            _PLACE, found, "Responders cannot outnumber evaluable patients: check the denominator.", column="events"
        )
