"""Confirmation: a response, and a progression of serum or urine, counts when a second assessment agrees.

The status of a patient is the best confirmed so far, until progression is confirmed. The date of a response is that of
its first assessment, not of the one that confirms it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from aftercar.clinic.categories import MR, NE, NOT_GRADED, PD, SCR, SD, CodeArray
from aftercar.clinic.comparison import BoolArray, FloatArray
from aftercar.clinic.criteria import Options


@dataclass(frozen=True)
class Confirmation:
    """What each visit establishes, shape (patients, visits).

    `level`: the category that the visit establishes, its confirming assessment heard; `by_day`: the day of that
    assessment (the visit's own where none is needed); `status`: the best level so far, PD once it is established.
    """

    level: CodeArray
    by_day: FloatArray
    status: CodeArray


def confirm_responses(
    codes: CodeArray,
    day: FloatArray,
    *,
    needs_repeat: BoolArray,
    new_therapy_day: FloatArray,
    death_from_myeloma_day: FloatArray,
    options: Options,
) -> Confirmation:
    """Confirm categories of visits.

    Parameters
    ----------
    codes
        Unconfirmed categories, shape (patients, visits), in the order of the visits.
    day
        Days of the visits, same shape.
    needs_repeat
        Where the category must be confirmed. Marrow and imaging need no second assessment.
    new_therapy_day
        Shape (patients,), NaN for none. Assessments after it neither count as response nor confirm one; they can
        confirm progression.
    death_from_myeloma_day
        Shape (patients,), NaN for none. It confirms a progression that no further assessment contradicts.
    """
    new_therapy = np.where(np.isnan(new_therapy_day), np.inf, new_therapy_day)
    level = np.full(codes.shape, NE, dtype=np.int8)
    by_day = np.full(codes.shape, np.nan)
    response = (codes >= MR) & (codes <= SCR)
    counted = day <= new_therapy[:, None]
    for t in range(codes.shape[1]):
        now, at = codes[:, t], day[:, t]
        level[:, t], by_day[:, t] = np.where(now == SD, SD, NE), np.where(now == SD, at, np.nan)
        done = ~needs_repeat[:, t] & ((now == PD) | response[:, t])
        level[done, t], by_day[done, t] = now[done], at[done]
        pending = (response[:, t] | (now == PD)) & needs_repeat[:, t]
        if pending.any():
            _look_ahead(t, pending, codes, day, new_therapy, death_from_myeloma_day, options, level, by_day)
        late = ~counted[:, t] & (level[:, t] != PD)
        level[late, t], by_day[late, t] = NE, np.nan
    graded = codes != NOT_GRADED
    status = np.maximum.accumulate(np.where(graded, level, NE), axis=1)
    return Confirmation(
        np.where(graded, level, NOT_GRADED).astype(np.int8),
        by_day,
        np.where(graded, status, NOT_GRADED).astype(np.int8),
    )


def _look_ahead(
    t: int,
    pending: BoolArray,
    codes: CodeArray,
    day: FloatArray,
    new_therapy: FloatArray,
    death_day: FloatArray,
    options: Options,
    level: CodeArray,
    by_day: FloatArray,
) -> None:
    """Settle the visits t that wait for a second assessment, in place."""
    progression = codes[:, t] == PD
    lowest = codes[:, t].copy()
    most = np.inf if options.maximum_interval_days is None else options.maximum_interval_days
    for u in range(t + 1, codes.shape[1]):
        if not pending.any():
            return
        then, gap = codes[:, u], day[:, u] - day[:, t]
        heard = pending & (then != NOT_GRADED) & (gap > 0.0)
        if options.not_evaluable == "skip":
            heard &= then != NE
        usable = heard & (gap <= most) & (progression | (day[:, u] <= new_therapy))
        agrees = usable & np.where(progression, then == PD, (then >= MR) & (then <= SCR))
        lowest = np.where(agrees, np.minimum(lowest, then), lowest)
        settled = agrees & (gap >= options.minimum_interval_days)
        level[settled, t], by_day[settled, t] = lowest[settled], day[settled, u]
        refuted = heard & ~agrees
        level[refuted & ~progression, t] = SD  # a response that did not last is at least stable disease
        pending = pending & ~settled & ~refuted
    by_death = pending & progression & (death_day >= day[:, t])
    level[by_death, t], by_day[by_death, t] = PD, death_day[by_death]
    level[pending & ~progression, t] = SD
