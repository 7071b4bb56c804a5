"""The main job: salvage strategies after BCMA CAR-T relapse side by side, on observed evidence."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import pandas as pd

from aftercar.catalogue import Discrepancy, EvidenceBase, Strategy
from aftercar.evidence import Filters, Selection, check_filters, filter_cohorts
from aftercar.evidence.selection import admits_therapy
from aftercar.foundation import Fault, InputError, Manifest
from aftercar.strategy._certainty import rate_strategy
from aftercar.strategy._cohort_lines import figure_lines, median_lines, select_lines
from aftercar.strategy._medians import pool_lines
from aftercar.strategy._pooling import fit_strategies, pool_alone, pool_by_other_methods, pooled_from
from aftercar.strategy._sensitivity import tabulate_sensitivity
from aftercar.strategy._statements import describe_limits, describe_methods
from aftercar.strategy.results import (
    RANK_LEVEL,
    CertaintyRating,
    CohortLine,
    CompareSettings,
    Comparison,
    FindingLine,
    MeasureResult,
    RankSummary,
    StrategyResult,
)
from aftercar.strategy.settings import check_settings, command_of
from aftercar.synthesis.bayes import HierarchicalPosterior
from aftercar.synthesis.confounding import find_reversals
from aftercar.synthesis.ranking import Identification, identify_order, rank_strategies
from aftercar.synthesis.results import PooledProportion

Progress = Callable[[str], None]
Lines = Mapping[str, tuple[Selection, tuple[CohortLine, ...]]]

RATING_LEVEL = 0.95  # the rules of imprecision and inconsistency are stated for 95% intervals
STAGES = ("selecting cohorts", "pooling ORR", "pooling CR", "ranking", "sensitivity", "rating certainty")


def compare_strategies(
    base: EvidenceBase, settings: CompareSettings | None = None, *, progress: Progress = lambda _: None
) -> Comparison:
    """Compare every strategy of the catalogue on the cohorts that the filters admit.

    The comparison is indirect and unanchored: no cohort was randomised against another. Ranked strategies share one
    hierarchical model, so that a strategy of few patients borrows from the others; rows that are no single choice
    (any salvage, mixed targets) are pooled alone and never ranked.

    Parameters
    ----------
    settings
        Filters, level, draws and seed; the defaults answer the main question.
    progress
        Called with the name of each stage of `STAGES` as it begins.

    Raises
    ------
    InputError
        Filters that name something unknown, or that no cohort fits.
    """
    settings = settings or CompareSettings()
    check_settings(settings)
    check_filters(base, settings.filters)
    progress(STAGES[0])
    strategies = _asked(base, settings.filters)
    _check_cohorts(base, strategies, settings.filters)
    orr, cr = (_select(base, strategies, measure, settings) for measure in ("ORR", "CR"))
    progress(STAGES[1])
    orr_posterior, orr_results = _pool(strategies, "ORR", orr, settings, draws=settings.draws)
    progress(STAGES[2])
    _, cr_results = _pool(strategies, "CR", cr, settings, draws=1)  # not ranked: its draws are not looked at
    progress(STAGES[3])
    ranks, identified = _rank(orr_posterior)
    progress(STAGES[4])
    sensitivity = tabulate_sensitivity(base, strategies, settings, orr_posterior)
    progress(STAGES[5])
    rated = orr_results
    if settings.level != RATING_LEVEL:
        _, rated = _pool(strategies, "ORR", orr, replace(settings, level=RATING_LEVEL), draws=1)
    certainty = {name: rate_strategy(base, orr[name][0], result.pooled) for name, result in rated.items()}
    results = tuple(
        _row(base, strategy, orr_results, cr_results, ranks, certainty[strategy.strategy_id], settings)
        for strategy in strategies
    )
    return Comparison(
        settings=settings,
        results=results,
        sensitivity=sensitivity,
        confounding=_confounding(orr_posterior, settings.level),
        discrepancies=_disputed(base, results),
        method_card=describe_methods(orr_posterior, settings),
        notes=describe_limits(base, {name: selection.used for name, (selection, _) in orr.items()}),
        manifest=Manifest(command_of(settings), settings.to_dict(), settings.seed, {"evidence": base.hash}),
        identified=identified,
    )


def _asked(base: EvidenceBase, filters: Filters) -> tuple[Strategy, ...]:
    """The strategies that the filters name, or all, as far as a therapy of theirs fits the filters."""
    reached = {t.strategy_class for t in base.therapies.values() if admits_therapy(base, t, filters)}
    named = dict.fromkeys(filters.strategies) or base.strategies
    return tuple(base.strategies[name] for name in named if reached & set(base.strategies[name].classes))


def _check_cohorts(base: EvidenceBase, strategies: tuple[Strategy, ...], filters: Filters) -> None:
    """Raise InputError where the filters leave no cohort; strategies of which only findings are known may pass."""
    fitting = [cohort for strategy in strategies for cohort in filter_cohorts(base, _one(filters, strategy))]
    known = [
        cohort
        for strategy in strategies
        for cohort in filter_cohorts(base, Filters(strategies=(strategy.strategy_id,), prior="any"))
    ]
    if not strategies or (known and not fitting):
        raise InputError(Fault("option filters", "no cohort fits all of them.", "Loosen one, e.g. --prior any."))


def _one(filters: Filters, strategy: Strategy) -> Filters:
    return replace(filters, strategies=(strategy.strategy_id,))


def _select(base: EvidenceBase, strategies: tuple[Strategy, ...], measure: str, settings: CompareSettings) -> Lines:
    return {
        strategy.strategy_id: select_lines(base, measure, _one(settings.filters, strategy), settings.level)
        for strategy in strategies
    }


def _pool(
    strategies: tuple[Strategy, ...], measure: str, lines: Lines, settings: CompareSettings, *, draws: int
) -> tuple[HierarchicalPosterior | None, dict[str, MeasureResult]]:
    ranked = {s.strategy_id: lines[s.strategy_id][0].used for s in strategies if s.ranked}
    posterior = fit_strategies(ranked, level=settings.level, draws=draws, seed=settings.seed)
    joint = {row.strategy: row for row in posterior.strategies} if posterior else {}
    results = {}
    for strategy in strategies:
        name = strategy.strategy_id
        selection, cohorts = lines[name]
        if posterior is not None and name in joint:
            pooled: PooledProportion | None = pooled_from(posterior, joint[name], selection.used)
        else:
            pooled = pool_alone(selection.used, settings.level)
        others, refused = pool_by_other_methods(selection.used, settings.level)
        results[name] = MeasureResult(measure, pooled, others, refused, cohorts)
    return posterior, results


def _rank(posterior: HierarchicalPosterior | None) -> tuple[dict[str, RankSummary], Identification | None]:
    if posterior is None or len(posterior.names) < 2:
        return {}, None
    ranking = rank_strategies(posterior.names, posterior.draws, level=RANK_LEVEL)
    ranks = {
        row.strategy: RankSummary(row.p_best, row.p_top, row.mean_rank, row.rank_lb, row.rank_ub)
        for row in ranking.rows
    }
    return ranks, identify_order(posterior.names, ranking.pairwise)


def _row(
    base: EvidenceBase,
    strategy: Strategy,
    orr: Mapping[str, MeasureResult],
    cr: Mapping[str, MeasureResult],
    ranks: Mapping[str, RankSummary],
    certainty: CertaintyRating | None,
    settings: CompareSettings,
) -> StrategyResult:
    name = strategy.strategy_id
    medians, pfs_pooled = pool_lines(median_lines(base, "PFS", _one(settings.filters, strategy)), settings.level)
    return StrategyResult(
        strategy=strategy,
        orr=orr[name],
        cr=cr[name],
        pfs=medians,
        pfs_pooled=pfs_pooled,
        certainty=certainty,
        rank=ranks.get(name),
        findings=_findings(base, strategy),
        figures=figure_lines(base, _one(settings.filters, strategy)),
    )


def _findings(base: EvidenceBase, strategy: Strategy) -> tuple[FindingLine, ...]:
    mine = {t.therapy_id for t in base.therapies.values() if t.strategy_class in strategy.classes}
    return tuple(
        FindingLine(
            finding_id=finding.finding_id,
            topic=finding.topic,
            statement=finding.statement,
            events=finding.events,
            total=finding.total,
            source_locator=base.sources[finding.source_id].locator,
            source_quote=base.sources[finding.source_id].quote,
        )
        for finding in base.findings.values()
        if finding.therapy_id in mine
    )


def _confounding(posterior: HierarchicalPosterior | None, level: float) -> pd.DataFrame:
    if posterior is None or len(posterior.names) < 2:
        return pd.DataFrame()
    return find_reversals(posterior.names, posterior.draws, level=level)


def _disputed(base: EvidenceBase, results: tuple[StrategyResult, ...]) -> tuple[Discrepancy, ...]:
    """The conflicts that concern a cohort or a study shown here, or the review as a whole."""
    shown = {line.cohort_id for row in results for measure in (row.orr, row.cr) for line in measure.cohorts}
    shown |= {line.cohort_id for row in results for line in row.pfs}
    shown |= {line.cohort_id for row in results for line in row.figures}
    studies = {base.cohorts[cohort_id].study_id for cohort_id in shown}
    return tuple(
        entry
        for entry in base.discrepancies.values()
        if set(entry.cohort_ids) & shown or entry.study_id in studies or not (entry.cohort_ids or entry.study_id)
    )
