"""From the evidence base to the lines of a forest plot: every cohort of a strategy, pooled or not, with its source."""

from __future__ import annotations

from aftercar.catalogue import Cohort, EvidenceBase, Outcome
from aftercar.evidence import Filters, Selection, filter_cohorts, poolable_counts, preferred_outcome, select_cohorts
from aftercar.evidence.selection import select_medians
from aftercar.strategy.results import CohortLine, FigureLine, Judgement, MedianLine
from aftercar.synthesis.exact import estimate_proportion
from aftercar.synthesis.risk_of_bias import BiasAssessment, CohortFeatures, judge_bias

# One of several possible denominators is not a known denominator.
_KNOWN_COUNTS = {"feasible": "not_reported"}


def select_lines(
    base: EvidenceBase, measure: str, filters: Filters, level: float
) -> tuple[Selection, tuple[CohortLine, ...]]:
    """Return the selection for a measure and a line for every cohort that has a figure for it, used ones first."""
    selection = select_cohorts(base, measure, filters)
    lines = [
        _line(base, one.cohort, one.outcome, (one.events, one.total), one.status, "", level) for one in selection.used
    ]
    for one in selection.left_out:
        outcome = one.outcome or preferred_outcome(base, one.cohort.cohort_id, measure)
        if outcome is not None:
            lines.append(_line(base, one.cohort, outcome, _counts(outcome), _status(outcome), one.reason, level))
    return selection, tuple(lines)


def assess_bias(base: EvidenceBase, cohort: Cohort, outcome: Outcome, status: str, total: int | None) -> BiasAssessment:
    """Return the risk of bias of one figure of one cohort, by the stated rules."""
    study, source = base.studies[cohort.study_id], base.sources[outcome.source_id]
    return judge_bias(
        CohortFeatures(
            design=study.design,
            n_total=total,
            count_status=_KNOWN_COUNTS.get(status, status),
            unit_of_analysis=cohort.unit_of_analysis,
            prior_bcma=cohort.prior_bcma,
            source_kind=source.kind,
            checked=source.checked,
            n_treated=cohort.n_treated,
        )
    )


def median_lines(base: EvidenceBase, measure: str, filters: Filters) -> tuple[MedianLine, ...]:
    """Return every median of a strategy, in the order of the base; at most one report of any patient is used."""
    used, left_out = select_medians(base, measure, filters)
    figures = {outcome.cohort_id: (outcome, "") for outcome in used}
    figures |= {one.cohort.cohort_id: (one.outcome, one.reason) for one in left_out if one.outcome is not None}
    lines = []
    for cohort in filter_cohorts(base, filters):
        outcome, why = figures.get(cohort.cohort_id, (None, ""))
        if outcome is None or outcome.estimate is None:
            continue
        source = base.sources[outcome.source_id]
        lines.append(
            MedianLine(
                cohort_id=cohort.cohort_id,
                study=base.studies[cohort.study_id].name,
                therapy=base.therapies[cohort.therapy_id].name,
                measure=measure,
                median=outcome.estimate,
                ci_lb=outcome.ci_lb,
                ci_ub=outcome.ci_ub,
                used=not why,
                why_not_used=why,
                source_locator=source.locator,
                source_quote=source.quote,
            )
        )
    return tuple(lines)


def figure_lines(base: EvidenceBase, filters: Filters) -> tuple[FigureLine, ...]:
    """Return every figure of the cohorts that the filters admit, whatever the measure, with its source."""
    wanted = {cohort.cohort_id: cohort for cohort in filter_cohorts(base, filters)}
    lines = []
    for outcome in base.outcomes.values():
        cohort = wanted.get(outcome.cohort_id)
        if cohort is None:
            continue
        source = base.sources[outcome.source_id]
        lines.append(
            FigureLine(
                cohort_id=cohort.cohort_id,
                study=base.studies[cohort.study_id].name,
                therapy=base.therapies[cohort.therapy_id].name,
                measure=outcome.measure,
                events=outcome.events,
                total=outcome.total,
                percent=outcome.percent,
                count_status=outcome.count_status,
                estimate=outcome.estimate,
                ci_lb=outcome.ci_lb,
                ci_ub=outcome.ci_ub,
                unit=outcome.unit,
                timepoint_months=outcome.timepoint_months,
                preferred=outcome.preferred == "yes",
                derivation=outcome.derivation,
                source_kind=source.kind,
                source_locator=source.locator,
                source_quote=source.quote,
                source_checked=source.checked,
            )
        )
    order = {cohort_id: position for position, cohort_id in enumerate(wanted)}
    return tuple(sorted(lines, key=lambda line: order[line.cohort_id]))


def _counts(outcome: Outcome) -> tuple[int, int] | None:
    found = poolable_counts(outcome, "inferred")
    return found[:2] if found else None


def _status(outcome: Outcome) -> str:
    return outcome.count_status or "not_reported"


def _line(
    base: EvidenceBase,
    cohort: Cohort,
    outcome: Outcome,
    counts: tuple[int, int] | None,
    status: str,
    why_not_used: str,
    level: float,
) -> CohortLine:
    study, source = base.studies[cohort.study_id], base.sources[outcome.source_id]
    assessment = assess_bias(base, cohort, outcome, status, counts[1] if counts else None)
    exact = estimate_proportion(*counts, level=level) if counts else None
    percent = outcome.percent / 100 if outcome.percent is not None else None
    return CohortLine(
        cohort_id=cohort.cohort_id,
        study=study.name,
        therapy=base.therapies[cohort.therapy_id].name,
        population=cohort.population,
        design=study.design,
        year=study.year,
        line=cohort.line,
        unit_of_analysis=cohort.unit_of_analysis,
        prior_bcma=cohort.prior_bcma,
        events=counts[0] if counts else None,
        total=counts[1] if counts else None,
        proportion=counts[0] / counts[1] if counts else percent,
        ci_lb=exact.ci_lb if exact else None,
        ci_ub=exact.ci_ub if exact else None,
        status=status,
        used=not why_not_used,
        why_not_used=why_not_used,
        risk_of_bias=_judgements(assessment),
        overall_bias=assessment.overall,
        source_kind=source.kind,
        source_locator=source.locator,
        source_quote=source.quote,
        source_checked=source.checked,
        derivation=outcome.derivation,
        note=" ".join(part for part in (cohort.note, source.note) if part),
    )


def _judgements(assessment: BiasAssessment) -> tuple[Judgement, ...]:
    return tuple(Judgement(one.name, one.level, one.reason) for one in assessment.judgements)
