"""Median times of a strategy's cohorts, pooled where their intervals allow it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from aftercar.foundation import NotPoolableError
from aftercar.strategy.results import MedianLine, PooledMedian
from aftercar.synthesis.medians import pool_medians


def pool_lines(lines: Sequence[MedianLine], level: float) -> PooledMedian | None:
    """Return the pooled median of the used lines; a single cohort's own is returned as it is.

    Medians printed without an interval cannot be weighed. Where that leaves fewer than two of several cohorts, None is
    returned: one of them would stand for all, and their range says more.
    """
    used = [line for line in lines if line.used]
    if not used:
        return None
    if len(used) == 1:
        return PooledMedian(used[0].median, used[0].ci_lb, used[0].ci_ub, 1, f"one cohort: {used[0].study}")
    try:
        pooled = pool_medians(
            [line.median for line in used],
            [np.nan if line.ci_lb is None else line.ci_lb for line in used],
            [np.nan if line.ci_ub is None else line.ci_ub for line in used],
            labels=[line.cohort_id for line in used],
            pooled_level=level,
        )
    except NotPoolableError:
        return None
    if pooled.k < 2:
        return None
    note = f"{pooled.k} of {len(used)} cohorts print an interval and are pooled"
    return PooledMedian(pooled.estimate, pooled.ci_lb, pooled.ci_ub, pooled.k, note)
