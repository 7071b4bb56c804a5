"""Forest plot of one strategy: every cohort, its bias, why some are left out, and several pooled summaries below."""

from __future__ import annotations

import pandas as pd

from aftercar.report import words
from aftercar.report._rows import MARK_GAP, MARK_STEP, SIDE, Rows, percent_scale, row_specs, side_width
from aftercar.report.figure import BLUE, GREY, INK, MUTED, SLATE, Figure
from aftercar.strategy.results import CohortLine, Judgement, MeasureResult
from aftercar.synthesis.results import PooledProportion

BIAS_COLOURS = {"low": "#66c2a5", "some": "#ffd34d", "high": "#f4915f"}
_SMALLEST, _LARGEST = 28.0, 190.0


def render_forest(result: MeasureResult, *, title: str, figure_id: str, level: float = 0.95) -> Figure:
    """Draw the cohorts of one strategy and measure with all pooled summaries.

    Squares grow with the number of patients. A cohort that gives a percentage without a denominator has a hollow point
    and no interval; one that is left out is grey, with the reason below its name.

    Parameters
    ----------
    result
        One proportion under one strategy.
    title
        Name of the strategy, as the figure's title.
    figure_id
        Id in the page and stem of the file name.
    level
        Level of the intervals, which the figure names.
    """
    used = [line for line in result.cohorts if line.used]
    left_out = [line for line in result.cohorts if not line.used]
    domains = bias_domains(used)
    side = max(SIDE, MARK_STEP * (len(domains) + 1) + MARK_GAP)
    spec, narrow_spec = row_specs(
        lambda rows: _draw_all(rows, result, level), percent_scale(f"{result.measure}, observed"), side=side
    )
    return Figure(
        figure_id=figure_id,
        title=f"{title}: {result.measure}, observed",
        caption=_caption(result, domains, level),
        summary=_summary(result, title, used, left_out),
        spec=spec,
        narrow_spec=narrow_spec,
        table=forest_data(result, level=level),
        side_width=side_width(side),
    )


def bias_domains(lines: list[CohortLine]) -> tuple[str, ...]:
    """Return the domains of risk of bias in their order of appearance."""
    return tuple(dict.fromkeys(judgement.domain for line in lines for judgement in line.risk_of_bias))


def forest_data(result: MeasureResult, *, level: float = 0.95) -> pd.DataFrame:
    """Return what the forest plot shows as a table for readers: cohorts, then pooled summaries."""
    estimate = f"{result.measure} [{words.level_text(level)} interval]"
    rows = [
        {
            "Row": line.study,
            "Therapy": line.therapy,
            "Year": words.dash(line.year),
            "Responders/n": words.count(line.events, line.total, line.status),
            estimate: words.proportion(line.proportion, line.ci_lb, line.ci_ub),
            "Prediction interval": words.MISSING,
            "Risk of bias": words.BIAS_WORDS.get(line.overall_bias, words.dash(line.overall_bias)),
            "Pooled": "yes" if line.used else f"no: {line.why_not_used}",
        }
        for line in result.cohorts
    ]
    for name, pooled in pooled_summaries(result).items():
        rows.append(
            {
                "Row": f"Pooled: {name}",
                "Therapy": words.MISSING,
                "Year": words.MISSING,
                "Responders/n": f"{pooled.events}/{pooled.total}",
                estimate: words.pooled_text(pooled),
                "Prediction interval": words.prediction_text(pooled),
                "Risk of bias": words.MISSING,
                "Pooled": words.plural(pooled.k, "cohort"),
            }
        )
    return pd.DataFrame(rows)


def pooled_summaries(result: MeasureResult) -> dict[str, PooledProportion]:
    """Return every pooled summary by name, the one shown in the table first."""
    first = {} if result.pooled is None else {words.method_name(result.pooled): result.pooled}
    return first | dict(result.others)


