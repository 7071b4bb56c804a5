"""How the answer moves when one choice is made differently: exposure, counts, priors, units, methods."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from aftercar.catalogue import EvidenceBase, Strategy
from aftercar.evidence import Candidate, select_cohorts
from aftercar.foundation import NotPoolableError
from aftercar.strategy._pooling import Chosen, fit_strategies
from aftercar.strategy.results import CompareSettings
from aftercar.synthesis.bayes import HierarchicalPosterior, Priors
from aftercar.synthesis.pooling import pool_proportions
from aftercar.synthesis.ranking import rank_strategies

# name shown: prior of the hierarchy
_PRIORS = {
    "cohorts alike (tau prior 0.5)": Priors(tau_scale=0.5),
    "strategies alike (sigma prior 0.5)": Priors(sigma_scale=0.5),
    "strategies far apart (sigma prior 2)": Priors(sigma_scale=2.0),
}
_DRAWS = 4_000  # enough for a probability shown as a whole percentage; the table itself has more
COLUMNS = ["analysis", "strategy_id", "k", "total", "estimate", "ci_lb", "ci_ub", "prob_best"]


def tabulate_sensitivity(
    base: EvidenceBase,
    strategies: Sequence[Strategy],
    settings: CompareSettings,
    table: HierarchicalPosterior | None,
) -> pd.DataFrame:
    """Return the ORR of every ranked strategy under each alternative choice; see `Comparison.sensitivity`.

    `table` is the posterior behind the table itself, which stands first.
    """
    ranked = [strategy for strategy in strategies if strategy.ranked]
    main = _choose(base, ranked, settings)
    strict = _choose(base, ranked, _with(settings, prior="strict"))
    reported = _choose(base, ranked, _with(settings, counts="reported"))
    rows = _rows("as in the table", table)
    rows += _hierarchical("strict prior exposure", strict, settings)
    rows += _hierarchical("printed counts only", reported, settings)
    rows += _hierarchical("patients only, no lines of therapy", _patients(main), settings)
    for name, priors in _PRIORS.items():
        rows += _hierarchical(name, main, settings, priors)
    rows += _separate("each strategy alone, GLMM", main, settings)
    return pd.DataFrame(rows, columns=COLUMNS)


def _with(settings: CompareSettings, **changes: str) -> CompareSettings:
    return replace(settings, filters=replace(settings.filters, **changes))  # type: ignore[arg-type]


def _choose(base: EvidenceBase, strategies: Sequence[Strategy], settings: CompareSettings) -> Chosen:
    return {
        strategy.strategy_id: select_cohorts(
            base, "ORR", replace(settings.filters, strategies=(strategy.strategy_id,))
        ).used
        for strategy in strategies
    }


def _patients(chosen: Chosen) -> Chosen:
    def by_patient(cohorts: Sequence[Candidate]) -> list[Candidate]:
        return [one for one in cohorts if one.cohort.unit_of_analysis == "patient"]

    return {name: by_patient(cohorts) for name, cohorts in chosen.items()}


def _hierarchical(
    analysis: str, chosen: Chosen, settings: CompareSettings, priors: Priors | None = None
) -> list[tuple[object, ...]]:
    draws = min(settings.draws, _DRAWS)
    return _rows(analysis, fit_strategies(chosen, level=settings.level, draws=draws, seed=settings.seed, priors=priors))


def _rows(analysis: str, posterior: HierarchicalPosterior | None) -> list[tuple[object, ...]]:
    if posterior is None:
        return []
    best = {}
    if len(posterior.names) > 1:
        best = {row.strategy: row.p_best for row in rank_strategies(posterior.names, posterior.draws).rows}
    return [
        (analysis, row.strategy, row.k, row.total, row.rate.median, row.rate.lb, row.rate.ub, best.get(row.strategy))
        for row in posterior.strategies
    ]


def _separate(analysis: str, chosen: Chosen, settings: CompareSettings) -> list[tuple[object, ...]]:
    rows: list[tuple[object, ...]] = []
    for name, cohorts in chosen.items():
        if not cohorts:
            continue
        events, total = [one.events for one in cohorts], [one.total for one in cohorts]
        try:
            pooled = pool_proportions(events, total, method="glmm", level=settings.level)
        except NotPoolableError:
            continue
        rows.append((analysis, name, pooled.k, pooled.total, pooled.estimate, pooled.ci_lb, pooled.ci_ub, None))
    return rows
