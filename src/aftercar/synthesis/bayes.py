"""Bayesian pooling: a hierarchical binomial model with partial pooling of strategies, by quadrature, without chains."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.special import expit

from aftercar.foundation import Fault, InputError
from aftercar.synthesis._hierarchy import HierarchyFit, HyperPriors, SdNodes, fit_hierarchy
from aftercar.synthesis._hierarchy_draws import draw_strategies
from aftercar.synthesis._logit_grid import quantiles
from aftercar.synthesis.counts import check_counts, check_level
from aftercar.synthesis.results import FloatArray, Heterogeneity, IntArray, PooledProportion


@dataclass(frozen=True, slots=True)
class Priors:
    """Priors of the hierarchical model on the logit scale; reasons in docs/explanation/bayesian-hierarchy.md.

    Attributes
    ----------
    mu_mean, mu_sd
        Normal prior of the overall mean. 0 and 2 carry the information of one patient at a rate of one half, the
        default of weber2021 for binary endpoints.
    tau_scale
        Half-normal scale of the spread of cohorts around their strategy. 1 is the recommendation of weber2021 for
        response rates between 20 and 80 %; 0 makes the cohorts of a strategy share one rate.
    sigma_scale
        Half-normal scale of the spread of strategies around the overall mean; 0 makes all strategies one.
    """

    mu_mean: float = 0.0
    mu_sd: float = 2.0
    tau_scale: float = 1.0
    sigma_scale: float = 1.0

    def __post_init__(self) -> None:
        """Refuse scales that are no scales."""
        limits = {"mu_mean": (-5.0, 5.0), "mu_sd": (0.05, 10.0), "tau_scale": (0.0, 5.0), "sigma_scale": (0.0, 5.0)}
        faults = [
            Fault("priors", f"{name} = {getattr(self, name)}.", f"Use a number from {low:g} to {high:g} [logit].")
            for name, (low, high) in limits.items()
            if not low <= getattr(self, name) <= high
        ]
        if faults:
            raise InputError(faults)


@dataclass(frozen=True, slots=True)
class Summary:
    """Posterior median, mean and equal-tailed interval of one quantity."""

    median: float
    mean: float
    lb: float
    ub: float


@dataclass(frozen=True, slots=True)
class StrategyPosterior:
    """What the posterior says of one strategy, as proportions.

    Attributes
    ----------
    rate
        The strategy's typical cohort: expit of its mean log-odds.
    new_cohort
        The true rate of a new cohort of the strategy: the prediction interval.
    """

    strategy: str
    k: int
    events: int
    total: int
    rate: Summary
    new_cohort: Summary


@dataclass(frozen=True, slots=True)
class HierarchicalPosterior:
    """Posterior of the hierarchical model.

    Attributes
    ----------
    strategies
        In the order of their first cohort.
    tau, sigma, overall
        Spread of cohorts within and of strategies [logit]; expit of the overall mean (a proportion).
    draws
        Joint draws of the strategies' mean log-odds, shape (strategies, draws), in runs of four that share their
        hyperparameters.
    log_evidence
        Log marginal likelihood of the counts under the priors; for comparing priors and models on the same data.
    edge_mass, mass_error
        Posterior mass beyond the grid, and disagreement of two sums that are equal in exact arithmetic: both tiny
        unless the quadrature failed.
    fit
        The posterior on its grid, for the checks in `bayes_checks`.
    """

    strategies: tuple[StrategyPosterior, ...]
    tau: Summary
    sigma: Summary
    overall: Summary
    draws: FloatArray
    level: float
    priors: Priors
    log_evidence: float
    edge_mass: float
    mass_error: float
    fit: HierarchyFit = field(repr=False)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the strategies, in the order of `strategies` and of the rows of `draws`."""
        return tuple(row.strategy for row in self.strategies)