def _draw_all(rows: Rows, result: MeasureResult, level: float) -> None:
    used = [line for line in result.cohorts if line.used]
    left_out = [line for line in result.cohorts if not line.used]
    domains = bias_domains(used)
    largest = max([line.total or 0 for line in result.cohorts], default=0)
    _draw_header(rows, f"{result.measure} [{words.level_text(level)}]", domains)
    for line in used:
        _draw_cohort(rows, line, domains, largest)
    if left_out:
        if used:
            rows.rule()
        rows.label("Not pooled", bold=True, colour=MUTED)
        for line in left_out:
            _draw_cohort(rows, line, (), largest)
    rows.rule()
    _draw_pooled(rows, result)


def _draw_header(rows: Rows, estimate: str, domains: tuple[str, ...]) -> None:
    rows.label("Cohort, year", right="responders/n", colour=MUTED)
    if domains:
        titles = [*(str(number) for number, _ in enumerate(domains, start=1)), "all"]
        for position, name in enumerate(reversed(titles)):
            tip = f"Risk of bias: {words.plain((*domains, 'overall')[-1 - position])}"
            rows.mark(position, name, y=rows.y + 8, colour="#ffffff", tip=tip)
        rows.label("Therapy", short=True, colour=MUTED)
        rows.label("", right=estimate, colour=MUTED)
    else:
        rows.label("Therapy", right=estimate, colour=MUTED)
    rows.rule()


def _draw_cohort(rows: Rows, line: CohortLine, domains: tuple[str, ...], largest: int) -> None:
    ink, muted = (INK, MUTED) if line.used else (MUTED, GREY)
    name = line.study if line.year is None or str(line.year) in line.study else f"{line.study}, {line.year}"
    tip = _cohort_tip(line)
    rows.label(name, right=words.count(line.events, line.total, line.status), bold=line.used, colour=ink)
    if line.used:
        _draw_bias(rows, line, domains)
    rows.label(line.therapy, short=True, colour=MUTED)
    if not line.used and line.why_not_used:
        rows.label(line.why_not_used.removeprefix("not pooled: "), colour=MUTED)
    if line.proportion is not None:
        y = rows.band()
        if line.ci_lb is not None and line.ci_ub is not None:
            rows.span(line.ci_lb, line.ci_ub, y=y, thickness=1.5, colour=ink if line.used else muted, tip=tip)
        counted = line.total is not None
        size = _SMALLEST + (_LARGEST - _SMALLEST) * (line.total or 0) / max(largest, 1)
        colour = BLUE if line.used else muted
        shape = "square" if counted else "circle"
        rows.point(line.proportion, y=y, size=size if counted else 60, colour=colour, shape=shape,
                   filled=counted, tip=tip)  # fmt: skip
        rows.right(words.proportion(line.proportion, line.ci_lb, line.ci_ub), y=y, colour=ink)
    rows.space(7)


def _draw_bias(rows: Rows, line: CohortLine, domains: tuple[str, ...]) -> None:
    judged = {judgement.domain: judgement for judgement in line.risk_of_bias}
    everything = [*(judged.get(domain) for domain in domains), Judgement("overall", line.overall_bias, "")]
    for position, judgement in enumerate(reversed(everything)):
        if judgement is None or judgement.level not in words.BIAS_SYMBOLS:
            continue
        tip = f"{words.plain(judgement.domain)}: {words.BIAS_WORDS[judgement.level]}\n{judgement.reason}".strip()
        symbol, colour = words.BIAS_SYMBOLS[judgement.level], BIAS_COLOURS[judgement.level]
        rows.mark(position, symbol, y=rows.y + 8, colour=colour, tip=tip)


def _draw_pooled(rows: Rows, result: MeasureResult) -> None:
    if result.pooled is None and not result.others:
        rows.label("No cohort can be pooled.", colour=MUTED)
    for number, (name, pooled) in enumerate(pooled_summaries(result).items()):
        main = number == 0 and result.pooled is not None
        tip = _pooled_tip(name, pooled)
        counted = f"{pooled.events}/{pooled.total}"
        rows.label(f"Pooled, {name}", right=counted, bold=main)
        if pooled.pi_lb is not None and pooled.pi_ub is not None:
            rows.label(f"a new cohort: {words.span_text(pooled.pi_lb, pooled.pi_ub)}", short=True, colour=MUTED)
        y = rows.band()
        colour = BLUE if main else SLATE
        if pooled.pi_lb is not None and pooled.pi_ub is not None:
            rows.span(pooled.pi_lb, pooled.pi_ub, y=y, thickness=1.2, colour=colour, tip=tip)
        rows.diamond(pooled.ci_lb, pooled.estimate, pooled.ci_ub, y=y, colour=colour, tip=tip)
        rows.right(words.pooled_text(pooled), y=y, bold=main)
        rows.space(6)
    for name, reason in result.refused.items():
        rows.label(f"{name}: {reason}", colour=MUTED)
        rows.space(4)


