"""What the page shows of each strategy, gathered so that the template only writes it down."""

from __future__ import annotations

from dataclasses import dataclass

from aftercar.report import words
from aftercar.report.figure import Figure
from aftercar.report.forest import pooled_summaries, render_forest
from aftercar.report.medians import render_median_plot
from aftercar.strategy.results import CohortLine, Comparison, FigureLine, StrategyResult
from aftercar.synthesis.results import PooledProportion

_MAIN_MEASURES = ("ORR", "CR", "PFS")  # those that have figures and a table of their own


@dataclass(frozen=True, slots=True)
class Section:
    """One strategy in the page.

    Attributes
    ----------
    lines
        Every proportion with its measure.
    judged
        Cohorts with their risk of bias, each once.
    pooled, refused
        Measure, method and pooled estimate or reason.
    beside
        Figures of other measures, and those that a second source prints.
    """

    anchor: str
    result: StrategyResult
    figures: tuple[Figure, ...]
    lines: tuple[tuple[str, CohortLine], ...]
    judged: tuple[CohortLine, ...]
    pooled: tuple[tuple[str, str, PooledProportion], ...]
    refused: tuple[tuple[str, str, str], ...]
    beside: tuple[FigureLine, ...]


def build_sections(comparison: Comparison) -> list[Section]:
    """Return the strategies in the order of the comparison."""
    return [_build(result, comparison.settings.level) for result in comparison.results]


def _build(result: StrategyResult, level: float) -> Section:
    name, anchor = words.headline(result.strategy.name), f"strategy-{result.strategy.strategy_id}"
    measures = (result.orr, result.cr)
    figures = [
        render_forest(measure, title=name, figure_id=f"{measure.measure.lower()}-{anchor}", level=level)
        for measure in measures
        if measure.cohorts
    ]
    if result.pfs:
        figures.append(render_median_plot(result.pfs, pooled=result.pfs_pooled, title=name, figure_id=f"pfs-{anchor}"))
    judged = {line.cohort_id: line for measure in reversed(measures) for line in measure.cohorts if line.risk_of_bias}
    order = dict.fromkeys(line.cohort_id for measure in measures for line in measure.cohorts)
    return Section(
        anchor=anchor,
        result=result,
        figures=tuple(figures),
        lines=tuple((measure.measure, line) for measure in measures for line in measure.cohorts),
        judged=tuple(judged[name] for name in order if name in judged),
        pooled=tuple(
            (measure.measure, method, one) for measure in measures for method, one in pooled_summaries(measure).items()
        ),
        refused=tuple(
            (measure.measure, method, why) for measure in measures for method, why in measure.refused.items()
        ),
        beside=tuple(line for line in result.figures if not line.preferred or line.measure not in _MAIN_MEASURES),
    )


def describe_filters(comparison: Comparison) -> str:
    """Say in one sentence which cohorts were asked for."""
    filters = comparison.settings.filters
    prior = {
        "strict": "only cohorts in which (nearly) all had BCMA CAR-T before",
        "inclusive": "cohorts in which all had some anti-BCMA or T-cell-redirecting therapy before",
        "any": "cohorts with any prior exposure",
    }.get(filters.prior, filters.prior)
    counts = {
        "reported": "only printed counts",
        "inferred": "also counts reconstructed by arithmetic",
    }.get(filters.counts, filters.counts)
    chosen = [
        f"{name}: {', '.join(values)}"
        for name in ("therapies", "classes", "strategies", "targets", "studies", "designs", "lines")
        if (values := getattr(filters, name))
    ]
    return f"Used are {prior}; {counts}." + (f" Restricted to {'; '.join(chosen)}." if chosen else "")


def describe_identified(comparison: Comparison) -> str:
    """Return in a sentence which order of the ranked strategies the evidence identifies; empty where none is ranked."""
    if comparison.identified is None:
        return ""
    names = {row.strategy.strategy_id: row.strategy.name for row in comparison.results}
    return words.identified_text(comparison.identified, what="ORR, observed", names=names)
