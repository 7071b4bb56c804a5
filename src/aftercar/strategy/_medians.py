"""Median times of a strategy's cohorts, pooled where their intervals allow it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from aftercar.foundation import NotPoolableError
from aftercar.strategy.results import MedianLine, PooledMedian
from aftercar.synthesis.medians import PooledMedian as Pool
from aftercar.synthesis.medians import pool_medians


def pool_lines(lines: Sequence[MedianLine], level: float) -> tuple[tuple[MedianLine, ...], PooledMedian | None]:
    """Return the lines, those that cannot be weighed marked as not used, and the pooled median of the others.

    A single cohort's own median is returned as it is. Medians printed without an interval cannot be weighed; where that
    leaves fewer than two of several cohorts, nothing is pooled: one would stand for all, and their range says more.
    """
    used = [line for line in lines if line.used]
    if len(used) == 1:
        own = used[0]
        return tuple(lines), PooledMedian(own.median, own.ci_lb, own.ci_ub, 1, f"one cohort: {own.study}")
    pooled = _pool(used, level) if used else None
    if pooled is None or pooled.k < 2:
        return _mark(lines, set(), "fewer than two medians print an interval"), None
    weighed = {row.label for row in pooled.used}
    note = f"{pooled.k} of {len(used)} cohorts print an interval and are pooled"
    return (
        _mark(lines, weighed, "no interval is printed"),
        PooledMedian(pooled.estimate, pooled.ci_lb, pooled.ci_ub, pooled.k, note),
    )


def _pool(used: Sequence[MedianLine], level: float) -> Pool | None:
    try:
        return pool_medians(
            [line.median for line in used],
            [np.nan if line.ci_lb is None else line.ci_lb for line in used],
            [np.nan if line.ci_ub is None else line.ci_ub for line in used],
            labels=[line.cohort_id for line in used],
            pooled_level=level,
        )
    except NotPoolableError:
        return None


def _mark(lines: Sequence[MedianLine], weighed: set[str], why: str) -> tuple[MedianLine, ...]:
    return tuple(
        replace(line, used=False, why_not_used=why) if line.used and line.cohort_id not in weighed else line
        for line in lines
    )