def _cohort_tip(line: CohortLine) -> str:
    parts = [
        f"{line.study}: {line.therapy}",
        line.population,
        f"prior: {words.PRIOR_BCMA_WORDS.get(line.prior_bcma, words.plain(line.prior_bcma))}",
        f"{words.plain(line.design)}; {words.LINE_WORDS.get(line.line, words.plain(line.line))}; counted: "
        f"{words.UNIT_WORDS.get(line.unit_of_analysis, words.plain(line.unit_of_analysis))}",
        f"{words.count(line.events, line.total, line.status)}: "
        f"{words.proportion(line.proportion, line.ci_lb, line.ci_ub)} "
        f"({words.STATUS_WORDS.get(line.status, line.status)})",
        f"source: {line.source_locator}",
        "" if line.used else f"not pooled: {line.why_not_used}",
        line.note,
    ]
    return "\n".join(part for part in parts if part)


def _pooled_tip(name: str, pooled: PooledProportion) -> str:
    parts = [
        f"{name}: {words.pooled_text(pooled)} from {words.plural(pooled.k, 'cohort')}, {pooled.events}/{pooled.total}",
        "" if pooled.pi_lb is None else f"true rate of a new cohort: {words.span_text(pooled.pi_lb, pooled.pi_ub)}",
    ]
    if pooled.heterogeneity is not None:
        i2 = pooled.heterogeneity.i2
        parts.append(f"τ² {pooled.heterogeneity.tau2:.2f}" + ("" if i2 is None else f", I² {i2:.0f}%"))
    return "\n".join([part for part in parts if part] + list(pooled.notes))


def _caption(result: MeasureResult, domains: tuple[str, ...], level: float) -> str:
    interval = f"{words.level_text(level)} interval"
    statuses = {line.status for line in result.cohorts}
    parts = [
        f"Observed {words.MEASURE_NAMES.get(result.measure, result.measure)}. Squares: cohorts, area by number "
        f"evaluable; lines: exact {interval}s. Diamonds: pooled estimates by method with their {interval}s; thin "
        f"line: where the true rate of a new cohort would lie ({words.level_text(level)} prediction interval)."
    ]
    if "not_reported" in statuses:
        parts.append("Hollow circles: percentage printed without a denominator, so no interval and no pooling.")
    parts += [
        f"{words.STATUS_SIGNS[status]} {words.STATUS_WORDS[status]}."
        for status in ("inferred", "feasible")
        if status in statuses
    ]
    if domains:
        named = ", ".join(f"{number} {words.plain(domain)}" for number, domain in enumerate(domains, start=1))
        parts.append(f"Risk of bias (+ low, ? some concern, − high): {named}.")
    return " ".join(parts)


def _summary(result: MeasureResult, title: str, used: list[CohortLine], left_out: list[CohortLine]) -> str:
    measure = words.MEASURE_NAMES.get(result.measure, result.measure)
    parts = [f"Forest plot of the observed {measure} for {title}."]
    if result.pooled is not None:
        pooled = result.pooled
        parts.append(
            f"{words.plural(pooled.k, 'cohort')} with {pooled.total} patients give {words.pooled_text(pooled)} pooled."
        )
        shares = [line.proportion for line in used if line.proportion is not None]
        if len(shares) > 1:
            parts.append(f"Single cohorts range from {words.percent(min(shares))} to {words.percent(max(shares))}.")
    else:
        parts.append("No cohort can be pooled.")
    if left_out:
        parts.append(f"{words.plural(len(left_out), 'cohort')} not pooled, with reasons in the table.")
    return " ".join(parts)
