"""The hierarchical posterior of all strategies, and the same cohorts by other methods beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from aftercar.evidence import Candidate
from aftercar.foundation import NotPoolableError, draw_stream
from aftercar.synthesis.bayes import HierarchicalPosterior, Priors, StrategyPosterior, pool_bayes, pool_hierarchical
from aftercar.synthesis.pooling import pool_proportions
from aftercar.synthesis.results import Heterogeneity, Method, PooledProportion, PoolingInterval, Scale

Chosen = Mapping[str, Sequence[Candidate]]

# label: (method, scale, interval). The labels are what a reader of the forest plot sees.
OTHER_METHODS: Mapping[str, tuple[Method, Scale, PoolingInterval]] = {
    "GLMM, maximum likelihood": ("glmm", "logit", "auto"),
    "logit, REML, Hartung-Knapp": ("reml", "logit", "hksj"),
    "arcsine, REML": ("reml", "arcsine", "z"),
    "logit, one common rate": ("fe", "logit", "z"),
}


def fit_strategies(
    chosen: Chosen, *, level: float, draws: int, seed: int, priors: Priors | None = None
) -> HierarchicalPosterior | None:
    """Return the joint posterior of every strategy that has cohorts, or None where none has any."""
    flat = [(name, one) for name, cohorts in chosen.items() for one in cohorts]
    if not flat:
        return None
    return pool_hierarchical(
        [name for name, _ in flat],
        [one.events for _, one in flat],
        [one.total for _, one in flat],
        priors=priors,
        level=level,
        draws=draws,
        rng=draw_stream(seed, "ranking"),
    )


def pooled_from(
    posterior: HierarchicalPosterior, row: StrategyPosterior, cohorts: Sequence[Candidate]
) -> PooledProportion:
    """Return a strategy's part of the joint posterior in the form that every method gives."""
    tau = posterior.tau
    return PooledProportion(
        method="bayes",
        scale="logit",
        k=row.k,
        events=row.events,
        total=row.total,
        estimate=row.rate.median,
        ci_lb=row.rate.lb,
        ci_ub=row.rate.ub,
        level=posterior.level,
        pi_lb=row.new_cohort.lb,
        pi_ub=row.new_cohort.ub,
        coefficient=None,
        se=None,
        heterogeneity=Heterogeneity(tau.median**2, tau.lb**2, tau.ub**2, None, None, None, None, None, None),
        weights=tuple(100.0 * one.total / row.total for one in cohorts),
        method_card={
            "model": "binomial hierarchy: cohorts within strategies, strategies around a common mean",
            "estimate": "posterior median of the typical cohort's rate",
            "weights": "share of patients (the posterior has no fixed weights)",
        },
    )


def pool_alone(cohorts: Sequence[Candidate], level: float) -> PooledProportion | None:
    """Pool the cohorts of one strategy that is not compared with the others."""
    if not cohorts:
        return None
    return pool_bayes([one.events for one in cohorts], [one.total for one in cohorts], level=level)


def pool_by_other_methods(
    cohorts: Sequence[Candidate], level: float
) -> tuple[dict[str, PooledProportion], dict[str, str]]:
    """Return the estimates of the other methods by label, and by label why a method gives none."""
    answers: dict[str, PooledProportion] = {}
    refusals: dict[str, str] = {}
    if len(cohorts) < 2:
        return answers, refusals
    for label, (method, scale, interval) in OTHER_METHODS.items():
        try:
            answers[label] = pool_proportions(
                [one.events for one in cohorts],
                [one.total for one in cohorts],
                method=method,
                scale=scale,
                interval=interval,
                level=level,
            )
        except NotPoolableError as error:
            refusals[label] = str(error)
    return answers, refusals
