"""Median times of cohorts, with their pooled median."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from aftercar.report import words
from aftercar.report._rows import Rows, Scale, row_specs, side_width
from aftercar.report.figure import BLUE, GREY, INK, MUTED, Figure
from aftercar.strategy.results import MedianLine, PooledMedian

_STEPS = (1.0, 2.0, 3.0, 6.0, 12.0, 24.0, 48.0, 120.0)


def render_median_plot(
    lines: Sequence[MedianLine], *, pooled: PooledMedian | None, title: str, figure_id: str
) -> Figure:
    """Draw medians in months with their printed intervals, and the pooled one as a diamond.

    An interval whose upper limit is not known runs to the edge and ends in an arrow. A median without an interval is a
    hollow point.

    Parameters
    ----------
    lines
        Medians of one measure, at least one.
    pooled
        Their pooled median, or None.
    """
    measure = lines[0].measure if lines else "PFS"
    scale = _month_scale(lines, pooled, measure)
    spec, narrow_spec = row_specs(lambda rows: _draw(rows, lines, pooled, scale.upper), scale)
    summary = f"Median {measure} of {words.plural(len(lines), 'cohort')} for {title}, in months."
    if pooled is not None:
        summary += f" Pooled: {words.months(pooled.median, pooled.ci_lb, pooled.ci_ub)}."
    return Figure(
        figure_id=figure_id,
        title=f"{title}: median {measure}, observed",
        caption=(
            f"Observed median {words.MEASURE_NAMES.get(measure, measure)} in months with the printed intervals. Arrow: "
            "upper limit not reached or not reported. Hollow: no interval is printed."
        ),
        summary=summary,
        spec=spec,
        narrow_spec=narrow_spec,
        table=_table(lines, pooled, measure),
        side_width=side_width(),
    )


def _month_scale(lines: Sequence[MedianLine], pooled: PooledMedian | None, measure: str) -> Scale:
    ends = [value for line in lines for value in (line.median, line.ci_ub) if value is not None]
    if pooled is not None:
        ends += [value for value in (pooled.median, pooled.ci_ub) if value is not None]
    # Where an upper limit is open the axis leaves room for its arrow.
    wanted = max(ends, default=12.0) * (1.25 if any(line.ci_ub is None for line in lines) else 1.05)
    step = next((step for step in _STEPS if wanted / step <= 6), _STEPS[-1])
    count = int(wanted // step) + 1
    return Scale(0.0, count * step, f"median {measure} (months)", tuple(step * tick for tick in range(count + 1)))


def _draw(rows: Rows, lines: Sequence[MedianLine], pooled: PooledMedian | None, edge: float) -> None:
    rows.label("Cohort, therapy", right="months [interval]", colour=MUTED)
    rows.rule()
    for line in lines:
        ink, colour = (INK, BLUE) if line.used else (MUTED, GREY)
        text = words.months(line.median, line.ci_lb, line.ci_ub)
        tip = f"{line.study}: {line.therapy}\n{line.measure} {text} months\nsource: {line.source_locator}"
        rows.label(line.study, right=text, bold=line.used, colour=ink)
        rows.label(line.therapy, short=True, colour=MUTED)
        if not line.used and line.why_not_used:
            rows.label(f"not pooled: {line.why_not_used.removeprefix('not pooled: ')}", colour=MUTED)
        y = rows.band()
        has_interval = line.ci_lb is not None
        if line.ci_lb is not None:
            rows.span(line.ci_lb, edge if line.ci_ub is None else line.ci_ub, y=y, thickness=1.5, colour=ink, tip=tip)
            if line.ci_ub is None:
                rows.point(
                    edge, y=y, size=60, colour=ink, shape="triangle-right", tip="upper limit not reached or reported"
                )
        rows.point(line.median, y=y, size=80, colour=colour, shape="square" if has_interval else "circle",
                   filled=has_interval, tip=tip)  # fmt: skip
        rows.space(6)
    if pooled is not None:
        rows.rule()
        text = words.months(pooled.median, pooled.ci_lb, pooled.ci_ub)
        rows.label("Pooled", right=text, bold=True)
        rows.label(f"{words.plural(pooled.k, 'cohort')}; {pooled.note}" if pooled.note else f"{pooled.k}", colour=MUTED)
        y = rows.band()
        if pooled.ci_lb is None:
            rows.point(pooled.median, y=y, size=80, colour=BLUE, shape="diamond", filled=False, tip=text)
        else:
            upper = edge if pooled.ci_ub is None else pooled.ci_ub
            rows.diamond(pooled.ci_lb, pooled.median, upper, y=y, colour=BLUE, tip=text)


def _table(lines: Sequence[MedianLine], pooled: PooledMedian | None, measure: str) -> pd.DataFrame:
    name = f"Median {measure}, months [interval]"
    rows = [
        {
            "Cohort": line.study,
            "Therapy": line.therapy,
            name: words.months(line.median, line.ci_lb, line.ci_ub),
            "Pooled": "yes" if line.used else f"no: {line.why_not_used}",
            "Source": line.source_locator,
        }
        for line in lines
    ]
    if pooled is not None:
        text = words.months(pooled.median, pooled.ci_lb, pooled.ci_ub)
        k = words.plural(pooled.k, "cohort")
        rows.append({"Cohort": "Pooled", "Therapy": words.MISSING, name: text, "Pooled": k, "Source": pooled.note})
    return pd.DataFrame(rows)