def pool_hierarchical(
    groups: Sequence[str],
    events: Any,
    total: Any,
    *,
    priors: Priors | None = None,
    level: float = 0.95,
    draws: int = 20_000,
    rng: np.random.Generator,
    refine: float = 1.0,
) -> HierarchicalPosterior:
    """Pool cohorts within strategies and let the strategies inform each other.

    A strategy's estimate is drawn towards the others, the more so the fewer its patients: 4 of 4 responders do not
    make a rate of 100 %. Partial pooling assumes that, before the data, no strategy was known to be better; it does
    not remove confounding between single-arm cohorts.

    Parameters
    ----------
    groups
        Name of each cohort's strategy, shape (c,).
    events, total
        Responders and evaluable patients, shape (c,).
    draws
        Joint draws for ranking, >= 1.
    rng
        Source of the draws; summaries do not depend on it.
    refine
        Factor on the density of the quadrature, for showing that it suffices.

    Raises
    ------
    InputError
        Counts that are not counts, names that are missing, or a level outside (0, 1).
    NotPoolableError
        No cohorts.

    References
    ----------
    Model and priors: docs/explanation/bayesian-hierarchy.md. Checked against JAGS 4.3 in tests/verification/synthesis.
    """
    x, n = check_counts(events, total)
    check_level(level)
    priors = Priors() if priors is None else priors
    names, group = _index_groups(groups, x.size)
    if draws < 1:
        raise InputError(Fault("draws", f"{draws} draws were asked for.", "Ask for 1 or more; 20000 is usual."))
    fit = _fit(group, x, n, priors, refine)
    marginal = fit.mu_s.sum(axis=0)
    new = _new_cohort(fit)
    rows = tuple(
        StrategyPosterior(
            strategy=name,
            k=int((group == s).sum()),
            events=int(x[group == s].sum()),
            total=int(n[group == s].sum()),
            rate=_summarise_rate(fit, marginal[s], level),
            new_cohort=_summarise_rate(fit, new[s], level),
        )
        for s, name in enumerate(names)
    )
    return HierarchicalPosterior(
        strategies=rows,
        tau=_summarise_sd(fit.tau, fit.joint.sum(axis=(1, 2)), level),
        sigma=_summarise_sd(fit.sigma, fit.joint.sum(axis=(0, 2)), level),
        overall=_summarise_rate(fit, fit.joint.sum(axis=(0, 1)), level),
        draws=draw_strategies(fit, draws, rng),
        level=level,
        priors=priors,
        log_evidence=fit.log_evidence,
        edge_mass=fit.grid.edge_mass(marginal),
        mass_error=fit.mass_error,
        fit=fit,
    )


def pool_bayes(events: Any, total: Any, *, priors: Priors | None = None, level: float = 0.95) -> PooledProportion:
    """Pool the cohorts of one strategy alone, with the prior of the overall mean as the strategy's own.

    Parameters
    ----------
    events, total
        Responders and evaluable patients, shape (k,); k = 1, all zeros and all ones are answered like any other data.
    priors
        `sigma_scale` has no part in it.

    Returns
    -------
    PooledProportion
        `estimate` is the posterior median; `pi_lb` and `pi_ub` bound the true rate of a new cohort.

    Raises
    ------
    InputError
        Counts that are not counts, or a level outside (0, 1).
    NotPoolableError
        No cohorts.

    Examples
    --------
    >>> pooled = pool_bayes([4, 5, 5], [4, 7, 5])
    >>> 0.5 < pooled.ci_lb < pooled.estimate < pooled.ci_ub < 1
    True
    """
    x, n = check_counts(events, total)
    check_level(level)
    given = Priors() if priors is None else priors
    alone = Priors(given.mu_mean, given.mu_sd, given.tau_scale, 0.0)
    fit = _fit(np.zeros(x.size, dtype=np.int64), x, n, alone, 1.0)
    mass = fit.mu_s.sum(axis=(0, 1))
    rate, new = _summarise_rate(fit, mass, level), _summarise_rate(fit, _new_cohort(fit)[0], level)
    tau = _summarise_sd(fit.tau, fit.joint.sum(axis=(1, 2)), level)
    mean = float(mass @ fit.grid.theta)
    share = (x + 0.5) / (n + 1.0)
    weight = 1.0 / (tau.median**2 + 1.0 / (n * share * (1.0 - share)))
    return PooledProportion(
        method="bayes",
        scale="logit",
        k=x.size,
        events=int(x.sum()),
        total=int(n.sum()),
        estimate=rate.median,
        ci_lb=rate.lb,
        ci_ub=rate.ub,
        level=level,
        pi_lb=new.lb,
        pi_ub=new.ub,
        coefficient=mean,
        se=float(np.sqrt(mass @ (fit.grid.theta - mean) ** 2)),
        heterogeneity=Heterogeneity(tau.median**2, tau.lb**2, tau.ub**2, None, None, None, None, None, None),
        weights=tuple(float(w) for w in 100.0 * weight / weight.sum()),
        method_card=_describe(alone),
        notes=_note_prior(x, n),
    )


def _describe(priors: Priors) -> dict[str, str]:
    return {
        "model": "binomial counts, normal random effects of cohorts on the logit scale",
        "estimate": "posterior median of the typical cohort's rate",
        "scale": "logit",
        "mean_prior": f"normal({priors.mu_mean:g}, {priors.mu_sd:g}) on the logit scale",
        "tau2_estimator": f"posterior median; prior of tau half-normal({priors.tau_scale:g})",
        "interval": "equal-tailed posterior interval",
        "prediction_interval": "equal-tailed posterior interval of a new cohort's true rate",
        "zero_correction": "none needed",
        "back_transformation": "inverse logit",
        "weights": "approximate: inverse of sampling variance plus the median of tau2",
        "computation": "quadrature on a grid, no simulation",
    }


def _note_prior(x: FloatArray, n: FloatArray) -> tuple[str, ...]:
    notes = []
    if x.size == 1:
        notes.append("One cohort: the spread between cohorts comes from its prior alone.")
    if x.sum() in (0, n.sum()):
        notes.append("All cohorts have the same outcome in every patient: the far limit comes from the prior.")
    return tuple(notes)


def _index_groups(groups: Sequence[str], cohorts: int) -> tuple[tuple[str, ...], IntArray]:
    if len(groups) != cohorts:
        found = f"{len(groups)} names of strategies stand beside {cohorts} cohorts."
        raise InputError(Fault("groups", found, "Give one for every cohort."))
    faults = [
        Fault("groups", f"cohort {i} names no strategy.", "Name one, or leave the cohort out.")
        for i, name in enumerate(groups, start=1)
        if not isinstance(name, str) or not name.strip()
    ]
    if faults:
        raise InputError(faults)
    names = tuple(dict.fromkeys(groups))
    place = {name: i for i, name in enumerate(names)}
    return names, np.array([place[name] for name in groups], dtype=np.int64)


def _fit(group: IntArray, x: FloatArray, n: FloatArray, priors: Priors, refine: float) -> HierarchyFit:
    hyper = HyperPriors(priors.mu_mean, priors.mu_sd, priors.tau_scale, priors.sigma_scale)
    try:
        return fit_hierarchy(group, x.astype(np.int64), n.astype(np.int64), hyper, refine)
    except ValueError as error:
        mend = "Use method 'glmm' for cohorts of this size."
        raise InputError(Fault("counts", f"{error}.", mend)) from error


def _new_cohort(fit: HierarchyFit) -> FloatArray:
    """Return the posterior of a new cohort's log-odds in each strategy, shape (S, n)."""
    smooth = fit.grid.kernel(fit.tau.values)
    return fit.grid.invert(np.einsum("tsf,tf->sf", fit.grid.spectrum(fit.mu_s), smooth))


def _summarise_rate(fit: HierarchyFit, mass: FloatArray, level: float) -> Summary:
    tail = 0.5 * (1.0 - level)
    lower, median, upper = expit(quantiles(fit.grid.theta, mass, np.array([tail, 0.5, 1.0 - tail])))
    mean = float(mass @ expit(fit.grid.theta) / mass.sum())
    return Summary(float(median), mean, float(lower), float(upper))


def _summarise_sd(nodes: SdNodes, mass: FloatArray, level: float) -> Summary:
    tail = 0.5 * (1.0 - level)
    t = quantiles(nodes.t, nodes.density(mass), np.array([tail, 0.5, 1.0 - tail]), from_zero=True)
    # The unit of the nodes is read off the last of them: values = unit·sinh(t).
    lower, median, upper = np.sinh(t) * (nodes.values[-1] / np.sinh(nodes.t[-1]) if nodes.t[-1] > 0 else 0.0)
    return Summary(float(median), float(mass @ nodes.values / mass.sum()), float(lower), float(upper))
